"""Median stopping: a trial that is worse than half of the others were at the same step is not worth going on with.

Source: Golovin et al. 2017, "Google Vizier", 3.2.1; compared is the best value so far, which noise between steps moves
less than the latest one.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from statistics import median

from trialist.schedule.once import RunsOnce
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Action, Decision, Report, Stage, State, TrialRecord


@dataclass(frozen=True, slots=True)
class Curve:
    """Best losses so far by step, steps ascending; `reports` are those it was made of."""

    reports: tuple[Report, ...]
    steps: tuple[float, ...]
    best: tuple[float, ...]

    def at(self, step: float) -> float | None:
        """The best loss up to a step; None where the curve ends before it, or begins after it."""
        if not self.steps or not self.steps[0] <= step <= self.steps[-1]:
            return None
        return self.best[bisect_right(self.steps, step) - 1]


class MedianRule(RunsOnce):
    """Stops a trial whose best value so far is worse than the median of the others at the same step.

    Never before `grace` of the longest curve seen, never with fewer than `least` others to compare with; never the
    baseline, which everything is measured against, nor a finalist scored again. Trials that violate a measured
    constraint are not among the others.
    """

    name = "median"

    def __init__(self, grace: float = 1 / 3, least: int = 5) -> None:
        self.grace, self.least = grace, least
        self._curves: dict[int, Curve] = {}

    def decide(self, history: History, report: Reported) -> Decision:
        record = history[report.number]
        if record.stage in (Stage.BASELINE, Stage.SELECT):
            return GO_ON
        others = [
            self._curve(history, other)
            for other in history.explored
            if other.number != report.number
            and other.reports
            and other.is_feasible  # else a better value is no merit that others should be stopped for
            and (other.is_scored or other.state is State.STOPPED)
        ]
        longest = max((curve.steps[-1] for curve in others), default=0)
        losses = [loss for curve in others if (loss := curve.at(report.step)) is not None]
        if len(losses) < self.least or report.step < self.grace * longest:
            return GO_ON
        sign = history.plan.objective.direction.sign
        earlier = [r.value for r in record.reports if r.step <= report.step]
        mine = min(_loss(sign, value) for value in (*earlier, report.value))
        middle = median(losses)
        if not mine > middle:
            return GO_ON
        rank = 1 + sum(loss < mine for loss in losses)
        return Decision(
            Action.STOP,
            f"rank {rank} of {len(losses) + 1} at step {report.step}: {sign * mine:.4g} is worse than the median "
            f"{sign * middle:.4g} of {len(losses)} trials",
        )

    def _curve(self, history: History, record: TrialRecord) -> Curve:
        curve = self._curves.get(record.number)
        if curve is None or curve.reports is not record.reports:
            curve = self._curves[record.number] = _curve_of(history.plan.objective.direction.sign, record.reports)
        return curve


def _curve_of(sign: int, reports: tuple[Report, ...]) -> Curve:
    steps, best, lowest = [], [], math.inf
    for report in sorted(reports, key=lambda r: r.step):
        lowest = min(lowest, _loss(sign, report.value))
        steps.append(report.step)
        best.append(lowest)
    return Curve(reports, tuple(steps), tuple(best))


def _loss(sign: int, value: float) -> float:
    """The value with smaller as better; a diverged one is the worst there is."""
    return math.inf if math.isnan(value) else sign * value
