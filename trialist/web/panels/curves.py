"""Learning curves: each trial step by step, the steps at which trials are looked at, and why each ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialist.study.views.curves import Curve, curves
from trialist.web.numbers import count, measured
from trialist.web.panels.plain import axis, cut, numbers

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_MOST, _POINTS = 120, 60  # curves, and points of each
_ROWS = 60


def of(data: ReportData) -> dict[str, Any] | None:
    """None where no trial reports on its way, and no dial of fidelity says that any will."""
    view = curves(data.history, None if data.best is None else data.best.number, _MOST, _POINTS)
    if not view.curves:
        has_any = data.plan.fidelity is not None or any(record.reports for record in data.records)
        return {"chart": "curves", "empty": view.words} if has_any else None
    words = f"{view.words}."
    if view.is_mean:
        words += f" Each curve is the mean over the {view.unit} so far."
    if view.left_out:
        words += f" {count(view.left_out, 'further curve')} left out here."
    if view.lost:
        words += f" {count(view.lost, 'report')} of no finite value left out."
    states = {curve.state for curve in view.curves}
    plain = {curve.state for curve in view.curves if not (curve.is_best or curve.is_default)}
    legend = [("line strong", "complete")] if "complete" in plain else []
    if any(curve.is_best for curve in view.curves):
        legend.append(("line best", "best"))
    if any(curve.is_default and not curve.is_best for curve in view.curves):
        legend.append(("line baseline", "default"))
    if "stopped" in states:
        legend.append(("line stopped", "stopped early, ends at △"))
    if "paused" in states:
        legend.append(("line faint", "paused, may go on"))
    if "failed" in states:
        legend.append(("cross", "failed"))
    if view.rungs:
        legend.append(("line rung", "looked at here"))
    ended = [curve for curve in view.curves if curve.reason]
    return {
        "chart": "curves",
        "metric": view.metric,
        "unit": view.unit,
        "better": "lower" if view.direction == "minimize" else "higher",
        "axis": axis(view.scale),
        "rungs": numbers(view.rungs),
        "curves": [_curve(curve) for curve in view.curves],
        "legend": legend,
        "words": words,
        "label": f"Learning curves of {view.metric}: {words}",
        "height": 360,
        "table": {
            "head": ["trial", "ended", f"after ({view.unit})", view.metric, "why"],
            "rows": [[c.number, c.state, f"{c.steps[-1]:g}", measured(c.values[-1]), c.reason] for c in ended[-_ROWS:]],
            "caption": "Trials that ended before their end, and why",
        },
    }


def _curve(curve: Curve) -> dict[str, Any]:
    kind = "best" if curve.is_best else "default" if curve.is_default else curve.state
    found: dict[str, Any] = {"n": curve.number, "kind": kind, "x": numbers(curve.steps), "y": numbers(curve.values)}
    if curve.reason:
        found["why"] = cut(curve.reason)
    if kind != curve.state:
        found["told"] = curve.state
    return found
