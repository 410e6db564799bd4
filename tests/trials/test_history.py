"""History: what strategies see, in one sign, without the finalists' fresh scores."""

from __future__ import annotations

import numpy as np
import pytest

from trialist.space.parameter import Float
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import MOVES, Cause, Failure, Score, Stage, State, TrialRecord

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
