"""Parzen estimators on the unit cube: mixtures of product kernels over mixed and conditional dials, and of their prior.

d dials, n observations, c candidates; U (n, d) and V (c, d) canonical rows of the unit cube, K (n, d) and A (c, d) the
dials that are active in them.  The density at a candidate v is

    p(v) = w_0 prod_j prior_j(v_j) + sum_i w_i prod_j k_j(v_j | u_i),    w_0 + sum_i w_i = 1,

each product over the dials that are active in v (Watanabe 2023, eq. 7, with the prior itself as the prior's kernel):

| dial                     | k_j(v given u)                                                                  |
| ---                      | ---                                                                             |
| continuum                | density at v of a normal round u of deviation h_j, truncated to [0, 1]          |
| finite, in an order      | the probability by which that normal falls into the share of v's value          |
| choices without an order | 1 - h_j for u's own, and h_j dealt out by the prior (Aitchison & Aitken 1976)   |
| not active in u          | the prior of the dial                                                           |

The last line makes the mixture a proper density over a tree of conditions: a draw picks an observation, perturbs its
dials from the root on, and where a parent's new value wakes a dial that the observation lacks, draws it from the prior.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Compared on nine synthetic functions (numeric, mixed, conditional, categorical; 12 to 30 seeds, 100 trials): Scott's
# rule (factor 1.06) left 15 to 20 % more regret than 0.7, and 0.5 a little less than 0.7 or 0.35; one width for all
# dials (0.2 n^(-1/(d+4))) was worst.  Least bandwidths from 0.01 to 0.05 made no difference.  Without a ceiling on the
# chance of another choice it starts too high where choices are many; one chance for all n lost on conditional spaces.
_SCOTT = 0.5  # of a dial's standard deviation, times n^(-1/(d+4))
_LEAST_BANDWIDTH = 0.01
_LEAST_SHARES = 0.5  # of the share of a value: below, a kernel would know no neighbour
_MOST_OTHERS = 0.3  # chance of another choice

_LEAST_MASS = 1e-300  # of a share far from a kernel's centre, so that its logarithm is a number
_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, slots=True, eq=False)
class Dials:
    """The d dials as kernels see them.

    counts (d,): number of values of a finite dial, 0 for a continuum.  unordered (d,): choices without an order.
    mean, sd (d,): the prior, a normal on the axis truncated to [0, 1]; sd is inf where it is uniform.
    masses: for each dial the prior's probabilities of its k equal shares, (k,), or None where mean and sd say it all.
    """

    counts: NDArray[np.int64]
    unordered: Mask
    mean: Floats
    sd: Floats
    masses: tuple[Floats | None, ...]

    @property
    def continuous(self) -> Mask:
        continuous: Mask = self.counts == 0
        return continuous

    def draw(self, u: Floats) -> Floats:
        """Uniform points (c, d) pushed through the priors."""
        drawn = u.copy()
        normal = np.isfinite(self.sd)
        drawn[:, normal] = _truncated(u[:, normal], self.mean[normal], self.sd[normal])
        for j, masses in enumerate(self.masses):
            if masses is not None:
                k = len(masses)
                index = np.minimum(np.searchsorted(np.cumsum(masses), u[:, j], side="right"), k - 1)
                drawn[:, j] = (index + 0.5) / k
        return drawn

    def log_prior(self, at: Candidates) -> Floats:
        """(c, d) log density of the priors at continuous dials, log probability of the value at finite ones."""
        log = np.zeros(at.V.shape)
        finite = self.counts > 0
        log[:, finite] = np.log(at.end[:, finite] - at.start[:, finite])
        normal = np.isfinite(self.sd)
        if normal.any():
            m, s = self.mean[normal], self.sd[normal]
            inside = _between(-m / s, (1.0 - m) / s)
            density = np.exp(-0.5 * ((at.V[:, normal] - m) / s) ** 2 - _LOG_ROOT_2PI) / s
            share = _between((at.start[:, normal] - m) / s, (at.end[:, normal] - m) / s)
            log[:, normal] = np.log(np.maximum(np.where(finite[normal], share, density) / inside, _LEAST_MASS))
        for j, masses in enumerate(self.masses):
            if masses is not None:
                k = len(masses)
                log[:, j] = np.log(masses[np.clip((at.V[:, j] * k).astype(int), 0, k - 1)])
        return log


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Canonical rows V (c, d), A (c, d) their active dials, start and end (c, d) the shares of their values."""

    V: Floats
    A: Mask
    start: Floats
    end: Floats


