"""Targets and plateaus."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stopping.histories import ONE, flipped, history, losses, record
from trialist.stopping.plain import LEAST, plateau, target
from trialist.trials.plan import Direction, Objective
from trialist.trials.stopping import Plateau, Target
from trialist.trials.trial import Score, State

TWO = replace(ONE, objectives=(Objective("loss"), Objective("accuracy", Direction.MAXIMIZE)))


def test_a_target_is_reached_by_the_first_trial_at_its_level():
    ending = target(Target(0.5), losses(0.9, 0.51, 0.5, 0.4), 0)
    assert ending is not None
    assert (ending.rule, ending.statistic, ending.threshold, ending.trials) == ("target", 0.5, 0.5, 4)
    assert ending.reason == "trial 2 reached the target: loss 0.5, where 0.5 was asked for"
    assert target(Target(0.3), losses(0.9, 0.51, 0.5, 0.4), 0) is None


def test_a_target_may_have_to_be_reached_by_several():
    seen = losses(0.9, 0.5, 0.7, 0.4, 0.45)
    ending = target(Target(0.5, 3), seen, 0)
    assert ending is not None
    assert ending.reason == "trial 4, the third to do so, reached the target: loss 0.45, where 0.5 was asked for"
    assert target(Target(0.5, 4), seen, 0) is None
    assert target(Target(0.5, 3), seen, since=5) is None


def test_a_target_is_in_the_sign_of_its_metric():
    records, plan = flipped([record(0, -0.7), record(1, -0.9)])
    assert target(Target(0.8), history(records, plan), 0).statistic == 0.9
    assert target(Target(0.95), history(records, plan), 0) is None


def test_a_target_that_was_reached_before_has_nothing_to_say():
    seen = losses(0.9, 0.4, 0.3)
    assert target(Target(0.5), seen, since=2) is None
    assert target(Target(0.5), seen, since=1) is not None


def test_only_full_runs_that_satisfy_their_constraints_reach_a_target():
    stopped = replace(record(0, 0.1), state=State.STOPPED)
    violating = replace(record(1, 0.1), constraints={"gb": 0.2})
    assert target(Target(0.5), history([stopped, violating]), 0) is None


def test_all_levels_are_reached_in_one_trial():
    def both(loss: float, accuracy: float, number: int):
        return replace(record(number, loss), metrics={"loss": Score((loss,)), "accuracy": Score((accuracy,))})

    rule = Target(loss=0.5, accuracy=0.8)
    assert target(rule, history([both(0.4, 0.7, 0), both(0.6, 0.9, 1)], TWO), 0) is None
    assert target(rule, history([both(0.4, 0.7, 0), both(0.5, 0.8, 1)], TWO), 0) is not None


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 20), st.integers(0, 5))
def test_a_plateau_is_what_it_says(values, trials, delta):
    ending = plateau(Plateau(trials, delta), losses(*values), 0)
    n = len(values)
    is_flat = n >= LEAST and n > trials and min(values[: n - trials]) - min(values) <= delta
    assert (ending is not None) == is_flat
    if ending is not None:
        assert ending.statistic == min(values[: n - trials]) - min(values)


def test_a_plateau_counts_from_an_extension_on():
    flat = losses(*[1.0] * 30)
    assert plateau(Plateau(20), flat, since=10) is not None
    assert plateau(Plateau(20), flat, since=11) is None


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e9])
def test_a_front_has_a_plateau_by_the_volume_it_dominates(scale):
    def trial(number: int, loss: float, accuracy: float):
        both = {"loss": Score((scale * loss,)), "accuracy": Score((accuracy,))}
        return replace(record(number, scale * loss), metrics=both)

    early = [trial(i, 1.0 - 0.1 * (i % 5), 0.5 - 0.1 * (i % 5)) for i in range(15)]
    same = [trial(15 + i, 1.0, 0.4) for i in range(10)]
    flat = plateau(Plateau(10), history(early + same, TWO), 0)
    assert flat is not None and flat.statistic == pytest.approx(0.0, abs=1e-12)
    assert "the volume that the front dominates" in flat.reason
    better = [*same[:-1], trial(24, 0.8, 0.45)]
    assert plateau(Plateau(10), history(early + better, TWO), 0) is None
    assert plateau(Plateau(10, 0.5), history(early + better, TWO), 0) is not None
