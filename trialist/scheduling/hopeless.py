"""Hopeless: a full run that will hardly become the best is not worth its last part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trialist.model.analogues import LATELY, Analogues, least
from trialist.model.audit import MARK, is_audited
from trialist.model.curves import Curves
from trialist.model.endings import CHECKPOINTS, Endings
from trialist.scheduling.standing import crossed, percent, reached
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Action, Decision, TrialRecord

CHANCE = 0.05  # of becoming the best, below which a run is hopeless


class Hopeless:
    """Judges runs by the full runs of their study; what is kept is a cache."""

    def __init__(self) -> None:
        self._known: tuple[tuple[TrialRecord, ...], Analogues | None] | None = None

    def judged(self, history: History, curves: Curves, report: Reported) -> Decision:
        """Whether a run of one objective goes on past a checkpoint, by what full runs came to from where it stands.

        Either those tell that stood there at the same share of their length, where their order has lasted to the end;
        or those that were alike at any time, of which none gained enough in as long a time as is left.
        """
        record = history[report.number]
        share = crossed(curves, record, report, CHECKPOINTS)
        if share is None or not curves.is_full.any():
            return GO_ON
        row = np.array([curves.row(record.number)])
        here = float(reached(curves, record, report, curves.scores_best)[0])
        before = float(curves.at(share - LATELY, curves.scores_best, row)[0, 0])
        ends = curves.final[curves.is_full, 0]
        best = float(ends.min())
        if not np.isfinite(here - before) or here <= best:
            return GO_ON
        stands = _Stands(share, float(curves.first(row)[0, 0]), before, here)
        sign = history.plan.objective.direction.sign
        told = _by_order(curves, stands, best, sign, report.step)
        told = told or _by_analogues(self._analogues(curves), stands, best, sign)
        if told is None:
            return GO_ON
        reason = f"will hardly beat {sign * best:.4g}, the best of {len(ends)} full runs: {told}"
        if is_audited(history, curves, record, first=False):
            return Decision(Action.GO_ON, f"{MARK}{reason}; this one runs to its end to check")
        return Decision(Action.STOP, reason)

    def _analogues(self, curves: Curves) -> Analogues | None:
        """Read anew when there are other full runs."""
        records = tuple(curves.record(row) for row in np.flatnonzero(curves.is_full).tolist())
        if self._known is None or self._known[0] != records:
            self._known = records, Analogues.of(curves)
        return self._known[1]


class _Stands(NamedTuple):
    """At which share of its length a run stands, the loss that it began with, LATELY before, and here."""

    share: float
    start: float
    before: float
    here: float


def _by_order(curves: Curves, stands: _Stands, best: float, sign: int, step: float) -> str | None:
    """Why it is hopeless, by the ends of those that stood there at that share; None where that is not told.

    It is not where their order there has not been that of the ends; nor of a run that is worse than all of them there,
    or falls faster, unless their order midway was already that of the ends.
    """
    endings = Endings.of(curves, stands.share)
    if endings is None or not endings.is_agreed:
        return None
    if not endings.has_seen(stands.here, stands.before) and not endings.was_agreed:
        return None
    ending = endings.told(np.array([stands.here]), np.array([stands.before]))
    chance, expected = float(ending.chance(best)[0]), float(ending.losses[0])
    if chance >= CHANCE:
        return None
    return (
        f"with {percent(chance)}; about {sign * expected:.4g} is expected at its end, by where those ended that stood "
        f"like it at step {step:g}"
    )


def _by_analogues(analogues: Analogues | None, stands: _Stands, best: float, sign: int) -> str | None:
    """The same by those that were alike at any time; None where too few were, one gained enough, or they have erred."""
    gains = np.empty(0) if analogues is None else analogues.gains(*stands)
    if analogues is None or not len(gains) or least(stands.here, gains) <= best or analogues.have_erred:
        return None
    return (
        f"it stands at {sign * stands.here:.4g}, and those that had come as far and moved as fast gained at most "
        f"{max(0.0, float(gains.max())):.2g} in as long a time as is left"
    )
