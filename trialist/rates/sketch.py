"""A curve as lines of text, in the dots of Braille letters: two across and four down in each."""

from __future__ import annotations

import math
from collections.abc import Sequence

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column within a letter
_EMPTY = 0x2800
_LABEL = 10  # columns left of the picture: "-1.23e-05 "


def sketch(
    xs: Sequence[float],
    ys: Sequence[float],
    width: int = 60,
    height: int = 8,
    *,
    log_x: bool = False,
    x_label: str = "",
    marks: Sequence[float] = (),
) -> str:
    """The curve through (xs, ys), xs ascending, in `width` columns and `height` lines and a line of labels.

    marks: values of x where an upright line stands. Values that are not finite are left out.
    """
    across = [math.log(x) if log_x else x for x in xs]
    points = [(x, y) for x, y in zip(across, ys, strict=True) if math.isfinite(y)]
    if not points:
        return ""
    columns = max(width - _LABEL, 10)
    left, right = across[0], across[-1]
    low, high = min(y for _, y in points), max(y for _, y in points)
    letters = [[_EMPTY] * columns for _ in range(height)]

    def column(x: float) -> int:
        return round((x - left) / ((right - left) or 1.0) * (2 * columns - 1))

    def row(y: float) -> int:
        # Halved before subtracting: of two values near the largest float, the difference is none.
        share = (y / 2 - low / 2) / ((high / 2 - low / 2) or 1.0)
        return round((1.0 - share) * (4 * height - 1))

    def put(across: int, down: int) -> None:
        letters[down // 4][across // 2] |= _DOTS[down % 4][across % 2]

    for (x0, y0), (x1, y1) in zip(points, points[1:] or points, strict=False):
        start, stop = (column(x0), row(y0)), (column(x1), row(y1))
        length = max(abs(stop[0] - start[0]), abs(stop[1] - start[1]), 1)
        for i in range(length + 1):
            put(*(round(a + (b - a) * i / length) for a, b in zip(start, stop, strict=True)))
    for mark in marks:
        at = column(math.log(mark) if log_x else mark)
        for down in range(0, 4 * height, 2):
            put(at, down)
    lines = ["".join(map(chr, line)) for line in letters]
    labels = [f"{high:.3g}", *[""] * (height - 2), f"{low:.3g}"] if height > 1 else [f"{high:.3g}"]
    ends = f"{xs[0]:.4g}", f"{xs[-1]:.4g}"
    below = f"{ends[0]}{x_label.center(columns - len(ends[0]) - len(ends[1]))}{ends[1]}"
    drawn = [f"{label:>{_LABEL - 1}} {line}" for label, line in zip(labels, lines, strict=True)]
    return "\n".join([*drawn, f"{'':{_LABEL}}{below}"])
