"""What commands print with --json: plain objects, with the same names everywhere. NaN and infinities become text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from trialist.scoring.front import front, knee
from trialist.trials.foretold import LEVELS
from trialist.trials.trial import TrialRecord

if TYPE_CHECKING:
    from trialist.study.study import Study


def print_json(value: Any) -> None:
    """Print a value as one JSON object on one line."""
    click.echo(json_line(value))


def json_line(value: Any) -> str:
    """A value as strict JSON on one line."""
    return json.dumps(plain_json(value), ensure_ascii=False, allow_nan=False)


def plain_json(value: Any) -> Any:
    """A value in JSON's own types.

    >>> plain_json({"a": (1, float("nan")), 2: b"x"})
    {'a': [1, 'nan'], '2': 'x'}
    """
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def trial_json(record: TrialRecord, reports: bool = False) -> dict[str, Any]:
    """A trial; its reports only where they are asked for."""
    failure = None
    if record.failure is not None:
        failure = {"cause": record.failure.cause.value, "message": record.failure.message}
    told: dict[str, Any] = {
        "number": record.number,
        "state": record.state.value,
        "stage": record.stage.value,
        "params": record.params,
        "value": record.value,
        "metrics": {
            name: {"mean": score.mean, "stderr": score.stderr, "replicates": score.replicates}
            for name, score in record.metrics.items()
        },
        "constraints": record.constraints,
        "is_feasible": record.is_feasible,
        "strategy": record.strategy,
        "reason": record.reason,
        "foretold": _foretold(record),
        "seed": record.seed,
        "repeats": record.repeats,
        "seconds": record.seconds,
        "cost": record.cost,
        "failure": failure,
        "stop_reason": record.stop_reason or None,
        "fidelity": record.fidelity,
        "inherits": record.inherits,
        "used": record.used,
        "runs": [{"worker": run.worker, "began": run.began, "ended": run.ended} for run in record.runs],
    }
    if reports:
        told["reports"] = [{"step": r.step, "value": r.value, **r.metrics} for r in record.reports]
        told["course"] = [{"step": t.step, "action": t.action.value, "reason": t.reason} for t in record.course]
        told["notes"] = record.notes
        told["traceback"] = record.failure.traceback if record.failure else None
    return told


def _foretold(record: TrialRecord) -> dict[str, Any] | None:
    """What a model foretold before the trial ran: quantiles by metric, and how many scores it knew."""
    told = record.foretold
    if told is None:
        return None
    quantiles = {metric: dict(zip(map(str, LEVELS), each, strict=True)) for metric, each in told.quantiles.items()}
    return {"trials": told.trials, "quantiles": quantiles}


def study_json(study: Study) -> dict[str, Any]:
    """Where a study stands."""
    history, plan = study.history, study.planned()
    states: dict[str, int] = {}
    for record in history:
        states[record.state.value] = states.get(record.state.value, 0) + 1
    best, baseline, selection, verdict = study.best, study.baseline, study.selection, study.verdict
    return {
        "study": study.name,
        "store": study.store.url,
        "source": study.declared.source,
        "objectives": [{"name": o.name, "direction": o.direction.value} for o in study.declared.objectives],
        "plan": {"strategy": plan.strategy, "reason": plan.reason, "stages": asdict(plan.stages), "fits": plan.fits},
        "budget": budget_json(study),
        "spent": dict(study.spent),
        "states": states,
        "baseline": None if baseline is None else trial_json(baseline),
        "best": None if best is None else trial_json(best),
        "selection": None if selection is None else asdict(selection),
        "stopped": None if study.stopped is None else study.stopped.to_json(),
        "screening": study.screening,
        "stopping": study.stopping,
        "verdict": None if verdict is None else verdict.to_json(),
        "verified": verdict is not None,
        "doubt": study.doubt or None,
    }


def front_json(study: Study) -> dict[str, Any]:
    """The trials of the front and the number of its knee; nothing with a single objective."""
    if len(study.declared.objectives) == 1:
        return {}
    history = study.history
    bend = knee(history)
    return {"front": [trial_json(record) for record in front(history)], "knee": None if bend is None else bend.number}


def budget_json(study: Study) -> dict[str, Any]:
    """The limits that a study has."""
    budget = study.declared.budget
    limits = {name: getattr(budget, name) for name in ("trials", "seconds", "compute_seconds", "cost")}
    return {name: limit for name, limit in limits.items() if limit is not None}
