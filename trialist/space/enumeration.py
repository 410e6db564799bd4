"""Finite spaces and grids: counting, listing and exact draws where nearly everything is forbidden."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, islice
from typing import Any

from trialist.errors import SpaceError, shown
from trialist.space.constraint import Constraint, nearest
from trialist.space.tree import Tree

MAX_SIZE = 1_000_000  # configurations that are counted or put into a grid
MAX_POOL = 100_000  # configurations among which a hopeless draw may choose


class _TooManyError(Exception):
    """A walk through the space was longer than its limit; never leaves this room."""


def size(tree: Tree) -> int | None:
    """The number of distinct allowed configurations; None if there are, or may be, more than MAX_SIZE.

    Dials that no condition or constraint ties together are counted apart and multiplied.
    """
    total = 1
    for names in _components(tree):
        count = _count(tree, names)
        if count is None:
            return None
        total *= count
        if total > MAX_SIZE:
            return None
    return total


def configurations(tree: Tree) -> Iterator[dict[str, Any]]:
    """All allowed configurations of a finite space, the last dial varying fastest."""
    for name, parameter in tree.parameters.items():
        if parameter.size is None:
            problem = f"{shown(parameter)} is continuous, so its configurations cannot be listed"
            raise SpaceError(name, problem, "Use grid(resolution), or give a step.")
    levels = {name: tuple(parameter.values()) for name, parameter in tree.parameters.items()}
    return (tree.in_order(params) for params in walk(tree, levels))


def grid(tree: Tree, resolution: int | Mapping[str, int]) -> list[dict[str, Any]]:
    """The distinct allowed configurations of a grid.

    Numeric dials have at most `resolution` levels, evenly spread on their scale, with both bounds (the middle for one
    level); categorical dials have all choices; conditional dials vary only where they are active. A dict gives the
    resolution by name; dials that it leaves out keep all their values, so they must be finite.
    """
    levels = {name: _levels(tree, name, resolution) for name in tree.parameters}
    if isinstance(resolution, Mapping):
        for name in resolution:
            if name not in tree.parameters:
                problem = f"resolution names {shown(name)}, which is no dial"
                raise SpaceError(str(name), problem, f"Use {nearest(name, tree.parameters)}.")
    is_free = not tree.has_conditions and not tree.constraints
    if is_free and math.prod(len(each) for each in levels.values()) > MAX_SIZE:
        raise _too_fine(resolution)
    points = [tree.in_order(params) for params in islice(walk(tree, levels), MAX_SIZE + 1)]
    if len(points) > MAX_SIZE:
        raise _too_fine(resolution)
    return points


class Pool:
    """All allowed configurations of a small finite space with their probabilities under the priors."""

    __slots__ = ("_configurations", "_cumulative")

    def __init__(self, tree: Tree) -> None:
        self._configurations = list(configurations(tree))
        parameters = tree.parameters
        masses = (math.prod(parameters[n].mass(v) for n, v in params.items()) for params in self._configurations)
        self._cumulative = list(accumulate(masses))

    def pick(self, u: float) -> dict[str, Any]:
        """The configuration in whose share u in [0, 1) lies."""
        index = bisect_right(self._cumulative, u * self._cumulative[-1])
        return dict(self._configurations[min(index, len(self._configurations) - 1)])


def small_pool(tree: Tree) -> Pool | None:
    """The pool of a space that is small even without its constraints, else None."""
    bound = 1
    for parameter in tree.parameters.values():
        if parameter.size is None:
            return None
        bound *= parameter.size
    return Pool(tree) if bound <= MAX_POOL else None


def walk(tree: Tree, levels: Mapping[str, Sequence[Any]], limit: float = math.inf) -> Iterator[dict[str, Any]]:
    """The allowed configurations among the levels of the dials that `levels` names, parents first.

    Constraints are tested as soon as their last dial is decided. Raises _TooManyError after `limit` partial ones.
    """
    order = [(name, condition) for name, condition in tree.order if name in levels]
    checks = _checks(tree, [name for name, _ in order])
    visits = 0

    def extend(depth: int, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        nonlocal visits
        if depth == len(order):
            yield dict(params)
            return
        name, condition = order[depth]
        is_active = condition is None or condition.holds(params)
        for value in levels[name] if is_active else (None,):
            visits += 1
            if visits > limit:
                raise _TooManyError
            if is_active:
                params[name] = value
            if all(constraint.allows(params, tree.parameters) for constraint in checks[depth]):
                yield from extend(depth + 1, params)
        params.pop(name, None)

    return extend(0, {})


def _checks(tree: Tree, names: list[str]) -> list[list[Constraint]]:
    """For each dial the constraints that can be tested once it is decided; those about other dials are left out."""
    position = {name: i for i, name in enumerate(names)}
    checks: list[list[Constraint]] = [[] for _ in names]
    for constraint in tree.constraints:
        if names and all(name in position for name in constraint.names):
            last = max((position[name] for name in constraint.names), default=len(names) - 1)
            checks[last].append(constraint)
    return checks


def _levels(tree: Tree, name: str, resolution: int | Mapping[str, int]) -> Sequence[Any]:
    parameter = tree.parameters[name]
    n = resolution.get(name) if isinstance(resolution, Mapping) else resolution
    if n is None and parameter.size is not None:
        return tuple(parameter.values())
    if n is None:
        raise SpaceError(name, f"{shown(resolution)} has no resolution for a continuous dial", "Give one.")
    if type(n) is not int or n < 1:
        raise SpaceError(name, f"resolution {shown(n)} is not a whole number of at least 1", "Give an integer.")
    if n > MAX_SIZE:
        raise SpaceError(name, f"resolution {shown(n)} is more than {MAX_SIZE:,}", "Give a smaller one.")
    return parameter.levels(n)


def _too_fine(resolution: int | Mapping[str, int]) -> SpaceError:
    problem = f"{shown(resolution)} makes a grid of more than {MAX_SIZE:,} configurations"
    return SpaceError("resolution", problem, "Give a smaller one.")


def _components(tree: Tree) -> list[list[str]]:
    """Groups of dials, such that conditions and constraints tie together only dials of the same group."""
    group = {name: name for name in tree.parameters}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    for name, condition in tree.order:
        for parent in condition or ():
            group[root(name)] = root(parent)
    for constraint in tree.constraints:
        names = constraint.names or tuple(tree.parameters)  # a callable may look at any dial
        for name in names[1:]:
            group[root(name)] = root(names[0])
    components: dict[str, list[str]] = {}
    for name in tree.parameters:
        components.setdefault(root(name), []).append(name)
    return list(components.values())


def _count(tree: Tree, names: list[str]) -> int | None:
    sizes = [tree.parameters[name].size for name in names]
    if any(count is None or count > MAX_SIZE for count in sizes):
        return None
    if len(names) == 1 and not any(set(constraint.names) <= set(names) for constraint in tree.constraints):
        return sizes[0]
    levels = {name: tuple(tree.parameters[name].values()) for name in names}
    try:
        return sum(1 for _ in walk(tree, levels, limit=MAX_SIZE))
    except _TooManyError:
        return None
