"""A picture of what a model foretold of each trial before it ran: intervals, and the scores that came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialist.plots.canvas import BLUE, GREY, PURPLE, RED, clean, headed, legend, nothing, trial_axis, value_axis
from trialist.study.views.scale import Scale
from trialist.trials.plan import Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from trialist.effects.findings import TrackRecord

_WIDE = 3.2  # points; of more than MANY trials less
_MANY = 60


def draw_foretold(ax: Axes, view: TrackRecord, objective: Objective) -> None:
    """Trial by trial the 95 % interval as a thin line, the 50 % one as a thick one, the median, and what came."""
    title = f"{objective.name} foretold"
    trials = view.trials
    if not trials:
        nothing(ax, title, view.words)
        return
    # An interval may end beyond the picture, which is of what came and what was foretold.
    scale = Scale.over([x for t in trials for x in (t.came, t.median)], objective.direction)
    clean(ax)
    value_axis(ax, scale, objective.name, objective.direction.value)
    trial_axis(ax, trials[-1].number)
    numbers = [t.number for t in trials]
    wide = _WIDE if len(trials) <= _MANY else 1.6
    within = scale.within

    def bars(low: list[float], high: list[float], width: float, label: str) -> None:
        ax.vlines(
            numbers, list(map(within, low)), list(map(within, high)), colors=GREY, linewidth=width,
            alpha=0.5 if width > 1 else 0.9, label=label, zorder=2,
        )  # fmt: skip

    so_far = [within(t.so_far) for t in trials]
    ax.plot(numbers, so_far, color=PURPLE, linestyle=(0, (5, 3)), linewidth=1.3, label="median so far", zorder=1)
    bars([t.low for t in trials], [t.high for t in trials], 0.8, "95 % interval")
    bars([t.lower for t in trials], [t.upper for t in trials], wide, "50 % interval")
    medians = [within(t.median) for t in trials]
    ax.plot(numbers, medians, linestyle="none", marker="_", markersize=wide + 2, color="0.3", zorder=3)
    for is_within, colour, shape, label in ((True, BLUE, "o", "came within"), (False, RED, "X", "came outside")):
        told = [t for t in trials if t.is_within is is_within]
        if told:
            ax.plot(
                [t.number for t in told], [within(t.came) for t in told], linestyle="none", marker=shape,
                markersize=4.5, color=colour, label=f"{label} ({len(told)})", zorder=4,
            )  # fmt: skip
    headed(ax, title, view.words)
    legend(ax)
