"""The pace: never more than declared in any minute, as many at once as is borne, waits with jitter and a cap."""

from __future__ import annotations

import asyncio
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm.wire import Time, ask, completion
from trialist.errors import InputError
from trialist.llm.client import Client
from trialist.llm.endpoint import CallError
from trialist.llm.pace import Bucket, Pace, Regulator


@given(
    st.floats(1, 10_000),
    st.lists(st.tuples(st.floats(0, 30), st.floats(0.01, 1)), min_size=1, max_size=80),
)
def test_no_minute_has_more_than_declared(per_minute, arrivals):
    """Requests of any size up to a tenth of the limit, at any times."""
    bucket, now, went = Bucket(per_minute, 0.0, 0.0), 0.0, []
    for gap, part in arrivals:
        amount = part * per_minute / 10
        now += gap
        now += bucket.wait(amount, now) * (1 + 1e-9)
        bucket.take(amount, now)
        went.append((now, amount))
    for start, _ in went:
        within = sum(amount for at, amount in went if start <= at < start + 60)
        assert within <= per_minute * (1 + 1e-6)


@pytest.mark.parametrize("rate", [1, 2, 7, 60, 600])
def test_requests_keep_to_the_minute_and_use_most_of_it(rate):
    time, went = Time(), []

    async def server(body):
        went.append(time())
        return completion("x")

    async def run():
        client = Client(server, pace=Pace(requests_per_minute=rate), clock=time, sleep=time.sleep)
        await asyncio.gather(*(client.complete(ask(str(k))) for k in range(2 * rate + 1)))

    asyncio.run(run())
    for start in went:
        assert sum(start <= at < start + 60 for at in went) <= rate
    assert went[-1] - went[0] <= 60 * 2 * 2 + 1


def test_tokens_that_were_reserved_and_not_used_are_free_again():
    time, went = Time(), []

    async def server(body):
        went.append(time())
        return completion("x", usage={"prompt_tokens": 5, "completion_tokens": 5})

    async def run(rate):
        pace = Pace(tokens_per_minute=rate, concurrency=1, first=1)
        client = Client(server, pace=pace, clock=time, sleep=time.sleep)
        for k in range(30):
            await client.complete(ask(str(k), max_tokens=400))

    asyncio.run(run(6000))
    # 30 requests of 10 tokens, that could have been 560 each: those would take three minutes.
    assert went[-1] - went[0] < 30


def test_a_request_larger_than_the_limit_of_a_minute_goes_when_the_bucket_is_full():
    time, went = Time(), []

    async def server(body):
        went.append(time())
        return completion("x" * 4000, usage={"prompt_tokens": 50, "completion_tokens": 900})

    async def run():
        client = Client(server, pace=Pace(tokens_per_minute=600), clock=time, sleep=time.sleep)
        await asyncio.gather(*(client.complete(ask(str(k), max_tokens=900)) for k in range(2)))

    asyncio.run(run())
    assert went[0] == 1000.0 and went[1] - went[0] > 60


@given(st.integers(0, 200), st.text(max_size=5), st.none() | st.floats(0, 600))
def test_a_wait_is_between_half_and_whole_of_what_doubles_up_to_a_cap_and_never_before_the_server_s_time(
    k, call, after
):
    pace = Pace(backoff_seconds=0.5, cap_seconds=8.0)
    wait, whole = pace.wait(call, k, after), min(8.0, 0.5 * 2.0**k)
    assert wait == pace.wait(call, k, after)
    if after is None:
        assert whole / 2 <= wait <= whole
    else:
        assert after <= wait <= after + max(0.5, after / 10)


def test_calls_that_failed_together_do_not_come_back_together():
    waits = [Pace().wait(f"call {k}", 3, None) for k in range(200)]
    assert len(set(waits)) == 200 and statistics.pstdev(waits) > 0.5


