"""A chart on a page: its place, what it says in words, its legend, its numbers as a table; drawn by static/charts.js.

In a report the data stand beside it, so that the file is whole.  On the dashboard the place names where its data are
served, and the browser asks for them: `served` gives what it gets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from trialist.web.data import ReportData
from trialist.web.html import Html, el, join, name
from trialist.web.layout import table
from trialist.web.panels import PANELS, applies

Panel = Mapping[str, Any]

_WORDS = 24  # characters from which on a cell is of words, not of a number or a name


def figure(panel: str, data: ReportData, aim: str = "") -> Html | None:
    """The figure of a panel; None where the study has nothing of its kind.  aim: of effects, on which objective."""
    if data.panels_at:
        if not applies(panel, data):
            return None
        source = f"{data.panels_at.rstrip('/')}/{quote(panel)}.json" + (f"?on={quote(aim)}" if aim else "")
        waiting = el("p", "Being computed …", class_="note waiting")
        return el("figure", waiting, class_="panel", data_panel=panel, data_src=source)
    found = PANELS[panel](data.on(aim) if aim else data)
    if found is None:
        return None
    return el("figure", inside(found), _embedded(found), class_="panel", data_panel=panel)


def figures(panel: str, data: ReportData) -> list[Html]:
    """The same of effects: a figure for each of several objectives, those of the further ones to be opened."""
    objectives = data.plan.objectives
    if len(objectives) == 1:
        return [] if (found := figure(panel, data)) is None else [found]
    made: list[Html] = []
    for objective in objectives:
        if (found := figure(panel, data, objective.name)) is not None:
            head = join("On ", name(objective.name))
            if not made:
                made.append(join(el("h3", head), found))
            else:
                made.append(el("details", el("summary", head), found, class_="objective"))
    return made


def served(panel: str, data: ReportData, aim: str = "") -> dict[str, Any] | None:
    """What the dashboard answers for a panel: the figure's inside as HTML, and the data of its chart."""
    found = PANELS[panel](data.on(aim) if aim else data)
    return None if found is None else {"html": inside(found), "data": _drawn(found)}


def inside(panel: Panel) -> Html:
    """Caption, legend, the chart's place and its numbers; where there is nothing to draw, what to do next."""
    if panel.get("empty"):
        return join(_caption(panel), el("p", el("bdi", str(panel["empty"])), class_="note empty"), _numbers(panel))
    place = el(
        "div",
        class_="canvas",
        role="img",
        aria_label=_label(panel),
        style=f"height:{int(panel.get('height', 320))}px",
    )
    return join(_caption(panel), place, _controls(panel), _numbers(panel))


def _caption(panel: Panel) -> Html:
    legend = [
        el("li", el("span", class_=f"key {kind}", aria_hidden="true"), label)
        for kind, label in (panel.get("legend", ()) if not panel.get("empty") else ())
    ]
    title = panel.get("title")
    return el(
        "figcaption",
        el("strong", name(title)) if title else None,
        *(el("p", el("bdi", line)) for line in _lines(panel.get("words"))),
        el("ul", *legend, class_="legend") if legend else None,
    )


def _controls(panel: Panel) -> Html | None:
    """Where the chart's script puts what a keyboard chooses by: ranges of dials, a pair of dials."""
    return el("div", class_="controls", data_for=str(panel["controls"])) if panel.get("controls") else None


def _numbers(panel: Panel) -> Html | None:
    found = panel.get("table")
    if not found or not found["rows"]:
        return None
    head: Sequence[str] = found["head"]
    rows = [
        el("tr", el("th", name(str(first)), scope="row"), *(_cell(cell) for cell in rest))
        for first, *rest in found["rows"]
    ]
    caption = str(found.get("caption") or panel.get("title") or "The same in numbers")
    is_open = bool(panel.get("open"))
    return el("details", el("summary", "The same in numbers"), table(head, rows, caption), open=is_open)


def _cell(cell: object) -> Html:
    text = str(cell)
    return el("td", el("bdi", text), class_="words" if len(text) > _WORDS else None)


def _lines(words: str | Sequence[str] | None) -> Sequence[str]:
    return [words] if isinstance(words, str) and words else words or ()


def _label(panel: Panel) -> str:
    """What a screen reader says of the picture."""
    told = str(panel.get("label") or panel.get("title") or "chart")
    return told if len(told) <= 600 else told[:599] + "…"


def _drawn(panel: Panel) -> dict[str, Any]:
    """The data of the chart alone."""
    return {
        key: value for key, value in panel.items() if key not in ("table", "legend", "height", "label", "words", "open")
    }


def _embedded(panel: Panel) -> Html:
    """The chart's data as JSON; no text in it can end the element."""
    written = json.dumps(_drawn(panel), allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    for mark in "<>&":
        written = written.replace(mark, f"\\u{ord(mark):04x}")
    return Html(f'<script type="application/json">{written}</script>')
