"""What is known of a study, in lines that fit the terminal: its standing, its trials, one in full, the ledger."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trialist.cli.format import (
    NOTHING,
    difference,
    failure_of,
    gain,
    number,
    params,
    place,
    safe,
    score,
    sparkline,
    time,
    value,
    wrapped,
)
from trialist.cli.result import command_line, verdict_lines
from trialist.cli.sketches import best_lines, budget_lines
from trialist.cli.table import LABEL, Column, labelled, table
from trialist.study import onwards
from trialist.study.folders import trial_folder
from trialist.study.objective import STAGE as OBJECTIVE
from trialist.study.summary import constraint_note, unit_noun
from trialist.study.views.best import best_so_far
from trialist.trials.amounts import duration
from trialist.trials.course import course_of
from trialist.trials.feasibility import violations
from trialist.trials.history import History
from trialist.trials.trial import Stage, State, TrialRecord
from trialist.trials.validation import Validation

if TYPE_CHECKING:
    from trialist.protocols import Look
    from trialist.study.study import Study

_COLOURS = {State.FAILED: "red", State.RUNNING: "cyan", State.WAITING: "cyan", State.STOPPED: "yellow"}
_LOG_LINES = 12
_REPORTS_SHOWN = 5


def status_lines(study: Study, others: Sequence[str], room: int) -> list[str]:
    """Where a study stands, and what to do next. others: further studies of the same store."""
    # The other commands look at no budget, and need not wait for the mathematics of costs.
    from trialist.study.views.burndown import burndown

    history, planned, spent = study.history, study.planned(), study.spent
    began = datetime.fromtimestamp(study.created_at).strftime("%d %B %Y %H:%M")
    aims = ", ".join(f"{o.direction} {safe(o.name)}" for o in study.declared.objectives)
    lines = labelled("study", f"{safe(study.name)} in {place(study.store.url)}, since {began}", room)
    lines += labelled("aim", aims, room)
    if study.declared.source:
        lines += labelled("tunes", safe(study.declared.source), room)
    lines += labelled("strategy", safe(planned.reason), room)
    lines += labelled("budget", _budget(study, len(history) - len(history.swept), spent["seconds"]), room)
    forecast = study.forecast()
    lines += budget_lines(burndown(history, spent, forecast.outlays, datetime.now().timestamp()), room)
    lines += labelled("kept", forecast.aside, room) if forecast.aside else []
    lines += labelled("trials", _states(history), room)
    if pause := study.paused:
        lines += labelled("paused", safe(f"{pause}; to go on: trialist resume"), room, "yellow")
    for sweep in study.sweeps if history.swept else ():
        lines += labelled("sweep", f"{safe(sweep.dial)}: {', '.join(f.shape.value for f in sweep.findings)}", room)
    if study.declared.fidelity is not None:
        used = f"{history.full_runs_used:.3g} full runs used"
        lines += labelled("fidelity", f"{safe(str(study.declared.fidelity))}; {used}", room)
    lines += _standing(study, history, room)
    if study.screening:
        lines += labelled("screening", safe(study.screening), room)
    if study.stopping:
        lines += labelled("stopping", safe(study.stopping), room)
    if refinement := study.refinement:
        for edge in refinement.edges:
            lines += labelled("widen", safe(str(edge)), room, "yellow")
    if history.failed:
        causes = Counter(r.failure.cause.value for r in history.failed if r.failure)
        told = ", ".join(f"{count} {cause}" for cause, count in causes.most_common())
        lines += labelled(
            "failures", f"{told}; last: trial {history.failed[-1].number}, {failure_of(history.failed[-1])}", room
        )
    if study.best is not None:
        lines += verdict_lines(study, room)
    lines += labelled("next", _next(study, history), room)
    if others:
        lines += labelled("also there", ", ".join(safe(name) for name in others) + " (--study NAME)", room)
    return lines


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
    if against := _against(record, history):
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


def ledger_lines(study: Study, looks: Sequence[Look], room: int) -> list[str]:
    """Every look at sealed test data."""
    if not looks:
        return wrapped(f"the test data of study {safe(study.name)} were never opened", room)
    heads = [Column("look", right=True), Column("at"), Column("by", flexible=True), Column("what", flexible=True)]
    heads += [Column("data"), Column("outcome", flexible=True)]
    rows = [
        [
            str(look.number),
            datetime.fromtimestamp(look.at).strftime("%d %b %y %H:%M"),
            safe(look.who),
            safe(look.what),
            look.fingerprint[:8],
            _outcome(look),
        ]
        for look in looks
    ]
    return table(heads, rows, room) + [line for look in looks for line in wrapped(_seen_before(look), room)]


def _standing(study: Study, history: History, room: int) -> list[str]:
    objective, best, baseline = study.declared.objective, study.best, history.baseline
    lines = []
    if baseline is not None:
        lines += labelled("default", f"{safe(objective.name)} {score(baseline.score)} (trial {baseline.number})", room)
    elif len(history) and history[0].state is State.FAILED:
        lines += labelled("default", f"no score: trial 0 failed, {failure_of(history[0])}", room, "red")
    if best is not None:
        against = _against(best, history)
        is_default = baseline is not None and best.number == baseline.number
        told = "the default itself" if is_default else f"{against} than the default" if against else ""
        label = "chosen" if study.selection else "best yet" if best.is_feasible else "nearest"
        text = f"{safe(objective.name)} {score(best.score)} (trial {best.number}){', ' if told else ''}{told}"
        lines += labelled(label, text, room, "green" if best.is_feasible else "yellow")
        lines += labelled("", params(best.params), room)
    if any(r.constraints for r in history):
        lines += labelled("constraint", _feasibility(history), room)
        if note := constraint_note(baseline, best):
            lines += labelled("", safe(note), room, "yellow")
    if len(history.feasible) > 1:
        lines += best_lines(
            best_so_far(history), room, safe(objective.name) if len(study.declared.objectives) > 1 else ""
        )
    return lines


def _feasibility(history: History) -> str:
    """How many trials satisfy the measured constraints, and how often each is violated."""
    counts = Counter(name for r in history.scored for name in r.violated)
    often = ", ".join(f"{safe(name)} {count}×" for name, count in counts.most_common())
    violated = f"; violated: {often}" if often else ""
    return f"{len(history.feasible)} of {len(history.scored)} scored trials satisfy all of them{violated}"


def _violations_and_params(record: TrialRecord) -> str:
    violated = "" if record.is_feasible else f"{safe(violations(record))}; "
    return violated + params(record.params)


def _budget(study: Study, trials: int, seconds: float) -> str:
    budget = study.declared.budget
    used = [f"{trials} of {budget.trials} trials" if budget.trials and trials <= budget.trials else f"{trials} trials"]
    used += [f"planned were {budget.trials}"] if budget.trials and trials > budget.trials else []
    used.append(f"{duration(seconds)} of {duration(budget.seconds)}" if budget.seconds else duration(seconds))
    if budget.full_runs:
        used.append(f"{study.spent['full_runs']:.3g} of {budget.full_runs:g} full runs")
    used += [str(outlay) for outlay in study.forecast().outlays if outlay.name != "seconds"]
    return ", ".join(used)


def _states(history: History) -> str:
    counts = Counter(record.state for record in history if record.stage is not Stage.SWEEP)
    told = [f"{counts[state]} {state.value}" for state in State if counts[state]]
    again = sum(1 for record in history if record.stage is Stage.SELECT)
    swept = f"; beside them {len(history.swept)} of sweeps" if history.swept else ""
    return (", ".join(told) or "none yet") + (f"; {again} of them finalists on fresh seeds" if again else "") + swept


def _next(study: Study, history: History) -> str:
    plan = study.declared
    if not len(history):
        return onwards.to_start(plan)
    if study.best is None and not history.pending:
        return f"trialist show {history[0].number} shows why; {onwards.to_try_again(plan)}"
    if study.selection is None:
        line = f"trialist run --name {shlex.quote(study.name)}"
        return safe(onwards.to_go_on(plan, line, study.stage(OBJECTIVE)))
    if study.verdict is None and plan.test is not None:
        return onwards.to_verify(plan)
    return "trialist report writes a page; trialist best has the line to paste"


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


def _against(record: TrialRecord, history: History) -> str:
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


def _seen_before(look: Look) -> str:
    """Where a look is not the first at its rows: how much of them was seen, and by whom."""
    if look.number == 1:
        return ""
    part = "all rows" if look.overlap >= 1 else f"{100 * look.overlap:.0f} % of the rows"
    others = f"; {look.elsewhere} of the looks before in other studies" if look.elsewhere else ""
    return f"look {look.number} at {look.fingerprint[:8]}: {part} had been looked at before{others}"


def _outcome(look: Look) -> str:
    if look.outcome is None:
        return "open: broken off half-way"
    if "failed" in look.outcome:
        return f"failed: {safe(str(look.outcome['failed']))}"
    return safe(str(look.outcome.get("outcome", "")))
