"""A chart of two configurations from stage to stage: what the search saw, what fresh seeds said, what the test said."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from trialist.study.views.scale import round_step
from trialist.trials.plan import Direction, Objective
from trialist.trials.trial import Score
from trialist.web.html import Html, el
from trialist.web.numbers import measured

_WIDTH, _ROW, _TOP, _BOTTOM, _SIDE = 520, 46, 8, 40, 18

Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Row:
    """Both configurations at one stage.  verified: the verdict's difference and interval, of the test data alone."""

    title: str
    default: Score | None
    selected: Score | None
    verified: tuple[float, Interval] | None = None


def stages_chart(rows: list[Row], objective: Objective, word: str) -> Html | None:
    """A line for each stage: hollow the default, filled the selected, each with its standard error."""
    scores = [score for row in rows for score in (row.default, row.selected) if score is not None]
    ends = [score.mean + side * (score.stderr or 0.0) for score in scores for side in (-1, 1)]
    if not ends or not all(map(math.isfinite, ends)) or max(map(abs, ends)) > 1e300:
        return None
    low, high = min(ends), max(ends)
    margin = (high - low) * 0.08 or abs(high) * 0.05 or 0.5
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return round(_SIDE + (_WIDTH - 2 * _SIDE) * (value - low) / (high - low), 1)

    bottom = _TOP + _ROW * len(rows)
    step = round_step((high - low) / 5)
    ticks = [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
    better = "◀ better" if objective.direction is Direction.MINIMIZE else "better ▶"
    at_left = objective.direction is Direction.MINIMIZE
    return el(
        "svg",
        el("title", f"{objective.name} from stage to stage"),
        el("desc", _described(rows, word)),
        *(el("line", x1=x(t), x2=x(t), y1=_TOP, y2=bottom, class_="grid") for t in ticks),
        *(el("text", f"{t:.4g}", x=x(t), y=bottom + 16, text_anchor="middle") for t in ticks),
        el(
            "text",
            better,
            x=_SIDE if at_left else _WIDTH - _SIDE,
            y=bottom + 34,
            text_anchor="start" if at_left else "end",
        ),
        *(_row(row, _TOP + _ROW * i, x) for i, row in enumerate(rows)),
        viewBox=f"0 0 {_WIDTH} {bottom + _BOTTOM}",
        role="img",
        class_="stages",
    )


def _row(row: Row, top: float, x: Callable[[float], float]) -> Html:
    y = top + 30
    parts: list[Html] = [el("text", row.title, x=_SIDE, y=top + 15)]
    parts.append(el("line", x1=_SIDE, x2=_WIDTH - _SIDE, y1=y, y2=y, class_="axis"))
    for score, kind, radius in ((row.default, "default", 6), (row.selected, "selected", 5)):
        if score is None:
            continue
        if score.stderr:
            left, right = x(score.mean - score.stderr), x(score.mean + score.stderr)
            parts.append(el("line", x1=left, x2=right, y1=y, y2=y, class_=f"error {kind}"))
        title = el("title", f"{kind}: {measured(score.mean, score.stderr)}")
        parts.append(el("circle", title, cx=x(score.mean), cy=y, r=radius, class_=kind))
    return el("g", *parts)


def _described(rows: list[Row], word: str) -> str:
    told = [
        f"{row.title}: "
        + ", ".join(
            f"{kind} {measured(score.mean, score.stderr)}"
            for kind, score in (("default", row.default), (word, row.selected))
            if score is not None
        )
        for row in rows
    ]
    return "; ".join(told) + ". The same numbers are in the table below."
