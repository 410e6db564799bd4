"""What a caller tells of a trial, as the message that a worker would have sent."""

from __future__ import annotations

import time
from typing import Any

from trialist.errors import ResultError, shown
from trialist.trials.messages import Failed, Finished
from trialist.trials.outcome import outcome
from trialist.trials.plan import Plan
from trialist.trials.trial import Cause, Failure, TrialRecord


def told(
    plan: Plan, record: TrialRecord, value: Any, cost: float | None = None, state: str | None = None
) -> Finished | Failed:
    """The end of that trial: `value` as an objective returns it, the last report where it is None, or state="failed".

    ResultError for a value, cost or state of a wrong kind; a missing or non-finite score is a Failed with its reason.
    """
    if state not in (None, "failed"):
        raise ResultError("state", f"{shown(state)} cannot be told", 'Use "failed", or give a value.')
    if cost is not None and (
        isinstance(cost, bool) or not isinstance(cost, (int, float)) or not 0 <= cost < float("inf")
    ):
        raise ResultError("cost", f"{shown(cost)} is not a cost", "Give a finite number, at least 0.")
    seconds = 0.0 if record.opened_at is None else max(0.0, time.time() - record.opened_at)
    if state == "failed":
        return Failed(record.number, record.attempt, Failure(Cause.OBJECTIVE, "told as failed"), seconds)
    if value is None and record.reports:
        value = record.reports[-1].value
    result = outcome(value, tuple(objective.name for objective in plan.objectives))
    if isinstance(result, Failure):
        return Failed(record.number, record.attempt, result, seconds)
    return Finished(record.number, record.attempt, result, seconds, cost)
