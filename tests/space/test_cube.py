"""The space as arrays: whatever `Space` says of one configuration, the cube says of many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trialist.space.condition import above, below, between
from trialist.space.cube import Cube
from trialist.space.parameter import Categorical, Float, Int, Normal
from trialist.space.space import Space

FORBID = [(), "x > 0.9", ("x + y > 1.7", "ordered == 'mid' and kind != 'a'")]


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Every kind of dial; conditions by category, above, below, between, and nested three deep."""
    log = draw(st.booleans())
    dials = {
        "x": Float(0.0, 1.0, prior=draw(st.sampled_from([None, Normal(0.8, 0.1), Normal(-3.0, 0.5)]))),
        "kind": Categorical(["a", "b", 3, None], prior=draw(st.sampled_from([None, [1, 2, 3, 4]]))),
        "one": Categorical(["only"], when={"kind": ["a", "b"]}),
        "fixed": Int(7, 7),
        "ordered": Categorical(["low", "mid", "high"], ordered=True),
        "whole": Int(1, draw(st.sampled_from([2, 5, 60])), log=log, when={"kind": ["a", 3]}),
        "rate": Float(1e-5, 1.0, log=True, when={"ordered": ["mid", "high"]}),
        "step": Float(-1.0, 1.0, step=0.2, when={"x": between(0.2, 0.7)}),
        "y": Float(0.0, 1.0, when={"step": above(0.0), "kind": ["a", "b", 3]}),
        "deep": Int(0, 10, step=5, when={"whole": below(2)}),
        "deepest": Categorical([True, False], when={"deep": above(3)}),
        "small": Int(1, 3, when={"rate": above(1e-3)}),
        "edge": Float(0.0, 1.0, when={"small": between(2, 3)}),
    }
    names = draw(st.permutations(list(dials)))
    return Space({name: dials[name] for name in names}, forbid=draw(st.sampled_from(FORBID)))


def rows(space: Space, seed: int, n: int = 12) -> np.ndarray:
    """Corners and edges of shares included."""
    rng = np.random.default_rng(seed)
    U = rng.random((n, len(space)))
    on_grid = rng.random(U.shape) < 0.3
    return np.where(on_grid, rng.integers(0, 13, U.shape) / 12.0, U)


many = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 10**6)


@many
@given(spaces(), seeds)
def test_canonical_rows_are_what_the_space_decodes_and_encodes(space: Space, seed: int) -> None:
    cube, U = Cube(space), rows(space, seed)
    canonical, active = cube.canonical(U)
    again, still = cube.canonical(canonical)
    assert np.array_equal(canonical, again) and np.array_equal(active, still)
    configurations = [space.decode(u.tolist()) for u in U]
    for row, u_active, params in zip(canonical, active, configurations, strict=True):
        decoded = cube.decode(row)
        assert tuple(decoded) == tuple(params) == space.active(params)
        assert [name for name, is_active in zip(space.names, u_active, strict=True) if is_active] == list(params)
        assert space.identity(decoded) == space.identity(params)
        assert not space.allows(params) or space.check(decoded) == decoded
    encoded = cube.encode(configurations)
    assert encoded == pytest.approx(canonical, abs=1e-9)
    assert (encoded[~active] == 0.5).all()
    told_again = cube.encode([cube.decode(row) for row in encoded])
    assert cube.identities(encoded) == cube.identities(told_again)


@many
@given(spaces(), seeds)
def test_constraints_and_identities_agree_with_the_space(space: Space, seed: int) -> None:
    cube, U = Cube(space), rows(space, seed, 20)
    U[10:] = U[:10]  # the second half differs from the first in one dial, or not at all
    which = np.random.default_rng(seed).integers(cube.d, size=10)
    U[np.arange(10, 20), which] = np.random.default_rng(seed + 1).integers(0, 5, 10) / 4.0
    canonical, _ = cube.canonical(U)
    params = [space.decode(u.tolist()) for u in U]
    assert cube.allowed(canonical).tolist() == [space.allows(each) for each in params]
    ours, theirs = cube.identities(canonical), [space.identity(each) for each in params]
    for i in range(10):
        assert (ours[i] == ours[i + 10]) == (theirs[i] == theirs[i + 10])
    assert len(set(ours)) == len(set(theirs))


@many
@given(spaces(), seeds)
def test_levels_are_all_values_in_turn(space: Space, seed: int) -> None:
    cube = Cube(space)
    for j, (_, dial) in enumerate(space.items()):
        if cube.counts[j]:
            values = [dial.decode(u) for u in cube.levels(j)]
            assert len(values) == len(set(values)) == cube.counts[j] == dial.size
            assert cube.levels(j) == pytest.approx([dial.encode(value) for value in values], abs=1e-9)
            assert (np.diff(cube.levels(j)) > 0.0).all()


