"""What is declared beforehand: budgets, objectives and plans refuse what cannot be, and read back as they were."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import PlanError
from trialist.trials.amounts import duration
from trialist.trials.budget import Budget
from trialist.trials.plan import Direction, Limits, Objective, Plan, objectives_of


@given(
    st.one_of(st.none(), st.integers(1, 10**6)),
    st.one_of(st.none(), st.floats(1e-3, 1e9)),
    st.one_of(st.none(), st.floats(1e-3, 1e9)),
    st.integers(0, 2**40),
)
def test_a_plan_reads_back_as_it_was(trials: int | None, seconds: float | None, cost: float | None, seed: int) -> None:
    plan = Plan(
        name="plan",
        objectives=(Objective("loss"), Objective("accuracy", Direction.MAXIMIZE)),
        budget=Budget(trials, seconds=seconds, cost=cost),
        seed=seed,
        limits=Limits(seconds, None),
        warm_start=("earlier", "older@/home/ann/s.db"),
    )
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert plan.differences(plan) == ()


def test_minutes_and_hours_are_seconds_and_add_up() -> None:
    assert Budget(minutes=1, seconds=30).seconds == 90
    assert Budget(hours=2) == Budget(seconds=7200)
    assert Budget.of(7) == Budget(trials=7)
    assert Budget.of(None).is_unlimited and not Budget(cost=1).is_unlimited


@pytest.mark.parametrize("trials", [0, -1, 1.5, True, "10", 10**2 * 1.0])
def test_a_number_of_trials_is_a_whole_number_from_1(trials: object) -> None:
    with pytest.raises(PlanError, match=r"budget\.trials: .*" + str(trials)):
        Budget(trials)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["seconds", "minutes", "hours", "compute_seconds", "cost"])
@pytest.mark.parametrize("value", [0, -5, math.nan, math.inf, "5m", True])
def test_other_limits_are_finite_numbers_above_0(field: str, value: object) -> None:
    with pytest.raises(PlanError, match=f"budget.{field}"):
        Budget(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "  ", "n" * 1001, 7, None, "\ud800"])
def test_a_study_has_a_name_that_can_be_written(name: object) -> None:
    with pytest.raises(PlanError, match="name"):
        Plan(name=name, objectives=(Objective("loss"),))  # type: ignore[arg-type]


def test_objectives_keep_their_order_and_their_direction() -> None:
    found = objectives_of(["loss", "latency"], "accuracy")
    assert [(o.name, o.direction.sign) for o in found] == [("loss", 1), ("latency", 1), ("accuracy", -1)]
    with pytest.raises(PlanError, match="minimize"):
        objectives_of(3, None)  # type: ignore[arg-type]
    with pytest.raises(PlanError, match="twice"):
        Plan(name="p", objectives=(*found, Objective("loss", Direction.MAXIMIZE)))
    with pytest.raises(PlanError, match="no metric"):
        Plan(name="p", objectives=())


def test_differences_are_told_in_words() -> None:
    plan = Plan(name="p", objectives=(Objective("loss"),), budget=Budget(20))
    other = Plan(name="p", objectives=(Objective("loss", Direction.MAXIMIZE),), budget=Budget(40), seed=3)
    assert plan.differences(other) == (
        "objectives: minimize loss is now maximize loss",
        "budget: trials 20 is now trials 40",
        "seed: 0 is now 3",
    )
    warm = replace(plan, warm_start=("old", "older"))
    assert plan.differences(warm) == ("warm_start: (none) is now old, older",)
    assert warm.differences(plan) == ("warm_start: old, older is now (none)",)


def test_an_earlier_study_is_named_once() -> None:
    with pytest.raises(PlanError, match="warm_start: 'old' is named twice"):
        Plan(name="p", objectives=(Objective("loss"),), warm_start=("old", "older", "old"))


def test_a_plan_from_before_warm_starts_reads_back_without_one() -> None:
    written = Plan(name="p", objectives=(Objective("loss"),)).to_json()
    del written["warm_start"]
    assert Plan.from_json(written).warm_start == ()


@given(st.floats(1e-4, 1e6))
def test_a_duration_is_never_rounded_to_the_next_unit_in_words(seconds: float) -> None:
    text = duration(seconds)
    assert "60 s" not in text and "60 min" not in text and "1000 ms" not in text
