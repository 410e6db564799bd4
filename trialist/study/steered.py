"""Steered: a study as those hold it who ask something of it, wherever it runs: try this, stop that, pause, extend.

What is asked is written to the store, with who asked and when; whoever runs the study reads it there (steering.py).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trialist.errors import PlanError, StateError, shown
from trialist.search.design import baseline
from trialist.space.revision import grown
from trialist.space.space import Space
from trialist.study.declaring import space_of
from trialist.study.known import Known
from trialist.study.session import describe_self
from trialist.trials.amounts import whole
from trialist.trials.budget import Budget
from trialist.trials.instruction import Act, Instruction
from trialist.trials.trial import Proposal, Stage, State, TrialRecord


class Steered(Known):
    """A study that can be asked for things; none of them needs its objective."""

    def enqueue(self, params: Mapping[str, Any], reason: str = "asked for by the user") -> int:
        """A configuration to try next, after the default; missing dials take their defaults. Its trial number.

        SpaceError for one outside the space.
        """
        proposals = [Proposal(self.space.complete(params), reason, "enqueued")]
        if not self._session.load().trials:
            proposals.insert(0, baseline(self.space))  # trial 0 is the default, whatever else is asked for
        return self._session.store.enqueue(self.name, proposals, time.time())[-1]

    def rerun_failed(self) -> tuple[int, ...]:
        """Queue the configurations of failed trials again, as new trials; their numbers."""
        history = self.history
        again = {r.repeats for r in history if r.repeats is not None and r.stage is not Stage.SELECT}
        failed = [
            r for r in history if r.state is State.FAILED and r.stage is not Stage.SWEEP and r.number not in again
        ]  # that a level of a sweep fails is what it shows
        proposals = [_again(record) for record in failed]
        return self._session.store.enqueue(self.name, proposals, time.time()) if proposals else ()

    def extend(self, budget: Budget | int, reason: str = "", *, who: str | None = None) -> None:
        """Go on under another budget, recorded as a revision of the plan; who runs the study now takes it up."""
        before = self._session.load().plan.budget
        plan = replace(self.declared, budget=Budget.of(budget))
        changed = f"budget {before} is now {plan.budget}"
        self._session.adopt(self._session.store.revise(self.name, plan, self.space, reason or changed, time.time()))
        self._instruct(Act.EXTEND, f"{changed}: {reason}" if reason else changed, who)

    def grow(self, space: Space | Mapping[str, Any], reason: str = "") -> tuple[str, ...]:
        """Go on in a larger space: wider bounds, more choices, new dials. Old trials stay evidence.

        Gives the changes in words; SpaceError where it is no growth.
        """
        space = space_of(space)
        changes = grown(self.space, space)
        if changes:
            why = reason or "; ".join(changes)
            self._session.adopt(self._session.store.revise(self.name, self.declared, space, why, time.time()), space)
        return changes

    def charge(self, cost: float, seconds: float = 0.0) -> None:
        """Count money, and compute time, that was spent for the study outside its trials, as part of its budget."""
        self._session.charge(seconds, cost)

    def stop(self, number: int, reason: str = "", *, who: str | None = None) -> Instruction:
        """Ask that a trial be stopped, wherever it runs; what it reported counts. One in the queue is never begun.

        Whoever runs the study does so within a second, or at the next report where the objective runs in its process.
        StateError for a trial that is neither running nor waiting.
        """
        record = self.history.get(whole("number", number, at_least=0))
        if record is not None and record.state not in (State.RUNNING, State.WAITING):
            remedy = "Only running and waiting trials can be stopped."
            raise StateError(f"trial {number} of {self.name!r} is {record.state}. {remedy}")
        return self._instruct(Act.STOP, reason, who, number)

    def pause(self, reason: str = "", *, who: str | None = None) -> Instruction:
        """Ask that nothing new be started: what runs goes on, then whoever runs the study waits for `resume`.

        Waiting counts as wall time of the budget.  Verification, once begun, goes on to its end.
        """
        return self._instruct(Act.PAUSE, reason, who)

    def resume(self, reason: str = "", *, who: str | None = None) -> Instruction:
        """Ask that a paused study go on; where nobody runs it any more, run it again."""
        return self._instruct(Act.RESUME, reason, who)

    def note(self, text: str, number: int | None = None, *, who: str | None = None) -> Instruction:
        """Keep a remark on the study, or on one of its trials, with who made it and when."""
        if not text.strip():
            raise PlanError("text", f"{shown(text)} says nothing", "Give the note's words.")
        return self._instruct(Act.NOTE, text, who, number)

    def _instruct(self, act: Act, words: str, who: str | None, number: int | None = None) -> Instruction:
        return self._session.store.instruct(self.name, act, who or describe_self(), words, time.time(), number)


def _again(record: TrialRecord) -> Proposal:
    cause = record.failure.cause if record.failure else "unknown"
    # A finalist keeps its seed and what it repeats: the choice pairs by them.
    is_finalist = record.stage is Stage.SELECT
    return Proposal(
        record.params,
        f"trial {record.number} again, which failed ({cause})",
        "rerun",
        record.stage,
        record.seed if is_finalist else None,
        record.repeats if is_finalist else record.number,
    )
