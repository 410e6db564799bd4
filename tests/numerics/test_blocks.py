"""The two-way layout with gaps, against ordinary least squares, Student's paired t and Gaussian conditioning."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trialist.numerics.blocks import blocks


def gappy(seed: int, k: int = 5, b: int = 7) -> np.ndarray:
    """Measurements of which the later ones leave out ever more treatments, as a race does."""
    rng = np.random.default_rng(seed)
    Y = rng.normal(size=(k, b)) + 3 * rng.normal(size=b) + np.arange(k)[:, None]
    for i in range(1, k):
        Y[i, max(2, b - i) :] = np.nan
    return Y


@pytest.mark.parametrize("seed", range(5))
def test_effects_and_residuals_are_those_of_least_squares(seed: int) -> None:
    Y = gappy(seed)
    i, j = np.nonzero(~np.isnan(Y))
    keep = np.bincount(j, minlength=Y.shape[1])[j] > 1
    i, j = i[keep], j[keep]
    X = np.hstack([np.eye(len(Y))[i], np.eye(Y.shape[1])[j]])
    beta, *_ = np.linalg.lstsq(X, Y[i, j], rcond=None)
    found = blocks(Y)
    assert found.effects == pytest.approx(beta[: len(Y)] - beta[: len(Y)].mean(), abs=1e-10)
    residuals = Y[i, j] - X @ beta
    assert found.squares == pytest.approx(float(residuals @ residuals), abs=1e-10)
    assert found.freedom == len(i) - np.linalg.matrix_rank(X)


def test_two_treatments_give_students_paired_interval() -> None:
    Y = gappy(3, k=2, b=6)[:, :5]
    low, high = blocks(Y).interval(0, 1, 0.9) or (0.0, 0.0)
    told = stats.ttest_rel(Y[0], Y[1]).confidence_interval(0.9)
    assert (low, high) == pytest.approx((told.low, told.high))


def test_overlap_adds_what_no_number_of_folds_averages_out() -> None:
    Y = gappy(1, k=3)[:, :4]
    plain, folds = blocks(Y), blocks(Y, overlap=0.25)
    assert folds.error(0, 2, 1.0) == pytest.approx(math.sqrt(2 * (1 / 4 + 0.25)))
    assert plain.error(0, 2, 1.0) == pytest.approx(math.sqrt(2 / 4))
    assert folds.error(1, 1, 1.0) == 0.0


@pytest.mark.parametrize("overlap", [0.0, 0.3])
def test_what_was_known_before_is_conditioned_on_the_measurements(overlap: float) -> None:
    """By brute force: effects, what folds share and the blocks as one normal vector, the blocks of a huge variance."""
    Y, variance, k = gappy(2), 0.7, 5
    rng = np.random.default_rng(9)
    A = rng.normal(size=(k, k))
    C, m = A @ A.T, rng.normal(size=k)
    i, j = np.nonzero(~np.isnan(Y))
    G = np.hstack([np.eye(k)[i], np.eye(k)[i], np.eye(Y.shape[1])[j]])
    S = np.zeros((G.shape[1], G.shape[1]))
    S[:k, :k], S[k : 2 * k, k : 2 * k] = C, overlap * variance * np.eye(k)
    S[2 * k :, 2 * k :] = 1e6 * np.eye(Y.shape[1])
    mu = np.concatenate([m, np.zeros(G.shape[1] - k)])
    gain = S @ G.T @ np.linalg.inv(G @ S @ G.T + variance * np.eye(len(i)))
    means, covariance = blocks(Y, overlap).informed(m, C, variance)
    assert means == pytest.approx((mu + gain @ (Y[i, j] - G @ mu))[:k], abs=1e-4)
    assert covariance == pytest.approx((S - gain @ G @ S)[:k, :k], abs=1e-4)


def test_without_noise_the_differences_are_known() -> None:
    Y = np.array([[1.0, 5.0], [2.0, 6.0], [np.nan, np.nan]])
    found = blocks(Y)
    assert found.variance == 0.0 and found.freedom == 1
    means, covariance = found.informed(np.zeros(3), np.eye(3), 0.0)
    assert means[1] - means[0] == pytest.approx(1.0) and means[2] == np.inf
    assert not covariance.any()


def test_one_block_alone_tells_no_error() -> None:
    found = blocks(np.array([[1.0], [3.0]]))
    assert found.variance is None and found.interval(0, 1, 0.9) is None
    assert found.effects == pytest.approx([-1.0, 1.0])


def test_a_block_with_one_measurement_compares_nothing() -> None:
    Y = gappy(4, k=3)
    more = np.hstack([Y, [[99.0], [np.nan], [np.nan]]])
    assert blocks(more).effects == pytest.approx(blocks(Y).effects)
    assert blocks(more).freedom == blocks(Y).freedom


@given(st.integers(0, 50), st.lists(st.floats(-1e3, 1e3), min_size=7, max_size=7))
def test_what_a_block_adds_to_all_changes_nothing(seed: int, added: list[float]) -> None:
    Y = gappy(seed)
    moved = blocks(Y + np.array(added))
    assert moved.effects == pytest.approx(blocks(Y).effects, abs=1e-9)
    assert moved.squares == pytest.approx(blocks(Y).squares, abs=1e-6)


def test_the_interval_covers_as_often_as_it_says_in_a_race_too() -> None:
    """Two of four treatments are left out after three blocks, whatever they scored."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(2_000):
        Y = rng.normal(size=(4, 6)) + rng.normal(size=6)
        Y[2:, 3:] = np.nan
        low, high = blocks(Y).interval(0, 3, 0.9) or (0.0, 0.0)
        held += low <= 0 <= high
    assert 0.88 < held / 2_000 < 0.92  # four standard errors of the simulation are 2.7 %
