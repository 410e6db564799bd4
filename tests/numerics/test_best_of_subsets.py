"""The best of n draws: against enumeration of subsets, and against distributions whose answer is known."""

from __future__ import annotations

import math
from itertools import combinations
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.numerics.best_of_subsets import best_of_subsets, median_band, median_best

LOSSES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=7)


@given(LOSSES, st.integers(0, 3))
def test_the_expected_best_is_the_mean_over_all_subsets_that_hold_a_score(losses, without):
    everything = [*losses, *[math.inf] * without]
    found = best_of_subsets(losses, without)
    assert len(found) == len(everything)
    for n, mean in enumerate(found, 1):
        bests = [min(some) for some in combinations(everything, n) if min(some) < math.inf]
        assert mean == pytest.approx(fmean(bests), rel=1e-6, abs=1e-6)


@given(LOSSES, st.integers(0, 3))
def test_half_of_all_subsets_reach_the_typical_best(losses, without):
    everything = [*losses, *[math.inf] * without]
    for n, typical in enumerate(median_best(losses, without), 1):
        bests = sorted(min(some) for some in combinations(everything, n))
        needed = bests[math.ceil(len(bests) / 2) - 1]
        assert typical == (None if needed == math.inf else needed)


def test_the_expected_best_of_exponential_draws_has_no_bias():
    # The least of n has the mean 1 / n; 4,000 samples of 12 leave a standard error below 0.005.
    found = np.mean([best_of_subsets(x) for x in np.random.default_rng(0).exponential(size=(4000, 12))], axis=0)
    assert found == pytest.approx(1 / np.arange(1, 13), abs=0.015)


def test_the_band_holds_the_typical_best_at_its_rate():
    rng, N, held = np.random.default_rng(1), 40, np.zeros(40)
    true = -np.log(2.0 ** (-1 / np.arange(1, N + 1)))  # of exponential draws: the quantile at 1 - 2^(-1/n)
    for _ in range(400):
        low, high = median_band(rng.exponential(size=N))
        held += [
            (a is None or a <= t) and (b is None or t <= b) for a, b, t in zip(low, high, true, strict=True)
        ]  # fmt: skip
    assert (held / 400 >= 0.92).all()
    assert (held[:4] / 400 <= 0.995).all()  # and is no wider than it has to be


def test_the_band_is_open_towards_luck_where_the_trials_cannot_tell():
    low, high = median_band(list(range(60)))
    assert [n for n, loss in enumerate(low, 1) if loss is not None] == list(range(1, 12))  # 60 ln 2 / ln 40 = 11.3
    assert all(loss is not None for loss in high[3:])
