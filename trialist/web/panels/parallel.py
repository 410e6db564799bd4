"""Configurations as lines over one axis for each dial, the objectives last; ranges of any axis choose among them."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from trialist.study.views.scale import Scale
from trialist.trials.plan import Objective
from trialist.trials.trial import Stage, State, TrialRecord
from trialist.web.numbers import count, measured
from trialist.web.panels.dialaxis import DialAxis, axis_of
from trialist.web.panels.plain import kind_of, number, thinned, value_of

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_MOST_LINES = 600  # more make a picture that nobody can read, and a file that is slow
_BEST = 0.1  # the share of lines that is drawn strongly


def of(data: ReportData) -> dict[str, Any] | None:
    """None where no dial is known."""
    records = [r for r in data.records if r.repeats is None or r.stage is not Stage.SELECT]
    dials = list(dict.fromkeys([*data.space.names, *(dial for record in records for dial in record.params)]))
    if not dials:
        return None
    lines = [r for r in records if r.state is not State.WAITING]
    if not lines:
        return {"chart": "parallel", "empty": "No trial was run yet. Each will be a line here: trialist run."}
    axes = [axis_of(dial, data.space, records) for dial in dials]
    scored = [r for r in lines if value_of(r, data.objective.name) is not None]
    best = heapq.nsmallest(
        max(1, round(_BEST * len(scored))),
        scored,
        key=lambda r: data.objective.loss(r.metrics[data.objective.name].mean),
    )
    strong = {r.number for r in best}
    places = [i for i, r in enumerate(lines) if r.number in strong or r.number == 0]
    kept = thinned(lines, places, _MOST_LINES)
    ends = [_objective_axis(objective, lines) for objective in data.plan.objectives]
    shown_best = data.best.number if data.best is not None else None
    left_out = len(lines) - len(kept)
    words = (
        "Each line is a configuration; the best tenth is drawn strongly. Drag along an axis to choose a range of it: "
        "the table shows what is left."
    )
    return {
        "chart": "parallel",
        "controls": "ranges",
        "axes": [a.to_json() for a in axes] + [_end_json(end) for end in ends],
        "rows": [_row(record, axes, ends, strong) for record in kept],
        "best": shown_best,
        "metric": data.objective.name,
        "words": words + (f" {count(left_out, 'line')} of the middle left out here." if left_out else ""),
        "label": (
            f"Parallel coordinates of {count(len(lines), 'configuration')} over {count(len(dials), 'dial')} and "
            f"{', '.join(o.name for o in data.plan.objectives)}. Choose ranges below by keyboard; every configuration "
            "is in the table of trials."
        ),
        "legend": [("line strong", "best tenth"), ("line faint", "others"), ("line best", "best"),
                   ("line baseline", "default"), ("line bad", "failed")],
        "height": 380,
    }  # fmt: skip


class _End:
    """An objective as an axis: its scale, the bad values at the bottom or top as it is drawn, places from 0 to 1."""

    def __init__(self, objective: Objective, scale: Scale | None) -> None:
        self.objective, self.scale = objective, scale

    def place(self, record: TrialRecord) -> float | None:
        value = value_of(record, self.objective.name)
        return None if value is None or self.scale is None else self.scale.at(value)


def _objective_axis(objective: Objective, records: list[TrialRecord]) -> _End:
    values = [v for r in records if (v := value_of(r, objective.name)) is not None]
    return _End(objective, Scale.over(values, objective.direction) if values else None)


def _end_json(end: _End) -> dict[str, Any]:
    scale = end.scale
    ticks = [] if scale is None else [[round(scale.at(t), 5), f"{t:.4g}"] for t in scale.ticks()]
    return {"dial": end.objective.name, "category": False, "ticks": ticks, "objective": True,
            "lower": end.objective.direction.sign > 0}  # fmt: skip


def _row(record: TrialRecord, axes: list[DialAxis], ends: list[_End], strong: set[int]) -> dict[str, Any]:
    places = [a.place(record.params[a.dial]) if a.dial in record.params else None for a in axes]
    places += [end.place(record) for end in ends]
    score = record.metrics.get(ends[0].objective.name)
    row: dict[str, Any] = {"n": record.number, "at": [None if p is None else round(p, 4) for p in places]}
    if score is not None:
        row["v"], row["told"] = number(score.mean), measured(score.mean, score.stderr)
    if record.number in strong:
        row["strong"] = 1
    if record.state is not State.COMPLETE or record.number == 0:
        row["kind"] = "default" if record.number == 0 else kind_of(record)
    return row
