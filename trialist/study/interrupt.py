"""Ctrl-C once finishes what runs, twice ends it now; SIGTERM is the second at once. Both can be resumed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """The user, or the machine's owner, ended the run; what was running is stored or queued again."""


class Interrupt:
    """While it is entered, signals are counted instead of raised: the loop asks, and ends in good order.

    Only the main thread can listen to signals; elsewhere this counts nothing, and a caller may `request` instead.
    in_process: an objective runs in this thread, and only an exception ends it in the middle of a long call; it is
    raised outside of `shielded` stretches alone, where nothing is half written.
    """

    def __init__(self, in_process: bool = False) -> None:
        self.requests = 0
        self._in_process = in_process
        self._shields = 0
        self._earlier: dict[int, Any] = {}

    @property
    def should_finish(self) -> bool:
        """Start nothing new."""
        return self.requests > 0

    @property
    def should_end(self) -> bool:
        """End what runs."""
        return self.requests > 1

    def request(self) -> None:
        self.requests += 1

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """What stands inside is not interrupted half-way."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1

    def raise_if_due(self) -> None:
        """Raise what a shield held back."""
        if self._in_process and self.should_end and not self._shields:
            raise Interrupted("interrupted")

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._earlier[number] = signal.signal(number, self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        while self._earlier:
            number, handler = self._earlier.popitem()
            signal.signal(number, handler)

    def _listen(self, number: int, frame: FrameType | None) -> None:
        self.requests += 2 if number == signal.SIGTERM else 1
        self.raise_if_due()
