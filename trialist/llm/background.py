"""An event loop in a thread of its own: requests run at once, also where the caller has a loop already (a notebook)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as LateError
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")
_PATIENCE_SECONDS = 10.0  # for what is under way when the caller is interrupted


class Background:
    """Runs coroutines one call after another; connections live as long as it does.

    >>> with Background() as background:
    ...     background.run(asyncio.sleep(0, "done"))
    'done'
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The coroutine's result, or its exception. Where the caller is interrupted, all that runs is cancelled."""
        loop = self._started()
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except BaseException:
            if not future.done():
                # What was sent is written down as lost before the interruption goes on.
                with suppress(LateError):
                    asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(_PATIENCE_SECONDS)
            raise

    def close(self) -> None:
        if self._loop is None or self._thread is None:
            return
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_SECONDS)
        self._loop = self._thread = None

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name="trialist-requests", daemon=True)
            self._thread.start()
        return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(_cancel_all())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
