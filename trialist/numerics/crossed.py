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
_BEYOND = 0.03  # chance of so small an F, of effects beyond the bound
_CLEAR = 1e4  # an F beyond which no limit is looked for
_TINY = 1e-12  # of the largest variance: a level that never varied has not none
_ROUNDS, _LEAST_SHARE = 8, 0.2


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
    Variances are `moderated`.  Coverage in simulations: `benchmarks/sweeps.py`.
    """
    counts = np.isfinite(D).sum(axis=1)  # (k,)
    own = np.array([_variance(row[np.isfinite(row)]) for row in D])  # (k,)
    variances, freedoms = moderated(own, counts - 1.0)
    found: list[Estimate | None] = []
    for row, count, variance, df in zip(D, counts, variances, freedoms, strict=True):
        if count == 0 or df <= 0:
            found.append(None)
            continue
        mean = math.fsum(row[np.isfinite(row)]) / int(count)
        found.append(Estimate(mean, math.sqrt(float(variance) * (1 / int(count) + overlap)), float(df)))
    return found


def moderated(own: Floats, free: Floats) -> tuple[Floats, Floats]:
    """Variances (k,) drawn towards what is usual among them, and their degrees of freedom.

    own (k,): sample variances with `free` (k,) degrees of freedom each, none where that is less than 1.

    A few seeds tell little of a variance, and levels may be differently noisy, a thousand times where a learning rate
    diverges: each borrows as many degrees of freedom as the scatter of the variances allows, but 4 at most, from their
    median, which a few wild levels do not move.  All of them from the mean, as in the analysis of variance, would make
    the intervals of calm levels useless and those of the wildest hold 70 % of the time; none at all would make all of
    them twice as wide with three seeds.
    Source: Smyth 2004, Linear models and empirical Bayes methods for assessing differential expression, section 6.2.
    """
    known = free >= 1
    if not known.any():
        return np.zeros(len(own)), np.zeros(len(own))
    # The median of a chi-square variable over its degrees of freedom is below 1.
    usual = float(np.median(own[known] * free[known] / special.chdtri(free[known], 0.5)))
    others = free[known].sum() - np.where(known, free, 0.0)
    borrowed = np.minimum(min(_borrowed(own[known], free[known]), _MOST_BORROWED), others)  # (k,)
    borrowed = np.where(known, borrowed, np.maximum(borrowed, np.minimum(1.0, others)))
    freedoms = borrowed + np.where(known, free, 0.0)
    own = np.where(known, own, usual)
    variances = (borrowed * usual + (freedoms - borrowed) * own) / np.maximum(freedoms, _TINY)
    return variances, freedoms


@dataclass(frozen=True, slots=True)
class Spread:
    """How much levels differ, and by how much runs do that have the same level.

    noise: standard deviation of one run about its level's mean, once what the seeds do to all levels is taken out; of
    the usual level.  bound: upper confidence limit, of about 95 %, of how much the levels differ: root mean square of
    each about their mean, in units of its own noise.  F, p: of the hypothesis that all levels are the same.
    """

    noise: float
    bound: float
    F: float
    p: float


def spread(Y: Floats, overlap: float = 0.0) -> Spread | None:
    """Analysis of variance of Y (k, J), on the seeds that all levels have; None for less than two of either.

    Levels may be differently noisy: Welch's statistic, with moderated variances.  The bound inverts the noncentral F
    distribution, at 3 % rather than 5, since the variances are estimates: with three to five seeds it holds in 90 to
    99 % of simulations, with two in 87 to 96 %: `benchmarks/sweeps.py`.
    Source: Welch 1951, On the comparison of several mean values: an alternative approach.
    """
    Y = Y[:, np.isfinite(Y).all(axis=0)]
    k, J = Y.shape
    if k < 2 or J < 2:
        return None
    means, size = Y.mean(axis=1), float(np.abs(Y).max())
    variances, freedoms, _ = _noise_of_levels(Y)
    noise = math.sqrt(float(np.median(variances)))
    if math.sqrt(float(variances.max())) <= _ROUNDING * size:  # no noise at all
        is_same = float(np.ptp(means)) <= 10 * _ROUNDING * size
        return Spread(0.0, 0.0 if is_same else math.inf, 1.0 if is_same else math.inf, 1.0 if is_same else 0.0)
    weights = 1 / (np.maximum(variances, _TINY * variances.max()) * (1 / J + overlap))
    share = weights / weights.sum()
    between = float((weights * (means - share @ means) ** 2).sum()) / (k - 1)
    doubt = float(((1 - share) ** 2 / freedoms).sum())
    F = between / (1 + 2 * (k - 2) / (k * k - 1) * doubt)
    # Moderated variances share what they borrow: no more is known of them than of one that all levels had.
    free = min((k * k - 1) / (3 * doubt), (k - 1.0) * (J - 1.0))
    p = float(special.fdtrc(k - 1, free, F))
    bound = math.sqrt(_noncentrality(F, k - 1, free, _BEYOND) * (1 / J + overlap) / k)
    return Spread(noise, bound, F, p)


def unsteady(Y: Floats) -> list[tuple[int, float, float]]:
    """Levels of Y (k, J) whose runs vary more than those of others: index, how many times as much, and p.

    p: of a variance ratio as large by chance, times the number of levels.  The others' usual variance counts as known
    by half of their degrees of freedom, since it is a median.
    """
    Y = Y[:, np.isfinite(Y).all(axis=0)]
    k, J = Y.shape
    if k < 3 or J < 2:
        return []
    own = _noise_of_levels(Y)[2]
    found = []
    for i in range(k):
        usual = float(np.median(np.delete(own, i)) * (J - 1) / special.chdtri(J - 1, 0.5))
        if math.sqrt(usual) > _ROUNDING * float(np.abs(Y).max()):
            ratio = float(own[i]) / usual
            found.append((i, math.sqrt(ratio), min(1.0, k * float(special.fdtrc(J - 1, (k - 1) * (J - 1) / 2, ratio)))))
    return found


def _noise_of_levels(Y: Floats) -> tuple[Floats, Floats, Floats]:
    """Variances (k,) of one run at each level beside what its seed does to all, their degrees of freedom, and the
    variances (k,) before these were moderated.

    What a seed does is told by the calm levels: each counts by the inverse of its variance, in a few rounds.
    """
    k, J = Y.shape
    rest = Y - Y.mean(axis=1, keepdims=True)  # (k, J)
    free = np.full(k, (J - 1) * (1 - 1 / k))
    share = np.full(k, 1 / k)
    variances, freedoms, own = np.zeros(k), free, np.zeros(k)
    for _ in range(_ROUNDS):
        own = ((rest - share @ rest) ** 2).sum(axis=1) / (J - 1) / np.maximum(1 - share, _LEAST_SHARE)
        variances, freedoms = moderated(own, np.maximum(free, 1.0))
        if not variances.max() > 0:
            break
        weights = 1 / np.maximum(variances, _TINY * variances.max())
        share = weights / weights.sum()
    return variances, freedoms, own


def _borrowed(own: Floats, free: Floats) -> float:
    """Degrees of freedom of the prior: few where variances scatter more than samples of one variance would."""
    largest = float(own.max())
    if len(own) < 2 or largest == 0.0:
        return math.inf
    scatter = np.log(np.maximum(own, _TINY * largest)) - special.digamma(free / 2) + np.log(free / 2)
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


def _noncentrality(F: float, k: int, free: float, p: float) -> float:
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
