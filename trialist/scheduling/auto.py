"""What a scheduler does that was not chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from trialist.numerics.keys import Key
from trialist.protocols import Scheduler
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import GO_ON, Decision, Promotion, Proposal


@dataclass
class Auto:
    """Inside runs: the learning-curve model at every report; with several objectives the median rule, by dominance.

    Where the plan declares folds or seeds that all configurations share, racing on those.  Scores of draws that each
    has for itself are neither paired, so that no race is fair, nor a curve: every trial runs to its end.

    Where the plan has a Fidelity, trials pause at its rungs, and those go on of whose full runs a model expects most;
    with several objectives, those that the fewest others dominate.

    Halving is not among them where stopping is final: a model-based search proposes one good trial after the other, and
    of these, too, it would stop all but a few by their first steps.
    """

    name = "auto"

    def decide(self, history: History, report: Reported) -> Decision:
        if history.plan.fidelity is not None:
            return self._promoting(history.plan).decide(history, report)
        if history.plan.validation is not None:
            return self._by_race.decide(history, report) if history.plan.validation.is_shared else GO_ON
        rule = self._by_curve if len(history.plan.objectives) == 1 else self._by_median
        return rule.decide(history, report)

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
    def _by_curve(self) -> Scheduler:
        # Imported at the first report: a study without any needs no NumPy for its schedule.
        from trialist.scheduling.curve import CurveModel

        return CurveModel()

    @cached_property
    def _by_race(self) -> Scheduler:
        from trialist.scheduling.racing import Racing

        return Racing()

    @cached_property
    def _by_median(self) -> Scheduler:
        from trialist.scheduling.median import MedianRule

        return MedianRule()
