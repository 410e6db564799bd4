"""What all pictures share: axes made or taken, colours, text as it is, axes of values and of dials, empty states.

No picture shows itself or changes a global setting: what it draws stands in the axes that it gives back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trialist.errors import MissingExtraError, PlanError, shown
from trialist.study.prose import named
from trialist.study.views.scale import Scale, round_step
from trialist.trials.amounts import duration
from trialist.trials.plan import Direction

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which stay apart for colour-blind eyes; shapes and dashes say the same.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
GREY = "#8A8A8A"  # seen on white and on black
WIDTH, HEIGHT = 7.2, 4.2  # inches of one picture
NAME = 42  # characters of a name in a picture
_SMALL = "small"
_LETTERS = 14.5  # of small text, to the inch


def new_axes(ax: Any, count: int = 1, width: float = WIDTH, height: float = HEIGHT, columns: int = 1) -> list[Axes]:
    """So many axes: those that were given, else of a new figure. MissingExtraError without matplotlib."""
    try:
        from matplotlib.axes import Axes
        from matplotlib.pyplot import figure
    except ImportError:
        raise MissingExtraError("study.plot needs", "plots") from None
    if ax is not None:
        given = [each for each in _flat(ax) if isinstance(each, Axes)]
        if len(given) < count or len(given) != len(list(_flat(ax))):
            needs = "an Axes" if count == 1 else f"an array of {count} Axes, or leave it out"
            raise PlanError("ax", f"{shown(ax)} is not what this picture needs", f"Give {needs}.")
        return given[:count]
    rows = math.ceil(count / columns)
    made = figure(figsize=(width, height * rows), layout="constrained")
    grid = made.subplots(rows, columns, squeeze=False)
    for spare in list(grid.flat)[count:]:
        spare.set_axis_off()
    return list(grid.flat)[:count]


def _flat(ax: Any) -> Iterator[Any]:
    """One Axes, or those of an array or a list in its order."""
    if hasattr(ax, "flat"):
        yield from ax.flat
    elif isinstance(ax, Sequence) and not isinstance(ax, str):
        for each in ax:
            yield from _flat(each)
    else:
        yield ax


def together(axes: Sequence[Axes]) -> Any:
    """One Axes by itself, several as an array."""
    import numpy as np

    if len(axes) == 1:
        return axes[0]
    found = np.empty(len(axes), dtype=object)
    found[:] = axes
    return found


def text(words: str, width: int = NAME) -> str:
    """A name or a message as it is: no mathematics of TeX in it, on one line, cut in the middle where it is long."""
    plain = named(words) if not words.isprintable() else words
    if len(plain) > width:
        head = (width - 1) * 2 // 3
        plain = f"{plain[:head]}…{plain[len(plain) - (width - 1 - head) :]}"
    return plain.replace("$", r"\$")


def sentence(words: str, inches: float, size: str | float = "medium", most: int = 8) -> str:
    """Text over several lines, each as wide as there is room for."""
    lines = [""]
    for word in words.split():
        whole = f"{lines[-1]} {word}".strip()
        if _width(whole, size) <= inches:
            lines[-1] = whole
            continue
        lines += [""] if lines[-1] else []
        while _width(word, size) > inches and len(word) > 1:  # a word that no line holds is broken
            fits = max(1, int(len(word) * inches / _width(word, size)) - 1)
            lines[-1], word = word[:fits], word[fits:]
            lines.append("")
        lines[-1] = word
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
    return "\n".join(lines).replace("$", r"\$")


def _width(words: str, size: str | float) -> float:
    """Of a line of text, in inches, at most: letters that are fitted to pixels come out a little wider."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    points: float = text_to_path.get_text_width_height_descent(words, FontProperties(size=size), ismath=False)[0]
    return 1.07 * points / 72.0


def headed(ax: Axes, title: str, words: str = "") -> None:
    """A title at the left, and what the picture says below it, as wide as the axes are."""
    inches = _inches(ax)
    below = sentence(words, inches, _SMALL, 4) if words else ""
    ax.set_title(text(title, max(30, int(inches * 8))), loc="left", fontweight="bold", pad=6 + 12.5 * _lines(below))
    if below:
        ax.annotate(
            below, (0.0, 1.0), xycoords="axes fraction", xytext=(0, 5), textcoords="offset points", fontsize=_SMALL,
            va="bottom", alpha=0.85, linespacing=1.15,
        )  # fmt: skip


def _lines(told: str) -> int:
    return told.count("\n") + 1 if told else 0


def nothing(ax: Axes, title: str, words: str) -> None:
    """An empty picture: why, and what to do next."""
    ax.set_axis_off()
    inches = _inches(ax)
    ax.set_title(text(title, max(30, int(inches * 8))), loc="left", fontweight="bold")
    told = sentence(words, 0.75 * inches)
    ax.text(0.5, 0.5, told, ha="center", va="center", transform=ax.transAxes, linespacing=1.5, alpha=0.85)


def clean(ax: Axes, grid: str = "y") -> None:
    """Fewer lines: no frame above and at the right, a faint grid behind."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(axis=grid, alpha=0.25, linewidth=0.6)  # type: ignore[arg-type]


def value_axis(ax: Axes, scale: Scale, name: str, direction: str, along: str = "y") -> None:
    """An axis of a metric: its scale, and which way is better."""
    side = getattr(ax, f"{along}axis")
    if scale.log:
        getattr(ax, f"set_{along}scale")("log")
    getattr(ax, f"set_{along}lim")(scale.low, scale.high)
    ticks = scale.ticks()
    if len(ticks) >= 2:
        side.set_ticks(ticks, [number(tick, () if scale.log else ticks) for tick in ticks])
        side.set_ticks([], minor=True)
    getattr(ax, f"set_{along}label")(f"{text(name, 26)} ({better(direction)} is better)")


def better(direction: str) -> str:
    return "lower" if direction == Direction.MINIMIZE else "higher"


def number(value: float, among: Iterable[float] = ()) -> str:
    """A tick's label, zeros of rounding errors made zeros."""
    size = max(map(abs, among), default=0.0)
    return "0" if abs(value) < 1e-9 * size else f"{value:.4g}"


