"""The stages of the process: what each gets of the budget.

A trials budget counts every run of the objective: the baseline, the search, the refinement, and the finalists scored
again.  Trainings of the verification come on top, since they belong to another budget: that of the sealed test data.

| runs            | search      | refine    | select: finalists x replicates                                       |
| ---             | ---         | ---       | ---                                                                  |
| below 8         | all         | none      | none: too few to tell luck from merit                                |
| 8 to 11         | the rest    | R         | none                                                                 |
| 12 and more     | the rest    | R         | 10 to 20 %: 2 x 1, from 20 on 2 x 2, ... as SELECTION says           |
| items of a      | the rest    | R         | 2 x 1 from 8 on, 3 x 1 from 12, 4 x 2 from 20, then as above         |
|   suite         |             |           |                                                                      |
| a finite space  | all of it   | none      | as above, or what is left; without a number of runs, up to 100       |
|   that fits     |             |           | configurations fit                                                   |
| a deterministic | the rest    | R         | none: a second score would be the first one                          |
|   objective     |             |           |                                                                      |
| several         | the rest    | none      | as above                                                             |
|   objectives    |             |           |                                                                      |
| a time budget   | 80 % less R | R         | 20 % of the time, 4 x 3; once a trial's time is known, as the runs   |
|                 |             |           | that fit                                                             |
| money           | as a time budget                                                                               |
| full runs       | as the trials, in full runs: runs at a lower fidelity are parts of them                        |
| no limit        | all         | none      | 4 x 3                                                                |

Finalists x replicates is what the selection may run in all: who falls behind is run less often, and the others more.

A stage gets no more than the share that the budget declares for it, `Budget(stages={"refine": 0.05})`; what refinement
and selection do not get is the search's, and what the search does not get is not spent.
R follows from the strategy: 10 % for gp and cmaes, 20 % for tpe, 40 % for the others (35 % of a time).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from trialist.errors import PlanError
from trialist.space.space import Space
from trialist.trials.budget import Budget
from trialist.trials.plan import Plan
from trialist.trials.validation import Items

REFINE_FROM = 8  # runs
# Of the runs, by strategy; measured: see `refined`.  What learns from its trials narrows by itself.
REFINE_SHARES = {"gp": 0.1, "cmaes": 0.1, "tpe": 0.2}
REFINE_SHARE = 0.4  # of the others
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
# The same where a run is a suite of items: one run of a finalist tells its error by itself, and many are often alike.
ITEM_SELECTION = ((8, 2, 1), (12, 3, 1), (20, 4, 2), *SELECTION[4:])
TIMED_SELECTION = (4, 3)  # where no number of runs is known yet
TIMED_SHARE = 0.8  # of the time, for search and refinement; of which, at most:
TIMED_REFINE_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class Stages:
    """What each stage gets, in runs of the objective.

    search: trials after the baseline.  refine: trials in the narrowed space.  Both are None where time or cost alone
    ends them.  search_share, refine_share: what each may use of those other limits, the baseline being the search's.
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
    def explored(self) -> int | None:
        """Trials before the selection, the baseline included; None where only time ends the search."""
        return None if self.search is None or self.refine is None else 1 + self.search + self.refine

    @property
    def words(self) -> tuple[str, ...]:
        """A line for each stage."""
        return (
            "baseline: 1 trial, the default configuration",
            f"search: {amount(self.search, self.search_share)}",
            f"refine: {amount(self.refine, self.refine_share)}",
            f"select: {counted(self.finalists, 'finalist')} x {counted(self.replicates, 'fresh seed')}"
            f" = {counted(self.select, 'trial')}"
            if self.select
            else "select: nothing is scored again",
            f"verify: {counted(self.test_seeds, 'training')} each of default and selected configuration, on top of the "
            "trials, within time and money"
            if self.test_seeds
            else "verify: nothing, no test was given",
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Stages:
        return cls(**obj)


def runs_that_fit(
    budget: Budget, workers: int, seconds_per_trial: float | None, cost_per_trial: float | None = None
) -> int | None:
    """How many full runs the budget allows, at least 1; None while its time or money cannot be turned into runs."""
    limits = [] if budget.trials is None else [budget.trials]
    if budget.full_runs is not None:
        limits.append(int(budget.full_runs))
    if budget.cost is not None and cost_per_trial:
        limits.append(int(budget.cost / cost_per_trial))
    if seconds_per_trial is not None and seconds_per_trial > 0:
        if budget.seconds is not None:
            limits.append(int(budget.seconds * workers / seconds_per_trial))
        if budget.compute_seconds is not None:
            limits.append(int(budget.compute_seconds / seconds_per_trial))
    return max(1, min(limits)) if limits else None


def split(space: Space, plan: Plan, runs: int | None, strategy: str = "", deterministic: bool = False) -> Stages:
    """The stages by the table at the head of this file.

    runs: of the objective that the budget allows, None while unknown.  strategy: the one that proposes most trials.
    Raises PlanError for finalists that leave nothing to search.
    """
    finalists, replicates = _selection(plan, runs, deterministic)
    size = space.size if len(space) else None  # a space without dials is one that the objective will declare
    test_seeds = 0 if plan.test is None else plan.test_seeds
    seeks_front = len(plan.objectives) > 1  # refinement narrows round one best trial, and a front has many
    most = plan.budget.share
    share = 0.0 if seeks_front else min(REFINE_SHARES.get(strategy, REFINE_SHARE), most("refine", 1.0))
    if runs is None:
        refine_share = min(share, TIMED_REFINE_SHARE)
        search_share = min(TIMED_SHARE - refine_share, most("search", 1.0))
        if size is not None and (plan.budget.is_unlimited or size <= UNTOLD_SIZE):
            searched = min(TIMED_SHARE, most("search", 1.0))
            return Stages(size - 1, 0, min(finalists, size), replicates, test_seeds, searched, 0.0)
        if plan.budget.is_unlimited:
            return Stages(None, 0, finalists, replicates, test_seeds, 1.0, 0.0)
        return Stages(None, 0 if seeks_front else None, finalists, replicates, test_seeds, search_share, refine_share)
    if size is not None and runs - finalists * replicates < size <= runs and not _is_asked(plan):
        # Trying every configuration goes before scoring some again.
        finalists, replicates = max((row[1:] for row in SELECTION if row[1] * row[2] <= runs - size), default=(0, 0))
    free = runs - 1 - finalists * replicates
    if size is not None and size <= 1 + free:
        return Stages(size - 1, 0, min(finalists, size), replicates, test_seeds, (1 + free) / runs, 0.0)
    refine = min(free // 2, max(1, round(share * runs))) if runs >= REFINE_FROM and share else 0
    search = min(free - refine, int(most("search", 1.0) * runs))
    found = Stages(search, refine, finalists, replicates, test_seeds, (1 + search) / runs, refine / runs)
    # Runs at a lower fidelity, or ended early, are parts of full runs: how many they will be nobody knows.
    return found if plan.budget.full_runs is None else replace(found, search=None, refine=None if refine else 0)


def _selection(plan: Plan, runs: int | None, deterministic: bool) -> tuple[int, int]:
    """(finalists, replicates), (0, 0) for no selection; what the plan says goes before the table."""
    table = ITEM_SELECTION if isinstance(plan.validation, Items) else SELECTION
    by_table = TIMED_SELECTION
    if runs is not None:
        by_table = max((row for row in table if row[0] <= runs), default=(0, 0, 0))[1:]
    if deterministic:
        by_table = 0, 0
    if runs is not None and by_table[0] * by_table[1] > (most := plan.budget.share("select", 1.0) * runs):
        by_table = max((row[1:] for row in table if row[1] * row[2] <= most), default=(0, 0))
    least = 1 if _is_asked(plan) else 0
    finalists = max(least, by_table[0]) if plan.finalists is None else plan.finalists
    replicates = max(least, by_table[1]) if plan.replicates is None else plan.replicates
    if finalists * replicates == 0:
        return 0, 0
    trials = plan.budget.trials
    if trials is not None and finalists * replicates > trials - 2:
        raise PlanError(
            "replicates" if plan.finalists is None else "finalists",
            f"{counted(finalists, 'finalist')} x {counted(replicates, 'replicate')} leave no search in "
            f"{counted(trials, 'trial')}",
            f"Give a budget of at least {finalists * replicates + 2} trials, or fewer finalists or replicates.",
        )
    if runs is not None and finalists * replicates > runs - 2:
        # The time allows fewer runs than were declared: the search comes first.
        finalists = min(finalists, max(0, runs - 2))
        replicates = max(0, runs - 2) // finalists if finalists else 0
    return finalists, replicates


def _is_asked(plan: Plan) -> bool:
    return plan.finalists is not None or plan.replicates is not None


def amount(trials: int | None, share: float) -> str:
    if trials is None:
        return "no limit" if share == 1.0 else f"{share:.0%} of the budget"
    return counted(trials, "trial")


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
