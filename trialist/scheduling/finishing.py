"""What is to be run to its end before a choice is made, where nothing new begins: only full runs can be chosen.

Halving leaves the best trials paused wherever too few have come to a rung for one to go on.
"""

from __future__ import annotations

import math

from trialist.numerics.keys import Key
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Decision, Promotion, Stage, State, TrialRecord


class Finishing:
    """Lets those go on that are to be run to their end before a choice."""

    name = "finishing"

    def decide(self, history: History, report: Reported) -> Decision:
        return GO_ON

    def resume(self, history: History, key: Key) -> Promotion | None:
        return unfinished(history)

    def start(self, history: History, key: Key) -> None:
        return None


def unfinished(history: History) -> Promotion | None:
    """The paused trial of whose full run most is expected, where that is more than of every other trial; else None.

    Where no model can tell, the one that came farthest, then the best there, as long as no trial but the default was
    run in full.
    """
    if not history.paused:
        return None
    expected: dict[int, float] = {}
    if len(history.plan.objectives) == 1:
        from trialist.model.finals import Finals  # a model: loaded where it is used

        expected = Finals().expected(history)
    if expected:
        best = history[min(expected, key=lambda number: (expected[number], number))]
        if best.state is not State.PAUSED:
            return None
        return Promotion(best.number, "most is expected of its full run, and only full runs can be chosen")
    others = [record for record in history.explored if record.stage is not Stage.BASELINE]
    if any(record.is_scored or record.state in (State.RUNNING, State.WAITING) for record in others):
        return None
    paused = [record for record in others if record.state is State.PAUSED and record.reports]
    if not paused:
        return None
    return Promotion(min(paused, key=lambda record: _merit(history, record)).number, "only full runs can be chosen")


def _merit(history: History, record: TrialRecord) -> tuple[float, float, int]:
    last = record.reports[-1]
    loss = history.plan.objective.loss(last.value)
    return -last.step, loss if math.isfinite(loss) else math.inf, record.number
