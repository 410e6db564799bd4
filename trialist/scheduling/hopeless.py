"""Hopeless: a full run that will hardly become the best is not worth its last part."""

from __future__ import annotations

import numpy as np

from trialist.model.audit import COST, MARK, SHARE, lot, was_audited
from trialist.model.curves import Curves
from trialist.model.endings import CHECKPOINTS, LATELY, Endings
from trialist.scheduling.standing import crossed, reached
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Action, Decision

CHANCE = 0.05  # of becoming the best, below which a run is hopeless


def judged(history: History, curves: Curves, report: Reported) -> Decision:
    """Whether a run of one objective goes on past a checkpoint, by where full runs ended that stood there.

    It goes on where the order there has not been that of the ends; and where it is worse than all full runs there, or
    falls faster, unless their order midway was already that of the ends.
    """
    record = history[report.number]
    share = crossed(curves, record, report, CHECKPOINTS)
    if share is None:
        return GO_ON
    endings = Endings.of(curves, share)
    if endings is None or not endings.is_agreed:
        return GO_ON
    here = float(reached(curves, record, report, curves.scores_best)[0])
    before = float(curves.at(share - LATELY, curves.scores_best, np.array([curves.row(record.number)]))[0, 0])
    ends = curves.final[curves.is_full, 0]
    best = float(ends.min())
    if not np.isfinite(here - before) or here <= best:
        return GO_ON
    if not endings.has_seen(here, before) and not endings.was_agreed:
        return GO_ON
    ending = endings.told(np.array([here]), np.array([before]))
    chance, expected = float(ending.chance(best)[0]), float(ending.losses[0])
    if chance >= CHANCE:
        return GO_ON
    sign = history.plan.objective.direction.sign
    told = f"{100 * chance:.1f} %" if chance >= 0.001 else "under 0.1 %"
    reason = (
        f"{told} likely to beat {sign * best:.4g}, the best of {len(ends)} full runs: about "
        f"{sign * expected:.4g} is expected at its end, by where those ended that stood like it at step {report.step:g}"
    )
    if _is_checked(history, curves, report.number):
        return Decision(Action.GO_ON, f"{MARK}{reason}; this one runs to its end to check")
    return Decision(Action.STOP, reason)


def _is_checked(history: History, curves: Curves, number: int) -> bool:
    """Whether it is run to its end in spite of that, by lot, as far as such checks cost no more than their part."""
    if lot(history, history[number]) >= SHARE:
        return False
    audits = sum(was_audited(other) for other in history.explored)
    return audits <= COST * float(np.sum(curves.spent))
