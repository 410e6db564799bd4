"""Progress in plain lines, for logs and pipes: some twenty for twenty trials, and never many more for thousands.

In a log nothing is cut: who reads it there has no other place where the end stands.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import click

from trialist.cli.course import Course
from trialist.cli.format import cut, params, safe, wrapped
from trialist.cli.table import log_width
from trialist.study.events import Event, StageEnded, StageStarted, Told, TrialClosed, TrialPaused, TrialRetried
from trialist.trials.trial import Stage, State, TrialRecord

if TYPE_CHECKING:
    from trialist.study.study import Study

LINES_FOR_TRIALS = 5
_FAILURES_TOLD = 1  # the others are counted, and last in the live view
_TOLD_BY_RESULT = ("select", "verify")  # their outcome stands in the result, right below


class Progress(Protocol):
    """A view of a run: it takes events, and lines from outside; close it before anything else is printed."""

    course: Course

    def take(self, event: Event) -> None: ...

    def say(self, line: str) -> None: ...

    def close(self) -> None: ...


def progress_for(study: Study, workers: int, quiet: bool) -> Progress:
    """A live view on a terminal, lines elsewhere, nothing where it is to be quiet."""
    course = Course(study, workers)
    if not quiet and sys.stderr.isatty() and sys.stdout.isatty():
        from trialist.cli.live import Live

        return Live(course)
    return Plain(course, (lambda line: None) if quiet else lambda line: click.echo(line, err=True))


class Plain:
    """Writes a line where there is something new to say."""

    def __init__(self, course: Course, write: Callable[[str], None]) -> None:
        self.course, self._write = course, write
        self._failures = 0
        self._every = max(1, (course.total or 0) // LINES_FOR_TRIALS)
        self._next = course.closed + self._every

    def take(self, event: Event) -> None:
        self.course.take(event)
        if isinstance(event, (TrialClosed, TrialPaused)):
            at = self._next
            self.say(self._trial(event.record))
            if self._next != at and self.course.outlays:
                self.say(f"    {', '.join(self.course.outlays)}")
        for line in lines_of(event, log_width()):
            self.say(line)

    def say(self, line: str) -> None:
        if line:
            self._write(cut(line, log_width()))

    def close(self) -> None:
        """Nothing is left on the screen."""

    def _trial(self, record: TrialRecord) -> str:
        course = self.course
        if record.state is State.FAILED and self._failures < _FAILURES_TOLD:
            self._failures += 1
            return f"  trial {course.failure().removeprefix('trial ')}"
        if record.stage is Stage.BASELINE:
            return (
                f"  trial 0: {safe(course.objective.name)} {course.value(record)}, the default: {params(record.params)}"
            )
        if course.closed < self._next or course.closed == course.total:
            return ""
        # Without a number of trials ahead, lines come at 1, 2, 4, 8 ... trials.
        self._next = course.closed + (self._every if course.total else course.closed)
        return "  " + ", ".join(part for part in (course.short_counts(), course.standing(), course.time_left()) if part)


def lines_of(event: Event, room: int) -> list[str]:
    """What stages and rare events have to say; nothing for the others."""
    match event:
        case StageStarted("plan", text):
            # The reason for the strategy is worth a second line.
            return wrapped(f"plan: {safe(text)}", room, "  ")
        case StageStarted(stage, text):
            return [f"{stage}: {safe(text)}"]
        case StageEnded(stage, text) if stage not in _TOLD_BY_RESULT:
            return [f"  {safe(text)}"]
        case Told(text) if text:
            return [f"  {safe(text)}"]
        case TrialRetried(record):
            return [f"  trial {record.number} is tried again: {safe(record.earlier[-1].message)}"]
        case _:
            return []
