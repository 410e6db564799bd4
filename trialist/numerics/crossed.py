"""Levels crossed with seeds: paired differences whose noise is learnt from all of them, and how much the levels differ.

Y (k, J): k levels run on the same J seeds (or folds, or items), NaN where a run failed; smaller is better.
D (k, J): differences of two levels on the same seed, so that what a seed does to all levels alike falls out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from trialist.numerics.gaussian import student_quantile

Floats = NDArray[np.float64]

_MOST_BORROWED = 4.0  # degrees of freedom that a level takes from the others, at most
_ROUNDING = 1e-13  # of the largest number
_CLEAR = 1e4  # an F beyond which no limit is looked for
_TINY = 1e-8  # of the others' variance: a level that never varied has not none


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean difference with its standard error, which is known with `df` degrees of freedom."""

    value: float
    se: float
    df: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        half = student_quantile((1 + level) / 2, self.df) * self.se
        return self.value - half, self.value + half

    def below(self, bound: float = 0.0) -> float:
        """The p value of the claim that the true difference is below `bound`."""
        if self.se == 0.0:
            return 0.0 if self.value < bound else 1.0
        return float(special.stdtr(self.df, (self.value - bound) / self.se))


def paired(D: Floats, overlap: float = 0.0) -> list[Estimate | None]:
    """The mean of each row of D (k, J) with its error; None where nothing tells of a row, or of its noise.

    D without the row of the level that the others are compared with, which is 0 and would pass for noiseless.

    overlap: of folds, as in a Score: the variance of a mean is (1/J + overlap) times that of one difference.
    Levels may be differently noisy, and a few seeds tell little of a variance: each is drawn towards their mean, by as
    many degrees of freedom as the scatter of the variances allows, but 4 at most.  All of them, as in the analysis of
    variance, would make intervals of the noisiest level hold 70 % of the time, none at all twice as wide with three
    seeds: `benchmarks/sweeps.py`.
    Source: Smyth 2004, Linear models and empirical Bayes methods for assessing differential expression, section 6.2.
    """
    counts = np.isfinite(D).sum(axis=1)  # (k,)
    free = counts - 1.0
    own = np.array([_variance(row[np.isfinite(row)]) for row in D])  # (k,)
    known = free >= 1
    if not known.any():
        return [None] * len(D)
    shared = float(np.average(own[known], weights=free[known]))
    found: list[Estimate | None] = []
    for i, row in enumerate(D):
        others = float(free[known].sum() - (free[i] if known[i] else 0.0))
        borrowed = min(_borrowed(own[known], free[known], shared), _MOST_BORROWED, others)
        if not known[i]:
            borrowed = max(borrowed, min(1.0, others))
        if counts[i] == 0 or borrowed + max(free[i], 0.0) <= 0:
            found.append(None)
            continue
        df = borrowed + free[i]
        variance = (borrowed * shared + free[i] * own[i]) / df
        mean = math.fsum(row[np.isfinite(row)]) / int(counts[i])
        found.append(Estimate(mean, math.sqrt(variance * (1 / counts[i] + overlap)), float(df)))
    return found


@dataclass(frozen=True, slots=True)
class Spread:
    """How much levels differ, and by how much runs do that have the same level.

    noise: standard deviation of one run about its level's mean, once what the seeds do to all levels is taken out.
    effect: root mean square of the levels about their mean, unbiased in square, at least 0.  bound: its upper 95 %
    confidence limit.  F, p: of the hypothesis that all levels are the same.
    """

    noise: float
    effect: float
    bound: float
    F: float
    p: float


def spread(Y: Floats, overlap: float = 0.0, level: float = 0.95) -> Spread | None:
    """Two-way analysis of variance of Y (k, J) on the seeds that all levels have; None for less than two of either.

    The bound inverts the noncentral F distribution: of larger effects so small an F would come in 5 % of all sweeps.
    """
    Y = Y[:, np.isfinite(Y).all(axis=0)]
    k, J = Y.shape
    if k < 2 or J < 2:
        return None
    means = Y.mean(axis=1)
    rest = Y - means[:, None] - Y.mean(axis=0) + Y.mean()  # (k, J)
    free = (k - 1) * (J - 1)
    variance = float((rest**2).sum()) / free
    between = float(((means - means.mean()) ** 2).sum())
    of_a_mean = variance * (1 / J + overlap)
    size = float(np.abs(Y).max())
    if math.sqrt(variance) <= 1e-14 * size:  # the same to the last digits: no noise at all
        same = math.sqrt(between / k) <= 1e-12 * size
        effect = 0.0 if same else math.sqrt(between / k)
        return Spread(0.0, effect, effect, 1.0 if same else math.inf, 1.0 if same else 0.0)
    F = between / (k - 1) / of_a_mean
    p = float(special.fdtrc(k - 1, free, F))
    effect = math.sqrt(max(between - (k - 1) * of_a_mean, 0.0) / k)
    return Spread(
        math.sqrt(variance), effect, math.sqrt(_noncentrality(F, k - 1, free, 1 - level) * of_a_mean / k), F, p
    )


def _borrowed(own: Floats, free: Floats, shared: float) -> float:
    """Degrees of freedom of the prior: few where variances scatter more than samples of one variance would."""
    if len(own) < 2 or shared == 0.0:
        return math.inf
    scatter = np.log(np.maximum(own, _TINY * shared)) - special.digamma(free / 2) + np.log(free / 2)
    excess = float(scatter.var(ddof=1) - special.polygamma(1, free / 2).mean())
    return math.inf if excess <= 0 else 2 * _inverse_trigamma(excess)


def _inverse_trigamma(x: float) -> float:
    """The y whose trigamma is x > 0, by Newton's method; source: Smyth 2004, appendix."""
    y = 0.5 + 1 / x
    for _ in range(50):
        slope = float(special.polygamma(1, y))
        step = slope * (1 - slope / x) / float(special.polygamma(2, y))
        y += step
        if abs(step) < 1e-8 * y:
            break
    return y


def _noncentrality(F: float, k: int, free: int, p: float) -> float:
    """The noncentrality of which an F as small as this comes with probability p; 0 where even none makes it rare."""
    if F > _CLEAR:  # the series of the distribution fails there, and the limit is of no interest
        return 2 * k * F
    if special.ncfdtr(k, free, 0.0, F) <= p:
        return 0.0
    low, high = 0.0, 1.0
    while special.ncfdtr(k, free, high, F) > p and high < 1e12:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if special.ncfdtr(k, free, middle, F) > p else (low, middle)
    return high


def _variance(x: Sequence[float] | Floats) -> float:
    """The sample variance; exactly 0 for fewer than two numbers, and for those that differ by rounding alone."""
    values = np.asarray(x, dtype=float)
    if len(values) < 2 or float(np.ptp(values)) <= _ROUNDING * float(np.abs(values).max()):
        return 0.0
    return float(values.var(ddof=1))
