"""Evolution: the contract, several objectives, constraints and failures, and that it finds what random draws do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from trialist.numerics.hypervolume import hypervolume
from trialist.numerics.keys import Key
from trialist.protocols import Strategy
from trialist.search.design import Random
from trialist.search.evolution import Evolution
from trialist.space.parameter import Categorical, Float, Int, Normal
from trialist.space.space import Space
from trialist.testing.strategies import STRATEGY_CLAIMS
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Exhausted, Proposal, Score, Stage, State, TrialRecord

Params = Mapping[str, Any]
SPACE = Space(
    x=Float(0.0, 1.0),
    width=Int(1, 64, log=True),
    kind=Categorical(["a", "b", "c"]),
    y=Float(0.0, 1.0, when={"kind": ["b", "c"]}),
    forbid=["x > 0.9 and width > 32"],
)


def conflict(params: Params) -> list[float]:
    """Wide is accurate and slow; the better kind has a dial of its own."""
    loss = 1 / params["width"] + {"a": 0.4, "b": 0.0, "c": 0.2}[params["kind"]] + (params["x"] - 0.3) ** 2
    return [loss + (params.get("y", 0.5) - 0.7) ** 2, params["width"] / 64 + params["x"] / 10]


def plan_of(m: int, trials: int | None = None, seed: int = 0) -> Plan:
    return Plan("evolution", tuple(Objective(f"f{i}") for i in range(m)), Budget(trials=trials), seed=seed)


def record(number: int, proposal: Proposal, losses: list[float] | None, **more: Any) -> TrialRecord:
    metrics = {} if losses is None else {f"f{i}": Score((float(loss),)) for i, loss in enumerate(losses)}
    return TrialRecord(
        number=number,
        state=State.FAILED if losses is None else State.COMPLETE,
        stage=proposal.stage,
        params=proposal.params,
        reason=proposal.reason,
        strategy=proposal.strategy,
        seed=number,
        metrics=metrics,
        loss=None if losses is None else losses[0],
        **more,
    )


def played(
    strategy: Strategy,
    objective: Callable[[Params], list[float] | None],
    m: int,
    trials: int,
    seed: int = 0,
    space: Space = SPACE,
    measured: Callable[[Params], dict[str, float]] = lambda params: {},
) -> tuple[TrialRecord, ...]:
    plan, records = plan_of(m, seed=seed), ()
    for number in range(trials):
        proposal = strategy.propose(History(plan, space, records), Key(seed, number))
        assert isinstance(proposal, Proposal)
        given = record(number, proposal, objective(proposal.params), constraints=measured(proposal.params))
        records = (*records, given)
    return records


def volume(records: tuple[TrialRecord, ...], reference: list[float]) -> float:
    return hypervolume([[s.mean for s in r.metrics.values()] for r in records if r.is_scored], reference)


@pytest.mark.parametrize("claim", STRATEGY_CLAIMS, ids=lambda claim: claim.__name__)
def test_evolution_holds_the_contract(claim: Callable[[Callable[[], Strategy]], None]) -> None:
    claim(Evolution)


@pytest.mark.parametrize("m", [1, 2, 5])
def test_a_fresh_one_agrees_with_a_long_lived_one_whatever_the_order_of_results(m: int) -> None:
    """Eight workers, results out of order, some fail: replayed at times by a strategy that saw nothing before."""
    rng, plan, long_lived = np.random.default_rng(m), plan_of(m), Evolution()
    records: list[TrialRecord] = []
    for number in range(70):
        running = [r.number for r in records if not r.state.is_closed]
        while len(running) >= 8:
            done = running.pop(int(rng.integers(len(running))))
            losses = None if rng.random() < 0.2 else [*conflict(records[done].params), *rng.random(5)][:m]
            broken = {"size": float(rng.normal())} if rng.random() < 0.5 else {"heat": float(rng.normal())}
            proposal = Proposal(records[done].params, records[done].reason, "evolution")
            records[done] = record(done, proposal, losses, constraints=broken)
        history, key = History(plan, SPACE, tuple(records)), Key(0, number)
        proposal = long_lived.propose(history, key)
        assert isinstance(proposal, Proposal)
        if number % 7 == 0:
            assert proposal == Evolution().propose(history, key)
        records.append(replace(record(number, proposal, None), state=State.RUNNING))
    identities = [SPACE.identity(r.params) for r in records]
    assert len(set(identities)) == len(identities)
    assert all(SPACE.check(r.params) == dict(r.params) for r in records)


def test_two_objectives_gain_more_of_the_front_than_random_draws() -> None:
    reference = [1.0, 1.0]
    for seed in range(3):
        evolved = volume(played(Evolution(), conflict, 2, 120, seed), reference)
        drawn = max(volume(played(Random(), conflict, 2, 120, other), reference) for other in range(3))
        assert evolved > drawn


def test_one_objective_comes_nearer_than_random_draws() -> None:
    def loss(params: Params) -> list[float]:
        return [conflict(params)[0]]

    for seed in range(3):
        evolved, drawn = (
            min(r.loss for r in played(make(), loss, 1, 120, seed) if r.loss is not None)
            for make in (Evolution, Random)
        )
        assert evolved < drawn


def test_four_objectives_spread_to_each_of_their_best() -> None:
    space = Space({f"x{i}": Float(0.0, 1.0) for i in range(4)})

    def corners(params: Params) -> list[float]:
        x = np.array(list(params.values()))
        return [float(((x - corner) ** 2).sum()) for corner in np.eye(4)]

    reference = [1.5] * 4
    evolved = volume(played(Evolution(), corners, 4, 160, space=space), reference)
    assert evolved > volume(played(Random(), corners, 4, 160, space=space), reference)


def test_children_keep_away_from_what_fails() -> None:
    def crashes(params: Params) -> list[float] | None:
        return None if params["x"] > 0.5 else conflict(params)

    records = played(Evolution(), crashes, 2, 90)
    late = [r for r in records if r.reason.startswith("a child")]
    assert sum(r.state is State.FAILED for r in late) < 0.25 * len(late)


def test_a_measured_constraint_is_met_before_losses_count() -> None:
    """Small losses lie where the constraint is broken; the population moves to where it is not."""

    def limit(params: Params) -> dict[str, float]:
        return {"width": params["width"] - 8.0, "x": 0.6 - params["x"]}

    records = played(Evolution(), lambda params: conflict(params)[:1], 1, 120, measured=limit)
    late = records[-40:]
    assert sum(max(r.constraints.values()) <= 0 for r in late) > 20
    free = played(Evolution(), lambda params: conflict(params)[:1], 1, 120)[-40:]
    assert sum(max(limit(r.params).values()) <= 0 for r in free) < 10


def test_all_failed_goes_on_with_the_design() -> None:
    records = played(Evolution(), lambda params: None, 1, 40)
    assert all(r.reason.startswith("Sobol point") for r in records)


def test_a_prior_shapes_the_start_alone() -> None:
    space = Space(x=Float(0.0, 1.0, prior=Normal(0.9, 0.02)), y=Float(0.0, 1.0))
    records = played(Evolution(), lambda params: [params["x"] + params["y"]], 1, 80, space=space)
    start = [r.params["x"] for r in records if r.reason.startswith("Sobol")]
    assert min(start) > 0.8
    assert min(r.params["x"] for r in records) < 0.3


def test_dials_that_are_declared_on_the_way_join_in() -> None:
    space = Space(x=Float(0.0, 1.0))
    records = played(Evolution(), lambda params: [params["x"]], 1, 30, space=space)
    grown = space.with_parameter("z", Float(0.0, 1.0))
    strategy, plan = Evolution(), plan_of(1)
    for number in range(30, 80):
        proposal = strategy.propose(History(plan, grown, records), Key(0, number))
        assert isinstance(proposal, Proposal)
        records = (*records, record(number, proposal, [proposal.params["x"] + (proposal.params["z"] - 0.8) ** 2]))
    best = min(records[30:], key=lambda r: r.loss or 0.0)
    assert abs(best.params["z"] - 0.8) < 0.2


def test_a_space_without_dials_waits_for_the_objective_to_declare_them() -> None:
    proposal = Evolution().propose(History(plan_of(1), Space()), Key(0, 0))
    assert isinstance(proposal, Proposal)
    assert proposal.params == {}


def test_a_finished_space_is_exhausted_and_finalists_have_no_children() -> None:
    space = Space(kind=Categorical(["a", "b", "c"]), depth=Int(1, 4))
    records = played(Evolution(), lambda params: [params["depth"]], 1, 12, space=space)
    assert len({space.identity(r.params) for r in records}) == 12
    again = replace(records[0], number=12, stage=Stage.SELECT, repeats=0)
    assert isinstance(Evolution().propose(History(plan_of(1), space, (*records, again)), Key(0, 13)), Exhausted)


def test_a_small_budget_starts_with_a_quarter_of_it() -> None:
    plan, records = plan_of(1, trials=20), ()
    strategy = Evolution()
    for number in range(8):
        proposal = strategy.propose(History(plan, SPACE, records), Key(0, number))
        assert isinstance(proposal, Proposal)
        records = (*records, record(number, proposal, conflict(proposal.params)[:1]))
    assert [r.reason.startswith("Sobol") for r in records] == [True] * 5 + [False] * 3
