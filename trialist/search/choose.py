"""The choice: which strategy searches, why, and what each stage of the process gets of the budget.

A trials budget counts every run of the objective: the baseline, the search, the refinement, and the finalists scored
again.  Trainings of the verification come on top, since they belong to another budget: that of the sealed test data.

| runs            | search      | refine    | select: finalists x replicates                                       |
| ---             | ---         | ---       | ---                                                                  |
| below 8         | all         | none      | none: too few to tell luck from merit                                |
| 8 to 11         | the rest    | 40 %      | none                                                                 |
| 12 and more     | the rest    | 40 %      | 10 to 20 %: 2 x 1, from 20 on 2 x 2, ... as SELECTION says           |
| a finite space  | all of it   | none      | as above, or what is left; without a number of runs, up to 100       |
|   that fits     |             |           | configurations fit                                                   |
| a deterministic | the rest    | 40 %      | none: a second score would be the first one                          |
|   objective     |             |           |                                                                      |
| several         | the rest    | none      | as above                                                             |
|   objectives    |             |           |                                                                      |
| a time budget   | 45 %        | 35 %      | 20 % of the time, 4 x 3; once a trial's time is known, as the runs   |
|                 |             |           | that fit                                                             |
| no limit        | all         | none      | 4 x 3                                                                |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trialist.errors import PlanError, shown
from trialist.protocols import Strategy
from trialist.search.design import Grid, Random, Sobol, grid_of, levels_of
from trialist.space.parameter import Categorical
from trialist.space.space import Space
from trialist.trials.plan import Budget, Plan

REFINE_FROM = 8  # runs
REFINE_SHARE = 0.4  # measured: see `refined`; more gains still a little, and leaves less of the space looked at
# Finalists (the default is one) and replicates from that number of runs on: about a fifth, less where runs abound.
SELECTION = (
    (12, 2, 1),
    (20, 2, 2),
    (30, 3, 2),
    (40, 4, 2),
    (60, 4, 3),
    (100, 5, 4),
    (150, 6, 5),
    (300, 8, 6),
    (1000, 10, 10),
)
UNTOLD_SIZE = 100  # configurations that are all tried where no number of runs is known
TIMED_SELECTION = (4, 3)  # where no number of runs is known yet
TIMED_SHARES = (0.45, 0.35)  # of the time, for search and refinement
COUNTED = 20_000  # points of a grid that are counted one by one, to say how many it would need
SOBOL_TRIALS = 2_000  # beyond, the even spread of a design no longer shows
SOBOL_DIALS = 64  # beyond, pairs of dials are no longer spread evenly at such budgets


def _cmaes(plan: Plan, space: Space, trials: int | None) -> Strategy:
    from trialist.search.cmaes import CMAES

    return CMAES()


def _evolution(plan: Plan, space: Space, trials: int | None) -> Strategy:
    from trialist.search.evolution import Evolution

    return Evolution()


def _tpe(plan: Plan, space: Space, trials: int | None) -> Strategy:
    from trialist.search.tpe import TPE

    return TPE()


def _gp(plan: Plan, space: Space, trials: int | None) -> Strategy:
    from trialist.search.bayesian import Bayesian

    return Bayesian()


# One line for each strategy; later engines join here and in `_automatic`.
_BUILDERS: Mapping[str, Callable[[Plan, Space, int | None], Strategy]] = {
    "grid": lambda plan, space, trials: Grid(trials),
    "random": lambda plan, space, trials: Random(),
    "sobol": lambda plan, space, trials: Sobol(),
    "gp": _gp,
    "cmaes": _cmaes,
    "tpe": _tpe,
    "evolution": _evolution,
}
STRATEGIES = ("auto", *_BUILDERS)


@dataclass(frozen=True, slots=True)
class Stages:
    """What each stage gets, in runs of the objective.

    search: trials after the baseline.  refine: trials in the narrowed space.  Both are None where time or cost alone
    ends them.  search_share, refine_share: what each may use of those other limits.
    finalists, replicates: how many configurations, the default being one, are scored again on how many fresh seeds.
    test_seeds: trainings of the default and of the selected configuration in verification; 0 without a test.
    """

    search: int | None
    refine: int | None
    finalists: int
    replicates: int
    test_seeds: int
    search_share: float
    refine_share: float

    @property
    def select(self) -> int:
        """Runs that score finalists again."""
        return self.finalists * self.replicates

    @property
    def runs(self) -> int | None:
        """All runs of the objective, the baseline included; None where only time ends the search."""
        return None if self.search is None or self.refine is None else 1 + self.search + self.refine + self.select

    @property
    def words(self) -> tuple[str, ...]:
        """A line for each stage."""
        return (
            "baseline: 1 trial, the default configuration",
            f"search: {_amount(self.search, self.search_share)}",
            f"refine: {_amount(self.refine, self.refine_share)}",
            f"select: {_count(self.finalists, 'finalist')} x {_count(self.replicates, 'fresh seed')}"
            f" = {_count(self.select, 'trial')}"
            if self.select
            else "select: nothing is scored again",
            f"verify: {_count(self.test_seeds, 'training')} each of default and selected configuration, on top of the "
            "budget"
            if self.test_seeds
            else "verify: nothing, no test was given",
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Stages:
        return cls(**obj)


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
) -> Choice:
    """Choose the strategy, unless the plan names one, and split the budget among the stages.

    seconds_per_trial: a trial's run time, once one was measured; turns a time budget into runs.
    Raises PlanError on a strategy that is not there, a grid that is too large, or finalists that use up the budget.
    """
    check_strategy(plan.strategy)
    fits = runs_that_fit(plan.budget, workers, seconds_per_trial)
    stages = _split(space, plan, fits, deterministic)
    name, why = (
        _automatic(space, stages) if plan.strategy == "auto" else (plan.strategy, _as_asked(space, plan, stages))
    )
    where = f"{_amount(stages.search, stages.search_share)} over {_described(space)} on {_count(workers, 'worker')}"
    return Choice(name, f"{name}, for {where}: {why}", stages, fits)


def strategy_for(name: str, plan: Plan, space: Space, search_trials: int | None) -> Strategy:
    """The strategy of that name, as `Choice.strategy` has it; search_trials as `Stages.search` has it."""
    _check(name, tuple(_BUILDERS))
    return _BUILDERS[name](plan, space, search_trials)


def check_strategy(name: str) -> str:
    """A strategy's name as it is, "auto" being one, or PlanError with the nearest one."""
    return _check(name, STRATEGIES)


