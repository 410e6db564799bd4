"""Racing: a configuration that can hardly win any more need not run on its other folds, or with its other seeds.

Each unit is compared with the incumbent's score on the same unit.  What counts in the end is the sum of the differences
over all units, a finite population.  If it came to 0, a tie, the partial sums would be a bridge, and one limit for all
of them holds however often one looks (`numerics.bridge`): of the configurations that would beat the incumbent, no more
than `level` are stopped.  Repeated t-tests have no such bound, and cannot begin before the second unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trialist.errors import PlanError, shown
from trialist.model.replicates import Replicates, Scores, losses_of, shared_units
from trialist.numerics.bridge import chance
from trialist.numerics.gp import Array
from trialist.numerics.pareto import non_dominated
from trialist.scheduling.once import RunsOnce
from trialist.scheduling.standing import may_be_halted
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Action, Decision
from trialist.trials.validation import unit_of

_FEWEST_PEERS = 2  # trials beside the incumbent, before differences have a known spread


@dataclass
class Racing(RunsOnce):
    """Stops a trial as soon as a win over the incumbent is implausible by the folds, or seeds, that it has run.

    Use it with `validation=`, where all configurations share their folds, draws or seeds.  level: at most that share of
    those that would have won is stopped all the same.  least: so many whole trials come first.  Never the default,
    finalists or repeated configurations.  With several objectives a trial is stopped when one trial of the front
    beats it in all of them.
    """

    level: float = 0.2
    least: int = 5
    name = "racing"
    _scores: Scores = field(default_factory=Scores, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise PlanError("level", f"{shown(self.level)} is no share", "Give a number between 0 and 1; 0.2 is usual.")

    def decide(self, history: History, report: Reported) -> Decision:
        record, plan = history[report.number], history.plan
        units, validation = shared_units(plan), plan.validation
        if validation is None or report.step >= units or not may_be_halted(record):
            return GO_ON
        seen = self._scores.look(history)
        whole = np.flatnonzero(seen.may_measure)
        if len(whole) < self.least:
            return GO_ON
        row = int(np.flatnonzero(seen.numbers == record.number)[0])
        mine = seen.losses[row].copy()  # (J, m)
        mine[int(report.step) - 1] = losses_of(report, plan.objectives)
        ran = np.flatnonzero(~np.isnan(mine).any(axis=1))
        if not len(ran):
            return GO_ON
        noun = unit_of(validation)
        where = f"after {len(ran)} of {units} {noun}s"
        if np.isinf(mine[ran]).any():
            return Decision(Action.STOP, f"{where}: no finite score, so the mean of all cannot have one")
        rivals = _front(seen, whole)
        for rival in rivals:
            odds = max(_odds(seen, whole, rival, mine, ran, k) for k in range(mine.shape[1]))
            if odds < self.level / len(rivals):
                return Decision(Action.STOP, f"{where} {_told(seen, rival, mine, ran, noun)}: {_rare(odds)}")
        return GO_ON


def _front(seen: Replicates, whole: NDArray[np.intp]) -> NDArray[np.intp]:
    """The incumbent, the earlier one of equals; with several objectives, whom nobody dominates."""
    means = seen.losses[whole].mean(axis=1)  # (w, m)
    if means.shape[1] == 1:
        return whole[np.lexsort((seen.numbers[whole], means[:, 0]))[:1]]
    return whole[non_dominated(means)]


def _odds(
    seen: Replicates, whole: NDArray[np.intp], rival: np.intp, mine: Array, ran: NDArray[np.intp], k: int
) -> float:
    """How likely objective k would ever look so bad beside the rival if it came to a tie in the end."""
    losses = seen.losses[:, :, k]
    apart = mine[ran, k] - losses[rival, ran]  # (j,)
    strayed = float(apart.sum())
    if strayed <= 0.0:
        return 1.0
    # The larger of this spread and the trial's own was tried: as rarely wrong, it let a tenth more folds run.
    spread, freedom = _spread(losses[whole], losses[rival])
    return chance(strayed / spread, len(mine), freedom) if spread > 0.0 else 1.0


def _spread(losses: Array, rival: Array) -> tuple[float, float]:
    """Standard deviation of differences to a rival (J,) from unit to unit, by whole trials (w, J); and its freedom.

    By the better half: poor configurations vary more, but those are not the ones that may win.  Who scores as the rival
    does on each unit is the rival once more, and says nothing.  Differences to one rival share its errors, so that
    their squares correlate by 1/4: w trials are worth 4 w / (w + 3).
    """
    J = len(rival)
    order = np.argsort(losses.mean(axis=1), kind="stable")
    apart = losses[order] - rival
    apart = apart[(apart != 0.0).any(axis=1)]
    peers = apart[: max(_FEWEST_PEERS, len(losses) // 2)]
    if len(peers) < _FEWEST_PEERS:
        return 0.0, 1.0
    return float(np.sqrt(peers.var(axis=1, ddof=1).mean())), (J - 1) * 4 * len(peers) / (len(peers) + 3)


def _told(seen: Replicates, rival: np.intp, mine: Array, ran: NDArray[np.intp], noun: str) -> str:
    behind = (mine[ran] - seen.losses[rival, ran]).mean(axis=0)  # (m,)
    worse = " and ".join(f"{value:.3g}" for value in behind)
    return f"{worse} worse than trial {seen.numbers[rival]} on the same {noun}{'s' if len(ran) > 1 else ''}"


def _rare(odds: float) -> str:
    shown_as = f"{100 * odds:.2g} %" if odds >= 0.001 else "0.1 %"
    return f"a win is implausible (at most {shown_as} of winners ever look so bad)"
