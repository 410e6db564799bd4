"""A planted key is sent to the server, and is found nowhere else: cache, errors with causes, reprs, logs."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback

import pytest

from tests.llm.wire import Says, ask, completion, error, wired
from trialist.errors import EndpointError
from trialist.llm.cache import Cache
from trialist.llm.client import Client
from trialist.llm.endpoint import CallError, Endpoint, Transport
from trialist.llm.pace import Pace

KEY = "sk-planted-0123456789abcdef"
SAYS = {
    "echoed in an answer": Says(completion(f"your key is {KEY}")),
    "echoed in an error": Says(error(f"Incorrect API key provided: {KEY}."), 400),
    "echoed as text": Says(f"who is {KEY}?".encode(), 500),
    "refused": Says(error(f"Incorrect API key provided: {KEY}.", param=KEY), 401),
    "cut": Says(completion("x"), cut=5),
    "slow": Says(completion("x"), seconds=3),
}


def everything(problem: BaseException | None, seen: set[int]) -> str:
    """All that can be read of an exception: texts, attributes, causes and contexts, suppressed or not."""
    if problem is None or id(problem) in seen:
        return ""
    seen.add(id(problem))
    texts = [str(problem), repr(problem), repr(problem.args), repr(vars(problem))]
    texts += [everything(problem.__cause__, seen), everything(problem.__context__, seen)]
    return "\n".join(texts)


@pytest.mark.parametrize("kind", SAYS)
def test_a_planted_key_is_found_nowhere(kind, tmp_path, monkeypatch, caplog, capfd):
    monkeypatch.setenv("MY_MODEL_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx", "httpx2", "httpcore", "httpcore2", "asyncio"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    cache = Cache(tmp_path / "answers.db")
    with wired(SAYS[kind]) as wire:
        client = Client(
            Endpoint(wire.url, "MY_MODEL_KEY"), cache=cache,
            pace=Pace(tries=2, timeout_seconds=0.5, backoff_seconds=0.0),
        )  # fmt: skip
        told = []

        async def run():
            try:
                told.append(await client.complete(ask()))
            except EndpointError as problem:
                told.append(problem)
            await client.close()

        asyncio.run(run())
        assert any(KEY in value for head in wire.headers for value in head.values()), "the server did get it"
        assert all(KEY not in str(body) for body in wire.heard)
    (end,) = told
    read = [repr(end), str(end), repr(client), repr(client.endpoint), repr(client._transport), repr(cache), caplog.text]
    read += [record.getMessage() + repr(record.args) for record in caplog.records]
    read += [*capfd.readouterr()]
    if isinstance(end, BaseException):
        read += [everything(end, set()), "".join(traceback.format_exception(end)), str(pickle.dumps(end))]
        assert end.__cause__ is None and end.__context__ is None
    assert caplog.records, "the libraries do log, or this says nothing"
    assert not [text for text in read if KEY in text or KEY[3:] in text]
    cache.close()
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert files and not [data for data in files if KEY.encode() in data]
    if kind == "echoed in an answer":
        assert end.text == "your key is [key]"


@pytest.mark.parametrize("kind", [kind for kind in SAYS if kind != "echoed in an answer"])
def test_an_attempt_s_own_error_carries_no_library_s_exception_along(kind, monkeypatch):
    monkeypatch.setenv("MY_MODEL_KEY", KEY)
    with wired(SAYS[kind]) as wire, pytest.raises(CallError) as caught:
        asyncio.run(Transport(Endpoint(wire.url, "MY_MODEL_KEY")).send(ask().body, 0.5))
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    assert KEY not in everything(caught.value, set())


def test_the_key_of_a_callable_s_own_library_is_taken_out_of_its_errors(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)

    async def server(body):
        raise ValueError(f"bad header x-api-key: {KEY}")

    reply = asyncio.run(Client(server).complete(ask()))
    assert reply.failure and KEY not in reply.failure and "[key]" in reply.failure
