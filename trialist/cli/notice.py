"""Answers Ctrl-C at once: the process itself counts signals, and is silent until what runs is finished."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FIRST = "finishing what runs; press Ctrl-C again to end it now"
SECOND = "ending what runs"
COUNTED_SECONDS = 0.2


@contextmanager
def answered(say: Callable[[str], None]) -> Iterator[None]:
    """While entered, `say` is called on the first and on the second Ctrl-C, in a thread of its own."""
    # The interpreter writes each signal's number into this pipe before any handler runs, whoever installed it.
    read, write = os.pipe()
    os.set_blocking(write, False)
    earlier = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    listener = threading.Thread(target=_listen, args=(read, say), name="trialist-notice", daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(earlier)
        os.close(write)
        listener.join()
        os.close(read)


def _listen(read: int, say: Callable[[str], None]) -> None:
    count = 0
    while numbers := os.read(read, 64):
        for number in numbers:
            if number == signal.SIGINT and count < 2:
                # Python merges signals that it had no time to handle; a second one after the answer is counted.
                time.sleep(COUNTED_SECONDS)
                say((FIRST, SECOND)[count])
                count += 1
