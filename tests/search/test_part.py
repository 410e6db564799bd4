"""A part of a space as a rule on rows: it agrees with what the narrowed space itself says of each configuration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trialist.errors import SpaceError
from trialist.numerics.keys import Key
from trialist.search.bayesian import Bayesian
from trialist.search.design import Sobol
from trialist.search.part import inside
from trialist.space.cube import Cube
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.testing.strategies import PLAN, played
from trialist.trials.history import History
from trialist.trials.trial import Proposal

SPACE = Space(
    rate=Float(1e-4, 1.0, log=True),
    units=Int(1, 64, log=True),
    drop=Float(0.0, 0.9, step=0.1),
    solver=Categorical(["adam", "lion", "sgd"]),
    size=Categorical([1, 2, 4, 8], ordered=True),
    momentum=Float(0.0, 0.99, when={"solver": "sgd"}),
)


def is_inside(part: Space, params: dict[str, object]) -> bool:
    try:
        part.check(params)
    except SpaceError:
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    units=st.tuples(st.integers(1, 64), st.integers(1, 64)).map(sorted),
    drop=st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5]), st.sampled_from([0.5, 0.6, 0.9])),
    solvers=st.sets(st.sampled_from(["adam", "lion", "sgd"]), min_size=1).map(sorted),
    sizes=st.sets(st.sampled_from([1, 2, 4, 8]), min_size=1).map(sorted),
    momentum=st.tuples(st.floats(0.0, 0.4), st.floats(0.5, 0.99)),
)
def test_the_rule_agrees_with_the_space(
    seed: int,
    units: list[int],
    drop: tuple[float, float],
    solvers: list[str],
    sizes: list[int],
    momentum: tuple[float, float],
) -> None:
    part = SPACE.narrowed(
        {"rate": (1e-3, 0.2), "units": units, "drop": drop, "solver": solvers, "size": sizes, "momentum": momentum}
    )
    cube = Cube(SPACE)
    rows, _ = cube.canonical(np.random.default_rng(seed).random((100, len(SPACE))))
    expected = [is_inside(part, cube.decode(row)) for row in rows]
    assert inside(cube, part)(rows).tolist() == expected


def test_the_whole_space_is_a_part_of_it() -> None:
    cube = Cube(SPACE)
    assert inside(cube, SPACE)(cube.canonical(np.random.default_rng(0).random((50, len(SPACE))))[0]).all()


def test_gp_keeps_to_the_part_until_nothing_in_it_is_new() -> None:
    space = Space(x=Int(1, 6), y=Int(1, 6))
    part = space.narrowed({"x": (3, 4), "y": (2, 3)})
    history = played(Sobol(), space, 12)
    left = 4 - sum(is_inside(part, dict(r.params)) for r in history)
    assert left > 0
    strategy = Bayesian(within=part)
    inner = []
    for number in range(12, 12 + left + 3):
        proposal = strategy.propose(history, Key(PLAN.seed, number))
        assert isinstance(proposal, Proposal)
        inner.append(is_inside(part, dict(proposal.params)))
        record = replace(history.records[-1], number=number, params=proposal.params, strategy="gp")
        history = History(PLAN, space, (*history.records, record))
    assert inner == [True] * left + [False] * 3
