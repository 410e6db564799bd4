"""The report: a study as one HTML file that needs no network, for a browser, a printer and a screen reader."""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trialist.errors import PlanError, shown
from trialist.trials.amounts import duration
from trialist.web.assets import SCRIPTS, STYLES, text_of
from trialist.web.course import budget_section, history_section, ledger_section, plan_section, refinement_section
from trialist.web.data import ReportData
from trialist.web.dials import (
    importance_section,
    interactions_section,
    parallel_section,
    slices_section,
    sweeps_section,
)
from trialist.web.honest import calibration_section, curve_section, noise_section, scoring_section, statement_section
from trialist.web.html import Html, el, join, name
from trialist.web.llm import alone_section, asked_section, disagreements_section, items_section, race_section
from trialist.web.numbers import count, moment
from trialist.web.result import comparison_section, finalists_section, verdict_section
from trialist.web.running import audit_section, curves_section, front_section, stopping_section, timeline_section
from trialist.web.trialtable import failures_section, trials_section

if TYPE_CHECKING:
    from trialist.study.study import Study


def write_report(study: Study, path: str | os.PathLike[str]) -> Path:
    """Write the study's report to `path` and give the path back; an older file is replaced as a whole, or not at all.

    Raises PlanError where the file cannot be written.
    """
    return save(page(ReportData.of(study, time.time())), path)


def page(data: ReportData) -> str:
    """The whole page, a function of what it is given."""
    sections = (
        verdict_section(data),
        scoring_section(data),
        comparison_section(data),
        asked_section(data),
        disagreements_section(data),
        items_section(data),
        race_section(data),
        alone_section(data),
        history_section(data),
        curve_section(data),
        front_section(data),
        curves_section(data),
        audit_section(data),
        importance_section(data),
        interactions_section(data),
        slices_section(data),
        sweeps_section(data),
        parallel_section(data),
        finalists_section(data),
        noise_section(data),
        calibration_section(data),
        refinement_section(data),
        plan_section(data),
        budget_section(data),
        stopping_section(data),
        timeline_section(data),
        ledger_section(data),
        statement_section(data),
        failures_section(data),
        trials_section(data),
    )
    title = f"{data.plan.name} – Trialist report"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        # Nothing may be loaded from anywhere, whatever a name or a message contains.
        el(
            "meta",
            http_equiv="Content-Security-Policy",
            content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:",
        ),
        el("title", title),
        *(el("style", Html(text_of(style))) for style in STYLES),
        # Without scripts there are the tables, and no empty places of charts.
        el("noscript", el("style", Html(".canvas, .filter, .controls { display: none }"))),
    )
    footer = f"Written {moment(data.written_at)} by Trialist" + (f" from {data.store}." if data.store else ".")
    body = el(
        "body",
        el("header", el("h1", name(data.plan.name)), el("p", _summary(data), class_="note")),
        el("main", *sections),
        el("footer", el("p", footer)),
        *(el("script", Html(text_of(script))) for script in SCRIPTS),
    )
    return "<!DOCTYPE html>\n" + el("html", head, body, lang="en") + "\n"


def save(text: str, path: str | os.PathLike[str]) -> Path:
    """Write text to a file, whole or not at all."""
    if not isinstance(path, (str, os.PathLike)) or not Path(path).name or "\0" in os.fspath(path):
        raise PlanError("path", f"{shown(path)} is not a path", 'Give a file name such as "report.html".')
    target = Path(path)
    draft = target.with_name(f".{target.name[:100]}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, target)
    except OSError as problem:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        why = f"{target} cannot be written ({problem.strerror or problem})"
        raise PlanError("path", why, "Give the path of a file in a writable folder with room left.") from problem
    return target


def _summary(data: ReportData) -> Html:
    states = Counter(record.state.value for record in data.records)
    told = ", ".join(f"{number:,} {state}" for state, number in states.most_common())
    parts = [count(len(data.records), "trial") + (f": {told}" if told else "")]
    if data.spent.get("seconds"):
        parts.append(duration(data.spent["seconds"]))
    if data.created_at is not None:
        parts.append(f"begun {moment(data.created_at)}")
    return join(" · ".join(parts))
