"""The timeline: which worker ran which trial when, and where it had nothing to run.

Times are seconds of working time since the first trial was opened, long gaps cut out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from trialist.study.prose import counted
from trialist.study.views.clock import Clock
from trialist.study.views.lanes import Lane, Stretch, lanes_of, stretches_of
from trialist.study.views.missing import no_score
from trialist.study.views.plain import as_json
from trialist.trials.amounts import duration
from trialist.trials.history import History
from trialist.trials.trial import Action, State, TrialRecord


@dataclass(frozen=True, slots=True)
class Bar:
    """A run of a trial, in a lane.  state: as which that run ended.  reason: why it was stopped, or failed.

    worker: its name, empty where it is not known.  attempt: the how-manieth run of the trial, from 0 on.
    """

    number: int
    lane: int
    start: float
    end: float
    state: str
    stage: str
    value: float | None
    reason: str
    worker: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Idle:
    """A stretch in which a worker was there and had nothing to run."""

    lane: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """names: of the lanes.  workers: by lane, who worked there, in order.

    breaks: after how many seconds a gap was cut out, and how long it was.  busy: the share of all workers' time.
    unkept: trials of which earlier runs are not drawn, since it is not kept when they were.
    """

    bars: tuple[Bar, ...]
    idle: tuple[Idle, ...]
    names: tuple[str, ...]
    workers: tuple[tuple[str, ...], ...]
    seconds: float
    breaks: tuple[tuple[float, float], ...]
    busy: float
    unkept: int
    enough: bool
    words: str

    @property
    def lanes(self) -> int:
        return len(self.names)

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = as_json(self)
        return found


def timeline(history: History, now: float) -> Timeline:
    """Of all trials that ran.  now: wall clock, until which those that run are drawn."""
    stretches = stretches_of(history, now)
    clock = Clock.of((each.run.began, each.end) for each in stretches)
    lanes = lanes_of(stretches)
    places = {start: clock.at(start) for each in stretches for start in (each.run.began, each.end)}
    bars = sorted(
        (_bar(each, lane, places) for lane, held in enumerate(lanes) for each in held.stretches),
        key=lambda bar: (bar.start, bar.end, bar.number),
    )
    idle = tuple(each for lane, held in enumerate(lanes) for each in _idle(lane, held, clock))
    gone, used = (math.fsum(each.end - each.start for each in some) for some in (idle, bars))
    busy = used / (used + gone) if used + gone > 0 else 1.0
    unkept = sum(bool(record.attempt and len(record.runs) <= record.attempt and _ran(record)) for record in history)
    words = _words(bars, lanes, clock, busy, unkept) if bars else no_score(history)
    return Timeline(
        tuple(bars), idle, tuple(lane.name for lane in lanes), tuple(tuple(lane.workers) for lane in lanes),
        clock.seconds, clock.breaks, busy, unkept, bool(bars), words,
    )  # fmt: skip


def _ran(record: TrialRecord) -> bool:
    return record.opened_at is not None and record.state is not State.WAITING


def _bar(each: Stretch, lane: int, places: dict[float, float]) -> Bar:
    record = each.record
    state, reason = record.state.value, record.stop_reason
    if record.failure is not None:
        reason = reason or record.failure.message
    if not each.is_last or record.state is State.WAITING:
        state, reason = _earlier(record, each.place)
    value = record.value if each.is_last and record.value is not None and math.isfinite(record.value) else None
    start, end = places[each.run.began], places[each.end]
    return Bar(
        record.number, lane, start, end, state, record.stage.value, value, reason, each.run.worker,
        record.attempt if each.is_last and not record.runs else each.place,
    )  # fmt: skip


def _earlier(record: TrialRecord, place: int) -> tuple[str, str]:
    """How a run ended after which others followed: it was paused, or failed for no fault of the configuration."""
    halts = [taken for taken in record.course if taken.action is Action.PAUSE]
    if not halts and place < len(record.earlier):
        return State.FAILED.value, f"{record.earlier[place].message}; tried again"
    return State.PAUSED.value, halts[place].reason if place < len(halts) and not record.earlier else ""


def _idle(number: int, lane: Lane, clock: Clock) -> Iterator[Idle]:
    """Between the runs of a lane, as long as its workers' coordinators were there."""
    for start, end in lane.spells:
        until = clock.at(start)
        for each in lane.stretches:
            if not start <= each.run.began <= end:
                continue
            if (began := clock.at(each.run.began)) > until:
                yield Idle(number, until, began)
            until = max(until, clock.at(each.end))
        if (over := clock.at(end)) > until:
            yield Idle(number, until, over)


def _words(bars: Sequence[Bar], lanes: Sequence[Lane], clock: Clock, busy: float, unkept: int) -> str:
    most = _at_once(bars)
    side = f", up to {most} at once" if most > 1 else ", one after the other"
    trials = len({bar.number for bar in bars})
    runs = f" ({counted(len(bars), 'run')})" if len(bars) > trials else ""
    told = [f"{counted(trials, 'trial')}{runs} in {duration(clock.seconds)}{side}"]
    if len(lanes) > 1:
        told.append(f"{busy:.0%} of the workers' time was used")
    if gaps := len(clock.breaks):
        told.append(f"{counted(gaps, 'gap')} in which nothing ran {'is' if gaps == 1 else 'are'} cut out")
    if unkept:
        told.append(f"of {counted(unkept, 'trial')} that went on only the last run is drawn")
    if lanes and any(not lane.workers for lane in lanes):
        told.append("who ran them was not kept for trials of an earlier Trialist: their lanes are made of the times")
    return "; ".join(told)


def _at_once(bars: Iterable[Bar]) -> int:
    """The most that ran at the same time; one that begins as another ends runs after it."""
    steps = sorted([(bar.start, 1) for bar in bars] + [(bar.end, -1) for bar in bars], key=lambda s: (s[0], s[1]))
    running = most = 0
    for _, group in groupby(steps, key=lambda step: step[0]):
        running += sum(step for _, step in group)
        most = max(most, running)
    return max(most, 1)
