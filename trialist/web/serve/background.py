"""Slow things beside the server's work: threads that end with the process, however long a computation takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

from trialist.web.serve.memory import give_back

T = TypeVar("T")


class Background:
    """A few daemon threads that work through a queue. ThreadPoolExecutor would keep Ctrl-C waiting for its threads."""

    def __init__(self, threads: int) -> None:
        self._queue: SimpleQueue[tuple[Future[object], Callable[[], object]]] = SimpleQueue()
        for i in range(threads):
            threading.Thread(target=self._work, name=f"trialist-background-{i}", daemon=True).start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._queue.put((future, work))  # type: ignore[arg-type]
        return future

    def _work(self) -> None:
        while True:
            future, work = self._queue.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
                give_back()
            except BaseException as problem:  # noqa: BLE001 - told to whoever waits for it
                future.set_exception(problem)
