"""One trial in full, and two side by side: dials, scores, curve, reasons, log, failures, what people said of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trialist.study.folders import trial_folder
from trialist.trials.amounts import duration
from trialist.trials.course import course_of
from trialist.trials.feasibility import violations
from trialist.trials.instruction import Instruction
from trialist.trials.trial import Failure, State, TrialRecord
from trialist.web.data import ReportData
from trialist.web.figure import figure
from trialist.web.html import Html, el, join, name
from trialist.web.layout import facts, section, table
from trialist.web.numbers import measured, moment, setting
from trialist.web.panels import PANELS
from trialist.web.serve.asked import asked_table

LOG = "log.txt"
TAIL_BYTES = 32 * 1024  # of a log that a page begins with, and at most in one answer


def trial_sections(data: ReportData, record: TrialRecord, asked: Sequence[Instruction], at: str) -> list[Html]:
    """at: the address of the trial's page.  record: with its reports.  asked: of this trial."""
    others = [(title, other) for title, other in _others(data) if other.number != record.number]
    study = at.rpartition("/trials/")[0]
    links = [
        join(
            " · " if i else None,
            el("a", f"compare with {title}", href=f"{study}/compare?a={other.number}&b={record.number}"),
        )
        for i, (title, other) in enumerate(others)
    ]
    return [
        section("standing", "Standing", facts(_facts(data, record)), el("p", *links) if links else None),
        section("dials", "Dials and scores", _beside([*others, (f"trial {record.number}", record)], data)),
        *_curve(replace(data, records=(record,), panels_at=f"{at}/panels"), record),
        *_course(data, record),
        *_failures(record),
        *([section("asked", "Asked and noted", asked_table(asked))] if asked else []),
        _log(record, at),
    ]


def comparison_sections(data: ReportData, one: TrialRecord, other: TrialRecord, at: str) -> list[Html]:
    """Two trials beside each other. at: the address of the study."""
    both = [(f"trial {record.number}", record) for record in (one, other)]
    curves = replace(data, records=(one, other), panels_at=f"{at}/compare/{one.number}/{other.number}/panels")
    told = [
        el("tr", el("th", title, scope="row"), *(el("td", el("bdi", text or "–")) for text in texts))
        for title, texts in (
            ("state", [record.state.value for _, record in both]),
            ("stage", [record.stage.value for _, record in both]),
            ("proposed by", [record.strategy for _, record in both]),
            ("why", [record.reason[:400] for _, record in both]),
            ("foretold", ["; ".join(words for _, words in _foretold(data, record)) for _, record in both]),
            ("ended", [record.stop_reason or _failed(record) for _, record in both]),
            ("time", ["" if record.seconds is None else duration(record.seconds) for _, record in both]),
        )
    ]
    return [
        section("dials", "Dials and scores", _beside(both, data)),
        section("told", "How they went", table(("", *(title for title, _ in both)), told, "Two trials")),
        *_curve(curves, one if one.reports else other),
    ]


@dataclass(frozen=True, slots=True)
class Tail:
    """A piece of a log: its text, the byte behind it, and whether there is more by now."""

    text: str
    to: int
    more: bool


def tail_of(folder: Path, number: int, since: int | None) -> Tail | None:
    """What a trial's log holds from byte `since` on, its end without one; None where it has no log."""
    path = trial_folder(folder, number) / LOG
    try:
        # Not through a link: a log is ours, and lies where we made it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        size = found.st_size
        begin = max(0, size - TAIL_BYTES) if since is None or since > size else since
        read = os.pread(descriptor, TAIL_BYTES, begin)
    finally:
        os.close(descriptor)
    return Tail(read.decode("utf-8", "replace"), begin + len(read), begin + len(read) < size)


def _others(data: ReportData) -> list[tuple[str, TrialRecord]]:
    found = [("the default", data.baseline)]
    if data.best is not None and data.best.number != 0:
        found.append(("the selected" if data.selection is not None else "the best", data.best))
    return [(title, record) for title, record in found if record is not None]


