"""Configurations as lines over parallel axes: one for each dial, and one for each objective at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialist.errors import SpaceError
from trialist.space.categorical import Categorical
from trialist.space.space import Space
from trialist.study.prose import counted, named, setting
from trialist.study.views.missing import no_score
from trialist.study.views.plain import as_json
from trialist.study.views.scale import Scale
from trialist.trials.history import History
from trialist.trials.trial import Stage, State, TrialRecord

MOST = 600  # lines: more make a picture that nobody can read
TICKS = 5
MOST_CHOICES = 24


@dataclass(frozen=True, slots=True)
class Axis:
    """kind: "float", "int", "choice" or "objective".  ticks: (place, label) from 0 to 1, labels on one line.

    better: where better values are, 1 or 0; None of a dial.
    """

    name: str
    kind: str
    log: bool
    ticks: tuple[tuple[float, str], ...]
    better: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """places: by axis, from 0 to 1; None where a dial is not active.  rank: of the loss, 0 the best to 1 the worst.

    rank is None where the trial has no score; values are told by `shown`, by axis.
    """

    number: int
    places: tuple[float | None, ...]
    shown: tuple[str, ...]
    state: str
    rank: float | None
    is_default: bool
    is_best: bool


@dataclass(frozen=True, slots=True)
class Parallel:
    """lines: the worst first, so that the best is drawn last.  left_out: further trials."""

    axes: tuple[Axis, ...]
    lines: tuple[Line, ...]
    left_out: int
    enough: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = as_json(self)
        return found


def parallel(history: History, best: int | None = None, most: int = MOST) -> Parallel:
    """Of the explored trials that ended.  best: the number of the chosen trial; by default the search's best."""
    space, objectives = history.space, history.plan.objectives
    records = [r for r in history.explored if r.state.is_closed or r.state is State.PAUSED]
    if best is None and history.best is not None:
        best = history.best.number
    scales = [_scale([_value(r, o.name) for r in records], o) for o in objectives]
    axes = [*(_axis(space, dial) for dial in space.names)]
    axes += [
        Axis(o.name, "objective", scale.log, tuple((scale.at(t), f"{t:.4g}") for t in scale.ticks()),
             0.0 if o.direction.sign > 0 else 1.0)
        for o, scale in zip(objectives, scales, strict=True)
    ]  # fmt: skip
    ranks = _ranks(history)
    order = sorted(records, key=lambda r: (r.number == best, -ranks.get(r.number, 2.0), r.number))
    kept = _thinned(order, ranks, best, most)
    lines = tuple(_line(record, space, history, scales, ranks.get(record.number), best) for record in kept)
    enough = bool(lines) and bool(space.names)
    told = f"{counted(len(records), 'configuration')} over {counted(len(space.names), 'dial')}"
    if len(kept) < len(records):
        told += f"; {len(records) - len(kept)} of the middling ones are left out"
    words = told if lines else no_score(history)
    return Parallel(tuple(axes), lines, len(records) - len(kept), enough, words)


def place_of(space: Space, dial: str, params: Mapping[str, Any]) -> float | None:
    """Where a dial stands on its scale, 0 to 1; None where it is not active, or where the space does not hold it."""
    if dial not in params or dial not in space:
        return None
    try:
        return space[dial].encode(params[dial])
    except SpaceError:
        return None


def _axis(space: Space, dial: str) -> Axis:
    parameter = space[dial]
    if isinstance(parameter, Categorical):
        every = math.ceil(len(parameter.choices) / MOST_CHOICES)
        ticks = tuple((parameter.encode(choice), setting(choice)) for choice in parameter.choices[::every])
        return Axis(dial, "choice", False, ticks)
    levels = parameter.levels(TICKS)
    kind = "int" if isinstance(parameter.low, int) else "float"
    return Axis(dial, kind, parameter.log, tuple((parameter.encode(v), _number(v)) for v in levels))


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) and abs(value) < 1e6 else f"{value:.3g}"


def _value(record: TrialRecord, metric: str) -> float | None:
    score = record.metrics.get(metric)
    return score.mean if score is not None and math.isfinite(score.mean) else None


def _scale(values: Sequence[float | None], objective: Any) -> Scale:
    known = [value for value in values if value is not None]
    return Scale.over(known, objective.direction) if known else Scale(0.0, 1.0, log=False)


def _ranks(history: History) -> dict[int, float]:
    ordered = sorted((r for r in history.scored if r.loss is not None), key=lambda r: (r.loss, r.number))
    return {record.number: place / max(len(ordered) - 1, 1) for place, record in enumerate(ordered)}


def _thinned(
    order: Sequence[TrialRecord], ranks: Mapping[int, float], best: int | None, most: int
) -> list[TrialRecord]:
    """Of many: the default, the better ones, and every nth of the rest."""
    if len(order) <= most:
        return list(order)
    every = math.ceil(2 * len(order) / most)
    strong = most / (2 * len(order))
    return [
        r
        for place, r in enumerate(order)
        if place % every == 0 or ranks.get(r.number, 2.0) <= strong or r.stage is Stage.BASELINE or r.number == best
    ]


def _line(
    record: TrialRecord,
    space: Space,
    history: History,
    scales: Sequence[Scale],
    rank: float | None,
    best: int | None,
) -> Line:
    values = [_value(record, o.name) for o in history.plan.objectives]
    places = [place_of(space, dial, record.params) for dial in space.names]
    shown = [setting(record.params[dial]) if dial in record.params else "not active" for dial in space.names]
    return Line(
        record.number,
        (*places, *(None if v is None else scale.at(v) for v, scale in zip(values, scales, strict=True))),
        (*shown, *("no value" if v is None else f"{v:.4g}" for v in values)),
        record.state.value,
        rank,
        record.stage is Stage.BASELINE,
        record.number == best,
    )


def title(axis: Axis) -> str:
    """What stands over an axis."""
    return f"{named(axis.name)} (log)" if axis.log and axis.kind != "objective" else named(axis.name)
