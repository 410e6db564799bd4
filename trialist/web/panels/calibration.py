"""How good the model's predictions are: each trial's score beside what was predicted without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialist.study.views.scale import Scale
from trialist.web.numbers import measured
from trialist.web.panels.plain import axis, number, thinned

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_POINTS = 400


def of(data: ReportData) -> dict[str, Any] | None:
    """None where nothing computed effects."""
    if data.effects is None or not data.space.names:
        return None
    found = data.effects.calibration()
    if not found.enough or not found.points:
        return {"chart": "calibration", "title": "By all other trials, looking back", "empty": found.words}
    points = thinned(found.points, most=_POINTS)
    values = [v for _, predicted, _, actual in points for v in (predicted, actual)]
    return {
        "chart": "calibration",
        "title": "By all other trials, looking back",
        "metric": data.aimed.name,
        "axis": axis(Scale.over(values, data.aimed.direction)),
        "points": [[n, number(predicted), number(sd), number(actual)] for n, predicted, sd, actual in points],
        "legend": [("dot search", "trial, predicted without it"), ("line error", "predicted standard deviation"),
                   ("line baseline", "predicted as it came")],
        "words": found.words,
        "label": f"Predictions of the model beside the scores. {found.words}",
        "height": 380,
        "table": {
            "head": ["trial", "predicted", "score"],
            "rows": [[n, measured(predicted, sd), measured(actual)] for n, predicted, sd, actual in points[-60:]],
            "caption": "Each trial, predicted without it; the newest",
        },
    }  # fmt: skip
