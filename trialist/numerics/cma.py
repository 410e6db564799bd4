"""CMA-ES: a normal distribution that learns step size and shape from the ranks of its own offspring.

n dials, λ offspring.  X (λ, n) positions in the unit cube, best first.  x = m + σ s B D z for z ~ N(0, I), C = B D² Bᵀ.
s (n,) holds the spread of discrete dials above a floor without distorting C.

Sources: Hansen 2016, "The CMA Evolution Strategy: A Tutorial" (arXiv 1604.00772; equation numbers are its), with active
updates; Hansen 2011, "Injecting external solutions into CMA-ES" (arXiv 1110.4181), for points that another distribution
has drawn; Nomura et al. 2021, "Warm Starting CMA-ES" (WS-CMA-ES).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WIDEST = 0.5  # standard deviation in units of the cube: what is wider has left the cube
_PRIOR_SPREAD = 0.1  # α of WS-CMA-ES: how far round a good point others are believed to be good


@dataclass(frozen=True, slots=True)
class Rates:
    """Weights (λ,) by rank, negative for the worse half, and learning rates: table 1 of Hansen 2016."""

    weights: Array
    mu_eff: float
    c_sigma: float
    d_sigma: float
    c_c: float
    c_1: float
    c_mu: float


def offspring(n: int) -> int:
    """λ for n dials, eq. 48: enough for a quick search; restarts use more."""
    return 4 + math.floor(3 * math.log(max(n, 1)))


def rates(n: int, population: int) -> Rates:
    """The constants for n dials and λ = population of at least 2 (table 1, eqs. 49 to 58)."""
    n = max(n, 1)
    raw = math.log((population + 1) / 2) - np.log(np.arange(1, population + 1))  # (λ,)
    good, bad = raw[: population // 2], raw[population // 2 :]
    mu_eff = float(good.sum() ** 2 / (good**2).sum())
    mu_eff_bad = float(bad.sum() ** 2 / (bad**2).sum()) if bad.any() else 0.0
    c_sigma = (mu_eff + 2) / (n + mu_eff + 5)
    c_1 = 2 / ((n + 1.3) ** 2 + mu_eff)
    c_mu = min(1 - c_1, 2 * (0.25 + mu_eff + 1 / mu_eff - 2) / ((n + 2) ** 2 + mu_eff))
    # The negative weights sum to at most what keeps C positive definite (eqs. 50 to 53).
    most = min(1 + c_1 / c_mu, 1 + 2 * mu_eff_bad / (mu_eff + 2), (1 - c_1 - c_mu) / (n * c_mu))
    weights = np.where(raw > 0, raw / good.sum(), raw * (most / max(float(-bad.sum()), 1e-300)))
    return Rates(
        weights=weights,
        mu_eff=mu_eff,
        c_sigma=c_sigma,
        d_sigma=1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma,
        c_c=(4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n),
        c_1=c_1,
        c_mu=c_mu,
    )


def weights_of(rates: Rates, merits: Sequence[Hashable]) -> Array:
    """The weights (λ,) of offspring sorted by merit, best first: equal ones share what their ranks would earn."""
    weights = rates.weights.copy()
    start = 0
    for end in range(1, len(merits) + 1):
        if end == len(merits) or merits[end] != merits[start]:
            weights[start:end] = weights[start:end].mean()
            start = end
    return weights


@dataclass(frozen=True, slots=True)
class Gaussian:
    """The distribution: mean m, step σ, shape C = B D² Bᵀ, spread s of discrete dials, and the evolution paths."""

    mean: Array
    sigma: float
    C: Array
    B: Array
    D: Array
    spread: Array
    p_sigma: Array
    p_c: Array
    generation: int

    @property
    def deviations(self) -> Array:
        """(n,) the standard deviation of each dial."""
        found: Array = self.sigma * self.spread * np.sqrt(np.diag(self.C))
        return found

    def at(self, z: Array) -> Array:
        """The point (n,) of a standard normal z (n,)."""
        point: Array = self.mean + self.sigma * self.spread * (self.B @ (self.D * z))
        return point

    def log_density(self, x: Array) -> float:
        """The log of the density at x (n,), but for a constant that only n decides."""
        scale = self.sigma * self.spread
        z = ((x - self.mean) / scale @ self.B) / self.D
        return -0.5 * float(z @ z) - float(np.log(scale).sum() + np.log(self.D).sum())

    def floored(self, least: Array) -> Gaussian:
        """The same with no dial narrower than `least` (n,): "LB" of LB+IC-CMA-ES (Marty et al. 2024)."""
        bare = self.sigma * np.sqrt(np.diag(self.C))
        return replace(self, spread=np.maximum(1.0, least / np.maximum(bare, 1e-300)))


def start(mean: Array, sigma: float, covariance: Array | None = None) -> Gaussian:
    """A first distribution N(mean, σ² C); C (n, n) is the identity unless given."""
    n = len(mean)
    C = np.eye(n) if covariance is None else covariance
    B, D = _axes(C)
    return Gaussian(mean, sigma, C, B, D, np.ones(n), np.zeros(n), np.zeros(n), 0)


def warm_start(good: Array) -> Gaussian:
    """The distribution that lies nearest to a mixture of small normals round good points (k, n): Nomura 2021, eq. 8."""
    n, mean = good.shape[1], good.mean(axis=0)
    away = good - mean
    covariance = _PRIOR_SPREAD**2 * np.eye(n) + away.T @ away / len(good)
    sigma = math.exp(np.linalg.slogdet(covariance)[1] / (2 * max(n, 1)))
    return start(mean, sigma, covariance / sigma**2)


def update(state: Gaussian, rates: Rates, X: Array, weights: Array) -> Gaussian:
    """The next distribution, of X (λ, n) and its weights (λ,).

    Steps are shortened to the length that the distribution's own would hardly exceed (Hansen 2011, eq. 3), so that
    points from elsewhere cannot throw it off.
    """
    n = len(state.mean)
    g = state.generation + 1
    Y = (X - state.mean) / (state.sigma * state.spread)
    Z = (Y @ state.B) / state.D  # (λ, n): z of each, in the axes of C
    lengths = np.sqrt((Z**2).sum(axis=1))
    shortened = np.minimum(1.0, (math.sqrt(n) + 2 * n / (n + 2)) / np.maximum(lengths, 1e-300))
    Y, Z, lengths = Y * shortened[:, None], Z * shortened[:, None], lengths * shortened

    positive = np.maximum(weights, 0.0)
    step, whitened = positive @ Y, state.B @ (positive @ Z)
    mean = state.mean + state.sigma * state.spread * step  # eq. 42

    c_s, c_c = rates.c_sigma, rates.c_c
    p_sigma = (1 - c_s) * state.p_sigma + math.sqrt(c_s * (2 - c_s) * rates.mu_eff) * whitened  # eq. 43
    length, expected = float(np.sqrt(p_sigma @ p_sigma)), _expected_length(n)
    growth = math.exp(min(1.0, c_s / rates.d_sigma * (length / expected - 1)))  # eq. 44
    is_steady = length / math.sqrt(1 - (1 - c_s) ** (2 * (g + 1))) < (1.4 + 2 / (n + 1)) * expected
    p_c = (1 - c_c) * state.p_c + is_steady * math.sqrt(c_c * (2 - c_c) * rates.mu_eff) * step  # eq. 45

    # Negative weights count by direction, not by length (eq. 46).
    each = np.where(weights >= 0, weights, weights * n / np.maximum(lengths**2, 1e-300))
    missing = (1 - is_steady) * c_c * (2 - c_c)
    kept = 1 + rates.c_1 * missing - rates.c_1 - rates.c_mu * float(weights.sum())
    C = kept * state.C + rates.c_1 * np.outer(p_c, p_c) + rates.c_mu * (Y.T * each) @ Y  # eq. 47
    C = (C + C.T) / 2
    B, D = _axes(C)
    widest = state.sigma * growth * float(np.sqrt(np.diag(C)).max(initial=0.0))
    sigma = state.sigma * growth * min(1.0, WIDEST / max(widest, 1e-300))
    return Gaussian(mean, sigma, C, B, D, state.spread, p_sigma, p_c, g)


def _axes(C: Array) -> tuple[Array, Array]:
    """B (n, n) and D (n,) with C = B D² Bᵀ; rounding cannot make an axis imaginary."""
    squares, B = np.linalg.eigh(C)
    return B, np.sqrt(np.maximum(squares, 1e-20 * squares.max(initial=1e-300)))


def _expected_length(n: int) -> float:
    """The mean length of N(0, I) in n dimensions, to a thousandth."""
    n = max(n, 1)
    return math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
