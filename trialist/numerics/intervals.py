"""Intervals for the difference of two arms over examples and seeds: crossed random effects, corrected for skewness.

a (s_a, n), b (s_b, n): losses of two arms (the default and the selected configuration, say), each trained with its own
seeds, on the same n examples; smaller is better. The difference is mean(a) - mean(b): positive where b is better.
Two things are drawn at random, and both must be in the interval: which examples the test set holds (shared by the arms,
hence paired), and which seeds the arms were trained with. With one seed each, the models are given.

Metrics that are no mean of values per example come as pseudo-values, see `influence`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialist.numerics.gaussian import student_quantile

Floats = NDArray[np.float64]

_SKEWNESS = 2.0  # times the sample's, which in heavy tails comes out at about half of the true one
_FARTHEST = 1.5  # times t: beyond, the cubic runs away
_TAILS = 0.5  # all of it would be too cautious for symmetric differences, where large values widen t's denominator, too
_FEW = (1, 6)  # examples that tell the arms apart: too few to know a variance by, and enough
_FLOOR = 0.5  # of the examples' variance, where what is taken from it comes out as more
_SCALE, _FARTHEST_APART = 0.75, 30.0  # mean squares are compared by their power of -0.75; of logs, for the exponential


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the two ends of its interval."""

    estimate: float
    low: float
    high: float


def paired_interval(
    a: Floats,
    b: Floats,
    *,
    level: float = 0.95,
    groups: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    twice: float = 0.0,
) -> Interval | None:
    """Interval of mean(a) - mean(b) over examples and seeds; None where one example, or one group, is all there is.

    a (s_a, n), b (s_b, n): finite losses by seed and example, s_a, s_b >= 1.  groups (n,): examples of one group
    (a patient, a time block) come and go together.  strata (n,): the class of each example, where values vary
    about a mean of their own in each class, as those of an AUC do; not used together with groups.  twice: variance that
    examples of two classes both bring, see `influence.counted_twice`.
    Swapped arms give the mirror image; the order of examples does not matter, nor does that of seeds.

    Variance: of the mean difference over examples, plus that of the seeds' means, less what examples bring to the
    latter; as in the analysis of variance the three estimates add up without bias, and Satterthwaite (1946) gives the
    sum its degrees of freedom, fewer for heavy tails. Without noise from examples this is Welch's interval. An arm with
    a single seed borrows the variance of the other.
    Skewness: each limit is the more cautious of Student's t and Hall's transformation of it (JRSS B 54, 1992), a cubic
    that undoes the skewness which the differences of examples leave in t. Hall's alone is too narrow for symmetric
    differences, Student's alone misses on one side for squared errors. Hall's is held within 1.5 times t: where a few
    examples make most of the skewness its inverse runs away, to eight standard errors, which no coverage asks for (log
    losses of fifteen pairs of real classifiers, 100 to 539 rows: as often right, mean width 1.13 to 1.22 instead of
    1.21 to 1.64 of a normal interval's). A bootstrap-t is slower and was no better.
    Ties: 0/1 losses of which fewer than six examples differ have no variance worth the name. Two invented examples,
    one for each arm, are added to it then (Agresti & Min, Statistics in Medicine 24, 2005).
    Coverage in simulations: `benchmarks/honesty/coverage.py`.
    """
    if groups is None and strata is not None:
        cells = np.unique(np.asarray(strata), return_inverse=True)[1].reshape(-1)
    else:
        cells = None
    sizes = _by_group(np.ones((1, a.shape[1])), groups)[0]  # (count,)
    A, B = _by_group(a, groups), _by_group(b, groups)
    if len(sizes) < 2 or (cells is not None and np.bincount(cells).min() < 2):
        return None
    n = float(sizes.sum())
    sums = A.mean(axis=0) - B.mean(axis=0)  # (count,) of differences
    estimate = float(sums.sum()) / n
    noise = _noise(sums[None], sizes, cells)[0] / n  # (count,)
    shares, freedoms = _freedoms(noise, cells)
    examples = max(float(shares.sum()) - twice, _FLOOR * float(shares.sum()))
    spread = _spread_of_seeds(A, B, sizes, cells)
    variance = max(examples + spread.variance, _FLOOR * examples)
    uncertainty = float((shares**2 / freedoms).sum()) + spread.uncertainty  # of the variance, squared and halved
    variance += _of_invented(sums, a, b, n)
    if variance == 0:
        return Interval(estimate, estimate, estimate)
    df = max(1.0, variance / uncertainty * variance) if uncertainty > 0 else float(freedoms.sum())
    se = math.sqrt(variance)
    t = student_quantile((1 + level) / 2, df)
    scaled = noise / se
    skewness = _SKEWNESS * float((scaled * scaled * scaled).sum())  # ** 3 is not odd to the last bit
    low = estimate - se * min(max(t, _untransformed(t, skewness)), _FARTHEST * t)
    high = estimate - se * max(min(-t, _untransformed(-t, skewness)), -_FARTHEST * t)
    return Interval(estimate, low, high)


