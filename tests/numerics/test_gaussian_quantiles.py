"""Quantiles against scipy.stats, and the luck of the best of n against closed forms and simulation."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trialist.numerics.gaussian import normal_quantile, student_quantile


@given(st.floats(1e-12, 1 - 1e-12), st.floats(0.5, 1e4))
def test_quantiles_agree_with_scipy_stats(p: float, df: float) -> None:
    assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), abs=1e-12)
    assert student_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-6, abs=1e-9)


def test_student_with_infinite_degrees_of_freedom_is_normal() -> None:
    assert student_quantile(0.975, math.inf) == normal_quantile(0.975)
    assert student_quantile(0.975, 1e9) == pytest.approx(normal_quantile(0.975), rel=1e-6)
