"""The space as arrays: many points of the unit cube rounded, completed and compared at once.

A row is canonical when each coordinate stands in the middle of its value's share and inactive dials stand at 0.5: then
equal rows are equal configurations, and what a model sees is what the objective gets (Garrido-Merchán & Hernández-
Lobato 2020).  `Space` does the same for single configurations, without NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from trialist.space.axis import Logarithmic, LogIntegers
from trialist.space.categorical import Categorical
from trialist.space.condition import Above, Below, OneOf, Part
from trialist.space.number import Float, Int
from trialist.space.parameter import Parameter
from trialist.space.space import Space

Rows = NDArray[np.float64]  # (n, d) in the unit cube
Mask = NDArray[np.bool_]  # (n, d)
Column = Callable[[NDArray[np.float64]], NDArray[Any]]

_RESOLUTION = 1e9  # positions closer than its inverse are one point
_FEW = 64  # values of a dial that are all neighbours of each other


def _log_integer_axis(dial: Parameter) -> LogIntegers | None:
    return dial.axis if not isinstance(dial, Categorical) and isinstance(dial.axis, LogIntegers) else None


class Cube:
    """A space compiled to arrays.

    d: dials.  categorical (d,): unordered ones.  counts (d,): values of a finite dial, 0 for a continuum.
    has_numeric_parent (d,): active or not by a number, so that no parent's category tells the two apart.
    """

    def __init__(self, space: Space) -> None:
        self.space, self.d = space, len(space)
        dials = [dial for _, dial in space.items()]
        self.categorical = np.array([isinstance(p, Categorical) and not p.ordered for p in dials], dtype=bool)
        self.counts = np.array([p.size or 0 for p in dials], dtype=np.int64)
        # Rounded all at once; only integers on a log scale have shares of unequal width.
        self._log_integers = [(j, axis) for j, p in enumerate(dials) if (axis := _log_integer_axis(p)) is not None]
        equal = self.counts > 0
        equal[[j for j, _ in self._log_integers]] = False
        self._equal, self._equal_counts = np.flatnonzero(equal), self.counts[equal].astype(float)
        self._prior = [_prior(p) for p in dials]
        self._log_prior = [_log_prior(p) for p in dials]
        self.has_prior = any(log is not None for log in self._log_prior)
        place = {name: j for j, name in enumerate(space.names)}
        self._conditions = [
            (place[name], [(place[parent], _holding(space[parent], part)) for parent, part in condition.parts])
            for name, condition in space.order
            if condition is not None
        ]
        self.has_numeric_parent = np.zeros(self.d, dtype=bool)
        for j, parts in self._conditions:
            self.has_numeric_parent[j] = any(not self.categorical[parent] for parent, _ in parts)

    def canonical(self, U: Rows) -> tuple[Rows, Mask]:
        """The rows rounded, inactive dials at 0.5, and which dials are active: (n, d) each; idempotent."""
        rows = np.minimum(np.maximum(U, 0.0), 1.0)
        counts = self._equal_counts
        rows[:, self._equal] = (np.minimum(np.floor(rows[:, self._equal] * counts), counts - 1.0) + 0.5) / counts
        for j, axis in self._log_integers:
            rows[:, j] = _log_integers_middle(axis, _log_integers(axis, rows[:, j]))
        active = np.ones(rows.shape, dtype=bool)
        for j, parts in self._conditions:
            for parent, holds in parts:
                active[:, j] &= active[:, parent] & holds(rows[:, parent])
            rows[~active[:, j], j] = 0.5
        return rows, active

    def allowed(self, rows: Rows) -> NDArray[np.bool_]:
        """(n,) whether the constraints hold."""
        if not self.space.constraints:
            return np.ones(len(rows), dtype=bool)
        return np.array([self.space.allows(self.space.decode(row)) for row in rows], dtype=bool)

    def decode(self, row: NDArray[np.float64]) -> dict[str, Any]:
        """The configuration of one row."""
        return self.space.decode(row.tolist())

    def encode(self, configurations: list[Mapping[str, Any]]) -> Rows:
        """(n, d) canonical rows of configurations, also of ones from before the space grew."""
        return self.canonical(self.space.encode_many(configurations))[0]

    def identities(self, rows: Rows) -> list[Hashable]:
        """(n,) hashable stand-ins of canonical rows, equal for equal configurations only."""
        whole = np.rint(rows * _RESOLUTION).astype(np.int64)
        width = whole.shape[1] * whole.itemsize
        raw = whole.tobytes()
        return [raw[i * width : (i + 1) * width] for i in range(len(whole))]

    def uniform(self, rng: np.random.Generator, n: int) -> tuple[Rows, Mask]:
        """n random rows, even on each dial's own scale; not all need be allowed."""
        return self.canonical(rng.random((n, self.d)))

    def from_prior(self, rng: np.random.Generator, n: int) -> tuple[Rows, Mask]:
        """n random rows drawn through the dials' priors; not all need be allowed."""
        U = rng.random((n, self.d))
        for j, through in enumerate(self._prior):
            U[:, j] = through(U[:, j])
        return self.canonical(U)

    def log_prior(self, rows: Rows, active: Mask) -> NDArray[np.float64]:
        """(n,) the log of the priors' density, summed over active dials; 0 where every dial has its likeliest value."""
        total = np.zeros(len(rows))
        for j, log in enumerate(self._log_prior):
            if log is not None:
                total += np.where(active[:, j], log(rows[:, j]), 0.0)
        return total

    def levels(self, j: int) -> NDArray[np.float64]:
        """The positions of a finite dial's values, (counts[j],), ascending."""
        axis = _log_integer_axis(self.space[self.space.names[j]])
        if axis is not None:
            return _log_integers_middle(axis, np.arange(axis.low, axis.high + 1.0))
        middles: NDArray[np.float64] = (np.arange(self.counts[j]) + 0.5) / self.counts[j]
        return middles

    def neighbours(self, row: NDArray[np.float64], steps: tuple[int, ...] = (1,)) -> Rows:
        """(k, d) rows that differ in one finite dial: any other category, numbers by `steps` either way.

        Where that makes other dials active, they stand at 0.5.
        """
        found = []
        _, active = self.canonical(row[None])
        for j in np.flatnonzero(active[0] & (self.counts > 1)).tolist():
            count = int(self.counts[j])
            if self.categorical[j] and count <= _FEW:
                positions = self.levels(j)
            elif self.categorical[j]:
                continue  # too many to list: random candidates have to do
            else:
                positions = self._steps(j, row[j], steps)
            for position in positions:
                if abs(position - row[j]) > 1e-9:
                    other = row.copy()
                    other[j] = position
                    found.append(other)
        return np.array(found).reshape(len(found), self.d)

    def _steps(self, j: int, position: float, steps: tuple[int, ...]) -> NDArray[np.float64]:
        axis = _log_integer_axis(self.space[self.space.names[j]])
        if axis is not None:
            value = float(axis.decode(position))
            values = np.array([value + sign * s for s in steps for sign in (-1, 1)])
            return _log_integers_middle(axis, values[(values >= axis.low) & (values <= axis.high)])
        count = self.counts[j]
        index = int(min(position * count, count - 1))
        indices = np.array([index + sign * s for s in steps for sign in (-1, 1)])
        middles: NDArray[np.float64] = (indices[(indices >= 0) & (indices < count)] + 0.5) / count
        return middles


