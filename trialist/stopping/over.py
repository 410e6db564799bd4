"""Whether a study is over whatever rules it has: the trials of its budget are used, or trial after trial fails.

A strategy tells by itself that a space is exhausted, and the clock is the loop's; here is what the trials tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from trialist.trials.history import History
from trialist.trials.plan import Plan
from trialist.trials.trial import Cause, State, TrialRecord

_NOBODYS_FAULT = (Cause.PREEMPTED, Cause.BUDGET)
FAILURES = 10  # in a row: by then it is not the configurations' fault


def should_end(history: History, plan: Plan, since: int = 0) -> str | None:
    """Why the study should open no further trial, or None.

    since: failures of trials before that number do not count, so that a study resumed after a repair goes on.
    """
    trials = plan.budget.trials
    is_used = trials is not None and len(history) - len(history.swept) >= trials
    if is_used and all(record.state.is_closed for record in history):
        return f"the budget of {trials:,} trials is used"
    return fails(history, plan, since)


def fails(history: History, plan: Plan, since: int = 0) -> str | None:
    """That trial after trial fails, the last one's message included, or None; `since` as above."""
    return None if plan.stopping.is_none else _only_failures(history.records, since)


def _only_failures(records: Sequence[TrialRecord], since: int) -> str | None:
    # From the end, since this is asked before every trial of studies of any length. An interruption says nothing about
    # the objective, nor does a budget that was used up: such trials count neither way.
    last: list[TrialRecord] = []
    for record in reversed(records):
        if record.number < since or len(last) == FAILURES:
            break
        if not record.state.is_closed or (record.failure and record.failure.cause in _NOBODYS_FAULT):
            continue
        if record.state is not State.FAILED:
            return None
        last.append(record)
    if len(last) < FAILURES:
        return None
    failure = last[0].failure
    message = failure.message if failure is not None else "without a message"
    return f"the last {FAILURES} trials all failed, trial {last[0].number} so: {message}"
