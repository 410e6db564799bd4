"""What a study has spent, what is running, and what it will have spent in the end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from trialist.budget import forecast
from trialist.budget.costs import Costs, money, seconds
from trialist.budget.forecast import Outlay, Range
from trialist.search.stages import Stages
from trialist.study.expectations import Expectations
from trialist.study.reserves import kept_of
from trialist.trials.history import History
from trialist.trials.trial import State

STAGES = ("search", "refine", "select", "verify")


@dataclass(frozen=True, slots=True)
class Forecast:
    """outlays: of time, and of compute and money where they are limited or told.

    stages: by stage and kind of expense, what it takes from its beginning to its end, where its runs are known.
    is_borrowed: no trial has run yet, and those of the warm start stand in.  is_unknown: nothing tells what runs take.
    """

    outlays: tuple[Outlay, ...]
    stages: Mapping[str, Mapping[str, Range]]
    is_borrowed: bool
    is_unknown: bool

    def __getitem__(self, name: str) -> Outlay:
        """The outlay of that name: "seconds", "compute_seconds" or "cost"."""
        return next(outlay for outlay in self.outlays if outlay.name == name)

    @property
    def words(self) -> str:
        """All outlays, and whose trials they go by; empty where nothing is known."""
        if self.is_unknown:
            return ""
        told = "; ".join(map(str, self.outlays))
        return f"{told}, going by the trials of the warm start" if self.is_borrowed else told

    @property
    def aside(self) -> str:
        """What of the limits is kept aside and why, a sentence for each; empty where nothing is."""
        return " ".join(outlay.aside for outlay in self.outlays if outlay.aside)

    def stage(self, name: str) -> str:
        """What a stage takes, in words; empty where that is not known."""
        found = self.stages.get(name, {})
        return ", ".join(
            f"{'cost ' if kind == 'cost' else ''}{forecast.told(kind, amount)}" for kind, amount in found.items()
        )


def forecast_of(
    history: History,
    stages: Stages,
    spent: Mapping[str, float],
    workers: int,
    now: float,
    tested: Mapping[str, float] | None = None,
) -> Forecast:
    """The forecast of a study at this moment.

    spent: by the names of Budget.  now: wall clock, by which it is told how long trials have been running.
    tested: what the trainings of the verification took, where it is over.
    """
    budget, plan = history.plan.budget, history.plan
    costs = {"seconds": Costs(history, seconds), "cost": Costs(history, money)}
    left = _runs_left(history, stages)
    running = [record for record in history if record.state is State.RUNNING]
    tests = 2.0 * stages.test_seeds if plan.test is not None and tested is None else 0.0
    expected = Expectations(lambda: history)
    kept = kept_of(history, stages, expected, spent, workers, tested) if len(history) else {}
    outlays = []
    for name, limit in (
        ("seconds", budget.seconds),
        ("compute_seconds", budget.compute_seconds),
        ("cost", budget.cost),
    ):
        measure = costs["cost" if name == "cost" else "seconds"]
        if limit is None and (not measure or name == "compute_seconds"):
            continue
        lanes = workers if name == "seconds" else 1
        gone = {r.number: max(0.0, now - (now if r.opened_at is None else r.opened_at)) for r in running}
        rate = (budget.per_second or 0.0) if name == "cost" else 1.0
        rest = math.fsum(
            max(measure.of(r.params).mean - rate * gone[r.number], 0.0) if measure else 0.0 for r in running
        )
        used = spent.get(name, 0.0) + (0.0 if name == "seconds" else rate * math.fsum(gone.values()))
        total = None
        if left is not None and measure and (more := forecast.runs(left + tests, measure)) is not None:
            total = (
                Range(more.mean / lanes, more.low / lanes, more.high / lanes).plus(used + rest / lanes).within(limit)
            )
        elif limit is not None:
            total = Range(limit, limit, limit) if tested is None else Range(used, used, used)
        # Money that is told at the end of a run alone cannot be kept to on the way: a run starts where its most fits.
        is_told = tested is not None and name == "cost" and limit is not None and budget.per_second is None
        another = expected.of(name, None).most if is_told and expected.costs(name) else None
        outlays.append(Outlay(name, used, rest, total, limit, kept.get(name, ()), another))
    by_stage = {
        stage: {
            kind: Range(amount.mean / lanes, amount.low / lanes, amount.high / lanes)
            for kind, lanes in (("seconds", workers), ("cost", 1))
            if count and (amount := forecast.runs(count, costs[kind])) is not None
        }
        for stage, count in zip(STAGES, (stages.search, stages.refine, stages.select, tests), strict=True)
    }
    is_borrowed = costs["seconds"].is_borrowed
    return Forecast(tuple(outlays), by_stage, is_borrowed, not costs["seconds"] and not costs["cost"])


def typical(history: History, name: str) -> float | None:
    """What a full run likely takes, in "seconds" or in "cost"; None where nothing tells."""
    costs = Costs(history, money if name == "cost" else seconds)
    return costs.typical().likely if costs else None


def _runs_left(history: History, stages: Stages) -> float | None:
    """Full runs until the end, as far as their number is limited; None where time or money ends the study."""
    budget, found, counted = history.plan.budget, [], len(history) - len(history.swept)
    if budget.full_runs is not None:
        found.append(max(budget.full_runs - history.full_runs_used, 0.0))
    if budget.trials is not None:
        planned = budget.trials if stages.runs is None else min(stages.runs, budget.trials)
        found.append(float(max(planned - counted, 0)))
    elif not found and stages.runs is not None and budget.is_unlimited:
        found.append(float(max(stages.runs - counted, 0)))
    return min(found, default=None)
