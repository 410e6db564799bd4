"""The task of examples/lora.py without wrong answers: its loss falls towards 0, and a ratio of losses asks for more."""

from __future__ import annotations

from typing import Any

import lora

import trialist as tl
from trialist.testing import tiny_lm

DIALS, ITEMS = lora.DIALS, lora.ITEMS


def noisy(items: list[tuple[str, str]], seed: int) -> tuple[list[str], list[str]]:
    """Questions and answers, all of them right; the seed has nothing to say."""
    return [question for question, _ in items], [answer for _, answer in items]


lora.SPLIT = tl.Split(*noisy(tiny_lm.items(ITEMS, seed=1), seed=1), test=800, validation=400, seed=0)
train, losses = lora.train, lora.losses


def objective(trial: Any) -> float:
    """One trial: the validation loss after each tenth of the training."""
    return lora.objective(trial)
