"""The stopping rules: the statistic of each beside the threshold at which it fires."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from trialist.stopping.standing import Standing
from trialist.web.numbers import measured
from trialist.web.panels.plain import number

if TYPE_CHECKING:
    from trialist.stopping.course import Course, Replay
    from trialist.web.data import ReportData


COURSE = 190  # pixels of a rule's course over time
_MOST_IN_REPORT = 24  # moments that are replayed where somebody waits for them
_LOG_FROM = 20.0  # times the least value: from there on the scale is logarithmic


def of(data: ReportData) -> dict[str, Any] | None:
    """None where no rule was declared, and none advises."""
    if not data.standings:
        return None
    drawn = [row for standing in data.standings if (row := _row(standing)) is not None]
    table = {
        "head": ["rule", "", "now", "fires at", "of", "what it says"],
        "rows": [
            [s.rule, "ends the study" if s.ends else "advises", measured(s.statistic), measured(s.threshold), s.of,
             s.words]
            for s in data.standings
        ],
        "caption": "Each rule with its statistic and threshold",
    }  # fmt: skip
    fired = [s.rule for s in data.standings if s.is_past]
    words = f"{', '.join(fired)} {'is' if len(fired) == 1 else 'are'} past the threshold." if fired else (
        "No rule is past its threshold."
    )  # fmt: skip
    found = [line for course in _courses(data) if (line := _line(course)) is not None]
    if not drawn and not found:
        return {"chart": "stopping", "empty": "No rule has a statistic yet.", "table": {**table}, "open": True}
    legend = [("dot search", "statistic"), ("diamond bad", "past its threshold"), ("line best dashed", "fires")]
    if found:
        legend.append(("line strong", "its statistic over the full runs"))
    return {
        "chart": "stopping",
        "rows": drawn,
        "courses": found,
        "words": words,
        "label": f"Stopping rules. {words} " + " ".join(f"{s.rule}: {s.words}." for s in data.standings),
        "legend": legend,
        "height": (66 + 40 * len(drawn) if drawn else 0) + COURSE * len(found),
        "table": table,
        "open": True,
    }


@cache
def _replay() -> Replay:
    """Of all studies: what it keeps is a cache."""
    from trialist.stopping.course import Replay

    return Replay()


def _courses(data: ReportData) -> tuple[Course, ...]:
    """Replayed here, not with the study's other slow parts: a dashboard computes each panel beside its pages."""
    from trialist.stopping.course import MOST

    return _replay().courses(data.history, most=MOST if data.panels_at else _MOST_IN_REPORT)


def _line(course: Course) -> dict[str, Any] | None:
    """The statistic and the threshold by full runs; None where fewer than two moments tell of it."""
    told = [moment for moment in course.moments if moment.statistic is not None and moment.threshold is not None]
    if len(told) < 2:
        return None
    values = [v for moment in told for v in (moment.statistic, moment.threshold) if v is not None]
    positive = [v for v in values if v > 0]
    # What falls over orders of magnitude is a line at the bottom of a linear scale.
    is_log = len(positive) == len(values) and max(values) > _LOG_FROM * min(values)
    return {
        "rule": course.rule,
        "ends": course.ends,
        "of": course.of,
        "log": is_log,
        "last": course.moments[-1].full_runs,
        "points": [
            [moment.full_runs, number(moment.statistic), number(moment.threshold), moment.is_past] for moment in told
        ],
    }


def _row(standing: Standing) -> dict[str, Any] | None:
    """The statistic in parts of its threshold, where both are positive; others are told in the table alone."""
    at, threshold = standing.statistic, standing.threshold
    if at is None or threshold is None or threshold <= 0 or at < 0 or not math.isfinite(at / threshold):
        return None
    return {
        "rule": standing.rule,
        "ends": standing.ends,
        "share": number(at / threshold),
        "below": standing.fires_below,
        "past": standing.is_past,
        "words": standing.words,
    }
