"""The interval unrolled: continuous, onto, undone exactly, and flat at the bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.numerics.folding import EDGE, fold, unfold, unfold_near

LINE = np.linspace(-2.0, 3.0, 10_001)


def test_the_line_is_folded_into_the_interval_without_a_jump() -> None:
    x = fold(LINE)
    assert x.min() >= 0.0
    assert x.max() <= 1.0
    assert np.abs(np.diff(x)).max() <= np.diff(LINE).max() * 1.001  # its slope is at most 1


def test_the_middle_is_itself_and_the_bounds_are_turning_points() -> None:
    middle = np.linspace(EDGE, 1 - EDGE, 50)
    assert fold(middle) == pytest.approx(middle)
    assert fold(np.array([-EDGE, 1 + EDGE])) == pytest.approx([0.0, 1.0], abs=1e-15)
    step = np.array([0.01, 0.07, 0.3])
    assert fold(-EDGE - step) == pytest.approx(fold(-EDGE + step))
    assert fold(1 + EDGE + step) == pytest.approx(fold(1 + EDGE - step))


@given(st.floats(0.0, 1.0))
def test_unfolding_is_undone_by_folding(x: float) -> None:
    assert fold(unfold(np.array([x]))) == pytest.approx([x], abs=1e-15)


@given(st.floats(-0.5, 1.5))
def test_a_position_is_found_again_near_itself(v: float) -> None:
    near = np.array([v])
    assert unfold_near(fold(near), near) == pytest.approx(near, abs=1e-7)
