"""How good outputs are: the formulas behind the metrics, as scikit-learn computes them.

y (n,): true labels or values.  p: outputs, (n,) predicted labels or values, (n,) scores of the positive class, or
(n, k) with a column for each class.  Functions that end in `_each` give (n,) values of which the metric is the mean;
the others give one number, NaN where the metric is not defined, as AUC is not where all rows are of one class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialist.errors import ResultError, shown

Array = NDArray[Any]
Floats = NDArray[np.float64]

BINS = 15  # of the calibration error, as in Guo et al. 2017


# Of predicted labels


def hits_each(y: Array, p: Array) -> Floats:
    """1 where the predicted label is the true one."""
    return np.asarray(y == p, dtype=np.float64)


def misses_each(y: Array, p: Array) -> Floats:
    """1 where the predicted label is not the true one."""
    return 1.0 - hits_each(y, p)


def balanced_accuracy(y: Array, p: Array) -> float:
    """The mean share of each class that is found, over the classes of y."""
    _, counts = _confusion(y, p)
    found, there = np.diag(counts), counts.sum(axis=1)
    return float(np.mean(found[there > 0] / there[there > 0]))


def matthews(y: Array, p: Array) -> float:
    """The correlation of true and predicted labels (Gorodkin 2004); 0 where either is constant."""
    _, counts = _confusion(y, p)
    c = counts.astype(np.float64)
    t, q, n = c.sum(axis=1), c.sum(axis=0), c.sum()
    below = np.sqrt(n**2 - q @ q) * np.sqrt(n**2 - t @ t)
    return float((np.trace(c) * n - t @ q) / below) if below > 0 else 0.0


def precision(y: Array, p: Array) -> float:
    """Of the rows called positive, the share that are; 0 where none is called so."""
    hit, called, _ = _positives(y, p)
    return hit / called if called else 0.0


def recall(y: Array, p: Array) -> float:
    """Of the positive rows, the share that are called so; 0 where there are none."""
    hit, _, there = _positives(y, p)
    return hit / there if there else 0.0


def f1(y: Array, p: Array) -> float:
    """Twice the hits over rows called positive and positive rows together; 0 where there are neither."""
    hit, called, there = _positives(y, p)
    return 2 * hit / (called + there) if called + there else 0.0


def f1_macro(y: Array, p: Array) -> float:
    """F1 of each class, averaged."""
    return float(_f1_by_class(y, p)[0].mean())


def f1_weighted(y: Array, p: Array) -> float:
    """F1 of each class, averaged by its rows in y."""
    values, there = _f1_by_class(y, p)
    return float(np.average(values, weights=there))


# Of probabilities and scores


def log_loss_each(y: Array, p: Array, labels: Sequence[Any] | None = None) -> Floats:
    """Minus the log of the probability of the true class, which is taken as one rounding error at least."""
    codes, P = _probabilities("log_loss", y, p, labels)
    eps = np.finfo(P.dtype).eps
    chosen = np.clip(P[np.arange(len(codes)), codes], eps, 1 - eps)
    return np.asarray(-np.log(chosen), dtype=np.float64)


def brier_each(y: Array, p: Array, labels: Sequence[Any] | None = None) -> Floats:
    """Squared distance of probabilities from the truth: of two classes that of the second, else summed over all."""
    codes, P = _probabilities("brier_score_loss", y, p, labels)
    gaps = P - (np.arange(P.shape[1]) == codes[:, None])
    return np.asarray((gaps**2).sum(axis=1) / (2 if P.shape[1] == 2 else 1), dtype=np.float64)


def calibration_error(y: Array, p: Array, labels: Sequence[Any] | None = None) -> float:
    """Expected calibration error: confidence in the likeliest class against how often it is right, in 15 equal bins.

    Averaged over rows.  Source: Guo et al. 2017, eq. 3.  With few rows it is too large, by chance alone.
    """
    codes, P = _probabilities("expected_calibration_error", y, p, labels)
    confidence, right = P.max(axis=1), P.argmax(axis=1) == codes
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(codes))


def roc_auc(y: Array, p: Array, labels: Sequence[Any] | None = None) -> float:
    """The chance that a positive row has a higher score than a negative one, ties counting half.

    For more than two classes: of each class against the rest, averaged.
    """
    codes, S = _scores("roc_auc", y, p, labels)
    if S.ndim == 1:
        return _auc(codes == 1, S)
    return float(np.mean([_auc(codes == k, S[:, k]) for k in range(S.shape[1])]))


def average_precision(y: Array, p: Array, labels: Sequence[Any] | None = None) -> float:
    """Precision at each threshold, weighted by the recall that it adds; without interpolation."""
    codes, S = _scores("average_precision", y, p, labels)
    if S.ndim > 1:
        return float(np.mean([_precision_averaged(codes == k, S[:, k]) for k in range(S.shape[1])]))
    _check_positive("average_precision", np.unique(y) if labels is None else np.asarray(labels))
    return _precision_averaged(codes == 1, S)


# Of numbers


def squared_each(y: Array, p: Array) -> Floats:
    """Squared errors."""
    return (_numbers("y", y) - _numbers("output", p)) ** 2


def absolute_each(y: Array, p: Array) -> Floats:
    """Absolute errors."""
    return np.abs(_numbers("y", y) - _numbers("output", p))


def percentage_each(y: Array, p: Array) -> Floats:
    """Absolute errors as shares of the true values, which are taken as one rounding error at least."""
    true = _numbers("y", y)
    return absolute_each(y, p) / np.maximum(np.abs(true), np.finfo(np.float64).eps)


def pinball_each(y: Array, p: Array, alpha: float) -> Floats:
    """The loss that the alpha-quantile minimises: alpha for each unit too low, 1 - alpha for each too high."""
    gaps = _numbers("y", y) - _numbers("output", p)
    return np.maximum(alpha * gaps, (alpha - 1) * gaps)


def root_mean_squared(y: Array, p: Array) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(squared_each(y, p).mean()))


def median_absolute(y: Array, p: Array) -> float:
    """The median of the absolute errors."""
    return float(np.median(absolute_each(y, p)))


def r2(y: Array, p: Array) -> float:
    """The share of the variance of y that is explained: of a constant y all or nothing, of a single row NaN."""
    true = _numbers("y", y)
    left, there = float(squared_each(y, p).sum()), float(((true - true.mean()) ** 2).sum())
    if len(true) < 2:
        return float("nan")
    return 1 - left / there if there > 0 else float(left == 0)


def column(field: str, values: Any) -> Array:
    """An array with one entry for each row: a column of a frame or of a network's output is made flat."""
    array: Array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 0 or array.size == 0:
        raise ResultError(field, f"{shown(values)} holds no rows", "Give one entry for each row.")
    return array


