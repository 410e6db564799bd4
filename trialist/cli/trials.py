"""Trials, in lines that fit the terminal: all in a table against the default, and one in full."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from trialist.cli.format import (
    NOTHING,
    difference,
    failure_of,
    gain,
    number,
    params,
    safe,
    score,
    sparkline,
    time,
    value,
    wrapped,
)
from trialist.cli.result import command_line
from trialist.cli.table import LABEL, Column, labelled, table
from trialist.study import onwards
from trialist.study.folders import trial_folder
from trialist.study.summary import unit_noun
from trialist.trials.course import course_of
from trialist.trials.feasibility import violations
from trialist.trials.history import History
from trialist.trials.trial import State, TrialRecord
from trialist.trials.validation import Validation

if TYPE_CHECKING:
    from trialist.study.study import Study

_COLOURS = {State.FAILED: "red", State.RUNNING: "cyan", State.WAITING: "cyan", State.STOPPED: "yellow"}
_LOG_LINES = 12
_REPORTS_SHOWN = 5


def trials_lines(study: Study, room: int, with_reasons: bool) -> list[str]:
    """All trials in a table, their scores against the default's."""
    history = study.history
    if not len(history):
        return wrapped(f"study {safe(study.name)} has no trial yet: {onwards.to_start(study.declared)}", room)
    objectives = study.declared.objectives
    heads = [Column("#", right=True), Column("stage"), Column("state")]
    heads += [Column(safe(o.name), right=True, flexible=True) for o in objectives]
    heads += [Column("gain", right=True), Column("time", right=True), Column("dials, or what happened", flexible=True)]
    chosen = study.best
    rows, styles = [], []
    for record in history:
        mark = "*" if chosen is not None and record.number == chosen.number else ""
        rows.append(
            [
                f"{mark}{record.number}",
                record.stage.value if record.repeats is None else f"{record.repeats} again",
                record.state.value,
                *(_score(record, o.name, study.declared.validation) for o in objectives),
                _gain(record, history),
                time(record.seconds),
                failure_of(record) or _violations_and_params(record),
            ]
        )
        styles.append(_COLOURS.get(record.state, "green" if mark else ""))
    lines = table(heads, rows, room, styles)
    if with_reasons:
        head, *body = lines
        reasons = [labelled("", f"why: {safe(r.reason)}", room) for r in history]
        lines = [head, *(line for row, why in zip(body, reasons, strict=True) for line in (row, *why))]
    lines.append("gain: over the default, a plus is better")
    if chosen is not None:
        lines.append(f"*: trial {chosen.number} is {'chosen' if study.selection else 'the best so far'}")
    return lines


def trial_lines(study: Study, record: TrialRecord, room: int) -> list[str]:
    """One trial in full."""
    history = study.history
    lines = labelled("trial", f"{record.number}, {record.state.value}, {_stage(record)}", room)
    lines += labelled("why", safe(record.reason), room)
    for objective in study.declared.objectives:
        lines += labelled(
            "score", f"{safe(objective.name)} {_score(record, objective.name, study.declared.validation)}", room
        )
    lines += _foretold(study, record, room)
    for name in record.metrics:
        if name not in [o.name for o in study.declared.objectives]:
            lines += labelled("", f"{safe(name)} {score(record.metrics[name])}", room)
    for name, measured in record.constraints.items():
        is_violated = name in record.violated
        text = f"{safe(name)} {number(measured)}, {'violated: it is to be at most 0' if is_violated else 'satisfied'}"
        lines += labelled("constraint", text, room, "red" if is_violated else "")
    if against := against_default(record, history):
        lines += labelled("", f"{against} than the default" if against != "equal" else "equal to the default", room)
    lines += labelled("ran", _ran(record), room)
    default = history[0].params if len(history) else study.space.baseline()
    rows = [
        [safe(name), value(item), value(default[name]) if name in default else NOTHING]
        for name, item in record.params.items()
    ]
    heads = [
        Column("dial", flexible=True),
        Column("value", right=True, flexible=True),
        Column("default", right=True, flexible=True),
    ]
    lines += ["", *table(heads, rows, room), ""] if rows else []
    lines += _reports(study, record, room)
    for i, told in enumerate(course_of(record, study.declared.fidelity)):
        lines += labelled("" if i else "course", safe(told), room, "yellow" if told.startswith("stopped") else "")
    if record.stop_reason and not record.course:
        lines += labelled("stopped", safe(record.stop_reason), room, "yellow")
    for asked in study.instructions:
        if asked.trial == record.number:
            lines += labelled("asked", safe(str(asked)), room)
    for failure in record.earlier:
        lines += labelled("before", f"an attempt failed, {failure.cause.value}: {safe(failure.message)}", room)
    if record.failure is not None:
        lines += labelled("failed", failure_of(record), room, "red")
        if record.failure.traceback.strip() not in record.failure.message:
            lines += [f"  {safe(line)}" for line in record.failure.traceback.splitlines()]
    for name, note in record.notes.items():
        lines += labelled("note", f"{safe(name)}: {value(note)}", room)
    if pasted := command_line(study, record):
        lines.append(f"{'run it':<{LABEL}}{pasted}")
    return lines + _log(study, record, room)


