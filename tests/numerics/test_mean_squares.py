"""Mean squares at each other's level: the same means, the scale of M^-0.75, and both ways as often wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.numerics.influence import root_of_mean
from trialist.numerics.intervals import at_each_others_level, paired_interval

POWERS = (0.5, 1.0)


def values(squares: np.ndarray, power: float) -> np.ndarray:
    """(s, n) squared errors as values whose mean is their mean square to that power."""
    return np.stack([root_of_mean(row) if power == 0.5 else row for row in squares])


def arms(state: int, seeds: tuple[int, int] = (2, 3), n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(state)
    a, b = (np.exp(rng.normal()) * rng.normal(size=(s, n)) ** 2 for s in seeds)
    return a, b


@given(state=st.integers(0, 99), power=st.sampled_from(POWERS), scale=st.sampled_from([1e-6, 1.0, 1e9]))
def test_means_stay_arms_can_be_swapped_and_units_do_not_matter(state: int, power: float, scale: float) -> None:
    a, b = (values(arm, power) for arm in arms(state))
    x, y = at_each_others_level(a, b, power)
    assert x.mean() == pytest.approx(a.mean()) and y.mean() == pytest.approx(b.mean())
    other = at_each_others_level(b, a, power)
    np.testing.assert_allclose(other[0], y, rtol=1e-9)
    np.testing.assert_allclose(other[1], x, rtol=1e-9)
    scaled = at_each_others_level(scale * a, scale * b, power)
    np.testing.assert_allclose(scaled[0], scale * x, rtol=1e-7)


@given(state=st.integers(0, 99), power=st.sampled_from(POWERS), ratio=st.floats(-6, 6).map(math.exp))
def test_the_difference_over_its_error_is_that_of_the_scale(state: int, power: float, ratio: float) -> None:
    """Deviations are those of M^-0.75 by the delta method, times what the estimate is on this scale over that one."""
    a, b = (arm[:1] * factor for arm, factor in zip(arms(state), (1.0, ratio), strict=True))
    x, y = at_each_others_level(values(a, power), values(b, power), power)
    A, B = float(a.mean()), float(b.mean())
    q = B**-0.75 - A**-0.75
    slopes = (a - A) * 0.75 * A**-1.75 - (b - B) * 0.75 * B**-1.75  # (1, n) influences on q
    d = x.mean() - y.mean()
    np.testing.assert_allclose((x - x.mean()) - (y - y.mean()), slopes * (d / q), rtol=1e-6, atol=1e-9 * abs(x).max())


@pytest.mark.parametrize("power", POWERS)
def test_equal_means_and_means_of_nothing_leave_all_as_it_is(power: float) -> None:
    a = values(arms(1)[0], power)
    b = a[:, ::-1]
    np.testing.assert_allclose(at_each_others_level(a, b, power), (a, b), rtol=1e-9)
    nothing = np.zeros((2, 40))
    assert all(x is y for x, y in zip(at_each_others_level(a, nothing, power), (a, nothing), strict=True))


def test_the_farthest_means_have_finite_noise() -> None:
    a, b = np.array([[1e-300, 3e-300]]), np.array([[1e300, 2e300]])
    assert all(np.isfinite(arm).all() for arm in at_each_others_level(a, b, 1.0))


@pytest.mark.parametrize("power", POWERS)
def test_who_has_rare_large_errors_of_its_own_is_called_better_as_rarely_as_worse(power: float) -> None:
    """Models that score alike in truth, the second with outliers that 100 rows may lack; 2.5 % were promised."""
    rng, studies = np.random.default_rng(8), 3000
    said, plainly = np.zeros(2), np.zeros(2)
    for _ in range(studies):
        shared = rng.normal(size=100)
        own = np.exp(0.4 * rng.normal(size=100) - 0.16)  # of mean square 1
        a, b = (0.8 * shared + 0.6 * rng.normal(size=(1, 100)) for _ in range(2))
        x, y = (values(arm**2, power) for arm in (a, own * b))
        for count, pair in ((said, at_each_others_level(x, y, power)), (plainly, (x, y))):
            interval = paired_interval(*pair)
            assert interval is not None
            count += interval.low > 0, interval.high < 0
    better, worse = said / studies
    # Three standard errors of the simulation are 0.9 %.
    assert better < 0.034 and worse < 0.034 and abs(better - worse) < 0.012
    assert plainly[0] > 2 * plainly[1]  # what it is for
