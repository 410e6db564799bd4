"""The noise of scores: what each configuration scored each time, in the search and on fresh seeds, with an interval.

Values are of the first objective, in its own sign and unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from trialist.scoring.components import Components, components
from trialist.scoring.fresh import fresh_score
from trialist.study.prose import counted
from trialist.study.views.missing import no_score
from trialist.study.views.plain import as_json
from trialist.study.views.scale import Scale
from trialist.trials.history import History
from trialist.trials.trial import Score, Stage, TrialRecord

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


def spreads(history: History, best: int | None = None, most: int = MOST, noise: Components | None = None) -> Spreads:
    """Of all configurations that were scored more than once.  best: the number of the chosen trial.

    noise: where it comes from, if that was found already.
    """
    objective = history.plan.objective
    if best is None and history.best is not None:
        best = history.best.number
    finalists = [record for record in history if record.stage is Stage.SELECT]
    again = {record.repeats for record in finalists}
    several: list[tuple[float, TrialRecord, Score | None]] = []  # loss, the trial, its fresh score
    for record in history.scored:
        fresh = fresh_score(finalists, record.number, objective.name) if record.number in again else None
        score = _shown(record.metrics.get(objective.name), fresh)
        if score is not None and record.loss is not None:
            loss = record.loss if score is not fresh else objective.loss(score.mean)
            several.append((loss, record, fresh))
    several.sort(key=lambda told: (told[0], told[1].number))
    found = [
        spread
        for place, (_, record, fresh) in enumerate(several)
        if place < most or record.stage is Stage.BASELINE or record.number == best
        if (spread := _spread(record, fresh, objective.name, record.number == best)) is not None
    ]
    values = [x for s in found for x in (*s.search, *s.fresh, s.mean)]
    parts = noise or (components(history) if found else None)
    return Spreads(
        metric=objective.name,
        direction=objective.direction.value,
        spreads=tuple(found),
        sd=None if parts is None else parts.sd,
        left_out=len(several) - len(found),
        scale=Scale.whole(values) if values else Scale(0.0, 1.0, log=False),
        enough=bool(found),
        words=_words(history, len(several), "" if parts is None else parts.words),
    )


def _finite(score: Score) -> tuple[float, ...]:
    return tuple(x for x in score.replicates if math.isfinite(x))


def _shown(searched: Score | None, fresh: Score | None) -> Score | None:
    """The fresh score where it has two values or more, else that of the search where it has."""
    return next((score for score in (fresh, searched) if score is not None and len(score.replicates) > 1), None)


def _spread(record: TrialRecord, fresh: Score | None, metric: str, is_best: bool) -> Spread | None:
    """None where its interval has no end."""
    from trialist.numerics.gaussian import student_quantile

    searched = record.metrics.get(metric)
    score = _shown(searched, fresh)
    if score is None or score.stderr is None:
        return None
    half = student_quantile((1 + CONFIDENCE) / 2, len(score.replicates) - 1) * score.stderr
    low, high = score.mean - half, score.mean + half
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    once, anew = (() if each is None else _finite(each) for each in (searched, fresh))
    is_default = record.stage is Stage.BASELINE
    return Spread(record.number, once, anew, score.mean, low, high, score is fresh, is_default, is_best)


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
