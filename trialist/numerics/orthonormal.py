"""Orthonormal functions of one dial, and what a Matérn process on the dial looks like in them.

A dial has G levels in [0, 1] with weights (G,) that sum to 1: a finite dial its values, a continuum a fine grid.  Its M
functions have mean 0, variance 1 and no correlation under the weights, so that the variance of what is made of them is
the sum of the squares of its coefficients.  For numbers they are polynomials (Legendre's where the weights are even),
for choices contrasts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST = 10  # functions of a numeric dial: two whole waves are told by them to within a hundredth of their variance
LENGTHS = np.geomspace(0.1, 4.2, 8)  # lengthscales at which covariances are tabulated; between them they are blended
LOG_LENGTHS = np.log(LENGTHS)
_STEP = float(LOG_LENGTHS[1] - LOG_LENGTHS[0])
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Basis:
    """levels (G,) ascending, weights (G,), table (G, M) values of the functions; is_smooth: of numbers in an order.

    is_finite: positions stand for the nearest level, else functions are interpolated between levels.
    """

    levels: Array
    weights: Array
    table: Array
    is_smooth: bool
    is_finite: bool

    @property
    def size(self) -> int:
        """M."""
        return int(self.table.shape[1])

    def at(self, u: Array) -> Array:
        """(n, M) values at positions u (n,)."""
        if self.is_finite:
            above = np.clip(np.searchsorted(self.levels, u), 1, max(len(self.levels) - 1, 1))
            if len(self.levels) == 1:
                return np.asarray(self.table[np.zeros(len(u), dtype=np.intp)])
            nearer = np.abs(self.levels[above - 1] - u) <= np.abs(self.levels[above] - u)
            return np.asarray(self.table[np.where(nearer, above - 1, above)])
        return np.stack([np.interp(u, self.levels, column) for column in self.table.T], axis=-1).reshape(len(u), -1)


def numbers(levels: Array, weights: Array, is_finite: bool) -> Basis:
    """Polynomials of at most MOST degrees; levels without weight say nothing."""
    few = min(MOST, int((weights > _NOTHING).sum()) - 1)
    V = np.polynomial.legendre.legvander(2.0 * levels - 1.0, max(few, 0))  # (G, few + 1)
    R = np.linalg.qr(np.sqrt(weights)[:, None] * V)[1]
    table = np.linalg.solve(R.T, V.T).T[:, 1:]
    return Basis(levels, weights, table, is_smooth=True, is_finite=is_finite)


def choices(levels: Array, weights: Array) -> Basis:
    """Contrasts of choices; one less than there are choices with a weight."""
    there = np.flatnonzero(weights > _NOTHING)
    root = np.sqrt(weights[there])
    Q = np.linalg.qr(np.column_stack([root, np.eye(len(there))]))[0][:, 1:]  # orthogonal to the constant
    table = np.zeros((len(levels), len(there) - 1))
    table[there] = Q[:, : len(there) - 1] / root[:, None]
    return Basis(levels, weights, table, is_smooth=False, is_finite=True)


def covariances(basis: Basis, smoothness: float) -> Array:
    """(L, M, M): coefficients' covariances under a Matérn process of mean 0 over the dial, one for each of LENGTHS.

    Each has trace 1: the process has variance 1.  Of choices, all of which are alike, a single one.
    The process is one whose mean over the dial is known to be 0 (Durrande et al. 2013, "ANOVA kernels and RKHS of zero
    mean functions", J. Multivariate Analysis 115).
    """
    M = basis.size
    if not basis.is_smooth or M == 1:
        return np.eye(M)[None] / max(M, 1)
    P = basis.table * basis.weights[:, None]  # (G, M)
    r = np.abs(basis.levels[:, None] - basis.levels)
    found = []
    for length in LENGTHS:
        k = _matern(r / length, smoothness)
        means = k @ basis.weights
        k -= np.outer(means, means) / float(basis.weights @ means)
        C = P.T @ k @ P
        found.append(C / np.trace(C))
    return np.array(found)


def blended(table: Array, log_length: float) -> tuple[Array, Array]:
    """(M, M) covariance at a lengthscale, and its derivative by the logarithm of that."""
    if len(table) == 1:
        return table[0], np.zeros_like(table[0])
    apart = (LOG_LENGTHS - log_length) / _STEP
    share = np.exp(-0.5 * apart**2 + 0.5 * float(np.min(apart**2)))
    share /= share.sum()
    slope = share * apart / _STEP
    slope -= share * slope.sum()
    return np.tensordot(share, table, 1), np.tensordot(slope, table, 1)


def root(C: Array, rank: int | None = None) -> Array:
    """(M, rank) R with R R^T = C, or its best of that rank."""
    values, vectors = np.linalg.eigh(C)
    R: Array = vectors * np.sqrt(np.maximum(values, 0.0))
    return R if rank is None else R[:, -rank:]


def _matern(r: Array, smoothness: float) -> Array:
    if smoothness == 1.5:
        s = math.sqrt(3.0) * r
        return np.asarray((1.0 + s) * np.exp(-s))
    s = math.sqrt(5.0) * r
    return np.asarray((1.0 + s + s * s / 3.0) * np.exp(-s))
