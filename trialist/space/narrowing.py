"""Narrowing a space to bounds: scales, steps, conditions and constraints stay what they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

from trialist.errors import SpaceError, shown
from trialist.space.axis import Steps
from trialist.space.categorical import UNSET, Categorical
from trialist.space.number import Float, Int
from trialist.space.parameter import Parameter
from trialist.space.plain import identity, plain
from trialist.space.tree import Tree


def narrowed(tree: Tree, bounds: Mapping[str, Any]) -> Tree:
    """The tree inside the bounds: (low, high) for numeric dials, a list of choices for categorical ones.

    Bounds are clipped to the present ones, and moved outwards to the values of a grid of steps. A default outside
    becomes the nearest value (the first choice). All dials stay, also those whose condition can hold no more.
    """
    parameters = {n: _narrowed(n, p, bounds[n]) if n in bounds else p for n, p in tree.parameters.items()}
    return Tree.of(parameters, tree.constraints)


def _narrowed(name: str, parameter: Parameter, given: Any) -> Parameter:
    if isinstance(parameter, Categorical):
        return _fewer_choices(name, parameter, given)
    low, high = _bounds(name, given)
    if high < parameter.low or low > parameter.high:
        span = f"{shown(parameter.low)}..{shown(parameter.high)}"
        raise SpaceError(name, f"bounds {shown(given)} lie outside {span}", "Give bounds that overlap with it.")
    low, high = max(low, parameter.low), min(high, parameter.high)
    if isinstance(parameter.axis, Steps):
        low, high = _outwards(parameter.axis, low, high)
    elif isinstance(parameter, Int):
        low, high = math.floor(low), math.ceil(high)
    default = parameter.default
    if default is not None:
        default = min(max(default, low), high)
    return _with_bounds(parameter, low, high, default)


def _with_bounds(parameter: Float | Int, low: float, high: float, default: float | None) -> Parameter:
    try:
        return replace(parameter, low=low, high=high, default=default)  # type: ignore[arg-type]
    except SpaceError:
        if parameter.prior is None:
            raise
        # The prior's bell lies out of reach of the new bounds.
        return replace(parameter, low=low, high=high, default=default, prior=None)  # type: ignore[arg-type]


def _bounds(name: str, given: Any) -> tuple[float, float]:
    pair = [plain(bound) for bound in given] if isinstance(given, list | tuple) else []
    if len(pair) != 2 or any(type(bound) not in (int, float) or bound != bound for bound in pair):
        raise SpaceError(name, f"bounds {shown(given)} are not two numbers", "Give (low, high).")
    low, high = pair
    if low > high:
        raise SpaceError(name, f"low {shown(low)} is above high {shown(high)}", "Swap them.")
    return low, high


def _outwards(axis: Steps, low: float, high: float) -> tuple[float, float]:
    first = math.floor((Fraction(low) * axis.unit - axis.first) / axis.step)
    last = math.ceil((Fraction(high) * axis.unit - axis.first) / axis.step)
    # A bound such as 0.3 is a hair below or above three tenths as a fraction; on the grid, it is that value.
    nearest = axis.nearest(low), axis.nearest(high)
    first = nearest[0] if axis.value(nearest[0]) == low else max(first, 0)
    last = nearest[1] if axis.value(nearest[1]) == high else min(last, axis.count - 1)
    return axis.value(first), axis.value(last)


def _fewer_choices(name: str, parameter: Categorical, given: Any) -> Parameter:
    if not isinstance(given, list | tuple) or not given:
        raise SpaceError(name, f"choices {shown(given)} are not a list of choices", "Give at least one choice.")
    kept = {identity(parameter.check(name, choice)) for choice in given}
    indices = [index for index, key in enumerate(parameter.identities) if key in kept]
    default = parameter.default
    if default is not UNSET and identity(default) not in kept:
        default = parameter.choices[indices[0]]
    weights = cast("tuple[float, ...] | None", parameter.prior)
    return replace(
        parameter,
        choices=[parameter.choices[index] for index in indices],
        default=default,
        prior=None if weights is None else [weights[index] for index in indices],
    )
