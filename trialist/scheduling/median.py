"""Median stopping: a trial that is worse than half of the others were at the same share of a run is not worth going on.

Source: Golovin et al. 2017, "Google Vizier", 3.2.1; compared is the best value so far, which noise between steps moves
less than the latest one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trialist.model.curves import Curves
from trialist.scheduling.once import RunsOnce
from trialist.scheduling.standing import beaten, may_be_halted, reached
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Action, Decision


@dataclass
class MedianRule(RunsOnce):
    """Stops a trial whose best value so far is worse than the median of the others at the same share of their runs.

    Use it where most trials are to run to their end and only the clearly worse half need not.  Never before `grace` of
    a run, never with fewer than `least` others to compare with, all of which have ended; never the baseline, which
    everything is measured against, nor a finalist scored again.  With several objectives a trial is stopped when at
    least half of the others dominate it.  Trials that violate a measured constraint are not among the others.
    """

    grace: float = 1 / 3
    least: int = 5
    name = "median"
    _curves: Curves = field(default_factory=Curves, init=False, repr=False, compare=False)

    def decide(self, history: History, report: Reported) -> Decision:
        record = history[report.number]
        if not may_be_halted(record):
            return GO_ON
        curves = self._curves.look(history)
        share = curves.share(report, record)
        if not share >= self.grace:
            return GO_ON
        others = curves.at(share, best=True)  # (n, m)
        compared = curves.has_ended & (curves.numbers != record.number) & ~np.isnan(others).any(axis=1)
        others, n = others[compared], int(compared.sum())
        if n < self.least:
            return GO_ON
        mine, where = reached(curves, record, report, best=True), f"at step {report.step:g}"
        worse_than = beaten(mine, others)
        if len(mine) > 1:
            if 2 * worse_than < n:
                return GO_ON
            return Decision(Action.STOP, f"dominated by {worse_than} of {n} others {where}")
        middle = float(np.median(others[:, 0]))
        if not mine[0] > middle:
            return GO_ON
        sign = history.plan.objective.direction.sign
        return Decision(
            Action.STOP,
            f"rank {1 + worse_than} of {n + 1} {where}: {sign * mine[0]:.4g} is worse than the median "
            f"{sign * middle:.4g} of {n} trials",
        )
