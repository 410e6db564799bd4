"""What was foretold of a trial before it ran goes with its proposal, where a process made it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import trialist as tl
from trialist.numerics.keys import Key
from trialist.search.bayesian import Bayesian
from trialist.search.design import Random
from trialist.search.tpe import TPE
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import Exhausted, Proposal, Score, State, TrialRecord

SQUARE = Space(x=tl.Float(0.0, 1.0), y=tl.Float(0.0, 1.0))
LOSS = Plan("told", (Objective("loss"),), seed=3)
TWO = replace(LOSS, objectives=(Objective("loss"), Objective("speed", Direction.MAXIMIZE)))


def metrics_of(params: Any, plan: Plan) -> dict[str, Score]:
    loss = (params["x"] - 0.3) ** 2 + 2.0 * (params["y"] - 0.7) ** 2
    values = {"loss": loss, "speed": 1000.0 + params["x"]}
    return {o.name: Score((values.get(o.name, loss + i),)) for i, o in enumerate(plan.objectives)}


def scored(number: int, proposal: Proposal, plan: Plan) -> TrialRecord:
    found = metrics_of(proposal.params, plan)
    loss = plan.objective.loss(found[plan.objective.name].mean)
    stage, params, reason, strategy = proposal.stage, proposal.params, proposal.reason, proposal.strategy
    return TrialRecord(number, State.COMPLETE, stage, params, reason, strategy, number, metrics=found, loss=loss)


def history(plan: Plan, trials: int) -> History:
    records: list[TrialRecord] = []
    for number in range(trials):
        found = Random().propose(History(plan, SQUARE, tuple(records)), Key(plan.seed, number))
        assert isinstance(found, Proposal)
        records.append(scored(number, found, plan))
    return History(plan, SQUARE, tuple(records))


def proposal(seen: History, strategy: Any = None) -> Proposal:
    found = (strategy or Bayesian()).propose(seen, Key(seen.plan.seed, len(seen)))
    assert not isinstance(found, Exhausted)
    return found


def test_a_smooth_loss_is_foretold_closely_and_the_trials_that_were_known_are_counted() -> None:
    found = proposal(history(LOSS, 20))
    assert found.foretold is not None and found.foretold.trials == 20
    came = metrics_of(found.params, LOSS)["loss"].mean
    assert found.foretold.median("loss") == pytest.approx(came, abs=0.02)
    low, high = found.foretold.interval("loss")
    inner = found.foretold.middle("loss")
    assert low <= inner[0] <= found.foretold.median("loss") <= inner[1] <= high


def test_each_of_two_objectives_is_foretold_in_its_own_sign() -> None:
    found = proposal(history(TWO, 20))
    assert found.foretold is not None and list(found.foretold.quantiles) == ["loss", "speed"]
    assert found.foretold.median("speed") == pytest.approx(1000.0 + found.params["x"], abs=0.1)


@pytest.mark.parametrize("strategy", [Random(), TPE()], ids=["random", "tpe"])
def test_what_models_no_score_foretells_none(strategy: Any) -> None:
    assert proposal(history(LOSS, 20), strategy).foretold is None


def test_before_there_is_a_model_nothing_is_foretold() -> None:
    assert proposal(history(LOSS, 3)).foretold is None


def test_of_weighted_objectives_nothing_is_foretold() -> None:
    many = replace(LOSS, objectives=tuple(Objective(name) for name in ("loss", "a", "b", "c")))
    assert proposal(history(many, 12)).foretold is None


def test_a_fresh_strategy_foretells_what_a_long_lived_one_does() -> None:
    seen, old = history(LOSS, 16), Bayesian()
    for until in (8, 12, 14):
        proposal(History(LOSS, SQUARE, seen.records[:until]), old)
    assert proposal(seen, old).foretold == proposal(seen).foretold is not None


def test_the_study_keeps_what_was_foretold_beside_what_came() -> None:
    with tl.Study.create(
        SQUARE, minimize="loss", budget=12, strategy="gp", stopping="none", store="memory", name="kept", seed=1
    ) as study:
        study.optimize(lambda trial: metrics_of(trial.params, LOSS)["loss"].mean)
        told = [record.foretold for record in study.history]
    assert told[:4] == [None] * 4  # the default, and a few even points
    later = [each for each in told[4:] if each is not None]
    assert len(later) >= 7 and [each.trials for each in later] == sorted(each.trials for each in later)
    assert all(each.trials < 12 for each in later)
