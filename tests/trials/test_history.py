"""History: what strategies see, in one sign, without the finalists' fresh scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trialist.space.parameter import Float
from trialist.space.space import Space
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import MOVES, Action, Cause, Failure, Score, Stage, State, Taken, TrialRecord

SPACE = Space(x=Float(0.0, 1.0))
PLAN = Plan(name="p", objectives=(Objective("accuracy", Direction.MAXIMIZE),))


def record(number: int, value: float | None, **rest: object) -> TrialRecord:
    given = {"state": State.COMPLETE, "stage": Stage.SEARCH if number else Stage.BASELINE, **rest}
    return TrialRecord(
        number=number,
        params={"x": number / 10},
        reason="r",
        strategy="s",
        seed=number,
        metrics={} if value is None else {"accuracy": Score((value,))},
        loss=None if value is None else -value,
        **given,  # type: ignore[arg-type]
    )


def test_losses_are_smaller_is_better_and_arrays_match_the_scored_trials() -> None:
    failed = record(2, None, state=State.FAILED, failure=Failure(Cause.OBJECTIVE, "no"))
    history = History(PLAN, SPACE, (record(0, 0.5), record(1, 0.9), failed, record(3, None, state=State.RUNNING)))
    assert history.losses.tolist() == [[-0.5], [-0.9]]
    assert history.X.tolist() == [[0.0], [0.1]]
    assert history.best is not None and history.best.number == 1
    assert history.baseline is not None and history.baseline.number == 0
    assert [r.number for r in history.pending] == [3] and [r.number for r in history.failed] == [2]


def test_finalists_scored_again_are_not_learnt_from() -> None:
    history = History(PLAN, SPACE, (record(0, 0.5), record(1, 0.9), record(2, 0.99, stage=Stage.SELECT, repeats=1)))
    assert [r.number for r in history.scored] == [0, 1]
    assert history.best is not None and history.best.number == 1


def test_nothing_is_read_before_somebody_looks_and_then_once() -> None:
    reads = []

    def load() -> tuple[TrialRecord, ...]:
        reads.append(1)
        return (record(0, 0.5),)

    history = History(PLAN, SPACE, load)
    assert reads == []
    assert len(history) == 1 and history[0].value == 0.5 and history.get(7) is None
    assert reads == [1]
    with pytest.raises(KeyError):
        history[7]


def test_an_empty_history_has_empty_arrays() -> None:
    history = History(PLAN, SPACE)
    assert history.losses.shape == (0, 1) and history.X.shape == (0, 1)
    assert history.best is None and history.baseline is None


def test_a_closed_state_leads_nowhere() -> None:
    assert set(MOVES) == set(State)
    assert all(not MOVES[state] for state in State if state.is_closed)
    assert all(State.COMPLETE not in MOVES[state] for state in State if state is not State.RUNNING)


def test_an_array_of_one_objective_a_column() -> None:
    plan = Plan(name="p", objectives=(Objective("loss"), Objective("accuracy", Direction.MAXIMIZE)))
    both = TrialRecord(0, State.COMPLETE, Stage.BASELINE, {"x": 0.5}, "r", "s", 0,
                       metrics={"loss": Score((2.0, 4.0)), "accuracy": Score((0.5,))}, loss=3.0)  # fmt: skip
    assert np.array_equal(History(plan, SPACE, (both,)).losses, [[3.0, -0.5]])


def test_paused_trials_are_neither_pending_nor_scored() -> None:
    states = [State.WAITING, State.RUNNING, State.PAUSED, State.STOPPED]
    history = History(PLAN, SPACE, tuple(record(n, None, state=state) for n, state in enumerate(states)))
    assert [r.number for r in history.pending] == [0, 1]
    assert [r.number for r in history.paused] == [2]
    assert history.scored == () and history.best is None
    finalist = record(4, None, state=State.RUNNING, stage=Stage.SELECT)
    assert len(History(PLAN, SPACE, (*history.records, finalist)).pending) == 2


def test_what_was_used_is_told_in_full_runs() -> None:
    epochs = replace(PLAN, fidelity=Fidelity("epochs", 1, 9))
    used = (record(0, 0.5, used=9.0), record(1, None, state=State.PAUSED, used=3.0), record(2, 0.9, used=13.0))
    assert History(epochs, SPACE, used).full_runs_used == pytest.approx(25 / 9)
    told = (record(0, 0.5, used=27.0, length=27), record(1, None, state=State.STOPPED, used=9.0, length=27))
    assert History(PLAN, SPACE, told).full_runs_used == pytest.approx(1 + 1 / 3)
    untold = (record(0, 0.5), record(1, None, state=State.FAILED), record(2, None, state=State.RUNNING, used=5.0))
    assert History(PLAN, SPACE, untold).full_runs_used == 2


def test_a_halt_stands_until_something_else_is_decided() -> None:
    taken = [Taken(1, Action.GO_ON, "first"), Taken(1, Action.PAUSE, "a rung"), Taken(1, Action.RESUME, "the best")]
    halted = [record(0, None, course=tuple(taken[:n])).halted for n in range(4)]
    assert halted == [None, None, taken[1], None]
