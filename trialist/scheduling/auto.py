"""What a scheduler does that was not chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from trialist.numerics.keys import Key
from trialist.protocols import Scheduler
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Budget, Plan
from trialist.trials.trial import GO_ON, Action, Decision, Promotion, Proposal


@dataclass
class Auto:
    """Inside runs: halving at the rungs that its audit has passed, and the learning-curve model at every report.

    Where the plan has a Fidelity, trials pause at its rungs, and those go on of whose full runs a model expects most;
    with several objectives, those that the fewest others dominate.

    Where the budget limits the number of trials alone, nothing is gained by halving, which stops the second best with
    the worst: then only the curve model stops what will hardly become the best.
    """

    name = "auto"

    def decide(self, history: History, report: Reported) -> Decision:
        if history.plan.fidelity is not None:
            return self._promoting(history.plan).decide(history, report)
        let = GO_ON
        for rule in self._rules[1:] if limits_trials_alone(history.plan.budget) else self._rules:
            decision = rule.decide(history, report)
            if decision.action is not Action.GO_ON:
                return decision
            let = decision if decision.reason else let
        return let

    def resume(self, history: History, key: Key) -> Promotion | Proposal | None:
        return None if history.plan.fidelity is None else self._promoting(history.plan).resume(history, key)

    def start(self, history: History, key: Key) -> float | None:
        return None if history.plan.fidelity is None else self._promoting(history.plan).start(history, key)

    def _promoting(self, plan: Plan) -> Scheduler:
        return self._by_model if len(plan.objectives) == 1 else self._by_rank

    @cached_property
    def _by_model(self) -> Scheduler:
        from trialist.scheduling.promotion import ModelPromotion

        return ModelPromotion()

    @cached_property
    def _by_rank(self) -> Scheduler:
        from trialist.scheduling.halving import Halving

        return Halving(by="promotion")

    @cached_property
    def _rules(self) -> Sequence[Scheduler]:
        # Imported at the first report: a study without any needs no NumPy for its schedule.
        from trialist.scheduling.curve import CurveModel
        from trialist.scheduling.halving import Halving

        return Halving(by="stopping"), CurveModel()


def limits_trials_alone(budget: Budget) -> bool:
    """Whether time and money are no object: then nothing is gained by looking less closely."""
    others = (budget.seconds, budget.compute_seconds, budget.cost, budget.full_runs)
    return budget.trials is not None and all(limit is None for limit in others)
