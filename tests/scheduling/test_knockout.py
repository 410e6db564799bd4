"""Knockout: all meet on a few units and the better part goes on; who is asked how much, and where it races."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import trialist as tl
from trialist.errors import PlanError
from trialist.scheduling.knockout import Knockout, plays, rounds, taken
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.stopping import Stopping

J = 10
SPACE = tl.Space(x=tl.Categorical(list(range(13)), default=6))
NOISE = np.random.default_rng(3).normal(0, 0.02, (13, J))
HARD = np.random.default_rng(4).normal(0, 1, J)  # some blocks are harder, for all


def score(x: int, block: int) -> float:
    """12 is the best, each less a tenth worse."""
    return 0.1 * x + HARD[block] + NOISE[x, block]


def objective(trial: tl.Trial) -> None:
    for block in trial.blocks(range(J)):
        trial.report(score(trial["x"], block))


def played(scheduler: object = "knockout", run=objective, space=SPACE, workers: int = 1, budget=17, **more) -> tl.Study:
    given = {"strategy": "grid", "stopping": "none", "validation": tl.Items(J, 5), "store": "memory", **more}
    study = tl.Study.create(space, maximize="score", budget=budget, scheduler=scheduler, **given)
    study.optimize(run, workers=workers)
    return study


def blocks_of(study: tl.Study) -> dict[int, int]:
    return {r.params["x"]: len(r.reports) for r in study.trials if r.number}


def test_the_better_half_goes_on_round_by_round_and_the_last_run_in_full() -> None:
    study = played()
    asked = blocks_of(study)
    assert sorted(asked.values()) == [1] * 6 + [2] * 3 + [J] * 3
    assert {x for x, count in asked.items() if count == J} == {10, 11, 12}
    assert {x for x, count in asked.items() if count == 1} == {0, 1, 2, 3, 4, 5}
    assert study.trials[0].state is tl.State.COMPLETE, "the default runs in full, whatever it shows"
    assert study.best.params["x"] == 12
    assert sum(asked.values()) == taken(12, J)


def test_each_pause_and_each_promotion_says_why() -> None:
    best = next(r for r in played().trials if r.params["x"] == 12)
    told = [step.reason for step in best.course]
    waits = "the best one in 2 goes on once all have come so far; who is paused after that is out"
    assert told[0] == f"after 1 of 10 blocks: {waits}"
    assert told[1] == "the best 6 of 12 after 1 go on to 2 blocks"
    assert told[-1] == "the best 3 of 3 after 4 go on to 10 blocks"


def test_several_workers_come_to_the_same() -> None:
    assert blocks_of(played(workers=3)) == blocks_of(played())


def test_who_fails_or_has_no_finite_score_is_out_and_the_others_play_on() -> None:
    def faulty(trial: tl.Trial) -> None:
        if trial["x"] == 12:
            raise RuntimeError("no")
        for block in trial.blocks(range(J)):
            trial.report(float("nan") if trial["x"] == 11 else score(trial["x"], block))

    study = played(run=faulty)
    by_x = {r.params["x"]: r for r in study.trials if r.number}
    assert by_x[12].state is tl.State.FAILED
    assert (by_x[11].state, len(by_x[11].reports)) == (tl.State.FAILED, 1)
    assert study.best.params["x"] == 10
    assert sum(r.state is tl.State.COMPLETE for r in by_x.values()) == 3


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, strategy="random", validation=tl.Items(J)),
        replace(PLAN, strategy="grid", validation=None),
        replace(PLAN, strategy="grid", validation=tl.Items(J), budget=tl.Budget(trials=13)),
    ],
    ids=["others are still proposed", "no units", "no room for all"],
)
def test_it_races_where_not_all_can_meet(plan: tl.Plan) -> None:
    assert not plays(SPACE, plan)


def test_it_plays_where_all_can_meet_and_not_on_an_endless_space() -> None:
    plan = replace(PLAN, strategy="grid", validation=tl.Items(J), budget=tl.Budget(trials=17), stopping=Stopping())
    assert plays(SPACE, plan)
    assert not plays(MIXED, plan)


def test_fewer_go_on_with_a_larger_eta_and_as_many_run_in_full_as_asked() -> None:
    asked = blocks_of(played(Knockout(eta=4, least=2)))
    assert sorted(asked.values()) == [1] * 9 + [2, J, J]
    assert sum(asked.values()) == taken(12, J, eta=4, least=2)


@pytest.mark.parametrize(
    ("units", "looks"), [(2, (1,)), (3, (1,)), (5, (1, 2)), (8, (1, 2)), (9, (1, 2, 4)), (20, (1, 2, 4, 8))]
)
def test_rounds_double_and_leave_half_of_the_units_for_the_last(units: int, looks: tuple[int, ...]) -> None:
    assert rounds(units) == looks


@pytest.mark.parametrize("given", [{"eta": 1.0}, {"least": 0}, {"least": 2.5}])
def test_what_cannot_be_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(PlanError, match="usual"):
        Knockout(**given)  # type: ignore[arg-type]
