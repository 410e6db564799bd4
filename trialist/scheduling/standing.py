"""How a running trial stands beside the others at the same share of a run, and whether it may be halted at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trialist.model.curves import Curves, Floats, Mask
from trialist.trials.messages import Reported
from trialist.trials.trial import Stage, TrialRecord


@dataclass(frozen=True, slots=True)
class Standing:
    """beaten: by how many others, `of` of them, at a step; with several objectives, those that dominate it."""

    beaten: int
    of: int
    losses: tuple[float, ...]
    step: float

    def told(self, sign: int) -> str:
        """ "rank 7 of 9 at step 3 (0.65)"; with several objectives "dominated by 6 of 8 others at step 3"."""
        if len(self.losses) > 1:
            return f"dominated by {self.beaten} of {self.of} others at step {self.step:g}"
        return f"rank {self.beaten + 1} of {self.of + 1} at step {self.step:g} ({sign * self.losses[0]:.4g})"


def may_be_halted(record: TrialRecord) -> bool:
    """Not the baseline, which all is measured against, nor a finalist or a configuration that is scored once more."""
    return record.stage in (Stage.SEARCH, Stage.REFINE) and record.repeats is None


def standing(
    curves: Curves, record: TrialRecord, report: Reported, share: float, best: bool, among: Mask | None = None
) -> Standing:
    """How it stands at that share of the run, which it has just reached.

    best: by the lowest loss up to there instead of the last one.  among (n,): whom it is compared with, if not all that
    count.
    """
    others = curves.at(share, best)  # (n, m)
    compared = curves.counts & (curves.numbers != record.number) & ~np.isnan(others).any(axis=1)
    compared = compared if among is None else compared & among
    mine = reached(curves, record, report, best)
    return Standing(beaten(mine, others[compared]), int(compared.sum()), tuple(mine.tolist()), report.step)


def reached(curves: Curves, record: TrialRecord, report: Reported, best: bool) -> Floats:
    """(m,) what a running trial has come to with this report."""
    losses: Floats = np.array(curves.losses(report))
    return np.minimum(losses, curves.best_before(curves.row(record.number), report.step)) if best else losses


def beaten(mine: Floats, others: Floats) -> int:
    """How many of the others (n, m) dominate mine (m,): as good everywhere and better somewhere; with one, better."""
    if np.isnan(mine).any():
        return 0  # an objective was not reported: nobody is shown to be better
    return int(np.count_nonzero((others <= mine).all(axis=1) & (others < mine).any(axis=1)))


def crossed(curves: Curves, record: TrialRecord, report: Reported, shares: Sequence[float]) -> float | None:
    """The highest of the shares that a trial has passed with this report and not before, or None."""
    now = curves.share(report, record)
    earlier = max((r.step for r in reversed(record.reports) if r.step < report.step), default=0.0)
    before = now * max(earlier, report.since) / report.step if report.step else 0.0
    slack = 1 + 1e-9
    return max((share for share in shares if before * slack < share <= now * slack), default=None)


def percent(chance: float) -> str:
    """A small probability in words."""
    return f"{100 * chance:.1f} %" if chance >= 0.001 else "under 0.1 %"
