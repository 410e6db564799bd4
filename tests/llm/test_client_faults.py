"""What servers do wrong, over real sockets: what may pass is tried again, what lasts is a reply that says so."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.llm.wire import Says, Time, Wire, ask, completion, error, wired
from trialist.errors import EndpointError, InputError
from trialist.llm.client import Client
from trialist.llm.endpoint import CallError, Endpoint
from trialist.llm.pace import Pace
from trialist.llm.prices import Price, Prices
from trialist.llm.purse import Amount, Purse

FINE = Says(completion("2"))


def once(url: str, request=None, time=None, **options):
    """One request, and the client that asked it."""
    time = time or Time()
    client = Client(Endpoint(url), clock=time, sleep=time.sleep, **options)

    async def run():
        try:
            return await client.complete(request or ask())
        finally:
            await client.close()

    return asyncio.run(run()), client


def test_what_is_sent_is_the_request_and_what_comes_back_its_reply():
    usage = {
        "prompt_tokens": 12, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }  # fmt: skip
    with wired(Says(completion("it is 2", finish="length", usage=usage))) as wire:
        request = ask(temperature=0.5, top_k=3, stop=["\n"], max_tokens=9, chat_template_kwargs={"thinking": False})
        reply, _ = once(wire.url, request, prices=Prices.of(Price(1e6, 10e6, 0, 100e6)))
        assert wire.heard == [request.body]
    assert (reply.text, reply.finish, reply.failure, reply.cached) == ("it is 2", "length", None, False)
    assert (reply.usage.input, reply.usage.cached, reply.usage.output, reply.usage.reasoning) == (12, 8, 9, 4)
    assert reply.cost == pytest.approx(4 * 1 + 5 * 10 + 4 * 100) and not reply.usage.estimated


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again_and_each_attempt_is_a_call(status):
    with wired(Says(error("later"), status), Says(error("later"), status), FINE) as wire:
        time = Time()
        reply, client = once(wire.url, time=time)
        assert (reply.text, reply.failure, reply.attempts, len(wire.heard)) == ("2", None, 3, 3)
    assert client.spent.calls == 3
    first, second = time.slept
    assert 0.25 <= first <= 0.5 <= second <= 1.0  # doubled, and drawn between half and whole


@pytest.mark.parametrize("status", [400, 404, 413, 422, 501])
def test_what_will_not_pass_is_asked_once_and_is_a_failed_reply_with_the_server_s_reason(status):
    with wired(Says(error("no such thing"), status)) as wire:
        reply, client = once(wire.url)
        assert len(wire.heard) == 1
    assert (reply.text, reply.finish, reply.attempts) == ("", "error", 1)
    assert reply.failure == f"{status}: no such thing"
    assert client.spent == Amount(0, 0, 1)


def test_an_error_that_lasts_is_a_failed_reply_after_as_many_tries_as_allowed_and_is_never_cached():
    with wired(Says(error("broken"), 500)) as wire:
        reply, client = once(wire.url, pace=Pace(tries=3))
        assert reply.failure == "500: broken (3 tries)" and reply.attempts == 3
        asyncio.run(client.complete(ask()))
        assert len(wire.heard) == 6


@pytest.mark.parametrize(("status", "more"), [(401, {}), (403, {}), (402, {}), (429, {"code": "insufficient_quota"})])
def test_a_refused_key_or_a_used_quota_ends_the_run(status, more):
    with wired(Says(error("not you", **more), status)) as wire:
        client = Client(Endpoint(wire.url))

        async def run():
            return await asyncio.gather(*(client.complete(ask(str(k))) for k in range(12)), return_exceptions=True)

        ends = asyncio.run(run())
        assert all(isinstance(end, EndpointError) and "not you" in str(end) for end in ends)
        assert len(wire.heard) <= 4  # those that were under way when the first was refused; none after


@pytest.mark.parametrize("after", ["7", "7.0", "date", "ms"])
def test_retry_after_is_kept_in_seconds_milliseconds_and_as_a_date_by_the_server_s_clock(after):
    now = datetime(2031, 5, 1, 12, 0, 0, tzinfo=UTC)  # far from here: only the server's own clock can tell
    headers = {"retry-after": after}
    if after == "date":
        date = format_datetime(now + timedelta(seconds=7), usegmt=True)
        headers = {"retry-after": date, "Date": format_datetime(now, usegmt=True)}
    if after == "ms":
        headers = {"retry-after": "1", "retry-after-ms": "7000"}
    with wired(Says(error("slow down"), 429, headers), FINE) as wire:
        if after == "date":
            _only_this_date(wire)
        time = Time()
        reply, _ = once(wire.url, time=time)
        assert reply.text == "2"
    assert 7.0 <= sum(time.slept) <= 7.0 * 1.1 + 0.01


def _only_this_date(wire: Wire) -> None:
    """The library's server sends a Date of its own, before ours."""
    wire._server.RequestHandlerClass.date_time_string = lambda self, timestamp=None: "Thu, 01 May 2031 12:00:00 GMT"


