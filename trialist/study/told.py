"""What a caller tells of a trial, as the message that a worker would have sent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from trialist.errors import ResultError, shown
from trialist.trials.messages import Failed, Finished
from trialist.trials.outcome import constraints_of, outcome
from trialist.trials.outcome import cost as as_cost
from trialist.trials.plan import Plan
from trialist.trials.trial import Cause, Failure, TrialRecord


def told(
    plan: Plan,
    record: TrialRecord,
    value: Any,
    cost: float | None = None,
    state: str | None = None,
    constraints: Mapping[str, Any] | None = None,
    since: float | None = None,
) -> Finished | Failed:
    """The end of that trial: `value` as an objective returns it, the last report where it is None, or state="failed".

    since: see Finished; where it is not known, the trial's last report.

    ResultError for a value, cost, constraint or state of a wrong kind; a missing or non-finite score is a Failed with
    its reason.
    """
    if state not in (None, "failed"):
        raise ResultError("state", f"{shown(state)} cannot be told", 'Use "failed", or give a value.')
    spent = None if cost is None else as_cost(cost)
    measured = constraints_of(constraints)
    seconds = 0.0 if record.opened_at is None else max(0.0, time.time() - record.opened_at)
    if state == "failed":
        return Failed(record.number, record.attempt, Failure(Cause.OBJECTIVE, "told as failed"), seconds, cost=spent)
    if value is None and record.reports:
        value = record.reports[-1].value
    result = outcome(value, tuple(objective.name for objective in plan.objectives))
    if isinstance(result, Failure):
        return Failed(record.number, record.attempt, result, seconds, cost=spent)
    if since is None:
        since = record.reports[-1].step if record.reports else 0.0
    return Finished(record.number, record.attempt, result, seconds, spent, constraints=measured, since=since)
