"""Racing: a configuration that can hardly win any more need not run on its other folds, or with its other seeds.

Each score is compared with what an equal of the incumbent would have on the same unit, as far as trials with alike
dials foretell that (`model.profiles`).  What counts in the end is the sum of the differences over all units, a finite
population.  If it came to 0, a tie, the partial sums would be a bridge, and one limit for all of them holds however
often one looks (`numerics.bridge`): of the configurations that would beat the incumbent, no more than `level` are
stopped.  Repeated t-tests have no such bound, and cannot begin before the second unit.

Where a unit has a best score, such as all items right, what the units to come can add is bounded as well: who stays
behind the incumbent even with the best score on all of them is stopped without any chance of a mistake.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialist.errors import PlanError, shown
from trialist.model.features import Features
from trialist.model.points import Points
from trialist.model.profiles import Profiles, profiles
from trialist.model.replicates import Replicates, Scores, losses_of, shared_units
from trialist.numerics.bridge import chance
from trialist.numerics.gp import Array
from trialist.numerics.pareto import non_dominated
from trialist.numerics.threads import one_thread
from trialist.scheduling.once import RunsOnce
from trialist.scheduling.standing import may_be_halted
from trialist.space.cube import Cube
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import GO_ON, Action, Decision, TrialRecord
from trialist.trials.validation import Items, unit_of

_ROUNDING = 1e-9  # of sums of scores
_FLAWLESS = 3  # trials that nobody can beat: among so many, fresh scores choose


@dataclass
class Racing(RunsOnce):
    """Stops a trial as soon as a win over the incumbent is implausible by the folds, or seeds, that it has run.

    Use it with `validation=`, where all configurations share their folds, draws or seeds.  level: at most that share of
    those that would have won is stopped all the same.  least: so many whole trials come first.  Never the default,
    finalists or repeated configurations.  With several objectives a trial is stopped when one trial of the front
    beats it in all of them.
    """

    level: float = 0.33
    least: int = 4
    name = "racing"
    _scores: Scores = field(default_factory=Scores, init=False, repr=False, compare=False)
    _foretold: _Foretold = field(default_factory=lambda: _Foretold(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise PlanError(
                "level", f"{shown(self.level)} is no share", "Give a number between 0 and 1; 0.33 is usual."
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
        known, x = self._foretold.look(history, seen, whole), self._foretold.features(record)
        for rival in rivals:
            ties = [_tie(known[k], x, seen.losses[rival, :, k]) for k in range(mine.shape[1])]
            odds, strayed = zip(*(_odds(tie, mine[:, k], ran) for k, tie in enumerate(ties)), strict=True)
            if max(odds) < self.level / len(rivals):
                worse = " and ".join(f"{value:.3g}" for value in strayed)
                told = f"{where} {worse} worse than a tie with trial {seen.numbers[rival]} would be"
                return Decision(Action.STOP, f"{told}: {_rare(max(odds))}")
        return GO_ON


class _Foretold:
    """Profiles by objective, made anew where another trial is whole: a cache."""

    def __init__(self) -> None:
        self._cube = Cube(Space())
        self._features = Features(self._cube)
        self._of: tuple[Space | None, Any, Any] = (None, None, None)
        self._profiles: list[Profiles | None] = []

    def look(self, history: History, seen: Replicates, whole: NDArray[np.intp]) -> list[Profiles | None]:
        """(m,) of whole trials."""
        numbers, losses = seen.numbers[whole], seen.losses[whole]  # (w,), (w, J, m)
        key = history.space, numbers.tobytes(), losses.tobytes()
        if key != self._of:
            if history.space is not self._cube.space:
                self._cube = Cube(history.space)
                self._features = Features(self._cube)
            X = self._rows([history[int(number)] for number in numbers])
            with one_thread():
                self._of, self._profiles = key, [profiles(X, losses[:, :, k]) for k in range(losses.shape[2])]
        return self._profiles

    def features(self, record: TrialRecord) -> Array:
        """(F,) of one configuration, in the space that was looked at."""
        row: Array = self._rows([record])[0]
        return row

    def _rows(self, records: list[TrialRecord]) -> Array:
        return Points.of(self._features, self._cube.encode([record.params for record in records])).X


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


def _tie(known: Profiles | None, x: Array, rival: Array) -> _Tie | None:
    """Of a configuration with features x (F,) with a rival (J,); None where too little tells how scores stray.

    Whatever its profile, the expected scores add up to the rival's, so that the test holds; the better it is foretold,
    the less is left to chance.  To compare with the rival's scores as they are would let the rival's own luck on each
    unit blur what is seen.
    """
    if known is None or not known.spread > 0.0:
        return None
    return _Tie(float(rival.mean()) + known.of(x), known.spread, known.freedom)


def _odds(tie: _Tie | None, mine: Array, ran: NDArray[np.intp]) -> tuple[float, float]:
    """How likely scores (J,) on the units that ran would ever stray so far from a tie, and by how much in the mean."""
    if tie is None:
        return 1.0, 0.0
    apart = mine[ran] - tie.expected[ran]  # (j,)
    return chance(float(apart.sum()) / tie.spread, len(ran), len(mine), tie.freedom), float(apart.mean())


def _rare(odds: float) -> str:
    shown_as = f"{100 * odds:.2g} %" if odds >= 0.001 else "0.1 %"
    return f"a win is implausible (at most {shown_as} of winners ever look so bad)"
