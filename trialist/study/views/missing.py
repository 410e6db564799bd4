"""What to say where there is nothing to show yet: why, and what to do next."""

from __future__ import annotations

from trialist.study.prose import named, on_one_line
from trialist.trials.history import History
from trialist.trials.trial import State

_SHOWN = 160  # characters of a message


def no_score(history: History, metric: str = "") -> str:
    """Why no trial has a value of that metric, by default the first objective, and what to do about it."""
    name = named(metric or history.plan.objective.name)
    if not len(history):
        return "No trial has run yet. Start the study: study.optimize(objective), or trialist run."
    failed = [record for record in history if record.state is State.FAILED]
    if len(failed) == len(history):
        last = failed[-1]
        why = "" if last.failure is None else f", trial {last.number} so: {short(last.failure.message)}"
        every = f"All {len(failed)} trials failed" if len(failed) > 1 else "The only trial failed"
        return f"{every}{why}. Mend the objective, then: study.rerun_failed(), or trialist rerun --failed."
    if any(record.state in (State.RUNNING, State.WAITING) for record in history):
        return f"No trial has a value of {name} yet: the first ones are still running."
    return f"No trial has a value of {name}. Let the study go on: study.optimize(objective), or trialist run."


def short(message: str) -> str:
    """The first line of a message, cut where it is long."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    first = on_one_line(lines[0]) if lines else "without a message"
    return first if len(first) <= _SHOWN else f"{first[: _SHOWN - 1]}…"
