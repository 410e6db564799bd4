"""Median stopping: a trial that is worse than half of the others were at the same share of a run is not worth going on.

Source: Golovin et al. 2017, "Google Vizier", 3.2.1; compared is the best value so far, which noise between steps moves
less than the latest one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialist.model.curves import Curves, Floats
from trialist.scheduling.bybest import StopsByBest
from trialist.scheduling.standing import beaten
from trialist.trials.history import History
from trialist.trials.messages import Reported


@dataclass
class MedianRule(StopsByBest):
    """Stops a trial whose best value so far is worse than the median of the others at the same share of their runs.

    Use it where most trials are to run to their end and only the clearly worse half need not.  Never before `grace` of
    a run, never with fewer than `least` others to compare with, all of which have ended; never the baseline, which
    everything is measured against, nor a finalist scored again.  With several objectives a trial is stopped when at
    least half of the others dominate it.  Trials that violate a measured constraint are not among the others.
    """

    grace: float = 1 / 3
    least: int = 5
    name = "median"

    def why(self, history: History, curves: Curves, report: Reported, share: float, best: Floats) -> str:
        if not share >= self.grace:
            return ""
        others = curves.at(share, best=True)  # (n, m)
        compared = curves.has_ended & (curves.numbers != report.number) & ~np.isnan(others).any(axis=1)
        others, n, where = others[compared], int(compared.sum()), f"at step {report.step:g}"
        if n < self.least:
            return ""
        worse_than = beaten(best, others)
        if len(best) > 1:
            return f"dominated by {worse_than} of {n} others {where}" if 2 * worse_than >= n else ""
        middle, sign = float(np.median(others[:, 0])), history.plan.objective.direction.sign
        if not best[0] > middle:
            return ""
        return (
            f"rank {1 + worse_than} of {n + 1} {where}: {sign * best[0]:.4g} is worse than the median "
            f"{sign * middle:.4g} of {n} trials"
        )
