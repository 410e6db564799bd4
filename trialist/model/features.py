"""Features: what the Gaussian process sees of a configuration.

A numeric (or ordered) dial is one column, its position in [0, 1].  An unordered categorical dial is one-hot, scaled so
that two different choices lie at distance 1 (Hamming).  An inactive dial cannot leak: numbers stand at 0.5, categories
at a level of their own; the parent's category tells the two cases apart, and where a number decides, a column of its
own does.  The kernel is so a function of finite vectors, hence always positive definite.

Where trials were looked at before their end, one more column says how early: 1 for a full run, 0 for the first rung.
"""

from __future__ import annotations

import math

import numpy as np

from trialist.numerics.gp import Array, Layout
from trialist.space.cube import Cube, Mask, Rows

_HAMMING = 1.0 / math.sqrt(2.0)


class Features:
    """From canonical rows (n, d) of a cube to columns (n, F).

    with_share: the last column is then how far a run went; it is 1 unless set by `looked_at`.
    """

    def __init__(self, cube: Cube, with_share: bool = False) -> None:
        self.cube, self.with_share = cube, with_share
        conditional = {j for j, (_, dial) in enumerate(cube.space.items()) if dial.when is not None}
        group: list[int] = []
        self._numeric: list[tuple[int, int]] = []  # (dial, column)
        self._choices: list[tuple[int, int, int]] = []  # (dial, first column, number of choices)
        self._activity: list[tuple[int, int]] = []  # (dial, column)
        groups = 0
        for j in range(cube.d):
            if cube.counts[j] == 1 and j not in conditional:
                continue
            if cube.categorical[j]:
                count = int(cube.counts[j])
                self._choices.append((j, len(group), count))
                group += [groups] * (count + (j in conditional))
                groups += 1
            elif cube.counts[j] != 1:
                self._numeric.append((j, len(group)))
                group.append(groups)
                groups += 1
            if cube.has_numeric_parent[j]:
                self._activity.append((j, len(group)))
                group.append(groups)
                groups += 1
        if with_share:
            group.append(groups)
        self.group = np.array(group, dtype=np.intp)
        self.numeric = np.array([j for j, _ in self._numeric], dtype=np.intp)  # dials
        self._columns = np.array([column for _, column in self._numeric], dtype=np.intp)

    def layout(self, smoothness: float, warp: bool = True) -> Layout:
        """What the columns mean to a process."""
        # A dial of two values has no shape to warp.
        warped = [column for j, column in self._numeric if warp and self.cube.counts[j] != 2]
        return Layout(self.group, np.array(warped, dtype=np.intp), smoothness)

    def __call__(self, rows: Rows, active: Mask) -> Array:
        """(n, F)."""
        X = np.zeros((len(rows), len(self.group)))
        X[:, self._columns] = rows[:, self.numeric]
        n = np.arange(len(rows))
        for j, first, count in self._choices:
            index = np.minimum((rows[:, j] * count).astype(np.intp), count - 1)
            X[n, first + np.where(active[:, j], index, count)] = _HAMMING
        for j, column in self._activity:
            X[:, column] = active[:, j]
        if self.with_share:
            X[:, -1] = 1.0
        return X

    def looked_at(self, X: Array, earliness: Array) -> Array:
        """X (n, F) as seen at (n,) positions between the first rung, 0, and a full run, 1."""
        X = X.copy()
        X[:, -1] = earliness
        return X

    def back(self, slopes: Array) -> Array:
        """(q, d) derivatives by the rows, of derivatives (q, F) by the columns; 0 for categorical dials."""
        by_row = np.zeros((len(slopes), self.cube.d))
        by_row[:, self.numeric] = slopes[:, self._columns]
        return by_row
