"""Answers of a configuration to items, each with its score, and what they come to: score, cost, latency, truncation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialist.trials.plan import Direction, Objective

SCORE, COST, LATENCY, P95, TOKENS, TRUNCATED = "score", "cost", "latency", "p95_latency", "tokens", "truncated"
DIRECTIONS: Mapping[str, Direction] = {
    SCORE: Direction.MAXIMIZE,
    COST: Direction.MINIMIZE,  # money for an item
    LATENCY: Direction.MINIMIZE,  # median seconds of an item
    P95: Direction.MINIMIZE,  # seconds that 95 % of the items stay below
    TOKENS: Direction.MINIMIZE,  # output of an item
    TRUNCATED: Direction.MINIMIZE,  # share of the items whose answer was cut by the limit
}
MOSTLY = 0.5  # share of cut answers from which on the limit decides
LIMITS = ("max_tokens", "max_completion_tokens")  # of a reply


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one item, once.

    score: 0 to 1, NaN where a failure counts as missing.  text: the majority's.  seconds: of the slowest vote; cached
    where no vote was asked for now.  failure: why there is no answer or no score, else None.
    """

    item: str
    score: float
    text: str = ""
    is_cut: bool = False
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    is_cached: bool = False
    failure: str | None = None


def objectives_of(text: str | Sequence[str]) -> tuple[Objective, ...]:
    """The objectives in "score; cost; p95_latency": the score first, since the verdict is on the first one.

    >>> [str(o.direction) for o in objectives_of("score; p95_latency")]
    ['maximize', 'minimize']
    """
    from trialist.errors import PlanError, shown

    names = [part.strip() for part in text.split(";")] if isinstance(text, str) else list(text)
    for name in names:
        if name not in DIRECTIONS:
            raise PlanError("objective", f"{shown(name)} is not measured", f"Use some of {', '.join(DIRECTIONS)}.")
    if not names or names[0] != SCORE:
        raise PlanError("objective", f"{shown(text)} does not begin with the score", f'Write "{SCORE}; {COST}".')
    return tuple(Objective(name, DIRECTIONS[name]) for name in dict.fromkeys(names))


def measured(answers: Sequence[Answer]) -> dict[str, float]:
    """All that can be an objective, over some answers; NaN where nothing was answered.

    Latencies are of answers that were asked for now; where all are cached, of when they were.
    """
    scored = [answer.score for answer in answers if not math.isnan(answer.score)]
    given = [answer for answer in answers if answer.failure is None]
    seconds = sorted(a.seconds for a in given if not a.is_cached) or sorted(a.seconds for a in given)
    return {
        SCORE: math.fsum(scored) / len(scored) if scored else math.nan,
        COST: _mean([answer.cost for answer in answers]),
        LATENCY: _quantile(seconds, 0.5),
        P95: _quantile(seconds, 0.95),
        TOKENS: _mean([answer.tokens for answer in answers]),
        TRUNCATED: _mean([float(answer.is_cut) for answer in answers]),
    }


def scores(answers: Sequence[Answer]) -> list[float]:
    """A score for each answer; what is missing stands at the mean of the others, which it leaves as it is."""
    found = [answer.score for answer in answers]
    known = [score for score in found if not math.isnan(score)]
    mean = math.fsum(known) / len(known) if known else math.nan
    return [mean if math.isnan(score) else score for score in found]


def cut_words(share: float, settings: Mapping[str, Any]) -> str:
    """That the limit cuts most answers, in words; an empty text where it does not.

    >>> cut_words(0.87, {"max_tokens": 12})
    '87 % of the answers were cut at max_tokens=12: the limit decides, not the prompt'
    """
    if not share > MOSTLY:
        return ""
    limit = next((f"max_tokens={settings[name]}" for name in LIMITS if name in settings), "the server's own limit")
    return f"{100 * share:.0f} % of the answers were cut at {limit}: the limit decides, not the prompt"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _quantile(ordered: Sequence[float], share: float) -> float:
    """By linear interpolation (Hyndman & Fan 1996, type 7)."""
    if not ordered:
        return math.nan
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
