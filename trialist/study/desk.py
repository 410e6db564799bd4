"""The desk where running trials report: each message is stored, then answered by a Decision."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

from trialist import errors
from trialist.errors import InputError, StoreError
from trialist.protocols import Executor, Scheduler
from trialist.study.accounts import Accounts
from trialist.study.ending import ended, is_last, ruling
from trialist.study.events import Event, Told, TrialClosed, TrialPaused, TrialReported, TrialRetried
from trialist.study.interrupt import Interrupt
from trialist.study.screening import Rungs
from trialist.study.session import Session
from trialist.study.steering import Steering
from trialist.trials.messages import Decided, Declared, Entry, Failed, Finished, Message, Noted, Reported
from trialist.trials.trial import GO_ON, Action, Cause, Decision, Failure, State, Taken, TrialRecord


class Desk:
    """Takes the messages of one coordinator's trials; `events` holds what happened until somebody tells it."""

    def __init__(self, session: Session, scheduler: Scheduler, interrupt: Interrupt) -> None:
        self._session, self.scheduler, self._interrupt = session, scheduler, interrupt
        self._unsent: dict[int, list[Message]] = {}  # declarations and notes wait for their trial's next event
        self._misuses: dict[int, Failure] = {}
        self.accounts = Accounts(session.plan, session.clock)
        self.steering = Steering(session)
        self._withdrawn: dict[int, str] = {}  # by number, who stopped it and why
        self._rungs = Rungs()
        self.events: deque[Event] = deque()
        self.running: dict[int, TrialRecord] = {}
        self.has_failed = False  # the last trial that closed here
        self.is_ending = False  # the loop itself ends its trials
        self.usage: Failure | None = None  # a misuse that no other configuration would cure

    def admit(self, record: TrialRecord, needs: Mapping[str, float] | None = None) -> None:
        """A trial begins to run here; needs: what it likely takes of each purse."""
        self.running[record.number] = record
        self.accounts.admit(record.number, needs or {})

    def withdrawn(self, executor: Executor) -> None:
        """End the trials that people asked to stop, as far as they run in processes of their own."""
        for number in tuple(self.running):
            if number not in self._withdrawn and (why := self.steering.stop_of(number)):
                self._withdrawn[number] = why
                executor.cancel(number, Failure(Cause.PREEMPTED, why))

    def answer(self, message: Message) -> Decision:
        """Store a message and say how its trial goes on."""
        with self.shielded():
            try:
                decision = self._stored(message)
            except InputError as error:
                decision = self._misused(message, error)
        if isinstance(message, Reported):
            self._interrupt.raise_if_due()
        return decision

    def shielded(self) -> AbstractContextManager[None]:
        """What stands inside is not interrupted half-way."""
        return self._interrupt.shielded()

    def close(self, record: TrialRecord, message: Finished | Failed, foreign: bool = False) -> TrialRecord:
        """Write the result of a trial that is told from outside; `foreign` where it may be somebody else's."""
        number = record.number
        entries = (*self._unsent.get(number, ()), *self._ended(record, message))
        closed = self._session.record(number, entries, foreign)
        self._unsent.pop(number, None)
        self.running.pop(number, None)
        self.accounts.leave(number)
        return closed

    def raise_usage(self) -> None:
        """Raise the typed error by which an objective misused Trialist, if one did; its trial is stored already."""
        if self.usage is not None and self.usage.usage is not None:
            kind, field, problem, remedy = self.usage.usage
            self.usage = None
            error: type[errors.InputError] = getattr(errors, kind, errors.InputError)
            raise error(field, problem, remedy)

    def _misused(self, message: Message, error: InputError) -> Decision:
        """What was sent cannot be, say a dial declared in two ways: the trial fails by that error, whatever follows."""
        usage = (type(error).__name__, error.field, error.problem, error.remedy)
        failure = Failure(Cause.OBJECTIVE, str(error), usage=usage)
        self._unsent.pop(message.number, None)
        if isinstance(message, (Finished, Failed)):
            return self._stored(Failed(message.number, message.attempt, failure, message.seconds, cost=message.cost))
        self._misuses[message.number] = failure
        return Decision(Action.STOP, str(error))

    def _stored(self, message: Message) -> Decision:
        number = message.number
        if isinstance(message, (Declared, Noted)):
            self._unsent.setdefault(number, []).append(message)
            return GO_ON
        before = self._unsent.pop(number, [])
        misuse = self._misuses.pop(number, None) if isinstance(message, (Finished, Failed)) else None
        if misuse is not None and isinstance(message, (Finished, Failed)):
            before, message = [], Failed(number, message.attempt, misuse, message.seconds, cost=message.cost)
        record = self.running.get(number) or self._session.history()[number]
        if isinstance(message, Reported):
            return self._reported(record, before, message)
        entries = (*before, *self._ended(record, message))
        self.running.pop(number, None)
        self.accounts.leave(number)
        try:
            record = self._session.record(number, entries)
        except StoreError:
            self._session.keep(number, entries)
            raise
        self.has_failed = record.state is State.FAILED
        self.events.append(_event(record))
        if record.reports and (news := self._rungs.news(self._session.history())):
            self.events.append(Told(news))
        if isinstance(message, Failed) and message.failure.usage is not None:
            self.usage = message.failure
        return GO_ON

    def _reported(self, record: TrialRecord, before: list[Message], message: Reported) -> Decision:
        # A scheduler sees the dials that were declared on the way to this report, but not yet the report itself: that
        # is written together with the decision on it.
        if any(isinstance(each, Declared) for each in before):
            record, before = self._session.record(record.number, before), []
        decision, decided = ruling(self._session.plan, record, message, self._decide)
        stop = self.accounts.judge(message, is_last(self._session.plan, record, message))
        if decision.action is Action.GO_ON and stop.action is Action.STOP:
            decision, taken = stop, Taken(message.step, stop.action, stop.reason)
            decided = (Decided(message.number, message.attempt, taken),)
        self.steering.look()
        if decision.action is Action.GO_ON and (why := self.steering.stop_of(message.number)):
            decision, taken = Decision(Action.STOP, why), Taken(message.step, Action.STOP, why)
            decided = (Decided(message.number, message.attempt, taken),)
        now = self._session.record(record.number, [*before, message, *decided])
        if record.number in self.running:
            self.running[record.number] = now
        self.events.append(TrialReported(record.number, message.step, message.value))
        return decision

    def _ended(self, record: TrialRecord, message: Finished | Failed) -> tuple[Entry, ...]:
        message = self.accounts.priced(message)
        withdrawn = self._withdrawn.pop(record.number, "")
        if withdrawn and isinstance(message, Failed) and message.failure.cause is Cause.PREEMPTED:
            number, attempt, seconds, cost = record.number, record.attempt, message.seconds, message.cost
            return (Finished(number, attempt, {}, seconds, cost, State.STOPPED, withdrawn),)
        if isinstance(message, Failed) and message.failure.cause is Cause.BUDGET and record.reports:
            reason = message.failure.message  # what it reported counts
            message = Finished(record.number, message.attempt, {}, message.seconds, message.cost, State.STOPPED, reason)
        if isinstance(message, Failed):
            return (replace(message, retry=self._retries(record.number, message.failure)),)
        return ended(self._session.plan, record, message, self._decide)

    def _decide(self, report: Reported) -> Decision:
        return self.scheduler.decide(self._session.history(), report)

    def _retries(self, number: int, failure: Failure) -> bool:
        """The cause's own rule; an objective that raised KeyboardInterrupt itself, without a signal, earns none."""
        earlier = self.running[number].earlier if number in self.running else ()
        spent = sum(1 for f in earlier if f.cause is failure.cause)
        if failure.cause is Cause.PREEMPTED and not (self.is_ending or self._interrupt.should_end):
            return False
        return spent < failure.cause.retries


def _event(record: TrialRecord) -> Event:
    if record.state is State.WAITING:
        return TrialRetried(record)
    return TrialPaused(record) if record.state is State.PAUSED else TrialClosed(record)
