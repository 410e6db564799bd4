"""What a message does to a trial: functions from record to record, the same for every store; they write nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trialist.errors import LeaseLostError, StateError, UnknownStudyError, shown
from trialist.numerics.keys import Key
from trialist.space import plain
from trialist.space.space import Space
from trialist.trials.messages import Decided, Declared, Entry, Failed, Finished, Noted, Reported
from trialist.trials.plan import Plan
from trialist.trials.run import begun, ended
from trialist.trials.trial import (
    MOVES,
    Action,
    Cause,
    Failure,
    Promotion,
    Proposal,
    Report,
    Stage,
    State,
    Taken,
    TrialRecord,
    scored,
)

ENDS = (Finished, Failed)  # the messages after which a trial is nobody's


@dataclass(frozen=True, slots=True)
class Held:
    """A trial as a store keeps it: the record, who holds it now or held it last, and the attempt that reported last."""

    record: TrialRecord
    owner: str | None = None
    reported: int = -1


def opened(
    number: int, proposal: Proposal, state: State, plan: Plan, revision: int, at: float, worker: str = ""
) -> TrialRecord:
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
        fidelity=_within(plan, proposal.fidelity),
        inherits=proposal.inherits,
        runs=begun((), worker, at) if state is State.RUNNING else (),
        foretold=proposal.foretold,
    )


def taken(record: TrialRecord, at: float, worker: str) -> TrialRecord:
    """A trial of the queue that runs now."""
    return replace(record, state=State.RUNNING, opened_at=at, runs=begun(record.runs, worker, at))


def promoted(
    study: str, record: TrialRecord, promotion: Promotion, plan: Plan, at: float, worker: str = ""
) -> TrialRecord:
    """A paused trial that runs again, as its next attempt; StateError where it is not paused, or has come as far."""
    trial = f"trial {record.number} of {shown(study)}"
    if State.RUNNING not in MOVES[record.state] or record.state is State.WAITING:
        raise StateError(f"{trial} is {record.state}, not paused: it cannot go on. Promote a paused one.")
    fidelity, reached = _within(plan, promotion.fidelity), _reached(record)
    if fidelity is not None and fidelity <= reached:
        raise StateError(f"{trial} has come to {reached:g} already. Promote it to more than that.")
    return replace(
        record,
        state=State.RUNNING,
        attempt=record.attempt + 1,
        fidelity=fidelity,
        course=(*record.course, Taken(reached, Action.RESUME, promotion.reason)),
        stop_reason="",
        opened_at=at,
        runs=begun(record.runs, worker, at),
    )


def told(study: str, held: Held, messages: Sequence[Entry], owner: str | None, plan: Plan, at: float) -> Held:
    """The trial after the messages.

    The same object comes back where there is nothing to write: no message, or a Finished that is told again by the
    same owner.
    Raises StateError or LeaseLostError where the trial may not be told anything.
    """
    record, reported = held.record, held.reported
    if not messages:
        return held
    is_over = record.state.is_closed or record.state is State.PAUSED
    if is_over and owner is not None and held.owner == owner and _is_repeat(record, messages):
        return held
    for message in messages:
        _check(study, record, held.owner, message, owner)
        match message:
            case Reported():
                record = _reported(record, message, reported == record.attempt)
                reported = record.attempt
            case Decided():
                record = replace(record, course=_with_decision(record.course, message.taken))
            case Finished():
                record = _finished(study, record, message, plan, at)
            case Failed():
                record = _failed(record, message.failure, message.seconds, message.retry, at, message.cost)
            case Declared():
                record = replace(record, params={**record.params, message.name: message.value})
            case Noted():
                record = replace(record, notes={**record.notes, message.key: message.value})
    return Held(record, held.owner, reported)


def vanished(record: TrialRecord, describes: str, at: float) -> TrialRecord:
    """The record of a trial whose owner is dead or silent: queued again while the cause's rule allows, else failed."""
    failure = Failure(Cause.KILLED, f"its process ({describes or 'unnamed'}) vanished")
    spent = sum(1 for earlier in record.earlier if earlier.cause is failure.cause)
    # When it vanished is not known: its run stays without an end.
    return replace(_failed(record, failure, None, spent < failure.cause.retries, at), runs=record.runs)


def grown(space: Space, messages: Sequence[Entry]) -> tuple[Space, tuple[str, ...]]:
    """The space with the dials that the messages declare, and the names of those that are new or changed."""
    names = []
    for message in messages:
        if isinstance(message, Declared):
            larger = space.with_parameter(message.name, message.parameter)
            if larger != space:
                space = larger
                names.append(message.name)
    return space, tuple(names)


def compute_seconds(messages: Sequence[Entry]) -> float:
    """Run time that the messages tell of, failed attempts included."""
    return math.fsum(message.seconds for message in messages if isinstance(message, ENDS))


def cost(messages: Sequence[Entry]) -> float:
    """Money that the messages tell of, failed attempts included."""
    return math.fsum(message.cost or 0.0 for message in messages if isinstance(message, ENDS))


def is_explored(record: TrialRecord) -> bool:
    """Whether the trial competes for best: scored, and neither a finalist's rerun nor of a sweep."""
    return record.is_scored and record.stage.is_explored


