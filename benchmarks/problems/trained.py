"""scikit-learn models, really trained on the data sets that come with the library: 3-fold cross-validated loss.

Folds and seeds are fixed, so a configuration has one loss. Classifiers are scored by their log loss, regressors by
1 - R2; both are cut at 10, which a training that diverges gets too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

import trialist as tl
from problems import Problem

NAMES = ("mlp_digits", "svm_diabetes", "forest_wine", "boosting_breast_cancer")
FOLDS = 3
ROWS = 600  # of a data set, at most
WORST = 10.0


def make(function: str) -> Problem:
    """The problem `trained:model_dataset`."""
    model, _, dataset = function.partition("_")
    space, build = _MODELS[model]()
    return Problem(f"trained:{function}", space, partial(cross_validated, build, dataset))


def cross_validated(build: Callable[[dict[str, Any]], Any], dataset: str, config: dict[str, Any]) -> float:
    """Mean loss over the folds."""
    from sklearn.metrics import log_loss
    from sklearn.model_selection import KFold, StratifiedKFold

    X, y, is_regression = data(dataset)
    folds = (KFold if is_regression else StratifiedKFold)(FOLDS, shuffle=True, random_state=0)
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short trainings end before they converge, as they should
        for train, valid in folds.split(X, y):
            try:
                model = build(config).fit(X[train], y[train])
            except ValueError as error:  # how scikit-learn tells of weights that grew without bounds
                if "non-finite" not in str(error):
                    raise
                return WORST
            if is_regression:
                losses.append(1.0 - model.score(X[valid], y[valid]))
            else:
                losses.append(log_loss(y[valid], model.predict_proba(X[valid]), labels=model.classes_))
    mean = float(np.mean(losses))
    return min(mean, WORST) if np.isfinite(mean) else WORST


@cache
def data(dataset: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """X, y, whether y is a number to predict."""
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{dataset}")(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))[:ROWS]
    return X[rows], y[rows], dataset == "diabetes"


def mlp() -> tuple[tl.Space, Callable[[dict[str, Any]], Any]]:
    space = tl.Space(
        solver=tl.Categorical(["adam", "sgd"]),
        activation=tl.Categorical(["relu", "tanh", "logistic"]),
        rate=tl.Float(1e-5, 1e-1, log=True),
        alpha=tl.Float(1e-7, 1.0, log=True),
        width=tl.Int(4, 96, log=True),
        layers=tl.Int(1, 3),
        batch=tl.Int(16, 128, log=True),
        epochs=tl.Int(3, 20),
        beta1=tl.Float(0.5, 0.99, when={"solver": "adam"}),
        momentum=tl.Float(0.0, 0.99, when={"solver": "sgd"}),
    )

    def build(c: dict[str, Any]) -> Any:
        from sklearn.neural_network import MLPClassifier

        network = MLPClassifier(
            (c["width"],) * c["layers"],
            solver=c["solver"],
            activation=c["activation"],
            learning_rate_init=c["rate"],
            alpha=c["alpha"],
            batch_size=c["batch"],
            max_iter=c["epochs"],
            beta_1=c.get("beta1", 0.9),
            momentum=c.get("momentum", 0.9),
            random_state=0,
        )
        return _scaled(network)

    return space, build


def svm() -> tuple[tl.Space, Callable[[dict[str, Any]], Any]]:
    space = tl.Space(
        kernel=tl.Categorical(["rbf", "poly", "sigmoid", "linear"]),
        scale=tl.Categorical(["none", "standard", "quantile"]),
        C=tl.Float(1e-2, 1e3, log=True),
        epsilon=tl.Float(1e-2, 1e2, log=True),
        gamma=tl.Float(1e-4, 10.0, log=True, when={"kernel": ["rbf", "poly", "sigmoid"]}),
        degree=tl.Int(2, 4, when={"kernel": "poly"}),
        coef0=tl.Float(0.0, 1.0, when={"kernel": ["poly", "sigmoid"]}),
    )

    def build(c: dict[str, Any]) -> Any:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import QuantileTransformer, StandardScaler
        from sklearn.svm import SVR

        scalers = {
            "none": "passthrough",
            "standard": StandardScaler(),
            "quantile": QuantileTransformer(n_quantiles=50, output_distribution="normal"),
        }
        machine = SVR(
            kernel=c["kernel"],
            C=c["C"],
            epsilon=c["epsilon"],
            gamma=c.get("gamma", 0.1),
            degree=c.get("degree", 3),
            coef0=c.get("coef0", 0.0),
            max_iter=20_000,
        )
        return make_pipeline(scalers[c["scale"]], machine)

    return space, build


def forest() -> tuple[tl.Space, Callable[[dict[str, Any]], Any]]:
    space = tl.Space(
        criterion=tl.Categorical(["gini", "entropy"]),
        trees=tl.Int(5, 60, log=True),
        max_features=tl.Float(0.05, 1.0),
        min_leaf=tl.Int(1, 20, log=True),
        max_depth=tl.Int(2, 15),
        bootstrap=tl.Categorical([True, False]),
        max_samples=tl.Float(0.2, 1.0, when={"bootstrap": True}),
    )

    def build(c: dict[str, Any]) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            c["trees"],
            criterion=c["criterion"],
            max_features=c["max_features"],
            min_samples_leaf=c["min_leaf"],
            max_depth=c["max_depth"],
            bootstrap=c["bootstrap"],
            max_samples=c.get("max_samples"),
            random_state=0,
        )

    return space, build


def boosting() -> tuple[tl.Space, Callable[[dict[str, Any]], Any]]:
    space = tl.Space(
        trees=tl.Int(5, 60, log=True),
        rate=tl.Float(1e-3, 1.0, log=True),
        loss=tl.Categorical(["log_loss", "exponential"]),
        growth=tl.Categorical(["depth", "leaves"]),
        max_depth=tl.Int(1, 6, when={"growth": "depth"}),
        max_leaves=tl.Int(2, 32, log=True, when={"growth": "leaves"}),
        subsample=tl.Float(0.3, 1.0),
        max_features=tl.Float(0.1, 1.0),
        min_leaf=tl.Int(1, 30, log=True),
    )

    def build(c: dict[str, Any]) -> Any:
        from sklearn.ensemble import GradientBoostingClassifier

        return GradientBoostingClassifier(
            n_estimators=c["trees"],
            learning_rate=c["rate"],
            loss=c["loss"],
            max_depth=c.get("max_depth"),
            max_leaf_nodes=c.get("max_leaves"),
            subsample=c["subsample"],
            max_features=c["max_features"],
            min_samples_leaf=c["min_leaf"],
            random_state=0,
        )

    return space, build


def _scaled(model: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)


_MODELS = {"mlp": mlp, "svm": svm, "forest": forest, "boosting": boosting}
