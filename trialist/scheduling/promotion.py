"""Promotion by what full runs are expected to come to: a model of all looks ranks the trials, instead of one look.

As in asynchronous successive halving every trial pauses at every rung, and of those that came to a rung the best part
goes on.  But best are those of whom a process of all rungs and all dials expects most at the end: a trial that had bad
luck early, amid good ones, goes on, and the search beside it proposes by the same process (Klein 2020, "Model-based
asynchronous hyperparameter and neural architecture search").
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trialist.model.audit import MARK, Audit, audit, lot, was_audited
from trialist.model.curves import Curves, Mask
from trialist.model.finals import Finals
from trialist.model.rungs import amount_of, amount_told, rungs_of
from trialist.numerics.keys import Key
from trialist.scheduling.hopeless import Hopeless
from trialist.scheduling.standing import may_be_halted
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import GO_ON, Decision, Promotion, Stage, State, TrialRecord

TRUSTED = 3  # promoted full runs, after which the default is run in full though nothing speaks against the rungs
COMPANY = 2  # others at work, beside whom the default is run in full at once: what looks are worth is known sooner
CALIBRATION = 7  # even points, which begin at the second rung: what the first one says of it is known before it decides
AUDIT_EACH, DOUBTED_EACH = 5, 3  # of so many full runs, one is of a trial that would have been left behind


@dataclass
class ModelPromotion:
    """Promotes the trials whose full runs are expected to be best; for plans with a Fidelity and one objective.

    eta: one trial in so many goes on from a rung; None: one more than the factor of the plan's Fidelity, since ranks by
    a model are worth more than ranks by a look, and what is left behind may still go on later.

    The default begins as cheap as all others, and is run in full as the first check of what early looks say: at once
    while COMPANY others look on, or while the first trial that was promoted runs to its end; by who works alone as soon
    as a full run makes rungs doubtful, or once some were promoted.
    """

    eta: float | None = None
    name = "promotion"
    _curves: Curves = field(default_factory=Curves, repr=False, compare=False)
    _finals: Finals = field(default_factory=Finals, repr=False, compare=False)
    _hopeless: Hopeless = field(default_factory=Hopeless, repr=False, compare=False)

    def decide(self, history: History, report: Reported) -> Decision:
        record = history[report.number]
        if not may_be_halted(record) or was_audited(record) or not _is_to_end(history, record):
            return GO_ON  # a run at a lower fidelity ends by itself
        return self._hopeless.judged(history, self._curves.look(history), report)

    def start(self, history: History, key: Key) -> float | None:
        """The first rung that the audit has not refuted; some trials begin one rung higher, so that it can be."""
        active = audit(history, self._curves).active
        first = active[1:2] if key.number < CALIBRATION and len(active) > 1 else active[:1]
        return amount_of(history.plan, first[0]) if first else None

    def resume(self, history: History, key: Key) -> Promotion | None:
        if (
            len(history.explored) < min(CALIBRATION, (history.plan.budget.trials or CALIBRATION) // 2)
            or not history.paused
        ):
            return None  # among so few the first one would be the best
        found = audit(history, self._curves)
        return self._check(history, found) or self._even(history, found) or self._promoted(history, found)

    def _check(self, history: History, found: Audit) -> Promotion | None:
        """A trial that runs to its end whatever it has shown: first the default, then now and then one left behind."""
        going = [r for r in history.explored if r.is_scored or _is_on_its_way(history, r)]
        promoted = [r for r in going if not was_audited(r) and r.stage is not Stage.BASELINE]
        default = history.get(0)
        if default is not None and default.state is State.PAUSED:
            ended = any(record.is_scored for record in going)
            is_due = found.is_in_doubt if ended else bool(promoted) or len(history.pending) >= COMPANY
            if found.active and not is_due and len(promoted) < TRUSTED and not _is_half_spent(history):
                return None
            return Promotion(0, f"{MARK}the default is run in full, to check what early looks say")
        each = DOUBTED_EACH if found.is_in_doubt else AUDIT_EACH
        if not found.active or len(going) < each or len(going) - len(promoted) >= len(going) / each:
            return None
        left = self._left_behind(history)
        if left is None:
            return None
        return Promotion(left.number, f"{MARK}left behind, and run to its end to check whether that was right")

    def _even(self, history: History, found: Audit) -> Promotion | None:
        """Without rungs the search is one of full runs, which begins with even points as well: those it has begun."""
        runs = sum(r.is_scored or r.state is State.STOPPED or _is_on_its_way(history, r) for r in history.explored)
        if found.active or runs >= CALIBRATION:
            return None
        even = (r for r in history.explored if r.number < CALIBRATION and r.state is State.PAUSED)
        first = next(even, None)
        if first is None:
            return None
        return Promotion(first.number, "one of the even points, with which a search of full runs begins")

    def _left_behind(self, history: History) -> TrialRecord | None:
        """By lot one of the worse half of those paused at the highest rung where there are some to choose from."""
        curves, rungs = self._curves.look(history), rungs_of(history.plan)
        paused = self._paused(history)
        for k in reversed(range(len(rungs))):
            rows = np.flatnonzero(paused & curves.stands_at(rungs, k))
            if len(rows) >= 3:
                losses = curves.at(rungs[k], curves.scores_best)[rows, 0]
                worse = rows[np.argsort(losses, kind="stable")[len(rows) // 2 :]]
                found: TrialRecord = min(
                    (history.records[row] for row in worse), key=lambda r: (lot(history, r), r.number)
                )
                return found
        return None

    def _promoted(self, history: History, found: Audit) -> Promotion | None:
        """The best paused one of the highest active rung, where it is among the best 1/eta of all that came there."""
        plan, curves = history.plan, self._curves.look(history)
        rungs, active, paused = rungs_of(plan), found.active, self._paused(history)
        expected: dict[int, float] | None = None
        for k in reversed(range(len(rungs))):
            if rungs[k] not in active:
                continue
            came = np.flatnonzero(curves.counts & (curves.spent >= rungs[k] * (1 - 1e-9)))
            waiting = came[(paused & curves.stands_at(rungs, k))[came]]
            quota = int(len(came) / self._one_in(plan))
            if not quota or not len(waiting):
                continue
            expected = self._finals.expected(history) if expected is None else expected
            if not expected:
                return None
            order = sorted(came.tolist(), key=lambda row: (expected.get(int(curves.numbers[row]), np.inf), row))
            for place, row in enumerate(order[:quota]):
                if row in waiting:
                    upto = next((share for share in found.telling if share > rungs[k]), 1.0)
                    passed = any(rungs[k] < share < upto for share in active)
                    return Promotion(
                        int(curves.numbers[row]),
                        f"rank {place + 1} of {len(came)} at {amount_told(plan, rungs[k], np.nan)}, by what is "
                        f"expected of a full run: goes on to {amount_told(plan, upto, np.nan)}"
                        f"{', since runs stand still on the way' if passed else ''}",
                        amount_of(plan, upto) if upto < 1.0 else None,
                    )
        return None

    def _one_in(self, plan: Plan) -> float:
        return self.eta or (4.0 if plan.fidelity is None else plan.fidelity.factor + 1.0)

    def _paused(self, history: History) -> Mask:
        found: Mask = np.array([r.state is State.PAUSED and r.stage.is_explored for r in history.records], dtype=bool)
        return found


_ON = (State.RUNNING, State.WAITING)


def _is_to_end(history: History, record: TrialRecord) -> bool:
    fidelity = history.plan.fidelity
    return fidelity is None or record.fidelity is None or record.fidelity >= fidelity.high


def _is_on_its_way(history: History, record: TrialRecord) -> bool:
    return record.state in _ON and _is_to_end(history, record)


def _is_half_spent(history: History) -> bool:
    """Whether half of the trials, or of the fidelity, is used: the default must be measured while there is budget."""
    budget = history.plan.budget
    return (budget.trials is not None and len(history.explored) >= budget.trials / 2) or (
        budget.full_runs is not None and history.full_runs_used >= budget.full_runs / 2
    )
