"""What was decided on a trial while it ran, in words."""

from __future__ import annotations

from trialist.trials.fidelity import Fidelity
from trialist.trials.trial import Action, TrialRecord

_TAKEN = {Action.GO_ON: "went on", Action.PAUSE: "paused", Action.STOP: "stopped"}


def course_of(record: TrialRecord, fidelity: Fidelity | None = None) -> list[str]:
    """A line for each decision, oldest first; `fidelity` is the plan's, which has a name for the steps.

    >>> from trialist.trials.trial import Stage, State, Taken
    >>> taken = Taken(1, Action.PAUSE, "a rung"), Taken(1, Action.RESUME, "rank 1 of 3"), Taken(3, Action.STOP, "")
    >>> record = TrialRecord(0, State.STOPPED, Stage.SEARCH, {}, "", "", 0, course=taken, fidelity=9)
    >>> course_of(record, Fidelity("epochs", 1, 9))
    ['paused after 1 epoch: a rung', 'went on to 9 epochs: rank 1 of 3', 'stopped after 3 epochs']
    """
    unit = "steps" if fidelity is None else fidelity.name
    pauses = [taken.step for taken in record.course if taken.action is Action.PAUSE]
    lines = []
    for taken in record.course:
        if taken.action is Action.RESUME:
            end = min((step for step in pauses if step > taken.step), default=record.fidelity)
            what = "went on to its end" if end is None else f"went on to {_amount(end, unit)}"
        else:
            what = f"{_TAKEN[taken.action]} after {_amount(taken.step, unit)}"
        lines.append(f"{what}: {taken.reason}" if taken.reason else what)
    return lines


def _amount(amount: float, unit: str) -> str:
    return f"{amount:g} {unit.removesuffix('s') if amount == 1 else unit}"
