"""The choice: strategy, reason with numbers, and a split that spends the budget and no more."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialist.errors import PlanError
from trialist.numerics.keys import Key
from trialist.search.auto import Auto
from trialist.search.choose import STRATEGIES, Choice, choose, refiner_for, strategy_for
from trialist.search.design import Sobol
from trialist.search.refinement import refine
from trialist.search.stages import Stages, runs_that_fit
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.testing.strategies import played
from trialist.trials.budget import Budget
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Proposal, Stage

MIXED = Space(
    lr=Float(1e-4, 1e-1, log=True),
    hidden=Int(16, 256, log=True),
    act=Categorical(["relu", "tanh"]),
    solver=Categorical(["adam", "sgd"]),
    momentum=Float(0.0, 0.99, when={"solver": "sgd"}),
)
TWELVE = Space(layers=Int(1, 3), act=Categorical(["relu", "tanh"]), bias=Categorical([True, False]))


def plan(budget: Budget | int | None = 60, **given: Any) -> Plan:
    return Plan("choice", (Objective("loss"),), Budget.of(budget), **given)


def test_the_reason_is_a_sentence_with_numbers() -> None:
    assert choose(MIXED, plan(60), workers=2).reason == (
        "gp, for 41 trials over 5 dials (3 numeric, 2 categorical, 1 conditional) on 2 workers: a Gaussian process "
        "makes most of each trial"
    )
    assert choose(TWELVE, plan(60), workers=1).reason == (
        "grid, for 11 trials over 3 dials (1 numeric, 2 categorical) on 1 worker: with the baseline they complete all "
        "12 configurations"
    )


def test_a_finite_space_that_fits_is_tried_whole() -> None:
    choice = choose(TWELVE, plan(20), workers=1)
    assert (choice.strategy, choice.stages.search, choice.stages.refine) == ("grid", 11, 0)
    assert choice.stages.select == 4
    tight = choose(TWELVE, plan(12), workers=1)
    assert (tight.strategy, tight.stages.search, tight.stages.select) == ("grid", 11, 0)
    between = choose(TWELVE, plan(15), workers=1)
    assert (between.strategy, between.stages.search, between.stages.select) == ("grid", 11, 2)
    assert choose(TWELVE, plan(11), workers=1).strategy == "gp"
    assert choose(TWELVE, plan(None), workers=1).strategy == "grid"
    assert choose(TWELVE, plan(Budget(minutes=1)), workers=1).strategy == "grid"


def test_a_finite_space_offers_no_more_finalists_than_it_has() -> None:
    two = Space(act=Categorical(["relu", "tanh"]))
    assert choose(two, plan(100), workers=1).stages.finalists == 2


def test_a_space_that_the_objective_will_declare_is_no_finite_one() -> None:
    choice = choose(Space(), plan(60), workers=1)
    assert choice.strategy == "random"
    assert "the objective declares" in choice.reason


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "auto"])
def test_a_named_strategy_is_kept_and_built(name: str) -> None:
    asked = plan(60, strategy=name)
    choice = choose(MIXED, asked, workers=1)
    assert choice.strategy == name
    assert "as the plan asks" in choice.reason
    assert strategy_for(choice.strategy, choice.stages.search).name == name


def test_auto_may_propose_by_all_of_them() -> None:
    auto = strategy_for("auto", 60, workers=3)
    assert isinstance(auto, Auto)
    assert (auto.workers, {"auto", *auto.names}) == (3, set(STRATEGIES))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_refinement_keeps_to_its_part_of_the_space(name: str) -> None:
    history = played(Sobol(), MIXED, 20)
    refinement = refine(history)
    assert refinement.space != MIXED
    strategy = refiner_for(name, refinement)
    for number in range(20, 24):
        proposal = strategy.propose(history, Key(history.plan.seed, number))
        assert isinstance(proposal, Proposal)
        assert proposal.stage is Stage.REFINE
        assert refinement.space.check(proposal.params) == proposal.params
        assert (proposal.strategy == "refine") == (name not in ("auto", "gp"))


def test_a_grid_that_was_asked_for_tells_its_levels() -> None:
    reason = choose(MIXED, plan(60, strategy="grid"), workers=1).reason
    assert "24 points: lr at 2 levels, hidden at 2 levels, act at 2 levels" in reason
    wide = Space({f"d{i}": Float(0.0, 1.0) for i in range(30)})
    with pytest.raises(PlanError, match="Use 'sobol'"):
        choose(wide, plan(60, strategy="grid"), workers=1)


@pytest.mark.parametrize(
    ("name", "told"),
    [("gird", "Use 'grid'"), ("Sobol", "Use 'sobol'"), ("hill climbing", "Use one of auto, grid"), ("", "Use one of")],
)
def test_an_unknown_strategy_is_refused_with_the_nearest_name(name: str, told: str) -> None:
    with pytest.raises(PlanError, match=f"strategy: {name!r} is not a strategy. {told}"):
        choose(MIXED, plan(60, strategy=name), workers=1)
    with pytest.raises(PlanError):
        strategy_for(name, None)


def test_what_learns_from_its_trials_narrows_by_itself() -> None:
    shares = {name: choose(MIXED, plan(100, strategy=name), workers=1).stages.refine for name in STRATEGIES}
    assert shares["auto"] == shares["gp"] == 10
    assert shares["sobol"] == shares["random"] == 39  # half of what the selection leaves


def test_several_objectives_are_not_refined_round_one_trial() -> None:
    both = replace(plan(60), objectives=(Objective("loss"), Objective("ms")))
    one, two = (choose(MIXED, given, workers=1).stages for given in (plan(60), both))
    assert two.refine == 0
    assert two.search == (one.search or 0) + (one.refine or 0)
    timed = replace(both, budget=Budget(minutes=5))
    stages = choose(MIXED, timed, workers=1).stages
    assert (stages.search, stages.refine, stages.refine_share) == (None, 0, 0.0)
    assert stages.search_share == pytest.approx(0.8)


@given(trials=st.integers(1, 3000), deterministic=st.booleans())
def test_the_stages_spend_the_budget_and_no_more(trials: int, deterministic: bool) -> None:
    stages = choose(MIXED, plan(trials), workers=2, deterministic=deterministic).stages
    assert stages.search is not None
    assert stages.refine is not None
    assert stages.runs == trials
    assert min(stages.search, stages.refine, stages.finalists, stages.replicates) >= 0
    assert stages.search >= 1 or trials == 1
    assert (stages.refine > 0) == (trials >= 8)
    assert (stages.select > 0) == (trials >= 12 and not deterministic)
    assert stages.select <= 0.2 * trials


@settings(max_examples=200)
@given(
    trials=st.integers(1, 60),
    finalists=st.none() | st.integers(0, 9),
    replicates=st.none() | st.integers(0, 9),
    seconds=st.none() | st.floats(0.1, 100.0),
    space=st.sampled_from([MIXED, TWELVE, Space()]),
)
def test_what_the_plan_says_of_finalists_is_kept_or_refused(
    trials: int, finalists: int | None, replicates: int | None, seconds: float | None, space: Space
) -> None:
    asked = plan(Budget(trials=trials, seconds=60), finalists=finalists, replicates=replicates)
    try:
        stages = choose(space, asked, workers=1, seconds_per_trial=seconds).stages
    except PlanError as error:
        assert error.field in ("finalists", "replicates")
        assert (1 if finalists is None else finalists) * (1 if replicates is None else replicates) > 0
        return
    assert stages.runs is not None
    assert stages.runs <= trials
    if seconds is None and finalists and replicates and space is MIXED:
        assert (stages.finalists, stages.replicates) == (finalists, replicates)
    if finalists == 0 or replicates == 0:
        assert stages.select == 0


def test_finalists_that_use_up_the_budget_are_refused_with_what_would_do() -> None:
    with pytest.raises(PlanError, match=r"finalists: 10 finalists x 6 replicates leave no search in 60 trials\."):
        choose(MIXED, plan(60, finalists=10, replicates=6), workers=1)
    with pytest.raises(PlanError, match="at least 62 trials"):
        choose(MIXED, plan(61, finalists=10, replicates=6), workers=1)
    assert choose(MIXED, plan(62, finalists=10, replicates=6), workers=1).stages.search == 1


def test_finalists_that_were_asked_for_go_before_a_complete_grid() -> None:
    choice = choose(TWELVE, plan(13, finalists=2, replicates=2), workers=1)
    assert (choice.strategy, choice.stages.finalists, choice.stages.replicates) == ("gp", 2, 2)


def test_where_time_allows_fewer_runs_than_declared_the_search_comes_first() -> None:
    asked = plan(Budget(trials=60, seconds=10), finalists=4, replicates=3)
    stages = choose(MIXED, asked, workers=1, seconds_per_trial=1.0).stages
    assert (stages.finalists, stages.replicates, stages.search) == (4, 2, 1)


def test_a_time_budget_is_split_by_shares_until_a_trial_was_timed() -> None:
    timed = plan(Budget(minutes=10))
    unknown = choose(MIXED, timed, workers=2)
    assert unknown.fits is None
    assert unknown.stages.runs is None
    assert (unknown.stages.search_share, unknown.stages.refine_share) == pytest.approx((0.7, 0.1))
    drawn = choose(MIXED, replace(timed, strategy="sobol"), workers=2).stages
    assert (drawn.search_share, drawn.refine_share) == pytest.approx((0.45, 0.35))
    known = choose(MIXED, timed, workers=2, seconds_per_trial=10.0)
    assert known.fits == known.stages.runs == 120


@pytest.mark.parametrize(
    ("budget", "seconds", "fits"),
    [
        (Budget(trials=60), None, 60),
        (Budget(seconds=100), None, None),
        (Budget(seconds=100), 3.0, 133),
        (Budget(compute_seconds=100), 3.0, 33),
        (Budget(trials=60, seconds=10), 1.0, 40),
        (Budget(trials=10, seconds=100), 1.0, 10),
        (Budget(seconds=1), 1000.0, 1),
        (Budget(cost=5), 1.0, None),
        (Budget(seconds=100), 0.0, None),
    ],
)
def test_runs_that_fit(budget: Budget, seconds: float | None, fits: int | None) -> None:
    assert runs_that_fit(budget, 4, seconds) == fits


def test_without_a_limit_the_search_goes_on() -> None:
    stages = choose(MIXED, plan(None), workers=1).stages
    assert (stages.search, stages.refine) == (None, 0)
    assert "search: no limit" in stages.words


def test_each_stage_is_told_in_a_line() -> None:
    assert choose(MIXED, plan(60, test="test_loss", test_seeds=3), workers=2).stages.words == (
        "baseline: 1 trial, the default configuration",
        "search: 41 trials",
        "refine: 6 trials",
        "select: 4 finalists x 3 fresh seeds = 12 trials",
        "verify: 3 trainings each of default and selected configuration, on top of the trials, within time and money",
    )
    bare = choose(MIXED, plan(5), workers=2).stages.words
    assert bare[-2:] == ("select: nothing is scored again", "verify: nothing, no test was given")


@pytest.mark.parametrize("budget", [60, 5, None, Budget(minutes=3)])
def test_a_choice_goes_through_json(budget: Budget | int | None) -> None:
    choice = choose(MIXED, plan(budget), workers=2)
    assert Choice.from_json(json.loads(json.dumps(choice.to_json()))) == choice
    assert Stages.from_json(json.loads(json.dumps(choice.stages.to_json()))) == choice.stages
