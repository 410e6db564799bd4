"""What runs spend in a second: learnt where money follows time, and only there."""

from __future__ import annotations

import math
import random

import pytest

from trialist.budget.pace import UNKNOWN, pace_of, presumed
from trialist.space.number import Float
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Cause, Failure, Stage, State, TrialRecord

SPACE = Space(x=Float(0.0, 1.0))
PLAN = Plan("s", (Objective("loss"),))


def record(number: int, seconds: float | None, cost: float | None, **rest: object) -> TrialRecord:
    given = {"state": State.COMPLETE, "loss": 1.0, **rest}
    return TrialRecord(
        number=number, stage=Stage.SEARCH, params={"x": 0.5}, reason="", strategy="", seed=0, seconds=seconds,
        cost=cost, **given,
    )  # fmt: skip


def of(*records: TrialRecord) -> History:
    return History(PLAN, SPACE, records)


def test_nothing_is_known_of_runs_that_told_no_money_or_no_time() -> None:
    assert not pace_of(of()) and not pace_of(of(record(0, 10.0, None))) and not pace_of(of(record(0, None, 1.0)))


def test_one_run_tells_a_pace_with_room_above_that_shrinks_as_others_agree() -> None:
    one, twenty = (
        pace_of(of(record(0, 50.0, 0.5))),
        pace_of(of(*(record(i, 3.0 + i, 0.03 + i / 100) for i in range(20)))),
    )
    assert one.mean == pytest.approx(0.01, rel=0.02) and 0.012 < one.most < 0.025
    assert twenty.mean == pytest.approx(0.01, rel=0.01) and 0.01 < twenty.most < 0.0115


def test_what_is_spent_at_most_is_seldom_exceeded_where_paces_vary() -> None:
    rng, exceeded, known = random.Random(0), 0, 0
    for _ in range(2000):
        seconds = [rng.lognormvariate(4.0, 0.8) for _ in range(rng.randint(3, 20))]
        runs = [record(i, s, 0.01 * s * rng.lognormvariate(0.0, 0.2)) for i, s in enumerate(seconds)]
        found = pace_of(of(*runs))
        known += bool(found)
        exceeded += bool(found) and 0.01 * rng.lognormvariate(0.0, 0.2) > found.most
    assert known > 1900 and exceeded / known < 0.02


def test_money_that_does_not_follow_time_tells_no_pace() -> None:
    rng = random.Random(1)
    runs = [record(i, rng.lognormvariate(4, 0.8), rng.lognormvariate(0, 0.8)) for i in range(8)]
    assert pace_of(of(*runs)) == UNKNOWN
    assert pace_of(of(*(record(i, 10.0, 1.0) for i in range(5)), record(5, 10.0, 0.0))) == UNKNOWN


def test_only_runs_that_told_themselves_teach_the_pace() -> None:
    told = [record(i, 10.0 + i, 0.1 + i / 100) for i in range(5)]
    failure = Failure(Cause.BUDGET, "no more is left")
    cut = record(5, 10.0, 90.0, state=State.FAILED, loss=None, failure=failure)
    again = record(6, 10.0, 90.0, earlier=(Failure(Cause.KILLED, "gone"),))
    assert pace_of(of(*told, cut, again)) == pace_of(of(*told))


def test_what_was_presumed_is_in_doubt_by_less_than_the_sum_of_its_parts() -> None:
    found = pace_of(of(*(record(i, 10.0, 0.1 * (1 + 0.1 * (i % 3))) for i in range(9))))
    one, four = found.doubt([1.0]), found.doubt([1.0] * 4)
    assert one == pytest.approx(found.most / found.mean - 1.0) and four == pytest.approx(2 * one)
    assert found.doubt([]) == 0.0 and UNKNOWN.doubt([1.0]) == 0.0


def test_runs_whose_cost_is_presumed_are_those_that_could_not_tell_it() -> None:
    def failed(number: int, cause: Cause, cost: float | None) -> TrialRecord:
        return record(number, 5.0, cost, state=State.FAILED, loss=None, failure=Failure(cause, "so"))

    runs = [
        record(0, 5.0, 1.0), failed(1, Cause.BUDGET, 2.0), failed(2, Cause.OBJECTIVE, 4.0),
        failed(3, Cause.KILLED, 8.0), failed(4, Cause.KILLED, None),
    ]  # fmt: skip
    assert math.fsum(presumed(of(*runs))) == 10.0
