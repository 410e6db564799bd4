"""The course of a run so far, gathered from its events: what the progress views, live or plain, speak of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from trialist.cli.format import failure_of, measured, safe
from trialist.study.events import (
    Event,
    StageStarted,
    TestRan,
    TrialClosed,
    TrialOpened,
    TrialPaused,
    TrialReported,
    TrialRetried,
)
from trialist.trials.amounts import duration
from trialist.trials.feasibility import ranked, violations
from trialist.trials.trial import State, TrialRecord
from trialist.trials.validation import unit_of

if TYPE_CHECKING:
    from trialist.study.study import Study


_FORECAST_SECONDS = 1.0  # between two forecasts


class Course:
    """Counts, best and default, what runs now, and what is left of the budget. `clock` gives monotonic seconds."""

    def __init__(self, study: Study, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        history, planned = study.history, study.planned(workers)
        self.name, self.objective, self.budget = study.name, study.declared.objective, study.declared.budget
        self.workers = workers
        validation = study.declared.validation
        self.unit = "step" if validation is None else unit_of(validation)  # what a report belongs to
        self.stage = "plan"
        self.total = planned.stages.runs or self.budget.trials
        self.baseline, self.best = history.baseline, history.best
        self._halted = {r.number for r in history if r.state.is_closed or r.state is State.PAUSED}
        self.failed = len(history.failed)
        self.opened_here = 0
        self.last_failure: TrialRecord | None = None
        self.running: dict[int, TrialRecord] = {}
        self.reports: dict[int, TrialReported] = {}
        self.losses: list[float] = [r.loss for r in history.feasible if r.loss is not None]
        self.tests: TestRan | None = None
        self._clock, self._began = clock, clock()
        self._spent_before = study.spent.get("seconds", 0.0)
        self._seconds = [r.seconds for r in history if r.state.is_closed and r.seconds is not None]
        self._study, self._foreseen = study, self._began
        self.outlays: tuple[str, ...] = ()  # what is spent, runs and is expected, of money and of compute time

    def take(self, event: Event) -> bool:
        """Take an event in; True where it is a new best."""
        is_best = self._take(event)
        # Here and not where it is drawn: a live view draws in a thread of its own.
        if isinstance(event, TrialClosed) and self._clock() >= self._foreseen + _FORECAST_SECONDS:
            self._foreseen = self._clock()
            self.outlays = tuple(str(o) for o in self._study.forecast(self.workers).outlays if o.name != "seconds")
        return is_best

    def _take(self, event: Event) -> bool:
        match event:
            case StageStarted(stage):
                self.stage = stage
            case TrialOpened(record):
                self.running[record.number] = record
                self.opened_here += 1
            case TrialReported(number):
                self.reports[number] = event
            case TestRan():
                self.tests = event
            case TrialRetried(record):
                self._leave(record)
            case TrialPaused(record):
                self._leave(record)
                self._halted.add(record.number)
            case TrialClosed(record):
                return self._close(record)
        return False

    @property
    def closed(self) -> int:
        """The trials that have run as far as they were to; paused ones, too."""
        return len(self._halted)

    @property
    def elapsed(self) -> float:
        """Seconds of the study, those of earlier runs included."""
        return self._spent_before + self._clock() - self._began

    @property
    def burnt(self) -> float | None:
        """The share of the budget that is used, by whichever limit is nearest; None without trials or seconds."""
        shares = [self.closed / self.total] if self.total else []
        shares += [self.elapsed / self.budget.seconds] if self.budget.seconds else []
        return min(max(shares), 1.0) if shares else None

    @property
    def seconds_left(self) -> float | None:
        """How long the trials still take, as far as the closed ones tell; None before the first."""
        by_time = None if self.budget.seconds is None else max(self.budget.seconds - self.elapsed, 0.0)
        if self.total is None or not self._seconds:
            return by_time
        each = sum(self._seconds) / len(self._seconds)
        by_trials = max(self.total - self.closed, 0) * each / self.workers
        return by_trials if by_time is None else min(by_time, by_trials)

    def counts(self) -> str:
        """ "7 of 20 trials, 1 failed"."""
        of = f" of {self.total}" if self.total and self.closed <= self.total else ""
        trials = "trial" if self.closed == 1 and not of else "trials"
        return f"{self.closed}{of} {trials}{self._failures()}"

    def short_counts(self) -> str:
        """ "7/20, 1 failed"."""
        of = f"/{self.total}" if self.total and self.closed <= self.total else " trials"
        return f"{self.closed}{of}{self._failures()}"

    def value(self, record: TrialRecord) -> str:
        """A trial's score with its noise, as far as replicates show one."""
        return measured(record.value, record.score.stderr if record.score else None)

    def standing(self) -> str:
        """The best against the default, in one clause."""
        if self.best is None:
            return "no score yet"
        text = f"best {safe(self.objective.name)} {self.value(self.best)} (trial {self.best.number})"
        if not self.best.is_feasible:
            return (
                f"none satisfies the constraints, the nearest {safe(violations(self.best))} (trial {self.best.number})"
            )
        if self.baseline is None:
            return f"{text}, default unscored"
        if self.best.number == self.baseline.number:
            return f"{text}, the default itself"
        violated = "" if self.baseline.is_feasible else ", which violates a constraint"
        return f"{text}, default {self.value(self.baseline)}{violated}"

    def time_left(self) -> str:
        """ "40 s left", or nothing."""
        left = self.seconds_left
        return f"{duration(left)} left" if left is not None and left >= 1 else ""

    def failure(self) -> str:
        """The last failure in one line, or nothing."""
        last = self.last_failure
        return "" if last is None else f"trial {last.number} {failure_of(last)}"

    def _failures(self) -> str:
        return f", {self.failed} failed" if self.failed else ""

    def _close(self, record: TrialRecord) -> bool:
        self._leave(record)
        self._halted.add(record.number)
        if record.seconds is not None:
            self._seconds.append(record.seconds)
        if record.state is State.FAILED:
            self.failed += 1
            self.last_failure = record
        if not record.stage.is_explored or not record.is_scored or record.loss is None:
            return False
        if record.number == 0:
            self.baseline = record
        if record.is_feasible:
            self.losses.append(record.loss)
        if self.best is not None and ranked((self.best, record))[0] is self.best:
            return False
        self.best = record
        return record.is_feasible

    def _leave(self, record: TrialRecord) -> None:
        self.running.pop(record.number, None)
        self.reports.pop(record.number, None)
