"""The trainings of a verification: both sides on the same seeds, as far as the budget goes, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from trialist.errors import ResultError, shown
from trialist.execute.command import Command
from trialist.execute.worker import Trial
from trialist.numerics.keys import Key
from trialist.protocols import Executor, Look
from trialist.scoring.judging import judge
from trialist.scoring.predictions import Predictions
from trialist.scoring.sealing import unsealed
from trialist.scoring.verdict import Verdict
from trialist.study.events import Event, TestRan
from trialist.study.interrupt import Interrupt, Interrupted
from trialist.study.session import Session
from trialist.study.testbudget import OVER, TestBudget
from trialist.study.work import Work, executor_for, is_in_process
from trialist.trials.messages import Assignment, Failed, Finished, Message, Noted, Reported
from trialist.trials.trial import GO_ON, Cause, Decision, Failure, Stage, TrialRecord

Test = Callable[..., Any] | Command
POLL_SECONDS = 0.5
LEFT_OUT = "left out"  # the note of a test that has no value for some examples, by their places
ANEW = 5  # seeds beyond those of the plan that may be tried where trainings were cut


class Trainings:
    """The trainings of verification: side 0 is the default, side 1 the selected; seeds are the same for both."""

    def __init__(
        self,
        session: Session,
        sides: tuple[TrialRecord, TrialRecord],
        trained: tuple[int, ...],
        look: Look,
        budget: TestBudget,
        seeds: int,
    ) -> None:
        self._session, self._sides, self._trained, self._look = session, sides, trained, look
        self._budget, self._seeds = budget, seeds
        self._queue = [2 * seed + side for seed in range(seeds) for side in trained]
        self._values: dict[int, tuple[float, ...]] = {}
        self._notes: dict[str, Any] = {}
        self._left_out: set[int] = set()
        self._attempts: dict[int, int] = {}
        self.failure: Failure | None = None
        self.detectable: float | None = None  # what the test can show, as known before it was opened

    def run(self, test: Test, workers: int) -> Iterator[Event]:
        session, limits, budget = self._session, self._session.plan.limits, self._budget
        work = work_of(test)
        with (
            Interrupt(is_in_process(work, workers, limits)) as interrupt,
            closing(executor_for(work, workers, limits, lambda: session.space)) as executor,
        ):
            while self.failure is None and self._feed(executor):
                done = len(self._values)
                executor.poll(self._answer, min(POLL_SECONDS, budget.patience()))
                for index in budget.overdue():
                    executor.cancel(index, Failure(Cause.BUDGET, OVER))
                if len(self._values) > done:
                    session.beat()  # trainings of verification are time spent, too
                    yield TestRan(len(self._values), self._seeds * len(self._trained))
                if interrupt.should_finish:
                    raise Interrupted("interrupted during verification: run the same again, the look goes on")

    def _feed(self, executor: Executor) -> bool:
        """Start the trainings that fit; whether any runs."""
        budget = self._budget
        while executor.free:
            if not self._queue:
                if budget.running or not budget.missing or self._seeds >= self._session.plan.test_seeds + ANEW:
                    break
                self._queue = [2 * self._seeds + side for side in budget.missing]  # one was cut: another seed is tried
                self._seeds += 1
            self._queue.sort(key=lambda index: index % 2 not in budget.missing)  # what is needed first; else in order
            index = next((index for index in self._queue if budget.may_begin(index)), None)
            if index is None and budget.running:
                break  # what they do not take may be enough
            if index is None:
                self._queue.clear()
                continue
            self._queue.remove(index)
            budget.begin(index)
            executor.submit(self._assignment(index))
        return budget.running > 0

    def verdict(self) -> Verdict:
        baseline, selected = ([self._entry(pair[side]) for pair in self.pairs] for side in (0, 1))
        plan = self._session.plan
        metric = self._notes.get("metric") or {}  # of Predictions: the metric that the test declares is the one judged
        return judge(
            metric=metric.get("name", plan.objective.name),
            direction=metric.get("direction", plan.objective.direction.value),
            baseline=baseline,
            selected=selected,
            looks=self._look.number,
            groups=self._kept(self._notes.get("groups")),
            strata=self._kept(self._notes.get("strata")),
            squares=metric.get("squares"),
            by=metric.get("by", ""),
            matters=plan.matters,
            detectable=self.detectable,
            fingerprint=(self._notes.get("fingerprints") or [self._look.fingerprint])[0],
            opened_at=datetime.fromtimestamp(self._look.at, UTC).isoformat(timespec="seconds"),
            baseline_is_declared=not self._session.space.undeclared_defaults,
            same_configuration=self._sides[0].number == self._sides[1].number,
        )

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Trainings to compare: on the seeds that both sides have, or where there are none, one of each side."""
        first, last = ([i for i in sorted(self._values) if i % 2 == side] for side in (0, self._trained[-1]))
        if self._trained == (0,):
            return list(zip(first, first, strict=True))
        whole = [(i, i + 1) for i in first if i + 1 in self._values]
        return whole or list(zip(first[:1], last[:1], strict=False))

    def _assignment(self, index: int) -> Assignment:
        side, seed = self._sides[index % 2], index // 2
        folder = self._session.folder / "verify" / f"look-{self._look.number}" / f"{index:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        return replace(
            self._session.assignment(side),
            number=index,
            attempt=self._attempts.get(index, 0),
            seed=Key(self._session.plan.seed, -1).child_seed(f"test {seed}"),
            stage=Stage.SELECT,
            objectives=(self._session.plan.objective.name,),  # the verdict is on the first one
            directory=str(folder),
            defaults=False,
            reached=0.0,
            last=None,
        )

    def _answer(self, message: Message) -> Decision:
        if isinstance(message, Noted):
            if message.key == LEFT_OUT:
                self._left_out.update(message.value)  # by one side: by both, so that they can be compared
            self._notes[message.key] = message.value
            return GO_ON
        if isinstance(message, Reported):
            return self._budget.judge(message)
        if isinstance(message, Finished | Failed) and not self._budget.end(message):
            return GO_ON
        if isinstance(message, Finished):
            self._values[message.number] = message.metrics[self._session.plan.objective.name]
        elif isinstance(message, Failed):
            tried = self._attempts[message.number] = self._attempts.get(message.number, 0) + 1
            if tried <= message.failure.cause.retries and message.failure.cause is not Cause.PREEMPTED:
                self._queue.append(message.number)
            else:
                self.failure = message.failure
        return GO_ON

    def _entry(self, index: int) -> float | tuple[float, ...]:
        """A test that gives one number is a plain score, one that gives many scores each example."""
        values = self._values[index]
        return values[0] if len(values) == 1 else self._kept(values)

    def _kept(self, values: Sequence[Any] | None) -> Any:
        """Without the examples that were left out."""
        if values is None or not self._left_out:
            return values
        return tuple(value for place, value in enumerate(values) if place not in self._left_out)


