"""Pictures of what the dials do: importance, interactions, slices, a dial swept, configurations as parallel lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from trialist.plots.canvas import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    clean,
    dial_axis,
    headed,
    legend,
    nothing,
    place,
    text,
    value_axis,
)
from trialist.space.categorical import Categorical
from trialist.study.prose import setting
from trialist.study.views.parallel import Line, Parallel
from trialist.study.views.parallel import title as axis_title
from trialist.study.views.scale import Scale
from trialist.trials.plan import Direction, Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BARS = 24


def draw_importance(ax: Axes, view: Any) -> None:
    """The share of each dial in what moves the metric, the largest at the top, with its interval."""
    title = f"What moves {view.metric}"
    if not view.enough or not view.shares:
        nothing(ax, title, view.words)
        return
    clean(ax, "x")
    shares = list(view.shares)[:_MOST_BARS]
    rows = range(len(shares))
    widths = [share.share for share in shares]
    errors = [[max(s.share - s.low, 0.0) for s in shares], [max(s.high - s.share, 0.0) for s in shares]]
    ax.barh(rows, widths, height=0.62, color=BLUE, alpha=0.85, zorder=2, label="share")
    ax.errorbar(widths, list(rows), xerr=errors, fmt="none", ecolor="0.45", elinewidth=1.6, capsize=4, zorder=3)
    ped = [(row, share.ped) for row, share in zip(rows, shares, strict=True) if share.ped is not None]
    if ped:
        ax.plot(
            [value for _, value in ped], [row for row, _ in ped], marker="D", linestyle="none", color=ORANGE,
            markersize=6, markeredgecolor="white", label="share in what sets the best trials apart", zorder=4,
        )  # fmt: skip
    for row, share in zip(rows, shares, strict=True):
        ax.annotate(
            f"{share.share:.0%}", (max(share.high, share.share, share.ped or 0.0), row), xytext=(5, 0),
            textcoords="offset points", va="center", fontsize="small",
        )  # fmt: skip
    ax.set_yticks(list(rows), [text(share.dial, 30) for share in shares])
    ax.set_ylim(len(shares) - 0.4, -0.6)
    top = max([share.high for share in shares] + [value for _, value in ped])
    ax.set_xlim(0, max(top, 0.05) * 1.16)
    ticks = [tick for tick in ax.get_xticks() if tick >= 0]
    ax.set_xticks(ticks, [f"{100 * tick:.3g} %" for tick in ticks])
    ax.set_xlim(0, max(top, 0.05) * 1.16)
    ax.set_xlabel(f"share of the variance of {text(view.metric, 22)} over the space")
    headed(ax, title, view.words)
    legend(ax)


def draw_matrix(ax: Axes, view: Any) -> None:
    """How strongly each two dials act together; those of which that is shown have a frame and a star."""
    title = "Dials that act together"
    if not view.enough or not view.pairs:
        nothing(ax, title, view.words)
        return
    import numpy as np
    from matplotlib.patches import Rectangle

    dials = list(view.dials)
    table = np.full((len(dials), len(dials)), np.nan)
    real = set()
    for pair in view.pairs:
        i, j = sorted((dials.index(pair.a), dials.index(pair.b)))
        table[j, i] = pair.strength
        if pair.is_real:
            real.add((j, i))
    top = max(float(np.nanmax(table)), 0.02)
    ax.imshow(table[1:, :-1], cmap="Blues", vmin=0.0, vmax=top, aspect="auto")
    for (j, i), strength in np.ndenumerate(table):
        if math.isnan(strength) or j == 0:
            continue
        star = "*" if (j, i) in real else ""
        ax.text(
            i, j - 1, f"{100 * strength:.2g} %{star}", ha="center", va="center", fontsize="small",
            color="white" if strength > 0.6 * top else "black", fontweight="bold" if star else "normal",
        )  # fmt: skip
        if star:
            ax.add_patch(Rectangle((i - 0.47, j - 1.47), 0.94, 0.94, fill=False, edgecolor=ORANGE, linewidth=2.2))
    names = [text(dial, 22) for dial in dials]
    ax.set_xticks(range(len(dials) - 1), names[:-1], rotation=30, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(dials) - 1), names[1:])
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    shown = "framed and starred: shown to be real" if real else "none of them is shown to be real"
    headed(ax, title, f"{view.words.rstrip('.')}; {shown}")


_LINES: tuple[tuple[str, Any, str], ...] = (
    (BLUE, "-", "o"), (RED, (0, (5, 2)), "s"), (GREEN, (0, (2, 1.5)), "D"), ("#CC79A7", (0, (6, 1, 1, 1)), "^"),
)  # fmt: skip


def draw_slices(
    ax: Axes,
    slices: Sequence[tuple[str, Any]],
    parameter: Any,
    objective: Objective,
    best: Any = None,
    title: str = "",
) -> None:
    """What the model expects along a dial, with its band, and the trials; several lines for several given settings.

    slices: (label, Slice).  best: the chosen value of the dial, None where it has none.
    """
    first = slices[0][1]
    title = title or f"{first.dial}"
    drawn = [(label, each) for label, each in slices if each.enough and each.at]
    if not drawn:
        nothing(ax, title, first.words)
        return
    clean(ax)
    dial_axis(ax, parameter, first.dial)
    points = [(place(parameter, value), metric) for _, value, metric in first.points if math.isfinite(metric)]
    values = [value for _, each in drawn for side in (each.mean, each.low, each.high) for value in side]
    finite = [value for value in values if math.isfinite(value)]
    scale = Scale.over([*finite, *(metric for _, metric in points)], objective.direction)
    value_axis(ax, scale, objective.name, objective.direction.value)
    ax.plot(
        [x for x, _ in points], [scale.within(metric) for _, metric in points], marker="o", linestyle="none",
        color=GREY, markersize=4, alpha=0.55, label="trials", zorder=2,
    )  # fmt: skip
    is_choice = isinstance(parameter, Categorical)
    for turn, ((label, each), (colour, dashes, shape)) in enumerate(zip(drawn, _LINES, strict=False)):
        x = [place(parameter, value) for value in each.at]
        mean, low, high = ([scale.within(v) for v in side] for side in (each.mean, each.low, each.high))
        name = text(label, 60) or "expected by the model"
        if is_choice:
            x = [at + 0.12 * (turn - (len(drawn) - 1) / 2) for at in x]
            bars = [[m - a for m, a in zip(mean, low, strict=True)], [b - m for m, b in zip(mean, high, strict=True)]]
            ax.errorbar(x, mean, yerr=bars, fmt=shape, color=colour, markersize=8, capsize=5, linewidth=2, label=name,
                        zorder=4)  # fmt: skip
            continue
        ax.plot(x, mean, color=colour, linestyle=dashes, linewidth=2.2, label=name, zorder=4)
        ax.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0, zorder=1)
    if best is not None:
        ax.axvline(
            place(parameter, best), color=GREEN, linestyle=(0, (1, 1.5)), linewidth=1.6, label="chosen", zorder=3
        )
    headed(ax, title, first.words if len(slices) == 1 else "")
    legend(ax)


def draw_sweep(ax: Axes, view: Any, parameter: Any, direction: Direction) -> None:
    """The response at each level with its interval, paired with the incumbent's; levels that failed are marked."""
    title = f"{view.dial}, all else as chosen"
    told = [level for level in view.levels if level.response is not None]
    if not view.enough or not told:
        nothing(ax, title, view.words)
        return
    clean(ax)
    dial_axis(ax, parameter, view.dial)
    runs = [value for level in view.levels for value in level.values if value is not None and math.isfinite(value)]
    ends = [end for level in told for end in level.response if math.isfinite(end)]
    scale = Scale.over([*runs, *ends], direction)
    value_axis(ax, scale, view.metric, view.direction)
    x = [place(parameter, level.value) for level in told]
    mean = [scale.within(level.response[0]) for level in told]
    if not isinstance(parameter, Categorical):
        ax.plot(x, mean, color=BLUE, linewidth=1.2, alpha=0.6, zorder=2)
    bars = [
        [m - scale.within(level.response[1]) for m, level in zip(mean, told, strict=True)],
        [scale.within(level.response[2]) - m for m, level in zip(mean, told, strict=True)],
    ]
    ax.errorbar(x, mean, yerr=bars, fmt="o", color=BLUE, markersize=7, capsize=5, linewidth=2, zorder=4,
                label="mean, with the interval of its difference from the chosen level")  # fmt: skip
    for level in view.levels:
        values = [scale.within(value) for value in level.values if value is not None and math.isfinite(value)]
        ax.plot([place(parameter, level.value)] * len(values), values, marker="_", linestyle="none", color=GREY,
                markersize=10, zorder=3)  # fmt: skip
    ax.plot([], [], marker="_", linestyle="none", color=GREY, markersize=10, label="a run")
    failed = [place(parameter, level.value) for level in view.levels if level.failed]
    if failed:
        ax.plot(failed, [0.03] * len(failed), marker="x", color=RED, linestyle="none", markersize=8, markeredgewidth=2,
                label="failed there", transform=ax.get_xaxis_transform(), clip_on=False)  # fmt: skip
    for level in told:
        if level.is_incumbent:
            ax.axhline(scale.within(level.response[0]), color=GREEN, linestyle=(0, (1, 1.5)), linewidth=1.4,
                       label=f"chosen: {text(setting(level.value), 20)}")  # fmt: skip
        if level.is_default:
            ax.axvline(place(parameter, level.value), color=GREY, linestyle=(0, (5, 3)), linewidth=1.2,
                       label=f"default: {text(setting(level.value), 20)}")  # fmt: skip
    headed(ax, title, view.words)
    legend(ax)


