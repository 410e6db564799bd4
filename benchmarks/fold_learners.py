"""Learners on samples drawn anew, scored by folds: for how honest intervals of cross-validated differences are.

Each is drawn with a generator, and gives the number of rows and a function (train, held out) -> losses (LEVELS,), at
seven levels of its dial.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LEVELS = 7
Losses = Callable[[np.ndarray, np.ndarray], np.ndarray]
Learner = Callable[[np.random.Generator], tuple[int, Losses]]


def shrunken_mean(rng: np.random.Generator) -> tuple[int, Losses]:
    """Squared error of a mean that is shrunken or stretched: how much is the dial."""
    n, shrinkages = 40, np.linspace(0.2, 1.4, LEVELS)
    y = 0.4 + rng.normal(size=n)
    return n, lambda train, held: ((y[held] - shrinkages[:, None] * y[train].mean()) ** 2).mean(axis=1)


def ridge(rng: np.random.Generator) -> tuple[int, Losses]:
    """Squared error of ridge regression, by its penalty; eight columns, 60 rows."""
    n, p, penalties = 60, 8, 10 ** np.linspace(-2, 2.5, LEVELS)
    X = rng.normal(size=(n, p))
    y = X @ np.linspace(0.5, 0, p) + rng.normal(size=n)

    def losses(train: np.ndarray, held: np.ndarray) -> np.ndarray:
        U, s, Vt = np.linalg.svd(X[train], full_matrices=False)
        weights = (s / (s * s + penalties[:, None]) * (U.T @ y[train])) @ Vt  # (levels, p)
        return ((y[held] - weights @ X[held].T) ** 2).mean(axis=1)

    return n, losses


def neighbours(rng: np.random.Generator) -> tuple[int, Losses]:
    """Squared error of nearest neighbours, by how many; two columns, 80 rows."""
    n = 80
    X = rng.uniform(size=(n, 2))
    return n, _near(X, np.sin(4 * X[:, 0]) + X[:, 1] + 0.5 * rng.normal(size=n), False, (1, 2, 4, 7, 11, 17, 25))


def votes(rng: np.random.Generator) -> tuple[int, Losses]:
    """Share of wrong answers of nearest neighbours, by how many vote; three columns, 100 rows."""
    n = 100
    X = rng.normal(size=(n, 3))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + 0.7 * rng.normal(size=n) > 0).astype(float)
    return n, _near(X, y, True, (1, 3, 5, 9, 15, 25, 41))


def tree(rng: np.random.Generator) -> tuple[int, Losses]:
    """Squared error of a regression tree, by its depth; four columns, 100 rows. Unstable: other rows, other splits."""
    from sklearn.tree import DecisionTreeRegressor

    n = 100
    X = rng.uniform(size=(n, 4))
    y = np.sin(4 * X[:, 0]) + (X[:, 1] > 0.5) + 0.5 * rng.normal(size=n)

    def losses(train: np.ndarray, held: np.ndarray) -> np.ndarray:
        grown = (
            DecisionTreeRegressor(max_depth=d, random_state=0).fit(X[train], y[train]) for d in (1, 2, 3, 4, 5, 7, 10)
        )
        return np.array([((y[held] - each.predict(X[held])) ** 2).mean() for each in grown])

    return n, losses


LEARNERS: dict[str, Learner] = {
    "shrinkage of a mean, 40 rows": shrunken_mean,
    "ridge regression, 60 rows": ridge,
    "nearest neighbours, 80 rows": neighbours,
    "nearest neighbours, right or wrong, 100 rows": votes,
    "regression tree, 100 rows": tree,
}


def scores(learner: Learner, divisions: int, folds: int, rng: np.random.Generator) -> np.ndarray:
    """(LEVELS, divisions, folds) losses on one sample, each division drawn anew."""
    n, losses = learner(rng)
    rows, found = np.arange(n), np.empty((LEVELS, divisions, folds))
    for r in range(divisions):
        for j, held in enumerate(np.array_split(rng.permutation(n), folds)):
            found[:, r, j] = losses(np.setdiff1d(rows, held), held)
    return found


def _near(X: np.ndarray, y: np.ndarray, is_vote: bool, counts: tuple[int, ...]) -> Losses:
    distances = ((X[:, None] - X) ** 2).sum(axis=2)

    def losses(train: np.ndarray, held: np.ndarray) -> np.ndarray:
        nearest = y[train[np.argsort(distances[np.ix_(held, train)], axis=1)]]  # (held, train)
        means = np.stack([nearest[:, :k].mean(axis=1) for k in counts])
        missed = (means > 0.5) != y[held] if is_vote else (y[held] - means) ** 2
        return missed.mean(axis=1)

    return losses
