"""What a scheduler does that was not chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from trialist.protocols import Scheduler
from trialist.schedule.once import RunsOnce
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Budget
from trialist.trials.trial import GO_ON, Action, Decision


@dataclass
class Auto(RunsOnce):
    """Halving at the rungs that its audit has passed, and the learning-curve model at every report.

    Where the budget limits the number of trials alone, nothing is gained by halving, which stops the second best with
    the worst: then only the curve model stops what will hardly become the best.
    """

    name = "auto"

    def decide(self, history: History, report: Reported) -> Decision:
        let = GO_ON
        for rule in self._rules[1:] if _limits_trials_alone(history.plan.budget) else self._rules:
            decision = rule.decide(history, report)
            if decision.action is not Action.GO_ON:
                return decision
            let = decision if decision.reason else let
        return let

    @cached_property
    def _rules(self) -> Sequence[Scheduler]:
        # Imported at the first report: a study without any needs no NumPy for its schedule.
        from trialist.schedule.curve import CurveModel
        from trialist.schedule.halving import Halving

        return Halving(by="stopping"), CurveModel()


def _limits_trials_alone(budget: Budget) -> bool:
    others = (budget.seconds, budget.compute_seconds, budget.cost, budget.full_runs)
    return budget.trials is not None and all(limit is None for limit in others)
