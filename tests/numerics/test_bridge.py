"""Sums tied to 0 at their end: how far they stray, by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.numerics.bridge import chance, limit

WALKS = 40_000


def bridges(steps: int, seed: int) -> np.ndarray:
    """(WALKS,) the highest partial sum of steps of standard deviation 1 whose whole sum is 0."""
    steps_taken = np.random.default_rng(seed).standard_normal((WALKS, steps))
    # Steps less their mean are steps of which the sum is known to be 0.
    highest: np.ndarray = np.cumsum(steps_taken - steps_taken.mean(axis=1, keepdims=True), axis=1)[:, :-1].max(axis=1)
    return highest


@pytest.mark.parametrize("steps", [3, 5, 10, 30])
@pytest.mark.parametrize("level", [0.05, 0.1, 0.2])
def test_the_limit_is_passed_as_often_as_it_says(steps: int, level: float) -> None:
    found = np.mean(bridges(steps, 1) > limit(steps, level))
    # Four standard errors of the simulation, and what the correction leaves: most for few steps.
    assert abs(found - level) < 4 * math.sqrt(level * (1 - level) / WALKS) + 0.006


@pytest.mark.parametrize("freedom", [4, 12, 60])
@pytest.mark.parametrize("level", [0.05, 0.2])
def test_it_is_passed_no_more_often_where_the_spread_is_estimated(freedom: int, level: float) -> None:
    estimated = np.sqrt(np.random.default_rng(2).chisquare(freedom, WALKS) / freedom)
    found = np.mean(bridges(10, 3) > limit(10, level, freedom) * estimated)
    # The correction is in units of what is estimated, which is careful where that is a guess.
    assert 0.7 * level < found < level + 4 * math.sqrt(level * (1 - level) / WALKS) + 0.006
    plain = np.mean(bridges(10, 3) > limit(10, level) * estimated)
    assert plain > found + 0.005  # what the freedom is for


def test_a_sum_that_ends_below_0_passes_it_less_often() -> None:
    walk = np.random.default_rng(4).standard_normal((WALKS, 10))
    tied = walk - walk.mean(axis=1, keepdims=True)
    shares = [
        np.mean(np.cumsum(tied - ahead, axis=1)[:, :-1].max(axis=1) > limit(10, 0.1)) for ahead in (0.0, 0.1, 0.3)
    ]
    assert shares[0] > shares[1] > shares[2]


@given(steps=st.integers(2, 60), level=st.floats(0.001, 0.3), freedom=st.one_of(st.just(math.inf), st.floats(3, 500)))
def test_chance_and_limit_are_each_others_inverse(steps: int, level: float, freedom: float) -> None:
    far = limit(steps, level, freedom)
    assert far == 0.0 or chance(far, steps, freedom) == pytest.approx(level, rel=1e-9)
    assert chance(far + 0.1, steps, freedom) < chance(max(far, 1e-6), steps, freedom)


def test_no_stray_is_no_evidence() -> None:
    assert chance(0.0, 10) == chance(-3.0, 10, 5.0) == 1.0
