"""The non-dominated rows, against the definition read aloud."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trialist.numerics.pareto import non_dominated

points = hnp.arrays(
    float,
    st.tuples(st.integers(1, 30), st.integers(1, 4)),
    elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, math.inf, -math.inf, math.nan]),
)


def by_definition(Y: np.ndarray) -> list[bool]:
    def dominates(u: np.ndarray, v: np.ndarray) -> bool:
        return bool((u <= v).all() and (u < v).any())

    return [not np.isnan(v).any() and not any(dominates(u, v) for u in Y if not np.isnan(u).any()) for v in Y]


@given(points)
def test_the_front_is_what_the_definition_says(Y: np.ndarray) -> None:
    assert non_dominated(Y).tolist() == by_definition(Y)


@given(points, st.randoms(use_true_random=False))
def test_the_front_does_not_depend_on_the_order_of_rows(Y: np.ndarray, random: object) -> None:
    order = np.arange(len(Y))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert non_dominated(Y[order]).tolist() == non_dominated(Y)[order].tolist()


def test_equal_rows_all_stay() -> None:
    assert non_dominated([[1, 2], [1, 2], [2, 1], [2, 2]]).tolist() == [True, True, True, False]


def test_a_single_objective_keeps_every_row_at_the_minimum() -> None:
    assert non_dominated([[3.0], [1.0], [1.0], [math.nan]]).tolist() == [False, True, True, False]


@pytest.mark.parametrize("shape", [(0, 2), (0, 3)])
def test_no_rows_have_no_front(shape: tuple[int, int]) -> None:
    assert non_dominated(np.empty(shape)).tolist() == []


def test_ten_thousand_rows_that_are_all_on_the_front_stay() -> None:
    x = np.random.default_rng(0).permutation(10_000).astype(float)
    assert non_dominated(np.stack([x, -x], axis=1)).all()
