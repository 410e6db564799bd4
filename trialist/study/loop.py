"""The loop: propose, run, listen, decide, record. The one place where the rooms meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from trialist.errors import ExecutionError, TrialistError
from trialist.numerics.keys import Key
from trialist.protocols import Executor, Strategy
from trialist.search.design import baseline
from trialist.study.desk import Desk
from trialist.study.events import Event, Told, TrialClosed, TrialOpened, TrialRetried
from trialist.study.interrupt import Interrupt, Interrupted
from trialist.study.session import Session
from trialist.trials.history import History
from trialist.trials.messages import Assignment, Failed
from trialist.trials.trial import Cause, Exhausted, Failure, Proposal, State, TrialRecord

POLL_SECONDS = 0.5
END_SECONDS = 10.0
PEER_SECONDS = 0.5  # how often to look whether another coordinator's trials are done


@dataclass(frozen=True, slots=True)
class Goal:
    """When a stage of the loop is over, whichever comes first.

    trials: of the study in all, waiting ones are run in any case.  more: trials that this call may open.
    may_start: None while another trial may start, else the reason why not.  is_watched: it looks at the clock or the
    purse, and is asked before each trial; else before the first one and after failures, since only these end a study.
    """

    trials: int | None = None
    more: int | None = None
    may_start: Callable[[History], str | None] = lambda history: None
    is_watched: bool = False


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
    opened, closing, told = 0, "", set[str]()
    while True:
        while not closing and not interrupt.should_finish and executor.free:
            closing = "all that this call was to run" if goal.more is not None and opened >= goal.more else ""
            if closing:
                break
            if goal.is_watched or opened == 0 or desk.has_failed:
                closing = goal.may_start(session.history()) or ""
            if closing:
                if closing not in told:
                    told.add(closing)
                    yield Told(closing)
                break
            with interrupt.shielded():
                got = session.open(lambda number: propose(session, strategy, number), goal.trials)
            if not isinstance(got, TrialRecord):
                closing = got.reason if got else "the study holds all of its trials"
                if got and got.reason not in told:
                    told.add(got.reason)
                    yield Told(got.reason)
                break
            opened += 1
            desk.admit(got)
            _submit(executor, desk, session.assignment(got))
            yield TrialOpened(got)
            if executor.note and executor.note not in told:
                told.add(executor.note)
                yield Told(executor.note)
        if desk.running:
            executor.poll(desk.answer, POLL_SECONDS)
            if any(isinstance(event, TrialRetried) for event in desk.events):
                closing = ""  # it waits in the queue: take it again
            while desk.events:
                yield desk.events.popleft()
            desk.raise_usage()
        elif not executor.free:
            raise ExecutionError(f"{session.name}: no worker is left to run trials: {executor.note}")
        elif interrupt.should_finish:
            raise Interrupted("interrupted; nothing is lost: run the same again to go on")
        elif (goal.more is not None and opened >= goal.more) or _peers_are_done(session):
            return
        else:
            time.sleep(PEER_SECONDS)
            session.release()
            closing = ""  # a trial may have come back to the queue
        if interrupt.should_end:
            _end(executor, desk)


def propose(session: Session, strategy: Callable[[History], Strategy], number: int) -> Proposal | Exhausted:
    """What trial `number` should be: the baseline first, then as the strategy says."""
    history = session.history()
    if number == 0:
        return baseline(history.space)
    return strategy(history).propose(history, Key(session.plan.seed, number))


def _submit(executor: Executor, desk: Desk, assignment: Assignment) -> None:
    """Hand a trial to the executor; where that fails it goes back to the queue before the error goes on."""
    try:
        executor.submit(assignment)
    except TrialistError as error:
        failure = Failure(Cause.INFRASTRUCTURE, f"could not be started: {error}")
        desk.answer(Failed(assignment.number, assignment.attempt, failure, 0.0))
        raise


def _peers_are_done(session: Session) -> bool:
    """No trial is waiting, and none is running that another coordinator opened."""
    return not any(
        r.state is State.WAITING or (r.state is State.RUNNING and r.number not in session.opened)
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
