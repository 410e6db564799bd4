"""The stopping rules: the statistic of each beside the threshold at which it fires."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trialist.stopping.standing import Standing
from trialist.web.numbers import measured
from trialist.web.panels.plain import number

if TYPE_CHECKING:
    from trialist.web.data import ReportData


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
    if not drawn:
        return {"chart": "stopping", "empty": "No rule has a statistic yet.", "table": {**table}, "open": True}
    return {
        "chart": "stopping",
        "rows": drawn,
        "words": words,
        "label": f"Stopping rules. {words} " + " ".join(f"{s.rule}: {s.words}." for s in data.standings),
        "legend": [("dot search", "statistic"), ("diamond bad", "past its threshold"), ("line best dashed", "fires")],
        "height": 66 + 40 * len(drawn),
        "table": table,
        "open": True,
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
