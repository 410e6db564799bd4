"""Designs: what they cover, what they never repeat, and when they look at the history."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialist.errors import PlanError
from trialist.numerics.keys import Key
from trialist.protocols import Strategy
from trialist.search.design import Grid, Random, Sobol, baseline, grid_of
from trialist.space.parameter import Categorical, Float, Int, Normal
from trialist.space.space import Space
from trialist.testing.strategies import PLAN, played
from trialist.trials.history import History, Records
from trialist.trials.trial import Exhausted, Proposal, Stage, State, TrialRecord

CONTINUOUS = Space(
    lr=Float(1e-5, 1e-1, log=True), act=Categorical(["relu", "tanh", "gelu", "elu"]), width=Int(8, 512, log=True)
)
TWELVE = Space(layers=Int(1, 3), act=Categorical(["relu", "tanh"]), bias=Categorical([True, False]))


def record(number: int, params: dict[str, object]) -> TrialRecord:
    return TrialRecord(number, State.COMPLETE, Stage.SEARCH, params, "", "test", 0, loss=0.0)


def history(space: Space, *params: dict[str, object]) -> History:
    return History(PLAN, space, tuple(record(i, each) for i, each in enumerate(params)))


def proposed(strategy: Strategy, past: History, number: int) -> Proposal:
    proposal = strategy.propose(past, Key(PLAN.seed, number))
    assert isinstance(proposal, Proposal), proposal
    return proposal


def unreadable() -> Records:
    raise AssertionError("the history was read")


# Baseline


def test_the_baseline_is_the_default_configuration() -> None:
    space = Space(lr=Float(1e-4, 1.0, log=True, default=1e-3), solver=Categorical(["adam", "sgd"], default="sgd"))
    assert baseline(space) == Proposal(
        {"lr": 1e-3, "solver": "sgd"},
        "the default configuration, measured first as the baseline",
        "baseline",
        Stage.BASELINE,
    )


def test_the_baseline_says_where_the_middle_stands_in() -> None:
    one = Space(lr=Float(0.0, 1.0), act=Categorical(["relu", "tanh"], default="relu"))
    assert baseline(one).reason.endswith("(lr has no default: the middle of its scale stands in)")
    two = Space(lr=Float(0.0, 1.0), hidden=Int(1, 9))
    assert baseline(two).reason.endswith("(lr, hidden have no default: the middle of their scale stands in)")
    choice = Space(lr=Float(0.0, 1.0, default=0.1), act=Categorical(["relu", "tanh"]))
    assert baseline(choice).reason.endswith("(act has no default: its first choice stands in)")
    both = Space(lr=Float(0.0, 1.0), act=Categorical(["relu", "tanh"]))
    assert baseline(both).reason.endswith("have no default: the middle of a scale or the first choice stands in)")
    many = Space({f"d{i}": Float(0.0, 1.0) for i in range(9)})
    assert "(d0, d1, d2, d3, 5 more have" in baseline(many).reason


# Random and Sobol


@pytest.mark.parametrize("strategy", [Random(), Sobol()], ids=lambda s: s.name)
def test_a_draw_that_cannot_repeat_reads_no_history(strategy: Strategy) -> None:
    space = Space(x=Float(0.0, 1.0), n=Int(1, 3))
    for number in range(1, 20):
        proposed(strategy, History(PLAN, space, unreadable), number)


@pytest.mark.parametrize("strategy", [Random(), Sobol()], ids=lambda s: s.name)
def test_the_discrete_part_of_a_continuous_space_is_not_repeated(strategy: Strategy) -> None:
    space = Space(solver=Categorical(["adam", "sgd"]), momentum=Float(0.0, 0.9, when={"solver": "sgd"}))
    past = played(strategy, space, 30)
    assert sum(r.params["solver"] == "adam" for r in past) == 1
    assert len(past) == 30


@pytest.mark.parametrize("strategy", [Random(), Sobol(), Grid(11)], ids=lambda s: s.name)
def test_a_finished_space_says_so_with_its_size(strategy: Strategy) -> None:
    past = played(strategy, TWELVE, 12)
    assert len({TWELVE.identity(r.params) for r in past}) == 12
    end = strategy.propose(past, Key(PLAN.seed, 12))
    assert isinstance(end, Exhausted)
    assert "all 12" in end.reason
    assert "tried" in end.reason


def test_the_last_ones_of_a_large_discrete_space_are_found() -> None:
    space = Space(a=Int(0, 99), b=Int(0, 29))
    every = list(space.configurations())
    past = history(space, *(params for params in every if params != {"a": 7, "b": 11}))
    for strategy in (Random(), Sobol(), Grid(2999)):
        assert proposed(strategy, past, 2999).params == {"a": 7, "b": 11}


@pytest.mark.parametrize("strategy", [Random(), Sobol()], ids=lambda s: s.name)
def test_rare_corners_of_a_constrained_space_are_drawn_without_collision(strategy: Strategy) -> None:
    space = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0), forbid=["x + y > 0.2"])
    past = played(strategy, space, 60)
    assert all(r.params["x"] + r.params["y"] <= 0.2 for r in past)
    assert len({space.identity(r.params) for r in past}) == 60


def test_a_sobol_point_that_breaks_a_constraint_is_replaced_by_another_one() -> None:
    space = Space(x=Float(0.0, 1.0), forbid=["x > 0.5"])
    proposals = [proposed(Sobol(), history(space), number) for number in range(64, 128)]
    assert all(p.reason.startswith("Sobol point ") for p in proposals)
    assert any("after 1 that broke a constraint" in p.reason for p in proposals)
    assert len({p.params["x"] for p in proposals}) == 64


@pytest.mark.parametrize("strategy", [Random(), Sobol()], ids=lambda s: s.name)
def test_what_the_prior_hardly_ever_draws_is_found_and_chosen_by_key(strategy: Strategy) -> None:
    space = Space(c=Categorical(["usual", "a", "b", "c"], prior=[1e9, 1, 1, 1]))
    past = history(space, {"c": "usual"})
    proposals = [proposed(strategy, past, number) for number in range(1, 21)]
    assert {p.params["c"] for p in proposals} == {"a", "b", "c"}
    assert proposals[0].reason == "one of the 3 configurations left"


def test_sobol_falls_back_on_exact_draws_where_hardly_any_point_is_allowed() -> None:
    space = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0), require=["abs(x - y) < 0.001"])
    reasons = [proposed(Sobol(), history(space), number).reason for number in range(1, 30)]
    assert any(reason.startswith("drawn at random, after 64") for reason in reasons)


def test_sobol_stratifies_categories_and_numbers() -> None:
    drawn = [proposed(Sobol(), history(CONTINUOUS), number).params for number in range(64, 128)]
    assert set(Counter(p["act"] for p in drawn).values()) == {16}
    assert sorted(int(CONTINUOUS["lr"].encode(p["lr"]) * 64) for p in drawn) == list(range(64))


def test_sobol_follows_the_priors() -> None:
    space = Space(x=Float(0.0, 1.0, prior=Normal(0.8, 0.1)), c=Categorical(["a", "b"], prior=[3, 1]))
    drawn = [proposed(Sobol(), history(space), number).params for number in range(64, 128)]
    assert Counter(p["c"] for p in drawn) == {"a": 48, "b": 16}
    assert sum(p["x"] > 0.5 for p in drawn) == 64


def test_any_number_of_workers_draws_the_same_sobol_design() -> None:
    in_order = [proposed(Sobol(), history(CONTINUOUS), number) for number in range(1, 17)]
    shuffled = {number: proposed(Sobol(), history(CONTINUOUS), number) for number in (9, 3, 16, 1)}
    assert all(in_order[number - 1] == proposal for number, proposal in shuffled.items())


@pytest.mark.parametrize("strategy", [Random(), Sobol(), Grid()], ids=lambda s: s.name)
def test_a_space_without_dials_yet_is_never_finished(strategy: Strategy) -> None:
    proposal = proposed(strategy, history(Space(), {}, {}), 2)
    assert proposal.params == {}
    assert "declares" in proposal.reason


@pytest.mark.parametrize("strategy", [Random(), Sobol(), Grid(10)], ids=lambda s: s.name)
def test_trials_from_before_the_space_grew_are_no_obstacle(strategy: Strategy) -> None:
    past = history(TWELVE, {}, {"layers": 2}, {"layers": 1, "act": "relu", "bias": True})
    proposal = proposed(strategy, past, 3)
    assert TWELVE.check(proposal.params) != {"layers": 1, "act": "relu", "bias": True}


# Grid


def test_a_grid_gives_each_dial_as_many_levels_as_fit() -> None:
    space = Space(lr=Float(1e-4, 1e-1, log=True), hidden=Int(16, 256, log=True), act=Categorical(["relu", "tanh"]))
    configurations, levels = grid_of(space, 27)
    assert levels == "lr at 4 levels, hidden at 3 levels, act at 2 levels"
    assert len(configurations) == 24
    assert sorted({c["lr"] for c in configurations}) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert sorted({c["hidden"] for c in configurations}) == [16, 64, 256]


def test_a_grid_point_tells_its_place_and_levels() -> None:
    space = Space(lr=Float(0.0, 1.0), wd=Float(0.0, 1.0))
    past = history(space, {"lr": 0.3, "wd": 0.3})
    assert proposed(Grid(9), past, 1).reason == "grid point 1 of 9: lr at 3 levels, wd at 3 levels"


def test_a_grid_skips_the_baseline_where_it_holds_it() -> None:
    space = Space(lr=Float(0.0, 1.0, default=0.5))
    past = played(Grid(3), space, 9)
    assert [r.params["lr"] for r in past].count(0.5) == 1
    assert len(past) == 3


def test_a_grid_varies_conditional_dials_only_where_they_are_active() -> None:
    space = Space(solver=Categorical(["adam", "sgd"]), momentum=Float(0.0, 0.9, when={"solver": "sgd"}))
    configurations, _ = grid_of(space, 4)
    assert configurations.count({"solver": "adam"}) == 1
    assert len(configurations) == 4


def test_a_grid_of_many_branches_is_counted_by_what_is_active() -> None:
    branches = [f"b{i}" for i in range(6)]
    dials = {f"{b}{j}": Float(0.0, 1.0, when={"branch": b}) for b in branches for j in range(3)}
    configurations, _ = grid_of(Space({"branch": Categorical(branches), **dials}), 60)
    assert len(configurations) >= 6 * 8
    assert len(configurations) <= 60


def test_an_interrupted_grid_is_spread_out() -> None:
    space = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
    first = [r.params for r in played(Grid(100), space, 25)]
    for name in ("x", "y"):
        assert len({params[name] for params in first}) >= 8


def test_a_grid_that_cannot_be_is_refused_before_any_work() -> None:
    space = Space({f"d{i}": Float(0.0, 1.0) for i in range(20)})
    with pytest.raises(PlanError, match=r"more than 100,000 configurations.*Use 'sobol'"):
        grid_of(space, 60)


DIALS = st.one_of(
    st.builds(lambda: Float(1e-3, 1.0, log=True)),
    st.builds(lambda: Float(-1.0, 1.0)),
    st.integers(0, 9).map(lambda n: Int(1, 1 + n)),
    st.integers(1, 4).map(lambda n: Categorical(list(range(n)))),
)


@settings(max_examples=60, deadline=None)
@given(dials=st.lists(DIALS, min_size=1, max_size=4), points=st.integers(1, 300))
def test_a_grid_fits_and_repeats_nothing(dials: list[Float | Int | Categorical], points: int) -> None:
    space = Space({f"d{i}": dial for i, dial in enumerate(dials)})
    configurations, _ = grid_of(space, points)
    identities = {space.identity(c) for c in configurations}
    assert len(identities) == len(configurations)
    two_levels = len(space.grid(2))
    assert len(configurations) <= max(points + 1, two_levels)
    assert all(space.check(c) == c for c in configurations)