@many
@given(spaces(), seeds)
def test_neighbours_differ_in_one_finite_dial(space: Space, seed: int) -> None:
    cube = Cube(space)
    row, active = (a[0] for a in cube.canonical(rows(space, seed, 1)))
    near = cube.neighbours(row)
    changed = np.abs(near - row) > 1e-9
    assert (changed.sum(axis=1) == 1).all()
    assert not changed[:, ~active].any() and not changed[:, cube.counts == 0].any()
    for j in np.flatnonzero(active):
        around, count = near[changed[:, j], j], int(cube.counts[j])
        if cube.categorical[j]:
            assert len(around) == count - 1
        elif count:
            place = int(np.abs(cube.levels(j) - row[j]).argmin())
            beside = [i for i in (place - 1, place + 1) if 0 <= i < count]
            assert sorted(around) == pytest.approx(cube.levels(j)[beside].tolist(), abs=1e-9)
        else:
            assert not len(around)


@pytest.mark.parametrize(
    "dial",
    [
        Float(0.0, 1.0, prior=Normal(0.8, 0.1)),
        Float(0.0, 1.0, prior=Normal(-2.0, 0.5)),  # its tail alone
        Float(1e-5, 1e-1, log=True, prior=Normal(1e-3, 10.0)),
        Int(1, 100, log=True, prior=Normal(20, 3.0)),
        Int(0, 10, prior=Normal(3, 2)),
        Categorical(["a", "b", "c"], prior=[5, 1, 2]),
        Float(0.0, 1.0),
    ],
    ids=str,
)
def test_draws_through_priors_have_the_quantiles_of_the_space(dial: Float | Int | Categorical) -> None:
    space = Space(dial=dial)
    drawn = Cube(space).from_prior(np.random.default_rng(1), 4000)[0][:, 0]
    even = (np.arange(4000) + 0.5) / 4000
    expected = [space.encode(space.from_prior([u]))[0] for u in even]
    values = np.unique(np.concatenate([drawn, expected]).round(9))
    shares = [np.searchsorted(np.sort(a), values + 1e-8) / 4000 for a in (drawn, np.array(expected))]
    assert np.abs(shares[0] - shares[1]).max() < 0.03  # beyond by chance once in a thousand


def test_uniform_rows_reach_each_whole_number_as_often_as_its_share_is_wide() -> None:
    space = Space(width=Int(1, 12, log=True), step=Float(0.0, 0.3, step=0.1))
    cube = Cube(space)
    drawn, _ = cube.uniform(np.random.default_rng(2), 20_000)
    widths = [cube.decode(row)["width"] for row in drawn]
    shares = np.diff(np.log(np.arange(1, 14) - 0.5)) / np.log(12.5 / 0.5)
    counts = np.bincount(widths, minlength=13)[1:]
    assert stats.chisquare(counts, 20_000 * shares).pvalue > 1e-3
    assert {cube.decode(row)["step"] for row in drawn} == {0.0, 0.1, 0.2, 0.3}


def test_the_log_of_a_prior_is_that_of_its_density_up_to_a_constant() -> None:
    space = Space(
        rate=Float(1e-4, 1.0, log=True, prior=Normal(1e-2, 10.0)),
        kind=Categorical(["a", "b"], prior=[3, 1]),
        momentum=Float(0.0, 1.0, prior=Normal(0.9, 0.1), when={"kind": "b"}),
    )
    cube = Cube(space)
    best = cube.encode([{"rate": 1e-2, "kind": "a"}])
    assert cube.log_prior(*cube.canonical(best)) == pytest.approx(0.0)
    decades = cube.encode([{"rate": rate, "kind": "a"} for rate in (1e-1, 1e-4)])
    assert cube.log_prior(*cube.canonical(decades)) == pytest.approx([-0.5, -2.0])
    choices = cube.encode([{"rate": 1e-2, "kind": "b", "momentum": m} for m in (0.9, 0.7)])
    assert cube.log_prior(*cube.canonical(choices)) == pytest.approx([np.log(1 / 3), np.log(1 / 3) - 2.0])


def test_a_space_without_dials_has_rows_without_columns() -> None:
    cube = Cube(Space())
    assert cube.uniform(np.random.default_rng(0), 3)[0].shape == (3, 0)
    assert cube.neighbours(np.empty(0)).shape == (0, 0)
    assert len(cube.identities(np.empty((3, 0)))) == 3
