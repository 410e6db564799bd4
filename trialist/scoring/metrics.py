"""Metrics by name: which way is better, which output of a model they need, and their values example by example.

A name means what it means in scikit-learn, sign included: log_loss is minimised, neg_log_loss is its negative and is
maximised.  Formulas are in `measures`, which is loaded when a metric is first computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from trialist.errors import PlanError, ResultError, shown
from trialist.trials.amounts import check_name
from trialist.trials.plan import Direction

if TYPE_CHECKING:
    import numpy as np


class Needs(StrEnum):
    """What a metric looks at."""

    PREDICT = "predict"  # predicted labels or numbers
    PROBA = "predict_proba"  # a probability for each class
    DECISION = "decision"  # what ranks the rows: a decision function, else probabilities


@dataclass(frozen=True, slots=True)
class Metric:
    """How good outputs are, as one number: `measure(y, output)`, y being the truth of the same rows.

    direction: "minimize" or "maximize".  needs: which output of a model it is computed of: "predict", "predict_proba"
    or "decision".  labels: the classes in the order of the output's columns; None: sorted.

    >>> Metric("worst", "minimize", lambda y, output: max(abs(a - b) for a, b in zip(y, output))).score([1, 2], [1, 4])
    2.0
    """

    name: str
    direction: Direction
    measure: Callable[[Any, Any], Any] | str  # or its name in `measures`
    needs: Needs = Needs.PREDICT
    labels: tuple[Any, ...] | None = None
    options: tuple[float, ...] = ()
    sign: int = 1

    def __post_init__(self) -> None:
        check_name("metric", self.name)
        for field, kind in (("direction", Direction), ("needs", Needs)):
            try:
                object.__setattr__(self, field, kind(getattr(self, field)))
            except ValueError:
                allowed = " or ".join(repr(item.value) for item in kind)
                raise PlanError(
                    f"metric.{field}", f"{shown(getattr(self, field))} is none", f"Use {allowed}."
                ) from None
        if not isinstance(self.measure, str) and not callable(self.measure):
            raise PlanError("metric", f"{shown(self.measure)} cannot be called", "Give a function of (y, output).")

    @property
    def is_mean(self) -> bool:
        """Whether it is the mean of a value for each example."""
        return isinstance(self.measure, str) and self.measure.endswith("_each")

    @property
    def squares(self) -> float | None:
        """Where it is the mean of squared errors to some power, which: 0.5 for an RMSE; None for all others."""
        return _POWERS.get(self.measure) if isinstance(self.measure, str) else None

    def per_example(self, y: Any, output: Any) -> np.ndarray[Any, Any] | None:
        """A value for each row, (n,), in the metric's own sign, of which the score is the mean; None if it is none."""
        return self._computed(y, output) if self.is_mean else None

    def score(self, y: Any, output: Any) -> float:
        """The metric of these rows; NaN where it is not defined for them.

        Raises ResultError for outputs that are not what it needs.
        """
        value = self._computed(y, output)
        return float(value.mean()) if self.is_mean else value

    def _computed(self, y: Any, output: Any) -> Any:
        if not isinstance(self.measure, str):
            from trialist.trials.outcome import number

            return self.sign * number(self.name, self.measure(y, output))
        from trialist.scoring import measures

        true, told = measures.column("y", y), measures.column("output", output)
        if true.ndim != 1:
            problem = f"y of shape {true.shape} is not one value for each row"
            raise ResultError(self.name, problem, "Give labels or numbers in one column, classes not one-hot.")
        if len(true) != len(told):
            raise ResultError(self.name, f"{len(told)} outputs do not match {len(true)} rows", "Give one for each row.")
        labels = {} if self.needs is Needs.PREDICT else {"labels": self.labels}
        return self.sign * getattr(measures, self.measure)(true, told, *self.options, **labels)


