"""Changes beside differences: what they let expect of an order, and where runs stand still."""

from __future__ import annotations

import numpy as np
import pytest

from trialist.model.changes import EXPECTED, FEWEST, STILL, expected_agreement, standstills

N = 8
START = np.linspace(1.0, 2.0, N)[:, None]
APART = float(np.subtract(*np.quantile(START, [0.75, 0.25])) / 1.349)  # by how much they differ


def came(column: np.ndarray, runs: int) -> np.ndarray:
    """The column where only the first so many runs came."""
    return np.where(np.arange(len(column))[:, None] < runs, column, np.nan)


def test_runs_that_have_not_moved_stand_still_and_those_that_have_do_not() -> None:
    moved = [START, START - 0.9 * STILL * APART, START - 0.9 * STILL * APART, START - 1.0]
    assert standstills(moved) == [False, True, True, False]
    assert standstills([START, START - 1.1 * STILL * APART]) == [False, False]


def test_a_few_that_have_moved_make_no_difference_but_a_third_does() -> None:
    for runs, is_still in ((N // 8, True), (N // 3 + 1, False)):
        here = START.copy()
        here[:runs] -= 0.5
        assert standstills([START, here]) == [False, is_still]


def test_where_too_few_came_to_tell_it_is_as_at_the_rung_below() -> None:
    for below, is_still in ((START, True), (START - 1.0, False)):
        assert standstills([START, below, came(START - 2.0, FEWEST - 1)]) == [False, is_still, is_still]
        assert standstills([START, below, came(below - 2.0, FEWEST)])[2] is False
    assert standstills([START, came(START, FEWEST - 1)]) == [False, False]


def test_runs_that_are_all_alike_stand_still_as_well() -> None:
    chance = np.full((N, 1), 0.9)  # the error of guessing, before anything is learnt
    assert standstills([chance, chance, START]) == [False, True, False]


def test_with_several_objectives_all_must_stand_still() -> None:
    both = np.column_stack([START, START])
    half = np.column_stack([START, START - 1.0])
    assert standstills([both, both]) == [False, True]
    assert standstills([both, half]) == [False, False]


def test_diverged_runs_say_nothing_of_movement() -> None:
    here = START.copy()
    here[0] = np.inf
    assert standstills([here, START]) == [False, True]


@pytest.mark.parametrize("change", [0.1, 1.0, 10.0])
def test_the_more_runs_change_beside_how_they_differ_the_less_is_expected(change: float) -> None:
    ends = came(START - change * APART, 1)
    tau = expected_agreement([START], [START], ends)[0]
    assert tau == pytest.approx(min(EXPECTED, 2 / np.pi * np.arctan2(1.0, 0.4 * change)))


def test_a_rung_is_expected_to_tell_no_more_than_those_above_it() -> None:
    ends = came(START - 3.0, 1)
    columns = [START, START / 100]
    alone = expected_agreement(columns[:1], columns[:1], ends)[0]
    below, above = expected_agreement(columns, columns, ends)  # above they hardly differ, and still change by 2
    assert below == above < alone / 10


def test_how_runs_differ_is_read_off_those_whom_nothing_has_chosen() -> None:
    chosen = came(2.0 + START / 100, FEWEST)  # the best, who are much alike
    ends = came(chosen - 1.5, 1)
    nobody = np.full((N, 1), np.nan)
    assert expected_agreement([START, chosen], [START, nobody], ends)[1] > 0.3  # taken to differ as below
    assert expected_agreement([START, chosen], [START, chosen], ends)[1] < 0.1