@pytest.mark.parametrize("after", ["soon", "", "nan", "-5", "Thu, 99 May"])
def test_a_retry_after_that_cannot_be_read_says_nothing(after):
    with wired(Says(error("slow down"), 429, {"retry-after": after}), FINE) as wire:
        time = Time()
        assert once(wire.url, time=time)[0].text == "2"
    assert 0.25 <= sum(time.slept) <= 0.5


def test_a_server_that_asks_for_more_patience_than_there_is_has_failed():
    with wired(Says(error("tomorrow"), 429, {"retry-after": "86400"}), FINE) as wire:
        reply, _ = once(wire.url)
        assert reply.failure == "429: tomorrow" and len(wire.heard) == 1


def test_a_wait_that_one_call_is_told_holds_back_all_others():
    with wired(Says(error("wait"), 429, {"retry-after": "30"}), FINE) as wire:
        time = Time()
        client = Client(Endpoint(wire.url), clock=time, sleep=time.sleep, pace=Pace(first=1, concurrency=1))

        async def run():
            await asyncio.gather(client.complete(ask("a")), client.complete(ask("b")))
            return time.now

        assert asyncio.run(run()) >= 1030
        assert wire.heard[0]["messages"][0]["content"] == "a"
        assert len(wire.heard) == 3


def test_a_slow_answer_is_given_up_counted_as_lost_and_tried_again():
    with wired(Says(completion("late"), seconds=5), FINE) as wire:
        prices, purse = Prices.of(Price(0, 1e6)), Purse(money=100)
        reply, client = once(wire.url, ask(max_tokens=9), pace=Pace(timeout_seconds=0.3), prices=prices, purse=purse)
        assert (reply.text, reply.attempts) == ("2", 2)
        assert client.lost.money == 9 and client.spent == Amount(10, client.lost.tokens + 11, 2)


def test_a_body_that_is_cut_is_lost_and_tried_again():
    with wired(Says(completion("2"), cut=20), Says(b'{"choices": [{"mess'), Says(b"\xff\xfe"), FINE) as wire:
        reply, client = once(wire.url)
        assert (reply.text, reply.attempts, reply.failure) == ("2", 4, None)
    assert client.lost.calls == 3


def test_nobody_at_the_address_is_no_call():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused for sure
        reply, client = once(f"http://127.0.0.1:{held.getsockname()[1]}/v1", pace=Pace(tries=2))
    assert reply.failure is not None and "no connection" in reply.failure and reply.attempts == 2
    assert client.spent == Amount()


REJECTIONS = [
    (
        400,
        error("Unsupported value: 'temperature' does not support 0.2", param="temperature", code="unsupported_value"),
    ),
    (422, {"detail": [{"loc": ["body", "temperature"], "msg": "Extra inputs are not permitted", "type": "extra"}]}),
    (422, {"detail": "Unexpected fields in the request: {'temperature'}"}),
    (400, b"temperature must be below 1"),
]


@pytest.mark.parametrize(("status", "body"), REJECTIONS)
def test_an_error_that_names_a_setting_is_a_rejected_setting(status, body):
    with wired(Says(body, status)) as wire:
        reply, _ = once(wire.url, ask(temperature=0.2, top_p=0.5))
        assert reply.rejects == "temperature" and len(wire.heard) == 1


def test_an_error_that_names_no_setting_rejects_none_and_a_longer_name_is_not_a_shorter_one():
    with wired(Says(error("context too long"), 400)) as wire:
        assert once(wire.url, ask(temperature=0.2))[0].rejects is None
    with wired(Says(error("max_tokens_total is too large"), 400)) as wire:
        assert once(wire.url, ask(max_tokens=5))[0].rejects is None


USAGES = [
    None,
    "lots",
    {},
    {"prompt_tokens": 5},
    {"prompt_tokens": -5, "completion_tokens": 3},
    {"prompt_tokens": 5, "completion_tokens": 400},
    {"prompt_tokens": 5, "completion_tokens": 10**12},
    {"prompt_tokens": 10**6, "completion_tokens": 3},
    {"prompt_tokens": 5, "completion_tokens": 0},
    {"prompt_tokens": 5.5, "completion_tokens": 3},
    {"prompt_tokens": True, "completion_tokens": True},
    {"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 6}},
    {"prompt_tokens": 5, "completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 4}},
]


@pytest.mark.parametrize("usage", USAGES)
def test_a_usage_that_cannot_be_is_replaced_by_an_upper_bound_and_marked(usage):
    with wired(Says(completion("four", usage=usage))) as wire:
        request = ask(max_tokens=50)
        reply, client = once(wire.url, request, prices=Prices.of(Price(1, 1)), purse=Purse(money=1))
    assert reply.usage.estimated and reply.text == "four"
    assert 4 <= reply.usage.output <= 50 and reply.usage.input == request.max_input
    assert client.spent.money == reply.cost <= client.at_most(request).money


@pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}])
def test_a_usage_without_details_is_believed(details):
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "prompt_tokens_details": details}
    with wired(Says(completion("four", usage=usage))) as wire:
        assert once(wire.url)[0].usage.estimated is False