def work_of(test: Test) -> Work:
    """What a worker runs: a function with the sealed data open."""
    return test if isinstance(test, Command) else SealedTest(test)


@dataclass(frozen=True)
class SealedTest:
    """Calls test(params, seed) with the sealed data open, here or in a worker, and notes what it opened.

    A test that spends money has `with_trial(trial)` in place of the call, and tells there what it spends; one that
    keeps to the budget by itself says so by `is_bounded`.
    """

    test: Callable[..., Any]

    def __call__(self, trial: Trial) -> Any:
        with unsealed() as opening:
            with_trial = getattr(self.test, "with_trial", None)
            value = self.test(dict(trial.params), trial.seed) if with_trial is None else with_trial(trial)
            groups: Any
            if isinstance(value, Predictions):
                told = value.per_example(opening.groups(len(value)))
                found, groups = list(told.values), told.groups
                known = {"name": told.metric, "direction": told.direction.value, "by": told.by, "squares": told.squares}
                trial.note("metric", known)
                trial.note("strata", None if told.strata is None else list(told.strata))
            else:
                found = _per_example(value)
                groups = opening.groups(len(found)) if isinstance(found, list) else None
        trial.note("fingerprints", list(opening.fingerprints))
        if groups is not None:
            trial.note("groups", [int(group) for group in groups])
        return found


def _per_example(value: Any) -> Any:
    """A number as it is; losses per example, of whatever array type, as a list."""
    if isinstance(value, (str, bytes, bool, dict)) or value is None:
        raise ResultError("test", f"{shown(value)} is not a score", "Return a number, or one number per test example.")
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [float(item) for item in value]  # True and False are 0/1 losses here
    return value
