"""The timeline: which trials ran when, side by side as far as they ran at once, and where nobody worked.

Times are seconds of working time since the first trial was opened, long gaps cut out.  Which worker ran a trial is not
kept, so lanes are made of the times: as few of them as there were trials at once.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trialist.study.prose import counted
from trialist.study.views.clock import Clock
from trialist.study.views.missing import no_score
from trialist.study.views.plain import as_json
from trialist.trials.history import History
from trialist.trials.plan import duration
from trialist.trials.trial import Action, State, TrialRecord


@dataclass(frozen=True, slots=True)
class Bar:
    """A run of a trial, in a lane.  reason: why it was stopped, or failed."""

    number: int
    lane: int
    start: float
    end: float
    state: str
    stage: str
    value: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Idle:
    """A stretch in which a lane had nothing to run."""

    lane: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """breaks: after how many seconds a gap was cut out, and how long it was.  busy: the share of all lanes' time.

    resumed: trials whose earlier runs are not drawn, since it is not kept when they were.
    """

    bars: tuple[Bar, ...]
    idle: tuple[Idle, ...]
    lanes: int
    seconds: float
    breaks: tuple[tuple[float, float], ...]
    busy: float
    resumed: int
    enough: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = as_json(self)
        return found


def timeline(history: History, now: float) -> Timeline:
    """Of all trials that ran.  now: wall clock, until which those that run are drawn."""
    runs = [(found, record) for record in history if (found := run_of(record, now)) is not None]
    clock = Clock.of(times for times, _ in runs)
    worked = [(clock.at(start), clock.at(end), record) for (start, end), record in runs]
    bars = tuple(_bars(sorted(worked, key=lambda run: (run[0], run[1], run[2].number))))
    lanes = max((bar.lane for bar in bars), default=-1) + 1
    seconds = clock.seconds
    idle = tuple(_idle(bars, lanes, seconds))
    gone = math.fsum(each.end - each.start for each in idle)
    busy = 1.0 - gone / (lanes * seconds) if lanes and seconds > 0 else 1.0
    resumed = sum(any(taken.action is Action.RESUME for taken in record.course) for record in history)
    words = no_score(history) if not bars else _words(bars, lanes, seconds, busy, len(clock.breaks), resumed)
    return Timeline(bars, idle, lanes, seconds, clock.breaks, busy, resumed, bool(bars), words)


def run_of(record: TrialRecord, now: float) -> tuple[float, float] | None:
    """From when until when a trial ran last, in wall clock; None where it has not run."""
    if record.opened_at is None or record.state is State.WAITING:
        return None
    if record.closed_at is not None:
        return record.opened_at, max(record.closed_at, record.opened_at)
    if record.state is State.RUNNING:
        return record.opened_at, max(now, record.opened_at)
    # Of a paused trial the last run alone began then; after a resumption, `seconds` are those of all its runs.
    if record.seconds is None or any(taken.action is Action.RESUME for taken in record.course):
        return record.opened_at, record.opened_at
    return record.opened_at, record.opened_at + record.seconds


def _bars(runs: Iterable[tuple[float, float, TrialRecord]]) -> Iterable[Bar]:
    """Each in the lane that is free the longest: so workers that take turns stay apart."""
    free: list[tuple[float, int]] = []  # (since when, lane)
    lanes = 0
    for start, end, record in runs:
        if free and free[0][0] <= start:
            _, lane = heapq.heappop(free)
        else:
            lane, lanes = lanes, lanes + 1
        heapq.heappush(free, (end, lane))
        reason = record.stop_reason or (record.failure.message if record.failure is not None else "")
        value = record.value if record.value is not None and math.isfinite(record.value) else None
        yield Bar(record.number, lane, start, end, record.state.value, record.stage.value, value, reason)


def _idle(bars: Iterable[Bar], lanes: int, seconds: float) -> Iterable[Idle]:
    until = [0.0] * lanes
    for bar in bars:
        if bar.start > until[bar.lane]:
            yield Idle(bar.lane, until[bar.lane], bar.start)
        until[bar.lane] = max(until[bar.lane], bar.end)
    yield from (Idle(lane, end, seconds) for lane, end in enumerate(until) if end < seconds)


def _words(bars: tuple[Bar, ...], lanes: int, seconds: float, busy: float, breaks: int, resumed: int) -> str:
    side = f", up to {lanes} at once" if lanes > 1 else ", one after the other"
    told = [f"{counted(len(bars), 'trial')} in {duration(seconds)}{side}"]
    if lanes > 1:
        told.append(f"{busy:.0%} of the lanes' time was used")
    if breaks:
        told.append(f"{counted(breaks, 'gap')} in which nothing ran {'is' if breaks == 1 else 'are'} cut out")
    if resumed:
        told.append(f"of {counted(resumed, 'trial')} that went on only the last run is drawn")
    return "; ".join(told)
