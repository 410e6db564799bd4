"""A study of trials that train, played step by step under a scheduler: no processes, no store, no clock.

What a run learns is a function of its record and of where it stands, so that the same scheduler always meets the same
curves. A trial that goes on finds its checkpoint, and one that inherits finds its parent's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from trialist.numerics.keys import Key
from trialist.protocols import Scheduler
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import (
    Action,
    Decision,
    Promotion,
    Proposal,
    Report,
    Score,
    Stage,
    State,
    Taken,
    TrialRecord,
)

Learn = Callable[[TrialRecord, Any], tuple[Any, float | dict[str, float]]]


@dataclass(slots=True)
class Training:
    """learn(record, checkpoint) gives the next checkpoint and what is measured after one more step; None begins.

    What is measured is the first objective's value, or the values of all by name.  length: steps of a full run; trials:
    how many are opened, the first being the baseline; workers: how many run at once, all in step.
    """

    plan: Plan
    space: Space
    learn: Learn
    length: int
    trials: int
    workers: int = 1
    records: list[TrialRecord] = field(default_factory=list)
    decisions: list[tuple[Reported, Decision]] = field(default_factory=list)
    steps: int = 0  # that were trained, in all
    _kept: dict[int, tuple[Any, int]] = field(default_factory=dict)  # checkpoints, and the steps that they hold

    @property
    def history(self) -> History:
        return History(self.plan, self.space, tuple(self.records))

    def play(self, scheduler: Scheduler, until: int | None = None) -> History:
        """Open and run trials until there are enough and none goes on, or until so many steps were trained."""
        while until is None or self.steps < until:
            running = [r.number for r in self.records if r.state is State.RUNNING]
            while len(running) < self.workers and (number := self._open(scheduler)) is not None:
                running.append(number)
            if not running:
                break
            for number in running:
                self._step(scheduler, number)
        return self.history

    def _open(self, scheduler: Scheduler) -> int | None:
        number = len(self.records)
        key, history = Key(self.plan.seed, number), self.history
        further = scheduler.resume(history, key) if number else None
        if isinstance(further, Promotion):
            self._promote(further)
            return further.number
        if number >= self.trials:
            return None
        stage = Stage.SEARCH if number else Stage.BASELINE
        proposal = further or Proposal(self.space.draw(key), "drawn", "test", stage)
        fidelity = scheduler.start(history, key) if number and further is None else None
        self.records.append(
            TrialRecord(
                number,
                State.RUNNING,
                proposal.stage,
                proposal.params,
                proposal.reason,
                proposal.strategy,
                seed=number,
                fidelity=self._within(fidelity),
                length=self.length,
                inherits=proposal.inherits,
            )
        )
        if proposal.inherits is not None:
            self._kept[number] = self._kept[proposal.inherits]
        return number

    def _promote(self, promotion: Promotion) -> None:
        record = self.records[promotion.number]
        assert record.state is State.PAUSED, f"trial {record.number} is {record.state}: it cannot go on"
        fidelity = self._within(promotion.fidelity)
        reached = self._kept[record.number][1]
        assert fidelity is None or fidelity > reached, f"trial {record.number} has come to {reached} already"
        taken = Taken(reached, Action.RESUME, promotion.reason)
        self.records[record.number] = replace(
            record,
            state=State.RUNNING,
            attempt=record.attempt + 1,
            fidelity=fidelity,
            course=(*record.course, taken),
        )

    def _within(self, fidelity: float | None) -> float | None:
        if self.plan.fidelity is None:
            return None
        return self.plan.fidelity.high if fidelity is None else fidelity

    def _step(self, scheduler: Scheduler, number: int) -> None:
        record = self.records[number]
        checkpoint, done = self._kept.get(number, (None, 0))
        checkpoint, measured = self.learn(record, checkpoint)
        step = done + 1
        self._kept[number], self.steps = (checkpoint, step), self.steps + 1
        metrics = measured if isinstance(measured, dict) else {self.plan.objective.name: measured}
        first, *others = self.plan.objectives
        beside = {o.name: metrics[o.name] for o in others}
        report = Reported(number, record.attempt, step, metrics[first.name], beside, self.length, since=done)
        record = replace(record, reports=(*record.reports, Report(step, report.value, beside)))
        self.records[number] = record
        decision = scheduler.decide(self.history, report)
        self.decisions.append((report, decision))
        if decision.reason:
            record = replace(record, course=(*record.course, Taken(step, decision.action, decision.reason)))
        if decision.action is Action.STOP:
            record = replace(record, state=State.STOPPED, stop_reason=decision.reason)
        elif decision.action is Action.PAUSE:
            record = replace(record, state=State.PAUSED)
        elif step >= self.length:
            scores = {name: Score((value,)) for name, value in metrics.items()}
            loss = first.loss(report.value)
            record = replace(record, state=State.COMPLETE, loss=loss, metrics=scores)
        elif record.fidelity is not None and step >= record.fidelity:
            taken = Taken(step, Action.PAUSE, f"came to {record.fidelity:g}")
            record = replace(record, state=State.PAUSED, course=(*record.course, taken))
        self.records[number] = record