def _check(name: str, names: tuple[str, ...]) -> str:
    if name in names:
        return name
    from difflib import get_close_matches

    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    use = f"Use {near[0]!r}; there are" if near else "Use one of"
    raise PlanError("strategy", f"{shown(name)} is not a strategy", f"{use} {', '.join(names)}.")


def runs_that_fit(budget: Budget, workers: int, seconds_per_trial: float | None) -> int | None:
    """How many runs of the objective the budget allows, at least 1; None while its time cannot be turned into runs."""
    limits = [] if budget.trials is None else [budget.trials]
    if seconds_per_trial is not None and seconds_per_trial > 0:
        if budget.seconds is not None:
            limits.append(int(budget.seconds * workers / seconds_per_trial))
        if budget.compute_seconds is not None:
            limits.append(int(budget.compute_seconds / seconds_per_trial))
    return max(1, min(limits)) if limits else None


def _split(space: Space, plan: Plan, runs: int | None, deterministic: bool) -> Stages:
    finalists, replicates = _selection(plan, runs, deterministic)
    size = space.size if len(space) else None  # a space without dials is one that the objective will declare
    test_seeds = 0 if plan.test is None else plan.test_seeds
    seeks_front = len(plan.objectives) > 1  # refinement narrows round one best trial, and a front has many
    if runs is None:
        search_share, refine_share = (sum(TIMED_SHARES), 0.0) if seeks_front else TIMED_SHARES
        if size is not None and (plan.budget.is_unlimited or size <= UNTOLD_SIZE):
            return Stages(size - 1, 0, min(finalists, size), replicates, test_seeds, search_share + refine_share, 0.0)
        if plan.budget.is_unlimited:
            return Stages(None, 0, finalists, replicates, test_seeds, 1.0, 0.0)
        return Stages(None, 0 if seeks_front else None, finalists, replicates, test_seeds, search_share, refine_share)
    if size is not None and runs - finalists * replicates < size <= runs and not _is_asked(plan):
        # Trying every configuration goes before scoring some again.
        finalists, replicates = max((row[1:] for row in SELECTION if row[1] * row[2] <= runs - size), default=(0, 0))
    free = runs - 1 - finalists * replicates
    if size is not None and size <= 1 + free:
        return Stages(size - 1, 0, min(finalists, size), replicates, test_seeds, free / runs, 0.0)
    refine = min(free // 2, round(REFINE_SHARE * runs)) if runs >= REFINE_FROM and not seeks_front else 0
    return Stages(free - refine, refine, finalists, replicates, test_seeds, (free - refine) / runs, refine / runs)


def _selection(plan: Plan, runs: int | None, deterministic: bool) -> tuple[int, int]:
    """(finalists, replicates), (0, 0) for no selection; what the plan says goes before the table."""
    if runs is None:
        by_table = TIMED_SELECTION
    else:
        by_table = max((row for row in SELECTION if row[0] <= runs), default=(0, 0, 0))[1:]
    if deterministic:
        by_table = 0, 0
    least = 1 if _is_asked(plan) else 0
    finalists = max(least, by_table[0]) if plan.finalists is None else plan.finalists
    replicates = max(least, by_table[1]) if plan.replicates is None else plan.replicates
    if finalists * replicates == 0:
        return 0, 0
    trials = plan.budget.trials
    if trials is not None and finalists * replicates > trials - 2:
        raise PlanError(
            "replicates" if plan.finalists is None else "finalists",
            f"{_count(finalists, 'finalist')} x {_count(replicates, 'replicate')} leave no search in "
            f"{_count(trials, 'trial')}",
            f"Give a budget of at least {finalists * replicates + 2} trials, or fewer finalists or replicates.",
        )
    if runs is not None and finalists * replicates > runs - 2:
        # The time allows fewer runs than were declared: the search comes first.
        finalists = min(finalists, max(0, runs - 2))
        replicates = max(0, runs - 2) // finalists if finalists else 0
    return finalists, replicates


def _is_asked(plan: Plan) -> bool:
    return plan.finalists is not None or plan.replicates is not None


def _automatic(space: Space, stages: Stages) -> tuple[str, str]:
    """The strategy and why."""
    size = space.size if len(space) else None
    if size is not None and stages.search == size - 1:
        return "grid", f"with the baseline they complete all {_count(size, 'configuration')}"
    if len(space) > SOBOL_DIALS:
        return "random", f"beyond {SOBOL_DIALS} dials an evenly spread design is no better than random draws"
    if stages.search is not None and stages.search > SOBOL_TRIALS:
        return "random", f"beyond {SOBOL_TRIALS:,} trials random draws cover the space as well as a design"
    return "sobol", f"Sobol points spread more evenly than random draws; {_full_grid(space)}"


def _as_asked(space: Space, plan: Plan, stages: Stages) -> str:
    if plan.strategy != "grid" or not len(space):
        return "as the plan asks"
    configurations, levels = grid_of(space, Grid(stages.search).points)
    return f"as the plan asks, {_count(len(configurations), 'point')}: {levels}"


def _full_grid(space: Space) -> str:
    if not len(space):
        return "the dials are known once the objective has declared them"
    if space.size is not None:
        return f"a full grid would need {space.size:,}"
    levels = levels_of(space, 3)
    points = math.prod(levels.values())
    if points > COUNTED:
        return (
            f"a grid of 3 levels would need {'up to ' if space.has_conditions or space.constraints else ''}{points:,}"
        )
    return f"a grid of 3 levels would need {len(space.grid(levels)):,}"


def _described(space: Space) -> str:
    """'6 dials (4 numeric, 2 categorical, 1 conditional)'."""
    if not len(space):
        return "dials that the objective declares"
    categorical = sum(isinstance(dial, Categorical) for _, dial in space.items())
    conditional = sum(bool(dial.when) for _, dial in space.items())
    kinds = {"numeric": len(space) - categorical, "categorical": categorical, "conditional": conditional}
    return f"{_count(len(space), 'dial')} ({', '.join(f'{count} {kind}' for kind, count in kinds.items() if count)})"


def _amount(trials: int | None, share: float) -> str:
    if trials is None:
        return "no limit" if share == 1.0 else f"{share:.0%} of the budget"
    return _count(trials, "trial")


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
