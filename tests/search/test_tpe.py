"""TPE: it finds good regions of mixed spaces, heeds failures, running trials, constraints and several objectives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from trialist.numerics.hypervolume import hypervolume
from trialist.numerics.keys import Key
from trialist.protocols import Strategy
from trialist.search.choose import strategy_for
from trialist.search.design import Random
from trialist.search.tpe import REST, STARTUP, TPE
from trialist.space.parameter import Categorical, Float, Int, Normal
from trialist.space.space import Space
from trialist.testing.strategies import PLAN, STRATEGY_CLAIMS
from trialist.trials.history import History, Records
from trialist.trials.plan import Objective
from trialist.trials.trial import Cause, Failure, Proposal, Score, Stage, State, TrialRecord

Params = Mapping[str, Any]
SQUARE = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
MODELS = Space(
    model=Categorical(["tree", "net", "line"]),
    depth=Int(1, 12, when={"model": "tree"}),
    rate=Float(1e-5, 1.0, log=True, when={"model": "net"}),
    width=Int(8, 1024, log=True, when={"model": "net"}),
    noise=Float(0.0, 1.0),
)


def models(params: Params) -> float:
    if params["model"] == "tree":
        return 0.3 + 0.02 * abs(params["depth"] - 6)
    if params["model"] == "net":
        return 0.1 + 0.1 * (np.log10(params["rate"]) + 2.5) ** 2 + 0.02 * (np.log2(params["width"]) - 7) ** 2
    return 0.5


def bowl(params: Params) -> float:
    return (params["x"] - 0.3) ** 2 + (params["y"] - 0.6) ** 2


def complete(number: int, params: Params, **metrics: float) -> TrialRecord:
    scores = {name: Score((value,)) for name, value in metrics.items()}
    loss = next(iter(metrics.values()))
    return TrialRecord(number, State.COMPLETE, Stage.SEARCH, params, "", "test", 0, metrics=scores, loss=loss)


def scattered(n: int, loss: Callable[[Params], float] = bowl, space: Space = SQUARE, seed: int = 0) -> Records:
    points = (space.draw(Key(seed, i)) for i in range(n))
    return tuple(complete(i, params, loss=loss(params)) for i, params in enumerate(points))


def proposed(records: Records, number: int, space: Space = SQUARE, strategy: Strategy | None = None) -> Proposal:
    proposal = (strategy or TPE()).propose(History(PLAN, space, records), Key(PLAN.seed, number))
    assert isinstance(proposal, Proposal), proposal
    return proposal


def best_found(strategy: Strategy, space: Space, loss: Callable[[Params], float], seed: int, trials: int = 60) -> float:
    records: Records = ()
    for number in range(trials):
        proposal = strategy.propose(History(PLAN, space, records), Key(seed, number))
        assert isinstance(proposal, Proposal)
        records += (complete(number, proposal.params, loss=loss(proposal.params)),)
    return min(record.loss for record in records if record.loss is not None)


@pytest.mark.parametrize("claim", STRATEGY_CLAIMS, ids=lambda claim: claim.__name__)
def test_tpe_holds_the_contract(claim: Callable[[Callable[[], Strategy]], None]) -> None:
    claim(TPE)


def test_it_can_be_asked_for_by_name() -> None:
    assert isinstance(strategy_for("tpe", 10), TPE)


def test_it_comes_closer_than_random_draws_on_a_conditional_space() -> None:
    found = {
        each.name: np.mean([best_found(each, MODELS, models, seed) for seed in range(6)]) for each in (TPE(), Random())
    }
    assert found["tpe"] - 0.1 < 0.3 * (found["random"] - 0.1)


def test_it_begins_with_a_design_and_goes_on_near_the_best() -> None:
    early, late = scattered(STARTUP - 1), scattered(60)
    assert proposed(early, len(early)).reason.startswith("Sobol point")
    near = [proposed(late, number) for number in range(60, 90)]
    assert np.mean([bowl(p.params) for p in near]) < 0.25 * np.mean([record.loss for record in late])
    best = {record.number for record in sorted(late, key=lambda r: r.loss or 0.0)[:6]}
    told = {int(p.reason.split(":")[0].split()[-1]) for p in near if p.reason.startswith("near trial")}
    assert told and told <= best


def test_the_unit_of_the_loss_makes_no_difference() -> None:
    ours, scaled = scattered(40), scattered(40, lambda params: 2.0**20 * bowl(params))
    assert [proposed(ours, n) for n in range(40, 50)] == [proposed(scaled, n) for n in range(40, 50)]


@pytest.mark.parametrize("loss", [lambda p: 1.0, lambda p: 1e308 * (p["x"] - 0.5), lambda p: 1e-300 * p["x"]])
def test_plateaus_and_huge_or_tiny_losses_are_taken(loss: Callable[[Params], float]) -> None:
    records = scattered(30, loss)
    assert all(SQUARE.check(proposed(records, n).params) for n in range(30, 40))


def failed(number: int, params: Params, cause: Cause = Cause.OBJECTIVE) -> TrialRecord:
    failure = Failure(cause, "it went wrong")
    return TrialRecord(number, State.FAILED, Stage.SEARCH, params, "", "test", 0, failure=failure)


def test_it_keeps_away_from_where_trials_fail() -> None:
    # Both halves of the square are equally good where they can be scored, but most of the left one fails.
    records = scattered(60, lambda p: (abs(p["x"] - 0.5) - 0.25) ** 2 + (p["y"] - 0.5) ** 2)
    fails = tuple(failed(60 + i, {**SQUARE.draw(Key(8, i)), "x": 0.5 * i / 40}) for i in range(40))

    def on_the_left(past: Records) -> float:
        return float(np.mean([proposed(past, n).params["x"] < 0.5 for n in range(100, 160)]))

    assert on_the_left(records + fails) < on_the_left(records) - 0.15


@pytest.mark.parametrize("cause", [Cause.PREEMPTED, Cause.INFRASTRUCTURE])
def test_failures_that_are_not_the_configurations_fault_teach_nothing(cause: Cause) -> None:
    records = scattered(40)
    lost = tuple(failed(40 + i, record.params | {"x": 0.31}, cause) for i, record in enumerate(records[:20]))
    assert proposed(records + lost, 70).params == proposed(records, 70).params


def test_finalists_scored_again_teach_nothing() -> None:
    records = scattered(40)
    again = tuple(replace(record, number=40 + i, stage=Stage.SELECT, loss=-1.0) for i, record in enumerate(records[:9]))
    assert proposed(records + again, 60).params == proposed(records, 60).params


@pytest.mark.parametrize("n", [60, 2 * REST])
def test_workers_at_one_time_are_sent_apart(n: int) -> None:
    records, alone = scattered(n), TPE()

    def nearest_neighbours(share: bool) -> float:
        running: Records = ()
        for number in range(n, n + 16):
            params = proposed(records + (running if share else ()), number, strategy=alone).params
            running += (TrialRecord(number, State.RUNNING, Stage.SEARCH, params, "", "test", 0),)
        points = np.array([[r.params["x"], r.params["y"]] for r in running])
        distances = np.linalg.norm(points[:, None] - points, axis=2) + np.eye(16)
        return float(np.mean(distances.min(axis=1)))

    assert nearest_neighbours(share=True) > nearest_neighbours(share=False)


def test_a_fresh_one_and_one_that_saw_it_all_agree_in_a_long_study_with_running_trials() -> None:
    records, long_lived = list(scattered(3 * REST // 2, models, MODELS)), TPE()
    for number in range(len(records), len(records) + 6):
        params = proposed(tuple(records), number, MODELS, long_lived).params
        assert params == proposed(tuple(records), number, MODELS).params
        records.append(TrialRecord(number, State.RUNNING, Stage.SEARCH, params, "", "test", 0))
        if number % 2:
            records[number - 1] = complete(number - 1, records[number - 1].params, loss=0.1)


def test_measured_constraints_lead_to_the_best_feasible_region() -> None:
    # The bowl's bottom at (0.3, 0.6) is forbidden, as was found out by measuring: only x > 0.7 is feasible.
    records = tuple(replace(record, constraints={"x": 0.7 - record.params["x"]}) for record in scattered(60, seed=2))
    x = np.array([proposed(records, n).params["x"] for n in range(60, 90)])
    assert np.mean(x > 0.7) > 0.6
    # Where next to nothing is feasible yet, it goes to what breaks the constraint least.
    tight = tuple(replace(record, constraints={"x": 1.2 - record.params["x"]}) for record in records)
    assert np.mean([proposed(tight, n).params["x"] for n in range(60, 90)]) > 0.7


def test_declared_constraints_are_kept_exactly_however_little_they_leave() -> None:
    space = Space(x=Float(0.0, 1.0, default=0.005), k=Int(1, 9, default=9), forbid=["x > 0.02", "k < 8"])
    records = scattered(20, lambda p: p["x"], space)
    proposals = [proposed(records, n, space) for n in range(20, 40)]
    assert all(space.check(p.params) for p in proposals)
    assert any("near trial" in p.reason for p in proposals)


def test_a_finite_space_of_choices_is_searched_without_repeats_best_first() -> None:
    space = Space({f"c{i}": Categorical(list("abcd")) for i in range(4)})
    strategy = TPE()
    records: Records = ()
    for number in range(120):
        params = proposed(records, number, space, strategy).params
        records += (complete(number, params, loss=sum(value != "b" for value in params.values())),)
    assert len({space.identity(record.params) for record in records}) == 120
    assert min(record.loss for record in records if record.loss is not None) == 0
    # Of the 13 configurations within one choice of the best, nearly all are among the first half of the space.
    assert sum(record.loss is not None and record.loss <= 1 for record in records) >= 11


def test_several_objectives_spread_along_the_front() -> None:
    plan = replace(PLAN, objectives=(Objective("a"), Objective("b")))
    space = Space({f"x{i}": Float(0.0, 1.0) for i in range(4)})

    def dominated(strategy: Strategy, seed: int) -> float:
        records: Records = ()
        for number in range(80):
            proposal = strategy.propose(History(plan, space, records), Key(seed, number))
            assert isinstance(proposal, Proposal)
            x = np.array(list(proposal.params.values()))
            a, away = x[0], 1.0 + 3.0 * float(np.mean(x[1:]))
            records += (complete(number, proposal.params, a=a, b=away * (1.0 - np.sqrt(a / away))),)
        return hypervolume([[r.metrics["a"].mean, r.metrics["b"].mean] for r in records], [1.1, 3.0])

    tpe, random = (np.mean([dominated(each, seed) for seed in range(3)]) for each in (TPE(), Random()))
    assert tpe > random + 0.15


def test_dials_that_the_objective_declares_later_join_in() -> None:
    grown = SQUARE.with_parameter("z", Float(0.0, 1.0))
    old = scattered(30)
    new = tuple(
        complete(30 + i, params, loss=bowl(params) + params["z"] - 1.0)
        for i, params in enumerate(grown.draw(Key(4, i)) for i in range(40))
    )
    strategy = TPE()
    assert set(proposed(old, 30, SQUARE, strategy).params) == {"x", "y"}
    z = [proposed(old + new, n, grown, strategy).params["z"] for n in range(70, 110)]
    assert np.mean(z) < 0.4


def test_a_prior_goes_on_pulling_where_the_losses_say_nothing() -> None:
    space = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0, prior=Normal(0.9, 0.05)))
    flat = tuple(complete(i, {"x": i / 30, "y": (7 * i % 30) / 30}, loss=i / 30) for i in range(30))
    plain = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
    pulled, free = (
        np.mean([proposed(flat, n, each).params["y"] > 0.8 for n in range(30, 60)]) for each in (space, plain)
    )
    assert pulled > free + 0.1
