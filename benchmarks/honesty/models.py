"""Models to tune: a space each whose default is scikit-learn's own, and training that takes milliseconds.

Where a model is kept small for that (8 trees, 20 rounds of boosting, 15 epochs), its default learning rate is raised
to what so few rounds need. Features are standardised on the rows trained on; so are numbers to predict.
"""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from typing import Any, Protocol

import numpy as np

import trialist as tl

Config = dict[str, Any]
BALANCE = [None, "balanced"]


class Model(Protocol):
    """is_random: whether another seed trains another model."""

    is_random: bool
    has_probabilities: bool
    has_many_classes: bool  # is fast enough with ten of them

    def space(self, d: int, classes: int) -> tl.Space: ...

    @abstractmethod
    def made(self, c: Config, seed: int, d: int, classes: int) -> Any: ...

    def predicted(
        self, c: Config, seed: int, X: np.ndarray, y: np.ndarray, X_new: np.ndarray, classes: int, as_shares: bool
    ) -> np.ndarray:
        """Of the rows X_new: their classes (n,), probabilities (n, classes) if as_shares, or numbers (n,)."""
        centre, spread = X.mean(axis=0), X.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        Z, Z_new = (X - centre) / spread, (X_new - centre) / spread
        if (power := c.get("power", 1.0)) != 1.0:
            Z, Z_new = (np.sign(z) * np.abs(z) ** power for z in (Z, Z_new))
        model = self.made(c, seed, X.shape[1], classes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # short trainings end before they converge, as they should
            if not classes:
                middle, scale = y.mean(), y.std()
                return np.asarray(model.fit(Z, (y - middle) / scale).predict(Z_new)) * scale + middle
            model.fit(Z, y)
        if not as_shares:
            return np.asarray(model.predict(Z_new))
        shares = np.zeros((len(X_new), classes))
        shares[:, model.classes_.astype(int)] = model.predict_proba(Z_new)
        return shares


class Linear(Model):
    is_random, has_probabilities, has_many_classes = False, True, True

    def space(self, d: int, classes: int) -> tl.Space:
        power = tl.Float(0.3, 1.0, default=1.0)
        if not classes:
            return tl.Space(alpha=tl.Float(1e-3, 1e4, log=True, default=1.0), power=power)
        balance = tl.Categorical(BALANCE, default=None)
        return tl.Space(C=tl.Float(1e-4, 1e3, log=True, default=1.0), balance=balance, power=power)

    def made(self, c: Config, seed: int, d: int, classes: int) -> Any:
        from sklearn.linear_model import LogisticRegression, Ridge

        if not classes:
            return Ridge(c["alpha"])
        return LogisticRegression(C=c["C"], class_weight=c["balance"], max_iter=100)


class Machine(Model):
    """Support vectors; gamma is in units of scikit-learn's "scale"."""

    is_random, has_probabilities, has_many_classes = False, False, True

    def space(self, d: int, classes: int) -> tl.Space:
        common = {
            "C": tl.Float(1e-2, 1e3, log=True, default=1.0),
            "gamma": tl.Float(1e-2, 1e2, log=True, default=1.0),
            "power": tl.Float(0.3, 1.0, default=1.0),
        }
        if not classes:
            return tl.Space({**common, "epsilon": tl.Float(1e-2, 1.0, log=True, default=0.1)})
        return tl.Space({**common, "balance": tl.Categorical(BALANCE, default=None)})

    def made(self, c: Config, seed: int, d: int, classes: int) -> Any:
        from sklearn.svm import SVC, SVR

        if not classes:
            return SVR(C=c["C"], gamma=c["gamma"] / d, epsilon=c["epsilon"])
        return SVC(C=c["C"], gamma=c["gamma"] / d, class_weight=c["balance"])


class Forest(Model):
    is_random, has_probabilities, has_many_classes = True, True, True

    def space(self, d: int, classes: int) -> tl.Space:
        space = {
            "features": tl.Float(0.05, 1.0, default=max(math.sqrt(d) / d, 0.05) if classes else 1.0),
            "leaf": tl.Int(1, 20, log=True, default=1),
            "depth": tl.Int(2, 16, default=16),
            "bootstrap": tl.Categorical([False, True], default=False),
        }
        if classes:
            space["criterion"] = tl.Categorical(["gini", "entropy"], default="gini")
        return tl.Space(space)

    def made(self, c: Config, seed: int, d: int, classes: int) -> Any:
        return _Trees(c, seed, classes)


class _Trees:
    """Extremely random trees of scikit-learn, averaged: its own forest takes three times as long where it is small."""

    TREES = 8

    def __init__(self, c: Config, seed: int, classes: int) -> None:
        from sklearn.tree import ExtraTreeClassifier, ExtraTreeRegressor

        common = {"max_features": c["features"], "min_samples_leaf": c["leaf"], "max_depth": c["depth"]}
        kind = ExtraTreeClassifier if classes else ExtraTreeRegressor
        chosen = {"criterion": c["criterion"]} if classes else {}
        self._rng, self._bootstrap = np.random.default_rng(seed), c["bootstrap"]
        self._trees = [
            kind(**common, **chosen, random_state=int(r)) for r in self._rng.integers(2**31, size=self.TREES)
        ]

    def fit(self, X: np.ndarray, y: np.ndarray) -> _Trees:
        X, n = X.astype(np.float32), len(y)
        self.classes_ = np.unique(y)
        for tree in self._trees:
            weights = np.bincount(self._rng.integers(n, size=n), minlength=n).astype(float) if self._bootstrap else None
            tree.fit(X, y, sample_weight=weights, check_input=False)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        X = X.astype(np.float32)
        return np.mean([tree.predict_proba(X, check_input=False) for tree in self._trees], axis=0)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Classes or numbers, as the trees are."""
        if hasattr(self._trees[0], "classes_"):
            return self.classes_[self.predict_proba(X).argmax(axis=1)]
        X = X.astype(np.float32)
        return np.mean([tree.predict(X, check_input=False) for tree in self._trees], axis=0)


class Boosting(Model):
    is_random, has_probabilities, has_many_classes = False, True, False

    def space(self, d: int, classes: int) -> tl.Space:
        return tl.Space(
            rate=tl.Float(0.03, 1.0, log=True, default=0.3),
            leaves=tl.Int(2, 31, log=True, default=31),
            leaf=tl.Int(2, 40, log=True, default=20),
            penalty=tl.Float(1e-3, 1e2, log=True, default=1e-3),
        )

    def made(self, c: Config, seed: int, d: int, classes: int) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        return kind(
            learning_rate=c["rate"],
            max_iter=20,
            max_leaf_nodes=c["leaves"],
            min_samples_leaf=c["leaf"],
            l2_regularization=c["penalty"],
            early_stopping=False,
        )


class Network(Model):
    is_random, has_probabilities, has_many_classes = True, True, True

    def space(self, d: int, classes: int) -> tl.Space:
        return tl.Space(
            rate=tl.Float(1e-3, 0.3, log=True, default=3e-2),
            alpha=tl.Float(1e-5, 10.0, log=True, default=1e-4),
            width=tl.Int(2, 64, log=True, default=32),
            activation=tl.Categorical(["relu", "tanh"], default="relu"),
        )

    def made(self, c: Config, seed: int, d: int, classes: int) -> Any:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        return (MLPClassifier if classes else MLPRegressor)(
            hidden_layer_sizes=(c["width"],),
            activation=c["activation"],
            learning_rate_init=c["rate"],
            alpha=c["alpha"],
            batch_size=50,
            max_iter=15,
            random_state=seed % 2**32,
        )


MODELS: dict[str, Model] = {
    "linear": Linear(),
    "svm": Machine(),
    "forest": Forest(),
    "boosting": Boosting(),
    "network": Network(),
}