def at_each_others_level(a: Floats, b: Floats, power: float) -> tuple[Floats, Floats]:
    """The same arms for `paired_interval`, each with the noise that it would have at the other's level.

    a (s_a, n), b (s_b, n): squared errors, or pseudo-values, whose mean is M^power, M being the mean square: power 1 of
    an MSE, 0.5 of an RMSE.  Means stay as they are; where one is not above 0, so does all else.

    An arm whose rare large errors happen to be missing has a low mean and, for the same reason, little noise: it looks
    better and surer than it is. Where two models scored alike and one had large errors of its own, 100 to 300 rows
    called that one better in 4 to 5 % of all cases and worse in 1 %. On the scale of M^-0.75 both come to about 2.4 %,
    on that of 1/M to 1 and 2.5, on that of log M to 4 and 1.7.
    Noise alone need be taken from that scale: a difference there, times what makes it the one that people see, is that.
    """
    x, y = float(a.mean()), float(b.mean())
    if not (x > 0 and y > 0):
        return a, b
    apart = max(-_FARTHEST_APART, min(_FARTHEST_APART, (math.log(x) - math.log(y)) / (2 * power)))
    # With M = g exp(+-apart), M^-s differs by 2 g^-s sinh(s apart), M^p by 2 g^p sinh(p apart); dM^-s = s M^(-s-1) dM.
    turned = _SCALE / power * math.sinh(power * apart) / math.sinh(_SCALE * apart) if apart else 1.0
    factor = math.exp((_SCALE + power) * apart)
    return x + (a - x) * (turned / factor), y + (b - y) * (turned * factor)


