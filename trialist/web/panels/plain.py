"""What panels share: numbers that JSON can hold, the thinning of many points, the tints and marks of trials."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from trialist.study.views.scale import Scale
from trialist.trials.trial import Stage, State, TrialRecord

T = TypeVar("T")

MOST_POINTS = 1_000  # of one chart: more are thinned, and the picture is the same
MOST_REASONS = 300  # points that carry the reason of their trial


def number(value: float | None) -> float | int | None:
    """A number to six digits, None where it is not finite.

    >>> number(0.123456789), number(float("nan")), number(4.0)
    (0.123457, None, 4)
    """
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.6g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short


def numbers(values: Iterable[float | None]) -> list[float | int | None]:
    return [number(value) for value in values]


def thinned(items: Sequence[T], kept: Iterable[int] = (), most: int = MOST_POINTS) -> list[T]:
    """All items while there are few; of many, every nth, the last, and those at the places `kept`."""
    if len(items) <= most:
        return list(items)
    every = math.ceil(len(items) / most)
    places = {*range(0, len(items), every), len(items) - 1, *kept}
    return [item for place, item in enumerate(items) if place in places]


def value_of(record: TrialRecord, metric: str) -> float | None:
    """The mean of a metric, None where it is not there or not finite."""
    score = record.metrics.get(metric)
    return score.mean if score is not None and math.isfinite(score.mean) else None


def kind_of(record: TrialRecord) -> str:
    """How a trial is marked: by its state where it did not come to its end, else by its stage."""
    if record.state is not State.COMPLETE:
        return record.state.value
    return {Stage.BASELINE: "default", Stage.SELECT: "again"}.get(record.stage, record.stage.value)


def axis(scale: Scale) -> dict[str, Any]:
    """An axis of values, with the values that are written beside it."""
    ticks = numbers(scale.ticks())
    return {"low": number(scale.low), "high": number(scale.high), "log": scale.log, "ticks": ticks}


def cut(told: str, most: int = 160) -> str:
    """A text that a tooltip can hold."""
    return told if len(told) <= most else f"{told[: most - 1]}…"
