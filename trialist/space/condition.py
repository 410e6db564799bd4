"""Conditions: when a dial is active. `when={"solver": "sgd", "layers": above(2)}`: all of its parts must hold.

A part is a value of the parent, a list of values, or a range: above(x) is > x, below(x) is < x, between(a, b) holds
both ends. A dial whose parent is inactive is inactive.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialist.errors import InputError, SpaceError, shown
from trialist.space.plain import check_plain, from_json, identity, plain, to_json

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True, slots=True)
class OneOf:
    """The parent has one of these values; types matter."""

    values: tuple[Any, ...] = field(compare=False)
    identities: frozenset[Hashable] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identities", frozenset(identity(value) for value in self.values))

    def holds(self, value: Any) -> bool:
        return identity(value) in self.identities

    def __str__(self) -> str:
        return f"is {shown(self.values[0])}" if len(self.values) == 1 else f"is in {shown(list(self.values))}"


@dataclass(frozen=True, slots=True)
class Above:
    """The parent is larger than x."""

    x: float

    def holds(self, value: float) -> bool:
        return value > self.x

    def __str__(self) -> str:
        return f"is above {shown(self.x)}"


@dataclass(frozen=True, slots=True)
class Below:
    """The parent is smaller than x."""

    x: float

    def holds(self, value: float) -> bool:
        return value < self.x

    def __str__(self) -> str:
        return f"is below {shown(self.x)}"


@dataclass(frozen=True, slots=True)
class Between:
    """The parent lies from low to high, both included."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"is from {shown(self.low)} to {shown(self.high)}"


Part = OneOf | Above | Below | Between


def above(x: float) -> Above:
    """For `when=`: the parent is larger than x."""
    return Above(_number("above", x))


def below(x: float) -> Below:
    """For `when=`: the parent is smaller than x."""
    return Below(_number("below", x))


def between(low: float, high: float) -> Between:
    """For `when=`: the parent lies from low to high, both included."""
    low, high = _number("between", low), _number("between", high)
    if low > high:
        raise SpaceError("between", f"low {shown(low)} is above high {shown(high)}", "Swap them.")
    return Between(low, high)


@dataclass(frozen=True, slots=True)
class Condition(Mapping[str, Part]):
    """What must hold for a dial to be active: an immutable mapping of parents to the parts that they must satisfy."""

    parts: tuple[tuple[str, Part], ...]

    @classmethod
    def of(cls, kind: str, when: Mapping[str, Any] | None) -> Condition | None:
        """From what a user gave as `when=` to a dial of that kind."""
        if when is None or isinstance(when, Condition):
            return when
        if not isinstance(when, Mapping) or not when:
            remedy = "Give a dict such as {'solver': 'sgd'}."
            raise SpaceError(kind, f"when {shown(when)} names no dial that this one depends on", remedy)
        for parent in when:
            if type(parent) is not str:
                raise SpaceError(kind, f"when has the key {shown(parent)}", "Use a dial's name as key.")
        # Sorted, so that the order in which they were written makes no difference.
        return cls(tuple(sorted(((parent, _part(kind, parent, when[parent])) for parent in when), key=lambda p: p[0])))

    def holds(self, params: Mapping[str, Any]) -> bool:
        """Whether every parent has a value (is active) that satisfies its part."""
        return all(parent in params and part.holds(params[parent]) for parent, part in self.parts)

    def __getitem__(self, parent: str) -> Part:
        for name, part in self.parts:
            if name == parent:
                return part
        raise KeyError(parent)

    def __iter__(self) -> Iterator[str]:
        return (parent for parent, _ in self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __str__(self) -> str:
        return " and ".join(f"{parent} {part}" for parent, part in self.parts)

    def __repr__(self) -> str:
        parts = (f"{parent!r}: {_as_written(part)}" for parent, part in self.parts)
        return "{" + ", ".join(parts) + "}"

    def to_json(self) -> list[Any]:
        """Plain JSON, from which `from_json` makes an equal condition."""
        return [[parent, _part_to_json(part)] for parent, part in self.parts]

    @classmethod
    def from_json(cls, written: list[Any]) -> Condition:
        """The condition that `to_json` wrote."""
        return cls(tuple((parent, _part_from_json(part)) for parent, part in written))


def _number(function: str, x: Any) -> float:
    x = plain(x)
    if type(x) not in (int, float) or not math.isfinite(x):
        raise SpaceError(function, f"{shown(x)} is not a finite number", "Give a number.")
    return x  # type: ignore[no-any-return]


def _part(kind: str, parent: str, given: Any) -> Part:
    if isinstance(given, Part):
        return given
    values = tuple(plain(value) for value in given) if isinstance(given, list) else (plain(given),)
    if not values:
        raise SpaceError(kind, f"when {shown(parent)} is one of no values", "Give at least one value.")
    for value in values:
        try:
            check_plain(kind, value, hashable=True)
        except InputError as error:
            raise SpaceError(kind, f"when {shown(parent)}: {error.problem}", error.remedy) from None
    return OneOf(values)


def _as_written(part: Part) -> str:
    match part:
        case OneOf(values=(value,)):
            return repr(value)
        case OneOf(values=values):
            return repr(list(values))
        case Above(x):
            return f"above({x!r})"
        case Below(x):
            return f"below({x!r})"
        case Between(low, high):
            return f"between({low!r}, {high!r})"


def _part_to_json(part: Part) -> dict[str, Any]:
    match part:
        case OneOf(values=values):
            return {"in": [to_json(value) for value in values]}
        case Above(x):
            return {"above": x}
        case Below(x):
            return {"below": x}
        case Between(low, high):
            return {"between": [low, high]}


def _part_from_json(written: dict[str, Any]) -> Part:
    ((kind, content),) = written.items()
    if kind == "in":
        return OneOf(tuple(from_json(value) for value in content))
    if kind == "above":
        return Above(content)
    if kind == "below":
        return Below(content)
    return Between(*content)
