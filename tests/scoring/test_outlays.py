"""What configurations take beside each other: by cost, else by time, and only where it is more than chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.stopping.histories import SQUARE, record
from trialist.scoring.outlays import outlays
from trialist.trials.trial import State, TrialRecord


def test_by_cost_where_all_told_it_and_by_time_else() -> None:
    records = [record(0, 1.0, x=0.1, seconds=9.0, cost=1.0), record(1, 1.0, x=0.2, seconds=3.0, cost=3.1)]
    spent = outlays(records, SQUARE)
    assert spent.what == "cost" and spent.times(1, 0) == pytest.approx(3.1)
    untold = outlays([*records, record(2, 1.0, x=0.3, seconds=9.1, cost=None)], SQUARE)
    assert untold.what == "time" and untold.times(0, 1) == pytest.approx(3.0)
    assert untold.times(0, 2) is None  # a percent is chance


def test_all_runs_of_a_configuration_count_together() -> None:
    records = [record(0, 1.0, x=0.1, seconds=2.0, cost=None), record(1, 1.0, x=0.1, seconds=4.0, cost=None)]
    failed = replace(record(2, 1.0, x=0.1, seconds=400.0, cost=None), state=State.FAILED)
    spent = outlays([*records, failed], SQUARE)
    assert spent.of == {0: 3.0, 1: 3.0} and spent.runs == {0: 2, 1: 2}


def test_times_that_vary_by_chance_tell_less() -> None:
    def alternating(factor: Callable[[int], float]) -> list[TrialRecord]:
        """Two configurations in turns, one of which takes 20 seconds and the other 14, times a factor."""
        took = [(20.0, 14.0)[i % 2] * factor(i) for i in range(8)]
        return [record(i, 1.0, x=0.1 * (i % 2), seconds=seconds, cost=None) for i, seconds in enumerate(took)]

    steady, wild = alternating(lambda i: 1 + 0.01 * i), alternating(lambda i: 3.0 ** (i // 2 % 2))
    assert outlays(steady, SQUARE).times(0, 1) == pytest.approx(1.41, abs=0.02)
    assert outlays(wild, SQUARE).times(0, 1) is None


def test_moments_are_not_compared() -> None:
    records = [record(0, 1.0, x=0.1, seconds=0.9, cost=None), record(1, 1.0, x=0.2, seconds=0.001, cost=None)]
    assert outlays(records, SQUARE).times(0, 1) is None


def test_nothing_is_known_of_what_nobody_told() -> None:
    spent = outlays([record(0, 1.0, seconds=None, cost=None), record(1, 1.0, x=0.9, seconds=0.0, cost=0.0)], SQUARE)
    assert spent.of == {} and spent.times(0, 1) is None
