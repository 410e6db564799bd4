"""The score along each dial: what the model expects, its band, and the trials that were run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trialist.study.views.scale import Scale
from trialist.web.numbers import count
from trialist.web.panels.dialaxis import axis_of
from trialist.web.panels.interactions import curve
from trialist.web.panels.plain import axis, number, thinned

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_MOST, _POINTS = 12, 150  # dials, the most important first; points of each
_SHOWN = 0.9  # of the points: the axis is for the curves, hopeless trials lie beyond its end


def of(data: ReportData) -> dict[str, Any] | None:
    """None where no dial is known."""
    if data.effects is None or not data.space.names:
        return None
    importance = data.effects.importance()
    order = [share.dial for share in importance.shares] if importance.enough else []
    dials = list(dict.fromkeys([*order, *data.space.names]))
    drawn, told = [], []
    for dial in dials[:_MOST]:
        found = data.effects.slice(dial)
        if not found.enough:
            told.append(found.words)
            continue
        place = axis_of(dial, data.space)
        points = [(u, v, n) for n, value, v in found.points if (u := place.place(value)) is not None]
        best = data.best.params.get(dial) if data.best is not None else None
        drawn.append(
            {
                "axis": place.to_json(),
                **curve(place, found),
                "points": [[round(u, 4), number(v), n] for u, v, n in thinned(points, most=_POINTS)],
                "best": None if best is None else place.place(best),
                "words": found.words,
            }
        )
    if not drawn:
        return {"chart": "slices", "empty": told[0] if told else "No dial can be told of yet."}
    ends = [v for each in drawn for key in ("low", "high") for v in each[key] if v is not None]
    seen = sorted((v for each in drawn for _, v, _ in each["points"] if v is not None), key=data.aimed.loss)
    seen = seen[: math.ceil(_SHOWN * len(seen))]
    left_out = f" {count(len(dials) - _MOST, 'less important dial')} left out." if len(dials) > _MOST else ""
    return {
        "chart": "slices",
        "metric": data.aimed.name,
        "better": "lower" if data.aimed.direction.sign > 0 else "higher",
        "axis": axis(Scale.over([*ends, *seen], data.aimed.direction)),
        "dials": drawn,
        "legend": [("line strong", "expected, over the values of all other dials"), ("area", "95 % band"),
                   ("dot faint", "trial"), ("line rung", "the best configuration")],
        "words": f"What the model expects along each dial, the most important one first.{left_out}",
        "label": "Slices of the model along each dial. " + " ".join(each["words"] for each in drawn),
        "table": {
            "head": ["dial", "what the slice shows"],
            "rows": [[each["axis"]["dial"], each["words"]] for each in drawn],
            "caption": "Slices in words",
        },
    }  # fmt: skip
