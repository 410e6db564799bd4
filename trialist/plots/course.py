"""Pictures of the course of a study: every trial and the best so far, learning curves, the timeline, the budget."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trialist.plots.canvas import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    clean,
    cut_lines,
    headed,
    legend,
    nothing,
    text,
    time_axis,
    trial_axis,
    value_axis,
)
from trialist.study.views.best import BestSoFar, Kind, Mark
from trialist.study.views.burndown import BurnDown
from trialist.study.views.curves import Curve, Curves
from trialist.study.views.timeline import Timeline
from trialist.trials.amounts import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of a kind of mark: what it is called, its shape, its colour, whether it is filled.
_MARKS: dict[Kind, tuple[str, str, str, bool]] = {
    Kind.FULL: ("trial", "o", BLUE, True),
    Kind.PARTIAL: ("part of a run (stopped, paused)", "v", ORANGE, False),
    Kind.INFEASIBLE: ("violates a constraint", "s", ORANGE, False),
    Kind.AGAIN: ("on a fresh seed", "D", PURPLE, False),
    Kind.SWEEP: ("a level of a sweep", "P", SKY, False),
    Kind.OPEN: ("still running", "o", GREY, False),
}
_SHADED = {"refine": 0.10, "select": 0.18, "sweep": 0.10}


def draw_history(ax: Axes, view: BestSoFar) -> None:
    """Every trial by number, the best up to there with the noise of its score, the default as a line."""
    title = f"{view.metric} of every trial"
    if not view.enough:
        nothing(ax, title, view.words)
        return
    clean(ax)
    value_axis(ax, view.scale, view.metric, view.direction)
    trial_axis(ax, view.last)
    _stages(ax, view)
    for kind, (label, shape, colour, is_filled) in _MARKS.items():
        chosen = [mark for mark in view.marks if mark.kind is kind and mark.value is not None]
        if chosen:
            _points(ax, view, chosen, label, shape, colour, is_filled)
    # What is poor stands at the poor end, the names of the stages at the other.
    _failures(ax, [mark.number for mark in view.marks if mark.kind is Kind.FAILED], view.direction == "minimize")
    _beyond(ax, view)
    if view.default is not None:
        ax.axhline(
            view.scale.within(view.default), color=GREY, linestyle=(0, (5, 3)), linewidth=1.4, label="the default"
        )
    _best(ax, view)
    headed(ax, title, f"{view.words}; {view.band}" if view.band else view.words)
    legend(ax)


def _points(
    ax: Axes, view: BestSoFar, chosen: list[Mark], label: str, shape: str, colour: str, is_filled: bool
) -> None:
    inside = [mark for mark in chosen if mark.value is not None and view.scale.holds(mark.value)]
    size, alpha = (26.0, 0.75) if view.last < 100 else (14.0, 0.75) if view.last < 1000 else (5.0, 0.4)
    x, y = [mark.number for mark in inside], [mark.value or 0.0 for mark in inside]
    face = colour if is_filled else "none"
    ax.scatter(
        x,
        y,
        s=size,
        marker=shape,
        facecolors=face,
        edgecolors=colour,
        linewidths=1.1,
        alpha=alpha,
        label=label,
        zorder=3,
    )
    told = [mark for mark in inside if mark.stderr and view.last < 60]
    if told:
        bars = [mark.stderr or 0.0 for mark in told]
        ax.errorbar(
            [mark.number for mark in told], [mark.value or 0.0 for mark in told], yerr=bars, fmt="none", ecolor=colour,
            elinewidth=0.8, alpha=0.45, zorder=2,
        )  # fmt: skip


def _best(ax: Axes, view: BestSoFar) -> None:
    """A stair to the last trial, and the band of its noise as far as that is known."""
    if not view.steps:
        return
    x = [float(step.number) for step in view.steps] + [view.last + 0.5]
    y = [view.scale.within(step.value) for step in view.steps]
    ax.step(x, [*y, y[-1]], where="post", color=GREEN, linewidth=2.2, label="best so far", zorder=4)
    if view.band:
        low, high = (
            [
                view.scale.within(end if end is not None else step.value)
                for step, end in zip(view.steps, ends, strict=True)
            ]
            for ends in ([step.low for step in view.steps], [step.high for step in view.steps])
        )
        ax.fill_between(
            x, [*low, low[-1]], [*high, high[-1]], step="post", color=GREEN, alpha=0.18, linewidth=0,
            label="95 % interval of the best",
        )  # fmt: skip
    for step in view.steps[-1:]:
        ax.plot(
            [step.number], [view.scale.within(step.value)], marker="*", markersize=13, color=GREEN,
            markeredgecolor="white", linestyle="none", zorder=5,
        )  # fmt: skip
    chosen = next((mark for mark in view.marks if mark.number == view.chosen and mark.value is not None), None)
    if chosen is not None and chosen.value is not None and chosen.number != view.steps[-1].number:
        ax.plot(
            [chosen.number], [view.scale.within(chosen.value)], marker="o", markersize=12, color=ORANGE,
            markerfacecolor="none", markeredgewidth=2, linestyle="none", zorder=6,
            label=f"chosen on fresh seeds: trial {chosen.number}",
        )  # fmt: skip


def _failures(ax: Axes, failed: list[int], at_top: bool) -> None:
    if failed:
        ax.plot(
            failed, [0.955 if at_top else 0.045] * len(failed),
            marker="x", color=RED, linestyle="none", markersize=6, markeredgewidth=1.5,
            label=f"failed ({len(failed)})", transform=ax.get_xaxis_transform(), clip_on=False, zorder=5,
        )  # fmt: skip


def _beyond(ax: Axes, view: BestSoFar) -> None:
    """Values beyond the axis stand at its end, as triangles that point there."""
    label: str | None = "beyond the axis"
    for shape, place, chosen in (
        ("^", 0.985, [m.number for m in view.marks if m.value is not None and m.value > view.scale.high]),
        ("v", 0.015, [m.number for m in view.marks if m.value is not None and m.value < view.scale.low]),
    ):
        if chosen:
            ax.plot(
                chosen, [place] * len(chosen), marker=shape, color=BLUE, linestyle="none", markersize=6,
                markerfacecolor="none", label=label, transform=ax.get_xaxis_transform(), zorder=4,
            )  # fmt: skip
            label = None


def _stages(ax: Axes, view: BestSoFar) -> None:
    """Later stages shaded, and named where there is room."""
    if len(view.spans) > 12:
        return
    at, up, side = (0.0, 3, "bottom") if view.direction == "minimize" else (1.0, -3, "top")
    for span in view.spans:
        if span.stage in _SHADED:
            ax.axvspan(span.first - 0.5, span.last + 0.5, color=GREY, alpha=_SHADED[span.stage], linewidth=0, zorder=0)
        if len(view.spans) > 1 and (span.last - span.first + 1) > 0.08 * (view.last + 1):
            ax.annotate(
                span.stage, (span.first - 0.5, at), xycoords=("data", "axes fraction"), xytext=(3, up),
                textcoords="offset points", va=side, fontsize="x-small", zorder=7,
                bbox={"pad": 1.0, "facecolor": ax.get_facecolor(), "alpha": 0.7, "linewidth": 0},
            )  # fmt: skip


_ENDS: dict[str, tuple[str, Any, str, str]] = {
    "complete": (BLUE, "-", "o", "ran to its end"),
    "paused": (SKY, (0, (4, 2)), "|", "paused: may go on"),
    "stopped": (ORANGE, (0, (2, 1.5)), "v", "stopped early"),
    "failed": (RED, (0, (1, 1)), "x", "failed"),
    "running": (PURPLE, (0, (6, 1, 1, 1)), ">", "still running"),
    "waiting": (GREY, (0, (1, 2)), ".", "to be run again"),
}


def draw_curves(ax: Axes, view: Curves) -> None:
    """What each trial reported on its way, where it was looked at, and how it ended."""
    what = f"mean {view.metric} after so many {view.unit}" if view.is_mean else f"{view.metric} on the way"
    if not view.enough:
        nothing(ax, what, view.words)
        return
    clean(ax)
    value_axis(ax, view.scale, view.metric, view.direction)
    counts = dict(view.ends)
    thin = 0.55 if len(view.curves) > 30 else 0.8
    named: set[str] = set()
    for curve in sorted(view.curves, key=lambda c: (c.is_best, c.is_default)):
        colour, dashes, shape, words = _ENDS[curve.state]
        label = f"{words} ({counts.get(curve.state, 0)})" if curve.state not in named else None
        named.add(curve.state)
        _curve(ax, view, curve, colour, dashes, shape, label, thin)
    steps = [step for curve in view.curves for step in curve.steps]
    first, last = min(steps), max(steps)
    if view.rungs and first > 0 and last / first >= 20:
        ax.set_xscale("log")
        ax.set_xlim(first * 0.93, max(last, view.rungs[-1]) * 1.07)
    for place, rung in enumerate(view.rungs[:-1]):
        ax.axvline(
            rung, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)), label="trials are looked at" if not place else None
        )
    if view.rungs:
        ax.set_xticks(view.rungs, [f"{rung:g}" for rung in view.rungs])
        ax.set_xticks([], minor=True)
    elif last - first < 25:
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(integer=all(step == int(step) for step in steps)))
    ax.set_xlabel(text(view.unit))
    notes = [view.words]
    notes += [f"{view.left_out} further ones are left out"] if view.left_out else []
    notes += [f"{view.lost} reports are no finite number"] if view.lost else []
    headed(ax, what, "; ".join(notes))
    legend(ax)


def _curve(
    ax: Axes, view: Curves, curve: Curve, colour: str, dashes: Any, shape: str, label: str | None, thin: float
) -> None:
    y = [view.scale.within(value) if abs(value) > 1e290 else value for value in curve.values]
    ax.plot(curve.steps, y, color=colour, linestyle=dashes, linewidth=1.1, alpha=thin, label=label, zorder=2)
    ax.plot(curve.steps[-1:], y[-1:], marker=shape, color=colour, markersize=5, linestyle="none", alpha=0.9, zorder=3)
    for is_drawn, words, tone, width in (
        (curve.is_default, "the default", "0.45", 2.4),
        (curve.is_best, f"trial {curve.number}, the best", GREEN, 2.4),
    ):
        if is_drawn:
            line = "--" if curve.is_default else "-"
            ax.plot(curve.steps, y, color=tone, linewidth=width, linestyle=line, label=words, zorder=5)


_BARS: dict[str, tuple[str, str]] = {
    "complete": (BLUE, ""),
    "paused": (SKY, "//"),
    "stopped": (ORANGE, ".."),
    "failed": (RED, "xx"),
    "running": (PURPLE, "--"),
}


def draw_timeline(ax: Axes, view: Timeline) -> None:
    """Which worker ran which trial when; where it had nothing to run its row is grey."""
    if not view.enough:
        nothing(ax, "Timeline", view.words)
        return
    from matplotlib.collections import PolyCollection

    clean(ax, "")
    if view.idle:
        idle = [_box(each.lane, each.start, each.end) for each in view.idle]
        ax.add_collection(PolyCollection(idle, facecolor=GREY, alpha=0.18, linewidth=0, label="idle"))
    counts = Counter(bar.state for bar in view.bars)
    least = 0.0015 * (view.seconds or 1.0)  # so that every trial is seen
    for state, (colour, hatch) in _BARS.items():
        bars = [bar for bar in view.bars if bar.state == state]
        if not bars:
            continue
        drawn = PolyCollection(
            [_box(bar.lane, bar.start, max(bar.end, bar.start + least)) for bar in bars], facecolor=colour, alpha=0.85,
            hatch=hatch, edgecolor="white", linewidth=0.5 if len(bars) < 1000 else 0.0,
            label=f"{state} ({counts[state]})",
        )  # fmt: skip
        ax.add_collection(drawn)
    if len(view.bars) <= 400:
        inches = ax.get_window_extent().width / ax.figure.dpi
        for bar in view.bars:
            if (bar.end - bar.start) * inches > 0.10 * (len(str(bar.number)) + 1) * (view.seconds or 1.0):
                ax.text(
                    (bar.start + bar.end) / 2, bar.lane, str(bar.number), ha="center", va="center", color="black",
                    fontsize="x-small", clip_on=True,
                    bbox={"pad": 1.0, "facecolor": "white", "alpha": 0.8, "linewidth": 0},
                )  # fmt: skip
    cut_lines(ax, view.breaks)
    time_axis(ax, view.seconds)
    ax.set_yticks(range(view.lanes), [text(name, 28) for name in view.names])
    ax.set_ylim(view.lanes - 0.45, -0.55)
    headed(ax, "Timeline", view.words)
    legend(ax)


def _box(lane: int, start: float, end: float) -> list[tuple[float, float]]:
    """The corners of a bar."""
    low, high = lane - 0.35, lane + 0.35
    return [(start, low), (end, low), (end, high), (start, high)]


_LINES = ((BLUE, "-", "o"), (RED, (0, (5, 2)), "s"), (GREEN, (0, (2, 1.5)), "D"), (PURPLE, (0, (6, 1, 1, 1)), "^"),
          (ORANGE, (0, (1, 1)), "v"))  # fmt: skip


def draw_budget(ax: Axes, view: BurnDown) -> None:
    """What is spent of each limit over the working time, what running trials claim, and what it will come to."""
    if not view.enough:
        nothing(ax, "Budget", view.words)
        return
    limited = [purse for purse in view.purses if purse.limit is not None]
    shown = limited or [purse for purse in view.purses if purse.name == "trials"]
    clean(ax)
    end, top = view.seconds, 1.0 if limited else max(purse.spent for purse in shown)
    for purse, (colour, dashes, shape) in zip(shown, _LINES, strict=False):
        unit = purse.limit or 1.0
        x, y = [at for at, _ in purse.course], [amount / unit for _, amount in purse.course]
        stairs = "default" if purse.name == "seconds" else "steps-post"
        words = text(purse.words, 80)
        ax.plot(x, y, drawstyle=stairs, color=colour, linestyle=dashes, linewidth=2.0, label=words, zorder=3)
        now = purse.spent / unit
        ax.plot([view.seconds], [now], marker=shape, color=colour, linestyle="none", markersize=7, zorder=4)
        claimed = now + purse.committed / unit
        if purse.committed > 0:
            ax.plot([view.seconds] * 2, [now, claimed], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
        total, finish = purse.forecast, view.finish
        if total is not None and finish is not None and total.mean > purse.spent and finish.mean > 1.02 * view.seconds:
            until = min(finish.mean, 4 * view.seconds) if view.seconds else finish.mean
            part = (until - view.seconds) / (finish.mean - view.seconds)
            ends = [purse.spent + part * (amount - purse.spent) for amount in (total.low, total.mean, total.high)]
            low, mean, high = (max(amount, purse.spent) / unit for amount in ends)
            ax.plot([view.seconds, until], [now, mean], color=colour, linewidth=1.2, linestyle=":", zorder=2)
            ax.fill_between([view.seconds, until], [now, low], [now, high], color=colour, alpha=0.12, linewidth=0)
            end, top = max(end, until), max(top, high)
        top = max(top, claimed)
    if limited:
        ax.axhline(1.0, color=GREY, linewidth=1.4, linestyle=(0, (5, 3)), label="the limit")
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        ax.set_ylabel("share of the limit")
    else:
        ax.set_ylabel("trials that ended")
    cut_lines(ax, view.breaks)
    time_axis(ax, end)
    ax.set_ylim(0, top * 1.06)
    others = [purse.words for purse in view.purses if purse not in shown]
    limits = "no limit was declared" if not limited else ""
    headed(ax, "Budget", "; ".join(each for each in (limits, *others, view.price) if each) or duration(view.seconds))
    legend(ax)
