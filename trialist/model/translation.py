"""Translation: a configuration of an earlier study, seen in the space of this one.

Dials are matched by name.  One that the earlier study did not have stands at its default; a number outside the bounds
moves to the nearer end; a dial that is gone, or inactive here, is left out.  All of that is marked, since the earlier
score belongs to the earlier configuration.  A choice that this space does not know has no counterpart: None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trialist.errors import SpaceError
from trialist.space.number import Float, Int
from trialist.space.parameter import Categorical, Parameter
from trialist.space.space import Space


@dataclass(frozen=True, slots=True)
class Translation:
    """The configuration here; `stood_in`: dials at their default; `moved`: dials whose value is not the earlier one."""

    params: Mapping[str, Any]
    stood_in: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What is not as it was, for people; empty where all is."""
        parts = [f"{name} at its default" for name in self.stood_in]
        parts += [f"{name} moved to {self.params[name]:g}" for name in self.moved]
        return ", ".join(parts[:4] + ([f"{len(parts) - 4} more"] if len(parts) > 4 else []))


def translated(params: Mapping[str, Any], space: Space) -> Translation | None:
    """The configuration in `space`; constraints are not looked at. None where it has no counterpart."""
    found: dict[str, Any] = {}
    stood_in, moved = [], []
    for name, condition in space.order:
        if condition is not None and not condition.holds(found):
            continue
        dial = space[name]
        if name not in params:
            found[name] = space.baseline().get(name, dial.baseline)
            stood_in.append(name)
            continue
        value = _counterpart(dial, params[name])
        if value is _NONE:
            return None
        found[name] = value
        if not isinstance(dial, Categorical) and value != params[name]:
            moved.append(name)
    return Translation({name: found[name] for name in space.names if name in found}, tuple(stood_in), tuple(moved))


_NONE = object()


def _counterpart(dial: Parameter, value: Any) -> Any:
    if isinstance(dial, Categorical):
        try:
            return dial.check("", value)
        except SpaceError:
            return _NONE
    return _number(dial, value)


def _number(dial: Float | Int, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return _NONE
    held = min(max(value, dial.low), dial.high)
    try:
        return dial.check("", held)
    except SpaceError:  # off its steps, or no integer
        return dial.decode(dial.encode(held))