def welch_interval(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> Interval | None:
    """Welch's t interval of mean(a) - mean(b) over seeds; None with a single number on each side.

    a (s_a,), b (s_b,): one number per seed.  A side with a single number borrows the variance of the other.
    Source: Welch 1947, with Satterthwaite's degrees of freedom.
    """
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if len(x) == len(y) == 1:
        return None
    u, v, freedom = _seed_variances(x, y)
    estimate, variance = float(x.mean() - y.mean()), u + v
    half = student_quantile((1 + level) / 2, freedom) * math.sqrt(variance)
    return Interval(estimate, estimate - half, estimate + half)


@dataclass(frozen=True, slots=True)
class _Spread:
    """What seeds add to the variance of the difference, may be negative; and its squared error, halved."""

    variance: float = 0.0
    uncertainty: float = 0.0


def _spread_of_seeds(A: Floats, B: Floats, sizes: Floats, cells: NDArray[np.int64] | None) -> _Spread:
    """A (s_a, count), B (s_b, count): sums of losses by group."""
    if len(A) == len(B) == 1:
        return _Spread()
    n = sizes.sum()
    u, v, freedom = _seed_variances(A.sum(axis=1) / n, B.sum(axis=1) / n)
    # Of a seed's mean, the part that stems from its own answers to these examples is in the examples' share already.
    known = [_interaction(arm, sizes, cells) / n for arm in (A, B) if len(arm) > 1]
    own = known[0] / len(A), known[-1] / len(B)
    freedoms = (len(sizes) - 1) * (max(len(A), len(B)) - 1)
    uncertainty = (u + v) ** 2 / freedom + (own[0] ** 2 + own[1] ** 2) / freedoms
    return _Spread(u + v - sum(own), uncertainty)


def _interaction(arm: Floats, sizes: Floats, cells: NDArray[np.int64] | None) -> float:
    """n times the variance that a seed's mean owes to its own answers to examples; arm (s, count): sums by group."""
    noise = _noise(arm - arm.mean(axis=0), sizes, cells)
    return float((noise**2).sum()) / float(sizes.sum()) / (len(arm) - 1)


def _noise(sums: Floats, sizes: Floats, cells: NDArray[np.int64] | None) -> Floats:
    """sums (k, count) by group, less what the mean of their row, and stratum, makes of them: (k, count).

    Stretched by as much as a sample's deviations are too small, so that its squares add up to the sum's variance.
    """
    if cells is None:
        count = sums.shape[1]
        centred = sums - (sums.sum(axis=1) / sizes.sum())[:, None] * sizes
        return np.asarray(centred * math.sqrt(count / (count - 1)), dtype=np.float64)
    counts = np.bincount(cells)
    means = np.stack([np.bincount(cells, weights=row) / counts for row in sums])  # (k, strata)
    return np.asarray((sums - means[:, cells]) * np.sqrt(counts / (counts - 1))[cells], dtype=np.float64)


def _freedoms(noise: Floats, cells: NDArray[np.int64] | None) -> tuple[Floats, Floats]:
    """Variances by stratum (strata,), and the degrees of freedom of each; noise (count,).

    A variance is known less well where tails are heavy: by (kurtosis - 1) / 2 times, of which a share counts.
    """
    where = np.zeros(len(noise), dtype=np.int64) if cells is None else cells
    counts, squares = np.bincount(where), noise**2
    shares = np.bincount(where, weights=squares)
    fourth = np.bincount(where, weights=squares**2)
    kurtosis = counts * np.divide(fourth, shares**2, out=np.zeros(len(counts)), where=shares**2 > 0)
    freedoms = (counts - 1) / np.maximum(1.0, 1 + _TAILS * ((kurtosis - 1) / 2 - 1))
    return shares.astype(np.float64), freedoms.astype(np.float64)


def _seed_variances(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Variances of mean(x) and mean(y), and Satterthwaite's degrees of freedom of their sum.

    An arm of one number borrows the variance of the other; two of them have none.
    """
    if len(x) == 1 or len(y) == 1:
        known = y if len(x) == 1 else x
        return _variance(known) / len(x), _variance(known) / len(y), len(known) - 1
    u, v = _variance(x) / len(x), _variance(y) / len(y)
    if u + v == 0:
        return 0.0, 0.0, len(x) + len(y) - 2
    p, q = u / (u + v), v / (u + v)  # as shares, because squares of tiny variances vanish
    return u, v, 1 / (p * p / (len(x) - 1) + q * q / (len(y) - 1))


def _variance(x: Floats) -> float:
    """The sample variance; exactly 0 for equal numbers, whose mean need not be one of them in floating point."""
    return 0.0 if np.all(x == x[0]) else float(x.var(ddof=1))


def _of_invented(sums: Floats, a: Floats, b: Floats, n: float) -> float:
    """The variance that two invented examples add where hardly any differ; sums (count,) of differences by group."""
    telling = sums[sums != 0]
    if 2 * len(telling) >= len(sums) or len(telling) >= _FEW[1]:
        return 0.0
    size = float((telling**2).mean()) if len(telling) else float(is_binary(a, b))
    weight = min(1.0, (_FEW[1] - len(telling)) / (_FEW[1] - _FEW[0]))
    return 2 * weight * size / n**2


def is_binary(a: Floats, b: Floats) -> bool:
    """Whether all losses are 0 and 1, or 0 and -1 where more is better."""
    return any(bool(np.isin(a, (0, one)).all() and np.isin(b, (0, one)).all()) for one in (1, -1))


def _untransformed(t: float, skewness: float) -> float:
    """The value of the skew statistic that Hall's cubic takes to t; skewness: of the estimate, third standard moment.

    The cubic g(x) = x + skewness x² / 3 + skewness² x³ / 27 + skewness / 6 is a cube but for a constant.
    """
    if abs(skewness) < 1e-6:
        return t
    return 3 / skewness * (math.cbrt(1 + skewness * (t - skewness / 6)) - 1)


def _by_group(losses: Floats, groups: ArrayLike | None) -> Floats:
    """losses (s, n) summed within groups: (s, count); each example is a group of its own by default."""
    if groups is None:
        return losses
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    return np.stack([np.bincount(codes.reshape(-1), weights=row) for row in losses])
