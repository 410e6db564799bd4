"""Which dials act together: a matrix of strengths, and of each strong pair the slices of one at values of the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trialist.web.numbers import setting
from trialist.web.panels.dialaxis import DialAxis, axis_of
from trialist.web.panels.plain import cut, number, numbers

if TYPE_CHECKING:
    from trialist.effects.effects import Effects
    from trialist.space.space import Space
    from trialist.web.data import ReportData

_MOST_DIALS, _MOST_PAIRS = 16, 6  # of the matrix; with slices
_AT = (0.15, 0.5, 0.85)  # places on the other dial's scale


def of(data: ReportData) -> dict[str, Any] | None:
    """None with fewer than two dials."""
    if data.effects is None or len(data.space.names) < 2:
        return None
    found = data.effects.interactions()
    if not found.enough or not found.pairs:
        return {"chart": "interactions", "empty": found.words}
    dials = list(found.dials)[:_MOST_DIALS]
    pairs = sorted((p for p in found.pairs if p.a in dials and p.b in dials), key=lambda p: -p.strength)
    told = [pair for pair in pairs[:_MOST_PAIRS] if pair.strength > 0.005] or pairs[:1]
    return {
        "chart": "interactions",
        "controls": "pairs",
        "dials": dials,
        "pairs": [
            {
                "a": pair.a,
                "b": pair.b,
                "strength": number(pair.strength),
                "range": numbers((pair.low, pair.high)),
                "real": pair.is_real,
            }
            for pair in pairs
        ],
        "slices": [part for pair in told for part in (_slices(data, pair.a, pair.b), _slices(data, pair.b, pair.a))],
        "metric": data.aimed.name,
        "legend": [("bar complete", "share of the variance that both only cause together"), ("ring", "shown real")],
        "words": found.words,
        "label": f"Interactions of dials. {found.words} A pair can be chosen below.",
        "table": {
            "head": ["dial", "with", "share", "95 % interval", "real"],
            "rows": [
                [pair.a, pair.b, f"{pair.strength:.1%}", f"{pair.low:.1%} to {pair.high:.1%}", _real(pair.is_real)]
                for pair in pairs[:40]
            ],
            "caption": "Shares of the variance that two dials cause only together, the largest first",
        },
    }  # fmt: skip


def _real(is_real: bool | None) -> str:
    return "not known" if is_real is None else "yes" if is_real else "not shown"


def _slices(data: ReportData, dial: str, by: str) -> dict[str, Any]:
    """The response to one dial at a few values of the other."""
    assert data.effects is not None
    axis = axis_of(dial, data.space)
    lines = []
    for given in _values(data.space, by):
        line = _line(data.effects, axis, {by: given})
        if line is not None:
            lines.append({"given": cut(f"{by} = {setting(given)}", 60), **line})
    return {"dial": dial, "by": by, "axis": axis.to_json(), "lines": lines}


def _values(space: Space, dial: str) -> list[Any]:
    parameter = space[dial]
    if parameter.size is not None and parameter.size <= 4:
        return list(parameter.values())
    return list(dict.fromkeys(parameter.decode(u) for u in _AT))


def _line(effects: Effects, axis: DialAxis, given: Mapping[str, Any]) -> dict[str, Any] | None:
    found = effects.slice(axis.dial, given=given)
    if not found.enough:
        return None
    return curve(axis, found)


def curve(axis: DialAxis, found: Any) -> dict[str, Any]:
    """A slice as places and values."""
    points = [(place, i) for i, value in enumerate(found.at) if (place := axis.place(value)) is not None]
    return {
        "x": [round(place, 4) for place, _ in points],
        "y": numbers(found.mean[i] for _, i in points),
        "low": numbers(found.low[i] for _, i in points),
        "high": numbers(found.high[i] for _, i in points),
    }
