"""The refine stage's trials: inside the narrowed space, near the incumbent, better than going on with the search."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

from trialist.errors import SpaceError
from trialist.numerics.keys import Key
from trialist.protocols import Strategy
from trialist.search.design import Random, Sobol
from trialist.search.refined import Refined
from trialist.search.refinement import Refinement, refine
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.testing.strategies import FINITE, MIXED, PLAN, played
from trialist.trials.history import History
from trialist.trials.trial import Exhausted, Proposal, Stage, State, TrialRecord


def propose(strategy: Strategy, history: History, number: int) -> Proposal:
    proposal = strategy.propose(history, Key(PLAN.seed, number))
    assert isinstance(proposal, Proposal)
    return proposal


def test_trials_lie_in_the_narrowed_space_and_say_where_they_start() -> None:
    history = played(Sobol(), MIXED, 20)
    refinement = refine(history)
    assert refinement.space != MIXED
    assert history.best is not None
    for number in range(20, 60):
        proposal = propose(Refined(refinement), history, number)
        assert refinement.space.check(proposal.params) == proposal.params
        assert proposal.reason.startswith(f"a step from trial {history.best.number}, the best so far")
        assert (proposal.stage, proposal.strategy) == (Stage.REFINE, "refine")


def test_a_fresh_one_agrees_with_a_long_lived_one() -> None:
    history = played(Sobol(), MIXED, 20)
    refinement = refine(history)
    long_lived = Refined(refinement)
    stored = Refinement.from_json(refinement.to_json())
    for number in (20, 22, 21, 20):
        assert propose(long_lived, history, number) == propose(Refined(stored), history, number)


def test_a_finite_space_is_finished_without_repeats() -> None:
    history = played(Sobol(), FINITE, 7)
    strategy = Refined(Refinement(FINITE, (), (), "the whole space"))
    records = history.records
    for number in range(7, 12):
        params = propose(strategy, History(PLAN, FINITE, records), number).params
        records = (*records, TrialRecord(number, State.COMPLETE, Stage.REFINE, params, "", "refine", 0, loss=1.0))
    assert len({FINITE.identity(r.params) for r in records}) == 12
    end = strategy.propose(History(PLAN, FINITE, records), Key(PLAN.seed, 12))
    assert end == Exhausted("all 12 configurations were tried")


def test_a_better_trial_outside_is_no_place_to_start_from() -> None:
    space = Space(act=Categorical(["relu", "tanh"]), x=Float(0.0, 1.0))
    narrow = Refinement(space.narrowed({"act": ["relu"], "x": (0.2, 0.6)}), (), (), "")
    records = tuple(
        TrialRecord(i, State.COMPLETE, Stage.SEARCH, params, "", "test", 0, loss=loss)
        for i, (params, loss) in enumerate([({"act": "tanh", "x": 0.3}, -5.0), ({"act": "relu", "x": 0.4}, 1.0)])
    )
    assert "trial 1" in propose(Refined(narrow), History(PLAN, space, records), 2).reason


def test_without_a_score_the_narrowed_space_is_covered_evenly() -> None:
    proposal = propose(Refined(Refinement(MIXED, (), (), "")), History(PLAN, MIXED), 3)
    assert proposal.reason == "Sobol point 3 of the narrowed space"
    assert proposal.stage is Stage.REFINE


def test_steps_from_an_edge_do_not_pile_up_on_it() -> None:
    space = Space(x=Float(0.0, 1.0))
    at_edge = TrialRecord(0, State.COMPLETE, Stage.SEARCH, {"x": 0.02}, "", "test", 0, loss=0.0)
    strategy = Refined(Refinement(space, (), (), ""))
    drawn = [propose(strategy, History(PLAN, space, (at_edge,)), number).params["x"] for number in range(1, 200)]
    assert drawn.count(0.0) == 0


def test_steps_under_constraints_are_legal() -> None:
    space = Space(batch=Int(1, 64), rate=Float(0.0, 1.0), forbid=["batch > 16 and rate > 0.25"])
    history = played(Sobol(), space, 15)
    strategy = Refined(refine(history))
    for number in range(15, 60):
        params = propose(strategy, history, number).params
        assert space.check(params) == params


def test_refining_beats_going_on_with_the_search() -> None:
    space = Space(
        lr=Float(1e-5, 1.0, log=True), l2=Float(1e-7, 1e-1, log=True), width=Float(0.0, 1.0), drop=Float(0, 1)
    )

    def loss(params: dict[str, float]) -> float:
        return sum((u - best) ** 2 for u, best in zip(space.encode(params), (0.2, 0.7, 0.4, 0.15), strict=True))

    def best_of(seed: int, refined: bool) -> float:
        records: tuple[TrialRecord, ...] = ()
        strategy: Strategy = Random()
        for number in range(40):
            history = History(PLAN, space, records)
            if refined and number == 22:
                strategy = Refined(refine(history))
            proposal = strategy.propose(history, Key(seed, number))
            assert isinstance(proposal, Proposal)
            params, stage = dict(proposal.params), proposal.stage
            records += (TrialRecord(number, State.COMPLETE, stage, params, "", "", 0, loss=loss(params)),)
        return min(r.loss for r in records if r.loss is not None)

    refined, searched = (mean(best_of(seed, way) for seed in range(12)) for way in (True, False))
    assert refined < 0.5 * searched


def test_a_step_leads_to_what_was_not_tried_before() -> None:
    space = Space(x=Float(0.0, 1.0), act=Categorical(["relu", "tanh"]))
    configurations = [{"x": 0.5, "act": "relu"}, {"x": 0.5, "act": "tanh"}]
    records = tuple(
        TrialRecord(i, State.COMPLETE, Stage.SEARCH, params, "", "test", 0, loss=1.0 + i)
        for i, params in enumerate(configurations)
    )
    history = History(PLAN, space, records)
    for number in range(2, 80):
        assert propose(Refined(Refinement(space, (), (), "")), history, number).params not in configurations


def test_steps_start_from_the_best_feasible_trial() -> None:
    history = played(Sobol(), MIXED, 20)
    refinement = refine(history)
    inside = [r for r in history.scored if _is_within(refinement.space, r)]
    best, second = sorted(inside, key=lambda r: (r.loss, r.number))[:2]
    barred = [replace(r, constraints={"ms": 1.0 if r.number == best.number else -1.0}) for r in history]
    nearest = [replace(r, constraints={"ms": 1.0 if r.number == second.number else 2.0}) for r in history]
    for records, words in ((barred, "the best so far"), (nearest, "the nearest to satisfying the constraints so far")):
        proposal = propose(Refined(refinement), History(PLAN, MIXED, tuple(records)), 20)
        assert proposal.reason.startswith(f"a step from trial {second.number}, {words}")


def _is_within(space: Space, record: TrialRecord) -> bool:
    try:
        space.check(record.params)
    except SpaceError:
        return False
    return True
