"""An endpoint of known truth: it adds, rightly with a probability that prompt, temperature, top_p and limit decide."""

from __future__ import annotations

import random
from collections.abc import Iterable
from hashlib import blake2b

from tests.llm.wire import completion
from trialist.llm.endpoint import CallError
from trialist.llm.item import Item, Message
from trialist.llm.suite import Suite

THOUGHT = 20  # tokens before the answer, where it thinks aloud


class Adder:
    """Answers "17+25", directly in 3 tokens, or thinking aloud in 23 where the system prompt says "think".

    An answer is right with `chance(body)`; shots make it surer.  refuses: settings that it rejects; fails: ids of
    questions that it never answers.
    """

    def __init__(self, refuses: Iterable[str] = (), fails: Iterable[str] = (), seed: int = 0) -> None:
        self.refuses, self.fails, self.calls, self.name = set(refuses), set(fails), 0, "adder"
        self.random, self.bodies = random.Random(seed), []

    async def __call__(self, body: dict) -> dict:
        self.calls += 1
        self.bodies.append(body)
        for name in self.refuses & body.keys():
            raise CallError(f"422: {name} is not supported", 422, body={"detail": f"{name} is not supported"})
        question = body["messages"][-1]["content"]
        if question in self.fails:
            raise CallError("400: no", 400)
        a, b = map(int, question.split("+"))
        # At temperature 0 an item is right or wrong for good.
        draw = self.random
        if body.get("temperature", 1.0) == 0:
            draw = random.Random(blake2b(f"{question} {thinks(body)}".encode()).digest())
        text = str(a + b if draw.random() < chance(body) else a + b + draw.choice([-10, -1, 1, 10]))
        words = ["so"] * THOUGHT * thinks(body) + ["it", "is", text]
        limit = body.get("max_tokens", 1000)
        finish = "length" if len(words) > limit else "stop"
        words = words[:limit]
        sent = sum(len(m["content"].split()) + 3 for m in body["messages"])
        return completion(" ".join(words), finish, {"prompt_tokens": sent, "completion_tokens": len(words)})


def thinks(body: dict) -> bool:
    return body["messages"][0]["role"] == "system" and "think" in body["messages"][0]["content"]


def chance(body: dict) -> float:
    """Of a right answer: 1 less a rate of errors that grows with temperature and shrinks with top_p and thinking."""
    heat = min(body.get("temperature", 1.0), 1.5) * (0.3 if body.get("top_p", 1.0) < 0.6 else 1.0)
    shots = sum(message["role"] == "assistant" for message in body["messages"])
    return 1 - (0.03 + 0.3 * heat**2) * (0.3 if thinks(body) else 1.0) * 0.8**shots


def additions(count: int, groups: int = 0, seed: int = 0) -> Suite:
    draw = random.Random(seed)
    pairs: dict[str, int] = {}
    while len(pairs) < count:
        a, b = draw.randint(10, 99), draw.randint(10, 99)
        pairs[f"{a}+{b}"] = a + b
    return Suite(
        "additions",
        tuple(
            Item(f"{k}", (Message("user", asked),), total, group=f"g{k % groups}" if groups else None)
            for k, (asked, total) in enumerate(pairs.items())
        ),
    )
