"""Prices and purses as people write them; nothing is ever overspent, whatever happens on the way."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.llm.wire import ask, completion
from trialist.errors import BudgetUsedError, InputError
from trialist.llm.cache import Cache
from trialist.llm.client import Client
from trialist.llm.endpoint import CallError
from trialist.llm.pace import Pace
from trialist.llm.prices import Price, Prices
from trialist.llm.purse import Amount, Purse
from trialist.llm.request import Usage


def test_a_price_is_read_and_each_kind_of_token_costs_its_own():
    price = Price.of("in=1/M, out=2/M, cached=$0.1/M, reasoning=4/M, call=0.5")
    million = 10**6
    usage = Usage(input=3 * million, cached=2 * million, output=5 * million, reasoning=4 * million)
    assert price.cost(usage) == pytest.approx(1 * 1 + 2 * 0.1 + 1 * 2 + 4 * 4 + 0.5)
    assert Price.of("in=1/K,out=2/K") == Price(1000.0, 2000.0)


def test_unnamed_kinds_cost_as_much_as_others_and_the_most_is_no_less_than_any_call():
    assert Price.of("in=1/M,out=2/M").cost(Usage(10**6, 10**6, 10**6, 10**6)) == pytest.approx(3.0)
    for price in (Price(1, 2), Price(1, 2, cached=3), Price(1, 2, reasoning=9), Price(0, 0, call=1)):
        for usage in (Usage(100, 0, 50, 0), Usage(100, 100, 50, 50), Usage(1, 1, 50, 20)):
            assert price.cost(usage) <= price.at_most(100, 50)


UNREADABLE = ["", "in=1/M", "in=1,out=2/M", "in=x/M,out=1/M", "in=1/G,out=1/M", "in=1/M,out=-1/M", "in=1e999/M,out=1/M"]
UNREADABLE += ["in=1/M,out=1/M,in=2/M", "in=1/M out=1/M", "foo=1/M", "call=1/M"]


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_price_that_cannot_be_read_is_refused(text):
    with pytest.raises(InputError, match="price"):
        Price.of(text)


def test_each_model_has_its_price_and_one_without_is_named():
    prices = Prices.of({"a": "in=1/M,out=1/M", "b": Price(2, 2)})
    assert prices.cost("b", Usage(10**6)) == 2
    with pytest.raises(InputError, match=r"'c'.*a, b"):
        prices.price("c")
    assert Prices.of({"a": Price(1, 1), "*": Price(5, 5)}).price("c") == Price(5, 5)
    assert Prices.of(None).are_nothing and not prices.are_nothing


def test_a_budget_is_read():
    assert Purse.of("$5") == Purse(money=5.0)
    assert Purse.of("200k tokens, 3000 calls, $0.25", "s") == Purse(0.25, 200_000, 3000, "s")
    assert Purse.of("1 call") == Purse(calls=1) and Purse.of("1.5M tokens").tokens == 1_500_000


@pytest.mark.parametrize("text", ["", "5", "$", "$5 calls", "-3 calls", "3 cats", "$1,$2", "1.2.3 calls", "$5m"])
def test_a_budget_that_cannot_be_read_is_refused(text):
    with pytest.raises(InputError, match="budget"):
        Purse.of(text)


class Chance:
    """A server of random lengths and errors. `took`: what it would charge for, kept on its own side."""

    def __init__(self, seed: int, price: Price) -> None:
        self.random, self.price, self.took, self.name = random.Random(seed), price, Amount(), f"chance {seed}"

    async def __call__(self, body: dict) -> dict:
        await asyncio.sleep(self.random.choice([0, 0, 0.0005]))
        kind = self.random.random()
        if kind < 0.12:
            self.took += Amount(calls=1)
            raise CallError("busy", self.random.choice([429, 500, 503, 422]), self.random.choice([None, 0.0]))
        sent = self.random.randint(1, len(body["messages"][0]["content"]))
        back = self.random.randint(1, body.get("max_tokens", 60))
        cached, reasoning = self.random.randint(0, sent), self.random.randint(0, back)
        usage = Usage(sent, cached, back, reasoning)
        self.took += Amount(self.price.cost(usage), usage.tokens, 1)
        if kind < 0.18:
            raise ConnectionResetError("cut")
        if kind < 0.22:
            raise TimeoutError
        told = {
            "prompt_tokens": sent, "completion_tokens": back, "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }  # fmt: skip
        if kind < 0.30:
            told = self.random.choice([None, {}, {"prompt_tokens": -1}, {**told, "completion_tokens": 10**9}])
        # No text has fewer bytes than tokens, and what is thought is shown.
        reply = completion("x" * self.random.randint(back - reasoning, 3 * back), usage=told)
        reply["choices"][0]["message"]["reasoning_content"] = "y" * self.random.randint(reasoning, 5 * reasoning)
        return reply


async def _no_wait(seconds: float) -> None:
    await asyncio.sleep(0)


async def _spend(server: Chance, client: Client, requests: list) -> int:
    """Ask for all at once; how many were refused for the budget."""
    replies = await asyncio.gather(*(client.complete(r) for r in requests), return_exceptions=True)
    wrong = [r for r in replies if isinstance(r, BaseException) and not isinstance(r, BudgetUsedError)]
    assert not wrong, wrong
    return sum(isinstance(r, BudgetUsedError) for r in replies)


@pytest.mark.parametrize("seed", range(100))
def test_no_run_with_random_lengths_and_errors_overspends(seed):
    draw = random.Random(1000 + seed)
    price = Price(draw.uniform(0, 3), draw.uniform(0, 9), draw.choice([None, 0.1, 5.0]), draw.choice([None, 20.0]))
    purse = Purse(
        money=draw.choice([None, draw.uniform(0.001, 0.05)]),
        tokens=draw.choice([None, draw.randint(100, 20_000)]),
        calls=draw.choice([None, draw.randint(1, 60)]),
    )
    server = Chance(seed, price)
    pace = Pace(concurrency=draw.choice([1, 4, 32]), first=draw.choice([1, 8]), tries=3)
    client = Client(server, Prices.of(price), purse, Cache(), pace, output_ceiling=60, sleep=_no_wait)
    requests = [
        ask("q" * draw.randint(1, 300) + str(k % 70), max_tokens=draw.choice([None, 1, 24, 60])) for k in range(90)
    ]
    refused = asyncio.run(_spend(server, client, requests))
    spent = client.spent
    for field in ("money", "tokens", "calls"):
        limit, ours, theirs = (getattr(amount, field) for amount in (purse, spent, server.took))
        # What the server charges is never more than what is counted, and that never more than the limit.
        assert theirs <= ours * (1 + 1e-9)
        assert limit is None or ours <= limit * (1 + 1e-9)
    assert client.cache.held(purse) == Amount()
    if purse == Purse():
        assert refused == 0


def test_the_hundred_runs_do_meet_their_limits():
    """Or the test above would say nothing: with a hundredth of what all of it takes, most requests are refused."""
    server = Chance(0, Price(1, 1))
    client = Client(server, Prices.of(Price(1, 1)), Purse(money=0.002), sleep=_no_wait, output_ceiling=60)
    refused = asyncio.run(_spend(server, client, [ask("q" * 100 + str(k)) for k in range(50)]))
    assert 0 < refused < 50
    assert 0.5 * 0.002 < client.spent.money <= 0.002


def test_calls_at_once_reserve_before_they_are_sent_and_wait_for_what_others_give_back():
    """Ten calls at once, each of which may take a third of the purse and takes a tenth of that: all fit in the end."""
    most = 0

    async def server(body: dict) -> dict:
        nonlocal most
        most = max(most, client.cache.held(client.purse).calls)
        await asyncio.sleep(0.002)
        return completion("x" * 12, usage={"prompt_tokens": 1, "completion_tokens": 3})

    async def run() -> None:
        await asyncio.gather(*(client.complete(ask(str(k), max_tokens=100)) for k in range(10)))

    need = Price(0, 1).at_most(0, 100)
    client = Client(server, Prices.of(Price(0, 1)), Purse(money=3 * need), pace=Pace(first=16))
    asyncio.run(run())
    assert most == 3
    assert client.spent == Amount(pytest.approx(Price(0, 1).at_most(0, 30)), 40, 10)


def test_a_call_that_could_exceed_the_budget_is_not_sent_and_says_why():
    heard = []

    async def server(body: dict) -> dict:
        heard.append(body)
        return completion("x")

    client = Client(server, Prices.of(Price(0, 1e6)), Purse(money=10))
    with pytest.raises(BudgetUsedError, match=r"\$0 of \$10 is spent.*could take \$11.*max_tokens"):
        asyncio.run(client.complete(ask(max_tokens=11)))
    assert not heard and client.spent == Amount()
    asyncio.run(client.complete(ask(max_tokens=10)))
    assert len(heard) == 1


@pytest.mark.parametrize("purse", [Purse(money=1.0), Purse(tokens=1000)])
def test_a_reply_without_a_limit_needs_a_declared_ceiling_where_that_matters(purse):
    async def server(body: dict) -> dict:
        return completion("x")

    prices = Prices.of(Price(1, 1))
    with pytest.raises(InputError, match=r"max_tokens.*output_ceiling"):
        asyncio.run(Client(server, prices, purse).complete(ask()))
    asyncio.run(Client(server, prices, purse, output_ceiling=100).complete(ask()))
    asyncio.run(Client(server, None, Purse(money=1.0, calls=1)).complete(ask()))


def test_a_model_that_goes_beyond_its_limit_is_charged_for_and_expected_to_do_so_again():
    async def server(body: dict) -> dict:
        return completion("x" * 400, usage={"prompt_tokens": 5, "completion_tokens": 100})

    client = Client(server, Prices.of(Price(0, 1e6)), Purse(money=1000))
    assert client.at_most(ask(max_tokens=3)).money == 3
    assert asyncio.run(client.complete(ask(max_tokens=3))).cost == 100
    assert client.at_most(ask(max_tokens=3)).money == 100 == client.spent.money


def test_what_the_cache_has_costs_nothing_also_where_the_budget_is_used_up():
    async def server(body: dict) -> dict:
        return completion("x")

    cache = Cache()
    client = Client(server, Prices.of(Price(1, 1)), Purse(calls=1), cache)
    first = asyncio.run(client.complete(ask()))
    again = asyncio.run(client.complete(ask()))
    assert (again.cached, again.text, again.cost, again.seconds) == (True, first.text, first.cost, first.seconds)
    assert client.spent.calls == 1
    with pytest.raises(BudgetUsedError, match="1 calls of 1 calls"):
        asyncio.run(client.complete(ask("other")))
    # Another purse in the same file has spent nothing.
    assert asyncio.run(Client(server, None, Purse(calls=1, name="b"), cache).complete(ask("other"))).cached is False
