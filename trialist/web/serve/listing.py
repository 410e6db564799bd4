"""The table of trials, a page at a time: which trials a visitor asks for, in what order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from trialist.study.onwards import to_start
from trialist.trials.trial import Stage, State, TrialRecord
from trialist.web.data import ReportData
from trialist.web.html import Html, el, join
from trialist.web.layout import section
from trialist.web.numbers import count
from trialist.web.trialtable import trials_table

ROWS = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. text: to be found in dials, reasons or failures.  by: "number", "time" or a metric or dial."""

    text: str = ""
    state: str = ""
    stage: str = ""
    by: str = "number"
    is_down: bool = True
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wanted:
        """As an address says it; what cannot be is left out."""
        page = query.get("page", "1")
        return cls(
            text=query.get("text", "").strip()[:200],
            state=_one_of(query.get("state", ""), [state.value for state in State]),
            stage=_one_of(query.get("stage", ""), [stage.value for stage in Stage]),
            by=query.get("by", "number")[:300] or "number",
            is_down=query.get("order", "down") != "up",
            page=int(page) if page.isascii() and page.isdigit() and int(page[:9]) > 0 else 1,
        )

    def address(self, at: str) -> str:
        order = "down" if self.is_down else "up"
        given = {"text": self.text, "state": self.state, "stage": self.stage, "by": self.by, "order": order}
        return f"{at}?{urlencode({**{k: v for k, v in given.items() if v}, 'page': self.page})}"


def chosen(data: ReportData, wanted: Wanted) -> list[TrialRecord]:
    """The trials that are asked for, in order."""
    words = wanted.text.casefold()
    found = [
        record
        for record in data.records
        if (not wanted.state or record.state.value == wanted.state)
        and (not wanted.stage or record.stage.value == wanted.stage)
        and (not words or words in _words(record))
    ]
    keys = {record.number: _key(data, record, wanted.by) for record in found}
    known = [record for record in found if keys[record.number] is not None]
    unknown = [record for record in found if keys[record.number] is None]
    known.sort(key=lambda record: (keys[record.number], record.number), reverse=wanted.is_down)
    return known + unknown  # what has no such value stands behind, whichever way


def listing_section(data: ReportData, wanted: Wanted, at: str) -> Html:
    """What may be asked for, the page of trials, and the way to the others."""
    found = chosen(data, wanted)
    pages = max(1, math.ceil(len(found) / ROWS))
    wanted = replace(wanted, page=min(wanted.page, pages))
    shown = found[(wanted.page - 1) * ROWS : wanted.page * ROWS]
    if not data.records:
        body = el("p", f"No trial was run yet: {to_start(data.plan)}.", class_="note")
    elif not shown:
        body = el("p", "No trial is like that. Ask for less.", class_="note")
    else:
        body = trials_table(data, shown, at)
    told = count(len(found), "trial") + (f" of {len(data.records):,}" if len(found) != len(data.records) else "")
    return section("trials", "Trials", el("p", told, class_="note"), body, _turning(wanted, pages, at))


def form_section(data: ReportData, wanted: Wanted, at: str) -> Html:
    """The form by which trials are chosen. What is typed in it stays when the page is renewed."""
    metrics = dict.fromkeys([*(o.name for o in data.plan.objectives), *(m for r in data.records for m in r.metrics)])
    by = ["number", "time", *metrics, *data.space.names]
    best, worst = ("from the highest", "from the lowest")
    fields = (
        _choice("state", "state", [("", "any"), *((s.value, s.value) for s in State)], wanted.state),
        _choice("stage", "stage", [("", "any"), *((s.value, s.value) for s in Stage)], wanted.stage),
        el("label", "with ", el("input", type="search", name="text", value=wanted.text, placeholder="any text")),
        _choice("by", "sorted by", [(each, each) for each in dict.fromkeys(by)], wanted.by),
        _choice("order", "", [("down", best), ("up", worst)], "down" if wanted.is_down else "up", "order"),
        el("button", "Show", type="submit"),
    )
    compare = el(
        "form",
        el("label", "Compare trial ", el("input", type="number", name="a", min=0, required=True)),
        el("label", " with ", el("input", type="number", name="b", min=0, required=True)),
        el("button", "Compare", type="submit"),
        method="get",
        action=f"{at.removesuffix('/trials')}/compare",
        class_="choose",
    )
    return section("choose", "Which trials", el("form", *fields, method="get", action=at, class_="choose"), compare)


def _choice(key: str, title: str, options: Sequence[tuple[str, str]], now: str, label: str = "") -> Html:
    made = [el("option", shown, value=value, selected=value == now) for value, shown in options]
    chooser = el("select", *made, name=key, aria_label=label or None)
    return el("label", f"{title} ", chooser) if title else chooser


def _turning(wanted: Wanted, pages: int, at: str) -> Html | None:
    if pages == 1:
        return None
    links = [
        el("a", words, href=replace(wanted, page=page).address(at), rel=rel)
        for page, words, rel in ((wanted.page - 1, "← before", "prev"), (wanted.page + 1, "after →", "next"))
        if 1 <= page <= pages
    ]
    parts = join(*(part for link in links for part in (link, " ")))
    return el("nav", f"page {wanted.page} of {pages} ", parts, aria_label="Pages of the table", class_="turning")


def _one_of(given: str, known: Sequence[str]) -> str:
    return given if given in known else ""


def _words(record: TrialRecord) -> str:
    failure = "" if record.failure is None else f"{record.failure.cause} {record.failure.message}"
    dials = " ".join(f"{dial}={value}" for dial, value in record.params.items())
    told = (record.state, record.stage, record.reason, record.strategy, record.stop_reason, failure, dials)
    return " ".join(told).casefold()


def _key(data: ReportData, record: TrialRecord, by: str) -> tuple[int, float, str] | None:
    """By what a trial is sorted; numbers before texts, None where it has nothing of the kind."""
    value: Any
    if by == "number":
        value = record.number
    elif by in record.metrics:
        value = record.metrics[by].mean
    elif by == "time":
        value = record.seconds
    else:
        value = record.params.get(by)
    if value is None:
        return None
    if isinstance(value, (int, float)):
        return None if value != value else (0, float(max(min(value, 1.7e308), -1.7e308)), "")
    return (1, 0.0, str(value))
