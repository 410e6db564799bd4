"""Trials as commands: each a program of its own, in any language, heard by what it prints or writes."""

from __future__ import annotations

import os
import select
import time
import uuid
from collections.abc import Callable, Sequence
from itertools import count

from trialist.errors import ExecutionError, InputError
from trialist.execute import failures
from trialist.execute.attendant import refuse_while_loading
from trialist.execute.births import Ended, Start, Started
from trialist.execute.checkpoints import CHECKPOINT
from trialist.execute.command import Command
from trialist.execute.killing import TOKEN, Ending
from trialist.execute.limits import Watch
from trialist.execute.nursery import Nursery
from trialist.execute.readings import Readings
from trialist.execute.running import METRICS, Run
from trialist.execute.serving import LOG
from trialist.execute.units import Units, overlap_of
from trialist.trials.amounts import whole
from trialist.trials.messages import Assignment, Failed, Finished, Message
from trialist.trials.plan import Limits
from trialist.trials.trial import Action, Cause, Decision, Failure

_LOOK = 0.1  # seconds between two looks into the metrics file, and at a dying tree


class Commands:
    """An Executor that runs each trial as a command, `workers` at a time, in a session of its own.

    The command finds TRIALIST_NUMBER, TRIALIST_SEED, TRIALIST_METRICS (a file for JSON lines), TRIALIST_CHECKPOINT (a
    folder) and TRIALIST_FIDELITY (how far to run, where the study has such a dial) in its environment; one that reports
    a step beyond that is ended. Where the study declares folds or seeds, TRIALIST_UNITS is their number,
    TRIALIST_UNITS_SEED what to draw them by, and the steps that it reports are these units. What it prints is in
    log.txt in the trial's folder.
    """

    def __init__(self, command: Command, workers: int, limits: Limits | None = None) -> None:
        whole("workers", workers, at_least=1)
        refuse_while_loading()
        self._command, self._workers, self._limits = command, workers, limits or Limits()
        self._id = uuid.uuid4().hex
        self._runs: dict[int, Run] = {}
        self._outbox: list[tuple[Message, int | None]] = []
        self._tickets = count()
        self._nursery: Nursery | None = None
        self._closed = False

    @property
    def free(self) -> int:
        return 0 if self._closed else self._workers - len(self._runs)

    @property
    def note(self) -> str:
        return ""

    def submit(self, assignment: Assignment) -> None:
        if self.free < 1:
            raise ExecutionError("no place for another command is free, or the executor was closed")
        try:
            self._start(assignment)
        except InputError as error:
            self._fail(assignment, failures.of_exception(error), 0.0)
        except OSError as problem:
            lost = Failure(Cause.INFRASTRUCTURE, f"the trial's folder could not be written: {problem}")
            self._fail(assignment, lost, 0.0)

    def poll(self, answer: Callable[[Message], Decision], timeout: float) -> int:
        until = time.monotonic() + timeout
        while True:
            self._turn(0.0 if self._outbox else until - time.monotonic())
            handled = 0
            while self._outbox:
                message, ticket = self._outbox.pop(0)
                handled += 1
                decision = answer(message)
                run = None if ticket is None else self._runs.get(ticket)
                if run is not None and run.stop is None and decision.action is not Action.GO_ON:
                    run.stop = decision
                    run.go_on_ending()
            if handled or time.monotonic() >= until:
                return handled

    def cancel(self, number: int, failure: Failure) -> None:
        for run in self._runs.values():
            if run.assignment.number == number and run.failure is None:
                run.failure, run.ending = failure, None
                run.go_on_ending()

    def close(self) -> None:
        self._closed = True
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None
        for run in self._runs.values():
            run.hear()
            run.close()
        self._runs.clear()

    def _start(self, assignment: Assignment) -> None:
        directory = os.path.abspath(assignment.directory)
        argv = self._command.argv(assignment.params, assignment.seed, assignment.number, directory, assignment.fidelity)
        checkpoint = os.path.join(directory, CHECKPOINT)
        os.makedirs(checkpoint, exist_ok=True)
        metrics = os.path.join(directory, METRICS)
        if os.path.exists(metrics):
            os.remove(metrics)  # of an earlier attempt
        ticket, token = next(self._tickets), f"{self._id}.{assignment.number}.{assignment.attempt}"
        environment = {
            TOKEN: token,
            "TRIALIST_NUMBER": str(assignment.number),
            "TRIALIST_SEED": str(assignment.seed),
            "TRIALIST_METRICS": metrics,
            "TRIALIST_CHECKPOINT": checkpoint,
            "PYTHONUNBUFFERED": "1",
        }
        if assignment.fidelity is not None:
            environment["TRIALIST_FIDELITY"] = str(assignment.fidelity)
        if assignment.validation is not None:
            environment["TRIALIST_UNITS"] = str(assignment.validation.units)
            environment["TRIALIST_UNITS_SEED"] = str(assignment.units_seed)
        log = os.open(os.path.join(directory, LOG), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        output, its = os.pipe()
        os.set_blocking(output, False)
        run = Run(
            assignment,
            ticket,
            token,
            argv,
            Watch(self._limits),
            Readings(assignment.objectives, assignment.fidelity),
            output,
            log,
            os.fstat(log).st_size,
            Units(0 if assignment.validation is None else assignment.validation.units),
            assignment.reached if os.listdir(checkpoint) else 0,
        )
        run.watch.begin()
        self._runs[ticket] = run
        try:
            self._send(Start(ticket, tuple(argv), environment, token), [its, log])
        except OSError as problem:
            self._finish(run, Ended(ticket, problem=problem))
        finally:
            os.close(its)

    def _send(self, request: Start, fds: Sequence[int]) -> None:
        if self._nursery is None:
            self._nursery = Nursery.spawned(workers=self._workers)
        try:
            self._nursery.start(request, fds)
        except ConnectionError:  # it was killed while nothing ran
            self._lose_nursery()
            self._nursery = Nursery.spawned(workers=self._workers)
            self._nursery.start(request, fds)

    # One turn: wait, then take what was printed, what ended, and what is beyond its limits, in this order.

    def _turn(self, patience: float) -> None:
        self._wait(max(0.0, patience))
        for run in list(self._runs.values()):
            self._outbox += ((report, run.ticket) for report in run.hear())
        if self._nursery is not None:
            for event in self._nursery.events():
                run_of_event = self._runs.get(getattr(event, "ticket", -1))
                if run_of_event is not None and isinstance(event, Started):
                    run_of_event.pid = event.pid
                    run_of_event.watch.begin()
                elif run_of_event is not None and isinstance(event, Ended):
                    self._finish(run_of_event, event)
            if not self._nursery.is_open:
                self._lose_nursery()
        for run in list(self._runs.values()):
            if run.failure is None and run.stop is None:
                run.failure = run.watch.failure(run.pid)
            run.go_on_ending()

    def _wait(self, patience: float) -> None:
        poller = select.poll()
        if self._nursery is not None:
            poller.register(self._nursery.fileno(), select.POLLIN)
        for run in self._runs.values():
            if run.is_heard:
                poller.register(run.output, select.POLLIN)
            patience = min(patience, _LOOK, run.watch.patience if run.failure is None and run.stop is None else _LOOK)
        # Rounded up: a poll that ends a little early would spin.
        poller.poll(int(patience * 1000) + (patience > 0))

    def _finish(self, run: Run, end: Ended) -> None:
        """The command ended, and its orphans with it."""
        self._outbox += ((report, run.ticket) for report in run.hear_last())
        result = run.came_to(end)
        run.close()
        try:
            os.rmdir(run.path(CHECKPOINT))
        except OSError:
            pass  # it holds a checkpoint, or the command removed it
        del self._runs[run.ticket]
        if isinstance(result, Failure):
            self._fail(run.assignment, result, end.seconds, run.cost)
            return
        number, attempt = run.assignment.number, run.assignment.attempt
        reason = "" if run.stop is None else run.stop.reason
        told = run.readings
        finished = Finished(
            number,
            attempt,
            result,
            end.seconds,
            told.cost,
            reason=reason,
            constraints=dict(told.constraints),
            since=run.since,
            overlap=overlap_of(run.assignment.validation, result),
        )
        self._outbox.append((finished, None))

    def _fail(self, assignment: Assignment, failure: Failure, seconds: float, cost: float | None = None) -> None:
        self._outbox.append((Failed(assignment.number, assignment.attempt, failure, seconds, cost=cost), None))

    def _lose_nursery(self) -> None:
        assert self._nursery is not None
        self._nursery.close()
        self._nursery = None
        for run in list(self._runs.values()):
            # Commands outlive the nursery, unlike workers: their trees are found by their tokens.
            ending = Ending(run.pid or -1, run.token)
            while not ending.is_over():
                time.sleep(_LOOK / 10)
            if run.failure is None:
                run.failure = Failure(Cause.INFRASTRUCTURE, "the process that starts commands died")
            self._finish(run, Ended(run.ticket, run.watch.seconds))
