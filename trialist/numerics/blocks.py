"""Blocks: k treatments, each measured on some of b blocks, all of which may be harder or easier than the next.

y_ij = effect_i + block_j + e_ij, Var e = s^2: the two-way layout without interaction, with gaps.  What a block adds to
all of its measurements drops out of every difference, so that only those within the same block count.  Errors of one
treatment may hang together, as those of folds do that share training data: then a mean of n of them has the variance
s^2 (1 / n + overlap) (Nadeau & Bengio 2003, eq. 8), where overlap is the size of a validation part over that of its
training part; independent errors have the overlap 0.

Symbols: Y (k, b), NaN where there is no measurement; smaller is better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialist.numerics.gaussian import student_quantile

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Blocks:
    """Y (k, b) as measured.  effects (k,), of sum 0 where all are connected.  spread (k, k): their covariance in units
    of s^2, the overlap left out.  precision (k, k): its inverse, as far as it has one.  squares, freedom: of the
    residuals.
    """

    Y: Array
    effects: Array
    spread: Array
    precision: Array
    squares: float
    freedom: int
    overlap: float = 0.0

    @property
    def variance(self) -> float | None:
        """s^2 as the residuals tell it; None where none is left."""
        return self.squares / self.freedom if self.freedom else None

    def apart(self, i: int, j: int) -> float:
        """Effect i less effect j; 0 where only the last digits differ, which least squares leave to chance."""
        apart = float(self.effects[i] - self.effects[j])
        return 0.0 if abs(apart) <= 1e-13 * float(np.nanmax(np.abs(self.Y))) else apart

    def error(self, i: int, j: int, variance: float) -> float:
        """Standard error of the difference of two effects, for that s^2."""
        if i == j:
            return 0.0
        of_blocks = self.spread[i, i] + self.spread[j, j] - 2 * self.spread[i, j]
        return math.sqrt(variance * (of_blocks + 2 * self.overlap))

    def interval(self, i: int, j: int, level: float) -> tuple[float, float] | None:
        """Of effect i less effect j, by Student's t; None where nothing tells the error."""
        if self.variance is None:
            return None
        half = student_quantile((1 + level) / 2, self.freedom) * self.error(i, j, self.variance)
        apart = self.apart(i, j)
        return apart - half, apart + half

    def informed(self, mean: Array, covariance: Array, variance: float) -> tuple[Array, Array]:
        """(k,) means and (k, k) covariance of the effects, known before as normal with (k,) mean and covariance.

        Of the level that all share, the blocks tell nothing.
        """
        if variance <= 0:  # without noise the differences are known
            exact = np.where(np.isfinite(self.Y).any(axis=1), self.effects, np.inf)
            return exact, np.zeros_like(covariance)
        # What hangs together within a treatment no number of blocks averages out: it belongs to what is measured.
        measured = covariance + self.overlap * variance * np.eye(len(mean))
        P = self.precision / variance
        gain = np.linalg.solve(np.eye(len(mean)) + P @ measured, np.eye(len(mean)))  # (I + P C)^-1
        moved = mean + covariance @ gain @ (P @ self.effects - P @ mean)
        left = covariance - covariance @ gain @ P @ covariance
        return moved, 0.5 * (left + left.T)


def blocks(Y: Array, overlap: float = 0.0) -> Blocks:
    """The layout by least squares; a block with a single measurement compares nothing, and is left out."""
    k = len(Y)
    here = np.isfinite(Y)
    here &= here.sum(axis=0) > 1
    precision, moment = np.zeros((k, k)), np.zeros(k)
    for ran, y in zip(here.T, Y.T, strict=True):
        n = int(ran.sum())
        if n:
            precision += np.diag(ran.astype(float)) - np.outer(ran, ran) / n
            moment += np.where(ran, y - y[ran].mean(), 0.0)
    spread = np.linalg.pinv(precision, hermitian=True)
    effects: Array = spread @ moment
    seen = here.any(axis=1)
    freedom = int(here.sum() - here.any(axis=0).sum() - max(int(seen.sum()) - 1, 0))
    rest = [y[ran] - effects[ran] for ran, y in zip(here.T, Y.T, strict=True) if ran.any()]
    left = math.fsum(float(((each - each.mean()) ** 2).sum()) for each in rest)
    # What is no more than the last digits of the measurements is not there.
    size = float(np.abs(Y[here]).max(initial=0.0))
    left = 0.0 if left <= here.sum() * (1e-14 * size) ** 2 else left
    return Blocks(Y, effects, np.asarray(spread), precision, left, max(freedom, 0), overlap)
