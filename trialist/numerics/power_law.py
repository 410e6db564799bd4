"""Learning curves as power laws with drift, and a prior learnt from other curves: where does this one end?

A curve is y(t) = f + a h(t) + drift(t) + noise, at shares t in (0, 1] of a run. h(t) = (t^-b - 1) / (START^-b - 1) goes
from 1 at START to 0 at the end, so f is the value at the end and a the drop; b is the exponent. No curve is a power law
throughout: the drift is a Brownian motion of variance d^2 |ln t|, so that what a curve does late says more than what it
did early. Given b, the noise and d, all else is normal, and is integrated out in closed form; these three are summed
over the cells of a grid, weighted by how well each explains what was seen, and by how often it explained other curves
(empirical Bayes).

T points of a curve, n curves, C cells of B exponents and M kinds of noise.  Values are of the order of 1.
Sources: Domhan et al. 2015 for extrapolation by weighted curves; Swersky et al. 2014 for what freezes and thaws.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

START = 0.05
_B = np.array([0.05, 0.2, 0.5, 1.0, 1.8, 3.0])  # exponents
_NOISE, _DRIFT = (
    each.ravel() for each in np.meshgrid([0.01, 0.04, 0.15], [0.02, 0.05, 0.12, 0.3, 0.75], indexing="ij")
)  # (M,)
_RATIO = 1.35  # points are averages over shares that differ by no more than that
_EARLIEST = 0.01  # share; what lies before is left out
_FEW = 4.0  # curves that the default prior is worth


class Prior(NamedTuple):
    """mean (2,), covariance (2, 2) of f and a; log_cells (B, M), the log probability of each cell."""

    mean: Floats
    covariance: Floats
    log_cells: Floats


class Forecast(NamedTuple):
    """The value at the end, a normal in each cell: weights, means and deviations (C,)."""

    weights: Floats
    means: Floats
    deviations: Floats

    @property
    def mean(self) -> float:
        return float(self.weights @ self.means)

    @property
    def deviation(self) -> float:
        return math.sqrt(float(self.weights @ (self.deviations**2 + (self.means - self.mean) ** 2)))


VAGUE = Prior(np.zeros(2), np.diag([9.0, 9.0]), np.full((len(_B), len(_DRIFT)), -math.log(len(_B) * len(_DRIFT))))


def prior_of(curves: list[tuple[Floats, Floats]]) -> Prior:
    """The prior that finished curves make, each t (T,) and y (T,); the default one is worth a few curves beside them.

    By medians, since some curves diverge.
    """
    cells, ends = np.exp(VAGUE.log_cells) * _FEW, []
    for t, y in curves:
        evidence, d0, d1, _ = _posterior(VAGUE, t, y)
        weights = np.exp(evidence - evidence.max())
        weights /= weights.sum()
        cells += weights
        ends.append((float(np.sum(weights * d0)), float(np.sum(weights * d1))))
    E, n = np.array(ends), len(ends)
    middle = np.median(E, axis=0)
    deviation = np.maximum(1.4826 * np.median(np.abs(E - middle), axis=0), 0.05)
    near = np.clip((E - middle) / deviation, -3, 3)
    correlation = float(np.mean(near[:, 0] * near[:, 1])) / max(1.0, float(np.mean(near**2))) / (1 + _FEW / n)
    # Few curves show less than there is: inflated as a t distribution is.
    deviation = deviation * math.sqrt((n + _FEW) / max(n - 1, 1))
    covariance = np.outer(deviation, deviation) * np.array([[1.0, correlation], [correlation, 1.0]])
    return Prior(middle, covariance, np.log(cells / cells.sum()))


def forecast(prior: Prior, t: ArrayLike, y: ArrayLike) -> Forecast:
    """Where a curve ends that was seen at t (T,), ascending, with y (T,); the noise of its last value is in it."""
    evidence, means, _, variances = _posterior(prior, np.asarray(t, dtype=float), np.asarray(y, dtype=float))
    weights = np.exp(evidence - evidence.max())
    deviations = np.sqrt(variances + _NOISE**2)
    return Forecast((weights / weights.sum()).ravel(), means.ravel(), deviations.ravel())


def _posterior(prior: Prior, t: Floats, y: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """By cell (B, M): log evidence with the cell's own, the means of f and a, and the variance of f."""
    t, y, count = _averaged(t, y)
    ago = -np.log(t)  # (T,)
    H = np.expm1(np.outer(_B, ago)) / np.expm1(-_B * math.log(START))[:, None]  # (B, T)
    S = _DRIFT[:, None, None] ** 2 * np.minimum(ago[:, None], ago)  # (M, T, T)
    S += (_NOISE[:, None] ** 2 / count)[:, :, None] * np.eye(len(t))
    S += 1e-9 * np.eye(len(t))
    inverse = np.linalg.inv(S)
    rest = y - prior.mean[0] - prior.mean[1] * H  # (B, T)
    SH, SR = np.einsum("mts,bs->bmt", inverse, H), np.einsum("mts,bs->bmt", inverse, rest)
    ones = inverse.sum(axis=2)  # (M, T)
    K = np.linalg.inv(prior.covariance)
    A00, A01 = K[0, 0] + ones.sum(axis=1), K[0, 1] + SH.sum(axis=2)
    A11 = K[1, 1] + np.einsum("bmt,bt->bm", SH, H)
    g0, g1 = SR.sum(axis=2), np.einsum("bmt,bt->bm", SR, H)
    det = A00 * A11 - A01**2  # (B, M)
    d0, d1 = (A11 * g0 - A01 * g1) / det, (A00 * g1 - A01 * g0) / det  # beyond the prior's mean
    fit = np.einsum("bmt,bt->bm", SR, rest) - (g0 * d0 + g1 * d1)
    evidence = prior.log_cells - 0.5 * (fit + np.linalg.slogdet(S)[1] + np.log(det))
    return evidence, prior.mean[0] + d0, prior.mean[1] + d1, A11 / det


def _averaged(t: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Points of a curve as averages over shares of nearly the same logarithm, counted back from the latest one."""
    keep = t >= min(_EARLIEST, t[-1])
    ln_t, y = np.log(np.minimum(t[keep], 1.0)), y[keep]
    group = np.floor((ln_t[-1] - ln_t) / math.log(_RATIO)).astype(np.int64)  # descending
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    count = np.diff(np.r_[starts, len(ln_t)]).astype(float)
    return np.exp(np.add.reduceat(ln_t, starts) / count), np.add.reduceat(y, starts) / count, count
