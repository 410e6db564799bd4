"""The best of n draws: its mean and median over all subsets of N, and a band for its median that needs no model.

Symbols: N draws, some of them perhaps without a value (they stand last in the order); x_(1) <= x_(2) <= ... the values;
n the size of a subset.  Smaller is better.

The mean over all subsets,  sum_i x_(i) C(N - i, n - 1) / C(N, n),  has no bias for any n up to N (a U-statistic; Tang
et al. 2020, "Showing your work doesn't always work"), unlike the best of n draws with replacement (Dodge et al. 2019,
"Show your work").  A subset without any value has no best, and is left out.

A bootstrap band of that mean is far too narrow beyond a fifth of the draws: it covers 50 to 80 % at n = N / 2 instead
of 95 %, since no resample holds a value better than the best seen.  The median of the best of n is the quantile of one
draw at p = 1 - 2^(-1/n), and order statistics bound a quantile whatever the distribution (Lourie et al. 2024, "Show
your work with confidence").  From n = 0.19 N on, N draws do not say how good luck could be, and that band is open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr, bdtrc, gammaln

from trialist.numerics.gp import Array


def best_of_subsets(losses: Sequence[float], without: int = 0, budgets: Sequence[int] | None = None) -> list[float]:
    """The mean lowest loss of n of N trials, over all subsets, for each n of `budgets`, or for 1 ... N.

    losses: of the draws that have one.  without: the number of those that have none.

    >>> [round(x, 4) for x in best_of_subsets([1.0, 2.0, 4.0])]
    [2.3333, 1.3333, 1.0]
    """
    x = np.sort(np.asarray(losses, dtype=float))
    N = len(x) + without
    found = []
    for n in budgets or range(1, N + 1):
        w = _chances(N, n, len(x))
        found.append(float(w @ x / w.sum()))
    return found


def median_best(losses: Sequence[float], without: int = 0, budgets: Sequence[int] | None = None) -> list[float | None]:
    """The lowest loss that half of the subsets of n reach; None where half of them hold no score."""
    x = np.sort(np.asarray(losses, dtype=float))
    N = len(x) + without
    found: list[float | None] = []
    for n in budgets or range(1, N + 1):
        first = int((np.cumsum(_chances(N, n, len(x))) < 0.5 - 1e-9).sum())
        found.append(float(x[first]) if first < len(x) else None)
    return found


def median_band(
    losses: Sequence[float],
    without: int = 0,
    budgets: Sequence[int] | None = None,
    confidence: float = 0.95,
) -> tuple[list[float | None], list[float | None]]:
    """Lower and upper end of the loss that half of all samples of n reach; None where open.

    Exact for independent draws from any continuous distribution: of N draws, the number below the quantile at p is
    binomial.
    """
    x = np.sort(np.asarray(losses, dtype=float))
    N, tail = len(x) + without, (1 - confidence) / 2
    k = np.arange(N + 1)
    low: list[float | None] = []
    high: list[float | None] = []
    for n in budgets or range(1, N + 1):
        p = -math.expm1(-math.log(2.0) / n)
        below = int((bdtr(k, N, p) <= tail).sum())  # the largest rank that lies above the quantile too rarely
        above = N + 1 - int((bdtrc(k, N, p) <= tail).sum())  # the smallest that lies below it too rarely
        low.append(float(x[below - 1]) if 1 <= below <= len(x) else None)
        high.append(float(x[above]) if above < len(x) else None)
    return low, high


def _chances(N: int, n: int, s: int) -> Array:
    """C(N - i, n - 1) / C(N, n), the chance that the ith of N is the best of n, for i = 1 ... s: (s,)."""
    i = np.arange(1, s + 1)
    behind = np.maximum(N - i, n - 1)

    def log_choose(a: Array | int, b: int) -> Array:
        found: Array = gammaln(a + 1) - gammaln(b + 1) - gammaln(np.asarray(a) - b + 1)
        return found

    chances: Array = np.exp(log_choose(behind, n - 1) - log_choose(N, n))
    chances[N - i < n - 1] = 0.0
    return chances
