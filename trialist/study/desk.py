"""The desk where running trials report: each message is stored, then answered by a Decision."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager
from dataclasses import replace

from trialist import errors
from trialist.errors import InputError, StoreError
from trialist.protocols import Scheduler
from trialist.study.events import Event, TrialClosed, TrialReported, TrialRetried
from trialist.study.interrupt import Interrupt
from trialist.study.session import Session
from trialist.trials.messages import Declared, Failed, Finished, Message, Noted, Reported
from trialist.trials.trial import GO_ON, Action, Cause, Decision, Failure, State, TrialRecord


class Desk:
    """Takes the messages of one coordinator's trials; `events` holds what happened until somebody tells it."""

    def __init__(self, session: Session, scheduler: Scheduler, interrupt: Interrupt) -> None:
        self._session, self._scheduler, self._interrupt = session, scheduler, interrupt
        self._unsent: dict[int, list[Message]] = {}  # declarations and notes wait for their trial's next event
        self._stops: dict[int, str] = {}
        self._misuses: dict[int, Failure] = {}
        self.events: deque[Event] = deque()
        self.running: dict[int, TrialRecord] = {}
        self.has_failed = False  # the last trial that closed here
        self.is_ending = False  # the loop itself ends its trials
        self.usage: Failure | None = None  # a misuse that no other configuration would cure

    def admit(self, record: TrialRecord) -> None:
        """A trial begins to run here."""
        self.running[record.number] = record

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

    def take(self, number: int) -> list[Message]:
        """Declarations and notes of a trial that is told from outside; they are written with its result."""
        return self._unsent.pop(number, [])

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
            return self._stored(Failed(message.number, message.attempt, failure, message.seconds))
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
            before, message = [], Failed(number, message.attempt, misuse, message.seconds)
        if isinstance(message, Reported):
            self._session.record(number, [*before, message])
            self.events.append(TrialReported(number, message.step, message.value))
            return self._decide(message)
        if isinstance(message, Finished):
            reason = self._stops.pop(number, "")
            if reason and message.state is State.COMPLETE:
                message = replace(message, state=State.STOPPED, reason=reason)
        else:
            message = replace(message, retry=self._retries(number, message.failure))
            self._stops.pop(number, None)
        self.running.pop(number, None)
        try:
            record = self._session.record(number, [*before, message])
        except StoreError:
            self._session.keep(number, [*before, message])
            raise
        self.has_failed = record.state is State.FAILED
        self.events.append(TrialRetried(record) if record.state is State.WAITING else TrialClosed(record))
        if isinstance(message, Failed) and message.failure.usage is not None:
            self.usage = message.failure
        return GO_ON

    def _decide(self, message: Reported) -> Decision:
        decision = self._scheduler.decide(self._session.history(), message)
        if decision.action is Action.STOP:
            self._stops[message.number] = decision.reason
        return decision

    def _retries(self, number: int, failure: Failure) -> bool:
        """The cause's own rule; an objective that raised KeyboardInterrupt itself, without a signal, earns none."""
        earlier = self.running[number].earlier if number in self.running else ()
        spent = sum(1 for f in earlier if f.cause is failure.cause)
        if failure.cause is Cause.PREEMPTED and not (self.is_ending or self._interrupt.should_end):
            return False
        return spent < failure.cause.retries
