"""Several objectives against each other: the front that no trial beats in all of them, its knee, the default.

Values are in each metric's own sign and unit, in the order of the objectives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from trialist.scoring import front as fronts
from trialist.study.prose import counted, listed, named
from trialist.study.views.missing import no_score
from trialist.study.views.plain import as_json
from trialist.study.views.scale import Scale
from trialist.trials.history import History


@dataclass(frozen=True, slots=True)
class Point:
    """A scored trial.  on_front: no feasible trial is as good in all objectives and better in one."""

    number: int
    values: tuple[float, ...]
    is_feasible: bool
    on_front: bool


@dataclass(frozen=True, slots=True)
class Tradeoffs:
    """metrics, directions, scales: by objective.  front: numbers of its trials, the best of the first objective first.

    knee: the trial where the front bends most.  default, chosen: numbers; None where there is none.
    pairs: the objectives by place that a picture of two axes each shows.
    """

    metrics: tuple[str, ...]
    directions: tuple[str, ...]
    scales: tuple[Scale, ...]
    points: tuple[Point, ...]
    front: tuple[int, ...]
    knee: int | None
    default: int | None
    chosen: int | None
    pairs: tuple[tuple[int, int], ...]
    enough: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = as_json(self)
        return found

    def values(self, number: int | None) -> tuple[float, ...] | None:
        """Of a trial by number, or None."""
        return next((point.values for point in self.points if point.number == number), None)


def tradeoffs(history: History, chosen: int | None = None) -> Tradeoffs:
    """Of a study of several objectives; `chosen` is the number of the selected trial."""
    objectives = history.plan.objectives
    front = tuple(record.number for record in fronts.front(history)) if len(objectives) > 1 else ()
    on_front, points = set(front), []
    for record in history.scored:
        values = tuple(record.metrics[o.name].mean for o in objectives if o.name in record.metrics)
        if len(values) == len(objectives) and all(map(math.isfinite, values)):
            points.append(Point(record.number, values, record.is_feasible, record.number in on_front))
    bend = fronts.knee(history) if len(front) > 1 else None
    names = [named(objective.name) for objective in objectives]
    if len(objectives) < 2:
        words = f"The study has one objective, {names[0]}: its best so far is in study.plot.history()."
    elif not points:
        words = no_score(history)
    elif not front:
        words = "No trial satisfies the constraints, so there is no front yet."
    else:
        knee = "" if bend is None else f"; it bends most at trial {bend.number}"
        words = f"{counted(len(front), 'trial')} of {len(points)} beaten by no other in {listed(names)} together{knee}"
    return Tradeoffs(
        metrics=tuple(objective.name for objective in objectives),
        directions=tuple(objective.direction.value for objective in objectives),
        scales=tuple(
            Scale.over([point.values[j] for point in points], objective.direction)
            if points
            else Scale(0.0, 1.0, log=False)
            for j, objective in enumerate(objectives)
        ),
        points=tuple(points),
        front=front,
        knee=None if bend is None else bend.number,
        default=None if history.baseline is None else history.baseline.number,
        chosen=chosen,
        pairs=tuple(combinations(range(len(objectives)), 2)),
        enough=len(objectives) > 1 and bool(points),
        words=words,
    )
