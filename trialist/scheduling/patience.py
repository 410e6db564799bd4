"""Patience: a run that has not improved for a while is not going to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialist.model.curves import Curves, Floats
from trialist.scheduling.bybest import StopsByBest
from trialist.scheduling.standing import beaten
from trialist.trials.history import History
from trialist.trials.messages import Reported


@dataclass
class Patience(StopsByBest):
    """Stops a run whose best value has not improved by more than `min_delta` for a `share` of its length.

    Use it where runs are long and level off; a run is compared with its own past alone.  A stopped trial has no score
    and cannot be chosen, so a run goes on that is better than every full run so far: it may become the best, and then
    its score is wanted.  With several objectives a run is stopped when none of them improves.  An objective that ends
    by itself when it no longer improves, and returns what it has, needs no such scheduler.
    """

    share: float = 0.2
    min_delta: float = 0.0
    name = "patience"

    def why(self, history: History, curves: Curves, report: Reported, share: float, best: Floats) -> str:
        if not share > self.share:  # nor where the length is not known
            return ""
        since = report.step * (1 - self.share / share)
        before = curves.best_before(curves.row(report.number), since * (1 + 1e-9) + 1e-9)  # (m,)
        if (before > best + self.min_delta).any() or beaten(best, curves.final[curves.is_full]) == 0:
            return ""
        value = history.plan.objective.direction.sign * best[0]
        told = f"its best is {value:.4g}" if np.isfinite(value) else "it has no finite value"
        return f"no improvement in {100 * self.share:.0f} % of the run, up to step {report.step:g}: {told}"
