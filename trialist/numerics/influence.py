"""Metrics that are no mean of values per example, as if they were: pseudo-values, whose mean is the metric.

An example's pseudo-value is the metric plus the example's influence on it: what the metric's derivative with respect
to the weight of the example says (Hampel 1974; Davison & Hinkley 1997, section 2.7). Differences of two arms'
pseudo-values vary over examples as those of losses do, so the same interval holds for them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MANY = 250_000  # pairs: of so many, what is counted twice is less than a hundredth of what is not
_ROUNDING = 1e-6  # of counts


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


def counted_twice(a: Floats, b: Floats, positive: NDArray[np.bool_]) -> float:
    """What placements bring to the variance of the difference of two areas beyond what is there.

    a (s_a, n), b (s_b, n): pseudo-values of `area`, or 1 less those, or less nothing at all, by seed; positive (n,).
    An area is a mean over pairs of examples of both classes.  What a single pair has of its own, beside what its two
    examples do to all their pairs, is once in the variance, but both in that of the positives' placements and in that
    of the negatives'.  With ten positives of a hundred that is 4 to 9 % of it, with thousands of examples nothing: 0
    for so many, and for values that are no placements.
    Placements tell all pairs: a positive that is above k negatives is above those k that the most positives are above.
    Source: the variance of a U-statistic, Hoeffding 1948; Bamber, J. Math. Psychology 12, 1975, for this one.
    """
    m, q = int(positive.sum()), int((~positive).sum())
    if min(m, q) < 2 or m * q > _MANY:
        return 0.0
    arms = [_pairs(arm, positive) for arm in (a, b)]
    if arms[0] is None or arms[1] is None:
        return 0.0
    K = arms[0] - arms[1]  # (m, q)
    own = K - K.mean(axis=1, keepdims=True) - K.mean(axis=0) + K.mean()
    return float((own**2).sum()) / ((m - 1) * (q - 1)) / (m * q)


def _pairs(arm: Floats, positive: NDArray[np.bool_]) -> Floats | None:
    """(m, q) shares of seeds by which each pair is on its right side; None where arm (s, n) holds no placements."""
    m, q = int(positive.sum()), int((~positive).sum())
    found = np.zeros((m, q))
    for row in arm:
        values = row + 1.0 if row.mean() < 0 else row
        high, low = values[positive], values[~positive]
        above = (high.mean() + (high - high.mean()) * (m / (m + q))) * q  # (m,) negatives, ties counting half
        if np.abs(2 * above - np.rint(2 * above)).max() > _ROUNDING or above.min() < -1 or above.max() > q + 1:
            return None
        place = np.empty(q)
        place[np.argsort(-low, kind="stable")] = np.arange(q)
        found += np.clip(above[:, None] - place, 0.0, 1.0)
    return found / len(arm)
