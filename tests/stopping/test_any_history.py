"""Whatever a history holds, rules give an answer: mixed and finite spaces, failures, ties, losses of any size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialist.numerics.keys import Key
from trialist.space.space import Space
from trialist.stopping.rules import Rules
from trialist.testing.strategies import PLAN, SPACES
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.plan import Objective
from trialist.trials.stopping import Emmr, Plateau, Regret, Stopping, Target, Worth
from trialist.trials.trial import Report, Score, Stage, State, TrialRecord

EVERY = (Target(-1e305), Plateau(40), Regret(), Emmr(), Worth(1e-300), Worth(1e300, "trial"))
LOSSES = {
    "ties": lambda rng, n: rng.integers(0, 3, n).astype(float),
    "one value but for a few": lambda rng, n: np.where(np.arange(n) % 9 == 4, rng.random(n), 0.5),
    "huge": lambda rng, n: 1e300 * rng.standard_normal(n),
    "tiny": lambda rng, n: 1e-300 * rng.standard_normal(n),
    "of all sizes": lambda rng, n: rng.standard_normal(n) * 10.0 ** rng.integers(-300, 300, n),
    "close together far from 0": lambda rng, n: 1e9 + 1e-6 * rng.standard_normal(n),
}
sizes = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 1e-300, 1e300, -1e300]),
    st.floats(-10, 10),
    st.floats(allow_nan=False, allow_infinity=False),
)


def trial(space: Space, number: int, loss: float, state: State = State.COMPLETE) -> TrialRecord:
    scored = state is State.COMPLETE
    return TrialRecord(
        number, state, Stage.SELECT if number % 17 == 16 else Stage.SEARCH, space.draw(Key(3, number)), "", "test", 0,
        metrics={"loss": Score((loss,))} if scored else {}, loss=loss if scored else None,
        reports=() if scored or number % 2 else (Report(1, loss),), seconds=60.0,
        constraints={"gb": loss} if number % 3 else {},
    )  # fmt: skip


@pytest.mark.parametrize("space", SPACES, ids=["mixed", "finite", "forbidden"])
@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES.keys())
def test_every_rule_answers(space: Space, losses: Callable[[np.random.Generator, int], np.ndarray]) -> None:
    """Also beside trials that were stopped, failed, paused or still run."""
    states = [*[State.COMPLETE] * 8, State.STOPPED, State.FAILED, State.PAUSED, State.RUNNING]
    values = losses(np.random.default_rng(0), 55).tolist()
    records = tuple(trial(space, i, loss, states[i % len(states)]) for i, loss in enumerate(values))
    rules, plan = Rules(), replace(PLAN, budget=Budget())
    for rule in EVERY:
        ending = rules.ending(History(replace(plan, stopping=Stopping((rule,))), space, records))
        assert ending is None or (ending.reason and not math.isnan(ending.statistic))
        left = ending.left if ending else rules.left(History(plan, space, records))
        assert left is None or 0.0 <= left.gain <= left.most


@given(st.lists(st.tuples(sizes, sizes), min_size=1, max_size=40))
@example([(0.0, 0.0)] * 3 + [(-171.0, 1e300)] + [(0.0, 0.0)] * 2 + [(6.5, -1.0)] + [(0.0, 0.0)] * 6)
def test_several_objectives_have_targets_and_plateaus_alone(pairs):
    plan = replace(PLAN, objectives=(Objective("loss"), Objective("time")), stopping=Stopping((Plateau(9, 0.01),)))
    records = tuple(
        replace(trial(SPACES[0], i, a), metrics={"loss": Score((a,)), "time": Score((b,))})
        for i, (a, b) in enumerate(pairs)
    )
    history = History(plan, SPACES[0], records)
    ending = Rules().ending(history)
    assert ending is None or 0.0 <= ending.statistic <= 0.01
    assert Rules().left(history) is None and Rules().advice(history) is None