def trial_axis(ax: Axes, last: int) -> None:
    """An axis of trial numbers."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlim(-0.5 - 0.01 * last, last + 0.5 + 0.01 * last)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    ax.set_xlabel("trial")


def time_axis(ax: Axes, seconds: float, name: str = "working time") -> None:
    """An axis of seconds from 0 on, in the unit that suits its end."""
    end = seconds or 1.0
    unit, size = next((u for u in _UNITS if end >= u[2] * u[1]), _UNITS[-1])[:2]
    step = round_step(end / size / 6)
    ticks = [k * step for k in range(math.floor(end / size / step * (1 + 1e-9)) + 1)]
    ax.set_xlim(0, end * 1.02)
    ax.set_xticks([tick * size for tick in ticks], [f"{tick:.4g}" for tick in ticks])
    ax.set_xlabel(f"{name} ({unit})")


# Each with its size, and with how many of them it begins.
_UNITS = (
    ("days", 86_400.0, 2), ("hours", 3_600.0, 2), ("minutes", 60.0, 2), ("seconds", 1.0, 1), ("milliseconds", 1e-3, 0),
)  # fmt: skip


def cut_lines(ax: Axes, breaks: Sequence[tuple[float, float]]) -> None:
    """Where a gap was cut out of the time."""
    for at, gone in breaks:
        ax.axvline(at, color=GREY, linewidth=1.0, linestyle=(0, (1, 2)), label="_cut")
        ax.annotate(
            f"{duration(gone)} cut out", (at, 1.0), xycoords=("data", "axes fraction"), xytext=(-2, -2),
            textcoords="offset points", rotation=90, ha="right", va="top", fontsize="x-small", alpha=0.8,
        )  # fmt: skip


def dial_axis(ax: Axes, parameter: Any, name: str, along: str = "x") -> None:
    """An axis of a dial's own values; choices stand at 0, 1, 2, ... in their order."""
    from trialist.space.categorical import Categorical
    from trialist.study.prose import setting

    side = getattr(ax, f"{along}axis")
    if isinstance(parameter, Categorical):
        count = len(parameter.choices)
        labels = [text(setting(choice), 16) for choice in parameter.choices]
        turned = along == "x" and sum(map(len, labels)) > 60
        side.set_ticks(range(count), labels)
        if turned:
            ax.tick_params(axis="x", labelrotation=25)
        getattr(ax, f"set_{along}lim")(-0.5, count - 0.5)
        getattr(ax, f"set_{along}label")(text(name))
        return
    low, high = float(parameter.low), float(parameter.high)
    if parameter.log:
        getattr(ax, f"set_{along}scale")("log")
        margin = (high / low) ** 0.03
        getattr(ax, f"set_{along}lim")(low / margin, high * margin)
        ticks = Scale(low, high * (1 + 1e-9), log=True).ticks()
        if len(ticks) < 3 or isinstance(parameter.low, int):
            ticks = [float(value) for value in parameter.levels(5)]
        side.set_ticks(ticks, [number(tick) for tick in ticks])
        side.set_ticks([], minor=True)
    else:
        margin = 0.03 * (high - low) or 0.5
        getattr(ax, f"set_{along}lim")(low - margin, high + margin)
    getattr(ax, f"set_{along}label")(f"{text(name)} (log scale)" if parameter.log else text(name))


def place(parameter: Any, value: Any) -> float:
    """Where a dial's value stands on the axis that `dial_axis` makes."""
    from trialist.space.categorical import Categorical

    if isinstance(parameter, Categorical):
        return float(round(parameter.encode(value) * len(parameter.choices) - 0.5))
    return float(value)


def legend(ax: Axes, below: float = 0.56) -> None:
    """So many inches below the axes, so that it hides nothing; none where it would name one thing only."""
    from matplotlib.transforms import ScaledTranslation

    handles, labels = ax.get_legend_handles_labels()
    if len(handles) < 2:
        return
    room = _inches(ax) * _LETTERS
    columns = len(labels)
    while columns > 1 and sum(max(map(len, labels[i::columns])) + 7 for i in range(columns)) > room:
        columns -= 1
    # Filled row by row, where matplotlib goes column by column.
    order = [i for first in range(columns) for i in range(first, len(labels), columns)]
    figure = ax.get_figure(root=True)
    assert figure is not None
    ax.legend(
        [handles[i] for i in order], [labels[i] for i in order], loc="upper left", bbox_to_anchor=(0.0, 0.0),
        bbox_transform=ax.transAxes + ScaledTranslation(0.0, -below, figure.dpi_scale_trans), ncols=columns,
        frameon=False, fontsize=_SMALL, borderaxespad=0.0, handlelength=1.8, columnspacing=1.4,
    )  # fmt: skip


def _inches(ax: Axes) -> float:
    """How wide the axes will about be: in a figure of our own the layout gives them what labels leave."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    place = ax.get_subplotspec()
    if figure.get_layout_engine() is None or place is None:
        return float(ax.get_window_extent().width / figure.dpi)
    share = figure.get_figwidth() * len(place.colspan) / place.get_gridspec().ncols
    labels = [_width(label.get_text(), label.get_fontsize()) for label in ax.get_yticklabels()] if ax.axison else []
    return float(max(share - max(labels, default=0.0) - (0.25 if not ax.get_ylabel() else 0.5), 0.4 * share))
