"""Configurations as lines over one axis for each dial, the objectives last; ranges of any axis choose among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialist.study.views.parallel import Axis, Line, parallel
from trialist.web.numbers import count
from trialist.web.panels.plain import number, value_of

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_BEST = 0.1  # the share of lines that is drawn strongly
_GAP = " Where a dial is not active, or a score is missing, a line goes through the lane beside the axes."


def of(data: ReportData) -> dict[str, Any] | None:
    """None where no dial is known."""
    if not data.space.names:
        return None
    view = parallel(data.history, None if data.best is None else data.best.number)
    if not view.enough:
        return {"chart": "parallel", "empty": view.words}
    values = {record.number: value_of(record, data.objective.name) for record in data.records}
    states = {line.state for line in view.lines}
    legend = [("line strong", "best tenth"), ("line faint", "others"), ("line best", "best")]
    if any(line.is_default for line in view.lines):
        legend.append(("line baseline", "default"))
    if "failed" in states:
        legend.append(("line bad", "failed"))
    left_out = f" {count(view.left_out, 'further line')} left out here." if view.left_out else ""
    return {
        "chart": "parallel",
        "controls": "ranges",
        "axes": [_axis(axis) for axis in view.axes],
        "rows": [_row(line, len(data.space.names), values.get(line.number)) for line in view.lines],
        "metric": data.objective.name,
        "lower": data.objective.direction.sign > 0,
        "words": "Each line is a configuration. Drag along an axis to choose a range; a click beside it takes the "
        f"range back.{_GAP if any(None in line.places for line in view.lines) else ''}{left_out}",
        "label": f"Parallel coordinates, {view.words}. Ranges can be chosen below by keyboard; every configuration is "
        "in the table of trials.",
        "legend": legend,
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {
        "dial": axis.name,
        "category": axis.kind == "choice",
        "ticks": [[round(place, 5), label] for place, label in axis.ticks],
        "objective": axis.better is not None,
    }


def _row(line: Line, dials: int, value: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "n": line.number,
        "at": [None if place is None else round(place, 4) for place in line.places],
        "told": line.shown[dials],
        "v": number(value),
    }
    if line.rank is not None and line.rank <= _BEST:
        row["strong"] = 1
    if line.is_best or line.is_default or line.state != "complete":
        row["kind"] = "best" if line.is_best else "default" if line.is_default else line.state
    return row
