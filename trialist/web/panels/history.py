"""Every trial by number: its score with its noise, the best so far, the default as a line, stages, failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialist.study.views.best import BestSoFar, Mark, best_so_far
from trialist.study.views.best import Kind as Count
from trialist.study.views.missing import no_score
from trialist.web.numbers import measured
from trialist.web.panels.plain import MOST_REASONS, axis, cut, kind_of, number, numbers, thinned

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_LEGEND = (
    ("dot search", "search", "search"),
    ("diamond", "refinement", "refine"),
    ("dot again", "finalist, fresh seed", "again"),
    ("square", "one dial at a time", "sweep"),
    ("cross", "failed", "failed"),
)
_MOST_ROWS = 40  # of the table, the newest
_MOST_BANDS = 40


def of(data: ReportData) -> dict[str, Any]:
    """One picture for each objective, below each other."""
    history = data.history
    views = [best_so_far(history, objective.name) for objective in data.plan.objectives]
    told = [view for view in views if view.enough]
    if not told:
        return {"chart": "history", "empty": no_score(history)}
    drawn = [_objective(view, data) for view in told]
    failed = [mark.number for mark in told[0].marks if mark.kind is Count.FAILED]
    kinds = {point["kind"] for found in drawn for point in found["points"]} | ({"failed"} if failed else set())
    legend = [("line best", "best so far")]
    if any(found["default"] is not None for found in drawn):
        legend.append(("line baseline", "default"))
    if band := next((view.band for view in told if view.band), ""):
        legend.append(("area best", band))
    legend += [(key, label) for key, label, kind in _LEGEND if kind in kinds]
    beyond = any(not view.scale.holds(m.value) for view in told for m in view.marks if m.value is not None)
    if kinds & {"stopped", "paused"} or beyond:
        legend.append(("tri", "stopped early, or beyond the scale"))
    spans = told[0].spans
    return {
        "chart": "history",
        "objectives": drawn,
        "last": told[0].last,
        "bands": [{"stage": s.stage, "from": s.first, "to": s.last} for s in spans]
        if len(spans) <= _MOST_BANDS
        else [],
        "failed": [{"n": n, "kind": "failed"} for n in thinned(failed)],
        "legend": legend,
        "height": 30 + 322 * len(drawn),
        "words": " ".join(f"{view.words[:1].upper()}{view.words[1:]}." for view in told),
        "label": f"{' '.join(f'{view.metric}, {view.words}.' for view in told)} Every trial is in the table of trials.",
        "table": _table(told, data),
    }


def _objective(view: BestSoFar, data: ReportData) -> dict[str, Any]:
    marks = [mark for mark in view.marks if mark.value is not None]
    places = {mark.number: place for place, mark in enumerate(marks)}
    kept = thinned(marks, [places[step.number] for step in view.steps if step.number in places])
    return {
        "name": view.metric,
        "better": "lower" if view.direction == "minimize" else "higher",
        "axis": axis(view.scale),
        "points": [_point(mark, data, len(kept) <= MOST_REASONS) for mark in kept],
        "best": [[step.number, *numbers((step.value, step.low, step.high))] for step in view.steps],
        "default": number(view.default),
    }


def _point(mark: Mark, data: ReportData, with_reason: bool) -> dict[str, Any]:
    record = data.records[mark.number] if mark.number < len(data.records) else None
    if record is None or record.number != mark.number:
        record = next(r for r in data.records if r.number == mark.number)
    point: dict[str, Any] = {"n": mark.number, "v": number(mark.value), "kind": kind_of(record), "told": mark.stage}
    if mark.kind in (Count.PARTIAL, Count.OPEN):
        point["told"] = record.state.value
    if mark.kind is Count.INFEASIBLE:
        point["told"] += ", violates a constraint"
    if mark.stderr:
        point["noise"] = number(mark.stderr)
    if with_reason and record.reason:
        point["why"] = cut(record.stop_reason or record.reason)
    return point


def _table(views: list[BestSoFar], data: ReportData) -> dict[str, Any]:
    reasons = {record.number: record.reason for record in data.records}
    rows = [
        [step.number, view.metric, measured(step.value), cut(reasons[step.number])]
        for view in views
        for step in view.steps
    ]
    caption = "Trials that were the best when they came; all are in the table of trials"
    return {"head": ["trial", "metric", "score", "why it was tried"], "rows": rows[-_MOST_ROWS:], "caption": caption}
