"""Rank agreement of two measurements of the same items, with an interval: Kendall's tau, made for small samples.

n items, x (n,) and y (n,); smaller is better, infinities are allowed (the worst of all), NaN is not.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_WIDTH = 1.2816  # standard deviations to either side: 80 %
_MOST_RESTRICTED = 4.0


class Agreement(NamedTuple):
    """tau: 1 the same order, 0 none, -1 the reverse; low, high: its 80 % interval; n: items it is estimated from."""

    tau: float
    low: float
    high: float
    n: int


def agreement(
    x: ArrayLike, y: ArrayLike, everybody: ArrayLike = (), prior: tuple[float, float] = (0.5, 0.5)
) -> Agreement:
    """How well the order by x tells the order by y, among pairs of which at least one is in y's better half.

    Who is last and who is last but one is of no interest, so pairs from the worse half do not count; nor do ties.

    everybody: x of all items, also of those without a y. Where the items with a y were chosen by x, they differ less in
    x than all do, and their agreement looks weaker than it is; it is corrected by how much less their ranks spread
    (Thorndike 1949, case 2), and its variance with it.
    prior: mean and standard deviation of atanh(tau) before any data. In that scale tau is nearly normal, of the
    variance 2 (2n + 5) / (9 n (n - 1)) that it has exactly where there is no agreement (Kendall 1938).

    >>> agreement([1, 2, 3, 4, 5, 6, 7, 8], [1, 3, 2, 4, 6, 5, 8, 7]).tau > 0.6
    True
    """
    X, Y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    n, (mean, deviation) = len(X), prior
    precision, weighted = deviation**-2, mean * deviation**-2
    if n >= 3:
        i, j = np.triu_indices(n, 1)
        matters = (Y[i] <= np.median(Y)) | (Y[j] <= np.median(Y))
        i, j = i[matters], j[matters]
        same = (_sign(X[i], X[j]) * _sign(Y[i], Y[j])).astype(float)
        decided = int(np.count_nonzero(same))
        share = decided / (n * (n - 1) / 2)
        if decided:
            tau = float(np.sum(same)) / (decided + 1)  # + 1: so that few pairs in one order are no certainty
            # The pairs left out leave more to each item: with 3/4 of the pairs the variance is 1.5 times as large, n > 12.
            variance = 2 * (2 * n + 5) / (9 * n * (n - 1)) / share**1.5
            z, slope = _unrestricted(math.atanh(tau), _restriction(X, np.asarray(everybody, dtype=float)))
            precision += 1 / (variance * slope**2)
            weighted += z / (variance * slope**2)
    z, deviation = weighted / precision, precision**-0.5
    return Agreement(math.tanh(z), math.tanh(z - _WIDTH * deviation), math.tanh(z + _WIDTH * deviation), n)


def _restriction(chosen: NDArray[np.float64], everybody: NDArray[np.float64]) -> float:
    """How many times wider the normal scores of everybody spread than those of the chosen; at least 1."""
    if len(everybody) <= len(chosen):
        return 1.0
    from scipy.special import ndtri

    order = np.sort(everybody)
    below, upto = np.searchsorted(order, everybody, "left"), np.searchsorted(order, everybody, "right")
    scores = ndtri((below + upto) / (2 * len(order)))
    below, upto = np.searchsorted(order, chosen, "left"), np.searchsorted(order, chosen, "right")
    ours = ndtri(np.clip((below + upto) / (2 * len(order)), 0.5 / len(order), 1 - 0.5 / len(order)))
    spread = float(np.std(ours))
    return _MOST_RESTRICTED if spread == 0 else float(np.clip(np.std(scores) / spread, 1.0, _MOST_RESTRICTED))


def _unrestricted(z: float, ratio: float) -> tuple[float, float]:
    """atanh(tau) as it were without the restriction of range, and how much it moves with z."""
    if ratio == 1.0:
        return z, 1.0
    # tau and r of a binormal pair: r = sin(pi tau / 2).
    r = math.sin(0.5 * math.pi * math.tanh(z))
    corrected = ratio * r / math.sqrt(1 + r * r * (ratio * ratio - 1))
    full = math.atanh(max(min(2 / math.pi * math.asin(corrected), 0.99), -0.99))
    return full, ratio  # at most that; it is less where r is large


def _sign(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.int64]:
    """-1, 0, 1; a difference of infinities would be NaN."""
    return (a > b).astype(np.int64) - (a < b).astype(np.int64)
