"""Several objectives against each other: a picture for each two, the front as a line, its knee, the default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialist.study.views.front import tradeoffs
from trialist.web.numbers import measured
from trialist.web.panels.plain import axis, numbers, thinned

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_MOST_PAIRS = 6


def of(data: ReportData) -> dict[str, Any] | None:
    """None for a study of one objective."""
    if len(data.plan.objectives) < 2:
        return None
    view = tradeoffs(data.history, data.selection.number if data.selection is not None else None)
    if not view.enough:
        return {"chart": "front", "empty": view.words}
    kept = thinned(view.points, [i for i, p in enumerate(view.points) if p.on_front or p.number == view.default])
    pairs = view.pairs[:_MOST_PAIRS]
    by_number = {point.number: point for point in view.points}
    return {
        "chart": "front",
        "metrics": list(view.metrics),
        "better": ["lower" if way == "minimize" else "higher" for way in view.directions],
        "axes": [axis(scale) for scale in view.scales],
        "points": [
            {
                "n": point.number,
                "v": numbers(point.values),
                "kind": "front" if point.on_front else "other" if point.is_feasible else "infeasible",
            }
            for point in kept
        ],
        "pairs": [list(pair) for pair in pairs],
        "knee": view.knee,
        "default": view.default,
        "chosen": view.chosen,
        "legend": [("dot again", "on the front"), ("dot faint", "beaten by another"), ("tri", "violates a constraint"),
                   ("square", "default")],
        "words": f"{view.words}." + (f" {len(view.pairs) - len(pairs)} further pairs are left out."
                                     if len(pairs) < len(view.pairs) else ""),
        "label": f"Trade-offs of {', '.join(view.metrics)}: {view.words}.",
        "height": 350,
        "table": {
            "head": ["trial", *view.metrics],
            "rows": [[n, *(measured(v) for v in by_number[n].values)] for n in view.front[:60] if n in by_number],
            "caption": "Trials on the front, the best of the first objective first",
        },
    }  # fmt: skip
