"""Plain lines of progress: which events deserve a line of a log, and what it says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from trialist.study.closing import closing
from trialist.study.events import Event, StageEnded, StageStarted, TestRan, Told, TrialClosed, TrialPaused, TrialRetried
from trialist.trials.amounts import duration
from trialist.trials.feasibility import violations
from trialist.trials.trial import State, TrialRecord

if TYPE_CHECKING:
    from trialist.study.study import Study

LINES_FOR_TRIALS = 14  # besides new bests, the first failures and the stages


class Teller:
    """Writes a line for an event where there is something new to say; at most some thirty for twenty trials."""

    def __init__(self, study: Study, out: TextIO | None = None) -> None:
        self._study, self._out = study, out or sys.stderr
        best = study.history.best
        self._best = None if best is None or not best.is_feasible else best.loss
        self._failures = 0
        self._closed = self._halted = 0
        expected = study.declared.budget.trials or 100
        self._every = max(1, expected // LINES_FOR_TRIALS)

    def tell(self, event: Event) -> None:
        line = self.line(event)
        if line:
            print(line, file=self._out, flush=True)

    def close(self) -> None:
        """The end of the matter: what the scores of the chosen trial are worth."""
        if found := closing(self._study):
            print(found, file=self._out, flush=True)

    def line(self, event: Event) -> str | None:
        """What to say of an event, or None."""
        if isinstance(event, StageStarted):
            return f"{event.stage}: {event.text}"
        if isinstance(event, StageEnded):
            return "; ".join((f"{event.stage} done: {event.text}", *self._outlays()))
        if isinstance(event, Told):
            return event.text
        if isinstance(event, TrialRetried):
            return f"trial {event.record.number}: {event.record.earlier[-1].message}; it will be tried again"
        if isinstance(event, TestRan):
            return f"verify: {event.done} of {event.total} trainings" if event.done in (1, event.total) else None
        if isinstance(event, TrialPaused):
            return self._paused_line(event.record)
        return self._closed_line(event.record) if isinstance(event, TrialClosed) else None

    def _paused_line(self, record: TrialRecord) -> str | None:
        self._halted += 1
        if self._halted % self._every:
            return None
        reached = f" at {record.reports[-1].step:g}" if record.reports else ""
        return f"trial {record.number} paused: {self._value(record)}{reached}"

    def _outlays(self) -> list[str]:
        """What is spent of money and compute, where these are limited."""
        budget = self._study.declared.budget
        if budget.cost is None and budget.compute_seconds is None:
            return []
        return [str(outlay) for outlay in self._study.forecast().outlays if outlay.name != "seconds"]

    def _closed_line(self, record: TrialRecord) -> str | None:
        self._closed += 1
        if record.state is State.FAILED and record.failure is not None:
            self._failures += 1
            return (
                f"trial {record.number} failed ({record.failure.cause}): {record.failure.message}"
                if self._failures <= 3
                else None
            )
        took = "" if record.seconds is None else f", {duration(record.seconds)}"
        is_again = not record.stage.is_explored or record.repeats is not None  # no new configuration
        if record.loss is not None and record.state is State.COMPLETE and record.is_feasible and not is_again:
            if self._best is None or record.loss < self._best:
                self._best = record.loss
                mark = "the default" if record.number == 0 else "best so far"
                return f"trial {record.number}: {self._value(record)}, {mark}{took}: {settings(record)}"
        elif self._closed % self._every == 0 and record.stop_reason:
            return f"trial {record.number} stopped: {record.stop_reason}"
        if self._closed % self._every == 0:
            return f"trial {record.number}: {self._value(record)}{took}"
        return None

    def _value(self, record: TrialRecord) -> str:
        name = self._study.declared.objective.name
        if record.score is None:
            return f"no {name}"
        noise = "" if record.score.stderr is None else f" ± {record.score.stderr:.2g}"
        violated = "" if record.is_feasible else f", {violations(record)}"
        return f"{name} {record.score.mean:.4g}{noise}{violated}"


def settings(record: TrialRecord, width: int = 100) -> str:
    """A configuration on one line, cut where it is long."""
    text = ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value!r}"
        for name, value in record.params.items()
    )
    return text if len(text) <= width else text[: width - 1] + "…"