def _numbers(field: str, values: Array) -> Floats:
    if values.ndim != 1:
        raise ResultError(field, f"an array of shape {values.shape} is not one number for each row", "Give one column.")
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as problem:
        raise ResultError(field, f"{shown(values[0])} is not a number", "Choose a metric for classes.") from problem


def _codes(metric: str, y: Array, k: int, labels: Sequence[Any] | None) -> NDArray[np.int64]:
    """The column of each row's class: in the order of `labels`, or of the sorted values of y."""
    classes: Array = np.unique(y) if labels is None else np.asarray(labels)
    if len(classes) != k and not (labels is None and k == 2 and len(classes) == 1 and classes[0] in (0, 1)):
        raise ResultError(
            metric,
            f"y has {len(classes)} classes, the output {k}",
            "Give the classes in the order of the output's columns: metric_of(name, labels=model.classes_).",
        )
    if len(classes) != k:  # 0 and 1 are known without the other one
        return y.astype(np.int64)
    if labels is None:
        return np.searchsorted(classes, y).astype(np.int64)
    places = {value: place for place, value in enumerate(classes.tolist())}
    try:
        return np.array([places[value] for value in y.tolist()], dtype=np.int64)
    except KeyError as problem:
        raise ResultError(
            metric, f"{shown(problem.args[0])} in y is none of the classes {shown(list(places))}", "Give all classes."
        ) from None


