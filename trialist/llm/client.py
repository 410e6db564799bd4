"""One call after another, each at most once paid: from the cache, or within the budget, at the pace, with tries.

complete ──▶ cached? ──▶ a turn ──▶ reserved and written down ──▶ sent ──▶ paid and written down ──▶ Reply
                           ▲                                        │
                           └────────── wait, jittered ◀── an error that may pass
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from trialist.errors import EndpointError, InputError, MissingExtraError
from trialist.llm.cache import Answer, Begun, Busy, Cache, Short, key_of
from trialist.llm.endpoint import Call, CallError, Endpoint, Outcome, Transport, ended, scrubbed, without_key
from trialist.llm.pace import Pace, Regulator
from trialist.llm.prices import Prices
from trialist.llm.purse import Amount, Purse
from trialist.llm.replies import read
from trialist.llm.request import Reply, Request, Usage

if TYPE_CHECKING:
    from trialist.llm.item import Item

_LEASE_SECONDS = 60.0  # that an attempt may be over its time before others give it up
_LONGEST_POLL = 0.25
_TRIES_TO_REACH = 3  # of a server that was never there: nobody waits through all tries of all calls for that


class Client:
    """Completions of one endpoint, within one purse.

    endpoint: an Endpoint, or an async callable that takes the body as a dict and returns the response as one.
    prices: None where calls cost nothing.  purse: None for no limits.  cache: None keeps answers in memory.
    output_ceiling: the most tokens that a reply can have where the request does not limit it; needed where money or
    tokens are limited.
    """

    def __init__(
        self,
        endpoint: Endpoint | Call,
        prices: Prices | None = None,
        purse: Purse | None = None,
        cache: Cache | None = None,
        pace: Pace | None = None,
        *,
        output_ceiling: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if output_ceiling is not None and output_ceiling < 1:
            raise InputError("output_ceiling", f"{output_ceiling} is below 1", "Give a number of tokens.")
        self.endpoint = endpoint
        self.prices = Prices.of(None) if prices is None else prices
        self.purse = Purse() if purse is None else purse
        self.cache = Cache() if cache is None else cache
        self.pace = Pace() if pace is None else pace
        self.output_ceiling = output_ceiling
        self._transport = Transport(endpoint)
        self._clock, self._sleep = clock, sleep
        self._regulator = Regulator(self.pace, clock, sleep)
        self._under_way: dict[str, asyncio.Future[Reply | None]] = {}
        self._longest: dict[str, int] = {}  # by model: replies that were longer than their limit
        self._ended: EndpointError | None = None
        self._was_reached = False  # in this process: a server that was there may come back

    @property
    def name(self) -> str:
        """The endpoint, as it stands in the cache and may be shown."""
        return self._transport.name

    @property
    def spent(self) -> Amount:
        """By the purse's calls so far, those of earlier runs and lost ones among them."""
        return self.cache.spent(self.purse)

    @property
    def lost(self) -> Amount:
        """What of it nobody knows to have been paid: calls cut by a kill, a timeout or a broken connection."""
        return self.cache.lost(self.purse)

    @property
    def at_once(self) -> int:
        """How many requests may be under way just now."""
        return int(self._regulator.at_once)

    def at_most(self, request: Request) -> Amount:
        """The most that one attempt at the request can take."""
        ceiling = self._ceiling(request)
        if ceiling is None:
            tokens_only = self.purse.money is None or self.prices.price(request.model).at_most(0, 1) == 0
            if self.purse.tokens is not None or not (self.purse.money is None or tokens_only):
                problem = f"a reply of {request.model} has no limit, so that one call could exceed any budget"
                raise InputError("max_tokens", problem, "Set it, or give output_ceiling= for replies without it.")
            ceiling = 0
        return Amount(self.prices.at_most(request, ceiling), request.max_input + ceiling, 1)

    async def complete(self, request: Request, item: Item | None = None) -> Reply:
        """The reply to a request, asked at most once in all; an error that lasts is a reply with its `failure`.

        Raises BudgetUsedError before a call that could exceed the purse, and EndpointError where no call can succeed.
        """
        key = key_of(request, self.name)
        while True:
            answer = self.cache.find(key)
            if answer is not None:
                return self._cached(request, answer)
            same = self._under_way.get(key)
            if same is None or same.get_loop() is not asyncio.get_running_loop():
                break
            reply = await asyncio.shield(same)
            if reply is not None:
                return reply if reply.failure else replace(reply, cached=True, attempts=0)
        mine = self._under_way[key] = asyncio.get_running_loop().create_future()
        reply = None
        try:
            reply = await self._ask(key, request, None if item is None else item.id)
            return reply
        finally:
            del self._under_way[key]
            mine.set_result(reply)

    async def close(self) -> None:
        """End the connections; the cache stays open, for it may be shared."""
        await self._transport.close()

    async def _ask(self, key: str, request: Request, item: str | None) -> Reply:
        error, seconds = CallError("never tried"), 0.0
        for attempt in range(self.pace.tries):
            need = self.at_most(request)
            async with self._regulator.turn(need.tokens) as began:
                if self._ended is not None:
                    raise EndpointError(str(self._ended))
                call = await self._begin(key, need)
                if isinstance(call, Answer):
                    self._regulator.give_back(need.tokens)
                    return self._cached(request, call)
                outcome = await self._attempt(call, request, item)
                seconds = self._clock() - began
                took = outcome.usage.tokens if isinstance(outcome, Reply) else 0
                self._regulator.give_back(max(0, need.tokens - took))
                if isinstance(outcome, Reply):
                    self._regulator.went_well()
                    self._was_reached = True
                    return replace(outcome, attempts=attempt + 1)
                error = outcome
                self._was_reached |= error.outcome is not Outcome.UNSENT
                if error.shows_overload:
                    self._regulator.overloaded(began, error.retry_after)
            if error.ends_all or (attempt + 1 == _TRIES_TO_REACH and not self._was_reached):
                self._ended = ended(error, self.name)
                raise self._ended
            if not error.may_pass or (error.retry_after or 0.0) > self.pace.patience_seconds:
                break
            if attempt + 1 < self.pace.tries:
                await self._sleep(self.pace.wait(key, attempt, error.retry_after))
        tries = "" if attempt == 0 else f" ({attempt + 1} tries)"
        rejects = error.rejected(request.settings)
        reason = f"{error.reason}{tries}"
        return Reply("", "error", Usage(), seconds, 0.0, False, reason, rejects, attempt + 1)

    async def _begin(self, key: str, need: Amount) -> int | Answer:
        """The row of a call that may be sent now, or the answer that somebody else got meanwhile."""
        lease = self.pace.timeout_seconds + _LEASE_SECONDS
        poll = 0.005
        while True:
            begun = self.cache.begin(key, self.purse, need, lease)
            match begun:
                case Answer():
                    return begun
                case Begun():
                    return begun.call
                case Short():
                    raise self.purse.used(begun.field, begun.spent, need)
                case Busy():
                    await self._sleep(poll)
                    poll = min(2 * poll, _LONGEST_POLL)

    async def _attempt(self, call: int, request: Request, item: str | None) -> Reply | CallError:
        """Send it once, and write down what came of it before anything else."""
        began = self._clock()
        ceiling = self._ceiling(request)
        try:
            response = await self._transport.send(request.body, self.pace.timeout_seconds)
            seconds = self._clock() - began
            text, finish, usage = read(response, request, ceiling)
        except CallError as error:
            self._failed(call, error)
            return error
        except (InputError, MissingExtraError):
            self.cache.refuse(call, "never sent", was_sent=False)
            raise
        except BaseException:
            self.cache.lose(call, "it was interrupted")
            raise
        if usage.output > (ceiling or usage.output):
            self._longest[request.model] = max(usage.output, self._longest.get(request.model, 0))
        cost = self.prices.cost(request.model, usage)
        text = without_key(text, self.endpoint)
        answer, _ = self.cache.pay(call, request, self.name, Answer(text, finish, usage, seconds, cost), item)
        return Reply(answer.text, answer.finish, answer.usage, answer.seconds, answer.cost, cached=False)

    def _failed(self, call: int, error: CallError) -> None:
        note = scrubbed(error.reason)
        if error.outcome.may_be_paid:
            self.cache.lose(call, note)
        else:
            self.cache.refuse(call, note, was_sent=error.outcome is Outcome.REFUSED)

    def _cached(self, request: Request, answer: Answer) -> Reply:
        cost = self.prices.cost(request.model, answer.usage)
        return Reply(answer.text, answer.finish, answer.usage, answer.seconds, cost, cached=True, attempts=0)

    def _ceiling(self, request: Request) -> int | None:
        """The most tokens of a reply: what the request says, unless this model went beyond such a limit before."""
        limit = request.max_output or self.output_ceiling
        return None if limit is None else max(limit, self._longest.get(request.model, 0))
