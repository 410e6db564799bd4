"""Small charts as inline SVG: an interval beside its zero line, a place on a scale. Colours and fonts are the page's.

Coordinates: x to the right and y down, in units of the viewBox; a chart scales with its page.
"""

from __future__ import annotations

import math

from trialist.web.html import Html, el
from trialist.web.numbers import gain


def interval_chart(difference: float, interval: tuple[float, float] | None) -> Html:
    """A difference (better is positive) and its interval beside the zero line."""
    ends = [end for end in interval or () if math.isfinite(end)]
    reach = max(map(abs, [difference, *ends])) * 1.15 or 1.0

    def x(value: float) -> float:
        return round(320 + 290 * min(max(value / reach, -1.03), 1.03), 1)

    bar = None
    label = f"difference {gain(difference)}"
    if interval is not None:
        low, high = interval
        label += f", interval {gain(low)} to {gain(high)}, zero marked"
        bar = el("path", d=f"M{x(low)} 34H{x(high)}M{x(low)} 24V44M{x(high)} 24V44", class_="bar")
    return el(
        "svg",
        el("title", label),
        el("line", x1=20, x2=620, y1=34, y2=34, class_="axis"),
        el("line", x1=320, x2=320, y1=8, y2=60, class_="zero"),
        el("text", "0 = no difference", x=320, y=77, text_anchor="middle"),
        el("text", "◀ worse", x=20, y=77),
        el("text", "better ▶", x=620, y=77, text_anchor="end"),
        bar,
        el("circle", cx=x(difference), cy=34, r=7, class_="estimate"),
        viewBox="0 0 640 84",
        role="img",
        class_="interval",
    )


def position_chart(default: float | None, selected: float | None) -> Html:
    """Where on its scale, 0 to 1, a dial stands: hollow the default, filled the selected."""
    return el(
        "svg",
        el("line", x1=8, x2=112, y1=9, y2=9, class_="axis"),
        el("circle", cx=8 + 104 * default, cy=9, r=5.5, class_="default") if default is not None else None,
        el("circle", cx=8 + 104 * selected, cy=9, r=3.5, class_="selected") if selected is not None else None,
        viewBox="0 0 120 18",
        class_="position",
        aria_hidden="true",
    )
