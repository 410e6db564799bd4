"""Output transforms for a regression: losses in, values of mean 0 and spread 1 out; smaller stays better."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]


def half_rank(losses: Array, weights: Array | None = None) -> Array:
    """The better half as it is, the worse half by ranks; then standardised.

    A loss worse than the median becomes median + s * z, z the normal quantile of its rank and s the root mean square
    deviation of the better half from the median.  Distances among good points stay, outliers do no harm, and every
    monotone change of the worse half leaves the result as it is.  Ties share their mean rank.  O(n log n).

    losses (n,), finite; weights (n,), positive: how much each counts, by default all the same.
    Returns (n,) with weighted mean 0 and standard deviation 1; zeros where all losses are equal.
    Source: Song et al. 2024, "The Vizier Gaussian process bandit algorithm", 3.3; the weights are ours.

    >>> half_rank(np.array([1.0, 2.0, 3.0, 1e9])).round(2).tolist()
    [-1.37, -0.4, 0.43, 1.33]
    """
    weights = np.ones(len(losses)) if weights is None else weights
    if np.abs(losses).max(initial=0.0) > 1e300:
        losses = losses * 2.0**-60  # room for differences and sums
    shares = _shares(losses, weights)
    median = _median(losses, weights)
    better = losses <= median
    # Far from 1, squares would overflow or vanish: work in units of the largest deviation from the median.
    deviations = np.where(better, losses - median, 0.0)
    unit = float(np.abs(deviations).max(initial=0.0))
    if unit == 0.0:  # the better half is one value
        return standardised(special.ndtri(shares), weights)
    values = deviations / unit
    spread = float(np.sqrt(np.average(values[better] ** 2, weights=weights[better])))
    values[~better] = spread * special.ndtri(shares[~better])
    return standardised(values, weights)


def normal_scores(values: Array) -> Array:
    """(n,) the standard normal quantiles of the ranks of values (n,): any scale made alike. Ties share their mean rank.

    >>> normal_scores(np.array([3.0, 1e9, -7.0])).round(2).tolist()
    [0.0, 0.97, -0.97]
    """
    scores: Array = special.ndtri(_shares(values, np.ones(len(values))))
    return scores


def ranks(values: Array) -> Array:
    """(n,) from 1 for the least on; ties share their mean rank. SciPy has the same in a module of 24 MiB.

    >>> ranks(np.array([3.0, 1e9, -7.0, 3.0])).tolist()
    [2.5, 4.0, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_ranks: Array = np.cumsum(counts) - 0.5 * (counts - 1)
    return mean_ranks[inverse]


def crowding(X: Array, width: float = 0.1) -> Array:
    """(n,) weights by which a cluster of points counts about as one: the inverse of a point's number of neighbours.

    X (n, d) in the unit cube; neighbours lie within about `width`, root mean square over the columns.
    """
    squares = (X * X).sum(1)
    distances = np.maximum(squares[:, None] + squares - 2.0 * X @ X.T, 0.0) / max(X.shape[1], 1)
    weights: Array = 1.0 / np.exp(-distances / width**2).sum(1)
    return weights


def _median(values: Array, weights: Array) -> float:
    """Where half of the weight lies on either side: a value, or the mean of the two that it falls between."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    first = int(np.searchsorted(reached, 0.5 - 1e-12))
    second = int(np.searchsorted(reached, 0.5 + 1e-12))
    low, high = (float(values[order[min(i, len(values) - 1)]]) for i in (first, second))
    return low + 0.5 * (high - low)


def _shares(values: Array, weights: Array) -> Array:
    """(n,) the share of the weight that lies below each value, half of its own (and its ties') included."""
    _, inverse = np.unique(values, return_inverse=True)
    by_value = np.bincount(inverse, weights)
    middles = (np.cumsum(by_value) - 0.5 * by_value) / by_value.sum()
    shares: Array = middles[inverse]
    return shares


def standardised(values: Array, weights: Array | None = None) -> Array:
    """(n,) with (weighted) mean 0 and standard deviation 1; zeros where there is no spread."""
    centred = values - np.average(values, weights=weights)
    scale = float(np.abs(centred).max(initial=0.0))
    spread = float(np.sqrt(np.average(centred * centred, weights=weights))) if scale < 1e150 else scale
    if spread <= 1e-12 * float(np.abs(values).max(initial=0.0)) or spread == 0.0:
        return np.zeros(len(values))
    scaled: Array = centred / spread
    return scaled
