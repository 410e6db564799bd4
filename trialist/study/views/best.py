"""The best so far: every trial by number, the best one up to there with the noise of its score, the default.

Values are in the metric's own sign and unit, and finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from trialist.errors import PlanError, shown
from trialist.study.prose import counted, named
from trialist.study.views.missing import no_score
from trialist.study.views.plain import as_json
from trialist.study.views.scale import Scale
from trialist.trials.history import History
from trialist.trials.plan import Objective
from trialist.trials.trial import Score, Stage, State, TrialRecord

CONFIDENCE = 0.95


class Kind(StrEnum):
    """How a trial counts."""

    FULL = "full"  # scored, and feasible
    INFEASIBLE = "infeasible"  # scored, and violates a constraint that it measured
    PARTIAL = "partial"  # stopped or paused: its value is of a part of a run
    AGAIN = "again"  # a configuration that was chosen before, on a fresh seed: no part of the search
    SWEEP = "sweep"  # a level of one dial, all else as chosen
    FAILED = "failed"
    OPEN = "open"  # waiting or running


@dataclass(frozen=True, slots=True)
class Mark:
    """A trial.  value: None where it has none.  stderr: of replicates.  repeats: the trial that it scores again."""

    number: int
    kind: Kind
    stage: str
    value: float | None
    stderr: float | None
    repeats: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """From trial `number` on, this was the best.  low, high: by the noise of its score; None where that is unknown."""

    number: int
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """A stage, from trial to trial."""

    stage: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class BestSoFar:
    """One metric of a study by trial number.

    steps: where the best changed.  default: of the baseline.  chosen: the number of the selected trial, where it is
    known.  last: the highest trial number.  band: what low and high of the steps are, in words; empty where there are
    none.  scale: an axis that shows the good values well.
    """

    metric: str
    direction: str
    marks: tuple[Mark, ...]
    steps: tuple[Step, ...]
    spans: tuple[Span, ...]
    default: float | None
    chosen: int | None
    last: int
    scale: Scale
    band: str
    enough: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = as_json(self)
        return found

    def path(self) -> tuple[float, ...]:
        """The best after each trial from the first scored one on, up to the last trial."""
        ends = [*(step.number for step in self.steps[1:]), self.last + 1]
        return tuple(
            value
            for step, end in zip(self.steps, ends, strict=True)
            for value in [step.value] * max(end - step.number, 1)
        )


def best_so_far(history: History, metric: str | None = None, chosen: int | None = None) -> BestSoFar:
    """Of an objective by name, by default the first one; PlanError for a metric that is none of them.

    chosen: the number of the selected trial.
    """
    objective = objective_of(history, metric)
    marks = tuple(_mark(record, objective.name) for record in history)
    values = [mark.value for mark in marks if mark.value is not None]
    baseline = next((r for r in history if r.stage is Stage.BASELINE and r.is_scored), None)
    default = None if baseline is None else _value(baseline, objective.name)
    noise, source = _noise(history, objective)
    steps = tuple(_steps(history, objective, noise))
    has_band = any(step.low is not None for step in steps)
    return BestSoFar(
        metric=objective.name,
        direction=objective.direction.value,
        marks=marks,
        steps=steps,
        spans=tuple(_spans(history)),
        default=default,
        chosen=chosen,
        last=max((mark.number for mark in marks), default=0),
        scale=Scale.over(values, objective.direction) if values else Scale(0.0, 1.0, log=False),
        band=f"{CONFIDENCE:.0%} interval of the best score alone, {source}" if has_band else "",
        enough=bool(values),
        words=_words(history, objective, marks, steps, default) if values else no_score(history, objective.name),
    )


def objective_of(history: History, metric: str | None) -> Objective:
    """The objective of that name, by default the first one; PlanError names those that there are."""
    objectives = history.plan.objectives
    found = objectives[0] if metric is None else next((o for o in objectives if o.name == metric), None)
    if found is None:
        names = " or ".join(repr(o.name) for o in objectives)
        raise PlanError("metric", f"{shown(metric)} is no objective of the study", f"Use {names}.")
    return found


def _mark(record: TrialRecord, metric: str) -> Mark:
    value = _value(record, metric)
    score = record.metrics.get(metric)
    kind = Kind.FULL if record.is_feasible else Kind.INFEASIBLE
    if record.state in (State.RUNNING, State.WAITING):
        kind = Kind.OPEN
    elif record.state is State.FAILED:
        kind = Kind.FAILED
    elif not record.stage.is_explored:
        kind = Kind.SWEEP if record.stage is Stage.SWEEP else Kind.AGAIN
    elif not record.is_scored:
        kind = Kind.PARTIAL
    stderr = None if score is None or score.stderr is None or not math.isfinite(score.stderr) else score.stderr
    return Mark(record.number, kind, record.stage.value, value, stderr, record.repeats)


def _value(record: TrialRecord, metric: str) -> float | None:
    score = record.metrics.get(metric)
    return score.mean if score is not None and math.isfinite(score.mean) else None


def _steps(history: History, objective: Objective, noise: float | None) -> Iterator[Step]:
    best = math.inf
    for record in history.feasible:
        value = _value(record, objective.name)
        if value is None or objective.loss(value) >= best:
            continue
        best = objective.loss(value)
        half = _half_width(record.metrics[objective.name], noise)
        ends = (None, None) if half is None or not math.isfinite(value + half) else (value - half, value + half)
        yield Step(record.number, value, *ends)


def _noise(history: History, objective: Objective) -> tuple[float | None, str]:
    """Standard deviation of a single score where runs with several seeds tell it, and where the band comes from."""
    if objective != history.plan.objective:
        return None, "by its replicates"
    if any(len(score.replicates) > 1 for r in history.feasible if (score := r.metrics.get(objective.name))):
        return None, "by its replicates"
    from trialist.scoring.components import components

    found = components(history)
    if found is None:
        return None, ""
    return found.sd, f"by {counted(found.configurations, 'configuration')} that ran with several seeds"


def _half_width(score: Score, noise: float | None) -> float | None:
    from trialist.numerics.gaussian import normal_quantile, student_quantile

    if (error := score.stderr) is not None:
        return student_quantile((1 + CONFIDENCE) / 2, len(score.replicates) - 1) * error
    return None if noise is None else normal_quantile((1 + CONFIDENCE) / 2) * noise


def _spans(history: History) -> Iterator[Span]:
    for stage, members in groupby(history, key=lambda r: Stage.SEARCH if r.stage is Stage.BASELINE else r.stage):
        numbers = [record.number for record in members]  # the default opens the search
        yield Span(stage.value, numbers[0], numbers[-1])


def _words(
    history: History, objective: Objective, marks: Sequence[Mark], steps: Sequence[Step], default: float | None
) -> str:
    name, failed = named(objective.name), sum(mark.kind is Kind.FAILED for mark in marks)
    swept = sum(mark.kind is Kind.SWEEP for mark in marks)
    told = [counted(len(marks), "trial") + (f", {failed} failed" if failed else "")]
    told[0] += f", {swept} of them of sweeps" if swept else ""
    if steps:
        told.append(f"the best {name} is {steps[-1].value:.4g} (trial {steps[-1].number})")
    elif history.scored:
        told.append("none satisfies the constraints")
    else:
        told.append("none is complete")
    if default is not None:
        told.append(f"the default has {default:.4g}")
    return "; ".join(told)
