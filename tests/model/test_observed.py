"""What a strategy has seen: catching up gives what a fresh look gives, and only changed records are read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialist.model.observed import Kind, Observed
from trialist.numerics.keys import Key
from trialist.space.parameter import Categorical, Float
from trialist.space.space import Space
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective
from trialist.trials.trial import Cause, Failure, Score, Stage, State, TrialRecord

GROWN = MIXED.with_parameter("dropout", Float(0.0, 0.5))


def record(number: int, **changes: object) -> TrialRecord:
    params = MIXED.draw(Key(3, number))
    made = TrialRecord(number, State.RUNNING, Stage.SEARCH, params, "", "test", 0)
    return replace(made, **changes)  # type: ignore[arg-type]


def scored(of: TrialRecord, loss: float) -> TrialRecord:
    measured = {"ms": loss - 3.0} if of.number % 2 else {"gb": 1.0 - loss}
    return replace(of, state=State.COMPLETE, loss=loss, metrics={"loss": Score((loss,))}, constraints=measured)


def same(a: Observed, b: Observed) -> bool:
    arrays = ("U", "K", "kind", "losses")
    alike = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)
    broken = (sorted(seen.violations[:, seen.violations.any(axis=0)].T.tolist()) for seen in (a, b))
    return alike and a.taken == b.taken and next(broken) == next(broken)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_catching_up_gives_what_a_fresh_look_gives(data: st.DataObject) -> None:
    seen, records, space = Observed(), [], MIXED
    for _ in range(data.draw(st.integers(1, 12))):
        step = data.draw(st.sampled_from(["open", "score", "fail", "turn", "other study", "select", "grow", "drop"]))
        at = data.draw(st.integers(0, max(0, len(records) - 1)))
        if step == "open" or not records:
            records.append(record(len(records)))
        elif step == "score":
            records[at] = scored(records[at], data.draw(st.floats(-1e9, 1e9)))
        elif step == "fail":
            records[at] = replace(records[at], state=State.FAILED, failure=Failure(Cause.OBJECTIVE, "no"), loss=None)
        elif step == "turn":
            records.reverse()
        elif step == "other study":
            records = [record(r.number, params=MIXED.draw(Key(9, r.number)), seed=1) for r in records]
        elif step == "select":
            records[at] = replace(records[at], stage=Stage.SELECT)
        elif step == "grow":
            space = GROWN
        else:
            records.pop()
        history, fresh = History(PLAN, space, tuple(records)), Observed()
        seen.look(history)
        fresh.look(history)
        assert same(seen, fresh), step


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"state": State.COMPLETE, "loss": 1.0}, Kind.SCORED),
        ({"state": State.STOPPED, "loss": 1.0}, Kind.STOPPED),
        ({"state": State.FAILED, "failure": Failure(Cause.MEMORY, "out of memory")}, Kind.FAILED),
        ({"state": State.FAILED, "failure": Failure(Cause.PREEMPTED, "stopped by the user")}, Kind.SILENT),
        ({"state": State.WAITING}, Kind.PENDING),
        ({"state": State.PAUSED}, Kind.PAUSED),
        ({"state": State.COMPLETE, "loss": 1.0, "stage": Stage.SELECT}, Kind.SILENT),
    ],
)
def test_each_kind_of_trial_is_told_apart(changes: dict[str, object], kind: Kind) -> None:
    seen = Observed()
    seen.look(History(PLAN, MIXED, (record(0, **changes),)))
    assert seen.kind.tolist() == [kind]


def test_constraints_are_violations_and_nan_is_the_worst_of_them() -> None:
    seen = Observed()
    measured: list[dict[str, float]] = [{"ms": 5.0}, {"ms": -5.0, "gb": float("nan")}, {}]
    seen.look(History(PLAN, MIXED, tuple(record(i, constraints=each) for i, each in enumerate(measured))))
    assert seen.violations.tolist() == [[5.0, 0.0], [0.0, np.inf], [0.0, 0.0]]


def test_every_objective_is_a_loss_and_a_missing_metric_the_worst() -> None:
    plan = replace(PLAN, objectives=(Objective("loss"), Objective("accuracy", Direction.MAXIMIZE)))
    both, one = {"loss": Score((0.5,)), "accuracy": Score((0.8, 1.0))}, {"loss": Score((0.4,))}
    seen = Observed()
    records = [record(i, state=State.COMPLETE, loss=0.5, metrics=each) for i, each in enumerate((both, one))]
    seen.look(History(plan, MIXED, tuple(records)))
    assert seen.losses.tolist() == [[0.5, -0.9], [0.4, np.inf]]


def test_a_dial_that_came_later_has_no_value_in_earlier_trials() -> None:
    old = Space(act=Categorical(["relu", "tanh"]))
    new = old.with_parameter("width", Float(0.0, 1.0))
    seen = Observed()
    earlier, later = record(0, params={"act": "relu"}), record(1, params={"act": "relu", "width": 0.2})
    seen.look(History(PLAN, new, (earlier, later)))
    assert seen.K.tolist() == [[True, False], [True, True]]
