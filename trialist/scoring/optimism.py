"""Optimism: how much too good the best score of a search looks, since it was picked for looking good.

A model tells it before anything is scored again (see luck), the fresh scores afterwards.  Smaller is better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trialist.scoring.digits import digits_for, rounded
from trialist.scoring.fresh import fresh_score
from trialist.trials.history import History

BY_MODEL = "as a model sees it"  # which cannot tell it from a rough landscape


@dataclass(frozen=True, slots=True)
class Optimism:
    """number: of the best-scored trial of the search.  search, fresh: its losses there and on fresh seeds, None before.

    expected: how much too good the search score is by the model, None where the noise is not known; never negative.
    source: of the noise.  sign: of the direction, by which losses become the metric's own numbers.
    """

    number: int
    search: float
    expected: float | None
    source: str
    fresh: float | None = None
    stderr: float | None = None  # of the fresh score
    sign: float = 1.0

    @property
    def seen(self) -> float | None:
        """How much too good the search score turned out to be; negative where it was too bad."""
        return None if self.fresh is None else self.fresh - self.search

    @property
    def sentence(self) -> str:
        noise = max(self.expected or 0.0, abs(self.seen or 0.0), self.stderr or 0.0)
        decimals = digits_for(noise, self.search)

        def told(loss: float) -> str:
            text = rounded(self.sign * loss, decimals)
            return f"{self.sign * loss:.4g}" if loss and noise == 0 and float(text) == 0 else text  # 1e-300

        score = f"the best search score, {told(self.search)} of trial {self.number},"
        if self.seen is None:
            if self.expected is None:
                return f"{score} is too good by an unknown amount, since nothing tells the noise of a score yet"
            if self.expected == 0:
                return f"{score} is not expected to be too good, by the noise {self.source}"
            amount = f"{rounded(self.expected, decimals)} too good"
            if self.source == BY_MODEL:
                return f"{score} is about {amount}, if what a model cannot explain is noise and no rough landscape"
            return f"{score} is probably about {amount}, by the noise {self.source}"
        expected = "" if self.expected is None else f" (expected {_or_none(rounded(self.expected, decimals))})"
        amount = rounded(abs(self.seen), decimals)
        outcome = "neither too good nor too bad" if float(amount) == 0 else f"{amount} too {_which(self.seen)}"
        fresh = f"{told(self.fresh)}" if self.fresh is not None else ""
        return f"{score} became {fresh} on fresh seeds: it was {outcome}{expected}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Optimism:
        return cls(**obj)


def _or_none(text: str) -> str:
    return text if float(text) else "none"


def optimism(history: History) -> Optimism | None:
    """Of the best feasible search score; None before any score, and where a study has several objectives.

    With fresh scores of that trial in the history, they are told beside what was expected.
    """
    from trialist.scoring.luck import expected_luck  # a model: loaded where it is used

    best = history.best
    if best is None or best.loss is None or not best.is_feasible or len(history.plan.objectives) > 1:
        return None
    objective = history.plan.objective
    again = fresh_score(history, best.number, objective.name)
    fresh = None if again is None else objective.loss(again.mean)
    stderr = None if again is None else again.stderr
    expected, source = expected_luck(history, best.number)
    return Optimism(best.number, best.loss, expected, source, fresh, stderr, objective.direction.sign)


def _which(seen: float) -> str:
    return "good" if seen > 0 else "bad"
