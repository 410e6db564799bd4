"""Knockout: of a finite set of configurations all meet on the same few units first; the better half goes on, and on.

Racing asks whether one configuration can still beat the incumbent, so that those which are nearly as good as the best,
of which any would do, run to their end one after the other.  In a knockout they are told apart only as finely as the
units of a round allow: it takes about log2(n) rounds of n units instead of n runs of all J.

rounds: 1, 2, 4, ... units, then all J.  Sequential halving: Karnin, Koren & Somekh 2013, "Almost optimal exploration in
multi-armed bandits"; Jamieson & Talwalkar 2016 for configurations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trialist.errors import PlanError, shown
from trialist.model.replicates import Scores, shared_units
from trialist.numerics.keys import Key
from trialist.scheduling.racing import Racing
from trialist.scheduling.standing import may_be_halted
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import GO_ON, Action, Decision, Promotion, Stage, State, TrialRecord
from trialist.trials.validation import unit_of

_BESIDE = 4  # trials of a budget beside all configurations: finalists, fresh


@dataclass
class Knockout:
    """Runs all of a finite set on a few units, the better part on more; use it where choices matter, not single scores.

    Use it with `strategy="grid"` and `validation=`, where a run that goes on finds what it did before: answers of a
    model in its cache, say; runs begin anew where nothing is kept.  eta: one in so many goes on after each round.
    least: so many run in full, beside the default.  Where the set is not finite, the budget has no room for all of it,
    or there are several objectives, it races.
    """

    eta: float = 2.0
    least: int = 3
    name = "knockout"
    _scores: Scores = field(default_factory=Scores, init=False, repr=False, compare=False)
    _racing: Racing = field(default_factory=Racing, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.eta > 1:
            raise PlanError("eta", f"{shown(self.eta)} is not above 1", "Give 2 or more; 2 is usual.")
        if isinstance(self.least, bool) or not isinstance(self.least, int) or self.least < 1:
            raise PlanError("least", f"{shown(self.least)} is no number of trials", "Give 1 or more; 3 is usual.")

    def decide(self, history: History, report: Reported) -> Decision:
        record, plan = history[report.number], history.plan
        if not plays(history.space, plan):
            return self._racing.decide(history, report)
        # A run that begins anew passes rounds where it has been paused already.
        played = max((past.step for past in record.course if past.action is Action.PAUSE), default=0)
        if not _is_player(record) or report.step not in rounds(shared_units(plan)) or report.step <= played:
            return GO_ON
        where = f"after {report.step:g} of {shared_units(plan)} {_unit(plan)}s"
        if math.isnan(report.value) or math.isinf(report.value):
            return Decision(Action.STOP, f"{where}: no finite score, so the mean of all cannot have one")
        part = f"the best one in {self.eta:g}"
        return Decision(
            Action.PAUSE, f"{where}: {part} goes on once all have come so far; who is paused after that is out"
        )

    def resume(self, history: History, key: Key) -> Promotion | None:
        """The first of those that go on and wait, once all of a round have played it."""
        if not plays(history.space, history.plan) or len(history.explored) < (history.space.size or 0):
            return None
        units = shared_units(history.plan)
        seen = self._scores.look(history)
        row_of = {int(number): row for row, number in enumerate(seen.numbers)}
        left = [r for r in history.explored if _is_player(r) and r.state not in (State.STOPPED, State.FAILED)]
        told = "all of them"
        for step in (*rounds(units), units):
            behind = [r for r in left if not _has_run(seen.losses[row_of[r.number]], step)]
            if waiting := [r for r in behind if r.state is State.PAUSED]:
                return Promotion(waiting[0].number, f"{told} go on to {step} {_unit(history.plan)}s")
            if behind or step == units:
                return None  # some of them are under way
            losses = np.array([seen.losses[row_of[r.number], :step, 0].mean() for r in left])
            quota = max(self.least, math.ceil(len(left) / self.eta))
            told = f"the best {min(quota, len(left))} of {len(left)} after {step}"
            order = np.argsort(losses, kind="stable")[:quota].tolist()  # of equals the earlier one
            left = [left[place] for place in order]
        return None

    def start(self, history: History, key: Key) -> None:
        return None


def rounds(units: int) -> tuple[int, ...]:
    """After how many units the better part is chosen.

    >>> rounds(10), rounds(3)
    ((1, 2, 4), (1,))
    """
    return tuple(2**k for k in range(units.bit_length()) if 2 * 2**k < units) or (1,)


def taken(configurations: int, units: int, eta: float = 2.0, least: int = 3) -> int:
    """How many units a knockout of so many takes, the default's own run apart.

    >>> taken(12, 10), 12 * 10
    (42, 120)
    """
    total, left, before = 0, configurations, 0
    for step in (*rounds(units), units):
        total, before = total + left * (step - before), step
        left = max(min(least, left), math.ceil(left / eta))
    return total


def plays(space: Space, plan: Plan) -> bool:
    """Whether all configurations can meet: a finite set that the budget has room for, the same units, one objective."""
    if shared_units(plan) < 2 or len(plan.objectives) > 1 or plan.strategy != "grid" or space.size is None:
        return False
    return plan.budget.trials is None or plan.budget.trials >= space.size + _BESIDE


def _unit(plan: Plan) -> str:
    return "unit" if plan.validation is None else unit_of(plan.validation)


def _is_player(record: TrialRecord) -> bool:
    return may_be_halted(record) and record.stage is Stage.SEARCH


def _has_run(losses: NDArray[np.float64], step: int) -> bool:
    return not np.isnan(losses[:step]).any()
