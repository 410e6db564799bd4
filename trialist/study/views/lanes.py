"""Lanes of a timeline: one for each worker, by its name; who worked one after the other at one place shares it.

Each time that a study is resumed its workers have other names, and stand at the same places of the same machine. Trials
that an earlier Trialist kept do not say who ran them: lanes of these are made of the times, as few as there were trials
at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from trialist.trials.run import Run
from trialist.trials.trial import Action, State, TrialRecord


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of a trial in wall clock. is_last: of the runs of its trial.  is_known: until when it ran."""

    record: TrialRecord
    place: int  # of the trial's runs, from 0 on
    run: Run
    end: float
    is_last: bool


@dataclass(slots=True)
class Lane:
    """name: to be shown.  workers: whose runs are in it, in order.  spells: when they were there, in wall clock."""

    name: str
    workers: list[str] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    spells: list[tuple[float, float]] = field(default_factory=list)

    @property
    def until(self) -> float:
        return max((end for _, end in self.spells), default=float("-inf"))


def stretches_of(records: Iterable[TrialRecord], now: float) -> list[Stretch]:
    """All runs of the trials; the end of one whose process vanished is the last that is known of its coordinator."""
    found: list[Stretch] = []
    for record in records:
        runs = record.runs or _told_by_times(record)
        for place, run in enumerate(runs):
            is_last = place == len(runs) - 1
            end = run.ended
            if end is None:
                end = now if is_last and record.state is State.RUNNING else run.began
            found.append(Stretch(record, place, run, max(end, run.began), is_last))
    known: dict[str, float] = {}
    for each in found:
        known[each.run.coordinator] = max(known.get(each.run.coordinator, each.end), each.end)
    return [
        Stretch(each.record, each.place, each.run, known[each.run.coordinator], each.is_last)
        if each.run.ended is None and each.run.worker and each.record.state is not State.RUNNING
        else each
        for each in found
    ]


def _told_by_times(record: TrialRecord) -> tuple[Run, ...]:
    """The last run of a trial that was kept without its runs; none where it has not run."""
    if record.opened_at is None or record.state is State.WAITING:
        return ()
    if record.closed_at is not None or record.state is State.RUNNING:
        return (Run("", record.opened_at, record.closed_at),)
    # Of a paused trial the last run alone began then; after a resumption, `seconds` are those of all its runs.
    is_resumed = any(taken.action is Action.RESUME for taken in record.course)
    seconds = 0.0 if record.seconds is None or is_resumed else record.seconds
    return (Run("", record.opened_at, record.opened_at + seconds),)


def lanes_of(stretches: Sequence[Stretch]) -> list[Lane]:
    """Lanes of those whose worker is known, by their beginning; then of the others."""
    named = [each for each in stretches if each.run.worker]
    by_worker: dict[str, list[Stretch]] = {}
    spells: dict[str, tuple[float, float]] = {}  # by coordinator, who holds all of its workers as long as it is there
    for each in named:
        by_worker.setdefault(each.run.worker, []).append(each)
        start, end = spells.get(each.run.coordinator, (each.run.began, each.end))
        spells[each.run.coordinator] = min(start, each.run.began), max(end, each.end)
    machines = {_machine(each.run) for each in named}
    order = sorted(by_worker, key=lambda w: (*spells[by_worker[w][0].run.coordinator], by_worker[w][0].run.place, w))
    lanes: list[tuple[tuple[str, int], Lane]] = []
    for worker in order:
        first = by_worker[worker][0].run
        spell, stand = spells[first.coordinator], (_machine(first), first.place)
        lane = next((lane for at, lane in lanes if at == stand and lane.until <= spell[0]), None)
        if lane is None:
            lane = Lane(_name(first, len(machines) == 1))
            lanes.append((stand, lane))
        lane.workers.append(worker)
        lane.stretches += sorted(by_worker[worker], key=lambda each: (each.run.began, each.end, each.record.number))
        lane.spells.append(spell)
    return [*(lane for _, lane in lanes), *_unnamed([each for each in stretches if not each.run.worker])]


def _machine(run: Run) -> str:
    """user@host, where a worker's name says so."""
    return run.coordinator.rpartition(":")[0] if run.place else run.worker


def _name(run: Run, is_alone: bool) -> str:
    if not run.place:
        return run.worker
    return f"worker {run.place}" if is_alone else f"{_machine(run)} {run.place}"


def _unnamed(stretches: Sequence[Stretch]) -> list[Lane]:
    """Each in the lane that is free the longest: so workers that take turns stay apart."""
    lanes: list[Lane] = []
    free: list[tuple[float, int]] = []  # (since when, lane)
    for each in sorted(stretches, key=lambda s: (s.run.began, s.end, s.record.number)):
        if free and free[0][0] <= each.run.began:
            _, place = heapq.heappop(free)
        else:
            place = len(lanes)
            lanes.append(Lane(f"lane {place + 1}"))
        lanes[place].stretches.append(each)
        heapq.heappush(free, (each.end, place))
    if lanes:
        whole = min(s.run.began for s in stretches), max(s.end for s in stretches)
        for lane in lanes:
            lane.spells.append(whole)
    return lanes
