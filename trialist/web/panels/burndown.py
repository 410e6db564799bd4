"""The budget: what is spent of each limit, what running trials have claimed, where it is going."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialist.study.views.burndown import Purse, burndown
from trialist.trials.amounts import duration
from trialist.web.panels.plain import number, numbers, thinned

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_POINTS = 200  # of each course


def of(data: ReportData) -> dict[str, Any]:
    view = burndown(data.history, data.spent, data.outlays, data.written_at)
    if not view.enough:
        return {"chart": "burndown", "empty": view.words}
    limited = [purse for purse in view.purses if purse.limit is not None]
    drawn = limited or list(view.purses[:2])  # of what has no limit the table tells
    legend = [("line strong", "spent")]
    if limited:
        legend.append(("line best dashed", "limit"))
    if any(purse.kept for purse in drawn):
        legend.append(("bar kept", "kept aside"))
    if any(purse.committed for purse in drawn):
        legend.append(("bar committed", "running or queued"))
    if any(p.forecast is not None and p.forecast.mean > p.spent for p in drawn):
        legend.append(("line forecast", "forecast, with an interval of 80 %"))
    return {
        "chart": "burndown",
        "purses": [_purse(purse) for purse in drawn],
        "seconds": number(view.seconds),
        "finish": None if view.finish is None else number(view.finish.mean),
        "breaks": [[number(at), duration(length)] for at, length in view.breaks],
        "legend": legend,
        "words": " ".join([f"{view.price}."] * bool(view.price) + [purse.aside for purse in drawn if purse.aside]),
        "label": f"Budget: {view.words}.",
        "table": {
            "head": ["limit", "spent", "running or queued", "kept aside", "forecast", "of"],
            "rows": [
                [
                    purse.title,
                    purse.told(purse.spent),
                    purse.told(purse.committed),
                    purse.told(purse.kept) if purse.kept else "–",
                    "–"
                    if purse.forecast is None
                    else f"{purse.told(purse.forecast.mean)} "
                    f"({purse.told(purse.forecast.low)} to {purse.told(purse.forecast.high)})",
                    "no limit" if purse.limit is None else purse.told(purse.limit),
                ]
                for purse in view.purses
            ],
            "caption": "What is spent of each limit",
        },
    }


def _purse(purse: Purse) -> dict[str, Any]:
    course = thinned(purse.course, most=_POINTS)
    forecast = purse.forecast
    return {
        "title": purse.title,
        "time": purse.name in ("seconds", "compute_seconds"),
        "spent": number(purse.spent),
        "committed": number(purse.committed),
        "kept": number(purse.kept),
        "limit": number(purse.limit),
        "forecast": None if forecast is None else numbers((forecast.mean, forecast.low, forecast.high)),
        "course": [numbers(point) for point in course],
        "words": purse.words,
    }