def busy_server(bears: int, time: Time):
    """Answers after a second; more than it bears at once are sent away. `most`: how many were there at once."""

    async def server(body):
        server.now += 1
        server.most = max(server.most, server.now)
        try:
            if server.now > bears:
                server.refused += 1
                raise CallError("busy", 429)
            await asyncio.sleep(0.002)
            return completion("x")
        finally:
            server.now -= 1

    server.now = server.most = server.refused = 0
    return server


@pytest.mark.parametrize("bears", [2, 6, 100])
def test_as_many_go_at_once_as_the_server_bears(bears):
    time = Time()
    server = busy_server(bears, time)
    client = Client(server, pace=Pace(concurrency=16, tries=50), clock=time, sleep=time.sleep)

    async def run():
        return await asyncio.gather(*(client.complete(ask(str(k))) for k in range(300)))

    replies = asyncio.run(run())
    assert not [reply for reply in replies if reply.failure]
    assert server.most <= min(bears + 2, 16) or bears == 2
    if bears == 100:
        assert server.most == 16 and server.refused == 0
    else:
        assert server.most >= bears
        # One more at a time until one is too many: a small part is sent away.
        assert server.refused < 100


@pytest.mark.parametrize(
    ("error", "halves"),
    [(CallError("x", 429), True), (CallError("x", 503), True), (TimeoutError(), True), (CallError("x", 504), True),
     (ConnectionResetError(), False), (CallError("x", 500), False)],
)  # fmt: skip
def test_as_many_as_before_go_at_once_after_what_shows_no_overload(error, halves):
    time, told = Time(), [error]

    async def server(body):
        if told:
            raise told.pop()
        return completion("x")

    client = Client(server, pace=Pace(first=8), clock=time, sleep=time.sleep)
    assert asyncio.run(client.complete(ask())).text == "x"
    assert client.at_once == (4 if halves else 8)


def test_several_failures_of_one_moment_halve_once():
    time = Time()
    regulator = Regulator(Pace(concurrency=16, first=16), time, time.sleep)
    for _ in range(5):
        regulator.overloaded(began=999.0, retry_after=None)
    assert regulator.at_once == 8
    time.now += 1
    regulator.overloaded(began=1000.5, retry_after=None)
    assert regulator.at_once == 4
    for _ in range(20):
        time.now += 1
        regulator.overloaded(began=time.now, retry_after=None)
        time.now += 1
    assert regulator.at_once == 1


def test_what_the_cache_has_waits_for_no_turn():
    time = Time()

    async def server(body):
        return completion("x")

    async def run():
        client = Client(server, pace=Pace(requests_per_minute=1, concurrency=1), clock=time, sleep=time.sleep)
        await client.complete(ask())
        for _ in range(5):
            await client.complete(ask())

    asyncio.run(run())
    assert time.now == 1000.0


def test_who_is_cancelled_while_waiting_or_just_let_in_leaves_his_place_to_others():
    async def run() -> list[str]:
        regulator, went = Regulator(Pace(concurrency=1, first=1)), []

        async def one(name: str) -> None:
            async with regulator.turn(0):
                went.append(name)
                await asyncio.sleep(0)

        async with regulator.turn(0):
            tasks = [asyncio.ensure_future(one(name)) for name in "abcd"]
            await asyncio.sleep(0)
            tasks[1].cancel()  # waits
        tasks[0].cancel()  # was let in just now
        await asyncio.gather(*tasks, return_exceptions=True)
        assert regulator.running == 0
        return went

    assert asyncio.run(run()) == ["c", "d"]


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"tries": 0}, {"requests_per_minute": 0}, {"cap_seconds": -1},
                                   {"timeout_seconds": float("inf")}, {"tokens_per_minute": float("nan")}])  # fmt: skip
def test_a_pace_that_cannot_be_is_refused_by_name(wrong):
    with pytest.raises(InputError, match=rf"pace\.{next(iter(wrong))}"):
        Pace(**wrong)
