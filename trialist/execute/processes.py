"""Trials in worker processes on this machine: warm, reused, with limits, and each with a log of its own."""

from __future__ import annotations

import os
import pickle
import select
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

from trialist.errors import ExecutionError
from trialist.execute import failures
from trialist.execute.attendant import refuse_while_loading
from trialist.execute.births import Ended, Start, Started
from trialist.execute.killing import Ending
from trialist.execute.limits import Watch
from trialist.execute.nursery import Nursery
from trialist.execute.serving import Serving
from trialist.execute.wire import Wire
from trialist.execute.worker import Objective
from trialist.trials.amounts import whole
from trialist.trials.messages import Assignment, Failed, Finished, Message, Reported
from trialist.trials.plan import Limits
from trialist.trials.trial import Cause, Decision, Failure

_GRACE = 0.5  # seconds from SIGTERM to SIGKILL
_LOOK_AT_ENDING = 0.02
_STRIKES = 3  # so many deaths in a row,
_AT_ONCE = 1.0  # each within so many seconds, and the worker is set aside

Answer = Callable[[Message], Decision]


@dataclass(slots=True)
class _Worker:
    """A place for one process after another: `ticket` tells them apart."""

    watch: Watch
    ticket: int = -1
    wire: Wire | None = None
    pid: int | None = None
    assignment: Assignment | None = None
    failure: Failure | None = None  # why it is being ended
    ending: Ending | None = None
    strikes: int = 0

    @property
    def is_aside(self) -> bool:
        return self.strikes >= _STRIKES


