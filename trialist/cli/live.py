"""Progress on a terminal: one block that is redrawn, with stages and news scrolling away above it."""

from __future__ import annotations

from itertools import accumulate

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.text import Text

from trialist.cli.course import Course
from trialist.cli.format import cut, number, params, safe, sparkline
from trialist.cli.progress import lines_of
from trialist.study.events import Event
from trialist.trials.amounts import duration
from trialist.trials.trial import TrialRecord

_LABEL = 9
_BAR = 24
_RUNNING_SHOWN = 3


class Live:
    """The block: stage and counts, budget and time left, best against default, what runs and why, the last failure."""

    def __init__(self, course: Course, console: Console | None = None) -> None:
        self.course = course
        self._console = console or Console(stderr=True, highlight=False)
        # Drawn again four times a second: time passes, also while nothing happens.
        self._live = RichLive(get_renderable=self.block, console=self._console, refresh_per_second=4, transient=True)
        self._live.start()

    def take(self, event: Event) -> None:
        is_best = self.course.take(event)
        for line in lines_of(event, self._console.width):
            self.say(line)
        if is_best and self.course.best is not None:
            best = self.course.best
            mark = "the default" if best.number == 0 else "new best"
            self.say(f"  trial {best.number}: {self.course.value(best)}, {mark}: {params(best.params)}")

    def say(self, line: str) -> None:
        self._console.print(Text(cut(line, self._console.width)), soft_wrap=True)

    def close(self) -> None:
        self._live.stop()

    def block(self) -> RenderableType:
        """What is redrawn; no line is wider than the console."""
        course, room = self.course, self._console.width - 1
        running = list(course.running.values())
        head = f"{safe(course.name)}: {course.stage}, {course.counts()}, {len(running)} running"
        if course.stage == "verify" and course.tests:
            head = f"{safe(course.name)}: verify, {course.tests.done} of {course.tests.total} trainings"
        lines = [Text(cut(head, room), style="bold"), self._line("budget", self._budget(), room)]
        if course.outlays:
            lines.append(self._line("spent", ", ".join(course.outlays), room))
        lines.append(self._line("best", self._record(course.best), room, "green"))
        lines.append(self._line("default", self._record(course.baseline), room))
        if len(course.losses) > 1:
            # Bars grow as the loss falls: a rising line is good news, whichever way the metric runs.
            best_so_far = [-loss for loss in accumulate(course.losses, min)]
            lines.append(self._line("history", sparkline(best_so_far, min(room - _LABEL, 60)), room))
        for record in running[:_RUNNING_SHOWN]:
            lines.append(self._line(f"trial {record.number}", self._running(record), room))
            lines.append(self._line("", f"why: {safe(record.reason)}", room, "dim"))
        if failure := course.failure():
            lines.append(self._line("failed", failure.removeprefix("trial "), room, "red"))
        return Group(*lines)

    def _line(self, label: str, text: str, room: int, style: str = "") -> Text:
        line = Text(f"{label:<{_LABEL}}", style="bold", no_wrap=True)
        return line.append(cut(text, room - max(_LABEL, len(label))), style=style or "not bold")

    def _budget(self) -> str:
        course = self.course
        of = f" of {duration(course.budget.seconds)}" if course.budget.seconds else ""
        parts = [f"{duration(course.elapsed)}{of} gone", course.time_left()]
        if course.burnt is not None:
            full = round(_BAR * course.burnt)
            parts.insert(0, f"{'█' * full}{'░' * (_BAR - full)} {100 * course.burnt:.0f} %")
        return ", ".join(part for part in parts if part)

    def _record(self, record: TrialRecord | None) -> str:
        if record is None:
            return "not scored yet"
        return f"{self.course.value(record)}  trial {record.number}  {params(record.params)}"

    def _running(self, record: TrialRecord) -> str:
        report = self.course.reports.get(record.number)
        step = "" if report is None else f"{self.course.unit} {report.step:g}: {number(report.value)}  "
        return f"{step}{params(record.params)}"
