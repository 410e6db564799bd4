"""Sums tied to 0 at their end: how far they stray, by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.numerics.bridge import chance, limit

WALKS = 40_000


def passed(steps: int, level: float, freedom: float, seed: int, scale: np.ndarray | float = 1.0) -> float:
    """The share of WALKS whose partial sums, of steps of standard deviation 1 and tied to 0, ever pass the limit."""
    walk = np.random.default_rng(seed).standard_normal((WALKS, steps))
    # Steps less their mean are steps of which the sum is known to be 0.
    return crosses(np.cumsum(walk - walk.mean(axis=1, keepdims=True), axis=1), level, freedom, scale)


def crosses(sums: np.ndarray, level: float, freedom: float = math.inf, scale: np.ndarray | float = 1.0) -> float:
    steps = sums.shape[1]
    line = np.array([limit(step, steps, level, freedom) for step in range(1, steps)])
    return float((sums[:, :-1] > line * np.reshape(scale, (-1, 1))).any(axis=1).mean())


@pytest.mark.parametrize("steps", [3, 5, 10, 30])
@pytest.mark.parametrize("level", [0.05, 0.1, 0.2])
def test_the_limit_is_passed_as_often_as_it_says(steps: int, level: float) -> None:
    found = passed(steps, level, math.inf, 1)
    # Four standard errors of the simulation, and what the correction leaves: most for few steps.
    assert abs(found - level) < 4 * math.sqrt(level * (1 - level) / WALKS) + 0.006


@pytest.mark.parametrize("steps", [3, 5, 10, 30])
def test_a_low_limit_is_passed_less_often_than_it_says_where_steps_are_few(steps: int) -> None:
    assert 0.33 - 0.12 / steps - 0.01 < passed(steps, 0.33, math.inf, 1) < 0.33 + 0.01


@pytest.mark.parametrize("freedom", [4, 12, 60])
@pytest.mark.parametrize("level", [0.05, 0.2, 0.33])
def test_it_is_passed_no_more_often_where_the_spread_is_estimated(freedom: int, level: float) -> None:
    estimated = np.sqrt(np.random.default_rng(2).chisquare(freedom, WALKS) / freedom)
    found = passed(10, level, freedom, 3, estimated)
    # The correction is in units of what is estimated, which is careful where that is a guess.
    assert 0.7 * level < found < level + 4 * math.sqrt(level * (1 - level) / WALKS) + 0.006
    assert passed(10, level, math.inf, 3, estimated) > found + (0.005 if level < 0.3 else 0.0)  # what freedom is for


def test_a_sum_that_ends_below_0_passes_it_less_often() -> None:
    walk = np.random.default_rng(4).standard_normal((WALKS, 10))
    tied = walk - walk.mean(axis=1, keepdims=True)
    shares = [crosses(np.cumsum(tied - ahead, axis=1), 0.1) for ahead in (0.0, 0.1, 0.3)]
    assert shares[0] > shares[1] > shares[2]


def test_the_limit_rises_from_a_start_to_twice_that() -> None:
    found = [limit(step, 8, 0.2, 20) for step in range(9)]
    np.testing.assert_allclose(np.diff(found), found[0] / 8)
    assert found[-1] == pytest.approx(2 * found[0])


@given(
    steps=st.integers(2, 60),
    share=st.floats(0, 1),
    level=st.floats(0.001, 0.3),
    freedom=st.one_of(st.just(math.inf), st.floats(3, 500)),
)
def test_chance_and_limit_are_each_others_inverse(steps: int, share: float, level: float, freedom: float) -> None:
    step = 1 + round(share * (steps - 1))
    far = limit(step, steps, level, freedom)
    assert far == 0.0 or chance(far, step, steps, freedom) == pytest.approx(level, rel=1e-9)
    assert chance(far + 0.1, step, steps, freedom) < chance(max(far, 1e-6), step, steps, freedom)
    assert chance(far + 0.1, step, steps, freedom) < chance(far + 0.1, step + 1, steps, freedom)


def test_no_stray_is_no_evidence() -> None:
    assert chance(0.0, 1, 10) == chance(-3.0, 4, 10, 5.0) == 1.0