class WorkerProcesses:
    """An Executor of `workers` processes that import the objective once and then run one trial after another.

    limits: a trial beyond them is ended with its whole process tree.  Raises ExecutionError at once, before any trial
    is opened, where workers could not import the objective.
    """

    def __init__(self, objective: Objective, workers: int, limits: Limits | None = None) -> None:
        whole("workers", workers, at_least=1)
        refuse_while_loading()
        self._objective = objective
        self._workers = [_Worker(Watch(limits or Limits())) for _ in range(workers)]
        self._nursery: Nursery | None = None
        self._tickets = count()
        self._outbox: list[tuple[Message, Wire | None]] = []
        self._last_death = ""
        self._is_forked = False
        self._closed = False
        self._ready_nursery()

    @property
    def note(self) -> str:
        """What a user should know about how the workers run, or an empty text."""
        notes = []
        if self._is_forked:
            notes.append(
                "the objective cannot be imported by name (a lambda, a nested function, a notebook cell), "
                "so workers are forked from this process"
            )
        aside = sum(worker.is_aside for worker in self._workers)
        if aside:
            notes.append(f"{aside} of {len(self._workers)} workers set aside: {self._last_death}")
        return "; ".join(notes)

    @property
    def free(self) -> int:
        if self._closed:
            return 0
        return sum(worker.assignment is None and not worker.is_aside for worker in self._workers)

    def submit(self, assignment: Assignment) -> None:
        self._refuse_if_all_aside()
        worker = next((w for w in self._workers if w.assignment is None and not w.is_aside), None)
        if worker is None or self._closed:
            raise ExecutionError("no worker is free" if not self._closed else "the workers were closed")
        # Absolute: an objective may change the folder of a warm worker.
        assignment = replace(assignment, directory=os.path.abspath(assignment.directory))
        if worker.wire is None or not self._sent(worker.wire, assignment):
            self._forget(worker)  # it died since its last trial
            self._sent(self._start(worker), assignment)
        worker.assignment = assignment
        worker.watch.begin()

    def poll(self, answer: Answer, timeout: float) -> int:
        until = time.monotonic() + timeout
        if not self._outbox and not any(worker.assignment for worker in self._workers):
            self._refuse_if_all_aside()
        while True:
            self._turn(0.0 if self._outbox else until - time.monotonic())
            handled = 0
            while self._outbox:
                message, wire = self._outbox.pop(0)
                handled += 1
                decision = answer(message)
                if isinstance(message, Reported) and wire is not None:
                    self._sent(wire, decision)
            if handled or time.monotonic() >= until:
                return handled

    def cancel(self, number: int, failure: Failure) -> None:
        for worker in self._workers:
            if worker.assignment is not None and worker.assignment.number == number and worker.failure is None:
                self._end(worker, failure)

    def close(self) -> None:
        self._closed = True
        for worker in self._workers:
            self._forget(worker)
            worker.assignment = worker.failure = worker.ending = None
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None

    # One turn: wait, then take events, messages, limits and endings in this order.

    def _turn(self, patience: float) -> None:
        self._wait(max(0.0, patience))
        if self._nursery is not None:
            for event in self._nursery.events():
                self._note_event(event)
            if not self._nursery.is_open:
                self._lose_nursery()
        for worker in self._workers:
            if worker.wire is not None and worker.wire.is_open:
                self._collect(worker)
        for worker in self._workers:
            if worker.assignment is not None and worker.failure is None:
                worker.failure = worker.watch.failure(worker.pid)
            if worker.failure is not None:
                self._go_on_ending(worker, worker.failure)

    def _wait(self, patience: float) -> None:
        poller = select.poll()
        if self._nursery is not None:
            poller.register(self._nursery.fileno(), select.POLLIN)
        for worker in self._workers:
            if worker.wire is not None and worker.wire.is_open:
                poller.register(worker.wire.fileno(), select.POLLIN)
            if worker.assignment is None:
                continue
            patience = min(patience, worker.watch.patience if worker.failure is None else _LOOK_AT_ENDING)
        # Rounded up: a poll that ends a little early would spin.
        poller.poll(int(patience * 1000) + (patience > 0))

    def _note_event(self, event: object) -> None:
        worker = next((w for w in self._workers if w.ticket == getattr(event, "ticket", None)), None)
        if worker is None:
            return
        if isinstance(event, Started):
            worker.pid = event.pid
        elif isinstance(event, Ended):
            if worker.failure is None:
                self._collect(worker)  # its last words, perhaps its Finished
            self._forget(worker)
            if worker.assignment is not None and worker.failure is None:
                self._close_trial(worker, _failure_of(event))

    def _collect(self, worker: _Worker) -> None:
        assert worker.wire is not None
        for message in worker.wire.arrived():
            if worker.assignment is None or worker.failure is not None:
                continue  # it is being ended: its Failed is certain
            self._outbox.append((message, worker.wire))
            if isinstance(message, Finished | Failed):
                worker.assignment, worker.strikes = None, 0

    def _end(self, worker: _Worker, failure: Failure) -> None:
        worker.failure = failure
        self._go_on_ending(worker, failure)

    def _go_on_ending(self, worker: _Worker, failure: Failure) -> None:
        if worker.ending is None and worker.pid is not None:
            worker.ending = Ending(worker.pid, grace=_GRACE)
        is_over = worker.ending.is_over() if worker.ending is not None else worker.wire is None
        if is_over:
            self._forget(worker)
            self._close_trial(worker, failure)

    def _close_trial(self, worker: _Worker, failure: Failure) -> None:
        """The trial failed by what befell its process."""
        assert worker.assignment is not None
        seconds = worker.watch.seconds
        is_strike = failure.cause in (Cause.KILLED, Cause.INFRASTRUCTURE) and seconds < _AT_ONCE
        worker.strikes = worker.strikes + 1 if is_strike and worker.ending is None else 0
        self._last_death = failure.message
        assignment, worker.assignment, worker.failure, worker.ending = worker.assignment, None, None, None
        self._outbox.append((Failed(assignment.number, assignment.attempt, failure, seconds), None))

    def _forget(self, worker: _Worker) -> None:
        """Let go of a process that ended, or of one about to be ended."""
        if worker.wire is not None:
            worker.wire.close()
        worker.wire, worker.pid, worker.ticket = None, None, -1

    def _sent(self, wire: Wire, item: Assignment | Decision) -> bool:
        """False where the other end has died: the nursery tells how."""
        try:
            wire.send(item)
        except OSError:
            return False
        return True

    def _start(self, worker: _Worker) -> Wire:
        mine, its = socket.socketpair()
        with its:
            ticket = next(self._tickets)
            try:
                self._ready_nursery().start(Start(ticket), [its.fileno()])
            except ConnectionError:
                self._lose_nursery()
                self._ready_nursery().start(Start(ticket), [its.fileno()])
        worker.ticket, worker.pid, worker.wire = ticket, None, Wire(mine)
        return worker.wire

    def _ready_nursery(self) -> Nursery:
        if self._nursery is not None:
            return self._nursery
        serving = Serving(self._objective)
        payload = None if _is_homeless(self._objective) else _pickled(serving)
        if payload is not None:
            nursery = Nursery.spawned(payload, len(self._workers))
            ready = nursery.await_ready()
            if not ready.failure:
                self._nursery = nursery
                return nursery
            nursery.close()
            if not ready.is_missing:
                raise ExecutionError(ready.failure)
        self._nursery, self._is_forked = Nursery.forked(serving), True
        ready = self._nursery.await_ready()
        if ready.failure:
            raise ExecutionError(ready.failure)
        return self._nursery

    def _lose_nursery(self) -> None:
        assert self._nursery is not None
        self._nursery.close()
        self._nursery = None
        for worker in self._workers:
            if worker.wire is not None:
                self._collect(worker)
            self._forget(worker)
            if worker.assignment is not None:
                lost = Failure(Cause.INFRASTRUCTURE, "the process that starts workers died, and the worker with it")
                self._close_trial(worker, worker.failure or lost)

    def _refuse_if_all_aside(self) -> None:
        if all(worker.is_aside for worker in self._workers):
            raise ExecutionError(
                f"all {len(self._workers)} workers were set aside after {_STRIKES} failures at once in a row, "
                f"the last one: {self._last_death}"
            )


def _failure_of(event: Ended) -> Failure:
    if event.problem is not None:
        return Failure(Cause.INFRASTRUCTURE, f"the worker process could not be started: {event.problem}")
    if event.signal is not None:
        return failures.of_signal(event.signal)
    return failures.of_exit(event.code or 0)


def _pickled(serving: Serving) -> bytes | None:
    """The objective by reference, or None where it has none: lambdas, nested functions, what holds a lock."""
    try:
        return pickle.dumps(serving)
    except Exception:  # noqa: BLE001 - pickling runs the user's code; the fork that follows needs none
        return None


def _is_homeless(objective: object) -> bool:
    """Whether it lives in a `__main__` that no other process could import: a notebook, standard input."""
    main = sys.modules["__main__"]
    if getattr(main, "__spec__", None) is not None:
        return False
    path = getattr(main, "__file__", None)
    return getattr(objective, "__module__", "__main__") == "__main__" and (path is None or not os.path.exists(path))
