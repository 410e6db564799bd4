"""One command that runs: what it printed and wrote, by what it is ended, and what came of it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from trialist.errors import InputError
from trialist.execute import failures
from trialist.execute.births import Ended
from trialist.execute.killing import Ending
from trialist.execute.limits import Watch
from trialist.execute.readings import COST, Lines, Readings
from trialist.execute.units import Units
from trialist.trials.messages import Assignment, Reported
from trialist.trials.outcome import outcome
from trialist.trials.trial import Action, Cause, Decision, Failure

METRICS = "metrics.jsonl"  # in the trial's folder: the file that TRIALIST_METRICS names
_GRACE = 0.5  # seconds from SIGTERM to SIGKILL where a limit was broken
_STOP_GRACE = 5.0  # where a scheduler stops it: time to write a checkpoint
_CHUNK = 1 << 16  # bytes: what a pipe holds
_CHUNKS = 16  # at most so many a turn


@dataclass(slots=True)
class Run:
    """A command that runs: heard, ended where it is to end, and made a result of."""

    assignment: Assignment
    ticket: int
    token: str
    argv: list[str]
    watch: Watch
    readings: Readings
    output: int  # our end of its standard output
    log: int
    log_begins: int  # where this attempt's part begins
    units: Units
    since: float = 0  # the step that it goes on from, then of its last report
    lines: Lines = field(default_factory=Lines)
    metrics: int | None = None  # its metrics file, once there is one
    metric_lines: Lines = field(default_factory=Lines)
    is_heard: bool = True  # until its standard output ends
    pid: int | None = None
    failure: Failure | None = None  # why it is being ended: by a limit, or cancelled
    stop: Decision | None = None  # or stopped by a scheduler
    ending: Ending | None = None

    def path(self, name: str) -> str:
        return os.path.join(self.assignment.directory, name)

    @property
    def cost(self) -> float | None:
        """What it told of its cost so far, if that is one."""
        told = self.readings.cost
        return told if told is not None and 0 <= told < math.inf else None

    def hear(self) -> list[Reported]:
        """Take in what the command printed and wrote since: not all at once, for it may print for ever. Its reports."""
        reports: list[Reported] = []
        for _ in range(_CHUNKS):
            if not self.is_heard:
                break
            try:
                piece = os.read(self.output, _CHUNK)
            except BlockingIOError:
                break
            self.is_heard = bool(piece)
            reports += self._read(self.lines.feed(piece))
            try:
                os.write(self.log, piece)
            except OSError as problem:
                self.failure = self.failure or Failure(Cause.INFRASTRUCTURE, f"its log could not be written: {problem}")
        if self.metrics is None:
            try:
                self.metrics = os.open(self.path(METRICS), os.O_RDONLY)
            except FileNotFoundError:
                return reports
        while piece := os.read(self.metrics, _CHUNK):
            reports += self._read(self.metric_lines.feed(piece))
        return reports

    def hear_last(self) -> list[Reported]:
        """The same, once the command has ended, of a last line without an end too."""
        return self.hear() + self._read(self.lines.last() + self.metric_lines.last())

    def _read(self, lines: Sequence[str]) -> list[Reported]:
        reports: list[Reported] = []
        for text in lines:
            line = self.readings.read(text)
            if self.failure is not None or self.stop is not None:
                continue
            if self.readings.is_beyond:
                self.stop = Decision(Action.PAUSE)  # it runs on past its fidelity, which it may not know
                continue
            if line is None:
                continue
            first = self.assignment.objectives[0]
            extra = {name: value for name, value in line.values.items() if name != first}
            if self.units.whole:
                self.units.found[line.step] = {first: line.values[first], **extra}
                line = replace(line, of=self.units.whole)
            since, self.since = min(self.since, max(0, line.step - 1)), line.step
            number, attempt = self.assignment.number, self.assignment.attempt
            report = Reported(number, attempt, line.step, line.values[first], extra, line.of, self.cost, since)
            if self.assignment.fidelity is not None:
                report = replace(report, of=None)  # the fidelity says how long a full run is
            reports.append(report)
        return reports

    def go_on_ending(self) -> None:
        """Signal its processes, where it is to end; call again and again until it has."""
        if self.pid is None or (self.failure is None and self.stop is None):
            return
        if self.ending is None:
            self.ending = Ending(self.pid, self.token, _GRACE if self.failure is not None else _STOP_GRACE)
        else:
            self.ending.is_over()  # signals again; the nursery tells when it is

    def came_to(self, end: Ended) -> dict[str, tuple[float, ...]] | Failure:
        """Its metrics, or why there are none."""
        if self.failure is not None:
            return self.failure
        if end.problem is not None:
            return failures.of_start(self.argv[0], end.problem)
        if self.stop is None and end.signal is not None:
            return failures.of_signal(end.signal)
        if self.stop is None and end.code:
            tail = failures.last_lines(self.log, self.log_begins)
            return Failure(
                Cause.OBJECTIVE, f"exited with code {end.code}: {failures.last_error(tail)}", "\n".join(tail)
            )
        if self.readings.missing:
            return Failure(
                Cause.OBJECTIVE, self.readings.complaint, "\n".join(failures.last_lines(self.log, self.log_begins))
            )
        if self.readings.cost is not None and not 0 <= self.readings.cost < math.inf:
            return Failure(
                Cause.OBJECTIVE,
                f"{COST} was {self.readings.cost:g}, which is not a cost. Print a finite number, from 0 on",
            )
        if not self.units.found:
            return outcome(self.readings.values, self.assignment.objectives)
        try:
            if self.stop is None:
                self.units.check()
        except InputError as error:
            return Failure(Cause.OBJECTIVE, f"{error.problem}: print a line with its step and score for each unit")
        return outcome(self.units.replicates(), self.assignment.objectives)

    def close(self) -> None:
        """Let go of its output, its log and its metrics file."""
        for fd in (self.output, self.log, self.metrics):
            if fd is not None:
                os.close(fd)
