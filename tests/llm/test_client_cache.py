"""The file of answers: one call for one request whoever asks, sums that are right, and files that are not ours."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.llm.wire import Says, Wire, ask, completion
from trialist.errors import StoreDamagedError, StoreError, StoreFullError, StoreMissingError, StoreVersionError
from trialist.llm.cache import Answer, Begun, Busy, Cache, Short, key_of
from trialist.llm.client import Client
from trialist.llm.purse import Amount, Purse
from trialist.llm.request import Usage

NEED, PURSE = Amount(2.0, 100, 1), Purse(money=10.0, name="p")
ANSWER = Answer("42", "stop", Usage(10, 4, 5, 2), 0.25, 0.5)
REQUEST = ask(temperature=0)
KEY = key_of(REQUEST, "here")


def begun(cache: Cache, key: str = KEY, purse: Purse = PURSE, need: Amount = NEED) -> int:
    call = cache.begin(key, purse, need, 60.0)
    assert isinstance(call, Begun)
    return call.call


@pytest.fixture(params=["memory", "file"])
def cache(request, tmp_path):
    cache = Cache(None if request.param == "memory" else tmp_path / "answers.db")
    yield cache
    cache.close()


def test_what_is_paid_is_found_again_as_it_was(cache):
    assert cache.find(KEY) is None
    answer = replace(ANSWER, text='ä "x"\n\x00 😀')
    assert cache.pay(begun(cache), REQUEST, "here", answer, "item 1") == (answer, True)
    assert cache.find(KEY) == answer == cache.begin(KEY, PURSE, NEED, 60.0)
    assert cache.spent(PURSE) == Amount(0.5, 15, 1) and cache.held(PURSE) == Amount()


def test_a_call_under_way_holds_what_it_can_take_and_is_not_begun_twice(cache):
    call = begun(cache)
    assert cache.held(PURSE) == NEED and cache.spent(PURSE) == Amount()
    assert cache.begin(KEY, PURSE, NEED, 60.0) == Busy()
    cache.refuse(call, "500")
    assert cache.held(PURSE) == Amount() and cache.spent(PURSE) == Amount(calls=1)
    begun(cache)


def test_what_does_not_fit_waits_for_what_is_under_way_and_is_short_without_it(cache):
    calls = [begun(cache, str(k)) for k in range(5)]
    assert cache.begin("more", PURSE, NEED, 60.0) == Busy()
    assert cache.begin("large", PURSE, replace(NEED, money=10.5), 60.0) == Short("money", Amount())
    for call in calls[:4]:
        cache.lose(call, "timeout")
    cache.refuse(calls[4], "never sent", was_sent=False)
    assert cache.spent(PURSE) == cache.lost(PURSE) == Amount(8.0, 400, 4)
    last = begun(cache, "more")
    cache.lose(last, "timeout")
    assert cache.begin("again", PURSE, replace(NEED, money=0.01), 60.0) == Short("money", Amount(10.0, 500, 5))
    assert isinstance(cache.begin("again", Purse(money=10.0, name="another"), NEED, 60.0), Begun)


def test_an_answer_after_the_call_was_given_up_corrects_what_is_spent(cache):
    call = begun(cache)
    cache.lose(call, "timeout")
    assert cache.spent(PURSE) == NEED
    cache.pay(call, REQUEST, "here", ANSWER)
    assert cache.spent(PURSE) == Amount(0.5, 15, 1) and cache.lost(PURSE) == Amount()


def test_of_two_answers_the_first_counts_for_everybody_and_both_are_paid(cache):
    first = begun(cache)
    cache.lose(first, "given up")
    second = begun(cache)
    cache.pay(second, REQUEST, "here", ANSWER)
    assert cache.pay(first, REQUEST, "here", replace(ANSWER, text="43")) == (ANSWER, False)
    assert cache.spent(PURSE) == Amount(1.0, 30, 2)


def test_an_ended_call_ends_once(cache):
    call = begun(cache)
    cache.pay(call, REQUEST, "here", ANSWER)
    cache.lose(call, "too late")
    cache.refuse(call, "too late")
    assert cache.spent(PURSE) == Amount(0.5, 15, 1)


def _begin_and_end(path):
    Cache(path).begin(KEY, PURSE, NEED, 600.0)
    os._exit(0)


def test_a_call_of_a_process_that_is_gone_is_lost_and_may_be_begun_again(tmp_path):
    child = multiprocessing.get_context("spawn").Process(target=_begin_and_end, args=(tmp_path / "a.db",))
    child.start()
    child.join()
    cache = Cache(tmp_path / "a.db")
    assert cache.held(PURSE) == NEED
    assert cache.spent(PURSE) == cache.lost(PURSE) == NEED
    begun(cache)


def test_a_call_far_beyond_its_time_is_lost_though_its_process_lives(tmp_path):
    cache = Cache(tmp_path / "a.db")
    cache.begin(KEY, PURSE, NEED, -1.0)
    begun(cache)
    assert cache.lost(PURSE) == NEED


ASKS = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.llm.wire import ask
from trialist.llm.cache import Cache
from trialist.llm.client import Client
from trialist.llm.endpoint import Endpoint
async def run():
    client = Client(Endpoint({url!r}), cache=Cache({path!r}))
    replies = await asyncio.gather(*(client.complete(ask(str(k % 20))) for k in range(40)))
    print(" ".join(reply.text for reply in replies))
asyncio.run(run())
"""


