"""Killed at random moments and started again, no answer that anybody saw is paid again, and nothing goes uncounted."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.llm.wire import Says, Wire, completion
from trialist.llm.cache import Cache
from trialist.llm.purse import Purse

ROOT = Path(__file__).parents[2]
REQUESTS = 60
RUN = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.llm.wire import ask
from trialist.llm.cache import Cache
from trialist.llm.client import Client
from trialist.llm.endpoint import Endpoint
from trialist.llm.pace import Pace
from trialist.llm.prices import Price, Prices
from trialist.llm.purse import Purse
async def run(url, path):
    client = Client(Endpoint(url), Prices.of(Price(1, 1)), Purse(money=1.0), Cache(path), Pace(first=4, concurrency=4))
    async def one(k):
        await client.complete(ask(str(k), max_tokens=20))
        print(k, flush=True)
    print("ready", flush=True)
    await asyncio.gather(*(one(k) for k in range({REQUESTS})))
asyncio.run(run(*sys.argv[1:]))
"""


@pytest.mark.parametrize("seed", range(3))
def test_no_call_is_paid_twice_over_kills_at_random_moments(seed, tmp_path):
    draw = random.Random(seed)
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    wire = Wire(lambda number, body: Says(completion("4", usage=usage), seconds=draw.uniform(0, 0.02)))
    path, seen, kills = tmp_path / "a.db", set(), 0
    while True:
        before = len(wire.heard)
        child = subprocess.Popen([sys.executable, "-c", RUN, wire.url, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        seen_before = set(seen)
        if kills < 4:
            # Some calls on, and some moment between two of them.
            goal = before + draw.randint(1, 12)
            while len(wire.heard) < goal and child.poll() is None:
                time.sleep(0.001)
            time.sleep(draw.uniform(0, 0.02))
            child.kill()
            kills += 1
        seen |= {int(line) for line in child.stdout.read().split("\n")[:-1]}
        code = child.wait()
        asked_now = {int(body["messages"][0]["content"]) for body in wire.heard[before:]}
        assert not asked_now & seen_before, "paid again though its answer was seen"
        if code == 0:
            break
    wire.close()
    cache = Cache(path)
    spent, lost = cache.spent(Purse()), cache.lost(Purse())
    asked = Counter(body["messages"][0]["content"] for body in wire.heard)
    assert len(asked) == REQUESTS and kills == 4
    # What was asked more than once was under way at a kill: at most four calls at each, all of them told as lost.
    assert len(wire.heard) - REQUESTS <= lost.calls <= 4 * kills
    assert spent.calls == REQUESTS + lost.calls >= len(wire.heard)
    paid = REQUESTS * 12e-6
    assert spent.money == pytest.approx(paid + lost.money) and spent.money >= 12e-6 * len(wire.heard) - 1e-12