def _probabilities(metric: str, y: Array, p: Array, labels: Sequence[Any] | None) -> tuple[NDArray[np.int64], Floats]:
    """Classes as columns (n,), and probabilities (n, k)."""
    P = p if p.dtype.kind == "f" else p.astype(np.float64)
    if P.ndim == 1:
        P = np.column_stack([1 - P, P])
    if not ((P >= 0) & (P <= 1)).all():
        raise ResultError(metric, "the output holds values outside 0 and 1", "Give probabilities, as of predict_proba.")
    return _codes(metric, y, P.shape[1], labels), P


def _scores(metric: str, y: Array, p: Array, labels: Sequence[Any] | None) -> tuple[NDArray[np.int64], Floats]:
    """Classes as columns (n,), and scores: (n,) of the second of two classes, or (n, k)."""
    S = p.astype(np.float64)
    if S.ndim == 1 or S.shape[1] == 2:
        return _codes(metric, y, 2, labels), S if S.ndim == 1 else S[:, 1]
    return _codes(metric, y, S.shape[1], labels), S


def _auc(positive: NDArray[np.bool_], s: Floats) -> float:
    """By ranks, ties at their mean rank (Mann & Whitney 1947)."""
    n, m = int(positive.sum()), int((~positive).sum())
    if n == 0 or m == 0 or np.isnan(s).any():
        return float("nan")
    _, place, count = np.unique(s, return_inverse=True, return_counts=True)
    ranks = np.cumsum(count) - (count - 1) / 2
    return float((ranks[place[positive]].sum() - n * (n + 1) / 2) / (n * m))


def _precision_averaged(positive: NDArray[np.bool_], s: Floats) -> float:
    if not positive.any() or np.isnan(s).any():
        return float("nan")
    order = np.argsort(-s, kind="stable")
    last = np.append(np.flatnonzero(np.diff(s[order])), len(s) - 1)  # rows of one score share a threshold
    hit = np.cumsum(positive[order])[last]
    return float(np.sum(np.diff(hit, prepend=0) / hit[-1] * hit / (last + 1)))


def _confusion(y: Array, p: Array) -> tuple[Array, NDArray[np.int64]]:
    """The classes of y and p, and counts (k, k) of rows by true and predicted class."""
    if p.ndim != 1:
        raise ResultError(
            "output", f"an array of shape {p.shape} is not one label for each row", "Give predicted labels."
        )
    classes, codes = np.unique(np.concatenate([y, p]), return_inverse=True)
    true, told = codes[: len(y)], codes[len(y) :]
    k = len(classes)
    return classes, np.bincount(true * k + told, minlength=k * k).reshape(k, k)


def _f1_by_class(y: Array, p: Array) -> tuple[Floats, Floats]:
    _, counts = _confusion(y, p)
    there, called = counts.sum(axis=1).astype(np.float64), counts.sum(axis=0).astype(np.float64)
    return 2 * np.diag(counts) / (there + called), there


def _positives(y: Array, p: Array) -> tuple[int, int, int]:
    """Rows rightly called positive, called positive, and positive."""
    classes, _ = _confusion(y, p)
    _check_positive("f1, precision and recall", classes)
    return int(((y == 1) & (p == 1)).sum()), int((p == 1).sum()), int((y == 1).sum())


def _check_positive(metric: str, classes: Array) -> None:
    """Which class is positive makes a difference here: it is 1, beside 0 or -1."""
    if not set(classes.tolist()) <= {0, 1} and not set(classes.tolist()) <= {-1, 1}:
        raise ResultError(
            metric,
            f"of the classes {shown(classes.tolist())} none is known as the positive one",
            "Code it as 1 and the other as 0, or choose a metric that treats all classes alike, such as f1_macro.",
        )
