"""Forecasts: intervals that hold as often as they say, words that people read."""

from __future__ import annotations

import random

import pytest

from tests.budget.test_costs import PLAN, SPACE, record
from trialist.budget.costs import Costs, seconds
from trialist.budget.forecast import Outlay, Range, runs
from trialist.trials.history import History


@pytest.mark.parametrize("count", [4, 40])
def test_the_interval_of_a_sum_holds_about_as_often_as_it_says(count: int) -> None:
    rng = random.Random(count)
    inside = 0
    for _ in range(200):
        seen = tuple(record(i, rng.lognormvariate(0, 0.6), x=rng.random()) for i in range(12))
        amount = runs(count, Costs(History(PLAN, SPACE, seen), seconds))
        assert amount is not None
        inside += amount.low <= sum(rng.lognormvariate(0, 0.6) for _ in range(count)) <= amount.high
    assert 0.7 < inside / 200 < 0.92


def test_no_runs_take_nothing_and_unknown_ones_are_unknown() -> None:
    known = Costs(History(PLAN, SPACE, (record(0, 2.0),)), seconds)
    assert runs(0, known) == Range(0.0, 0.0, 0.0)
    assert runs(3, Costs(History(PLAN, SPACE), seconds)) is None
    more = runs(3, known)
    assert more is not None and more.mean == pytest.approx(6.0) and more.low < 6.0 < more.high


def test_outlays_in_words() -> None:
    assert str(Outlay("cost", 0.82, 0.12, Range(4.1, 3.4, 5.2), 20.0)) == (
        "cost 0.82 of 20, 0.12 running, about 4.1 (3.4 to 5.2) in all"
    )
    assert str(Outlay("seconds", 186.0, 7.0, None, 600.0)) == "3 min 6 s of 10 min"
    assert str(Outlay("cost", 0.0, 0.0, Range(4.1, 3.4, 5.2), 20.0)) == "cost about 4.1 (3.4 to 5.2) of 20"
    assert str(Outlay("cost", 5.0, 0.0, Range(20.0, 20.0, 20.0), 20.0)) == "cost 5 of 20"  # the limit is no forecast
    assert str(Outlay("compute_seconds", 90.0, 30.0, None, 600.0)) == "1 min 30 s of 10 min of compute, 30 s running"
