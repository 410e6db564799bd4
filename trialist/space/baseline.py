"""A baseline that keeps to the constraints: where middles of scales are forbidden, something allowed near them.

The search is deterministic. Where the dials that may move have at most 10,000 combinations, the nearest allowed one is
found exactly; else 500 fixed points are tried in each of a few growing boxes, and the nearest allowed one of the first
box that has any is taken: near, not nearest. Distance is Euclidean in the unit cube, another category counting 1/2.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from trialist.numerics.keys import Key
from trialist.space.categorical import Categorical
from trialist.space.enumeration import walk
from trialist.space.plain import identity
from trialist.space.tree import Tree

_LIMIT = 10_000
_RADII = (1 / 64, 1 / 16, 1 / 4, 1 / 2, 1.0)
_POINTS = 500
_KEY = Key(0, -1)


def allowed_near(tree: Tree, start: Mapping[str, Any], free: Collection[str]) -> dict[str, Any] | None:
    """An allowed configuration near `start` in which only the dials of `free` have moved; None if none was found."""
    middle = {name: start.get(name, parameter.baseline) for name, parameter in tree.parameters.items()}
    if math.prod(tree.parameters[name].size or _LIMIT + 1 for name in free) <= _LIMIT:
        levels = {n: tuple(p.values()) if n in free else (middle[n],) for n, p in tree.parameters.items()}
        return _nearest(tree, middle, free, walk(tree, levels))
    for radius in _RADII:
        found = _nearest(tree, middle, free, _box(tree, middle, free, radius))
        if found is not None:
            return found
    return None


def _nearest(
    tree: Tree, middle: Mapping[str, Any], free: Collection[str], candidates: Iterator[dict[str, Any]]
) -> dict[str, Any] | None:
    best = min(candidates, key=lambda params: _distance(tree, middle, free, params), default=None)
    return None if best is None else tree.in_order(best)


def _box(tree: Tree, middle: Mapping[str, Any], free: Collection[str], radius: float) -> Iterator[dict[str, Any]]:
    for attempt in range(_POINTS):
        params: dict[str, Any] = {}
        for name, condition in tree.order:
            if condition is None or condition.holds(params):
                params[name] = _moved(tree, name, middle[name], radius, attempt) if name in free else middle[name]
        if tree.allows(params):
            yield params


def _moved(tree: Tree, name: str, value: Any, radius: float, attempt: int) -> Any:
    parameter = tree.parameters[name]
    u = _KEY.uniform(f"baseline {radius} {name}", attempt)
    if isinstance(parameter, Categorical):
        return parameter.decode(u / radius) if u < radius else value
    position = parameter.encode(value) + radius * (2.0 * u - 1.0)
    return parameter.decode(min(max(position, 0.0), 1.0))


def _distance(tree: Tree, middle: Mapping[str, Any], free: Collection[str], params: Mapping[str, Any]) -> float:
    squares = 0.0
    for name in free:
        if name not in params:
            continue
        parameter = tree.parameters[name]
        if isinstance(parameter, Categorical):
            squares += 0.25 * (identity(params[name]) != identity(middle[name]))
        else:
            squares += (parameter.encode(params[name]) - parameter.encode(middle[name])) ** 2
    return squares
