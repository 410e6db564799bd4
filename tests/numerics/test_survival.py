"""Survival: fronts by definition, spread that keeps the ends, constraints before losses, directions for many."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trialist.numerics.survival import crowding, directions, rank_sums, sorted_fronts, survivors

losses = st.integers(1, 5).flatmap(
    lambda m: hnp.arrays(float, st.tuples(st.integers(0, 25), st.just(m)), elements=st.integers(0, 4).map(float))
)


def dominates(u: np.ndarray, v: np.ndarray) -> bool:
    return bool((u <= v).all() and (u < v).any())


@given(losses)
def test_a_rank_is_the_longest_chain_of_dominators(Y: np.ndarray) -> None:
    ranks = sorted_fronts(Y, np.zeros(len(Y)), len(Y))
    for i, y in enumerate(Y):
        better = [ranks[j] for j, x in enumerate(Y) if dominates(x, y)]
        assert ranks[i] == (max(better) + 1 if better else 0)


@given(losses, st.integers(0, 30))
def test_no_survivor_is_dominated_by_one_that_fell_out(Y: np.ndarray, count: int) -> None:
    kept = survivors(Y, np.zeros(len(Y)), count)
    assert len(set(kept.tolist())) == len(kept) == min(count, len(Y))
    out = [i for i in range(len(Y)) if i not in kept]
    assert not any(dominates(Y[i], Y[j]) for i in out for j in kept)
    places = {int(row): place for place, row in enumerate(kept)}
    assert not any(dominates(Y[i], Y[j]) and places[i] > places[j] for i in places for j in places)


@given(losses.filter(len), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_who_breaks_less_survives(Y: np.ndarray, count: int, seed: int) -> None:
    broken = np.random.default_rng(seed).integers(0, 4, len(Y)).astype(float)
    kept = broken[survivors(Y, broken, count)]
    assert (np.diff(kept) >= 0).all()
    assert sorted(kept) == sorted(broken)[: len(kept)]


def test_the_ends_of_a_front_stay_and_the_crowd_is_thinned() -> None:
    x = np.concatenate([np.linspace(0, 1, 9), 0.5 + np.linspace(-0.01, 0.01, 20)])
    kept = survivors(np.column_stack([x, 1 - x]), np.zeros(len(x)), 9)
    assert {0.0, 1.0} <= set(x[kept])
    assert np.diff(np.sort(x[kept])).max() < 0.2


def test_crowding_is_the_gap_to_the_neighbours_in_units_of_the_range() -> None:
    Y = np.array([[0.0, 40.0], [1.0, 20.0], [4.0, 0.0]])
    assert crowding(Y).tolist() == [math.inf, 2.0, math.inf]
    assert crowding(Y * [1e9, 1e-9]).tolist() == [math.inf, 2.0, math.inf]


@pytest.mark.parametrize(("m", "at_most"), [(4, 10), (4, 80), (5, 80), (8, 5), (10, 80)])
def test_directions_are_distinct_points_of_the_simplex_with_its_corners(m: int, at_most: int) -> None:
    found = directions(m, at_most)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert (found >= 0).all()
    assert len(np.unique(found.round(9), axis=0)) == len(found) <= max(at_most, m)
    assert {tuple(corner) for corner in np.eye(m)} <= {tuple(point) for point in found}


def test_many_objectives_keep_a_niche_in_each_direction() -> None:
    """Three in four points crowd round one corner of a simplex; among the survivors they do not."""
    rng = np.random.default_rng(0)
    crowd, others = rng.dirichlet([20, 1, 1, 1], 300), rng.dirichlet([1, 1, 1, 1], 100)
    Y = np.vstack([crowd, others]) * [1.0, 10.0, 100.0, 1000.0]
    kept = survivors(Y, np.zeros(len(Y)), 40)
    assert (kept < 300).mean() < 0.4
    nearest = np.linalg.norm((Y[kept][:, None] / [1, 10, 100, 1000]) - np.eye(4), axis=2).min(axis=0)
    assert (nearest < 0.6).all()


@given(hnp.arrays(float, (12, 3), elements=st.sampled_from([0.0, 1.0, 2.0, 1e300, math.inf])))
def test_violations_add_up_by_rank_whatever_their_units_and_order(V: np.ndarray) -> None:
    total = rank_sums(V)
    assert np.isfinite(total).all()
    assert ((total == 0) == (V == 0).all(axis=1)).all()
    assert (rank_sums(V[:, ::-1] * [3.0, 1e-3, 7.0]) == total).all()


def test_degenerate_fronts_of_many_objectives_survive_without_a_warning() -> None:
    Y = np.zeros((9, 4))
    assert len(survivors(Y, np.zeros(9), 4)) == 4
    Y[:, 0] = np.arange(9)
    assert survivors(Y, np.zeros(9), 2).tolist() == [0, 1]
