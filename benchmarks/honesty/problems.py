"""Studies to be made: small draws of scikit-learn's data sets, a model to tune on them, and what is true of both.

A case is `real:TASK/MODEL/METRIC/ROWS` and a seed, which draws the rows: ROWS for the search, a third as many sealed
for verification. All other rows of the data set are the truth: a configuration is trained on the ROWS, several times
where its training is random, and its mean loss on the others is its true one. Losses: "error", the share that is
wrong; "log_loss", probabilities cut at 0.001; "mse", as a share of the variance.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np

import trialist as tl
from honesty.models import MODELS, Model

FOLDS = tl.Folds(5)
TEST_SHARE = 0.25  # of the rows drawn: sealed
RATES = ("error", "log_loss")
TRUE_SEEDS = 6  # trainings that a true loss is the mean of, where training is random
_CUT = 1e-3


class Truth(NamedTuple):
    """A configuration's true loss; by example where it was measured on some, so that two can be compared in pairs."""

    loss: float
    by_example: np.ndarray | None = None  # (n,)

    def behind(self, other: Truth) -> tuple[float, float]:
        """By how much this is worse, and the standard error of that: 0 where the truth is known exactly."""
        if self.by_example is None or other.by_example is None:
            return self.loss - other.loss, 0.0
        gaps = self.by_example - other.by_example
        return float(gaps.mean()), float(gaps.std(ddof=1) / np.sqrt(len(gaps)))


class Case(Protocol):
    """One study to be made."""

    space: tl.Space
    validation: tl.Folds

    def objective(self, trial: Any) -> None: ...

    def score(self, config: dict[str, Any], fold: Any) -> float: ...

    def folds(self) -> Sequence[Any]:
        """Those of the search, for other tools."""
        ...

    def test(self, config: dict[str, Any], seed: int) -> list[float]: ...

    def truth(self, config: dict[str, Any]) -> Truth: ...


class Task(NamedTuple):
    X: np.ndarray  # (n, d)
    y: np.ndarray  # (n,) classes 0, 1, ..., or numbers
    classes: int  # 0 for numbers


@dataclass
class Real:
    """Rows drawn of a data set, and a model to tune on them."""

    task: str
    model: Model
    metric: str
    rows: int
    seed: int
    validation: tl.Folds = FOLDS
    space: tl.Space = field(init=False)
    split: tl.Split = field(init=False)

    def __post_init__(self) -> None:
        X, y, classes = data(self.task)
        draw = np.random.default_rng([zlib.crc32(self.task.encode()), self.rows, self.seed]).permutation(len(X))
        drawn = round(self.rows / (1 - TEST_SHARE))
        self.classes = classes
        self.space = self.model.space(X.shape[1], classes)
        self.split = tl.Split(
            X[draw[:drawn]], y[draw[:drawn]], test=TEST_SHARE, validation=0, stratify=classes > 0, seed=self.seed
        )
        self.others = X[draw[drawn:]], y[draw[drawn:]]
        self._own = self.split.train_and_validation
        self._unit = float(self._own[1].var()) if not classes else 1.0

    def objective(self, trial: Any) -> None:
        for fold in trial.folds(self.split):
            trial.report(self.score(trial.params, fold))

    def score(self, config: dict[str, Any], fold: Any) -> float:
        return float(self.losses(config, fold.seed, fold.train, fold.validation).mean())

    def folds(self) -> Sequence[Any]:
        return list(self.split.folds(self.validation, self.seed))

    def test(self, config: dict[str, Any], seed: int) -> list[float]:
        return self.losses(config, seed, self.split.train_and_validation, self.split.test).tolist()

    def truth(self, config: dict[str, Any]) -> Truth:
        seeds = range(TRUE_SEEDS if self.model.is_random else 1)
        by_example = np.mean([self.losses(config, 1000 + s, self._own, self.others) for s in seeds], axis=0)
        return Truth(float(by_example.mean()), by_example)

    def losses(self, config: dict[str, Any], seed: int, train: tuple[Any, Any], rows: tuple[Any, Any]) -> np.ndarray:
        """By example of `rows`, (n,), of the model trained on `train`."""
        (X, y), (X_new, y_new) = train, rows
        predicted = self.model.predicted(config, seed, X, y, X_new, self.classes, self.metric == "log_loss")
        if self.metric == "error":
            return (predicted != y_new).astype(float)
        if self.metric == "log_loss":
            return -np.log(np.maximum(predicted[np.arange(len(y_new)), y_new.astype(int)], _CUT))
        return (predicted - y_new) ** 2 / self._unit


def make(name: str, seed: int) -> Case:
    """The case of that name and seed."""
    family, _, rest = name.partition(":")
    if family == "simulated":
        from honesty.simulated import simulated

        return simulated(rest, seed)
    task, model, metric, rows = rest.split("/")
    return Real(task, MODELS[model], metric, int(rows), seed)


def names() -> list[str]:
    """Every real case: each model on each task by each of its metrics, in an order that mixes them."""
    found = []
    for task, sizes in _TASKS.items():
        classes = data(task).classes
        for model, made in MODELS.items():
            if classes > 3 and not made.has_many_classes:
                continue
            metrics = ["mse"] if not classes else [m for m in RATES if m == "error" or made.has_probabilities]
            found += [f"real:{task}/{model}/{m}/{rows}" for m in metrics for rows in sizes]
    return [found[i] for i in np.random.default_rng(0).permutation(len(found))]


@cache
def data(task: str) -> Task:
    from sklearn import datasets

    base, _, variant = task.partition("-")
    X, y = getattr(datasets, f"load_{base}")(return_X_y=True)
    change = _VARIANTS[variant]
    return change(X, y) if change else Task(X, y, int(y.max()) + 1)


def _numbers(X: np.ndarray, y: np.ndarray) -> Task:
    return Task(X, y, 0)


def _high(X: np.ndarray, y: np.ndarray) -> Task:
    return Task(X, (y > np.median(y)).astype(int), 2)


def _odd(X: np.ndarray, y: np.ndarray) -> Task:
    return Task(X, y % 2, 2)


def _some(*wanted: int) -> Callable[[np.ndarray, np.ndarray], Task]:
    def change(X: np.ndarray, y: np.ndarray) -> Task:
        rows = np.isin(y, wanted)
        return Task(X[rows], np.searchsorted(wanted, y[rows]), len(wanted))

    return change


def _few(X: np.ndarray, y: np.ndarray) -> Task:
    """Features that tell little: the smoothness, symmetry and fractal dimension of cells, and their errors."""
    return Task(X[:, [4, 8, 9, 14, 18, 19]], y, 2)


_VARIANTS: dict[str, Callable[[np.ndarray, np.ndarray], Task] | None] = {
    "": None,
    "numbers": _numbers,
    "high": _high,
    "odd": _odd,
    "38": _some(3, 8),
    "few": _few,
}
# Rows of a search: so many that each class is in every fold, so few that enough are left to tell the truth by.
_TASKS = {
    "breast_cancer": (60, 100, 150, 200),
    "breast_cancer-few": (60, 100, 150, 200),
    "diabetes-numbers": (60, 100, 150, 200),
    "diabetes-high": (60, 100, 150, 200),
    "digits": (150, 200),
    "digits-odd": (60, 100, 150, 200),
    "digits-38": (60, 100, 150),
    "wine": (60,),
    "iris": (60,),
}
