"""What trials scored unit by unit: on folds, on draws, or with seeds that all configurations share.

n trials in the order of the records, J units, m objectives; smaller is better.  A unit is no early look at the mean of
all: some folds are harder than others.  The score of configuration i on unit j is mu_i + f_j + e_ij, so that a trial
which ran only some of them is told by what remains when the effects f_j of those are taken off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialist.numerics.gp import Array
from trialist.trials.history import History, Records
from trialist.trials.messages import Reported
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Report, State, TrialRecord

Mask = NDArray[np.bool_]


def shared_units(plan: Plan) -> int:
    """J, where all configurations of a plan are scored on the same units, and on more than one; else 0."""
    validation = plan.validation
    return validation.units if validation is not None and validation.is_shared and validation.units > 1 else 0


@dataclass(frozen=True, slots=True)
class Replicates:
    """numbers (n,) of the explored trials; losses (n, J, m), NaN where a unit was not run, inf where it diverged.

    may_measure (n,): scored on all units, and no constraint is known to be violated: others are compared with those.
    """

    numbers: NDArray[np.int64]
    losses: Array
    may_measure: Mask

    @property
    def ran(self) -> NDArray[np.int64]:
        """(n,) how many units each has run."""
        count: NDArray[np.int64] = np.count_nonzero(~np.isnan(self.losses[:, :, 0]), axis=1)
        return count

    @property
    def effects(self) -> Array:
        """(J, m) by how much each unit is harder than the mean of all; zeros while no trial has run all of them.

        By whole trials alone.  What racing left off was chosen by its first units, and to fit them all together, as one
        does where gaps come by chance, would take the first units for harder than they are.
        """
        whole = self.losses[self.may_measure]
        if not len(whole):
            return np.zeros(self.losses.shape[1:])
        found: Array = whole.mean(axis=0)
        effects: Array = found - found.mean(axis=0)
        return effects

    def expected(self) -> Array:
        """(n, m) means over all units, as far as those tell that were run; NaN for who has run none."""
        rest = self.losses - self.effects
        ran = ~np.isnan(rest)
        total = np.where(ran, rest, 0.0).sum(axis=1)
        with np.errstate(invalid="ignore"):
            means: Array = total / ran.sum(axis=1)
        return means


class Scores:
    """Reads replicates from histories; of a history that grew, only what is new."""

    def __init__(self) -> None:
        self._of: tuple[tuple[Objective, ...], int] = ((), 0)
        self._rows: dict[int, tuple[TrialRecord, Array]] = {}

    def look(self, history: History) -> Replicates:
        """The explored trials of a history whose plan has shared units."""
        J, objectives = shared_units(history.plan), history.plan.objectives
        if self._of != (objectives, J):
            self._of, self._rows = (objectives, J), {}
        # A repeated configuration has the same folds, and would count twice.
        records: Records = tuple(r for r in history.records if r.stage.is_explored and r.repeats is None)
        losses = np.full((len(records), J, len(objectives)), np.nan)
        for i, record in enumerate(records):
            losses[i] = self._row(record, objectives, J)
        whole = np.isfinite(losses).all(axis=(1, 2))
        measures = np.array([r.is_scored and r.is_feasible for r in records], dtype=bool)
        return Replicates(np.array([r.number for r in records], dtype=np.int64), losses, whole & measures)

    def _row(self, record: TrialRecord, objectives: tuple[Objective, ...], J: int) -> Array:
        known = self._rows.get(record.number)
        if known is None or known[0] is not record:
            known = self._rows[record.number] = record, _units(record, objectives, J)
        return known[1]


def losses_of(report: Report | Reported, objectives: tuple[Objective, ...]) -> Array:
    """(m,) what a report tells of a unit: NaN for an objective that it does not name, inf for one that diverged."""
    values = [report.value, *(report.metrics.get(o.name) for o in objectives[1:])]
    told = [
        np.nan if value is None else np.inf if value != value else objective.loss(value)
        for objective, value in zip(objectives, values, strict=True)
    ]
    return np.array(told)


def _units(record: TrialRecord, objectives: tuple[Objective, ...], J: int) -> Array:
    """(J, m), by the score of a whole trial, else by its reports."""
    found: Array = np.full((J, len(objectives)), np.nan)
    whole = [record.metrics[o.name].replicates for o in objectives if o.name in record.metrics]
    if record.state is State.COMPLETE and [len(values) for values in whole] == [J] * len(objectives):
        for k, (objective, values) in enumerate(zip(objectives, whole, strict=True)):
            found[:, k] = [objective.loss(value) for value in values]
        return found
    for report in record.reports:
        if report.step == int(report.step) and 1 <= report.step <= J:
            found[int(report.step) - 1] = losses_of(report, objectives)
    return found