def _foretold(study: Study, record: TrialRecord, room: int) -> list[str]:
    """What a model said of each objective before the trial ran, and what came."""
    if record.foretold is None:
        return []
    from trialist.effects.track import told_and_came

    objectives = study.declared.objectives
    told = [(o.name, told_and_came(record.foretold, o.name, record)) for o in objectives]
    lines = [f"{safe(name)} {words}" if len(objectives) > 1 else words for name, words in told if words]
    return [line for i, each in enumerate(lines) for line in labelled("" if i else "foretold", each, room)]


def _reports(study: Study, record: TrialRecord, room: int) -> list[str]:
    """A learning curve, or the scores of folds, which are none: each is a score of its own."""
    if not record.reports:
        return []
    values, validation = [report.value for report in record.reports], study.declared.validation
    if validation is not None:
        told = ", ".join(number(value) for value in values)
        return labelled(unit_noun(validation), f"{len(values)} of {validation.units}: {told}", room)
    last = ", ".join(f"{report.step:g}: {number(report.value)}" for report in record.reports[-_REPORTS_SHOWN:])
    lines = labelled("reports", f"{len(values)}, step {last}", room)
    return lines + (labelled("", sparkline(values, room - LABEL), room) if sparkline(values) else [])


def _violations_and_params(record: TrialRecord) -> str:
    violated = "" if record.is_feasible else f"{safe(violations(record))}; "
    return violated + params(record.params)


def _score(record: TrialRecord, name: str, validation: Validation | None = None) -> str:
    """A score, and how far the trial came where that was not all the way."""
    found = record.metrics.get(name)
    told = score(found)
    if found is None:
        return told
    if validation is not None and len(found.replicates) < validation.units:
        return f"{told}, {len(found.replicates)}/{validation.units} {unit_noun(validation)}"
    is_partial = record.state is State.PAUSED and record.reports
    return f"{told} at {record.reports[-1].step:g}" if is_partial else told


def against_default(record: TrialRecord, history: History) -> str:
    """In words; nothing where one of them has no score."""
    sides = _sides(record, history)
    return difference(*sides, history.plan.objective.direction.sign) if sides else ""


def _gain(record: TrialRecord, history: History) -> str:
    sides = _sides(record, history)
    return gain(*sides, history.plan.objective.direction.sign) if sides else ""


def _sides(record: TrialRecord, history: History) -> tuple[float, float] | None:
    baseline = history.baseline
    if baseline is None or record.value is None or baseline.value is None or record.number == baseline.number:
        return None
    if record.state is State.PAUSED:  # a cheap run is not compared with full ones
        return None
    return record.value, baseline.value


def _stage(record: TrialRecord) -> str:
    again = "" if record.repeats is None else f", trial {record.repeats} again"
    return f"{record.stage.value} by {safe(record.strategy)}{again}"


def _ran(record: TrialRecord) -> str:
    parts = [time(record.seconds) if record.seconds is not None else "not to its end yet", f"seed {record.seed}"]
    if record.opened_at:
        parts.append(datetime.fromtimestamp(record.opened_at).strftime("opened %d %B %Y %H:%M:%S"))
    if record.worker:
        parts.append(f"by {safe(record.worker)}")
    if record.attempt:
        parts.append(f"run {record.attempt + 1}" if record.course else f"attempt {record.attempt + 1}")
    if record.inherits is not None:
        parts.append(f"on from the checkpoint of trial {record.inherits}")
    if record.cost is not None:
        parts.append(f"cost {record.cost:g}")
    return ", ".join(parts)


def _log(study: Study, record: TrialRecord, room: int) -> list[str]:
    """Where the trial's log is, and its last lines."""
    path = trial_folder(study.directory, record.number) / "log.txt"
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - 65_536, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    told = [f"{'log':<{LABEL}}{path}"]
    return told + [f"  {safe(line)}"[:room] for line in lines[-_LOG_LINES:]]
