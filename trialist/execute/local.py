"""Trials in this process, one at a time: nothing to start, nothing to pickle, and a debugger works."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from trialist.errors import ExecutionError
from trialist.execute.attendant import refuse_while_loading
from trialist.execute.worker import Objective, run_assignment
from trialist.trials.messages import Assignment, Failed, Finished, Message
from trialist.trials.trial import Action, Decision, Failure

if TYPE_CHECKING:
    from trialist.space.space import Space


class InProcess:
    """An Executor that runs each trial inside `poll`, in the caller's thread.

    space_source: gives the study's space as it is now; then a dial declared on the way is told only if it is new.
    """

    def __init__(self, objective: Objective, space_source: Callable[[], Space | None] | None = None) -> None:
        refuse_while_loading()
        self._objective, self._space_source = objective, space_source
        self._queue: deque[Assignment] = deque()
        self._cancelled: dict[int, Failure] = {}
        self._closed = False

    @property
    def free(self) -> int:
        return 0 if self._closed else 1 - len(self._queue)

    @property
    def note(self) -> str:
        return ""

    def submit(self, assignment: Assignment) -> None:
        if self.free < 1:
            raise ExecutionError("this process runs one trial at a time, and it has one, or it was closed")
        self._queue.append(assignment)

    def poll(self, answer: Callable[[Message], Decision], timeout: float) -> int:
        if not self._queue:
            time.sleep(max(0.0, timeout))
            return 0
        assignment = self._queue[0]
        handled = 0

        def channel(message: Message) -> Decision:
            nonlocal handled
            handled += 1
            failure = self._cancelled.get(assignment.number)
            if isinstance(message, Finished | Failed):
                self._queue.popleft()  # free again before the loop hears of it
                if failure is not None:
                    message = Failed(message.number, message.attempt, failure, message.seconds)
            decision = answer(message)
            if assignment.number in self._cancelled and decision.action is Action.GO_ON:
                return replace(decision, action=Action.STOP, reason=self._cancelled[assignment.number].message)
            return decision

        try:
            if assignment.number in self._cancelled:  # before it began
                channel(Failed(assignment.number, assignment.attempt, self._cancelled[assignment.number], 0.0))
            else:
                space = self._space_source() if self._space_source is not None else None
                run_assignment(self._objective, assignment, channel, space)
        finally:
            self._cancelled.pop(assignment.number, None)
            if self._queue and self._queue[0] is assignment:
                self._queue.popleft()  # the channel broke: no outcome will come
        return handled

    def cancel(self, number: int, failure: Failure) -> None:
        """From inside an answer: the trial is told to stop at its next report, and ends as failed."""
        if any(assignment.number == number for assignment in self._queue):
            self._cancelled[number] = failure

    def close(self) -> None:
        self._queue.clear()
        self._closed = True
