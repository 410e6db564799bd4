"""Measured constraints: feasible trials come first, and among the others the order knows no units."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import ResultError
from trialist.space.space import Space
from trialist.trials.feasibility import ranked, total_violations, violations
from trialist.trials.history import History
from trialist.trials.outcome import constraint, cost
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Score, Stage, State, TrialRecord

VALUES = st.floats(-1e6, 1e6) | st.sampled_from([0.0, math.nan, math.inf, -math.inf])
MEASURED = st.dictionaries(st.sampled_from(["ms", "gb"]), VALUES)


def record(number: int, loss: float, stage: Stage = Stage.SEARCH, **constraints: float) -> TrialRecord:
    return TrialRecord(
        number, State.COMPLETE, stage, {}, "r", "s", 0,
        metrics={"loss": Score((loss,))}, loss=loss, constraints=constraints,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "is_feasible"), [(-1.0, True), (0.0, True), (1e-300, False), (math.nan, False), (-math.inf, True)]
)
def test_a_constraint_is_satisfied_where_it_is_at_most_zero(value: float, is_feasible: bool) -> None:
    trial = record(0, 1.0, ms=value, gb=-1.0)
    assert trial.is_feasible is is_feasible
    assert trial.violated == (() if is_feasible else ("ms",))
    assert bool(violations(trial)) is not is_feasible


def test_the_best_trial_is_the_best_feasible_one() -> None:
    trials = (
        record(0, 0.1, ms=3.0), record(1, 0.5, ms=-1.0), record(2, 0.5), record(3, 0.4, ms=math.nan),
        record(4, 0.0, Stage.SELECT),
    )  # fmt: skip
    history = History(Plan(name="p", objectives=(Objective("loss"),)), Space(), trials)
    assert [r.number for r in history.feasible] == [1, 2]
    assert history.best is trials[1]
    nothing = History(history.plan, history.space, (trials[0], trials[3]))
    assert nothing.feasible == () and nothing.best is trials[0]  # unknown is further off than any number


@given(st.lists(MEASURED, max_size=8))
def test_a_total_violation_is_zero_for_feasible_trials_alone(measured: list[dict[str, float]]) -> None:
    for given_, total in zip(measured, total_violations(measured), strict=True):
        assert (total == 0) == record(0, 1.0, **given_).is_feasible


@given(st.lists(MEASURED, max_size=8), st.integers(-20, 20))
def test_units_do_not_matter(measured: list[dict[str, float]], exponent: int) -> None:
    positive = [{k: v if not 0 < v < 1e-200 else 1.0 for k, v in m.items()} for m in measured]
    scaled = [{k: v * 2.0**exponent if k == "ms" else v for k, v in m.items()} for m in positive]
    assert total_violations(scaled) == total_violations(positive)


@given(st.lists(MEASURED, min_size=1, max_size=6), st.randoms())
def test_a_smaller_violation_of_everything_is_never_ranked_behind(
    measured: list[dict[str, float]], rng: object
) -> None:
    trials = [record(i, 1.0, **m) for i, m in enumerate(measured)]
    order = [r.number for r in ranked(trials)]
    shuffled = list(trials)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [r.number for r in ranked(shuffled)] == order
    place = {number: i for i, number in enumerate(order)}
    for a in trials:
        for b in trials:
            sides = [[_exceeds(r.constraints.get(k, 0.0)) for k in ("ms", "gb")] for r in (a, b)]
            if sides[0] != sides[1] and all(x <= y for x, y in zip(*sides, strict=True)):
                assert place[a.number] < place[b.number]


def test_one_constraint_keeps_the_order_of_its_violations_whatever_the_loss() -> None:
    trials = [record(0, 0.1, ms=9.0), record(1, 0.9, ms=1.0), record(2, 0.2, ms=1.0)]
    assert [r.number for r in ranked(trials)] == [2, 1, 0]


@pytest.mark.parametrize(("name", "value"), [("", 1.0), (3, 1.0), ("ms", "fast"), ("ms", None), ("ms", True)])
def test_what_is_no_constraint_is_refused(name: object, value: object) -> None:
    with pytest.raises(ResultError):
        constraint(name, value)


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "much"])
def test_what_is_no_cost_is_refused(value: object) -> None:
    with pytest.raises(ResultError) as caught:
        cost(value)
    assert caught.value.field == "cost"


def _exceeds(value: float) -> float:
    return math.inf if math.isnan(value) else max(value, 0.0)
