"""Racing: a configuration that can hardly win any more need not run on its other folds, or with its other seeds.

Each score is compared with what an equal of the incumbent would have on the same unit.  What counts in the end is the
sum of the differences over all units, a finite population.  If it came to 0, a tie, the partial sums would be a bridge,
and one limit for all of them holds however often one looks (`numerics.bridge`): of the configurations that would beat
the incumbent, no more than `level` are stopped.  Repeated t-tests have no such bound, and cannot begin before the
second unit.

Where a unit has a best score, such as all items right, what the units to come can add is bounded as well: who stays
behind the incumbent even with the best score on all of them is stopped without any chance of a mistake.
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
from trialist.trials.plan import Plan
from trialist.trials.trial import GO_ON, Action, Decision
from trialist.trials.validation import Items, unit_of

_FEWEST_PEERS = 2  # trials beside the incumbent, before it is known how scores stray
_PEERS = 0.75  # of the whole trials, the best: how the poorest stray says nothing of winners
_ROUNDING = 1e-9  # of sums of scores
_FLAWLESS = 3  # trials that nobody can beat: among so many, fresh scores choose
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of what is peculiar to the incumbent on a unit


@dataclass
class Racing(RunsOnce):
    """Stops a trial as soon as a win over the incumbent is implausible by the folds, or seeds, that it has run.

    Use it with `validation=`, where all configurations share their folds, draws or seeds.  level: at most that share of
    those that would have won is stopped all the same.  least: so many whole trials come first.  Never the default,
    finalists or repeated configurations.  With several objectives a trial is stopped when one trial of the front
    beats it in all of them.
    """

    level: float = 0.25
    least: int = 4
    name = "racing"
    _scores: Scores = field(default_factory=Scores, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise PlanError(
                "level", f"{shown(self.level)} is no share", "Give a number between 0 and 1; 0.25 is usual."
            )

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
        where = f"after {len(ran)} of {units} {unit_of(validation)}s"
        if np.isinf(mine[ran]).any():
            return Decision(Action.STOP, f"{where}: no finite score, so the mean of all cannot have one")
        rivals = _front(seen, whole)
        if (least := _least(plan)) is not None and (why := _cannot_win(least, mine, ran, seen, whole, rivals[0])):
            return Decision(Action.STOP, f"{where} {why}")
        for rival in rivals:
            ties = [_tie(seen.losses[whole, :, k], seen.losses[rival, :, k]) for k in range(mine.shape[1])]
            odds, strayed = zip(*(_odds(tie, mine[:, k], ran) for k, tie in enumerate(ties)), strict=True)
            if max(odds) < self.level / len(rivals):
                worse = " and ".join(f"{value:.3g}" for value in strayed)
                told = f"{where} {worse} worse than a tie with trial {seen.numbers[rival]} would be"
                return Decision(Action.STOP, f"{told}: {_rare(max(odds))}")
        return GO_ON


def _front(seen: Replicates, whole: NDArray[np.intp]) -> NDArray[np.intp]:
    """The incumbent, the earlier one of equals; with several objectives, whom nobody dominates."""
    means = seen.losses[whole].mean(axis=1)  # (w, m)
    if means.shape[1] == 1:
        return whole[np.lexsort((seen.numbers[whole], means[:, 0]))[:1]]
    return whole[non_dominated(means)]


def _least(plan: Plan) -> float | None:
    """The loss of the best score that a unit can have; None where no score is the best, and with several objectives."""
    validation = plan.validation
    if not isinstance(validation, Items) or validation.best is None or len(plan.objectives) > 1:
        return None
    return plan.objective.loss(validation.best)


def _cannot_win(
    least: float, mine: Array, ran: NDArray[np.intp], seen: Replicates, whole: NDArray[np.intp], rival: np.intp
) -> str:
    """In words, why scores (J, 1) with no loss below `least` must end behind a rival, or level with several."""
    J, rounding = len(mine), _ROUNDING * max(1.0, abs(least))
    means = seen.losses[whole, :, 0].mean(axis=1)
    behind = (float(mine[ran, 0].sum()) + least * (J - len(ran))) / J - float(seen.losses[rival, :, 0].mean())
    if behind > rounding:
        return f"{behind:.3g} behind trial {seen.numbers[rival]} even with the best score on all the others"
    flawless = seen.numbers[whole[means <= least + rounding]]
    if len(flawless) < _FLAWLESS:
        return ""
    named = ", ".join(map(str, flawless[:_FLAWLESS]))
    return f"at best level with trials {named}, which have the best score on all of them"


@dataclass(frozen=True, slots=True)
class _Tie:
    """What a configuration that ties with a rival in the end is expected to score on each unit: expected (J,).

    spread: by how much it strays from that on one unit, with so many degrees of freedom.
    """

    expected: Array
    spread: float
    freedom: float


def _tie(losses: Array, rival: Array) -> _Tie | None:
    """A tie with a rival (J,), by whole trials (w, J); None where too few say how scores stray.

    Some units are harder than others for all, by what its peers say; and the rival did better there than the others, or
    worse, of which a share is expected of its equals too.  Whatever that share is, the expected scores add up to the
    rival's, so that the test holds; it is the one that leaves the least to chance.  To compare with the rival's scores
    as they are, a share of 1, would let the rival's own luck on each unit blur what is seen.

    By the better three quarters: poor configurations vary more, but those are not the ones that may win.  Each peer is
    foretold by the others.  Who scores on each unit as another one does is that one again, and says nothing.
    """
    J, middle = len(rival), rival.mean()
    distinct = np.unique(losses, axis=0)
    peers = distinct[(distinct != rival).any(axis=1)]
    peers = peers[np.argsort(peers.mean(axis=1), kind="stable")][: max(_FEWEST_PEERS + 1, int(_PEERS * len(distinct)))]
    n = len(peers)
    if n < _FEWEST_PEERS:
        return None
    others = (peers.sum(axis=0) - peers) / (n - 1)  # (n, J) means of all but one
    strays, leads = _centred(peers - others), _centred(rival - others)
    variances = [float(((strays - share * leads) ** 2).sum()) / (n * (J - 1)) for share in _SHARES]
    least = int(np.argmin(variances))
    hard = _centred(peers.mean(axis=0))
    expected = middle + hard + _SHARES[least] * (rival - middle - hard)
    # The means of others, and the rival, are in common to all n, so that their squares are correlated, by about 1/4.
    return _Tie(expected, float(np.sqrt(variances[least])), (J - 1) * 4 * n / (n + 3))


def _centred(X: Array) -> Array:
    """Each row less its mean."""
    centred: Array = X - X.mean(axis=-1, keepdims=True)
    return centred


def _odds(tie: _Tie | None, mine: Array, ran: NDArray[np.intp]) -> tuple[float, float]:
    """How likely scores (J,) on the units that ran would ever stray so far from a tie, and by how much in the mean."""
    if tie is None or not tie.spread > 0.0:
        return 1.0, 0.0
    apart = mine[ran] - tie.expected[ran]  # (j,)
    return chance(float(apart.sum()) / tie.spread, len(mine), tie.freedom), float(apart.mean())


def _rare(odds: float) -> str:
    shown_as = f"{100 * odds:.2g} %" if odds >= 0.001 else "0.1 %"
    return f"a win is implausible (at most {shown_as} of winners ever look so bad)"
