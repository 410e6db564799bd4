"""The declared space as effects see it: functions of each dial, which pairs can act together, how often each is active.

d dials; uniform over the unit cube of each dial's own scale, whatever was sampled: that is what corrects shares for a
search that looked where it was good.  Of a space with constraints the allowed part stands for it, as points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialist.errors import SpaceError
from trialist.numerics.anova import Factor, Pair, Terms
from trialist.numerics.orthonormal import Array, Basis, choices, covariances, numbers
from trialist.space.axis import LogIntegers
from trialist.space.cube import Cube, Mask, Rows
from trialist.space.number import Int
from trialist.space.space import Space

POINTS = 4096  # of the cube, by which it is told how often dials are active
ALLOWED, FEWEST, BATCHES = 4096, 256, 16  # points that keep to constraints: wanted, needed, and batches to find them in
_GRID = 256  # levels of a continuum
_FINE = 64  # values of a finite dial that stand for themselves; of more it is a continuum


@dataclass(frozen=True, slots=True)
class Ground:
    """dials: a basis of each.  own: for (parent, child), the parent's basis over the part in which the child is active.

    active (d,), and together (d, d): how often, over the space.  allowed: rows and active dials (N, d) of points evenly
    over the part that constraints allow; None without constraints, or where next to nothing is allowed.
    """

    cube: Cube
    dials: tuple[Basis, ...]
    own: dict[tuple[int, int], Basis]
    active: Array
    together: Array
    allowed: tuple[Rows, Mask] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return self.cube.space.names

    @property
    def candidates(self) -> list[tuple[int, int]]:
        """All pairs (j, k), j < k, that can act together."""
        d = len(self.dials)
        return [
            (j, k)
            for j in range(d)
            for k in range(j + 1, d)
            if self.together[j, k] > 0 and self._of(j, k).size and self._of(k, j).size
        ]

    def _of(self, j: int, k: int) -> Basis:
        """The basis of j in its pair with k."""
        return self.own.get((j, k), self.dials[j])

    def terms(self, rows: Rows, active: Mask, pairs: list[tuple[int, int]], smoothness: float) -> Terms:
        """The effects of these pairs, and of all dials, at trials (n, d)."""
        d = len(self.dials)
        factors = [
            Factor(j, basis.at(rows[:, j]) * active[:, [j]], covariances(basis, smoothness))
            for j, basis in enumerate(self.dials)
        ]
        place = {}
        for j, k in pairs:
            for this, other in ((j, k), (k, j)):
                if (this, other) in self.own and (this, other) not in place:
                    basis = self.own[this, other]
                    place[this, other] = len(factors)
                    F = basis.at(rows[:, this]) * active[:, [this]]
                    factors.append(Factor(this, F, covariances(basis, smoothness)))
        made = tuple(Pair(j, k, place.get((j, k), j), place.get((k, j), k)) for j, k in pairs)
        return Terms(tuple(factors), d, made, np.ones(d))

    def functions(
        self, rows: Rows, active: Mask, pairs: list[tuple[int, int]]
    ) -> tuple[list[Array], list[tuple[Array, Array]]]:
        """The dials' functions at points (n, d), and those of the dials of each pair."""
        F = [basis.at(rows[:, j]) * active[:, [j]] for j, basis in enumerate(self.dials)]

        def of(j: int, k: int) -> Array:
            own = self.own.get((j, k))
            return F[j] if own is None else np.asarray(own.at(rows[:, j]) * active[:, [j]])

        return F, [(of(j, k), of(k, j)) for j, k in pairs]


def ground(space: Space) -> Ground:
    """Of a space."""
    cube = Cube(space)
    rows, active = cube.uniform(np.random.default_rng(0), POINTS)
    bases = tuple(_basis(cube, j) for j in range(cube.d))
    shares = active.mean(axis=0)
    together = (active.T.astype(float) @ active) / len(rows)
    own = {}
    for child, above in _ancestors(space).items():
        for parent in above:
            basis = bases[parent]
            place = _nearest(basis.levels, rows[active[:, child], parent])
            seen = np.bincount(place, minlength=len(basis.levels)) > 0
            weights = np.where(seen, basis.weights, 0.0)
            if weights.sum() > 0:
                weights /= weights.sum()
                is_choice = bool(cube.categorical[parent])
                own[parent, child] = (
                    choices(basis.levels, weights)
                    if is_choice
                    else numbers(basis.levels, weights, is_finite=basis.is_finite)
                )
    return Ground(cube, bases, own, shares, together, _allowed(cube) if space.constraints else None)


def _allowed(cube: Cube) -> tuple[Rows, Mask] | None:
    """None too where a constraint is a function that is not here: its study was opened without it."""
    rng, rows, active = np.random.default_rng(17), np.zeros((0, cube.d)), np.zeros((0, cube.d), dtype=bool)
    for _ in range(BATCHES):
        drawn, there = cube.uniform(rng, POINTS)
        try:
            kept = cube.allowed(drawn)
        except SpaceError:
            return None
        rows, active = np.concatenate([rows, drawn[kept]]), np.concatenate([active, there[kept]])
        if len(rows) >= ALLOWED:
            break
    return (rows[:ALLOWED], active[:ALLOWED]) if len(rows) >= FEWEST else None


def _basis(cube: Cube, j: int) -> Basis:
    count = int(cube.counts[j])
    if cube.categorical[j]:
        return choices(cube.levels(j), np.full(count, 1.0 / count))
    if not 0 < count <= _FINE:
        fine: Array = (np.arange(_GRID) + 0.5) / _GRID
        return numbers(fine, np.full(_GRID, 1.0 / _GRID), is_finite=False)
    dial = cube.space[cube.space.names[j]]
    if isinstance(dial, Int) and isinstance(dial.axis, LogIntegers):  # their shares of the axis differ in width
        ends = np.array([dial.axis.share(value) for value in dial.values()])
        return numbers(cube.levels(j), ends[:, 1] - ends[:, 0], is_finite=True)
    return numbers(cube.levels(j), np.full(count, 1.0 / count), is_finite=True)


def _nearest(levels: Array, u: Array) -> NDArray[np.intp]:
    above = np.clip(np.searchsorted(levels, u), 1, max(len(levels) - 1, 1))
    if len(levels) == 1:
        return np.zeros(len(u), dtype=np.intp)
    return np.where(np.abs(levels[above - 1] - u) <= np.abs(levels[above] - u), above - 1, above)


def _ancestors(space: Space) -> dict[int, set[int]]:
    """For each conditional dial, all that decide whether it is active."""
    place = {name: j for j, name in enumerate(space.names)}
    found: dict[int, set[int]] = {}
    for name, condition in space.order:
        if condition is None:
            continue
        parents = {place[parent] for parent, _ in condition.parts}
        found[place[name]] = parents.union(*(found.get(parent, set()) for parent in parents))
    return found
