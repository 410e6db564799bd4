"""Scores by the checks that a suite brings itself: each a scorer with a weight, their weighted mean the score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trialist.errors import ScoringError, SuiteError
from trialist.llm.item import Check, Item, Measured
from trialist.llm.judge import Judge
from trialist.llm.scorer import UNMEASURED, Ask, Scorer


@dataclass(frozen=True, slots=True)
class Cost:
    """1 where the answer cost at most so much, in the currency of the prices."""

    limit: float
    name: str = "cost"

    @property
    def said(self) -> str:
        return f"cost: the answer cost at most {self.limit:g}"

    def check(self, item: Item) -> None:
        """Every item will do."""

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        if measured.cost is None:
            raise ScoringError(f"{item.where}: what the answer cost is not known. Give prices, or remove the check.")
        return float(measured.cost <= self.limit)


@dataclass(frozen=True, slots=True)
class Latency:
    """1 where the answer took at most so many seconds."""

    seconds: float
    name: str = "latency"

    @property
    def said(self) -> str:
        return f"latency: the answer took at most {self.seconds:g} s"

    def check(self, item: Item) -> None:
        """Every item will do."""

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        if measured.seconds is None:
            raise ScoringError(f"{item.where}: how long the answer took is not known. Remove the check.")
        return float(measured.seconds <= self.seconds)


@dataclass(frozen=True, slots=True)
class Checks:
    """The weighted mean of the item's own checks; with a threshold on the item, 1 where it is reached, else 0.

    every: 1 where each check that has a weight scores 1, else 0: the pass rate that promptfoo reports.
    judge: who scores `llm-rubric`.
    """

    build: Callable[..., Scorer]  # a scorer by its name and options
    judge: Judge | None = None
    every: bool = False
    name: str = "checks"

    @property
    def said(self) -> str:
        how = "1 where all of an item's checks hold" if self.every else "the weighted mean of the item's checks"
        by = f"; {self.judge.said}" if self.judge is not None else ""
        return f"checks: {how}, or 1 where it reaches the item's threshold{by}"

    def check(self, item: Item) -> None:
        if not item.checks:
            raise SuiteError(item.where, "no checks of its own", "Give assertions, or name a scorer.")
        self._look(item.checks, item)

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        async def mean_of(checks: tuple[Check, ...], threshold: float | None) -> float:
            """Checks without weight are no part of it: in promptfoo they are told beside the score."""
            scores = [(check.weight, await one(check)) for check in checks if check.weight > 0]
            mean = sum(weight * score for weight, score in scores) / sum(weight for weight, _ in scores)
            if threshold is not None:
                return float(_reaches(mean, threshold))
            return float(all(_reaches(score, 1) for _, score in scores)) if self.every else min(1.0, mean)

        async def one(check: Check) -> float:
            if check.kind == "all":
                score = await mean_of(check.options["checks"], check.threshold)
            else:
                score = await self._scorer(check, item).score(item, text, ask, measured)
                if check.threshold is not None:
                    score = float(_reaches(score, check.threshold))
            return 1 - score if check.negated else score

        return await mean_of(item.checks, item.threshold)

    def _look(self, checks: tuple[Check, ...], item: Item) -> None:
        if not any(check.weight > 0 for check in checks):
            raise SuiteError(item.where, "all of its checks weigh nothing", "Give one a weight above 0.")
        for check in checks:
            if check.kind == "all":
                self._look(check.options["checks"], item)
            else:
                self._scorer(check, item).check(item)

    def _scorer(self, check: Check, item: Item) -> Scorer:
        if check.kind != "judge":
            return self.build(check.kind, **check.options)
        if self.judge is None:
            remedy = "Declare one: scorer_of('checks', judge=Judge(model=...)), or remove the check."
            raise SuiteError(check.place or item.where, "a judge is needed, and none is declared", remedy)
        return self.judge.about(check.options["rubric"])


def _reaches(score: float, threshold: float) -> bool:
    return score >= threshold - 1e-12  # thirds and the like do not add up to the last digit
