"""Quantiles against scipy.stats, and the luck of the best of n against closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trialist.numerics.gaussian import expected_optimism, normal_quantile, student_quantile


@given(st.floats(1e-12, 1 - 1e-12), st.floats(0.5, 1e4))
def test_quantiles_agree_with_scipy_stats(p: float, df: float) -> None:
    assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), abs=1e-12)
    assert student_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-6, abs=1e-9)


def test_student_with_infinite_degrees_of_freedom_is_normal() -> None:
    assert student_quantile(0.975, math.inf) == normal_quantile(0.975)
    assert student_quantile(0.975, 1e9) == pytest.approx(normal_quantile(0.975), rel=1e-6)


@pytest.mark.parametrize(
    ("count", "mean"),
    [(1, 0.0), (2, 1 / math.sqrt(math.pi)), (3, 1.5 / math.sqrt(math.pi)), (10, 1.5387527), (100, 2.5075936)],
)
def test_expected_maximum_of_normals_matches_the_published_table(count: int, mean: float) -> None:
    """Closed forms for n up to 3; Harter 1961, table 1, for 10 and 100."""
    assert expected_optimism(count, 1.0) == pytest.approx(mean, abs=2e-6)


def test_optimism_scales_with_the_noise_and_stays_finite_for_huge_studies() -> None:
    assert expected_optimism(50, 0.3) == pytest.approx(0.3 * expected_optimism(50, 1.0))
    assert 5.9 < expected_optimism(10**9, 1.0) < 6.2


def test_optimism_is_what_a_simulated_search_over_equals_reports() -> None:
    best = np.random.default_rng(0).normal(size=(20_000, 30)).max(axis=1)
    assert best.mean() == pytest.approx(expected_optimism(30, 1.0), abs=4 * best.std() / math.sqrt(20_000))
