"""A part of a space, as a rule on the rows of the whole one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trialist.space.categorical import Categorical
from trialist.space.cube import Cube, Rows
from trialist.space.parameter import Parameter
from trialist.space.plain import identity
from trialist.space.space import Space

_SLACK = 1e-9

Coordinates = NDArray[np.float64]


def inside(cube: Cube, part: Space) -> Callable[[Rows], NDArray[np.bool_]]:
    """The rule: (n, d) canonical rows of `cube` to (n,), whether all their active dials lie within `part`.

    part: `cube.space.narrowed(...)`: the same dials, some with fewer values.  Others are free.
    """
    holds = {
        j: _holding(dial, part[name])
        for j, (name, dial) in enumerate(cube.space.items())
        if name in part and dial != part[name]
    }

    def rule(rows: Rows) -> NDArray[np.bool_]:
        _, active = cube.canonical(rows)
        within = np.ones(len(rows), dtype=bool)
        for j, held in holds.items():
            within &= ~active[:, j] | held(rows[:, j])
        return within

    return rule


def _holding(dial: Parameter, part: Parameter) -> Callable[[Coordinates], NDArray[np.bool_]]:
    if isinstance(dial, Categorical):
        assert isinstance(part, Categorical)
        kept = _kept(dial, part)
        return lambda u: kept[np.minimum((u * len(kept)).astype(np.intp), len(kept) - 1)]
    assert not isinstance(part, Categorical)
    low, high = dial.encode(part.low) - _SLACK, dial.encode(part.high) + _SLACK
    return lambda u: (u >= low) & (u <= high)


def _kept(dial: Categorical, part: Categorical) -> NDArray[np.bool_]:
    left = {identity(choice) for choice in part.choices}
    return np.array([identity(choice) in left for choice in dial.choices])
