"""Output transforms: order and the good end are kept, outliers and monotone changes of the bad end do not show."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from trialist.numerics.transform import crowding, half_rank, standardised

values = st.one_of(
    st.floats(-1e6, 1e6), st.floats(-1.7e308, 1.7e308), st.sampled_from([0.0, 1.0, 1.0 + 1e-12, 1e30, -1e30, 1e-300])
)
losses = hnp.arrays(float, st.integers(1, 25), elements=values)


def quiet(y: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return half_rank(y, weights)


@given(losses)
def test_any_losses_get_mean_0_and_spread_1_and_keep_their_order(y: np.ndarray) -> None:
    weights = np.random.default_rng(len(y)).uniform(0.1, 1.0, len(y))
    for w in (None, weights):
        z = quiet(y, w)
        assert np.isfinite(z).all()
        order = np.argsort(y, kind="stable")
        assert (np.diff(z[order]) >= -1e-12).all()
        if z.any():
            assert np.average(z, weights=w) == pytest.approx(0.0, abs=1e-9)
            assert np.average(z * z, weights=w) == pytest.approx(1.0, abs=1e-9)


@given(hnp.arrays(float, st.integers(3, 25), elements=st.integers(-50, 50).map(float)))
def test_different_losses_stay_different(y: np.ndarray) -> None:
    z = quiet(y)
    assert len(np.unique(z.round(12))) == len(np.unique(y))


@given(hnp.arrays(float, st.integers(2, 20), elements=st.integers(-1000, 1000).map(float)))
def test_neither_unit_nor_offset_show(y: np.ndarray) -> None:
    assert quiet(1e6 * y + 3.0) == pytest.approx(quiet(y), abs=1e-9)


@given(hnp.arrays(float, st.integers(4, 20), elements=st.integers(-1000, 1000).map(float)))
def test_a_monotone_change_of_the_worse_half_does_not_show(y: np.ndarray) -> None:
    middle = y[stats.rankdata(y) - 0.5 >= 0.5 * len(y)].min()  # ties share their rank
    bent = np.where(y > middle, middle + np.exp((y - middle) / 100.0) * 1e3, y)
    assert quiet(bent) == pytest.approx(quiet(y), abs=1e-12)


def test_distances_among_the_better_half_are_kept() -> None:
    y = np.array([0.0, 1.0, 3.0, 7.0, 20.0, 1e9, 1e12])
    z = half_rank(y)
    assert np.diff(z[:4]) / np.diff(z[:4])[0] == pytest.approx([1.0, 2.0, 4.0])
    assert z.max() < 3.0


def test_heavy_tails_leave_a_spread_that_can_be_modelled() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        y = rng.standard_cauchy(40) * np.exp(10 * rng.standard_normal(40))
        z = half_rank(y)
        assert np.abs(z).max() < 8.0
        assert np.ptp(z[np.argsort(y)[:20]]) > 0.1


def test_a_weight_of_two_counts_as_two() -> None:
    y, weights = np.array([0.3, 0.1, 0.8, 2.5, 0.4]), np.array([1.0, 2.0, 1.0, 3.0, 1.0])
    repeated = half_rank(np.repeat(y, weights.astype(int)))
    assert half_rank(y, weights) == pytest.approx(repeated[np.cumsum(weights).astype(int) - 1], abs=1e-9)


def test_a_cluster_counts_about_as_one_point() -> None:
    rng = np.random.default_rng(1)
    apart = rng.random((10, 5))
    cluster = 0.5 + 1e-4 * rng.standard_normal((20, 5))
    weights = crowding(np.concatenate([apart, cluster]))
    assert weights[10:].sum() == pytest.approx(1.0, abs=0.1)
    assert weights[:10].min() > 0.7


def test_what_has_no_spread_becomes_zeros() -> None:
    assert not standardised(np.full(5, 0.1)).any()
    assert not standardised(np.array([1.0, 1.0 + 1e-16])).any()
    assert standardised(np.array([1e200, 3e200])).tolist() == [-1.0, 1.0]


def test_differences_of_the_largest_losses_have_room() -> None:
    z = quiet(np.array([-1.7e308, -1.6e308, 1.0, 1.7e308]))
    assert np.isfinite(z).all() and (np.diff(z) > 0.0).all()
