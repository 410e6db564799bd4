"""What a model foretold of each trial before it ran, as intervals, and what came."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trialist.study.views.scale import Scale
from trialist.trials.plan import Direction
from trialist.web.numbers import measured
from trialist.web.panels.plain import axis, numbers, thinned

if TYPE_CHECKING:
    from trialist.effects.findings import Came, Quality, TrackRecord
    from trialist.web.data import ReportData

_TRIALS = 200  # that are drawn; of more, every nth
_NEWEST = 40  # in the table


def applies(data: ReportData) -> bool:
    return any(record.foretold is not None for record in data.history.explored)


def of(data: ReportData) -> dict[str, Any] | None:
    """None where no model has foretold a trial."""
    from trialist.effects.track import track_record

    if not applies(data):
        return None
    found = track_record(data.history, data.aimed)
    if not found.trials:
        return {"chart": "foretold", "title": "Before each trial", "empty": found.words}
    trials = thinned(found.trials, most=_TRIALS)
    shown = [x for c in trials for x in (c.came, c.median)]  # an interval may end beyond the picture
    return {
        "chart": "foretold",
        "title": "Before each trial",
        "metric": data.aimed.name,
        "better": "lower" if data.aimed.direction is Direction.MINIMIZE else "higher",
        "axis": axis(Scale.over(shown, data.aimed.direction)),
        "trials": [
            numbers([c.number, c.low, c.lower, c.median, c.upper, c.high, c.so_far, c.came]) for c in trials
        ],
        "legend": [("dot search", "score, within its 95 % interval"), ("cross", "score outside of it"),
                   ("bar told", "foretold: 50 % interval, and the 95 % one as a line"),
                   ("line baseline", "median of the scores before")],
        "words": found.words,
        "label": f"What was foretold of each trial before it ran, and what came. {found.words}",
        "height": 360,
        "table": _table(found),
    }  # fmt: skip


def _table(found: TrackRecord) -> dict[str, Any]:
    """How good the predictions of all, of the older and of the newer trials were; else the trials themselves."""
    parts = [("all trials", found.whole), ("the older half", found.first), ("the newer half", found.last)]
    told = [_quality(name, part) for name, part in parts if part is not None]
    if told:
        return {
            "head": ["of", "trials", "within 95 %", "within 50 %", "off by", "median so far off by", "nearer than it",
                     "rank correlation", "R²"],
            "rows": told,
            "caption": "How good the predictions were; off by: the median distance",
        }  # fmt: skip
    return {
        "head": ["trial", "foretold", "95 % interval", "came"],
        "rows": [_trial(came) for came in found.trials[-_NEWEST:]],
        "caption": "Each trial, as it was foretold; the newest",
    }


def _quality(name: str, part: Quality) -> list[Any]:
    return [name, part.trials, f"{part.within95:.0%}", f"{part.within50:.0%}", measured(part.error),
            measured(part.error_so_far), f"{part.nearer:.0%}", _two(part.rank), _two(part.r2)]  # fmt: skip


def _trial(came: Came) -> list[Any]:
    return [came.number, measured(came.median), f"{measured(came.low)} to {measured(came.high)}", measured(came.came)]


def _two(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.2f}"
