"""Learning curves: what each trial reported step by step, where it was looked at, and why it ended there.

With a declared validation a report is the score of a fold, a seed or a block: then the curve is their running mean.
Values are of the first objective, in its own sign, and finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from trialist.study.prose import counted
from trialist.study.summary import unit_noun
from trialist.study.views.missing import no_score, short
from trialist.study.views.plain import as_json
from trialist.study.views.scale import Scale
from trialist.trials.history import History
from trialist.trials.plan import Direction
from trialist.trials.trial import Stage, State, TrialRecord

MOST = 200  # curves
POINTS = 300  # of a curve
FEW = 3  # curves that are looked at one by one, from where they begin


@dataclass(frozen=True, slots=True)
class Curve:
    """What a trial reported.  reason: why it ended where it did, where it did not run to its end."""

    number: int
    steps: tuple[float, ...]
    values: tuple[float, ...]
    state: str
    stage: str
    reason: str
    is_default: bool
    is_best: bool


@dataclass(frozen=True, slots=True)
class Curves:
    """unit: what a step is, in the singular or as the fidelity is named.  rungs: steps at which trials are looked at.

    is_mean: values are running means over units.  left_out: further trials with reports.  lost: reports that are no
    finite number.  ends: how many trials ended in which state, by state.
    """

    metric: str
    direction: str
    unit: str
    curves: tuple[Curve, ...]
    rungs: tuple[float, ...]
    is_mean: bool
    left_out: int
    lost: int
    scale: Scale
    ends: tuple[tuple[str, int], ...]
    enough: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = as_json(self)
        return found


def curves(history: History, best: int | None = None, most: int = MOST, points: int = POINTS) -> Curves:
    """Of all trials that reported.  best: the number of the trial that is chosen; by default the search's best."""
    plan, validation = history.plan, history.plan.validation
    if best is None and history.best is not None:
        best = history.best.number
    reporting = [record for record in history if record.reports and record.stage is not Stage.SWEEP]
    shown = [r for r in reporting if r.number == best or r.stage is Stage.BASELINE]
    room = max(most - len(shown), 0)
    others = [r for r in reporting if r not in shown]
    every = max(1, math.ceil(len(others) / room)) if room else len(others) + 1
    chosen = sorted([*shown, *others[::every]], key=lambda r: r.number)
    drawn = [_curve(record, best, validation is not None, points) for record in chosen]
    kept = tuple(curve for curve in drawn if curve.values)
    unit = "step" if plan.fidelity is None else plan.fidelity.name
    unit = unit if validation is None else unit_noun(validation)
    ends = tuple(
        (state.value, count) for state in State if (count := sum(record.state is state for record in reporting))
    )
    return Curves(
        metric=plan.objective.name,
        direction=plan.objective.direction.value,
        unit=unit,
        curves=kept,
        rungs=() if plan.fidelity is None else plan.fidelity.rungs,
        is_mean=validation is not None,
        left_out=len(reporting) - len(chosen),
        lost=sum(not math.isfinite(report.value) for record in reporting for report in record.reports),
        scale=_scale(kept, plan.objective.direction),
        ends=ends,
        enough=bool(kept),
        words=_words(history, reporting, ends),
    )


def _scale(kept: Sequence[Curve], direction: Direction) -> Scale:
    """Of many the axis shows where they end, for what trials begin with is often far worse; of few it shows all."""
    if not kept:
        return Scale(0.0, 1.0, log=False)
    if len(kept) <= FEW:
        return Scale.whole(value for curve in kept for value in curve.values)
    return Scale.over([value for curve in kept for value in curve.values[len(curve.values) // 4 :]], direction)


def _curve(record: TrialRecord, best: int | None, is_mean: bool, points: int) -> Curve:
    reports = [report for report in record.reports if math.isfinite(report.value)]
    steps, values = [float(report.step) for report in reports], [report.value for report in reports]
    if is_mean:
        steps = [float(count) for count in range(1, len(values) + 1)]
        values = [total / count for count, total in enumerate(accumulate(values), 1)]
        pairs = [(step, value) for step, value in zip(steps, values, strict=True) if math.isfinite(value)]
        steps, values = [step for step, _ in pairs], [value for _, value in pairs]
    every = math.ceil(len(steps) / points) if steps else 1
    picks = sorted({*range(0, len(steps), every), len(steps) - 1}) if steps else []
    return Curve(
        record.number,
        tuple(steps[i] for i in picks),
        tuple(values[i] for i in picks),
        record.state.value,
        record.stage.value,
        _reason(record),
        record.stage is Stage.BASELINE,
        record.number == best,
    )


def _reason(record: TrialRecord) -> str:
    if record.failure is not None and record.state is State.FAILED:
        return short(record.failure.message)
    if record.state is State.STOPPED:
        return record.stop_reason
    return record.halted.reason if record.state is State.PAUSED and record.halted is not None else ""


def _words(history: History, reporting: Sequence[TrialRecord], ends: Sequence[tuple[str, int]]) -> str:
    if not reporting:
        if not any(record.is_scored for record in history):
            return no_score(history)
        return (
            "No trial has reported on its way. Let the objective call trial.report(value) after each epoch or fold: "
            "then hopeless trials can end early, and their curves stand here."
        )
    told = ", ".join(f"{count} {state}" for state, count in ends)
    return f"{counted(len(reporting), 'trial')} reported on the way: {told}"
