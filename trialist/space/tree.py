"""The tree of dials: who depends on whom, checked once, and what of it a configuration has to obey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from trialist.errors import SpaceError, shown
from trialist.space.categorical import Categorical
from trialist.space.condition import Above, Below, Between, Condition, OneOf, Part
from trialist.space.constraint import Constraint, nearest
from trialist.space.number import Float, Int
from trialist.space.parameter import Parameter


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Parameters in the order of declaration, the same with their conditions and parents first, and constraints."""

    parameters: dict[str, Parameter]
    order: tuple[tuple[str, Condition | None], ...]
    constraints: tuple[Constraint, ...]
    has_conditions: bool

    @classmethod
    def of(cls, parameters: dict[str, Parameter], constraints: Sequence[Constraint]) -> Tree:
        """From parameters whose conditions were resolved; raises SpaceError if they go round in a circle."""
        has_conditions = any(parameter.when is not None for parameter in parameters.values())
        return cls(parameters, _parents_first(parameters), tuple(constraints), has_conditions)

    def allows(self, params: Mapping[str, Any]) -> bool:
        """Whether the constraints hold for the active parameters."""
        for constraint in self.constraints:  # noqa: SIM110 - the hot path of rejection
            if not constraint.allows(params, self.parameters):
                return False
        return True

    def broken(self, params: Mapping[str, Any]) -> Constraint:
        """The first constraint that the parameters break."""
        return next(constraint for constraint in self.constraints if not constraint.allows(params, self.parameters))

    def active(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """The dials that are active under these parameters, in the order of declaration."""
        seen: dict[str, Any] = {}
        active = set()
        for name, condition in self.order:
            if condition is None or condition.holds(seen):
                active.add(name)
                if name in params:
                    seen[name] = params[name]
        return tuple(name for name in self.parameters if name in active)

    def in_order(self, params: dict[str, Any]) -> dict[str, Any]:
        """The same parameters, in the order of declaration."""
        if not self.has_conditions:
            return params  # they were made in that order
        return {name: params[name] for name in self.parameters if name in params}

    def filled(self, partial: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, Any]:
        """The dials that are active once missing ones have their value of `baseline`, or else their own."""
        filled: dict[str, Any] = {}
        for name, condition in self.order:
            if condition is None or condition.holds(filled):
                parameter = self.parameters[name]
                if name in partial:
                    filled[name] = parameter.check(name, partial[name])
                else:
                    filled[name] = baseline.get(name, parameter.baseline)
        return self.in_order(filled)


def has_default(parameter: Parameter) -> bool:
    """Whether a default was declared; None may be the default of a categorical dial."""
    return (parameter.default_index if isinstance(parameter, Categorical) else parameter.default) is not None


def resolved(name: str, parameter: Parameter, parameters: Mapping[str, Parameter]) -> Parameter:
    """The parameter with its condition checked against the parents, its values in the parents' own form."""
    condition = cast("Condition | None", parameter.when)
    if condition is None:
        return parameter
    for parent in condition:
        if parent not in parameters:
            others = {other: known for other, known in parameters.items() if other != name}
            raise SpaceError(name, f"when names {shown(parent)}, which is no dial", f"Use {nearest(parent, others)}.")
    parts = tuple((parent, _resolved_part(name, parent, parameters[parent], part)) for parent, part in condition.parts)
    return parameter if Condition(parts) == condition else replace(parameter, when=Condition(parts))


def _resolved_part(name: str, parent: str, parameter: Parameter, part: Part) -> Part:
    if isinstance(part, OneOf):
        try:
            return OneOf(tuple(parameter.check(parent, value) for value in part.values))
        except SpaceError as error:
            hint = " Use a list for several values." if type(part.values[0]) is tuple else ""
            raise SpaceError(name, f"when {shown(parent)}: {error.problem}", error.remedy + hint) from None
    if isinstance(parameter, Categorical):
        remedy = "Use a value or a list of values."
        raise SpaceError(name, f"when {shown(parent)} {part}, but that dial is categorical", remedy)
    if not _is_possible(parameter, part):
        span = f"{shown(parameter.low)}..{shown(parameter.high)}"
        remedy = "Choose a threshold inside the bounds."
        raise SpaceError(name, f"when {shown(parent)} {part}, but that dial only reaches {span}", remedy)
    return part


def _is_possible(parameter: Float | Int, part: Above | Below | Between) -> bool:
    match part:
        case Above(x):
            return parameter.high > x
        case Below(x):
            return parameter.low < x
        case Between(low, high):
            return low <= parameter.high and high >= parameter.low


def _parents_first(parameters: Mapping[str, Parameter]) -> tuple[tuple[str, Condition | None], ...]:
    order: dict[str, Condition | None] = {}
    waiting = {name: cast("Condition | None", parameter.when) for name, parameter in parameters.items()}
    while waiting:
        ready = [n for n, condition in waiting.items() if condition is None or all(p in order for p in condition)]
        if not ready:
            problem = f"the conditions of {', '.join(map(shown, waiting))} go round in a circle"
            raise SpaceError(next(iter(waiting)), problem, "Remove one of them.")
        for name in ready:
            order[name] = waiting.pop(name)
    return tuple(order.items())
