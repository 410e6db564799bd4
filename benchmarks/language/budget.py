"""Whether a budget is ever overspent: whole studies of an endpoint with random token counts and errors.

    python benchmarks/llm.py --only budget -- --runs 100

The endpoint keeps its own account of what it charges: prompt tokens at random up to the longest that bytes allow,
answers at random up to their limit, cached and reasoning tokens among them; one call in ten fails, some after it was
charged for, others tell a usage that is missing or wrong. Prices and limits of money, tokens and calls are drawn for
each run.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from language.answering import DEFAULTS, DIALS, Answering, suite_of
from trialist.errors import TrialistError
from trialist.llm import prepare
from trialist.llm.endpoint import CallError
from trialist.llm.pace import Pace
from trialist.llm.prices import Price
from trialist.llm.purse import Amount, Purse
from trialist.llm.request import Usage

FIELDS = ("money", "tokens", "calls")


class Charging(Answering):
    """The tiny model's answers, at random lengths and with errors.  took: what the endpoint itself charges for."""

    def __init__(self, seed: int, price: Price) -> None:
        super().__init__(seed)
        self.random, self.price, self.took, self.name = random.Random(seed), price, Amount(), f"charging {seed}"

    async def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(self.random.choice([0, 0, 0, 0.0005]))
        kind = self.random.random()
        if kind < 0.06:
            self.took += Amount(calls=1)
            raise CallError("busy", self.random.choice([429, 500, 503]), 0.0)
        sent = self.random.randint(1, sum(len(message["content"]) for message in body["messages"]))
        back = self.random.randint(1, body["max_tokens"])
        usage = Usage(sent, self.random.randint(0, sent), back, self.random.randint(0, back))
        self.took += Amount(self.price.cost(usage), usage.tokens, 1)
        if kind < 0.08:
            raise ConnectionResetError("cut")
        if kind < 0.10:
            raise TimeoutError
        reply = await super().__call__(body)
        told: Any = {
            "prompt_tokens": sent, "completion_tokens": back, "prompt_tokens_details": {"cached_tokens": usage.cached},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        }  # fmt: skip
        if kind < 0.125:
            told = self.random.choice([None, {}, {"prompt_tokens": -1}])
            # No text has fewer bytes than tokens.
            reply["choices"][0]["message"]["content"] += " " * back
            reply["choices"][0]["message"]["reasoning_content"] = "y" * usage.reasoning
        return {**reply, "usage": told}


@dataclass(frozen=True, slots=True)
class Run:
    """limit, counted, charged: of what the study was told to spend, by the client and by the endpoint; by field."""

    limit: Purse
    counted: Amount
    charged: Amount
    ended: str

    def share(self, amount: Amount) -> float:
        """Of the limit that is used most."""
        limits = [field for field in FIELDS if getattr(self.limit, field) is not None]
        return max(float(getattr(amount, field)) / getattr(self.limit, field) for field in limits)


def run(seed: int, items: int) -> Run:
    """A study within limits that are drawn by the seed."""
    draw = random.Random(1000 + seed)
    price = Price(draw.uniform(0, 3), draw.uniform(1, 9), draw.choice([None, 0.1]), draw.choice([None, 20.0]))
    limit = Purse(
        money=draw.choice([None, draw.uniform(0.02, 0.3)]),
        tokens=draw.choice([None, draw.randint(20_000, 200_000)]),
        calls=draw.choice([None, draw.randint(150, 1500)]),
    )
    if limit == Purse():
        limit = Purse(calls=draw.randint(150, 1500))
    endpoint = Charging(seed, price)
    tuning = prepare(
        suite_of(items, seed), DIALS, endpoint=endpoint, model="tiny", defaults=DEFAULTS, scorer="number",
        budget=limit, prices=price, seed=seed, store="memory", preflight=draw.random() < 0.5,
        pace=Pace(first=8, concurrency=draw.choice([1, 8, 32]), tries=3, backoff_seconds=1e-4),
    )  # fmt: skip
    ended = "no verdict"
    try:
        deque(tuning.found(), maxlen=0)
        study = tuning.study()
        deque(tuning.events(study), maxlen=0)
        ended = ended if study.verdict is None else str(study.verdict.outcome)
    except TrialistError as error:
        ended = type(error).__name__
    counted = tuning.client.spent
    tuning.close()
    return Run(limit, counted, endpoint.took, ended)


def main(options: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="llm.py --only budget --", description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--items", type=int, default=60)
    args = parser.parse_args(options)
    runs = [run(seed, args.items) for seed in range(args.runs)]
    charged = [each.share(each.charged) for each in runs]
    counted = [each.share(each.counted) for each in runs]
    print("| | runs over the limit | share of it, median | most |\n| --- | ---: | ---: | ---: |")
    for name, shares in (("charged by the endpoint", charged), ("counted by the client", counted)):
        over = sum(share > 1 + 1e-9 for share in shares)
        print(f"| {name} | {over} of {len(runs)} | {median(shares):.3f} | {max(shares):.4f} |")
    below = sum(a > b * (1 + 1e-9) for a, b in zip(charged, counted, strict=True))
    ends = {end: sum(each.ended == end for each in runs) for end in dict.fromkeys(each.ended for each in runs)}
    print(f"charged more than counted: {below} of {len(runs)}; ends: {ends}")
