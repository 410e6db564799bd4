"""A small sampler that behaves as a model's server does: it draws answers, and honours only what it is told to."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from hashlib import blake2b

from tests.llm.wire import completion
from trialist.llm.endpoint import CallError
from trialist.llm.item import Item, Message

HONOURS = ("temperature", "top_p", "top_k", "max_tokens", "stop", "seed")


class Toy:
    """Answers to "17+25": a word of thinking and the sum, or one of 11 near it, each less likely than the one before.

    honours: settings that act; all others are taken without a word.  rejects: settings that are refused, each with its
    values, or all.  sharp: how much likelier each sum is than the next one, in logits at temperature 1.
    default: the temperature where none is set.  long: answers end in twenty words that are drawn as the sum is.
    """

    def __init__(
        self,
        honours: Iterable[str] = HONOURS,
        rejects: dict[str, object] | None = None,
        sharp: float = 1.2,
        seed: int = 0,
        default: float = 1.0,
        long: bool = False,
    ) -> None:
        self.honours, self.rejects, self.sharp, self.default = set(honours), rejects or {}, sharp, default
        self.random, self.long, self.calls, self.name = random.Random(seed), long, 0, "toy"

    async def __call__(self, body: dict) -> dict:
        self.calls += 1
        for name, values in self.rejects.items():
            if name in body and (values == "all" or body[name] in values):
                raise CallError(f"422: {name} is not supported", 422, body={"detail": f"{name} is not supported"})
        question = body["messages"][-1]["content"]
        known = {name: body[name] for name in self.honours if name in body}
        draw = random.Random(f"{question} {known['seed']}") if "seed" in known else self.random
        rank = self._rank(draw, known)
        a, b = map(int, question.split("+"))
        text = f"so it is {a + b + rank * (-1) ** rank}"
        if self.long:
            text += " " + " ".join("abcdefghijkl"[self._rank(draw, known)] * 3 for _ in range(20))
        for stop in known.get("stop") or ():
            text = text.partition(stop)[0]
        words = text.split(" ")
        limit = known.get("max_tokens", len(words))
        finish = "length" if limit < len(words) else "stop"
        words = words[:limit]
        usage = {"prompt_tokens": 8, "completion_tokens": max(1, len(words))}
        return completion(" ".join(words), finish, usage)

    def _rank(self, draw: random.Random, known: dict) -> int:
        temperature = known.get("temperature", self.default)
        if temperature == 0:
            return 0
        weights = [math.exp(-self.sharp * rank / temperature) for rank in range(12)]
        weights = weights[: known.get("top_k") or None]
        total, kept = sum(weights), 0.0
        for count, weight in enumerate(weights, 1):
            kept += weight / total
            if kept >= known.get("top_p", 1.0):
                weights = weights[:count]
                break
        return draw.choices(range(len(weights)), weights)[0]


def sums(count: int, seed: int = 0) -> list[Item]:
    draw = random.Random(blake2b(str(seed).encode()).digest())
    pairs = [(draw.randint(1, 99), draw.randint(1, 99)) for _ in range(count)]
    return [Item(f"{k}", (Message("user", f"{a}+{b}"),), a + b) for k, (a, b) in enumerate(pairs)]
