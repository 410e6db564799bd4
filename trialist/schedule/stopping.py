"""Whether a study is over before its stages are: its reason in words, or None.

A strategy tells by itself that a space is exhausted, and the clock is the loop's; here is what the trials tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from trialist.errors import PlanError, shown
from trialist.trials.history import History
from trialist.trials.plan import Plan
from trialist.trials.trial import Cause, State, TrialRecord

FAILURES = 10  # in a row: by then it is not the configurations' fault
STOPPING = ("auto", "none")


def check_stopping(name: str) -> str:
    """A stopping rule's name as it is: "auto", or "none" for the budget alone; else PlanError."""
    if name not in STOPPING:
        raise PlanError("stopping", f"{shown(name)} is not a stopping rule", f"Use one of {', '.join(STOPPING)}.")
    return name


def should_end(history: History, plan: Plan, since: int = 0) -> str | None:
    """Why the study should open no further trial, or None.

    since: failures of trials before that number do not count, so that a study resumed after a repair goes on.
    """
    trials = plan.budget.trials
    if trials is not None and len(history) >= trials and all(record.state.is_closed for record in history):
        return f"the budget of {trials:,} trials is used"
    if check_stopping(plan.stopping) == "none":
        return None
    return _only_failures([record for record in history if record.number >= since])


def _only_failures(records: Sequence[TrialRecord]) -> str | None:
    # An interruption says nothing about the objective, so preempted trials count neither way.
    told = [r for r in records if r.state.is_closed and not (r.failure and r.failure.cause is Cause.PREEMPTED)]
    last = told[-FAILURES:]
    if len(last) < FAILURES or any(record.state is not State.FAILED for record in last):
        return None
    failure = last[-1].failure
    message = failure.message if failure is not None else "without a message"
    return f"the last {FAILURES} trials all failed, trial {last[-1].number} so: {message}"
