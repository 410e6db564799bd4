"""The loop: propose, run, listen, decide, record. The one place where the rooms meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from trialist.errors import ExecutionError, TrialistError
from trialist.numerics.keys import Key
from trialist.protocols import Executor, Scheduler, Strategy
from trialist.search.design import baseline
from trialist.study.desk import Desk
from trialist.study.events import Event, Told, TrialClosed, TrialOpened, TrialPaused, TrialRetried
from trialist.study.interrupt import Interrupt, Interrupted
from trialist.study.session import Session
from trialist.trials.history import History
from trialist.trials.messages import Failed, Finished
from trialist.trials.trial import Action, Cause, Exhausted, Failure, Promotion, Proposal, State, TrialRecord

POLL_SECONDS = 0.5
END_SECONDS = 10.0
PEER_SECONDS = 0.5  # how often to look whether another coordinator's trials are done


@dataclass(frozen=True, slots=True)
class Goal:
    """When a stage of the loop is over, whichever comes first.

    trials: of the study in all.  more: trials that this call may open.  Waiting ones are run in any case, and paused
    ones may go on as long as the scheduler promotes any.
    may_start: None while another trial may start, else the reason why not.  is_watched: it looks at the clock or the
    purse, and is asked before each trial; else before the first one and after failures, since only these end a study.
    fits: the same of what was proposed, an empty reason meaning not yet.  needs: what a trial likely takes of each
    purse.
    """

    trials: int | None = None
    more: int | None = None
    may_start: Callable[[History], str | None] = lambda history: None
    is_watched: bool = False
    fits: Callable[[History, Proposal | Promotion], str | None] = lambda history, proposed: None
    needs: Callable[[History, TrialRecord], Mapping[str, float]] = lambda history, record: {}


def run(
    session: Session,
    executor: Executor,
    desk: Desk,
    strategy: Callable[[History], Strategy],
    goal: Goal,
    interrupt: Interrupt,
) -> Iterator[Event]:
    """Run trials until the goal is reached, yielding what happens when it is stored.

    `strategy` gives the strategy for a history, whose space may have grown. Trials of coordinators that died are
    released and run here; those of living ones are waited for, since the next stage builds on them.
    Raises Interrupted when asked to, after what runs is finished or queued again, and the typed error by which an
    objective misused Trialist.
    """
    with interrupt.shielded():
        recovered = session.recover()
        session.release()
    yield from (TrialClosed(record) for record in recovered)
    try:
        yield from _until_done(session, executor, desk, strategy, goal, interrupt)
    finally:
        _end(executor, desk)


def _until_done(
    session: Session,
    executor: Executor,
    desk: Desk,
    strategy: Callable[[History], Strategy],
    goal: Goal,
    interrupt: Interrupt,
) -> Iterator[Event]:
    opened, new, told = 0, 0, set[str]()  # runs begun here, and those of them that are no promotions
    closing, is_idle = "", False  # the goal is reached; or for now there is nothing to run
    while True:
        desk.steering.look()
        held = desk.steering.held
        if held and _is_news(held, told):
            yield Told(held)
        while not (held or closing or is_idle or interrupt.should_finish) and executor.free:
            is_more = goal.more is None or new < goal.more
            if not is_more and any(record.state is State.WAITING for record in session.history()):
                closing = "all that this call was to run"
                break
            if goal.is_watched or opened == 0 or desk.has_failed:
                closing = goal.may_start(session.history()) or ""
            if closing:
                if _is_news(closing, told):
                    yield Told(closing)
                break
            with interrupt.shielded():
                limit = goal.trials if is_more else 0
                got = session.open(lambda number: _fitting(session, desk, strategy, goal, number, limit))  # noqa: B023
            if isinstance(got, Exhausted):
                is_idle = True
                if got.reason and _is_news(got.reason, told):
                    yield Told(got.reason)
                break
            opened += 1
            new += not _is_promoted(got)
            desk.admit(got, goal.needs(session.history(), got))
            if why := desk.steering.stop_of(got.number):
                desk.answer(Finished(got.number, got.attempt, {}, 0.0, state=State.STOPPED, reason=why))
                yield from _heard(desk)
                continue
            _submit(session, executor, desk, got)
            yield TrialOpened(got)
            if executor.note and executor.note not in told:
                told.add(executor.note)
                yield Told(executor.note)
        if desk.running:
            executor.poll(desk.answer, min(POLL_SECONDS, desk.accounts.patience()))
            for late in desk.accounts.overdue():
                executor.cancel(late.number, late.failure)
            desk.withdrawn(executor)
            if any(isinstance(event, TrialRetried) for event in desk.events):
                closing = ""  # it waits in the queue: take it again
            if any(isinstance(event, (TrialClosed, TrialPaused, TrialRetried)) for event in desk.events):
                is_idle = False  # it may be promoted, or another one for its sake
                closing = "" if goal.is_watched else closing  # and what it held and did not take is free again
            yield from _heard(desk)
            desk.raise_usage()
        elif not executor.free:
            raise ExecutionError(f"{session.name}: no worker is left to run trials: {executor.note}")
        elif interrupt.should_finish:
            raise Interrupted("interrupted; nothing is lost: run the same again to go on")
        elif desk.steering.is_extended:
            return
        elif held:
            time.sleep(PEER_SECONDS)
        elif (goal.more is not None and new >= goal.more) or _peers_are_done(session, is_over=bool(closing)):
            return
        else:
            time.sleep(PEER_SECONDS)
            session.release()
            closing, is_idle = "", False  # a trial may have come back to the queue, or made another one worth going on
        if interrupt.should_end:
            _end(executor, desk)


def _heard(desk: Desk) -> Iterator[Event]:
    while desk.events:
        yield desk.events.popleft()


def _fitting(
    session: Session,
    desk: Desk,
    strategy: Callable[[History], Strategy],
    goal: Goal,
    number: int,
    limit: int | None,
) -> Proposal | Promotion | Exhausted:
    """What is to run next, if it fits."""
    proposed = propose(session, desk.scheduler, strategy, number, limit)
    why = None if isinstance(proposed, Exhausted) else goal.fits(session.history(), proposed)
    return proposed if why is None else Exhausted(why)


def propose(
    session: Session,
    scheduler: Scheduler,
    strategy: Callable[[History], Strategy],
    number: int,
    limit: int | None = None,
) -> Proposal | Promotion | Exhausted:
    """What is to run next: the baseline, then what the scheduler goes on with, then as the strategy says.

    number: of the next new trial; from `limit` on only paused ones go on.  Where nothing else is left, a baseline that
    was paused goes on, for in the end all is compared with it.
    """
    history, key = session.history(), Key(session.plan.seed, number)
    is_full = limit is not None and number >= limit
    if number == 0:
        return Exhausted("") if is_full else replace(baseline(history.space), fidelity=scheduler.start(history, key))
    further = scheduler.resume(history, key)
    if isinstance(further, Promotion) or (further is not None and not is_full):
        return further
    proposal = Exhausted("") if is_full else strategy(history).propose(history, key)
    if isinstance(proposal, Exhausted):
        return whole_baseline(history) or proposal
    if proposal.fidelity is not None or proposal.repeats is not None:  # a repeat is compared with what it repeats
        return proposal
    return proposal if history.plan.fidelity is None else replace(proposal, fidelity=scheduler.start(history, key))


def whole_baseline(history: History) -> Promotion | None:
    """The baseline goes on to its end, where it was paused; None where nothing is left of it to run."""
    if history.plan.fidelity is None:  # nothing pauses it there
        return None
    first = history.get(0)
    if first is None or first.state is not State.PAUSED:
        return None
    return Promotion(0, "the default is measured in full, since in the end all is compared with it")


def _is_news(reason: str, told: set[str]) -> bool:
    """Whether that was not told yet; what stands behind the colon may be another number each time."""
    what = reason.partition(":")[0]
    is_news = what not in told
    told.add(what)
    return is_news


def _submit(session: Session, executor: Executor, desk: Desk, record: TrialRecord) -> None:
    """Hand a trial to the executor; where that fails it goes back to the queue before the error goes on."""
    try:
        executor.submit(session.begun(record))
    except TrialistError as error:
        failure = Failure(Cause.INFRASTRUCTURE, f"could not be started: {error}")
        desk.answer(Failed(record.number, record.attempt, failure, 0.0))
        raise


def _is_promoted(record: TrialRecord) -> bool:
    return bool(record.course) and record.course[-1].action is Action.RESUME


def _peers_are_done(session: Session, is_over: bool) -> bool:
    """No trial is running that another coordinator opened, and none is waiting that may still be run."""
    return not any(
        (r.state is State.WAITING and not is_over) or (r.state is State.RUNNING and r.number not in session.opened)
        for r in session.history()
    )


def _end(executor: Executor, desk: Desk) -> None:
    """End what runs here, now: it goes back to the queue, whatever ended the loop."""
    if not desk.running:
        return
    desk.is_ending = True
    for number in tuple(desk.running):
        executor.cancel(number, Failure(Cause.PREEMPTED, "interrupted by the user"))
    ends = time.monotonic() + END_SECONDS
    while desk.running and time.monotonic() < ends:
        executor.poll(desk.answer, POLL_SECONDS)
    desk.is_ending = False
