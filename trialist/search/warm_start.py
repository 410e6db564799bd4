"""The warm start: what was best in earlier studies is tried first, then the strategy goes on.

Most of what earlier studies are worth lies in their best configurations (algorithms that transfer models gain little
more: Feurer 2018; Wistuba 2015).  So each study's best is tried, right after the default; a second one, apart from the
first, only where the first beat the default here.  An earlier study that misleads costs one trial.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialist.errors import SpaceError, shown
from trialist.model.translation import Translation, translated
from trialist.numerics.keys import Key
from trialist.protocols import Strategy
from trialist.space.parameter import Categorical
from trialist.space.space import Space
from trialist.trials.feasibility import ranked
from trialist.trials.history import History
from trialist.trials.plan import Plan
from trialist.trials.trial import Exhausted, Proposal, Stage, TrialRecord

NAME = "warm start"
ROUNDS = 2  # points of each study at most
APART = 0.1  # of a dial's scale: nearer than that in every dial, the second point would tell what the first one does
SHARE = 5  # of a study's trials, the best 1 / SHARE are looked at in any case
FEW = 4  # trials that a strategy begins with at least, if the budget has four times as many


class WarmStarted:
    """A strategy after the best of earlier studies; where there are none, the strategy."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy, self.name = strategy, strategy.name
        self._known: tuple[tuple[History, ...], Space, list[list[FirstPoint]]] | None = None

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        point = self._next(history)
        return self.strategy.propose(history, key) if point is None else Proposal(point.params, point.reason, NAME)

    def _next(self, history: History) -> FirstPoint | None:
        explored, space = history.explored, history.space
        if not history.earlier or not len(space):
            return None
        if sum(record.strategy == NAME for record in explored) >= most_points(space, history.plan):
            return None
        if self._known is None or self._known[0] is not history.earlier or self._known[1] != space:
            self._known = history.earlier, space, first_points(history)
        return next(self._left(history, self._known[2]), None)

    def _left(self, history: History, points: Sequence[Sequence[FirstPoint]]) -> Iterator[FirstPoint]:
        """The points that are not tried yet, in their order."""
        baseline = history.baseline
        for turn in range(ROUNDS):
            for study in points:
                if turn >= len(study) or _tried(history, study[turn]) is not None:
                    continue
                first = _tried(history, study[0])
                if turn == 0 or (first is not None and baseline is not None and _beats(first, baseline)):
                    yield study[turn]


@dataclass(frozen=True, slots=True)
class FirstPoint:
    """A configuration to be tried first, and why."""

    params: Mapping[str, Any]
    reason: str


def most_points(space: Space, plan: Plan) -> int:
    """How many points are tried first at most: half as many as a model would begin with, at least one."""
    first = max(len(space) + 1, FEW)
    if plan.budget.trials is not None:
        first = min(first, plan.budget.trials // 4)
    return max(1, first // 2)


def first_points(history: History) -> list[list[FirstPoint]]:
    """For each earlier study, newest first, its best configuration in the present space, and another one.

    All lie apart from each other.  What has no counterpart in the space, or is forbidden, is passed over.  A study
    whose best is the default, or another study's, has no point: the next best would be no first choice.
    """
    space = history.space
    default = space.identity(space.baseline())
    positions: list[list[float]] = []  # of all points so far
    points: list[list[FirstPoint]] = []
    for earlier in reversed(history.earlier):
        found: list[FirstPoint] = []
        for turn in range(ROUNDS):
            for record, translation in _best(earlier, space, turn):
                u = space.encode(translation.params)
                is_new = space.identity(translation.params) != default and all(_apart(u, v, space) for v in positions)
                if is_new:
                    positions.append(u)
                    found.append(_point(earlier, record, translation, turn))
                if is_new or not found:
                    break
            if not found:
                break
        points.append(found)
    return points


def _best(earlier: History, space: Space, turn: int) -> Iterator[tuple[TrialRecord, Translation]]:
    """The best share of a study, by each objective in turn, as far as the present space has and allows it.

    All that beat the study's own default counts as good: a choice that is gone may have been in all of the very best.
    """
    objectives = earlier.plan.objectives
    objective = objectives[turn % len(objectives)]
    order = ranked(earlier.scored)
    if objective is not objectives[0]:
        order.sort(key=lambda r: (not r.is_feasible, objective.loss(r.metrics[objective.name].mean)))
    default = next((i for i, record in enumerate(order) if record.stage is Stage.BASELINE), 0)
    for record in order[: max(SHARE, len(order) // SHARE, default)]:
        translation = translated(record.params, space)
        if translation is not None and _is_allowed(translation.params, space):
            yield record, translation


def _is_allowed(params: Mapping[str, Any], space: Space) -> bool:
    try:
        space.check(params)
    except SpaceError:
        return False
    return True


def _apart(u: Sequence[float], v: Sequence[float], space: Space) -> bool:
    """Whether two configurations differ in a choice, or in a number by a tenth of its scale."""
    return any(
        abs(a - b) > (1e-9 if isinstance(dial, Categorical) else APART)
        for a, b, (_, dial) in zip(u, v, space.items(), strict=True)
    )


def _point(earlier: History, record: TrialRecord, translation: Translation, turn: int) -> FirstPoint:
    objectives = earlier.plan.objectives
    what = "the best" if turn == 0 else "another of the best"
    if turn and len(objectives) > 1:
        what = f"the best {objectives[turn % len(objectives)].name}"
    changed = f" ({translation.words})" if translation.words else ""
    return FirstPoint(
        translation.params, f"{what} of study {shown(earlier.plan.name)}, its trial {record.number}{changed}"
    )


def _tried(history: History, point: FirstPoint) -> TrialRecord | None:
    """The explored trial of that configuration."""
    space = history.space
    same = (record for record in history.explored if record.params == point.params)
    return next((r for r in same if space.identity(r.params) == space.identity(point.params)), None)


def _beats(record: TrialRecord, baseline: TrialRecord) -> bool:
    return record.is_scored and ranked([baseline, record])[0] is record