ODD = [
    ({"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"text": "b"}, 3]}}]}, ("ab", "unknown")),
    ({"choices": [{"message": {"content": None, "refusal": "no"}, "finish_reason": "stop"}]}, ("no", "stop")),
    ({"choices": [{"message": {"content": None}, "finish_reason": "length"}]}, ("", "length")),
]


@pytest.mark.parametrize(("body", "expected"), ODD)
def test_odd_messages_are_read(body, expected):
    with wired(Says(body)) as wire:
        reply, _ = once(wire.url)
        assert (reply.text, reply.finish) == expected


@pytest.mark.parametrize("body", [{"choices": []}, {"choices": [{}]}, {"choices": None}, {}, [1], {"choices": [3]}])
def test_a_response_without_a_message_is_tried_again_and_then_fails(body):
    with wired(Says(body)) as wire:
        reply, client = once(wire.url, pace=Pace(tries=2))
        assert reply.failure and len(wire.heard) == 2 and client.lost.calls == 2


def test_an_error_in_a_response_that_says_200_is_an_error():
    with wired(
        Says({"error": {"message": "busy", "code": 503}}), Says({"error": {"message": "bad", "code": 400}})
    ) as w:
        reply, client = once(w.url)
        assert reply.failure == "400: bad (2 tries)" and client.lost == Amount()


def test_any_async_callable_stands_for_an_endpoint_with_its_own_exceptions():
    class Dumps:
        def model_dump(self):
            return completion("5")

    class Overload(Exception):
        status_code = 529

    script = [Overload("later"), CallError("later", 503, 3.0), OSError("reset"), Dumps()]
    heard = []

    async def server(body):
        heard.append(body)
        told = script[len(heard) - 1]
        if isinstance(told, Exception):
            raise told
        return told

    time = Time()
    client = Client(server, clock=time, sleep=time.sleep)
    reply = asyncio.run(client.complete(ask(temperature=1)))
    assert (reply.text, reply.attempts) == ("5", 4) and heard[0] == ask(temperature=1).body
    assert sum(time.slept) >= 3 and client.lost.calls == 1
    assert client.name.endswith("server")


@pytest.mark.parametrize("told", [ValueError("my bug"), None, 5])
def test_a_callable_that_is_wrong_itself_fails_at_once_and_says_so(told):
    async def server(body):
        if isinstance(told, Exception):
            raise told
        return told

    reply = asyncio.run(Client(server).complete(ask()))
    assert reply.failure and "callable" in reply.failure and reply.attempts == 1


WRONG = ["ftp://x/v1", "x", "", "https://user:pass@host/v1", "https://host/v1?api-key=abc", "https://host/v1#k"]


@pytest.mark.parametrize("url", WRONG)
def test_an_address_that_is_none_or_holds_a_secret_is_refused_without_showing_it(url):
    with pytest.raises(InputError, match="base_url") as caught:
        Endpoint(url)
    assert "pass" not in str(caught.value).replace("a password", "") and "abc" not in str(caught.value)


def test_a_key_that_is_not_set_is_asked_for_by_name_where_the_server_is_elsewhere(monkeypatch):
    monkeypatch.delenv("SOME_KEY", raising=False)
    client = Client(Endpoint("https://api.example.invalid/v1", key_env="SOME_KEY"))
    with pytest.raises(InputError, match="SOME_KEY is not set"):
        asyncio.run(client.complete(ask()))
    assert client.spent == Amount() and client.cache.held(client.purse) == Amount()


def test_one_client_serves_one_event_loop_after_another():
    with wired(FINE) as wire:
        client = Client(Endpoint(wire.url))
        for k in range(3):
            assert asyncio.run(client.complete(ask(str(k)))).text == "2"


def test_a_server_that_was_never_there_ends_all_soon_and_one_that_was_may_come_back():
    with wired(FINE) as wire:
        url = wire.url
        client = Client(Endpoint(url), clock=(time := Time()), sleep=time.sleep)
        assert asyncio.run(client.complete(ask("1"))).text == "2"
    reply = asyncio.run(client.complete(ask("2")))
    assert reply.attempts == Pace().tries and "no connection" in reply.failure
    time = Time()
    with pytest.raises(EndpointError, match=r"no connection: [^.]+\. Check the address, and that the server runs"):
        once(url, time=time)
    assert sum(time.slept) < 3
