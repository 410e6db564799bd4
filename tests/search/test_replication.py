"""Replication: under noise the best is measured again, seldom enough; without noise never."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trialist.numerics.keys import Key
from trialist.search import replication
from trialist.search.bayesian import Bayesian
from trialist.search.design import Random
from trialist.space.number import Float
from trialist.space.space import Space
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Proposal, Score, State, TrialRecord

SPACE = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
PLAN = Plan("again", (Objective("loss"),), seed=3)


def bowl(params: dict[str, float]) -> float:
    return (params["x"] - 0.6) ** 2 + (params["y"] - 0.3) ** 2


def trial(number: int, proposal: Proposal, loss: float) -> TrialRecord:
    made = TrialRecord(
        number, State.COMPLETE, proposal.stage, proposal.params, proposal.reason, proposal.strategy, number
    )
    return replace(made, metrics={"loss": Score((loss,))}, loss=loss, repeats=proposal.repeats)


def study(noise: float, trials: int) -> list[TrialRecord]:
    """The first ten at random; noise: of the losses, drawn from a seed for each trial."""
    records: list[TrialRecord] = []
    for number in range(trials):
        strategy = Random() if number < 10 else Bayesian()
        proposal = strategy.propose(History(PLAN, SPACE, tuple(records)), Key(PLAN.seed, number))
        assert isinstance(proposal, Proposal)
        loss = bowl(dict(proposal.params)) + noise * np.random.default_rng(number).standard_normal()
        records.append(trial(number, proposal, float(loss)))
    return records


def test_under_noise_the_best_is_measured_again_and_mostly_new_points_are() -> None:
    records = study(0.1, 40)
    again = [r for r in records if r.repeats is not None]
    assert 2 <= len(again) <= replication.SHARE * len(records)
    for r in again:
        assert r.params == records[r.repeats or 0].params
        assert r.reason.startswith(f"trial {r.repeats} again")
        # It is among the better ones that were known then.
        assert bowl(dict(r.params)) < np.median([bowl(dict(before.params)) for before in records[: r.number]])


def test_without_noise_nothing_is_measured_again() -> None:
    assert not any(r.repeats is not None for r in study(0.0, 24))


def next_one(records: list[TrialRecord], plan: Plan = PLAN) -> Proposal:
    """At a number at which the least margin has its turn."""
    proposal = Bayesian().propose(History(plan, SPACE, tuple(records)), Key(PLAN.seed, 1000))
    assert isinstance(proposal, Proposal)
    return proposal


def test_what_scores_the_same_again_or_is_being_measured_is_not_measured_once_more() -> None:
    records = study(0.1, 40)
    until = next(i for i in range(12, 40) if next_one(records[:i]).repeats is not None)
    known, wanted = records[:until], next_one(records[:until])
    first = known[wanted.repeats or 0]

    same = [*known, trial(until, wanted, first.loss or 0.0)]
    assert next_one(same).repeats is None
    other = [*known, trial(until, wanted, 2.0 + (first.loss or 0.0))]
    assert next_one(other).params != wanted.params
    waiting = replace(trial(until, wanted, 0.0), state=State.RUNNING, metrics={}, loss=None)
    assert next_one([*known, waiting]).repeats != wanted.repeats


def test_repeats_beyond_their_share_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    records = study(0.1, 40)
    until = max(i for i in range(12, 40) if next_one(records[:i]).repeats is not None)
    repeats = sum(r.repeats is not None for r in records[:until])
    assert repeats
    monkeypatch.setattr(replication, "SHARE", repeats / until)
    assert next_one(records[:until]).repeats is None


def test_a_budget_that_covers_a_finite_space_tries_all_of_it_first() -> None:
    space = Space(x=Float(0.0, 1.0, step=0.05))
    plan = replace(PLAN, budget=Budget(trials=40))
    records: list[TrialRecord] = []
    for number in range(21):
        strategy = Random() if number < 6 else Bayesian()
        proposal = strategy.propose(History(plan, space, tuple(records)), Key(5, number))
        assert isinstance(proposal, Proposal) and proposal.repeats is None
        noise = 0.3 * np.random.default_rng(number).standard_normal()
        records.append(trial(number, proposal, float((proposal.params["x"] - 0.6) ** 2 + noise)))
    assert len({r.params["x"] for r in records}) == 21