def is_counted(record: TrialRecord) -> bool:
    """Whether the study's budget pays for it; a sweep has an allowance of its own."""
    return record.stage is not Stage.SWEEP


def unknown_trial(study: str, number: int, trials: int) -> UnknownStudyError:
    remedy = f"Give a number from 0 to {trials - 1}." if trials else "Open or enqueue a trial first."
    return UnknownStudyError(f"number: study {shown(study)} has no trial {shown(number)}. {remedy}")


def _check(study: str, record: TrialRecord, holder: str | None, message: Entry, owner: str | None) -> None:
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


def _is_repeat(record: TrialRecord, messages: Sequence[Entry]) -> bool:
    last = messages[-1]
    return (
        isinstance(last, Finished)
        and last.state is record.state
        and last.attempt == record.attempt
        and scored(last.metrics, last.overlap) == record.metrics
        # Of a trial that was promoted the record holds sums.
        and (_was_promoted(record) or (last.cost, last.seconds) == (record.cost, record.seconds))
        and plain.dumps(dict(last.constraints)) == plain.dumps(dict(record.constraints))  # where NaN is NaN
    )


def _reported(record: TrialRecord, message: Reported, goes_on: bool) -> TrialRecord:
    # What a promoted trial showed on its earlier rungs stands, even if it begins anew and dies before it comes there.
    return replace(
        record,
        reports=_with_report(record.reports, message, goes_on or _was_promoted(record)),
        length=message.of or record.length,
        used=record.used + max(0.0, message.step - message.since),
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


def _with_decision(course: tuple[Taken, ...], taken: Taken) -> tuple[Taken, ...]:
    """A halt that stands already is not told twice."""
    if taken.action is not Action.GO_ON and course and course[-1].action is taken.action:
        return course
    return (*course, taken)


def _finished(study: str, record: TrialRecord, message: Finished, plan: Plan, at: float) -> TrialRecord:
    trial = f"trial {record.number} of {shown(study)}"
    if message.state not in MOVES[record.state] or message.state is State.WAITING:
        raise StateError(f"{trial} is {record.state} and cannot become {message.state}.")
    full, ran = plan.fidelity, record.fidelity
    if message.state is State.COMPLETE and full is not None and ran is not None and ran < full.high:
        raise StateError(
            f"{trial} ran to {ran:g} of {full.high:g} {full.name} and cannot become complete. "
            "Pause it: only full runs are compared."
        )
    metrics = scored(message.metrics, message.overlap)
    course = record.course
    if message.state in _HALTS:
        course = _with_decision(course, Taken(_reached(record), _HALTS[message.state], message.reason))
    has_loss = message.state is not State.PAUSED and plan.objective.name in metrics
    return replace(
        record,
        state=message.state,
        metrics=metrics,
        loss=_loss(metrics[plan.objective.name].replicates, plan) if has_loss else None,
        cost=_over_runs(record, record.cost, message.cost),
        seconds=_over_runs(record, record.seconds, message.seconds),
        closed_at=at if message.state.is_closed else None,
        stop_reason=message.reason,
        constraints=dict(message.constraints),
        course=course,
        runs=ended(record.runs, at),
    )


_HALTS = {State.PAUSED: Action.PAUSE, State.STOPPED: Action.STOP}


def _over_runs(record: TrialRecord, before: float | None, now: float | None) -> float | None:
    """What all runs of a promoted trial took; of another one, what its last attempt took."""
    if before is None or not _was_promoted(record):
        return now
    return before + (now or 0.0)


def _was_promoted(record: TrialRecord) -> bool:
    return any(taken.action is Action.RESUME for taken in record.course)


def _reached(record: TrialRecord) -> float:
    return record.reports[-1].step if record.reports else 0.0


def _within(plan: Plan, fidelity: float | None) -> float | None:
    """An amount between the ends of the plan's fidelity, all of it where none is said; None without such a dial."""
    dial = plan.fidelity
    if dial is None:
        return None
    amount = dial.high if fidelity is None else min(max(fidelity, dial.low), dial.high)
    return round(amount) if dial.is_whole or float(amount).is_integer() else float(amount)


def _loss(replicates: tuple[float, ...], plan: Plan) -> float | None:
    # Replicates near the largest float can have a sum, or a mean, that is none.
    try:
        mean = math.fsum(replicates) / len(replicates)
    except OverflowError:
        return None
    return plan.objective.loss(mean) if math.isfinite(mean) else None


def _failed(
    record: TrialRecord, failure: Failure, seconds: float | None, retry: bool, at: float, cost: float | None = None
) -> TrialRecord:
    seconds = _over_runs(record, record.seconds, seconds)
    cost = _over_runs(record, record.cost, cost)
    record = replace(record, runs=ended(record.runs, at))
    if retry:
        # A halt that was ruled and not carried out is ruled again, or not, when the trial comes there again.
        return replace(
            record,
            state=State.WAITING,
            attempt=record.attempt + 1,
            earlier=(*record.earlier, failure),
            seconds=seconds,
            cost=cost,
            course=record.course[:-1] if record.halted else record.course,
        )
    return replace(record, state=State.FAILED, failure=failure, seconds=seconds, cost=cost, closed_at=at)