def draw_parallel(ax: Axes, view: Parallel) -> None:
    """Each configuration as a line over the dials to its score; the better, the darker, and the best in front."""
    if not view.enough:
        nothing(ax, "Configurations", view.words)
        return
    from matplotlib import colormaps

    ax.set_xlim(-0.15, len(view.axes) - 0.85)
    ax.set_ylim(-0.06, 1.04)
    colours = colormaps["cividis"]
    width = 1.2 if len(view.lines) < 80 else 0.8
    for line in view.lines:
        if line.is_best or line.is_default:
            continue
        if line.rank is None:
            look: dict[str, Any] = {"color": RED, "linestyle": (0, (1, 1.5)), "alpha": 0.6, "linewidth": width}
        else:
            look = {"color": colours(0.92 * line.rank), "alpha": 0.25 + 0.6 * (1 - line.rank) ** 2, "linewidth": width}
        _polyline(ax, line, **look)
    for line in view.lines:
        if line.is_default:
            _polyline(ax, line, color="0.4", linestyle="--", linewidth=2.2, zorder=5, label="the default")
        if line.is_best:
            _polyline(ax, line, color=GREEN, linewidth=3.0, zorder=6, label=f"trial {line.number}, the best")
    ends = [axis.name for axis in view.axes if axis.kind == "objective"]
    by = f" {text(ends[0], 24)}" if len(ends) > 1 else ""
    ax.plot([], [], color=colours(0.0), linewidth=2, label=f"good{by}")
    ax.plot([], [], color=colours(0.92), linewidth=2, label=f"poor{by}")
    if any(line.rank is None for line in view.lines):
        ax.plot([], [], color=RED, linestyle=(0, (1, 1.5)), label="without a full score")
    for at, axis in enumerate(view.axes):
        ax.axvline(at, color=GREY, linewidth=1.0, zorder=1)
        last = at == len(view.axes) - 1
        for where, label in axis.ticks:
            ax.annotate(
                text(label, 14), (at, where), xytext=(4 if not last else -4, 0), textcoords="offset points",
                ha="right" if last else "left", va="center", fontsize="x-small", zorder=7,
                bbox={"boxstyle": "square,pad=0.1", "facecolor": ax.get_facecolor(), "edgecolor": "none", "alpha": 0.7},
            )  # fmt: skip
    names = [text(axis_title(axis), 22) for axis in view.axes]
    crowded = max(map(len, names)) * len(names) > 12 * ax.get_window_extent().width / ax.figure.dpi
    ax.set_xticks(range(len(names)), names, rotation=20 if crowded else 0, ha="right" if crowded else "center")
    ax.set_yticks([])
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    headed(ax, "Configurations", view.words)
    legend(ax, 0.6 if crowded else 0.34)


def _polyline(ax: Axes, line: Line, **look: Any) -> None:
    """A line with gaps where a dial is not active; dots lead across them, so that it can be followed to its score."""
    import numpy as np

    y = np.array([np.nan if each is None else each for each in line.places], dtype=float)
    known = np.flatnonzero(np.isfinite(y))
    ax.plot(range(len(y)), y, solid_capstyle="round", **look)
    faint = {"color": look["color"], "alpha": 0.45 * look.get("alpha", 1.0), "zorder": look.get("zorder", 2)}
    for i, j in pairwise(known):
        if j > i + 1:
            ax.plot([i, j], [y[i], y[j]], linestyle=(0, (1, 3)), linewidth=0.9, label="_gap", **faint)
    alone = [i for i in known if (i - 1 not in known) and (i + 1 not in known)]
    ax.plot(alone, y[alone], marker="o", linestyle="none", markersize=3.5, label="_gap", **faint | {"alpha": 0.8})
