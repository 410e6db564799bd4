"""What a message does to a trial: functions from record to record, the same for every store; they write nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trialist.errors import LeaseLostError, StateError, UnknownStudyError, shown
from trialist.numerics.keys import Key
from trialist.space import plain
from trialist.space.space import Space
from trialist.trials.messages import Declared, Failed, Finished, Message, Noted, Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import MOVES, Cause, Failure, Proposal, Report, Stage, State, TrialRecord, scored

ENDS = (Finished, Failed)  # the messages after which a trial is nobody's


@dataclass(frozen=True, slots=True)
class Held:
    """A trial as a store keeps it: the record, who holds it now or held it last, and the attempt that reported last."""

    record: TrialRecord
    owner: str | None = None
    reported: int = -1


def opened(number: int, proposal: Proposal, state: State, plan: Plan, revision: int, at: float) -> TrialRecord:
    """A proposal as a trial; its seed is keyed by the trial's number unless the proposal has one."""
    return TrialRecord(
        number=number,
        state=state,
        stage=proposal.stage,
        params=dict(proposal.params),
        reason=proposal.reason,
        strategy=proposal.strategy,
        seed=Key(plan.seed, number).child_seed("trial") if proposal.seed is None else proposal.seed,
        repeats=proposal.repeats,
        opened_at=at,
        revision=revision,
    )


def told(study: str, held: Held, messages: Sequence[Message], owner: str | None, plan: Plan, at: float) -> Held:
    """The trial after the messages.

    The same object comes back where there is nothing to write: no message, or a Finished that is told again by the
    same owner.
    Raises StateError or LeaseLostError where the trial may not be told anything.
    """
    record, reported = held.record, held.reported
    if not messages:
        return held
    if record.state.is_closed and owner is not None and held.owner == owner and _is_repeat(record, messages):
        return held
    for message in messages:
        _check(study, record, held.owner, message, owner)
        match message:
            case Reported():
                record = replace(record, reports=_with_report(record.reports, message, reported == record.attempt))
                reported = record.attempt
            case Finished():
                record = _finished(study, record, message, plan, at)
            case Failed():
                record = _failed(record, message.failure, message.seconds, message.retry, at)
            case Declared():
                record = replace(record, params={**record.params, message.name: message.value})
            case Noted():
                record = replace(record, notes={**record.notes, message.key: message.value})
    return Held(record, held.owner, reported)


def vanished(record: TrialRecord, describes: str, at: float) -> TrialRecord:
    """The record of a trial whose owner is dead or silent: queued again while the cause's rule allows, else failed."""
    failure = Failure(Cause.KILLED, f"its process ({describes or 'unnamed'}) vanished")
    spent = sum(1 for earlier in record.earlier if earlier.cause is failure.cause)
    return _failed(record, failure, None, spent < failure.cause.retries, at)


def grown(space: Space, messages: Sequence[Message]) -> tuple[Space, tuple[str, ...]]:
    """The space with the dials that the messages declare, and the names of those that are new or changed."""
    names = []
    for message in messages:
        if isinstance(message, Declared):
            larger = space.with_parameter(message.name, message.parameter)
            if larger != space:
                space = larger
                names.append(message.name)
    return space, tuple(names)


def compute_seconds(messages: Sequence[Message]) -> float:
    """Run time that the messages tell of, failed attempts included."""
    return math.fsum(message.seconds for message in messages if isinstance(message, ENDS))


def is_explored(record: TrialRecord) -> bool:
    """Whether the trial competes for best: scored, and no finalist's rerun."""
    return record.is_scored and record.stage is not Stage.SELECT


def unknown_trial(study: str, number: int, trials: int) -> UnknownStudyError:
    remedy = f"Give a number from 0 to {trials - 1}." if trials else "Open or enqueue a trial first."
    return UnknownStudyError(f"number: study {shown(study)} has no trial {shown(number)}. {remedy}")


def _check(study: str, record: TrialRecord, holder: str | None, message: Message, owner: str | None) -> None:
    trial = f"trial {record.number} of {shown(study)}"
    if record.state.is_closed:
        raise StateError(
            f"{trial} is {record.state}: a closed trial never changes. Open another trial, or rerun this one."
        )
    if owner is not None and (record.state is not State.RUNNING or holder != owner):
        taken = "somebody else holds it" if record.state is State.RUNNING else f"it is {record.state}"
        raise LeaseLostError(f"{trial} is no longer yours: its lease ran out, and {taken} now. Drop this result.")
    if record.state is not State.RUNNING:
        raise StateError(f"{trial} is {record.state}, not running. Open it before telling its result.")
    if message.attempt != record.attempt:
        raise LeaseLostError(
            f"{trial}: attempt {message.attempt} is over, attempt {record.attempt} is running. Drop this result."
        )


def _is_repeat(record: TrialRecord, messages: Sequence[Message]) -> bool:
    last = messages[-1]
    return (
        isinstance(last, Finished)
        and last.state is record.state
        and last.attempt == record.attempt
        and scored(last.metrics) == record.metrics
        and (last.cost, last.seconds) == (record.cost, record.seconds)
        and plain.dumps(dict(last.constraints)) == plain.dumps(dict(record.constraints))  # where NaN is NaN
    )


def _with_report(reports: tuple[Report, ...], message: Reported, goes_on: bool) -> tuple[Report, ...]:
    """The reports in order of steps, one for each step: the last one.

    An attempt's first report (goes_on is False) also takes the place of all later ones: an attempt that starts over
    replaces what the one before it reported, and one that resumes from a checkpoint keeps the steps before it.
    """
    report = Report(message.step, message.value, message.metrics)
    if not reports or reports[-1].step < report.step:
        return (*reports, report)
    before = (earlier for earlier in reports if earlier.step < report.step)
    after = (later for later in reports if later.step > report.step) if goes_on else ()
    return (*before, report, *after)


def _finished(study: str, record: TrialRecord, message: Finished, plan: Plan, at: float) -> TrialRecord:
    if message.state not in MOVES[record.state] or message.state is State.WAITING:
        raise StateError(
            f"trial {record.number} of {shown(study)} is {record.state} and cannot become {message.state}."
        )
    metrics = scored(message.metrics)
    return replace(
        record,
        state=message.state,
        metrics=metrics,
        loss=_loss(record, metrics[plan.objective.name].replicates, plan) if plan.objective.name in metrics else None,
        cost=message.cost,
        seconds=message.seconds,
        closed_at=at if message.state.is_closed else None,
        stop_reason=message.reason,
        constraints=dict(message.constraints),
    )


def _loss(record: TrialRecord, replicates: tuple[float, ...], plan: Plan) -> float | None:
    # Replicates near the largest float can have a sum, or a mean, that is none.
    try:
        mean = math.fsum(replicates) / len(replicates)
    except OverflowError:
        return None
    return plan.objective.loss(mean) if math.isfinite(mean) else None


def _failed(record: TrialRecord, failure: Failure, seconds: float | None, retry: bool, at: float) -> TrialRecord:
    if retry:
        return replace(
            record,
            state=State.WAITING,
            attempt=record.attempt + 1,
            earlier=(*record.earlier, failure),
            seconds=seconds,
        )
    return replace(record, state=State.FAILED, failure=failure, seconds=seconds, closed_at=at)
