"""Metrics that are no mean of values per example, as if they were: pseudo-values, whose mean is the metric.

An example's pseudo-value is the metric plus the example's influence on it: what the metric's derivative with respect
to the weight of the example says (Hampel 1974; Davison & Hinkley 1997, section 2.7). Differences of two arms'
pseudo-values vary over examples as those of losses do, so the same interval holds for them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def root_of_mean(squares: Floats) -> Floats:
    """Pseudo-values (n,) of the root of the mean of squares (n,): of an RMSE, of squared errors.

    >>> root_of_mean(np.array([1.0, 7.0])).tolist()
    [1.25, 2.75]
    """
    mean = float(squares.mean())
    root = np.sqrt(mean)
    return np.asarray(root + (squares - mean) / (2 * root) if mean > 0 else squares, dtype=np.float64)


def area(positive: NDArray[np.bool_], scores: Floats) -> Floats:
    """Pseudo-values (n,) of the area under the ROC curve of scores (n,), of which those of `positive` should be higher.

    Each is a placement: the share of the other class on the right side of this example, ties counting half; its
    distance from the area is stretched by how rare the example's class is. The mean in each class is the area.
    Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988.  NaN where a class is missing.

    >>> area(np.array([True, False, False, True]), np.array([0.9, 0.1, 0.5, 0.3])).tolist()
    [1.25, 1.25, 0.25, 0.25]
    """
    n, hits = len(scores), int(positive.sum())
    if hits in (0, n) or np.isnan(scores).any():
        return np.full(n, np.nan)
    high, low = np.sort(scores[positive]), np.sort(scores[~positive])
    below = (np.searchsorted(low, scores) + np.searchsorted(low, scores, side="right")) / (2 * len(low))
    above = 1 - (np.searchsorted(high, scores) + np.searchsorted(high, scores, side="right")) / (2 * len(high))
    placements = np.where(positive, below, above)
    whole = float(below[positive].mean())
    rarity = np.where(positive, n / hits, n / (n - hits))
    return np.asarray(whole + (placements - whole) * rarity, dtype=np.float64)
