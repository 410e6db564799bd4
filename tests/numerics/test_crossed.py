"""Levels crossed with seeds: references by formula and by simulation, and what seeds and scale may not change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from trialist.numerics.crossed import paired, spread


def test_two_levels_are_a_paired_t_test():
    rng = np.random.default_rng(0)
    D = rng.normal(size=(1, 6))
    (found,) = paired(D)
    expected = stats.ttest_1samp(D[0], 0.0)
    assert found.value == pytest.approx(D.mean()) and found.df == 5
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.below() == pytest.approx(stats.ttest_1samp(D[0], 0.0, alternative="less").pvalue)


def test_levels_that_are_as_noisy_borrow_from_each_other_and_others_less():
    same = np.array([[1.0, 2.0, 3.0]] * 6)
    other = same * np.array([1.0, 10.0, 100.0, 0.1, 0.01, 1000.0])[:, None]
    assert paired(same)[0].df == 6.0  # two of its own, and four of the others
    assert all(estimate.df < 3 for estimate in paired(other))


def test_a_single_run_takes_its_noise_from_the_others_and_none_tells_nothing():
    D = np.array([[1.0, 2.0, 3.0], [4.0, math.nan, math.nan], [math.nan] * 3])
    whole, single, none = paired(D)
    assert whole is not None and single is not None and none is None
    usual = 1.0 * 2 / stats.chi2(2).median()  # the only variance that is known, as the median of its kind
    assert single.value == 4.0 and single.se == pytest.approx(math.sqrt(usual))
    assert paired(np.array([[1.0], [2.0]])) == [None, None]  # one seed tells no noise


def test_what_a_seed_does_to_all_levels_falls_out_of_the_spread():
    rng = np.random.default_rng(1)
    Y = rng.normal(size=(5, 4))
    seeds = 100 * rng.normal(size=4)
    one, other = spread(Y), spread(Y + seeds)
    assert pytest.approx(other.F) == one.F and one.noise == pytest.approx(other.noise)
    scaled = spread(10 * Y)
    assert scaled.bound == pytest.approx(one.bound) and scaled.noise == pytest.approx(10 * one.noise)


def test_the_bound_of_the_spread_holds_about_95_percent_of_the_time():
    rng = np.random.default_rng(2)
    means = 0.7 * np.array([1.0, -1.0, 1.0, -1.0, 0.0])
    true = math.sqrt(float((means**2).mean()))
    held = sum(spread(means[:, None] + rng.normal(size=(5, 4))).bound >= true for _ in range(1000))
    assert 925 <= held <= 985


def test_without_noise_differences_are_exact():
    found = spread(np.tile(np.arange(4.0)[:, None], (1, 3)))
    assert found.noise == 0.0 and found.p == 0.0 and found.bound == math.inf
    assert spread(np.full((4, 3), 0.1)).p == 1.0 and spread(np.full((4, 3), 0.1)).bound == 0.0
    (estimate,) = paired(np.array([[0.1 + 0.2, 0.3, 0.3]]))  # rounding is no noise
    assert estimate.se == 0.0 and estimate.below() == 1.0


def test_a_wild_level_leaves_calm_ones_their_intervals():
    rng = np.random.default_rng(4)
    D = rng.normal(size=(6, 3))
    calm = [estimate.se for estimate in paired(D)[:5]]
    D[5] *= 1000
    assert all(after.se < 2 * before for before, after in zip(calm, paired(D)[:5], strict=True))


def test_a_wild_level_hides_no_difference_between_calm_ones():
    rng = np.random.default_rng(5)
    Y = np.array([0.0, 0.0, 0.0, 20.0, 20.0, 0.0])[:, None] + rng.normal(size=(6, 3))
    Y[5] += 100 * rng.normal(size=3)
    assert spread(Y).p < 0.01 and spread(Y).noise < 3


def test_an_enormous_effect_has_a_finite_bound():
    Y = np.array([0.0, 1e9])[:, None] + np.random.default_rng(3).normal(size=(2, 3))
    assert math.isfinite(spread(Y).bound)
