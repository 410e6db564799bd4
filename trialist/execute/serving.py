"""What a worker process does all its life: take an assignment off its line, run it, send what comes of it."""

from __future__ import annotations

import faulthandler
import io
import os
import signal
import socket
import sys
from dataclasses import dataclass

from trialist.execute.wire import Wire
from trialist.execute.worker import Objective, run_assignment
from trialist.space.parameter import Parameter
from trialist.trials.messages import Assignment, Failed, Message, Reported
from trialist.trials.trial import GO_ON, Cause, Decision, Failure

LOG = "log.txt"  # in the trial's folder: all that it and its children print


@dataclass(frozen=True, slots=True)
class Serving:
    """The function that a nursery calls in each worker; pickled with the objective inside."""

    objective: Objective

    def __call__(self, line: socket.socket) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides what is interrupted
        _unbuffer()
        _reseed()
        wire = Wire(line)
        declared: dict[str, Parameter] = {}

        def channel(message: Message) -> Decision:
            wire.send(message)
            if isinstance(message, Reported):
                decision: Decision = wire.receive()
                return decision
            return GO_ON

        while True:
            try:
                assignment: Assignment = wire.receive()
            except EOFError:
                return
            try:
                _log_to(assignment.directory)
            except OSError as problem:
                failure = Failure(Cause.INFRASTRUCTURE, f"the log could not be opened: {problem}")
                wire.send(Failed(assignment.number, assignment.attempt, failure, 0.0))
                continue
            try:
                run_assignment(self.objective, assignment, channel, declared=declared)
            except KeyboardInterrupt:
                continue  # raised by the objective; its Failed was sent
            except (EOFError, ConnectionError):
                return  # the coordinator is gone, or closed this worker in the middle of a trial


def _unbuffer() -> None:
    """Straight to the file, so that a kill loses nothing that was printed."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(fd, "wb", closefd=False)
        text = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)
        setattr(sys, name, text)
    faulthandler.enable(2)


def _log_to(directory: str) -> None:
    """Send what is printed into the trial's log, below Python, so that native code and children are caught too."""
    os.makedirs(directory, exist_ok=True)
    log = os.open(os.path.join(directory, LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _reseed() -> None:
    # Forked workers would all draw the same from NumPy's global generator; Python's own reseeds itself.
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
