"""Rows to records and back. What is not a plain number or name is JSON; nothing that was stored is ever unpickled."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

from trialist.errors import SpaceError
from trialist.space import plain
from trialist.space.constraint import Rule
from trialist.space.space import Space
from trialist.trials.foretold import Foretold
from trialist.trials.run import Run
from trialist.trials.trial import Action, Cause, Failure, Report, Score, Stage, State, Taken, TrialRecord

Row = Sequence[Any]

# The columns of a trial in the order of TrialRecord's fields, reports left out: they have a table of their own.
COLUMNS = (
    "number",
    "state",
    "stage",
    "params_json",
    "reason",
    "strategy",
    "seed",
    "attempt",
    "repeats",
    "metrics_json",
    "loss",
    "cost",
    "seconds",
    "opened_at",
    "closed_at",
    "failure_json",
    "earlier_json",
    "stop_reason",
    "notes_json",
    "revision",
    "constraints_json",
    "fidelity",
    "length",
    "course_json",
    "inherits",
    "used",
    "runs_json",
    "foretold_json",
)


def record_of(row: Row, reports: Iterable[Report]) -> TrialRecord:
    """A row of COLUMNS as a record.

    Raises ValueError, KeyError or TypeError where the row holds what no store ever wrote.
    """
    (number, state, stage, params, reason, strategy, seed, attempt, repeats, metrics, loss, cost, seconds) = row[:13]
    (opened_at, closed_at, failure, earlier, stop_reason, notes, revision, constraints) = row[13:21]
    (fidelity, length, course, inherits, used, runs, foretold) = row[21:]
    return TrialRecord(
        number,
        _STATES[state],
        _STAGES[stage],
        _loads(params),
        reason,
        strategy,
        seed,
        attempt,
        repeats,
        tuple(reports),
        {} if metrics is None else {name: _score(item) for name, item in _loads(metrics).items()},
        loss,
        cost,
        seconds,
        opened_at,
        closed_at,
        None if failure is None else _failure(_loads(failure)),
        () if earlier is None else tuple(_failure(item) for item in _loads(earlier)),
        stop_reason,
        {} if notes is None else _loads(notes),
        revision,
        {} if constraints is None else _loads(constraints),
        None if fidelity is None else _amount(fidelity),
        length,
        () if course is None else tuple(_taken(item) for item in json.loads(course)),
        inherits,
        used,
        () if runs is None else tuple(Run(intern(worker), *times) for worker, *times in json.loads(runs)),
        None if foretold is None else _foretold(_loads(foretold)),
    )


def records_of(rows: Iterable[Row], report_rows: Iterable[Row]) -> Iterator[TrialRecord]:
    """Rows of trials by number, and rows (trial, step, value, metrics_json) by trial and step, as records."""
    reports: dict[int, list[Report]] = {}
    for trial, *rest in report_rows:
        reports.setdefault(trial, []).append(report_of(rest))
    for row in rows:
        yield record_of(row, reports.get(row[0], ()))


def row_of(record: TrialRecord) -> dict[str, Any]:
    """A new trial as values by column."""
    return {
        "number": record.number,
        "stage": record.stage.value,
        "reason": text_of(record.reason),
        "strategy": text_of(record.strategy),
        "seed": record.seed,
        "repeats": record.repeats,
        "inherits": record.inherits,
        "foretold_json": _foretold_text(record),
        **words_of(record),
        **move_of(record),
    }


def words_of(record: TrialRecord) -> dict[str, Any]:
    """The columns that dials, notes and decisions on the way change."""
    course = [[taken.step, taken.action.value, text_of(taken.reason)] for taken in record.course]
    return {
        "params_json": plain.dumps(dict(record.params)),
        "notes_json": plain.dumps(dict(record.notes)) if record.notes else None,
        "course_json": json.dumps(course) if course else None,
        "revision": record.revision,
    }


def move_of(record: TrialRecord) -> dict[str, Any]:
    """The columns that a move from state to state changes."""
    scores = {name: _score_json(score) for name, score in record.metrics.items()}
    return {
        "state": record.state.value,
        "attempt": record.attempt,
        "metrics_json": plain.dumps(scores) if scores else None,
        "loss": record.loss,
        "cost": record.cost,
        "seconds": record.seconds,
        "opened_at": record.opened_at,
        "closed_at": record.closed_at,
        "failure_json": json.dumps(_failure_json(record.failure)) if record.failure else None,
        "earlier_json": json.dumps([_failure_json(item) for item in record.earlier]) if record.earlier else None,
        "stop_reason": text_of(record.stop_reason),
        "constraints_json": plain.dumps(dict(record.constraints)) if record.constraints else None,
        "violated": len(record.violated),
        "fidelity": record.fidelity,
        "length": record.length,
        "used": record.used,
        "runs_json": _runs_text(record) if record.runs else None,
    }


def _runs_text(record: TrialRecord) -> str:
    return json.dumps([[text_of(run.worker), run.began, run.ended] for run in record.runs], separators=(",", ":"))


def _foretold_text(record: TrialRecord) -> str | None:
    """What was foretold as [scores known, {metric: quantiles}]."""
    told = record.foretold
    return None if told is None else plain.dumps([told.trials, {name: list(q) for name, q in told.quantiles.items()}])


def _foretold(written: Sequence[Any]) -> Foretold:
    trials, quantiles = written
    return Foretold(trials, {intern(metric): tuple(each) for metric, each in quantiles.items()})


def _score_json(score: Score) -> Any:
    """A plain list of replicates, unless they overlap."""
    replicates = list(score.replicates)
    return {"replicates": replicates, "overlap": score.overlap} if score.overlap else replicates


def _score(item: Any) -> Score:
    if isinstance(item, dict):
        return Score(tuple(item["replicates"]), item["overlap"])
    return Score(tuple(item))


def report_of(row: Row) -> Report:
    step, value, metrics = row
    return Report(_amount(step), math.nan if value is None else value, {} if metrics is None else _loads(metrics))


def report_row(report: Report) -> dict[str, Any]:
    return {
        "step": report.step,
        "value": None if math.isnan(report.value) else report.value,
        "metrics_json": plain.dumps(dict(report.metrics)) if report.metrics else None,
    }


def space_of(text: str) -> Space:
    """A stored space. Functions among its constraints are kept by name alone: stand-ins say so when they are called."""
    written = json.loads(text)
    names = [item["callable"] for rule in Rule for item in written.get(rule.value, ()) if not isinstance(item, str)]
    return Space.from_json(written, [_stand_in(name) for name in names])


def _stand_in(name: str) -> Callable[[dict[str, Any]], bool]:
    def function(params: dict[str, Any]) -> bool:
        raise SpaceError(name, "the function is not stored, only its name", "Pass the space as it was declared.")

    function.__name__ = name
    return function


def text_of(text: str) -> str:
    r"""Text as a database can hold it: half a character (a lone surrogate) becomes its escape, "\\ud800"."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _amount(written: float) -> float:
    """Steps and fidelities are mostly whole numbers, and read best as such."""
    return int(written) if written % 1 == 0 else written


def _taken(written: Sequence[Any]) -> Taken:
    step, action, reason = written
    return Taken(step, Action(action), reason)


_STATES = {state.value: state for state in State}
_STAGES = {stage.value: stage for stage in Stage}


def _loads(text: str) -> Any:
    # Only values that JSON lacks are written with a "$"; without one, plain JSON is the value, three times as fast.
    return plain.loads(text) if '"$' in text else json.loads(text)


def _failure_json(failure: Failure) -> dict[str, Any]:
    return {
        "cause": failure.cause.value,
        "message": failure.message,
        "traceback": failure.traceback,
        "usage": failure.usage,
    }


def _failure(written: Mapping[str, Any]) -> Failure:
    usage = written["usage"]
    return Failure(
        Cause(written["cause"]),
        written["message"],
        written["traceback"],
        None if usage is None else (usage[0], usage[1], usage[2], usage[3]),
    )
