"""Which levels of a dial a sweep runs: its range on its own scale, with the values of incumbent and default."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialist.errors import SpaceError, shown
from trialist.numerics.keys import Key
from trialist.space.categorical import Categorical
from trialist.space.number import Float, Int
from trialist.space.parameter import Parameter
from trialist.space.space import Space

LEVELS, REPLICATES = 7, 3
LEAST = 2  # of levels, and of replicates: one run tells no noise


@dataclass(frozen=True, slots=True)
class Design:
    """One dial at several levels, all else at the incumbent's values, each level on the same seeds.

    values: the levels, ascending or in the order of the choices.  around: the configuration that is looked round;
    its own value is one of the levels.  default: the index of the level that the baseline has, or would have were the
    dial active there; None where that is no level.  left_out: levels that cannot be run, with the reason.
    """

    dial: str
    values: tuple[Any, ...]
    around: Mapping[str, Any]
    replicates: int
    default: int | None = None
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def runs(self) -> int:
        return len(self.values) * self.replicates

    @property
    def middle(self) -> int:
        """The index of the incumbent's own level."""
        return next(i for i, value in enumerate(self.values) if is_same(value, self.around[self.dial]))

    def configurations(self, space: Space) -> list[dict[str, Any]]:
        """A configuration for each level; dials that a level makes active stand at their defaults."""
        return [configuration(space, self.around, self.dial, value) for value in self.values]

    def to_json(self) -> dict[str, Any]:
        return {
            "dial": self.dial,
            "values": list(self.values),
            "around": dict(self.around),
            "replicates": self.replicates,
            "default": self.default,
            "left_out": [list(each) for each in self.left_out],
        }

    @classmethod
    def from_json(cls, obj: Mapping[str, Any], space: Space) -> Design:
        dial, parameter = obj["dial"], space[obj["dial"]]
        around = space.check(obj["around"])
        values = tuple(parameter.check(dial, value) for value in obj["values"])
        left_out = tuple((label, why) for label, why in obj["left_out"])
        return cls(dial, values, around, obj["replicates"], obj["default"], left_out)


def seeds(study_seed: int, replicates: int) -> list[int]:
    """Seeds that neither search nor selection had, the same for every level and for every sweep of a study.

    So sweeps of several dials share the incumbent's runs.
    """
    return [Key(study_seed, -1).child_seed(f"sweep {r}") for r in range(replicates)]


def design(
    space: Space,
    dial: str,
    around: Mapping[str, Any],
    levels: int | Sequence[Any] = LEVELS,
    replicates: int = REPLICATES,
) -> Design:
    """The design of a sweep; `levels` is how many, or which values.

    Raises SpaceError where the dial does nothing round that configuration, or where no two of its levels can be run.
    """
    parameter = space[dial]  # SpaceError names the nearest
    if dial not in around:
        condition = next((condition for name, condition in space.order if name == dial), None)
        settings = {name: around[name] for name in getattr(parameter, "when", None) or {} if name in around}
        problem = f"it does nothing round {shown(settings or dict(around))}: it is active only when {condition}"
        raise SpaceError(dial, problem, "Look round a configuration that has it: around={...}, or --around NAME=VALUE.")
    fixed = [around[dial], space.baseline().get(dial, parameter.baseline)]
    if isinstance(levels, int):
        wanted = _chosen(dial, parameter, fixed, levels)
    else:
        wanted = _ordered(parameter, [parameter.check(dial, value) for value in [*levels, around[dial]]])
    values, left_out = [], []
    for value in wanted:
        try:
            configuration(space, around, dial, value)
        except SpaceError as error:
            left_out.append((label_of(value), error.problem))
        else:
            values.append(value)
    if isinstance(parameter, Categorical):
        told = [*values, *(value for value in wanted if not any(is_same(value, each) for each in values))]
        rest = [choice for choice in parameter.choices if not any(is_same(choice, each) for each in told)]
        left_out += [(label_of(choice), f"only {len(wanted)} levels were asked for") for choice in rest]
    if len(values) < LEAST:
        problem = f"only {', '.join(map(label_of, values))} of its levels can be run"
        raise SpaceError(dial, problem, "Give others as levels=[...], or look round another configuration.")
    default = next((i for i, value in enumerate(values) if is_same(fixed[1], value)), None)
    return Design(dial, tuple(values), dict(around), replicates, default, tuple(left_out))


def configuration(space: Space, around: Mapping[str, Any], dial: str, value: Any) -> dict[str, Any]:
    """The incumbent with another value of one dial; dials that this makes active stand at their defaults.

    Raises SpaceError where a constraint forbids it.
    """
    wanted = {**around, dial: value}
    return space.complete({name: each for name, each in wanted.items() if name in space.active(wanted)})


def is_ordered(parameter: Parameter) -> bool:
    """Whether neighbours among its levels resemble each other."""
    return parameter.ordered if isinstance(parameter, Categorical) else True


def label_of(value: Any) -> str:
    """A level as it is read: numbers short, choices as they are."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def is_same(a: Any, b: Any) -> bool:
    """1, 1.0 and True are three choices."""
    return type(a) is type(b) and bool(a == b)


def _chosen(dial: str, parameter: Parameter, fixed: Sequence[Any], count: int) -> list[Any]:
    """So many levels, evenly on the dial's scale, ends included; fixed ones take the places of the nearest."""
    if isinstance(parameter, Categorical):
        if len(parameter.choices) <= count:
            return list(parameter.choices)
        found = list(_distinct(fixed))
        found += [choice for choice in parameter.choices if not any(is_same(choice, each) for each in found)]
        return _ordered(parameter, found[: max(count, len(_distinct(fixed)))])
    levels: list[Any] = [parameter.check(dial, _rounded(parameter, value, count)) for value in parameter.levels(count)]
    levels = list(_distinct(levels))
    kept = list(_distinct(fixed))
    for value in kept:
        if any(is_same(value, each) for each in levels):
            continue
        # The ends stay: whether the best lies there is one of the questions.
        free = [each for each in levels[1:-1] if not any(is_same(each, other) for other in kept)]
        if free and len(levels) >= count:
            at = parameter.encode(value)
            levels.remove(min(free, key=lambda each: abs(parameter.encode(each) - at)))
        levels.append(value)
        levels = _ordered(parameter, levels)
    return levels


def _rounded(parameter: Float | Int, value: Any, count: int) -> Any:
    """A level that can be read and typed: to a fiftieth of the distance to the next one."""
    if isinstance(parameter, Int) or parameter.step is not None or value in (parameter.low, parameter.high):
        return value
    if parameter.log:
        short = float(f"{value:.2g}")
    else:
        gap = (parameter.high - parameter.low) / max(count - 1, 1)
        short = round(value, 1 - math.floor(math.log10(gap))) if gap > 0 else value
    return short if parameter.low < short < parameter.high else value


def _ordered(parameter: Parameter, values: Sequence[Any]) -> list[Any]:
    return sorted(_distinct(values), key=parameter.encode)


def _distinct(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(is_same(value, each) for each in found):
            found.append(value)
    return found
