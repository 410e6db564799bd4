"""Sobol points: the published sequence, evenness of every block, scrambling by seed, access by index."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from trialist.numerics.sobol import TABULATED, point


def points(start: int, count: int, d: int, seed: int | None) -> np.ndarray:
    return np.array([point(index, d, seed) for index in range(start, start + count)])  # (count, d)


def test_unscrambled_points_are_the_published_sequence() -> None:
    expected = qmc.Sobol(TABULATED, scramble=False, bits=53).random(512)
    assert np.array_equal(points(0, 512, TABULATED, None), expected)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**40), k=st.integers(0, 7), block=st.integers(0, 2**20), d=st.sampled_from([1, 7, 140]))
def test_every_aligned_block_fills_every_slice_of_every_dimension_once(seed: int, k: int, block: int, d: int) -> None:
    count = 2**k
    slices = np.floor(points(block * count, count, d, seed) * count).astype(int)
    assert all(sorted(column) == list(range(count)) for column in slices.T)


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_the_first_pair_of_dimensions_fills_every_box_of_equal_area_once(seed: int | None) -> None:
    x = points(64, 64, 2, seed)
    for a in range(7):
        boxes = {(int(u * 2**a), int(v * 2 ** (6 - a))) for u, v in x}
        assert len(boxes) == 64


def test_all_pairs_of_the_first_dimensions_fill_a_coarse_chessboard() -> None:
    x = points(0, 64, 6, 3)
    for i in range(6):
        for j in range(i):
            filled = {(int(u * 4), int(v * 4)) for u, v in x[:, (i, j)]}
            assert len(filled) == 16


def test_discrepancy_is_far_below_that_of_random_points() -> None:
    random = np.random.default_rng(0)
    by_chance = np.mean([qmc.discrepancy(random.random((64, 5))) for _ in range(20)])
    for seed in range(5):
        assert qmc.discrepancy(points(0, 64, 5, seed)) < 0.5 * by_chance


def test_each_point_is_uniform_over_seeds() -> None:
    x = np.array([point(5, 3, seed) for seed in range(600)])
    # A uniform mean of 600 has a standard error of 0.012; the bound is five of them.
    assert np.all(np.abs(x.mean(axis=0) - 0.5) < 0.06)
    assert np.all(np.abs((x < 0.25).mean(axis=0) - 0.25) < 0.09)


def test_seeds_do_more_than_shift_the_points() -> None:
    apart = {
        seed: [int(u * 2**53) ^ int(v * 2**53) for u, v in zip(point(6, 4, seed), point(1, 4, seed), strict=True)]
        for seed in (0, 1)
    }
    assert all(a != b for a, b in zip(apart[0], apart[1], strict=True))


@given(index=st.integers(0, 2**64 - 1), seed=st.integers(0, 2**31), d=st.integers(1, 6))
def test_a_point_is_a_function_of_index_and_seed_within_the_cube(index: int, seed: int, d: int) -> None:
    x = point(index, d, seed)
    assert x == point(index, d, seed)
    assert all(0.0 <= u < 1.0 for u in x)
    assert x == point(index, d + 1, seed)[:d]
    assert x != point(index, d, seed + 1)
    assert x != point(index ^ 1, d, seed)


def test_dimensions_beyond_the_table_are_even_and_no_copies() -> None:
    x = points(0, 64, 2 * TABULATED + 2, 4)
    for j in (0, 1):
        first, second, third = x[:, j], x[:, j + TABULATED], x[:, j + 2 * TABULATED]
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.5
        assert abs(np.corrcoef(second, third)[0, 1]) < 0.5
    later = x[:, TABULATED : TABULATED + 2]
    assert len({(int(u * 8), int(v * 8)) for u, v in later}) == 64


@pytest.mark.parametrize("index", [-1, 2**64])
def test_an_index_outside_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        point(index, 2, 0)
