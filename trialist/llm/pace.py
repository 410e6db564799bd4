"""How fast requests go out: limits by the minute, as many at once as the server bears, and waits before a next try.

As many at once as it bears: one more for each round of successes, half of them when it is overloaded (additive
increase, multiplicative decrease; Chiu & Jain 1989), as TCP finds its share of a line. Waits double from try to try
and are drawn between half and whole, so that calls which failed together do not come back together.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from trialist.errors import InputError
from trialist.numerics.keys import Key


@dataclass(frozen=True, slots=True)
class Pace:
    """What is declared. per minute: the account's limits, None for none.

    concurrency: at once at most; first: to begin with.  tries: attempts for one request.  timeout_seconds: for an
    attempt.  backoff_seconds, cap_seconds: the first wait and the longest.  patience_seconds: a server that asks for a
    longer wait by Retry-After has failed.  seed: of the jitter.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    concurrency: int = 16
    first: int = 4
    tries: int = 6
    timeout_seconds: float = 120.0
    backoff_seconds: float = 0.5
    cap_seconds: float = 60.0
    patience_seconds: float = 600.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute", "timeout_seconds", "concurrency", "first", "tries"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise InputError(f"pace.{name}", f"{value} is not above 0", "Give a positive number.")
        for name in ("backoff_seconds", "cap_seconds", "patience_seconds"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise InputError(f"pace.{name}", f"{value} is no time", "Give seconds from 0 up.")

    def wait(self, call: str, attempt: int, retry_after: float | None) -> float:
        """Seconds before the try that follows this attempt (0, 1, ...) of a call; a server's own word is kept."""
        most = min(self.cap_seconds, self.backoff_seconds * 2.0 ** min(attempt, 60))
        drawn = most * (0.5 + 0.5 * Key(self.seed, -1).uniform(call, attempt))
        if retry_after is None:
            return drawn
        # Those that were sent away together are told the same moment: up to a tenth later, or by the first wait.
        return retry_after + min(drawn, max(self.backoff_seconds, retry_after / 10))


class Bucket:
    """At most `per_minute` in any minute: a tenth of it at once, or `least`, and what fills up again with time."""

    def __init__(self, per_minute: float, least: float, now: float) -> None:
        self.capacity = max(least, per_minute / 10)
        # What is there at once and what fills up in a minute are the limit together.
        self.rate = max(per_minute - self.capacity, per_minute / 2) / 60
        self._level, self._filled = self.capacity, now

    def wait(self, amount: float, now: float) -> float:
        """Seconds until so much is there; what is more than the bucket holds goes when it is full, as a debt."""
        self._fill(now)
        return max(0.0, min(amount, self.capacity) - self._level) / self.rate

    def take(self, amount: float, now: float) -> None:
        self._fill(now)
        self._level -= amount

    def give_back(self, amount: float, now: float) -> None:
        """So much was reserved and not used."""
        self._fill(now)
        self._level = min(self.capacity, self._level + amount)

    def _fill(self, now: float) -> None:
        self._level = min(self.capacity, self._level + (now - self._filled) * self.rate)
        self._filled = now


class Regulator:
    """The pace as it is kept, by one event loop at a time. clock: seconds; sleep: waits so many of them."""

    def __init__(
        self,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.pace, self._clock, self._sleep = pace, clock, sleep
        self.at_once = float(min(pace.first, pace.concurrency))  # the bound that adapts
        self.running = 0
        self._halved_at = self._closed_until = float("-inf")
        now = clock()
        minute, tokens = pace.requests_per_minute, pace.tokens_per_minute
        self._requests = None if minute is None else Bucket(minute, 1.0, now)
        self._tokens = None if tokens is None else Bucket(tokens, 1.0, now)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: deque[asyncio.Future[None]] = deque()
        self._gate: asyncio.Lock

    @asynccontextmanager
    async def turn(self, tokens: int) -> AsyncIterator[float]:
        """Wait for a turn to send a request of at most so many tokens; yields the moment at which it begins."""
        if self._loop is not asyncio.get_running_loop():
            # A call of asyncio.run has its own loop; whatever ran in an earlier one has ended with it.
            self._loop, self.running = asyncio.get_running_loop(), 0
            self._queue, self._gate = deque(), asyncio.Lock()
        await self._enter()
        try:
            async with self._gate:  # first come, first served
                await self._until_allowed(tokens)
            yield self._clock()
        finally:
            self._leave()

    async def _enter(self) -> None:
        place = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        self._let_in()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self.running -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._queue and self.running < int(self.at_once):
            place = self._queue.popleft()
            if not place.done():
                self.running += 1
                place.set_result(None)

    def give_back(self, tokens: int) -> None:
        """Of the tokens of a turn so many were not used."""
        if self._tokens is not None:
            self._tokens.give_back(tokens, self._clock())

    def went_well(self) -> None:
        """The server answered: one more at once after each round, where more are waiting for a turn."""
        if self._queue:
            self.at_once = min(float(self.pace.concurrency), self.at_once + 1 / self.at_once)

    def overloaded(self, began: float, retry_after: float | None) -> None:
        """The server is overloaded: half as many at once. began: when the attempt that shows it did.

        Attempts that were under way at the last halving say nothing new. Nothing is sent before the moment that the
        server names: it would be sent away too, and counted against the limit.
        """
        now = self._clock()
        if began > self._halved_at:
            self.at_once, self._halved_at = max(1.0, self.at_once / 2), now
        if retry_after is not None:
            self._closed_until = max(self._closed_until, now + min(retry_after, self.pace.patience_seconds))

    async def _until_allowed(self, tokens: int) -> None:
        wanted = [(bucket, n) for bucket, n in ((self._requests, 1), (self._tokens, tokens)) if bucket is not None]
        while True:
            now = self._clock()
            waits = [bucket.wait(amount, now) for bucket, amount in wanted]
            wait = max([self._closed_until - now, *waits, 0.0])
            if wait <= 0:
                for bucket, amount in wanted:
                    bucket.take(amount, now)
                return
            # Never for long: what others give back may shorten it.
            await self._sleep(max(min(wait, 0.5), 0.001))
