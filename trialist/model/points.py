"""Points: configurations as the rows that strategies move and the features that processes see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialist.model.features import Features
from trialist.numerics.gp import Array
from trialist.space.cube import Mask, Rows


@dataclass(frozen=True, slots=True)
class Points:
    """Canonical rows (q, d), which of their dials are active, and their features (q, F)."""

    rows: Rows
    active: Mask
    X: Array

    @classmethod
    def of(cls, features: Features, rows: Rows) -> Points:
        """Of any rows, made canonical."""
        rows, active = features.cube.canonical(rows)
        return cls(rows, active, features(rows, active))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: NDArray[np.intp]) -> Points:
        return Points(self.rows[index], self.active[index], self.X[index])
