"""The choice: which strategy searches, why, and what each stage of the process gets of the budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trialist.errors import PlanError, shown
from trialist.protocols import Strategy
from trialist.search.auto import Auto, main_course, outlook
from trialist.search.build import FOCUSED, NAMED, build
from trialist.search.design import Grid, grid_of
from trialist.search.refined import Focused, Refined
from trialist.search.refinement import Refinement
from trialist.search.stages import Stages, amount, counted, runs_that_fit, split
from trialist.space.parameter import Categorical
from trialist.space.space import Space
from trialist.trials.plan import Plan

STRATEGIES = ("auto", *NAMED)


@dataclass(frozen=True, slots=True)
class Choice:
    """The strategy, the reason in a sentence, the stages; fits: runs that the budget allows, None while unknown."""

    strategy: str
    reason: str
    stages: Stages
    fits: int | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Choice:
        return cls(obj["strategy"], obj["reason"], Stages.from_json(obj["stages"]), obj["fits"])


def choose(
    space: Space,
    plan: Plan,
    workers: int,
    seconds_per_trial: float | None = None,
    deterministic: bool = False,
    cost_per_trial: float | None = None,
) -> Choice:
    """Choose the strategy, unless the plan names one, and split the budget among the stages.

    seconds_per_trial, cost_per_trial: a trial's run time and money, once one was measured; they turn such budgets into
    runs.
    Raises PlanError on a strategy that is not there, a grid that is too large, or finalists that use up the budget.
    """
    check_strategy(plan.strategy)
    fits = runs_that_fit(plan.budget, workers, seconds_per_trial, cost_per_trial)
    if plan.strategy == "auto":
        found = main_course(outlook(plan, space, workers, seconds_per_trial, fits))
        name, why = found.strategy, found.why
        stages = split(space, plan, fits, name, deterministic)
    else:
        name = plan.strategy
        stages = split(space, plan, fits, name, deterministic)
        why = _as_asked(space, plan, stages)
    where = f"{amount(stages.search, stages.search_share)} over {_described(space)} on {counted(workers, 'worker')}"
    return Choice(name, f"{name}, for {where}: {why}", stages, fits)


def strategy_for(name: str, search_trials: int | None, workers: int = 1) -> Strategy:
    """The strategy of that name, as `Plan.strategy` has it; search_trials as `Stages.search` has it."""
    check_strategy(name)
    return Auto(workers) if name == "auto" else build(name, search_trials)


def refiner_for(name: str, refinement: Refinement, workers: int = 1) -> Strategy:
    """What that strategy does in a refinement: go on within the narrowed space where it can, else step there."""
    check_strategy(name)
    if name == "auto":
        return Auto(workers, refinement)
    return Focused(build(name, within=refinement.space)) if name in FOCUSED else Refined(refinement)


def check_strategy(name: str) -> str:
    """A strategy's name as it is, "auto" being one, or PlanError with the nearest one."""
    return _check(name, STRATEGIES)


def _check(name: str, names: tuple[str, ...]) -> str:
    if name in names:
        return name
    from difflib import get_close_matches

    near = get_close_matches(str(name), names, n=1, cutoff=0.65)
    use = f"Use {near[0]!r}; there are" if near else "Use one of"
    raise PlanError("strategy", f"{shown(name)} is not a strategy", f"{use} {', '.join(names)}.")


def _as_asked(space: Space, plan: Plan, stages: Stages) -> str:
    if plan.strategy != "grid" or not len(space):
        return "as the plan asks"
    configurations, levels = grid_of(space, Grid(stages.search).points)
    return f"as the plan asks, {counted(len(configurations), 'point')}: {levels}"


def _described(space: Space) -> str:
    """'6 dials (4 numeric, 2 categorical, 1 conditional)'."""
    if not len(space):
        return "dials that the objective declares"
    categorical = sum(isinstance(dial, Categorical) for _, dial in space.items())
    conditional = sum(bool(dial.when) for _, dial in space.items())
    kinds = {"numeric": len(space) - categorical, "categorical": categorical, "conditional": conditional}
    return f"{counted(len(space), 'dial')} ({', '.join(f'{n} {kind}' for kind, n in kinds.items() if n)})"