class Mixture:
    """The density of observations U (n, d), K (n, d) with weights (n,), beside the prior's own weight, which is 1."""

    def __init__(self, dials: Dials, U: Floats, K: Mask, weights: Floats) -> None:
        self.dials, self.U, self.K = dials, U, K
        self.h = bandwidths(dials, U, K, weights)
        self.weights = np.append(weights, 1.0) / (weights.sum() + 1.0)  # (n + 1,) the prior last

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Floats, NDArray[np.intp]]:
        """Points (count, d) of the cube, not canonical yet; and which observation each came from, n for the prior."""
        n, d = self.U.shape
        origin = np.searchsorted(np.cumsum(self.weights)[:-1], rng.random(count), side="right")  # (count,)
        u, stay = rng.random((count, d)), rng.random((count, d))
        drawn = self.dials.draw(u)
        if n:
            centre, known = self.U[np.minimum(origin, n - 1)], self.K[np.minimum(origin, n - 1)] & (origin < n)[:, None]
            moved = np.where(self.dials.unordered, centre, _truncated(u, centre, self.h))
            known &= ~self.dials.unordered | (stay >= self.h)
            drawn = np.where(known, moved, drawn)
        return drawn, origin

    def log_density(self, at: Candidates) -> Floats:
        """(c,) log p at the candidates."""
        log_prior = np.where(at.A, self.dials.log_prior(at), 0.0)  # (c, d)
        log = np.empty((len(self.weights), len(at.V)))  # (n + 1, c)
        log[-1] = log_prior.sum(axis=1)
        self._continuous(at, log_prior, log[:-1])
        for j in np.flatnonzero(self.dials.counts > 0):
            self._finite(int(j), at, log_prior, log[:-1])
        with np.errstate(divide="ignore"):
            log += np.log(self.weights)[:, None]
        top = log.max(axis=0)
        log -= top
        np.exp(log, out=log)
        density: Floats = top + np.log(log.sum(axis=0))
        return density

    def _continuous(self, at: Candidates, log_prior: Floats, out: Floats) -> None:
        """The squares multiplied out, so that n x c distances become one product of matrices."""
        J = self.dials.continuous
        U, K, h = self.U[:, J] - 0.5, self.K[:, J], self.h[J]
        V, A = at.V[:, J] - 0.5, at.A[:, J]
        inside = _between((-0.5 - U) / h, (0.5 - U) / h)  # (n, j)
        alone = -0.5 * (U / h) ** 2 - np.log(inside * h) - _LOG_ROOT_2PI
        ours = np.hstack([K / h**2, K * U / h**2, K * alone, ~K])  # (n, 4 j)
        theirs = np.hstack([A * -0.5 * V**2, A * V, A, log_prior[:, J]])  # (c, 4 j)
        np.matmul(ours, theirs.T, out=out)

    def _finite(self, j: int, at: Candidates, log_prior: Floats, out: Floats) -> None:
        """One table for the distinct values of the observations, and one row more for those that lack the dial."""
        values, place = np.unique(self.U[:, j], return_inverse=True)
        h = self.h[j]
        if self.dials.unordered[j]:
            shared = h * np.exp(log_prior[:, j])
            kernel = np.where(np.abs(values[:, None] - at.V[:, j]) < 1e-9, 1.0 - h + shared, shared)
        else:
            centre = values[:, None]
            kernel = _between((at.start[:, j] - centre) / h, (at.end[:, j] - centre) / h)
            kernel /= _between(-centre / h, (1.0 - centre) / h)
        table = np.vstack([np.log(np.maximum(kernel, _LEAST_MASS)), log_prior[:, j]])  # (values + 1, c)
        table[:, ~at.A[:, j]] = 0.0
        out += table[np.where(self.K[:, j], place, len(values))]


def bandwidths(dials: Dials, U: Floats, K: Mask, weights: Floats) -> Floats:
    """(d,) standard deviations h_j of the kernels of numeric dials, chances of another choice of unordered ones.

    A numeric dial's follows its own spread, one observation of the uniform being added (variance 1/12 round 1/2): one
    on which the observations agree is searched finely, one that does not matter stays wide (Scott 1992; Falkner 2018).
    An unordered dial of k choices has k / (n + 1 + k), as if a (n + 1)-th part of an observation stood at each choice.
    """
    n, d = U.shape
    W = weights[:, None] * K  # (n, d)
    total = W.sum(axis=0) + 1.0
    mean = ((W * U).sum(axis=0) + 0.5) / total
    variance = ((W * (U - mean) ** 2).sum(axis=0) + 1.0 / 12.0 + (0.5 - mean) ** 2) / total
    active = K.sum() / n if n else d  # dials of an observation, on average
    h = _SCOTT * np.sqrt(variance) * np.maximum(K.sum(axis=0), 1) ** (-1.0 / (active + 4.0))
    least = np.maximum(_LEAST_BANDWIDTH, _LEAST_SHARES / np.where(dials.continuous, np.inf, dials.counts))
    others = np.minimum(_MOST_OTHERS, dials.counts / (n + 1.0 + dials.counts))
    found: Floats = np.where(dials.unordered, others, np.clip(h, least, 1.0))
    return found


def _truncated(u: Floats, mean: Floats, sd: Floats) -> Floats:
    """The points below which lies the share u of normals truncated to [0, 1]."""
    # Seen from the far end where the mean lies near 0 or below, so that floats have their digits in the thin tail.
    flip = mean < 0.5
    m, u = np.where(flip, 1.0 - mean, mean), np.where(flip, 1.0 - u, u)
    low, high = special.ndtr(-m / sd), special.ndtr((1.0 - m) / sd)
    x = np.clip(m + sd * special.ndtri(low + u * (high - low)), 0.0, 1.0)
    inside: Floats = np.where(flip, 1.0 - x, x)
    return inside


def _between(a: Floats, b: Floats) -> Floats:
    """The standard normal's mass from a to b, in the tails too."""
    flip = a > 0.0
    low, high = np.where(flip, -b, a), np.where(flip, -a, b)
    mass: Floats = special.ndtr(high) - special.ndtr(low)
    return mass
