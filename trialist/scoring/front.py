"""Several objectives: the front that no trial beats in all of them, its knee, and the pick by levels that one wants.

Smaller is better inside.  Losses are compared in units of the front's own range, from the best value of each objective
on it to the worst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trialist.errors import PlanError, StudyError, shown
from trialist.trials.history import History
from trialist.trials.trial import TrialRecord

if TYPE_CHECKING:
    import numpy as np

_AUGMENTED = 1e-4  # weight of the sum beside the maximum: of two picks with equal worst shortfalls, the better one
_ON_THE_LINE = 1e-9
_ROOM = 0.25  # losses are scaled by it, so that differences of the largest floats do not overflow


def front(history: History) -> tuple[TrialRecord, ...]:
    """The feasible trials that no feasible trial beats: none is as good everywhere and better somewhere.

    Ordered by the first objective, the best first, then by number.  With one objective: the best, and its equals.
    """
    from trialist.numerics.pareto import non_dominated

    feasible = history.feasible
    if not feasible:
        return ()
    losses = _losses(history, feasible)
    order = sorted(range(len(feasible)), key=lambda i: (*losses[i].tolist(), feasible[i].number))
    on_front = non_dominated(losses)
    return tuple(feasible[i] for i in order if on_front[i])


def knee(history: History) -> TrialRecord | None:
    """Where the front bends most: beyond it, a little more of one objective costs much of another.

    The point that lies farthest from the plane through the front's ends, towards the better side (Das 1999, with the
    ends scaled to 0 and 1).  None where the front is empty or does not bend that way: its ends are then as good a
    compromise as any.  Of a front that is one point, that point.
    """
    records = front(history)
    if len(records) < 2:
        return records[0] if records else None
    losses = _losses(history, records)
    ideal, span = _range(losses)
    depth = 1.0 - ((losses - ideal) / span).sum(axis=1)  # the plane is where the scaled losses add up to 1
    deepest = int(depth.argmax())
    return records[deepest] if depth[deepest] > _ON_THE_LINE else None


def pick(history: History, wanted: Mapping[str, float]) -> TrialRecord:
    """The trial of the front that comes nearest to the levels that are wanted, each in its metric's own sign.

    Where some trials meet all of them, the best of those: in the objectives that no level was given for, or, with a
    level for each, the one that surpasses them most evenly.  Else the one whose worst shortfall is least, in units
    of the front's range: the achievement scalarising function of Wierzbicki 1980.

    PlanError for a metric that is no objective, or a level that is no finite number; StudyError where no trial is
    scored and feasible.
    """
    levels = _levels(history, wanted)
    records = front(history)
    if not records:
        raise StudyError(f"{history.plan.name}: no trial has a score that satisfies the constraints: nothing to pick")
    import numpy as np

    losses = _losses(history, records)
    asked, free = sorted(levels), [j for j in range(losses.shape[1]) if j not in levels]
    want = _ROOM * np.array([levels[j] for j in asked])
    ideal, span = _range(losses)
    meets = np.flatnonzero((losses[:, asked] <= want).all(axis=1))
    if len(meets) and free:
        short = (losses[:, free] - ideal[free]) / span[free]
    else:
        short = (losses[:, asked] - want) / span[asked]
    achieved = short.max(axis=1) + _AUGMENTED * ((losses - ideal) / span).sum(axis=1)
    candidates = meets if len(meets) else np.arange(len(records))
    return records[int(candidates[achieved[candidates].argmin()])]


def _levels(history: History, wanted: Mapping[str, float]) -> dict[int, float]:
    """Wanted losses by the objective's place."""
    objectives = history.plan.objectives
    names = [objective.name for objective in objectives]
    if not wanted:
        example = f"pick({{{names[-1]!r}: 0.1}})"
        raise PlanError("pick", "no level is given", f"Give a level for one objective or more, as in {example}.")
    levels = {}
    for name, value in wanted.items():
        if name not in names:
            raise PlanError(str(name), "this is no objective of the study", f"Give levels for {_listed(names)}.")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -float("inf") < value < float("inf"):
            raise PlanError(name, f"{shown(value)} is not a level", "Give a finite number, in the metric's own sign.")
        levels[names.index(name)] = objectives[names.index(name)].loss(float(value))
    return levels


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _losses(history: History, records: Sequence[TrialRecord]) -> np.ndarray:
    """(n, m), scaled by _ROOM."""
    import numpy as np

    objectives = history.plan.objectives
    return _ROOM * np.array([[o.loss(r.metrics[o.name].mean) for o in objectives] for r in records], dtype=float)


def _range(losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best of each objective, and how far it reaches from there, (m,) each; 1 where it is constant."""
    import numpy as np

    span = np.ptp(losses, axis=0)
    return losses.min(axis=0), np.where(span > 0, span, 1.0)
