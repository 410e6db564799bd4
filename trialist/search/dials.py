"""The dials of a space as CMA-ES sees them: numbers on the line, choices by index."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialist.numerics.cma import Gaussian
from trialist.numerics.folding import EDGE, fold, unfold_near
from trialist.space.categorical import Categorical
from trialist.space.cube import Cube
from trialist.space.space import Space

Array = NDArray[np.float64]


class Dials:
    """Which coordinates are numbers (n of them) and which are choices (m), and how rows are made of both."""

    def __init__(self, space: Space) -> None:
        self.space, self.cube = space, Cube(space)
        cube = self.cube
        self.numeric = np.flatnonzero(~cube.categorical & (cube.counts != 1))
        self.choice = np.flatnonzero(cube.categorical & (cube.counts > 1))
        self.n, self.m = len(self.numeric), len(self.choice)
        self.counts = cube.counts[self.choice]
        self.is_discrete = cube.counts[self.numeric] > 0
        self._dials = [space[space.names[j]] for j in self.numeric]

    def rows(self, X: Array, chosen: NDArray[np.int64]) -> Array:
        """(k, d) canonical rows of numbers X (k, n) and choices (k, m)."""
        U = np.full((len(X), self.cube.d), 0.5)
        U[:, self.numeric] = np.where(self.is_discrete, np.clip(X, 0.0, 1.0), fold(X))
        U[:, self.choice] = (chosen + 0.5) / self.counts
        return self.cube.canonical(U)[0]

    def unfolded(self, X: Array, near: Array | None = None) -> Array:
        """(k, n) numbers X of the cube, continuous ones on the line: where it is nearest to `near` (k, n)."""
        return np.where(self.is_discrete, X, unfold_near(X, X if near is None else near))

    def bounded(self, gaussian: Gaussian) -> Gaussian:
        """The same with its mean within the bounds: beyond, the line only repeats itself."""
        edge = np.where(self.is_discrete, 0.0, EDGE)
        return replace(gaussian, mean=np.clip(gaussian.mean, -edge, 1.0 + edge))

    def chosen(self, rows: Array, active: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(k, m) the choices of rows, -1 where a dial was inactive."""
        index = np.minimum((rows[:, self.choice] * self.counts).astype(np.int64), self.counts - 1)
        return np.where(active[:, self.choice], index, -1)

    def shares(self, mean: Array) -> Array:
        """(n,) the width of the value's share at the mean, 0 for a continuum."""
        return np.array([_share(dial, u) for dial, u in zip(self._dials, mean.tolist(), strict=True)], dtype=float)


def _share(dial: Any, u: float) -> float:
    if isinstance(dial, Categorical):
        return 1.0 / len(dial.choices)
    start, end = dial.axis.share(dial.axis.decode(u))
    return float(end - start)
