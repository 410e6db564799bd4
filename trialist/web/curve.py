"""A chart of the best score by budget: a line, its band, and the default as a level. Budgets on a log scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import Any

from trialist.scoring.expected_best import ExpectedBest, Kind
from trialist.study.views.scale import Scale
from trialist.trials.plan import Objective
from trialist.web.html import Html, el
from trialist.web.numbers import count, measured

_WIDTH, _HEIGHT = 960, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 16, 16, 46


def best_chart(curve: ExpectedBest, objective: Objective, baseline: float | None) -> Html | None:
    """The curve; None where it holds no finite value. Where the band is open, it reaches to the chart's good end."""
    known = [v for v in (*curve.expected, *curve.worst, *curve.luckiest) if v is not None and math.isfinite(v)]
    values = known if baseline is None or not math.isfinite(baseline) else [*known, baseline]
    if not known:
        return None
    scale = Scale.over(values, objective.direction)
    top, bottom = _TOP, _HEIGHT - _BOTTOM
    good, bad = (bottom, top) if objective.direction.sign > 0 else (top, bottom)
    last = math.log(curve.budgets[-1]) or 1.0

    def x(budget: float) -> float:
        return round(_LEFT + 10 + (_WIDTH - _LEFT - _RIGHT - 20) * math.log(budget) / last, 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - top) * scale.at(value), 1)

    band: list[tuple[Any, ...]] = [
        (x(n), bad if worst is None else y(worst), good if luck is None else y(luck), luck is None)
        for n, worst, luck in zip(curve.budgets, curve.worst, curve.luckiest, strict=True)
        if worst is not None or luck is not None
    ]
    line: list[tuple[Any, ...]] = [
        (x(n), y(best)) for n, best in zip(curve.budgets, curve.expected, strict=True) if best is not None
    ]
    if curve.kind is Kind.PATH:  # it changes at a trial, not on the way to it
        line, band = _stairs(line), _stairs(band)
    return el(
        "svg",
        el("title", f"{curve.metric} by number of trials"),
        el("desc", _described(curve)),
        *_areas(band),
        *_values(scale, y),
        *(el("text", f"{n:,}", x=x(n), y=bottom + 18, text_anchor="middle") for n in _ticks(curve.budgets[-1])),
        el("text", "trials", x=(_LEFT + _WIDTH - _RIGHT) // 2, y=_HEIGHT - 8, text_anchor="middle"),
        *([] if baseline is None or not math.isfinite(baseline) else _level(y(baseline))),
        el("path", d="M" + "L".join(f"{a} {b}" for a, b in line), class_="best"),
        el("circle", cx=line[-1][0], cy=line[-1][1], r=3.5, class_="tip"),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        class_="chart",
    )


def _stairs(points: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The same with each level kept up to the next point."""
    corners = [(after[0], *before[1:]) for before, after in pairwise(points)]
    return [point for pair in zip(points, corners, strict=False) for point in pair] + points[-1:]


def _areas(band: Sequence[tuple[Any, ...]]) -> list[Html]:
    """The band, where it is closed and where it is open; neighbours share the point between them."""
    areas = []
    for is_open, group in groupby(range(len(band)), key=lambda i: band[i][3]):
        found = list(group)
        if found[0]:
            found.insert(0, found[0] - 1)
        upper = [(band[i][0], band[i][1]) for i in found]
        lower = [(band[i][0], band[i][2]) for i in reversed(found)]
        d = "M" + "L".join(f"{a} {b}" for a, b in [*upper, *lower]) + "Z"
        areas.append(el("path", d=d, class_="area open" if is_open else "area"))
    return areas


def _values(scale: Scale, y: Callable[[float], float]) -> list[Html]:
    parts: list[Html] = []
    for tick in scale.ticks():
        parts.append(el("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y(tick), y2=y(tick), class_="grid"))
        parts.append(el("text", f"{tick:.4g}", x=_LEFT - 8, y=y(tick) + 4, text_anchor="end"))
    return parts


def _level(y: float) -> list[Html]:
    label_y = y - 5 if y > _TOP + 14 else y + 14
    return [
        el("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="baseline"),
        el("text", "default", x=_WIDTH - _RIGHT - 4, y=label_y, text_anchor="end", class_="baseline-label"),
    ]


def _ticks(last: int) -> list[int]:
    """1, 2, 5, 10, ... and the last one, where it does not stand on its neighbour."""
    found = [digit * 10**power for power in range(len(str(last))) for digit in (1, 2, 5)]
    kept = [n for n in found if n < last and (last == n or math.log(last / n) > 0.05 * math.log(last))]
    return [*kept, last]


def _described(curve: ExpectedBest) -> str:
    told = [(n, best) for n, best in zip(curve.budgets, curve.expected, strict=True) if best is not None]
    first, end = told[0], told[-1]
    return (
        f"{measured(first[1])} with {count(first[0], 'trial')}, {measured(end[1])} with {count(end[0], 'trial')}: "
        f"{curve.words}."
    )