def metric_of(given: str | Callable[[Any, Any], Any] | Metric, labels: Sequence[Any] | None = None) -> Metric:
    """A Metric as it is, by its name, or of a function of (y, output).

    labels: the classes in the order of an output's columns.  Quantile loss takes its quantile behind the name:
    "pinball 0.9".  Whether a function is to be minimised is told by its name, as in scikit-learn: one that ends in
    _error, _loss or _deviance is, one that ends in _score is not; others are declared by Metric.
    Raises PlanError for an unknown name, with the nearest ones.

    >>> [metric_of(name).direction.value for name in ("log_loss", "neg_log_loss")]
    ['minimize', 'maximize']
    >>> metric_of("rmse").score([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    if isinstance(given, Metric):
        metric = given
    elif isinstance(given, str):
        metric = _by_name(given)
    elif callable(given):
        metric = _of_function(given)
    else:
        raise PlanError("metric", f"{shown(given)} is no metric", 'Give a name such as "accuracy", or a function.')
    return metric if labels is None else replace(metric, labels=tuple(labels))


def _by_name(text: str) -> Metric:
    name, *words = text.split() or [""]
    is_negated = name.startswith("neg_")
    plain = name.removeprefix("neg_")
    plain = _ALIASES.get(plain, plain)
    if plain not in _KNOWN or (is_negated and _KNOWN[plain][1] is Direction.MAXIMIZE):
        have = [*_KNOWN, *_ALIASES, *(f"neg_{each}" for each, (_, way, _) in _KNOWN.items() if way is _LESS)]
        near = get_close_matches(name.lower(), have, n=3, cutoff=0.5) or ["accuracy", "log_loss", "rmse"]
        remedy = f"Did you mean {' or '.join(near)}? A function of (y, output) is a metric, too."
        raise PlanError("metric", f"{shown(text)} is not known", remedy)
    measure, direction, needs = _KNOWN[plain]
    options = _quantile(text, words) if measure == "pinball_each" else ()
    if words and not options:
        raise PlanError("metric", f"{shown(text)} says more than a name", f"Give {name!r} alone.")
    if not is_negated:
        return Metric(text, direction, measure, needs, options=options)
    return Metric(text, Direction.MAXIMIZE, measure, needs, options=options, sign=-1)


def _quantile(text: str, words: list[str]) -> tuple[float]:
    try:
        alpha = float(words[0]) if words else 0.5
    except ValueError:
        alpha = math.nan
    if len(words) > 1 or not 0 < alpha < 1:
        raise PlanError("metric", f"{shown(text)} names no quantile", 'Give one between 0 and 1, as in "pinball 0.9".')
    return (alpha,)


def _of_function(function: Callable[[Any, Any], Any]) -> Metric:
    if hasattr(function, "_score_func"):
        problem = f"{shown(function)} is a scorer, which is called with an estimator"
        raise PlanError("metric", problem, 'Give its name, such as "accuracy", or its function of (y, output).')
    named = function
    while hasattr(named, "func"):  # functools.partial
        named = named.func
    name, needs = str(getattr(named, "__name__", type(named).__name__)), Needs.PREDICT
    if str(getattr(named, "__module__", "")).startswith("sklearn.metrics"):
        plain = name if name in _KNOWN else name.removesuffix("_score")
        if plain in _KNOWN and named is function:
            return replace(_by_name(plain), name=name)  # the same numbers, and values example by example
        needs = _KNOWN[plain][2] if plain in _KNOWN else needs
    for ending, direction in _ENDINGS.items():
        if name.endswith(ending):
            return Metric(name, direction, function, needs)
    raise PlanError(
        "metric",
        f"whether {name} is to be minimised or maximised cannot be told",
        f'Give tl.Metric("{name}", "minimize", {name}), or name it {name}_loss or {name}_score.',
    )


_LESS, _MORE = Direction.MINIMIZE, Direction.MAXIMIZE
_POWERS = {"squared_each": 1.0, "root_mean_squared": 0.5}
_ENDINGS = {"_score": _MORE, "_error": _LESS, "_loss": _LESS, "_deviance": _LESS}
_KNOWN: dict[str, tuple[str, Direction, Needs]] = {
    "accuracy": ("hits_each", _MORE, Needs.PREDICT),
    "zero_one_loss": ("misses_each", _LESS, Needs.PREDICT),
    "balanced_accuracy": ("balanced_accuracy", _MORE, Needs.PREDICT),
    "matthews_corrcoef": ("matthews", _MORE, Needs.PREDICT),
    "precision": ("precision", _MORE, Needs.PREDICT),
    "recall": ("recall", _MORE, Needs.PREDICT),
    "f1": ("f1", _MORE, Needs.PREDICT),
    "f1_macro": ("f1_macro", _MORE, Needs.PREDICT),
    "f1_weighted": ("f1_weighted", _MORE, Needs.PREDICT),
    "log_loss": ("log_loss_each", _LESS, Needs.PROBA),
    "brier_score_loss": ("brier_each", _LESS, Needs.PROBA),
    "expected_calibration_error": ("calibration_error", _LESS, Needs.PROBA),
    "roc_auc": ("roc_auc", _MORE, Needs.DECISION),
    "average_precision": ("average_precision", _MORE, Needs.DECISION),
    "mean_squared_error": ("squared_each", _LESS, Needs.PREDICT),
    "root_mean_squared_error": ("root_mean_squared", _LESS, Needs.PREDICT),
    "mean_absolute_error": ("absolute_each", _LESS, Needs.PREDICT),
    "median_absolute_error": ("median_absolute", _LESS, Needs.PREDICT),
    "mean_absolute_percentage_error": ("percentage_each", _LESS, Needs.PREDICT),
    "mean_pinball_loss": ("pinball_each", _LESS, Needs.PREDICT),
    "r2": ("r2", _MORE, Needs.PREDICT),
}
_ALIASES = {
    "error_rate": "zero_one_loss",
    "mcc": "matthews_corrcoef",
    "logloss": "log_loss",
    "brier": "brier_score_loss",
    "brier_score": "brier_score_loss",  # scikit-learn's scorer is neg_brier_score
    "ece": "expected_calibration_error",
    "auc": "roc_auc",
    "roc_auc_ovr": "roc_auc",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "pinball": "mean_pinball_loss",
    "quantile_loss": "mean_pinball_loss",
}