def _log_integers(axis: LogIntegers, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values at u, as floats."""
    values: NDArray[np.float64] = np.floor(np.exp(axis.origin + u * axis.width) + 0.5)
    return np.minimum(np.maximum(values, axis.low), axis.high)


def _log_integers_middle(axis: LogIntegers, values: NDArray[np.float64]) -> NDArray[np.float64]:
    start = (np.log(values - 0.5) - axis.origin) / axis.width
    end = np.minimum((np.log(values + 0.5) - axis.origin) / axis.width, 1.0)
    middles: NDArray[np.float64] = 0.5 * (start + end)
    return middles


def _holding(parent: Parameter, part: Part) -> Column:
    """Whether rounded positions of the parent satisfy a part of a condition."""
    if isinstance(part, OneOf):
        positions = np.array([parent.encode(value) for value in part.values])
        return lambda u: (np.abs(u[:, None] - positions) < 1e-9).any(axis=1)
    assert not isinstance(parent, Categorical)  # ranges are of numbers: the space has checked it
    value = _values(parent)
    if isinstance(part, Above):
        return lambda u: value(u) > part.x
    if isinstance(part, Below):
        return lambda u: value(u) < part.x
    return lambda u: (value(u) >= part.low) & (value(u) <= part.high)


def _values(dial: Float | Int) -> Column:
    """The dial's values at rounded positions."""
    axis = dial.axis
    if isinstance(axis, LogIntegers):
        return lambda u: _log_integers(axis, u)
    if isinstance(axis, Logarithmic):
        return lambda u: np.exp(axis.origin + u * axis.width)
    if dial.size is None:
        return lambda u: np.asarray(dial.low + u * (dial.high - dial.low))
    span = (dial.high - dial.low) / max(dial.size - 1, 1)
    count = dial.size
    low = dial.low
    return lambda u: np.asarray(low + np.floor(u * count) * span)


def _prior(dial: Parameter) -> Column:
    """From uniform numbers to positions through the dial's prior."""
    if isinstance(dial, Categorical):
        weights = dial.weights
        if weights is None:
            return lambda u: u
        shares = np.cumsum([dial.mass(choice) for choice in dial.choices])
        k = len(dial.choices)
        return lambda u: (np.minimum(np.searchsorted(shares, u, side="right"), k - 1) + 0.5) / k
    prior = dial.axis_prior
    if prior is None:
        return lambda u: u
    # Computed in the half with the thinner tail, where floats have digits left.
    a, b = -prior.m / prior.s, (1.0 - prior.m) / prior.s
    sign = -1.0 if a + b > 0.0 else 1.0
    low, high = sorted((sign * a, sign * b))
    start, end = special.ndtr(low), special.ndtr(high)

    def through(u: NDArray[np.float64]) -> NDArray[np.float64]:
        share = u if sign > 0 else 1.0 - u
        z = sign * special.ndtri(start + share * (end - start))
        placed: NDArray[np.float64] = prior.m + prior.s * np.clip(z, a, b)
        return np.clip(placed, 0.0, 1.0)

    return through


def _log_prior(dial: Parameter) -> Column | None:
    """The log of the prior at rounded positions, 0 at its highest; None without a prior."""
    if isinstance(dial, Categorical):
        if dial.weights is None:
            return None
        logs = np.log([dial.mass(choice) for choice in dial.choices])
        logs -= logs.max()
        k = len(logs)
        return lambda u: np.asarray(logs[np.clip((u * k).astype(int), 0, k - 1)])
    prior = dial.axis_prior
    if prior is None:
        return None
    m, s = prior.m, prior.s
    top = min(max(m, 0.0), 1.0)
    return lambda u: -0.5 * (((u - m) / s) ** 2 - ((top - m) / s) ** 2)
