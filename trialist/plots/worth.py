"""Pictures of what scores are worth: noise, the front of several objectives, what the model predicted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trialist.plots.canvas import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    clean,
    headed,
    legend,
    nothing,
    value_axis,
)
from trialist.study.views.front import Point, Tradeoffs
from trialist.study.views.noise import Spreads

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_noise(ax: Axes, view: Spreads) -> None:
    """What each configuration scored each time, the best at the top, with an interval of its mean."""
    title = f"Noise of {view.metric}"
    if not view.enough:
        nothing(ax, title, view.words)
        return
    clean(ax, "x")
    value_axis(ax, view.scale, view.metric, view.direction, along="x")
    for row, spread in enumerate(view.spreads):
        for values, shape, face, place in ((spread.search, "o", "none", 0.16), (spread.fresh, "D", PURPLE, -0.16)):
            inside = [view.scale.within(value) for value in values]
            colour = BLUE if shape == "o" else PURPLE
            ax.plot(
                inside, [row + place] * len(inside), marker=shape, linestyle="none", markersize=4.5, color=colour,
                markerfacecolor=face, alpha=0.75, zorder=3,
            )  # fmt: skip
        tone = PURPLE if spread.is_fresh else BLUE
        low, high = view.scale.within(spread.low), view.scale.within(spread.high)
        ax.plot([low, high], [row, row], color=tone, linewidth=2.4, solid_capstyle="butt", zorder=2)
        ax.plot([view.scale.within(spread.mean)], [row], marker="|", markersize=13, markeredgewidth=2.4, color=tone)
    ax.plot([], [], marker="o", markerfacecolor="none", color=BLUE, linestyle="none", label="score in the search")
    if any(spread.fresh for spread in view.spreads):
        ax.plot([], [], marker="D", color=PURPLE, linestyle="none", label="score on a fresh seed")
    ax.plot([], [], marker="|", markersize=11, color=GREY, linewidth=2.4, label="mean with its 95 % interval")
    names = [f"trial {s.number}{_role(s.is_default, s.is_best)}" for s in view.spreads]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    headed(ax, title, view.words)
    legend(ax)


def _role(is_default: bool, is_best: bool) -> str:
    return ", the default" if is_default else ", the best" if is_best else ""


def draw_front(ax: Axes, view: Tradeoffs, across: int, up: int) -> None:
    """Two objectives against each other, the front of all of them marked; a line joins it where there are but two."""
    if not view.enough:
        nothing(ax, "Front", view.words)
        return
    clean(ax, "both")
    for place, along in ((across, "x"), (up, "y")):
        value_axis(ax, view.scales[place], view.metrics[place], view.directions[place], along)

    def put(points: list[Point], label: str, **look: Any) -> None:
        if points:
            x = [view.scales[across].within(point.values[across]) for point in points]
            y = [view.scales[up].within(point.values[up]) for point in points]
            ax.plot(x, y, linestyle="none", label=label, **look)

    feasible = [point for point in view.points if point.is_feasible]
    put([p for p in feasible if not p.on_front], "beaten by another trial", marker="o", color=GREY, markersize=4.5,
        alpha=0.6, zorder=2)  # fmt: skip
    put([p for p in view.points if not p.is_feasible], "violates a constraint", marker="x", color=RED, markersize=6,
        zorder=2)  # fmt: skip
    front = [p for number in view.front for p in view.points if p.number == number]
    if len(view.metrics) == 2 and len(front) > 1:
        x = [view.scales[across].within(p.values[across]) for p in front]
        y = [view.scales[up].within(p.values[up]) for p in front]
        ax.step(x, y, where="post" if across == 0 else "pre", color=BLUE, linewidth=1.2, alpha=0.6, zorder=2)
    put(front, f"on the front ({len(front)})", marker="D", color=BLUE, markersize=6.5, zorder=4)
    by_number = {point.number: point for point in view.points}
    for number, label, look in (
        (view.default, "the default", {"marker": "s", "markersize": 11, "color": "0.45"}),
        (view.knee, "where the front bends most", {"marker": "o", "markersize": 14, "color": ORANGE}),
        (view.chosen, "chosen", {"marker": "*", "markersize": 17, "color": GREEN}),
    ):
        if number in by_number:
            put([by_number[number]], label, markerfacecolor="none", markeredgewidth=1.8, zorder=5, **look)
    headed(ax, f"{view.metrics[up]} against {view.metrics[across]}", view.words)
    legend(ax)


def draw_calibration(ax: Axes, view: Any, metric: str) -> None:
    """What the model expects of each trial when it has not seen it, with an interval at 95 %, against its score."""
    title = f"Predictions of {metric}"
    points = [p for p in view.points if all(x is not None and math.isfinite(x) for x in p[1:4])]
    if not view.enough or not points:
        nothing(ax, title, view.words)
        return
    clean(ax, "both")
    predicted, sd, actual = ([float(point[i]) for point in points] for i in (1, 2, 3))
    inside = [abs(a - p) <= 1.96 * s for p, s, a in zip(predicted, sd, actual, strict=True)]
    ends = min(*predicted, *actual), max(*predicted, *actual)
    margin = 0.05 * (ends[1] - ends[0]) or 0.5
    ends = ends[0] - margin, ends[1] + margin
    ax.plot(ends, ends, color=GREY, linestyle=(0, (5, 3)), linewidth=1.3, label="as predicted", zorder=1)
    for is_inside, colour, shape, label in (
        (True, BLUE, "o", "inside its 95 % interval"),
        (False, RED, "X", "outside of it"),
    ):
        rows = [i for i, each in enumerate(inside) if each is is_inside]
        if rows:
            ax.errorbar(
                [predicted[i] for i in rows], [actual[i] for i in rows], xerr=[1.96 * sd[i] for i in rows], fmt=shape,
                color=colour, markersize=5, elinewidth=0.7, alpha=0.7, label=f"{label} ({len(rows)})",
            )  # fmt: skip
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    ax.set_xlabel("predicted without the trial itself")
    ax.set_ylabel("scored")
    headed(ax, title, view.words)
    legend(ax)
