"""The learning-curve model as a scheduler: a run that will hardly become the best is not worth going on with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trialist.model.audit import MARK, is_audited, was_audited
from trialist.model.curves import Curves
from trialist.scheduling.once import RunsOnce
from trialist.scheduling.outlook import Outlook
from trialist.scheduling.standing import may_be_halted, percent
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Action, Decision

_GROWTH = 1.25  # the model is learnt anew when there are so many times as many finished runs
_LATEST = 40  # finished runs that it is learnt from


@dataclass
class CurveModel(RunsOnce):
    """Stops a run that becomes the best full run with less than `chance`, by where runs of this study have ended.

    Use it where runs report often and curves are much alike; it looks at each report rather than at rungs, and knows by
    itself how early it may look.  Never with fewer than `least` finished runs, nor earlier than its forecasts of these
    were right.  Some runs that would be stopped go on to check.  It forecasts one objective: with several, every trial
    runs to its end.
    """

    chance: float = 0.05
    least: int = 6
    name = "curve"
    _curves: Curves = field(default_factory=Curves, init=False, repr=False, compare=False)
    _learnt: tuple[object, Outlook] | None = field(default=None, init=False, repr=False, compare=False)

    def decide(self, history: History, report: Reported) -> Decision:
        record, plan = history[report.number], history.plan
        if len(plan.objectives) > 1 or not may_be_halted(record) or was_audited(record):
            return GO_ON
        curves = self._curves.look(history)
        outlook = self._outlook(curves)
        share = curves.share(report, record)
        if outlook is None or not share > 0:
            return GO_ON
        t, y = curves.curve(curves.row(record.number))
        before = t < share * (1 - 1e-9)
        t, y = np.append(t[before], share), np.append(y[before], curves.losses(report)[0])
        rows = np.flatnonzero(curves.is_full)
        best = rows[np.lexsort((curves.numbers[rows], curves.final[rows, 0]))[0]]
        lowest = float(curves.final[best, 0])
        if y[-1] <= lowest:
            return GO_ON
        chance, expected = outlook.chance(t, y, lowest)
        if chance >= self.chance:
            return GO_ON
        sign = plan.objective.direction.sign
        reason = (
            f"{percent(chance)} likely to beat the {sign * lowest:.4g} of trial {curves.numbers[best]}: about "
            f"{sign * expected:.4g} is expected at its end, by its {len(t)} reports up to step {report.step:g}"
        )
        if is_audited(history, curves, record):
            return Decision(Action.GO_ON, f"{MARK}{reason}; this one runs to its end to check")
        return Decision(Action.STOP, reason)

    def _outlook(self, curves: Curves) -> Outlook | None:
        """What finished runs say, learnt anew as their number grows by a quarter: a function of them alone."""
        rows = curves.full_rows
        size = self.least
        if len(rows) < size:
            return None
        while size * _GROWTH <= len(rows):
            size = int(size * _GROWTH)
        rows = rows[:size][-_LATEST:]
        records = tuple(curves.record(row) for row in rows)
        key = (records, tuple(curves.lengths[rows]))
        if self._learnt is None or self._learnt[0] != key:
            self._learnt = key, Outlook.of([curves.curve(row) for row in rows], curves.final[rows, 0])
        return self._learnt[1]
