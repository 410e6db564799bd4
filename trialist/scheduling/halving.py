"""Asynchronous successive halving: of all trials that came to a rung, only the best part goes on to the next.

Nobody waits for anybody: a trial is compared with those that have come to the rung before it.

| | by stopping | by promotion |
| --- | --- | --- |
| at a rung | who is not among the best 1/eta is stopped | every trial is paused |
| later | | the best 1/eta of a rung goes on, highest rung first |
| a mistake | is final | is mended as the ranks change |
| needs | | runs that go on later: a Fidelity, or checkpoints |

Source: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning" (ASHA), which promotes; the stopping
variant is the one of Ray Tune and Syne Tune.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trialist.errors import PlanError, shown
from trialist.model.audit import FIRST, MARK, UPWARDS, audit, is_audited, lot, was_audited
from trialist.model.curves import Curves, Mask
from trialist.model.rungs import amount_of, amount_told, rungs_of
from trialist.numerics.keys import Key
from trialist.scheduling.brackets import bracket_of
from trialist.scheduling.standing import crossed, may_be_halted, standing
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import GO_ON, Action, Decision, Promotion, State, TrialRecord


@dataclass
class Halving:
    """Stops or pauses trials at rungs; use it where many trials are cheap to begin, and the budget is one of time.

    eta: one trial in so many goes on; None: the factor of the plan's Fidelity, else 3.  by: "stopping" or "promotion";
    None: promotion where the plan has a Fidelity, else stopping.  Stopped is only at rungs that the audit has passed,
    paused at all that it has not refuted; never with fewer than eta trials at the rung.  By promotion the first
    few trials run in full, since only full runs tell whether early looks mislead.
    """

    eta: float | None = None
    by: str | None = None
    name = "halving"
    _curves: Curves = field(default_factory=Curves, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.by not in (None, "stopping", "promotion"):
            raise PlanError("by", f"{shown(self.by)} is no way of halving", 'Use "stopping" or "promotion".')
        if self.eta is not None and not self.eta > 1:
            raise PlanError("eta", f"{shown(self.eta)} is not above 1", "Give 2 or more; 3 is usual.")

    def decide(self, history: History, report: Reported) -> Decision:
        record = history[report.number]
        if not may_be_halted(record):
            return GO_ON
        if self._promotes(history.plan):
            return self._paused(history, record, report)
        curves = self._curves.look(history)
        share = crossed(curves, record, report, self._rungs(history.plan, record.number))
        if share is None or share not in audit(history, curves).informative:
            return GO_ON
        best = curves.scores_best
        found = standing(curves, record, report, share, best, self._peers(history.plan, record.number))
        eta = self._eta(history.plan)
        quota = max(1, int((found.of + 1) / eta))
        if found.of < eta or was_audited(record):
            return GO_ON
        ruling = f"the best {quota} go on" if len(found.losses) == 1 else f"{quota} are enough to be stopped"
        reason = f"{found.told(history.plan.objective.direction.sign)}: {ruling}"
        if found.beaten < quota:
            return Decision(Action.GO_ON, reason)  # kept: a run that a rung has chosen is no fair sample for the audit
        if is_audited(history, curves, record):
            return Decision(Action.GO_ON, f"{MARK}{reason}; this one runs to its end to check")
        return Decision(Action.STOP, reason)

    def resume(self, history: History, key: Key) -> Promotion | None:
        if not self._promotes(history.plan):
            return None
        plan, curves = history.plan, self._curves.look(history)
        paused = np.array([history.records[row].state is State.PAUSED for row in range(len(history))], dtype=bool)
        if not paused.any():
            return None
        active = audit(history, curves).active
        brackets = self._brackets(plan, curves.numbers)
        for k in reversed(range(len(rungs_of(plan)))):
            waiting = paused & curves.stands_at(rungs_of(plan), k)
            if first := self._first_of(history, waiting, k, active):
                return first
            for bracket in range(k + 1):
                among = curves.counts & (brackets == bracket)
                found = self._promoted(history, curves, k, among, among & waiting, active)
                if found is not None:
                    return found
        return None

    def start(self, history: History, key: Key) -> float | None:
        """The first rung that the audit has not refuted, from the one at which the trial's bracket begins."""
        fidelity = history.plan.fidelity
        if fidelity is None or not self._promotes(history.plan) or key.number == 0:  # the default is run in full
            return None
        found = audit(history, self._curves)
        if key.number <= _first(history.plan) and self._full_runs_tell():
            return None
        active, rungs = found.active, self._rungs(history.plan, key.number)
        return next((amount_of(history.plan, share) for share in rungs if share in active), None)

    # Which rungs, and beside whom

    def _promotes(self, plan: Plan) -> bool:
        return self.by == "promotion" or (self.by is None and plan.fidelity is not None)

    def _eta(self, plan: Plan) -> float:
        return self.eta or (3.0 if plan.fidelity is None else plan.fidelity.factor)

    def _brackets(self, plan: Plan, numbers: np.ndarray) -> np.ndarray:
        """(n,) the rung at which each trial is first looked at."""
        return np.zeros(len(numbers), dtype=np.int64)

    def _rungs(self, plan: Plan, number: int) -> tuple[float, ...]:
        """Shares at which that trial is looked at."""
        return rungs_of(plan)[self._brackets(plan, np.array([number]))[0] :]

    def _peers(self, plan: Plan, number: int) -> Mask:
        """(n,) whom that trial is compared with."""
        numbers = self._curves.numbers
        same: Mask = self._brackets(plan, numbers) == self._brackets(plan, np.array([number]))[0]
        return same

    # By promotion

    def _full_runs_tell(self) -> bool:
        """Whether a full run reports how it stands on the way: then it need not be paused to be looked at."""
        return bool((self._curves.is_full & self._curves.has_curve).any())

    def _first_of(self, history: History, waiting: Mask, k: int, active: Sequence[float]) -> Promotion | None:
        """One of the first trials: all of these go on to their end, rung by rung."""
        for row in np.flatnonzero(waiting):
            record = history.records[row]
            if record.number <= _first(history.plan) and may_be_halted(record):
                amount, further = self._next(history.plan, k, active)
                return Promotion(record.number, f"{FIRST}{further} whatever it has shown", amount)
        return None

    def _next(self, plan: Plan, k: int, active: Sequence[float]) -> tuple[float | None, str]:
        """The amount of the next rung after the k-th one, None for a full run, and where to that is in words."""
        upto = next((s for s in active if s > rungs_of(plan)[k]), None)
        amount = None if upto is None else amount_of(plan, upto)
        length = float(np.nanmax(self._curves.lengths))
        return amount, f"goes on to {amount_told(plan, 1.0 if upto is None else upto, length)}"

    def _paused(self, history: History, record: TrialRecord, report: Reported) -> Decision:
        """A run at a lower fidelity ends by itself; one that was to run in full is paused at its next rung."""
        plan = history.plan
        if plan.fidelity is not None:
            return GO_ON
        curves = self._curves.look(history)
        share = crossed(curves, record, report, self._rungs(plan, record.number))
        # A run without checkpoints begins anew, and passes rungs where it has been paused already.
        paused_at = max((t.step for t in record.course if t.action is Action.PAUSE), default=-math.inf)
        if share is None or report.step <= paused_at or record.number <= _first(plan):
            return GO_ON
        if share not in audit(history, curves).active:
            return GO_ON
        return Decision(Action.PAUSE, f"at step {report.step:g}, a rung: goes on if it is among the best there")

    def _promoted(
        self, history: History, curves: Curves, k: int, among: Mask, waiting: Mask, active: Sequence[float]
    ) -> Promotion | None:
        """Whom of those that wait at rung k, if anyone: the best, if it is among the best 1/eta of all that came there.

        Once for some that go on, it is one that is left behind instead, whatever it has shown: else nothing would tell
        whether this rung is right.
        """
        plan, share = history.plan, rungs_of(history.plan)[k]
        losses = curves.at(share, curves.scores_best)
        rows = np.flatnonzero(among & ~np.isnan(losses).any(axis=1))
        at = np.flatnonzero(waiting[rows])
        quota = int(len(rows) / self._eta(plan))
        if not quota or not len(at):
            return None
        amount, further = self._next(plan, k, active)
        length = float(np.nanmax(curves.lengths))
        losses = losses[rows]  # (n, m)
        wins = (losses[:, None] <= losses[at]).all(axis=2) & (losses[:, None] < losses[at]).any(axis=2)
        beaten = wins.sum(axis=0)  # by how many each of the waiting ones is
        first = np.lexsort((curves.numbers[rows[at]], beaten))[0]
        if beaten[first] < quota:
            found, place = history.records[rows[at[first]]], _place(int(beaten[first]), len(rows), losses.shape[1])
            checked = self._left_behind(history, curves, k, rows, rows[at[beaten >= quota]])
            if checked is None:
                return Promotion(found.number, f"{place} at {amount_told(plan, share, length)}: {further}", amount)
            return Promotion(
                checked.number, f"{MARK}left behind at {amount_told(plan, share, length)}, {further}", amount
            )
        return None

    def _left_behind(
        self, history: History, curves: Curves, k: int, rows: np.ndarray, behind: np.ndarray
    ) -> TrialRecord | None:
        """One of those left behind at rung k, if it is time to check it, by lot."""
        shares, lengths = (*rungs_of(history.plan), 1.0), curves.lengths
        went_on = [
            taken
            for row in rows
            for taken in history.records[row].course
            if taken.action is Action.RESUME and shares[k] <= taken.step / lengths[row] * (1 + 1e-9) < shares[k + 1]
        ]
        checked = sum(taken.reason.startswith(MARK) for taken in went_on)
        if not len(behind) or checked + 1 > UPWARDS * (len(went_on) + 1):
            return None
        left: list[TrialRecord] = [history.records[row] for row in behind]
        return min(left, key=lambda r: (lot(history, r), r.number))


@dataclass
class Hyperband(Halving):
    """Halving in brackets that begin at different rungs; use it where you do not know how early a look says something.

    A part of the trials is first looked at late, and a few never, which costs about twice as much as halving alone
    where early looks are good, and saves the study where they are not.
    """

    name = "hyperband"

    def _brackets(self, plan: Plan, numbers: np.ndarray) -> np.ndarray:
        return bracket_of(numbers, len(rungs_of(plan)), self._eta(plan))


def _first(plan: Plan) -> int:
    """How many trials beside the baseline run in full first: what four show is worth it, but not half of a budget."""
    runs = plan.budget.full_runs
    return 4 if runs is None else min(4, int(runs / 5))


def _place(beaten: int, n: int, objectives: int) -> str:
    return f"rank {beaten + 1} of {n}" if objectives == 1 else f"dominated by {beaten} of {n - 1} others"
