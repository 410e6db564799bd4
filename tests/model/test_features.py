"""Features: different configurations differ, inactive dials cannot leak, kernels stay positive definite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialist.model.features import Features
from trialist.model.points import Points
from trialist.numerics.gp import Fit, Posterior, matern
from trialist.space.condition import above, below
from trialist.space.cube import Cube
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space


@st.composite
def trees(draw: st.DrawFn) -> Space:
    """Random trees of conditions: each dial may hang on any one before it."""
    dials: dict[str, Categorical | Float | Int] = {}
    for i in range(draw(st.integers(2, 7))):
        when = None
        if dials and draw(st.booleans()):
            parent = draw(st.sampled_from(list(dials)))
            of = dials[parent]
            if isinstance(of, Categorical):
                when = {parent: draw(st.sampled_from(of.choices))}
            else:
                middle = 0.5 * (of.low + of.high)
                when = {parent: draw(st.sampled_from([above(middle), below(middle)]))}
        kind = draw(st.sampled_from(["number", "whole", "choice", "only", "ordered"]))
        made: dict[str, Categorical | Float | Int] = {
            "number": Float(-1.0, 3.0, when=when),
            "whole": Int(1, 9, log=True, when=when),
            "choice": Categorical(["a", "b", "c"], when=when),
            "only": Categorical(["this"], when=when),
            "ordered": Categorical([1, 2, 4], ordered=True, when=when),
        }
        dials[f"d{i}"] = made[kind]
    return Space(dials)


many = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 10**6)


@many
@given(trees(), seeds)
def test_inactive_dials_do_not_leak_and_configurations_are_told_apart(space: Space, seed: int) -> None:
    rng, features = np.random.default_rng(seed), Features(Cube(space))
    points = Points.of(features, rng.random((12, len(space))))
    altered = Points.of(features, np.where(points.active, points.rows, rng.random(points.rows.shape)))
    assert np.array_equal(points.X, altered.X)
    identities = [space.identity(space.decode(row.tolist())) for row in points.rows]
    for i in range(12):
        for j in range(i):
            assert (np.abs(points.X[i] - points.X[j]).max(initial=0.0) < 1e-9) == (identities[i] == identities[j])


@many
@given(trees(), seeds, st.sampled_from([1.5, 2.5]))
def test_kernels_are_positive_semidefinite(space: Space, seed: int, smoothness: float) -> None:
    rng, features = np.random.default_rng(seed), Features(Cube(space))
    X = Points.of(features, rng.random((25, len(space)))).X
    lengths = np.exp(rng.normal(0.0, 1.0, features.layout(smoothness).lengths))[features.group]
    K = matern((((X[:, None] - X) / lengths) ** 2).sum(-1), smoothness)
    assert np.linalg.eigvalsh(K).min() > -1e-9
    assert (np.diag(K) == 1.0).all() and K.max() <= 1.0


def test_what_a_process_predicts_does_not_move_with_inactive_coordinates() -> None:
    space = Space(kind=Categorical(["a", "b"]), x=Float(0.0, 1.0), y=Float(0.0, 1.0, when={"kind": "b"}))
    rng, features = np.random.default_rng(0), Features(Cube(space))
    data, at = Points.of(features, rng.random((10, 3))), rng.random((40, 3))
    layout = features.layout(2.5)
    process = Posterior(Fit(np.full(layout.size, -0.3), 0.0, layout), data.X, rng.standard_normal(10))
    first = process.predict(Points.of(features, at).X)
    at[:, 2] = np.where(at[:, 0] < 0.5, rng.random(40), at[:, 2])
    assert np.array_equal(first, process.predict(Points.of(features, at).X))
    at[:, 2] = rng.random(40)
    assert not np.allclose(first, process.predict(Points.of(features, at).X))


def test_two_choices_lie_at_distance_one_whichever_they_are() -> None:
    space = Space(kind=Categorical(list("abcde")))
    features = Features(Cube(space))
    X = Points.of(features, features.cube.encode([{"kind": k} for k in "abcde"])).X
    distances = ((X[:, None] - X) ** 2).sum(-1)
    assert distances == pytest.approx(1.0 - np.eye(5))


def test_an_inactive_choice_is_like_none_of_its_choices() -> None:
    space = Space(kind=Categorical(["a", "b"]), child=Categorical([1, 2, 3], when={"kind": "b"}))
    features = Features(Cube(space))
    given = [{"kind": "a"}, *({"kind": "b", "child": c} for c in (1, 2, 3))]
    X = Points.of(features, features.cube.encode(given)).X
    assert ((X[1:] - X[0]) ** 2).sum(axis=1) == pytest.approx([2.0, 2.0, 2.0])


def test_derivatives_come_back_to_their_dials_alone() -> None:
    space = Space(kind=Categorical(["a", "b", "c"]), x=Float(0.0, 1.0), n=Int(1, 9, when={"x": above(0.5)}))
    features = Features(Cube(space))
    rows = np.random.default_rng(1).random((6, 3))
    points = Points.of(features, rows)
    weights = np.arange(1.0, points.X.shape[1] + 1.0)
    back = features.back(np.tile(weights, (6, 1)))
    moved = points.rows.copy()
    moved[:, 1] += 1e-3  # activity does not change by so little
    change = (features(moved, points.active) - points.X) @ weights / 1e-3
    assert back[:, 1] == pytest.approx(change)
    assert (back[:, 0] == 0.0).all()


def test_a_dial_of_two_values_is_not_warped_and_one_of_a_single_value_is_no_column() -> None:
    space = Space(x=Float(0.0, 1.0), two=Int(1, 2), one=Int(3, 3), kind=Categorical(["a", "b"]))
    features = Features(Cube(space))
    layout = features.layout(2.5)
    assert layout.lengths == 3 and len(layout.group) == 4
    assert len(layout.warped) == 1 and not len(features.layout(2.5, warp=False).warped)
