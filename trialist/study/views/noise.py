"""The noise of scores: what each configuration scored each time, in the search and on fresh seeds, with an interval.

Values are of the first objective, in its own sign and unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from trialist.scoring.components import components
from trialist.scoring.fresh import fresh_score
from trialist.study.prose import counted
from trialist.study.views.missing import no_score
from trialist.study.views.plain import as_json
from trialist.study.views.scale import Scale
from trialist.trials.history import History
from trialist.trials.trial import Score, Stage

CONFIDENCE = 0.95
MOST = 24  # configurations: the better ones


@dataclass(frozen=True, slots=True)
class Spread:
    """A configuration that was scored more than once, by the number of its trial.

    search: its replicates in the search.  fresh: on fresh seeds or splits.  mean, low, high: of the fresh ones where
    there are two or more, else of those of the search; with an interval at 95 %.
    """

    number: int
    search: tuple[float, ...]
    fresh: tuple[float, ...]
    mean: float
    low: float
    high: float
    is_fresh: bool
    is_default: bool
    is_best: bool


@dataclass(frozen=True, slots=True)
class Spreads:
    """spreads: the best first.  sd: of a single score; None where nothing tells.  left_out: further configurations."""

    metric: str
    direction: str
    spreads: tuple[Spread, ...]
    sd: float | None
    left_out: int
    scale: Scale
    enough: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = as_json(self)
        return found


def spreads(history: History, best: int | None = None, most: int = MOST) -> Spreads:
    """Of all configurations that were scored more than once.  best: the number of the chosen trial."""
    objective = history.plan.objective
    if best is None and history.best is not None:
        best = history.best.number
    again = {record.repeats for record in history if record.stage is Stage.SELECT}
    found = []
    for record in history.scored:
        score = record.metrics.get(objective.name)
        fresh = fresh_score(history, record.number, objective.name) if record.number in again else None
        searched = () if score is None else _finite(score)
        spread = None
        if fresh is not None and len(_finite(fresh)) > 1:
            spread = _spread(fresh)
        elif score is not None and len(searched) > 1:
            spread = _spread(score)
        if spread is None:
            continue
        mean, low, high = spread
        is_fresh = fresh is not None and len(_finite(fresh)) > 1
        anew = () if fresh is None else _finite(fresh)
        is_default, is_best = record.stage is Stage.BASELINE, record.number == best
        found.append(Spread(record.number, searched, anew, mean, low, high, is_fresh, is_default, is_best))
    found.sort(key=lambda s: (objective.loss(s.mean), s.number))
    kept = [s for place, s in enumerate(found) if place < most or s.is_default or s.is_best]
    values = [x for s in kept for x in (*s.search, *s.fresh, s.mean)]
    parts = components(history) if found else None
    return Spreads(
        metric=objective.name,
        direction=objective.direction.value,
        spreads=tuple(kept),
        sd=None if parts is None else parts.sd,
        left_out=len(found) - len(kept),
        scale=Scale.whole(values) if values else Scale(0.0, 1.0, log=False),
        enough=bool(kept),
        words=_words(history, len(found), "" if parts is None else parts.words),
    )


def _finite(score: Score) -> tuple[float, ...]:
    return tuple(x for x in score.replicates if math.isfinite(x))


def _spread(score: Score) -> tuple[float, float, float] | None:
    from trialist.numerics.gaussian import student_quantile

    mean, error = score.mean, score.stderr
    if error is None or not (math.isfinite(mean) and math.isfinite(error)):
        return None
    half = student_quantile((1 + CONFIDENCE) / 2, len(score.replicates) - 1) * error
    return (mean, mean - half, mean + half) if math.isfinite(mean - half) and math.isfinite(mean + half) else None


def _words(history: History, count: int, parts: str) -> str:
    if count:
        told = f"{counted(count, 'configuration')} {'was' if count == 1 else 'were'} scored more than once"
        return f"{told}. {parts}" if parts else told
    if not history.scored:
        return no_score(history)
    return (
        "No configuration was scored more than once, so nothing tells the noise. Return a list of fold scores, declare "
        "a validation such as tl.Folds(5), or select finalists: study.select(objective)."
    )
