"""A language model's study on a page: settings beside each other, items by settings, the race, answers that differ.

All of it is read from the account that the study keeps as plain JSON; what a model, a suite or a server wrote is
text, and is escaped as every text is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trialist.web.data import ReportData
from trialist.web.html import Html, el, name
from trialist.web.layout import facts, section, table
from trialist.web.llmcharts import effect_chart, heat_map, race_chart, scatter_chart
from trialist.web.numbers import measured, setting

_ROLES = {"default": "default", "selected": "selected", "finalist": "finalist", "raced": "raced"}
_HARDEST = 20  # items in the table
_FIRST = 12  # answers side by side that are there at once; the others at a click


def asked_section(data: ReportData) -> Html | None:
    """What was asked of whom, what it took, and the settings beside each other."""
    kept = data.asked
    if kept is None:
        return None
    spent, suite = kept.get("spent") or {}, kept.get("suite") or {}
    priced = bool(kept.get("prices"))
    lost = (kept.get("lost") or {}).get("calls") or 0
    settings = [each for each in kept.get("settings", ()) if each.get("measured")]
    columns = ["cost", "latency", "p95_latency", "tokens", "truncated"] if priced else _UNPRICED
    head = ("setting", "", "score", *(_TITLES[column] for column in columns), "failed", "dials")
    words = [f"Trial {each['trial']}: {each['truncated']}" for each in settings if each.get("truncated")]
    return section(
        "asked",
        "What was asked",
        facts(
            [
                ("endpoint", str(kept.get("endpoint", ""))),
                ("suite", f"{suite.get('name', '')}, {suite.get('items', 0):,} items"),
                ("calls", f"{spent.get('calls', 0):,}"),
                ("tokens", f"{spent.get('tokens', 0):,}"),
                ("money", f"{spent.get('money', 0.0):.4g}" if priced else ""),
                ("perhaps unpaid", f"{lost:,} calls whose answer nobody saw" if lost else ""),
            ]
        ),
        *(el("p", f"{text}.", class_="warning") for text in words),
        _scatter(kept, settings, priced),
        table(
            head,
            [_row(each, columns) for each in settings],
            "Settings by what was measured on the search items that they were asked",
            numeric=head[2:-1],
            sortable=True,
        )
        if settings
        else None,
        *(el("p", str(note), class_="note") for note in suite.get("notes", ())),
    )


def disagreements_section(data: ReportData) -> Html | None:
    """Sealed items on which default and selected differ, with both answers."""
    sealed = (data.asked or {}).get("sealed")
    if not sealed:
        return None
    pairs = sealed.get("disagreements") or []
    total, differ = sealed.get("items", 0), sealed.get("differ", len(pairs))
    rows = [
        el(
            "tr",
            el("th", el("bdi", str(pair.get("question", ""))), scope="row", class_="answer"),
            el("td", el("bdi", str(pair.get("target", ""))), class_="answer"),
            _answer(pair.get("default") or {}),
            _answer(pair.get("selected") or {}),
        )
        for pair in pairs
    ]
    head = ("question", "target", "default", "selected")
    words = [sealed[side].get("truncated") for side in ("default", "selected") if sealed.get(side)]
    return section(
        "disagreements",
        "Where default and selected differ",
        el("p", f"{differ:,} of {total:,} sealed items are scored differently."),
        *(el("p", f"{text}.", class_="warning") for text in words if text),
        table(head, rows[:_FIRST], f"Answers to {min(_FIRST, len(rows)):,} of them, side by side") if rows else None,
        el(
            "details",
            el("summary", f"{len(rows) - _FIRST:,} more"),
            table(head, rows[_FIRST:], "Answers to the others"),
        )
        if len(rows) > _FIRST
        else None,
    )


def items_section(data: ReportData) -> Html | None:
    """The heat map of items by settings, and the hardest items."""
    kept = data.asked
    if kept is None or not kept.get("items"):
        return None
    columns = [each for each in kept.get("settings", ()) if each.get("scores")]
    if not columns:
        return None
    items = kept["items"]
    means = [_mean([each["scores"][row] for each in columns if row < len(each["scores"])]) for row in range(len(items))]
    order = sorted(range(len(items)), key=lambda row: (means[row] is None, means[row] or 0.0, row))
    hardest = [row for row in order if means[row] is not None][:_HARDEST]
    rows = [
        el(
            "tr",
            el("th", el("bdi", str(items[row].get("question", ""))), scope="row", class_="answer"),
            el("td", name(str(items[row].get("group") or "–"))),
            el("td", measured(means[row]), class_="number"),
        )
        for row in hardest
    ]
    entries = [("right", "right"), ("part", "in part"), ("wrong", "wrong")]
    legend = [el("li", el("span", class_=f"key {kind}", aria_hidden="true"), label) for kind, label in entries]
    return section(
        "items",
        "Items by settings",
        el(
            "figure",
            el(
                "figcaption",
                "Each row an item, the hardest on top; white was not asked",
                el("ul", *legend, class_="legend"),
            ),
            heat_map([each["scores"] for each in columns], order, [_label(each) for each in columns]),
        ),
        el(
            "details",
            el("summary", "The hardest items"),
            table(("question", "group", "mean score"), rows, "Items by their mean score", numeric=("mean score",)),
        ),
    )


def race_section(data: ReportData) -> Html | None:
    """How far each setting ran, block by block."""
    race = [each for each in (data.asked or {}).get("race", ()) if each.get("blocks")]
    if len(race) < 2:
        return None
    blocks = max(len(each["blocks"]) for each in race)
    saved = sum(blocks - len(each["blocks"]) for each in race)
    stopped = [each for each in race if len(each["blocks"]) < blocks]
    rows = [
        el(
            "tr",
            el("th", f"trial {each['trial']}", scope="row"),
            el("td", f"{len(each['blocks'])} of {blocks}", class_="number"),
            el("td", el("bdi", str(each.get("reason", ""))), class_="reason"),
        )
        for each in stopped
    ]
    head = ("trial", "blocks", "why no further")
    return section(
        "race",
        "The race",
        el(
            "p",
            f"{saved:,} of {blocks * len(race):,} blocks were spared: {len(stopped):,} settings were asked no further.",
        ),
        el("figure", race_chart(race, blocks), tabindex=0),
        el(
            "details",
            el("summary", "Why they ended"),
            table(head, rows, "Settings that ended early", numeric=("blocks",)),
        )
        if rows
        else None,
    )


def alone_section(data: ReportData) -> Html | None:
    """Effects of the dials one at a time."""
    kept = data.alone
    if not kept or not kept.get("effects"):
        return None
    effects, pairs = kept["effects"], kept.get("pairs") or []
    ends = [abs(end) for each in effects for end in (each.get("interval") or (each["difference"],))]
    reach = max([*ends, 1e-9])
    rows = [_effect(each, "difference", "interval", reach) for each in effects]
    both = [_effect(each, "beyond", "beyond_interval", max(reach, 1e-9)) for each in pairs]
    head = ("level", "score", "effect", "95 % interval", "", "")
    wide = ("levels", "score", "beyond their sum", "95 % interval", "", "")
    return section(
        "alone",
        "One dial at a time",
        el("p", f"Against the default, score {measured(kept.get('score'))} on {kept.get('items', 0):,} items."),
        table(head, rows, "What each level does alone, the largest effect first", numeric=head[1:4]),
        table(wide, both, "What two levels do together beyond the sum of both", numeric=wide[1:4]) if both else None,
    )


_UNPRICED = ["latency", "p95_latency", "tokens", "truncated"]
_TITLES = {
    "cost": "cost of 1000",
    "latency": "median s",
    "p95_latency": "95 % below s",
    "tokens": "tokens",
    "truncated": "cut",
}


def _row(each: Mapping[str, Any], columns: Sequence[str]) -> Html:
    values = each["measured"]
    shown = {
        "cost": lambda value: measured(1000 * value),
        "truncated": lambda value: f"{value:.0%}",
    }
    cells = ["–" if values.get(column) is None else shown.get(column, measured)(values[column]) for column in columns]
    dials = ", ".join(f"{dial}={setting(value)}" for dial, value in (each.get("params") or {}).items())
    role = _ROLES.get(str(each.get("role")), "")
    return el(
        "tr",
        el("th", f"trial {each['trial']}", scope="row"),
        el("td", role),
        el("td", measured(values.get("score")), class_="number", data_title="score"),
        *(
            el("td", cell, class_="number", data_title=_TITLES[column])
            for column, cell in zip(columns, cells, strict=True)
        ),
        el("td", f"{each.get('failed', 0):,}", class_="number", data_title="failed"),
        el("td", el("bdi", dials), class_="reason"),
        class_="chosen" if role == "selected" else None,
    )


def _scatter(kept: Mapping[str, Any], settings: Sequence[Mapping[str, Any]], priced: bool) -> Html | None:
    x, title = ("cost", "money for an item") if priced else ("tokens", "tokens of an answer")
    points = [
        (each["measured"][x], each["measured"]["score"], each)
        for each in settings
        if each["measured"].get(x) is not None and each["measured"].get("score") is not None
    ]
    if len(points) < 2:
        return None
    return el("figure", el("figcaption", f"Score by {title}"), scatter_chart(points, title), tabindex=0)


def _answer(side: Mapping[str, Any]) -> Html:
    cut = " (cut by the limit)" if side.get("cut") else ""
    return el(
        "td",
        el("p", f"score {measured(side.get('score'))}{cut}", class_="note"),
        el("bdi", str(side.get("text", ""))),
        class_="answer",
    )


def _effect(each: Mapping[str, Any], value: str, interval: str, reach: float) -> Html:
    levels = ", ".join(f"{dial}={level}" for dial, level in zip(each["dials"], each["levels"], strict=False))
    ends = each.get(interval)
    amount = each.get(value)
    clear = bool(each.get("is_clear"))
    return el(
        "tr",
        el("th", name(levels), scope="row"),
        el("td", measured(each.get("score")), class_="number"),
        el("td", "–" if amount is None else f"{amount:+.3f}", class_="number"),
        el("td", "–" if not ends else f"{ends[0]:+.3f} to {ends[1]:+.3f}", class_="number"),
        el("td", effect_chart(amount, ends, reach, clear) if amount is not None else None),
        el("td", "clear" if clear else "may be chance"),
    )


def _label(each: Mapping[str, Any]) -> str:
    role = str(each.get("role"))
    return f"{each['trial']}{' ' + role if role in ('default', 'selected') else ''}"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
