"""Scales on which effects add up: there and back, the slope, and that nothing comes back from far away."""

from __future__ import annotations

import numpy as np
import pytest

from trialist.numerics.effects import chance
from trialist.numerics.warping import BEYOND, plain, warp

Y = np.random.default_rng(0).standard_normal(40)
SCALES = [plain(Y), *(warp(Y, sign, beyond) for sign in (1, -1) for beyond in BEYOND)]


@pytest.mark.parametrize("scale", SCALES)
def test_losses_come_back_as_they_went(scale):
    assert scale.back(scale.forward(Y)) == pytest.approx(Y, abs=1e-9)


@pytest.mark.parametrize("scale", SCALES)
def test_order_is_kept_and_values_are_standardised(scale):
    z = scale.forward(Y)
    assert (np.argsort(z) == np.argsort(Y)).all()
    assert z.mean() == pytest.approx(0.0, abs=1e-9)
    assert z.std() == pytest.approx(1.0)


@pytest.mark.parametrize("scale", SCALES)
def test_the_slope_is_that_of_finite_differences_and_the_cost_its_logarithm(scale):
    step = 1e-6
    numeric = 2 * step / (scale.forward(Y + step) - scale.forward(Y - step))
    # Not near the ends, where the logarithm is steep.
    inner = np.abs(Y - Y.mean()) < 1.5
    assert scale.slope(Y)[inner] == pytest.approx(numeric[inner], rel=1e-3)
    assert scale.cost(Y) == pytest.approx(np.log(scale.slope(Y)).sum())


@pytest.mark.parametrize("sign", [1, -1])
def test_nothing_comes_back_from_beyond_the_losses_by_more_than_half_their_range(sign):
    scale, room = warp(Y, sign, 1.0), 0.5 * (Y.max() - Y.min())
    back = scale.back(np.array([-1e6, 1e6]))
    assert np.isfinite(back).all()
    assert back.min() >= Y.min() - room - 1e-9
    assert back.max() <= Y.max() + room + 1e-9


def test_the_chance_of_a_ratio_is_half_of_that_of_a_chi_square():
    # Quantiles of chi-square with one degree of freedom at 0.9, 0.95 and 0.998.
    assert [chance(q) for q in (2.705543, 3.841459, 9.549536)] == pytest.approx([0.05, 0.025, 0.001], rel=1e-4)
    assert chance(0.0) == 1.0


def test_a_ratio_of_a_variance_component_is_as_rare_as_it_is_said_to_be():
    """y ~ N(0, 1 + t) of 200 values, t = 0: the ratio is n (s - 1 - ln s) where the mean square s is above 1."""
    rng, n = np.random.default_rng(1), 200
    s = (rng.standard_normal((20_000, n)) ** 2).mean(axis=1)
    ratios = np.where(s > 1, n * (s - 1 - np.log(s)), 0.0)
    told = np.array([chance(float(ratio)) for ratio in ratios])
    assert (told < 0.05).mean() == pytest.approx(0.05, abs=0.006)
    assert (told < 0.01).mean() == pytest.approx(0.01, abs=0.003)
