"""How a run ends: complete, or paused or stopped by a scheduler, or paused because it was a cheap one.

Only full runs are complete, for only these are compared.  A run at a lower fidelity reports its score there, and waits
for a promotion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trialist.trials.messages import Decided, Entry, Finished, Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import GO_ON, Action, Decision, Score, Stage, State, Taken, TrialRecord

Decide = Callable[[Reported], Decision]


def ruling(plan: Plan, record: TrialRecord, report: Reported, decide: Decide) -> tuple[Decision, tuple[Decided, ...]]:
    """The decision on a report, and what is to be kept of it.

    A halt that stands is not taken back.  What everything else is measured against runs in full: the baseline,
    finalists, and repeats of a configuration; and a run that has come to its end is not asked about.
    """
    if record.halted is not None:
        return Decision(record.halted.action, record.halted.reason), ()
    if _is_a_measure(record) or is_last(plan, record, report):
        return GO_ON, ()
    decision = decide(report)
    if decision.action is Action.GO_ON and not decision.reason:
        return decision, ()
    taken = Taken(report.step, decision.action, decision.reason)
    return decision, (Decided(report.number, report.attempt, taken),)


def is_last(plan: Plan, record: TrialRecord, report: Reported) -> bool:
    """Whether a report is known to be the one of a full run's end."""
    full = report.of or record.length if plan.fidelity is None else plan.fidelity.high
    return full is not None and report.step >= full


def ended(plan: Plan, record: TrialRecord, message: Finished, decide: Decide) -> tuple[Entry, ...]:
    """What the end of a run comes to: a report at its fidelity, the decision on it, and the state that follows."""
    if message.state is not State.COMPLETE:
        return (message,)
    before: tuple[Entry, ...] = ()
    halted = record.halted
    if plan.fidelity is not None and record.fidelity is not None and halted is None and message.since < record.fidelity:
        report = _report(record.fidelity, message)
        decision, decided = ruling(plan, record, report, decide)
        before = (report, *decided)
        halted = decided[-1].taken if decided and decision.action is not Action.GO_ON else None
    if halted is not None:
        state = State.STOPPED if halted.action is Action.STOP else State.PAUSED
        return (*before, replace(message, state=state, reason=halted.reason))
    if plan.fidelity is not None and record.fidelity is not None and record.fidelity < plan.fidelity.high:
        reason = f"it was to run to {record.fidelity:g} of {plan.fidelity.high:g} {plan.fidelity.name}"
        return (*before, replace(message, state=State.PAUSED, reason=reason))
    return (*before, message)


def _report(fidelity: float, message: Finished) -> Reported:
    means = {name: Score(replicates).mean for name, replicates in message.metrics.items()}
    first = next(iter(means))
    rest = {name: value for name, value in means.items() if name != first}
    return Reported(
        message.number, message.attempt, fidelity, means[first], rest, since=message.since, cost=message.cost
    )


def _is_a_measure(record: TrialRecord) -> bool:
    return record.stage is Stage.BASELINE or not record.stage.is_explored or record.repeats is not None
