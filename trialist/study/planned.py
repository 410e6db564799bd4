"""How a study's budget will be used: its strategy with the reason, what each stage gets, how many runs fit."""

from __future__ import annotations

import time
from dataclasses import dataclass

from trialist.search.choose import Choice, choose
from trialist.search.stages import Stages
from trialist.study.expectations import Expectations
from trialist.study.session import Session
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """How the budget will be used: the strategy and its reason, what each stage gets, how many runs fit."""

    strategy: str
    reason: str
    stages: Stages
    fits: int | None
    budget: Budget
    warm_start: tuple[str, ...] = ()
    fidelity: Fidelity | None = None
    expected: str = ""  # what it will take in all, as far as trials of this study or of earlier ones tell
    aside: str = ""  # what of the limits no trial gets, and why

    def lines(self) -> list[str]:
        fit = "not known before the first trials" if self.fits is None else f"{self.fits:,} runs of the objective"
        warm = [f"warm start: from {', '.join(self.warm_start)}"] if self.warm_start else []
        dial = [] if self.fidelity is None else [f"fidelity: {self.fidelity}"]
        expected = [f"expected: {self.expected}"] if self.expected else []
        aside = [f"kept aside: {self.aside}"] if self.aside else []
        return [self.reason, f"budget: {self.budget}; fits {fit}", *expected, *aside, *dial, *warm, *self.stages.words]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def planned(session: Session, history: History, workers: int) -> StudyPlan:
    """The plan for that many workers; once trials run, the one that was kept with them."""
    from trialist.study.forecast import forecast_of

    plan, kept = session.plan, session.stage("plan")
    if kept is not None and len(history) and kept.get("budget") == str(plan.budget):
        choice = Choice.from_json(kept)
    else:
        seconds, cost = (Expectations(session.history).typical(name) for name in ("seconds", "cost"))
        choice = choose(session.space, plan, workers, seconds, cost_per_trial=cost)
    forecast = forecast_of(history, choice.stages, session.spent(), workers, time.time(), session.tested)
    return StudyPlan(
        choice.strategy, choice.reason, choice.stages, choice.fits, plan.budget, plan.warm_start, plan.fidelity,
        forecast.words, forecast.aside,
    )  # fmt: skip