def _facts(data: ReportData, record: TrialRecord) -> list[tuple[str, str]]:
    fidelity = data.plan.fidelity
    reached = record.reports[-1].step if record.reports else None
    return [
        ("state", record.state.value + (f": {violations(record)}" if not record.is_feasible else "")),
        ("stage", record.stage.value + (f" of trial {record.repeats}" if record.repeats is not None else "")),
        ("why", record.reason),
        ("proposed by", record.strategy),
        *_foretold(data, record),
        ("reached", "" if reached is None else f"{reached:g}" + (f" of {record.length:g}" if record.length else "")),
        ("fidelity", "" if fidelity is None or record.fidelity is None else f"{record.fidelity:g} of {fidelity}"),
        ("began", moment(record.opened_at) if record.opened_at else ""),
        ("ended", moment(record.closed_at) if record.closed_at else ""),
        ("run time", "" if record.seconds is None else duration(record.seconds)),
        ("run by", record.worker),
        ("cost", "" if record.cost is None else f"{record.cost:.4g}"),
        ("attempt", "" if record.attempt == 0 else str(record.attempt + 1)),
        ("begun with the checkpoint of", "" if record.inherits is None else f"trial {record.inherits}"),
        ("seed", str(record.seed)),
        *((f"noted: {key}", setting(value)) for key, value in record.notes.items()),
    ]


def _foretold(data: ReportData, record: TrialRecord) -> list[tuple[str, str]]:
    """What a model said of each objective before the trial ran."""
    from trialist.effects.track import told_and_came

    if record.foretold is None:
        return []
    several = len(data.plan.objectives) > 1
    told = [(o.name, told_and_came(record.foretold, o.name, record)) for o in data.plan.objectives]
    return [(f"foretold {metric}" if several else "foretold", words) for metric, words in told if words]


def _beside(columns: Sequence[tuple[str, TrialRecord]], data: ReportData) -> Html:
    """Dials and metrics as rows, trials as columns; rows in which the trials differ are marked."""
    metrics = dict.fromkeys([*(o.name for o in data.plan.objectives), *(m for _, r in columns for m in r.metrics)])
    dials = dict.fromkeys([*data.space.names, *(dial for _, r in columns for dial in r.params)])
    rows = []
    for metric in metrics:
        cells = [r.metrics.get(metric) for _, r in columns]
        words = ["–" if score is None else measured(score.mean, score.stderr) for score in cells]
        rows.append(el("tr", el("th", name(metric), scope="row"), *(el("td", word) for word in words)))
    for constraint in dict.fromkeys(key for _, r in columns for key in r.constraints):
        values = [measured(r.constraints.get(constraint)) for _, r in columns]
        head = el("th", name(constraint), " (at most 0)", scope="row")
        rows.append(el("tr", head, *(el("td", word) for word in values)))
    for dial in dials:
        values = [_value(r.params, dial) for _, r in columns]
        differs = len(set(values)) > 1
        told = (el("td", el("bdi", word)) for word in values)
        rows.append(el("tr", el("th", name(dial), scope="row"), *told, class_="changed" if differs else None))
    return table(("", *(title for title, _ in columns)), rows, "Scores and dials; those that differ are marked")


def _value(params: Any, dial: str) -> str:
    return setting(params[dial]) if dial in params else "inactive"


def _curve(data: ReportData, record: TrialRecord) -> list[Html]:
    if not record.reports or "curves" not in PANELS:
        return []
    found = figure("curves", data)
    return [] if found is None else [section("curve", "Reports on the way", found)]


def _course(data: ReportData, record: TrialRecord) -> list[Html]:
    told = [*course_of(record, data.plan.fidelity)]
    if record.stop_reason and not record.course:
        told.append(record.stop_reason)
    if not told:
        return []
    return [section("course", "Decisions on the way", el("ul", *(el("li", el("bdi", line)) for line in told)))]


def _failures(record: TrialRecord) -> list[Html]:
    found = [("Failure", record.failure)] if record.failure is not None else []
    found += [(f"Attempt {i + 1}, tried again", failure) for i, failure in enumerate(record.earlier)]
    return [_failure(i, title, failure) for i, (title, failure) in enumerate(found) if failure is not None]


def _failure(i: int, title: str, failure: Failure) -> Html:
    return section(
        f"failure-{i}",
        f"{title}: {failure.cause.value}",
        el("p", el("bdi", failure.message), class_="message"),
        el("pre", failure.traceback) if failure.traceback else None,
    )


def _failed(record: TrialRecord) -> str:
    return "" if record.failure is None else f"{record.failure.cause}: {record.failure.message[:400]}"


def _log(record: TrialRecord, at: str) -> Html:
    """Filled by the page's script, which goes on reading while the trial runs."""
    live = record.state in (State.RUNNING, State.WAITING)
    box = el("pre", "", id="log", data_log=f"{at}/log", data_live=live, tabindex=0, aria_label="The end of the log")
    return section("output", "Log", el("p", "Nothing was printed.", class_="note", id="log-empty"), box)
