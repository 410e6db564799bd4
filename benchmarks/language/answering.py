"""The tiny model as an async callable: it answers as often right as its measured table says, without a server."""

from __future__ import annotations

import random
from collections import Counter
from hashlib import blake2b
from typing import Any

from language.table import DEFAULT, ITEMS, LIMITS, SUITE_SEED, TEMPERATURES, TOP_PS, Setting, kept
from trialist.llm import Item, Message, Suite, Tuned
from trialist.testing.tiny_lm import PROMPTS, THINK, items

# The levels of the table and none between, so that the truth of whatever is chosen is known.
DIALS = {
    "system": list(PROMPTS),
    "temperature": list(TEMPERATURES),
    "top_p": list(TOP_PS),
    "max_tokens": list(LIMITS),
}
DEFAULTS = {
    "system": DEFAULT.prompt,
    "temperature": DEFAULT.temperature,
    "top_p": DEFAULT.top_p,
    "max_tokens": DEFAULT.max_tokens,
}


class Answering:
    """An endpoint of known truth.  calls: how many it answered.

    The nth answer to a request is a draw of its own that the seed alone decides: neither the order in which requests
    arrive nor what else was asked changes it, so that two ways of asking are compared over the same luck.
    """

    def __init__(self, seed: int) -> None:
        self.seed, self.calls, self.name = seed, 0, "table"
        self.rows = {row.setting: row for row in kept()}
        self.places = {question: (i, int(total)) for i, (question, total) in enumerate(items(ITEMS, SUITE_SEED))}
        self.asked: Counter[tuple[str, Setting]] = Counter()

    async def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        prompt, question = (message["content"] for message in body["messages"])
        setting = setting_of({"system": prompt, **body})
        row, (place, total) = self.rows[setting], self.places[question]
        nth = self.asked[question, setting]
        self.asked[question, setting] += 1
        # At temperature 0 the same answer comes each time, and under each limit that does not cut it.
        of = f"{prompt}" if setting.temperature == 0 else f"{self.seed} {setting} {nth}"
        draw = random.Random(blake2b(f"{question} {of}".encode(), digest_size=8).digest())
        wrong = draw.choice((-10, -1, 1, 10))
        told = total if draw.random() < row.chances[place] else total + wrong
        is_cut = told != total and draw.random() < row.cut
        thought = "so " * (prompt == THINK)
        text = "thinking" if is_cut else f"{thought}{told}"
        choice = {
            "message": {"role": "assistant", "content": text},
            "finish_reason": "length" if is_cut else "stop",
        }
        usage = {"prompt_tokens": 12, "completion_tokens": setting.max_tokens if is_cut else round(row.tokens)}
        return {"choices": [choice], "usage": usage}


def setting_of(told: dict[str, Any]) -> Setting:
    """The row of the table that settings of a request stand for; top_p is 1 where nothing is sampled."""
    heat = float(told.get("temperature", 1.0))
    top_p = float(told.get("top_p", 1.0)) if heat > 0 else 1.0
    return Setting(told["system"], heat, top_p, int(told["max_tokens"]))


def chosen(tuned: Tuned) -> Setting:
    """The setting that a study selected."""
    return setting_of({"system": tuned.prompt, **tuned.settings})


def regret(setting: Setting) -> float:
    """By how much fewer items it answers right than the best known setting does."""
    qualities = {row.setting: row.quality for row in kept()}
    return max(qualities.values()) - qualities[setting]


def suite_of(count: int, seed: int) -> Suite:
    """So many of the table's items, drawn by the seed."""
    taken = random.Random(seed).sample(items(ITEMS, SUITE_SEED), count)
    return Suite("sums", tuple(Item(q, (Message("user", q),), int(total)) for q, total in taken))
