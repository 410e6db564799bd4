"""Charts of a language model's study as inline SVG: items by settings, the race, score by price, an effect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from trialist.study.views.scale import round_step
from trialist.web.html import Html, el
from trialist.web.numbers import measured

_CELL, _ROW = 34, 4  # of the heat map: wide and low, for there are many items
_HEAD = 84
_BLOCK, _LANE = 26, 14  # of the race
_WIDTH, _HEIGHT, _SIDE = 620, 260, 52


def heat_map(columns: Sequence[Sequence[float | None]], order: Sequence[int], labels: Sequence[str]) -> Html:
    """Scores by item and setting; order: of the items from top to bottom. One path for each kind in each column."""
    height = _HEAD + _ROW * len(order)
    parts: list[Html] = []
    for k, (scores, label) in enumerate(zip(columns, labels, strict=True)):
        paths: dict[str, list[str]] = {"right": [], "part": [], "wrong": []}
        for row, item in enumerate(order):
            score = scores[item] if item < len(scores) else None
            if score is None:
                continue
            kind = "right" if score >= 1 else "wrong" if score <= 0 else "part"
            paths[kind].append(f"M{k * _CELL} {_HEAD + row * _ROW}h{_CELL - 2}v{_ROW - 1}h-{_CELL - 2}z")
        known = [score for score in scores if score is not None]
        mean = sum(known) / len(known) if known else None
        title = el("title", f"trial {label}: score {measured(mean)} on {len(known)} items")
        marks = [el("path", d="".join(steps), class_=kind) for kind, steps in paths.items() if steps]
        x = k * _CELL + _CELL / 2
        name = el("text", label, transform=f"translate({x:g} {_HEAD - 6}) rotate(-60)")
        frame = el("rect", x=k * _CELL, y=_HEAD, width=_CELL - 2, height=_ROW * len(order), class_="none")
        parts.append(el("g", title, frame, *marks, name))
    return el(
        "svg",
        el("title", "Scores of items by settings"),
        *parts,
        viewBox=f"0 0 {_CELL * len(columns) + 60} {height}",
        width=_CELL * len(columns) + 60,
        role="img",
        class_="heat",
    )


def race_chart(race: Sequence[Mapping[str, Any]], blocks: int) -> Html:
    """A lane for each setting: a cell for each block, the fuller the better it scored; a bar where it ended."""
    left = 70
    lanes: list[Html] = []
    for row, each in enumerate(race):
        y = row * _LANE
        cells = [
            el(
                "rect",
                el("title", f"trial {each['trial']}, block {k + 1}: {measured(value)}"),
                x=left + k * _BLOCK,
                y=y + 1,
                width=_BLOCK - 2,
                height=_LANE - 3,
                fill_opacity=f"{0.15 + 0.85 * min(max(value or 0.0, 0.0), 1.0):.2f}",
            )
            for k, value in enumerate(each["blocks"])
        ]
        n = len(each["blocks"])
        end = el("path", d=f"M{left + n * _BLOCK + 2} {y + 1}v{_LANE - 3}", class_="end") if n < blocks else None
        lanes.append(el("g", el("text", f"trial {each['trial']}", x=0, y=y + _LANE - 4), *cells, end))
    return el(
        "svg",
        el("title", "How far each setting was asked"),
        *lanes,
        viewBox=f"0 0 {left + blocks * _BLOCK + 20} {_LANE * len(race) + 4}",
        width=left + blocks * _BLOCK + 20,
        role="img",
        class_="race",
    )


def scatter_chart(points: Sequence[tuple[float, float, Mapping[str, Any]]], title: str) -> Html:
    """Score by what an item takes; the trial's number beside each point."""
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    low, high = min(ys), max(ys)
    margin = (high - low) * 0.1 or 0.05
    low, high, right = low - margin, high + margin, max(xs) * 1.08 or 1.0

    def x(value: float) -> float:
        return round(_SIDE + (_WIDTH - _SIDE - 30) * value / right, 1)

    def y(value: float) -> float:
        return round(_HEIGHT - 40 - (_HEIGHT - 56) * (value - low) / (high - low), 1)

    marks: list[Html] = []
    for step, ends in ((round_step((high - low) / 4), (low, high)),):
        ticks = [k * step for k in range(math.ceil(ends[0] / step), math.floor(ends[1] / step) + 1)]
        marks += [el("line", x1=_SIDE, x2=_WIDTH - 30, y1=y(t), y2=y(t), class_="axis") for t in ticks]
        marks += [el("text", f"{t:.3g}", x=_SIDE - 6, y=y(t) + 4, text_anchor="end") for t in ticks]
    step = round_step(right / 5)
    marks += [
        el("text", f"{k * step:.3g}", x=x(k * step), y=_HEIGHT - 22, text_anchor="middle")
        for k in range(math.floor(right / step) + 1)
    ]
    marks.append(el("text", title, x=_WIDTH - 30, y=_HEIGHT - 4, text_anchor="end"))
    written: list[tuple[float, float]] = []
    # Default and selected are named in any case, others where there is room; all have their words.
    for across, up, each in sorted(points, key=lambda point: point[2].get("role") not in ("default", "selected")):
        role = str(each.get("role"))
        kind = {"default": "default", "selected": "chosen"}.get(role, "")
        seconds = each["measured"].get("p95_latency")
        words = (
            f"trial {each['trial']} {role}: score {measured(up)}, {measured(across)} {title}, p95 {measured(seconds)} s"
        )
        marks.append(el("circle", el("title", words), cx=x(across), cy=y(up), r=6, class_=kind or None))
        place = x(across) + 9, y(up) + 4
        if all(abs(place[0] - at[0]) > 26 or abs(place[1] - at[1]) > 14 for at in written):
            written.append(place)
            marks.append(el("text", str(each["trial"]), x=place[0], y=place[1]))
    return el(
        "svg",
        el("title", f"Score by {title}"),
        *marks,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        class_="scatter",
    )


def effect_chart(value: float, interval: Sequence[float] | None, reach: float, clear: bool) -> Html:
    """An effect with its interval beside the line of no effect."""

    def x(amount: float) -> float:
        return round(110 + 100 * max(-1.0, min(1.0, amount / reach)), 1)

    bar = el("line", x1=x(interval[0]), x2=x(interval[1]), y1=9, y2=9, class_="bar") if interval else None
    return el(
        "svg",
        el("line", x1=110, x2=110, y1=0, y2=18, class_="axis"),
        bar,
        el("circle", cx=x(value), cy=9, r=4, class_="estimate"),
        viewBox="0 0 220 18",
        class_="effect clear" if clear else "effect",
        aria_hidden="true",
    )
