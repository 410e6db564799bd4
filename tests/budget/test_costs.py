"""What runs are expected to take: by configuration, by how far they go, with tails."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from trialist.budget.costs import Costs, money, seconds
from trialist.space.number import Float, Int
from trialist.space.space import Space
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Action, Cause, Failure, Report, Stage, State, Taken, TrialRecord

SPACE = Space(width=Int(8, 128, log=True), x=Float(0.0, 1.0))
PLAN = Plan("s", (Objective("loss"),))


def record(number: int, took: float | None, width: int = 32, x: float = 0.5, **rest: object) -> TrialRecord:
    given = {
        "state": State.COMPLETE,
        "loss": 1.0,
        "seconds": took,
        "cost": None if took is None else took / 100,
        **rest,
    }
    return TrialRecord(
        number=number, stage=Stage.SEARCH, params={"width": width, "x": x}, reason="", strategy="", seed=0, **given
    )


def of(*records: TrialRecord, plan: Plan = PLAN, earlier: tuple[History, ...] = ()) -> Costs:
    return Costs(History(plan, SPACE, records, earlier), seconds)


def test_nothing_is_known_before_a_run_is_over() -> None:
    assert not of() and not of(record(0, None, state=State.RUNNING)) and not of(record(0, 5.0, state=State.RUNNING))


def test_one_run_tells_the_average_and_leaves_room_above() -> None:
    amount = of(record(0, 10.0)).typical()
    assert amount.mean == pytest.approx(10.0)
    assert 10.0 < amount.likely < 15.0 < amount.most < 60.0


def test_runs_that_all_take_the_same_leave_little_room() -> None:
    amount = of(*(record(i, 10.0, x=i / 30) for i in range(30))).typical()
    assert amount.likely < 11.0 and amount.most < 13.0


def test_a_wider_configuration_is_expected_to_take_longer_once_the_runs_show_it() -> None:
    rng = random.Random(0)
    widths = [rng.choice([8, 16, 32, 64, 128]) for _ in range(30)]
    costs = of(*(record(i, w * rng.lognormvariate(0, 0.1), w, rng.random()) for i, w in enumerate(widths)))
    narrow, wide = costs.of({"width": 8, "x": 0.3}), costs.of({"width": 128, "x": 0.3})
    assert narrow.mean == pytest.approx(8, rel=0.25) and wide.mean == pytest.approx(128, rel=0.25)
    assert narrow.most < 16 and wide.likely > 100


def test_a_configuration_that_was_run_is_expected_to_be_as_dear_again() -> None:
    rng = random.Random(1)
    runs = [record(i, 10.0 * rng.lognormvariate(0, 0.2), x=rng.random()) for i in range(12)]
    costs = of(*runs, record(12, 100.0, x=0.123))
    again, new = costs.of({"width": 32, "x": 0.123}), costs.of({"width": 32, "x": 0.321})
    assert again.mean > 2 * new.mean and again.most >= 100.0


def test_the_largest_excess_seen_counts_in_what_it_takes_at_most() -> None:
    calm = [record(i, 10.0, x=i / 20) for i in range(20)]
    assert of(*calm, record(20, 500.0, x=0.99)).typical().most > 300.0


def test_runs_that_were_ended_early_tell_by_how_far_they_were() -> None:
    plan = Plan("s", (Objective("loss"),), fidelity=Fidelity("epochs", 1, 81))
    half = record(0, 5.0, state=State.PAUSED, loss=None, used=8.1, reports=(Report(8, 1.0),))
    costs = of(half, plan=plan)
    assert costs.typical().mean == pytest.approx(50.0)
    assert costs.of({"width": 32, "x": 0.1}, share=1 / 81).mean == pytest.approx(50.0 / 81)


def test_failures_tell_only_where_nothing_else_does_and_not_those_that_are_nobodys_fault() -> None:
    crash = record(1, 1.0, state=State.FAILED, loss=None, failure=Failure(Cause.OBJECTIVE, "no"))
    lost = record(2, 400.0, state=State.FAILED, loss=None, failure=Failure(Cause.PREEMPTED, "no"))
    assert of(record(0, 10.0), crash).typical().mean == pytest.approx(10.0)
    assert of(crash, lost).typical().mean == pytest.approx(1.0)


def test_before_the_first_run_those_of_earlier_studies_stand_in() -> None:
    past = History(PLAN, SPACE, (record(0, 20.0), record(1, 20.0)))
    costs = of(earlier=(past,))
    assert costs.is_borrowed and costs.of({"width": 8, "x": 0.5}).mean == pytest.approx(20.0)
    assert not of(record(0, 3.0), earlier=(past,)).is_borrowed


def test_money_is_read_from_what_trials_told() -> None:
    history = History(PLAN, SPACE, (record(0, 10.0), record(1, None), record(2, 10.0, cost=0.0)))
    assert Costs(history, money).count == 2  # a trial that cost nothing tells so


@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_its_expectations_hold_as_often_as_they_say(sigma: float) -> None:
    rng = random.Random(3)
    within, means = [], []
    for _ in range(150):
        costs = of(*(record(i, rng.lognormvariate(0, sigma), x=rng.random()) for i in range(12)))
        amount, truth = costs.of({"width": 32, "x": rng.random()}), rng.lognormvariate(0, sigma)
        within.append((truth <= amount.likely, truth <= amount.most))
        means.append(amount.mean)
    likely, most = (sum(flags) / len(within) for flags in zip(*within, strict=True))
    assert likely == pytest.approx(0.75, abs=0.1) and most > 0.93
    assert sum(means) / len(means) == pytest.approx(math.exp(sigma**2 / 2), rel=0.2)


def test_what_a_run_takes_before_it_gets_anywhere_is_told_apart() -> None:
    """Eight tenths of a second to start, and half a second for 27 epochs; those that went on began anew each time."""
    plan = replace(PLAN, fidelity=Fidelity("epochs", 1, 27))
    went_on = (Taken(1, Action.PAUSE, ""), Taken(1, Action.RESUME, ""))
    records = []
    for number in range(12):
        used, runs = ((1.0, 1), (28.0, 2), (27.0, 1))[number % 3]
        took = 0.8 * runs + 0.5 * used / 27
        state = State.PAUSED if used == 1.0 else State.COMPLETE
        course = went_on if runs == 2 else ()
        records.append(record(number, took, x=number / 12, state=state, used=used, course=course))
    costs = of(*records, plan=plan)
    assert costs.start == pytest.approx(0.8, rel=0.02)
    params = {"width": 32, "x": 0.4}
    assert costs.of(params).mean == pytest.approx(1.3, rel=0.02) and costs.of(params).most < 2.2
    assert costs.of(params, 1 / 27).likely == pytest.approx(0.8 + 0.5 / 27, rel=0.03)


def test_runs_that_all_go_as_far_tell_nothing_of_a_start() -> None:
    assert of(*(record(i, 1.0 + i / 10) for i in range(6))).start == 0.0


def test_what_hardly_any_run_exceeds_knows_of_pareto_tails() -> None:
    rng, beyond, most = random.Random(3), 0, 0
    for _ in range(300):
        runs = [record(i, 10.0 * rng.paretovariate(1.5), x=rng.random()) for i in range(12)]
        amount, next_one = of(*runs).typical(), 10.0 * rng.paretovariate(1.5)
        beyond, most = beyond + (next_one > amount.surely), most + (next_one > amount.most)
        assert amount.likely < amount.most <= amount.surely
    assert beyond < 6 and most > 3 * beyond  # of 300; what it takes at most, which has no such tail, one in ten exceeds


def test_calm_runs_leave_little_room_even_for_what_hardly_any_exceeds() -> None:
    amount = of(*(record(i, 10.0, x=i / 30) for i in range(30))).typical()
    assert amount.most <= amount.surely < 15.0
