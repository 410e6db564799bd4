"""Curves as one SVG file that stands on its own. Coordinates: x to the right and y down, in units of the viewBox."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from trialist.errors import InputError

_WIDTH, _HEIGHT = 860, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 24, 62, 52
# Okabe and Ito's colours, which stay apart for colour-blind eyes; dashes say the same.
_STYLES = (("#0072b2", ""), ("#c04a00", "7 4"), ("#00734f", "2 4"), ("#9a4b80", "10 3 2 3"), ("#1c1f24", "4 2"))
_CSS = """
  .page { fill: #fff } text { fill: #4a515b; font: 13px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
  .title { fill: #1c1f24; font-size: 17px; font-weight: 600 } .note { font-size: 12px }
  .grid { stroke: #1c1f24; stroke-opacity: .1 } .band { fill: #e3f0e9 } .edge { stroke: #00734f; stroke-dasharray: 5 4 }
  .edge-label { fill: #00734f } .cross { stroke: #c04a00; stroke-width: 2; fill: none }
  .dot { fill: #0072b2; fill-opacity: .35 } .curve { fill: none; stroke-width: 2.2 }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: xs ascending, its name for the legend. dots: separate measurements, a cross where one is not finite."""

    xs: Sequence[float]
    ys: Sequence[float]
    name: str = ""
    dots: bool = False


@dataclass(frozen=True, slots=True)
class _Axis:
    """Values from low to high, and where they stand between two coordinates."""

    low: float
    high: float
    first: float
    last: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        place = math.log(value) if self.log else value
        return round(self.first + (self.last - self.first) * (place / 2 - low / 2) / ((high / 2 - low / 2) or 1.0), 1)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def ticks(self) -> list[float]:
        if self.log:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            every = max(1, (last - first) // 8)
            digits = (1, 2, 5) if last - first <= 2 else (1,)
            found = [float(f"{digit}e{power}") for power in range(first, last + 1, every) for digit in digits]
        else:
            step = _round_step((self.high / 5 - self.low / 5) or 1.0)
            found = [k * step for k in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        return [tick for tick in found if self.low * (1 - 1e-9) <= tick <= self.high * (1 + 1e-9)]


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    note: str = "",
    log_x: bool = False,
    zero: bool = False,
    band: tuple[float, float] | None = None,
    ceiling: float | None = None,
) -> str:
    """An SVG of the lines over one pair of axes.

    zero: the y axis begins at 0.  band: a stretch of x that is marked.  ceiling: the y axis ends there, and what is
    higher stands at its upper edge.
    """
    xs = [x for line in lines for x in line.xs]
    ys = [y for line in lines for y in line.ys if math.isfinite(y) and (ceiling is None or y <= ceiling)]
    low, high = (min(ys), max(ys)) if ys else (0.0, 1.0)
    margin = 0.05 * (high - low) or abs(high) * 0.05 or 0.5
    across = _Axis(min(xs), max(xs), _LEFT, _WIDTH - _RIGHT, log_x)
    down = _Axis(0.0 if zero else low - margin, high + margin, _HEIGHT - _BOTTOM, _TOP)
    named = [line for line in lines if line.name] if len(lines) > 1 else []
    body = [
        f"<title>{escape(title)}</title>",
        f"<style>{_CSS}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{_HEIGHT}"/>',
        *_band(band, across),
        *_grid(across, down),
        *(part for number, line in enumerate(lines) for part in _curve(line, number, across, down)),
        *_edges(band, across),
        _text(title, _LEFT, 26, "title"),
        _text(note, _LEFT, 46, "note"),
        *(part for place, line in enumerate(named) for part in _key(line, lines.index(line), len(named) - place)),
        _text(x_label, (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, anchor="middle"),
        f'<g transform="rotate(-90)">{_text(y_label, -(_TOP + _HEIGHT - _BOTTOM) / 2, 18, anchor="middle")}</g>',
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
    return "\n".join([head, *body, "</svg>\n"])


def write(path: str | Path, drawn: str) -> Path:
    """Write a picture; InputError where the file cannot be written. Returns its path."""
    path = Path(path)
    try:
        path.write_text(drawn, encoding="utf-8")
    except OSError as error:
        problem = f"it cannot be written ({error.strerror})"
        raise InputError(str(path), problem, "Give a path that can be written, such as rate.svg.") from None
    return path


def _grid(across: _Axis, down: _Axis) -> list[str]:
    parts = []
    for tick in down.ticks():
        y = down.at(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(_text(f"{tick:.4g}", _LEFT - 8, y + 4, anchor="end"))
    for tick in across.ticks():
        x = across.at(tick)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
        parts.append(_text(f"{tick:.4g}", x, _HEIGHT - _BOTTOM + 19, anchor="middle"))
    return parts


def _curve(line: Line, number: int, across: _Axis, down: _Axis) -> list[str]:
    points = [
        (across.at(x), down.at(min(y, down.high))) for x, y in zip(line.xs, line.ys, strict=True) if math.isfinite(y)
    ]
    if line.dots:
        broken = [across.at(x) for x, y in zip(line.xs, line.ys, strict=True) if not math.isfinite(y)]
        crosses = [f'<path class="cross" d="M{x - 4:.1f} {_TOP + 4}l8 8m0 -8l-8 8"/>' for x in broken]
        return [f'<circle class="dot" cx="{x}" cy="{y}" r="3"/>' for x, y in points] + crosses
    colour, dashes = _STYLES[number % len(_STYLES)]
    path = " ".join(f"{x},{y}" for x, y in points)
    return [f'<polyline class="curve" stroke="{colour}" stroke-dasharray="{dashes}" points="{path}"/>']


def _band(band: tuple[float, float] | None, across: _Axis) -> list[str]:
    if band is None:
        return []
    left, right = map(across.at, band)
    size = f'width="{right - left:.1f}" height="{_HEIGHT - _TOP - _BOTTOM}"'
    return [f'<rect class="band" x="{left}" y="{_TOP}" {size}/>']


def _edges(band: tuple[float, float] | None, across: _Axis) -> list[str]:
    parts = []
    for value, anchor, shift in zip(band or (), ("end", "start"), (-6, 6), strict=False):
        x = across.at(value)
        if x + shift < _LEFT + 40:  # no room left of it
            anchor, shift = "start", 6
        if x + shift > _WIDTH - _RIGHT - 40:
            anchor, shift = "end", -6
        parts.append(f'<line class="edge" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
        parts.append(_text(f"{value:.2g}", x + shift, _TOP + 15, "edge-label", anchor))
    return parts


def _key(line: Line, number: int, place: int) -> list[str]:
    """An entry of the legend, `place` entries from the right end."""
    x, y = _WIDTH - _RIGHT - 150 * place, 22
    colour, dashes = _STYLES[number % len(_STYLES)]
    mark = f'<line x1="{x}" x2="{x + 28}" y1="{y}" y2="{y}" stroke="{colour}" stroke-dasharray="{dashes}"'
    if line.dots:
        return [f'<circle class="dot" cx="{x + 14}" cy="{y}" r="3"/>', _text(line.name, x + 36, y + 4)]
    return [f'{mark} stroke-width="2.2"/>', _text(line.name, x + 36, y + 4)]


def _text(words: str, x: float, y: float, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>' if words else ""


def _round_step(size: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) at or just above a size."""
    power = math.floor(math.log10(size))
    return next(step for digit in (1, 2, 5, 10) if (step := float(f"{digit}e{power}")) >= size * (1 - 1e-9))
