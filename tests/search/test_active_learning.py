"""Where a trial tells most of the whole space: what it takes away of the variance, and when a search asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from trialist.model.evidence import Evidence, Witness, loss_values
from trialist.model.points import Points
from trialist.model.surrogate import Fitted, Surrogate
from trialist.numerics.keys import Key
from trialist.protocols import Strategy
from trialist.search.active_learning import _lessened, most_informative
from trialist.search.bayesian import Bayesian, Settings
from trialist.search.design import Random
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Proposal, Score, State, TrialRecord

Loss = Callable[[Mapping[str, Any]], float]

PLAN = Plan("active", (Objective("loss"),), seed=5, budget=Budget(trials=40))
SQUARE = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
MIXED = Space(
    rate=Float(1e-4, 1.0, log=True),
    kind=Categorical(["a", "b", "c"]),
    slope=Float(0.0, 1.0, when={"kind": "b"}),
    depth=Int(1, 9),
    require=["depth + slope <= 8"],
)


def bowl(params: Mapping[str, Any]) -> float:
    return float((params["x"] - 0.3) ** 2 + 2.0 * (params["y"] - 0.7) ** 2)


def told(
    space: Space, loss: Loss, trials: int, strategy: Strategy | None = None, within: float = 1.0
) -> tuple[TrialRecord, ...]:
    """Trials of a strategy, by default at random; within: of a square, the lower share of each side, where they are."""
    strategy, records = strategy or Random(), list[TrialRecord]()
    for number in range(trials):
        found = strategy.propose(History(PLAN, space, tuple(records)), Key(5, number))
        assert isinstance(found, Proposal)
        params = {name: within * value for name, value in found.params.items()} if within < 1.0 else found.params
        y = loss(params)
        made = TrialRecord(number, State.COMPLETE, found.stage, params, found.reason, found.strategy, number)
        records.append(replace(made, loss=y, metrics={"loss": Score((y,))}))
    return tuple(records)


def known(space: Space, records: tuple[TrialRecord, ...]) -> tuple[Evidence, list[Fitted]]:
    evidence = Witness().evidence(History(PLAN, space, records))
    surrogate, X, losses = Surrogate(), evidence.looks.X, evidence.looks.losses
    return evidence, [surrogate.fitted(X, losses, evidence.features.layout(nu), loss_values) for nu in (2.5, 1.5)]


def proposal(
    records: tuple[TrialRecord, ...], number: int, plan: Plan = PLAN, space: Space = SQUARE, **settings: Any
) -> Proposal:
    strategy = Bayesian(Settings(**{"active_learning": True, **settings}))
    found = strategy.propose(History(plan, space, records), Key(plan.seed, number))
    assert isinstance(found, Proposal)
    return found


# Where


def test_what_is_taken_away_is_what_a_score_there_takes_away() -> None:
    evidence, (fitted, _) = known(SQUARE, told(SQUARE, bowl, 12))
    rng = np.random.default_rng(0)
    points, space = (Points.of(evidence.features, rng.random((n, 2))) for n in (6, 50))
    before = fitted.posterior.predict(space.X)[1].mean()
    after = [fitted.posterior.conditioned(x[None]).predict(space.X)[1].mean() for x in points.X]
    shares = _lessened(fitted, points.X[:0], points.X, space.X)
    np.testing.assert_allclose(shares, 1.0 - np.array(after) / before, rtol=1e-3, atol=1e-5)


def test_what_still_runs_is_not_to_be_learnt_again() -> None:
    evidence, (fitted, _) = known(SQUARE, told(SQUARE, bowl, 12, within=0.3))
    points = Points.of(evidence.features, np.array([[0.8, 0.8], [0.1, 0.9]]))
    space = Points.of(evidence.features, np.random.default_rng(0).random((200, 2)))
    alone = _lessened(fitted, points.X[:0], points.X, space.X)
    beside = _lessened(fitted, points.X[:1], points.X, space.X)
    assert beside[0] < 0.5 * alone[0]
    assert beside[1] > beside[0]


def test_a_crowd_in_one_corner_is_left() -> None:
    evidence, models = known(SQUARE, told(SQUARE, bowl, 20, within=0.3))
    row = most_informative(evidence.features, models, evidence.pending, [], np.random.default_rng(1), set(), None)
    assert row is not None
    assert max(row) > 0.5


def test_points_are_canonical_allowed_and_new() -> None:
    evidence, models = known(MIXED, told(MIXED, lambda p: p["depth"] + p.get("slope", 0.0), 16))
    cube = evidence.features.cube
    for seed in range(5):
        rng = np.random.default_rng(seed)
        row = most_informative(evidence.features, models, evidence.pending, [], rng, evidence.taken, None)
        assert row is not None
        np.testing.assert_array_equal(cube.canonical(row[None])[0][0], row)
        assert cube.allowed(row[None])[0]


def test_where_nothing_is_new_nothing_is_told() -> None:
    space = Space(kind=Categorical(["a", "b", "c"]), depth=Int(1, 2))
    evidence, models = known(space, told(space, lambda p: float(p["depth"]), 6))
    assert len(evidence.taken) == 6
    rng = np.random.default_rng(0)
    assert most_informative(evidence.features, models, evidence.pending, [], rng, evidence.taken, None) is None


# When


def stalled(trials: int = 24) -> tuple[TrialRecord, ...]:
    """Nothing gained after the first trial, and no noise to learn."""
    records = told(SQUARE, bowl, trials)
    losses = [0.0, *(1.0 + record.loss for record in records[1:] if record.loss is not None)]
    return tuple(replace(r, loss=y, metrics={"loss": Score((y,))}) for r, y in zip(records, losses, strict=True))


TELLS = "explores: hardly a gain in 12 trials, so where most is learnt: loss "


def test_a_stalled_search_spends_trials_of_the_largest_margin_on_the_whole_space() -> None:
    reasons = {number: proposal(stalled(), number).reason for number in range(24, 28)}
    assert [number for number, reason in reasons.items() if reason.startswith(TELLS)] == [27], reasons
    assert proposal(stalled(), 27).foretold is not None
    assert "TPE is asked" in proposal(stalled(), 27, active_learning=False).reason


def test_only_the_later_half_of_a_budget_is_spent_and_not_its_last_tenth() -> None:
    for trials, is_spent in ((60, False), (44, True), (26, False), (None, False)):
        reason = proposal(stalled(), 27, replace(PLAN, budget=Budget(trials=trials))).reason
        assert reason.startswith(TELLS) == is_spent, (trials, reason)


def test_a_search_that_gains_spends_none() -> None:
    records = stalled()
    gains = (*records[:-2], replace(records[-2], loss=-1.0, metrics={"loss": Score((-1.0,))}), records[-1])
    assert "learnt" not in proposal(gains, 27).reason


def test_of_scores_in_a_few_steps_a_process_learns_little_and_tpe_is_asked() -> None:
    stepped = tuple(
        replace(r, loss=y, metrics={"loss": Score((y,))})
        for r in stalled()
        for y in [round(4.0 * (r.loss or 0.0)) / 4.0]
    )
    assert "TPE is asked" in proposal(stepped, 27).reason


def test_a_search_of_a_front_spends_none() -> None:
    plan = replace(PLAN, objectives=(Objective("loss"), Objective("size")))
    records = tuple(replace(r, metrics={**r.metrics, "size": Score((r.params["x"],))}) for r in stalled())
    assert "learnt" not in proposal(records, 27, plan).reason
