"""A dial as an axis of a chart: places from 0 to 1 on its own scale, and the values that are written beside some."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from trialist.errors import SpaceError
from trialist.space.categorical import Categorical
from trialist.space.space import Space
from trialist.study.views.scale import Scale
from trialist.trials.trial import TrialRecord
from trialist.web.numbers import setting
from trialist.web.panels.plain import cut

_MOST_CHOICES = 24  # named on an axis


@dataclass(frozen=True, slots=True)
class DialAxis:
    """place: of a value from 0 to 1, None for what the axis does not hold.  ticks: (place, label), from 0 up."""

    dial: str
    is_category: bool
    ticks: tuple[tuple[float, str], ...]
    place: Callable[[Any], float | None]
    is_log: bool = False

    def to_json(self) -> dict[str, Any]:
        ticks = [[round(place, 5), label] for place, label in self.ticks]
        return {"dial": self.dial, "category": self.is_category, "log": self.is_log, "ticks": ticks}


def axis_of(dial: str, space: Space, records: Iterable[TrialRecord] = ()) -> DialAxis:
    """The axis of a dial as it is declared; of one that the space does not hold, by the values that trials had."""
    if dial in space:
        parameter = space[dial]
        if isinstance(parameter, Categorical):
            return _choices(dial, list(parameter.choices), parameter.encode)

        def place(value: Any) -> float | None:
            try:
                return parameter.encode(value)
            except (SpaceError, TypeError, ValueError):
                return None

        whole = isinstance(parameter.low, int)
        ticks = _ticks(float(parameter.low), float(parameter.high), parameter.log, whole)
        return DialAxis(dial, False, _placed(ticks, whole, place), place, parameter.log)
    values = [record.params[dial] for record in records if dial in record.params]
    numeric = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)]
    if not numeric or len(numeric) < len(values):
        return _choices(dial, list(dict.fromkeys(values)), None)
    low, high = float(min(numeric)), float(max(numeric))
    span = (high - low) or 1.0

    def between(value: Any) -> float | None:
        return (value - low) / span if high > low else 0.5

    whole = all(isinstance(v, int) for v in numeric)
    return DialAxis(dial, False, _placed(_ticks(low, high, False, whole), whole, between), between)


def _choices(dial: str, choices: list[Any], encode: Callable[[Any], float] | None) -> DialAxis:
    places = {repr(choice): (i + 0.5) / len(choices) for i, choice in enumerate(choices)}

    def place(value: Any) -> float | None:
        if encode is None:
            return places.get(repr(value))
        try:
            return encode(value)
        except SpaceError:
            return None

    every = math.ceil(len(choices) / _MOST_CHOICES)
    ticks = [((i + 0.5) / len(choices), cut(setting(c), 40)) for i, c in enumerate(choices) if i % every == 0]
    return DialAxis(dial, True, tuple(ticks), place)


def _ticks(low: float, high: float, log: bool, whole: bool) -> list[float]:
    """Round values from low to high; both ends where no round value is near them."""
    if high <= low:
        return [low]
    if log and high / low < 10:  # less than a decade has hardly a round value
        ratio = (high / low) ** 0.25
        found = [low * ratio**k for k in range(5)]
    elif log:
        found = Scale(low, high, True).ticks()
    else:
        found = Scale(low, high, False).ticks()
    if whole:
        found = [float(v) for v in dict.fromkeys(round(v) for v in found) if low <= v <= high]

    def share(value: float) -> float:
        if log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    inner = [v for v in found if 0.07 < share(v) < 0.93]
    return [low, *inner, high]


def _placed(ticks: Iterable[float], whole: bool, place: Callable[[Any], float | None]) -> tuple[tuple[float, str], ...]:
    found = []
    for tick in ticks:
        where = place(int(tick) if whole else tick)
        if where is not None:
            found.append((where, f"{int(tick):d}" if whole and abs(tick) < 1e5 else f"{tick:.3g}"))
    return tuple(found)