def test_several_processes_that_ask_the_same_make_one_call_for_each_request(tmp_path):
    wire = Wire(lambda number, body: Says(completion(f"{number}"), seconds=0.01))
    root = str(__import__("pathlib").Path(__file__).parents[2])
    script = ASKS.format(root=root, url=wire.url, path=str(tmp_path / "a.db"))
    children = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = {child.communicate()[0] for child in children}
    wire.close()
    assert all(child.returncode == 0 for child in children)
    assert len(told) == 1 and len(told.pop().split()) == 40  # all of them got the same answers
    assert sorted(body["messages"][0]["content"] for body in wire.heard) == sorted(map(str, range(20)))
    assert Cache(tmp_path / "a.db").spent(Purse()).calls == 20


def test_the_same_request_at_once_in_one_process_is_one_call_and_a_failure_is_everybody_s():
    heard = []

    async def server(body):
        heard.append(body)
        await asyncio.sleep(0.01)
        if body["messages"][0]["content"] == "bad":
            raise ValueError("no")
        return completion("x")

    async def run(text):
        client = Client(server)
        return await asyncio.gather(*(client.complete(ask(text)) for _ in range(5)))

    good, bad = asyncio.run(run("good")), asyncio.run(run("bad"))
    assert len(heard) == 2
    assert [reply.cached for reply in good] == [False, True, True, True, True]
    assert all(reply.failure and not reply.cached for reply in bad)


def test_who_waits_for_a_call_that_is_cancelled_makes_it_himself():
    heard = []

    async def server(body):
        heard.append(body)
        await asyncio.sleep(0 if len(heard) > 1 else 60)
        return completion("x")

    async def run():
        client = Client(server)
        first = asyncio.ensure_future(client.complete(ask()))
        await asyncio.sleep(0.01)
        second = asyncio.ensure_future(client.complete(ask()))
        await asyncio.sleep(0.01)
        first.cancel()
        return await second, client.lost.calls

    reply, lost = asyncio.run(run())
    assert (reply.text, reply.cached, lost, len(heard)) == ("x", False, 1, 2)


def _pay_in_a_child(cache):
    cache.pay(begun(cache), REQUEST, "here", ANSWER)
    os._exit(0)


def test_a_forked_child_has_a_connection_of_its_own(tmp_path):
    cache = Cache(tmp_path / "a.db")
    child = multiprocessing.get_context("fork").Process(target=_pay_in_a_child, args=(cache,))
    child.start()
    child.join()
    assert child.exitcode == 0 and cache.find(KEY) == ANSWER


def _open(path, gate):
    gate.wait()
    Cache(path).close()
    os._exit(0)


def test_any_number_of_processes_may_make_the_file_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(6)
    children = [context.Process(target=_open, args=(tmp_path / "a.db", gate)) for _ in range(6)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 6
    assert sqlite3.connect(tmp_path / "a.db").execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_files_that_are_no_cache_are_refused_and_left_as_they_are(tmp_path):
    (tmp_path / "text.db").write_text("hello " * 1000)
    foreign = sqlite3.connect(tmp_path / "foreign.db")
    foreign.execute("CREATE TABLE t (x)")
    foreign.close()
    for name in ("text.db", "foreign.db"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(StoreDamagedError, match=name):
            Cache(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before


def test_a_newer_cache_a_missing_folder_and_a_folder_are_told_apart(tmp_path):
    Cache(tmp_path / "a.db").close()
    newer = sqlite3.connect(tmp_path / "a.db")
    newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(StoreVersionError, match=r"a\.db.*schema 99"):
        Cache(tmp_path / "a.db")
    with pytest.raises(StoreMissingError, match="nowhere"):
        Cache(tmp_path / "nowhere" / "a.db")
    with pytest.raises(StoreError):
        Cache(tmp_path)


FULL = """
import asyncio, resource, signal, sys
sys.path.insert(0, {root!r})
from tests.llm.wire import ask, completion
from trialist.errors import StoreFullError
from trialist.llm.cache import Cache
from trialist.llm.client import Client
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
async def server(body):
    return completion("x" * 3000)
async def run():
    client = Client(server, cache=Cache({path!r}))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    for k in range(1000):
        try:
            reply = await client.complete(ask(str(k)))
        except StoreFullError:
            print("full", flush=True)
            return
        print("got", k, flush=True)
asyncio.run(run())
"""


def test_an_answer_that_cannot_be_written_is_acknowledged_to_nobody(tmp_path):
    root = str(__import__("pathlib").Path(__file__).parents[2])
    script = FULL.format(root=root, path=str(tmp_path / "a.db"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    *got, last = done.stdout.split("\n")[:-1]
    assert last == "full" and got
    cache = Cache(tmp_path / "a.db")
    assert cache.spent(Purse()).calls - cache.lost(Purse()).calls == len(got)
    assert StoreFullError.__doc__
