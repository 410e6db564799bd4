"""The noise of scores: of each configuration that was scored more than once every score, and the mean with interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialist.study.views.noise import Spread, spreads
from trialist.web.numbers import count, measured
from trialist.web.panels.plain import axis, number, numbers, thinned

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_DOTS = 60  # of one configuration


def of(data: ReportData) -> dict[str, Any] | None:
    """None where every configuration was scored once."""
    view = spreads(data.history, None if data.best is None else data.best.number, noise=data.noise)
    if not view.enough:
        return None
    left_out = f" {count(view.left_out, 'further configuration')} left out." if view.left_out else ""
    return {
        "chart": "noise",
        "metric": view.metric,
        "better": "lower" if view.direction == "minimize" else "higher",
        "axis": axis(view.scale),
        "rows": [_row(spread) for spread in view.spreads],
        "legend": [("dot search", "score in the search"), ("dot again", "score on a fresh seed"),
                   ("line best", "mean with its 95 % interval")],
        "words": f"{view.words.rstrip('.')}.{left_out}",
        "label": f"Scores of each configuration that was scored more than once. {view.words}",
        "height": 70 + 24 * len(view.spreads),
        "table": {
            "head": ["trial", "scores", f"mean {view.metric}", "95 % interval"],
            "rows": [
                [_name(s), len(s.search) + len(s.fresh), measured(s.mean), f"{measured(s.low)} to {measured(s.high)}"]
                for s in view.spreads
            ],
            "caption": "Configurations that were scored more than once, the best first",
        },
    }  # fmt: skip


def _row(spread: Spread) -> dict[str, Any]:
    return {
        "name": _name(spread),
        "search": thinned(numbers(spread.search), most=_DOTS),
        "fresh": thinned(numbers(spread.fresh), most=_DOTS),
        "mean": number(spread.mean),
        "low": number(spread.low),
        "high": number(spread.high),
    }


def _name(spread: Spread) -> str:
    return f"trial {spread.number}" + (" (default)" if spread.is_default else " ★" if spread.is_best else "")
