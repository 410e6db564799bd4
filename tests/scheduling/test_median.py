"""The median rule: whom it stops, whom never, and the reason it tells."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import PlanError
from trialist.scheduling.median import MedianRule
from trialist.scheduling.schedulers import SCHEDULERS, GoOn, scheduler_for
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import GO_ON, Action, Decision, Report, Stage, State, TrialRecord


def trial(number: int, values: list[float], state: State = State.COMPLETE, stage: Stage = Stage.SEARCH) -> TrialRecord:
    reports = tuple(Report(step, value) for step, value in enumerate(values, start=1))
    loss = values[-1] if state is State.COMPLETE else None
    return TrialRecord(number, state, stage, {}, "", "test", 0, reports=reports, loss=loss)


def decide(others: list[TrialRecord], mine: list[float], stage: Stage = Stage.SEARCH, plan: Plan = PLAN) -> Decision:
    """The decision on the last value of a running trial whose earlier ones were reported before."""
    running = trial(len(others), mine[:-1], State.RUNNING, stage)
    history = History(plan, MIXED, (*others, running))
    return MedianRule().decide(history, Reported(running.number, 0, len(mine), mine[-1]))


FLAT = [trial(i, [0.1 * (i + 1)] * 9) for i in range(8)]


def test_a_trial_worse_than_the_median_at_its_step_is_stopped_with_its_rank() -> None:
    assert decide(FLAT, [0.9, 0.9, 0.65]) == Decision(
        Action.STOP, "rank 7 of 9 at step 3: 0.65 is worse than the median 0.45 of 8 trials"
    )


def test_a_trial_at_the_median_or_better_goes_on() -> None:
    assert decide(FLAT, [0.45, 0.45, 0.45]) == GO_ON
    assert decide(FLAT, [0.9, 0.9, 0.2]) == GO_ON


def test_the_best_value_so_far_is_what_counts() -> None:
    assert decide(FLAT, [0.2, 0.9, 0.9]) == GO_ON


def test_others_are_compared_at_the_same_step() -> None:
    late = [trial(i, [0.9] * 8 + [0.1]) for i in range(8)]
    assert decide(late, [0.5] * 3) == GO_ON
    assert decide(late, [0.5] * 9).action is Action.STOP


def test_no_trial_is_stopped_within_the_first_third_of_the_longest_curve() -> None:
    assert decide(FLAT, [0.9, 0.9]) == GO_ON
    assert decide([*FLAT, trial(8, [0.1] * 12)], [0.9, 0.9, 0.9]) == GO_ON


def test_no_trial_is_stopped_before_five_others_came_as_far() -> None:
    assert decide(FLAT[:4], [0.9] * 5) == GO_ON
    assert decide(FLAT[:5], [0.9] * 5).action is Action.STOP
    short = [trial(i, [0.1] * 3) for i in range(4)]
    assert decide([*short, trial(4, [0.1] * 9)], [0.9] * 5) == GO_ON


@pytest.mark.parametrize("stage", [Stage.BASELINE, Stage.SELECT])
def test_the_baseline_and_finalists_are_never_stopped(stage: Stage) -> None:
    assert decide(FLAT, [9.0] * 9, stage) == GO_ON


def test_curves_of_failed_running_and_rescored_trials_do_not_count() -> None:
    perfect = [0.0] * 9
    noise = [
        *(trial(8 + i, perfect, State.FAILED) for i in range(5)),
        *(trial(13 + i, perfect, State.RUNNING) for i in range(5)),
        *(trial(18 + i, perfect, stage=Stage.SELECT) for i in range(5)),
    ]
    assert decide([*FLAT, *noise], [0.42] * 3) == GO_ON


def test_stopped_trials_count_as_far_as_they_came() -> None:
    stopped = [trial(8 + i, [0.01] * 3, State.STOPPED) for i in range(9)]
    assert decide([*FLAT, *stopped], [0.42] * 3).action is Action.STOP
    assert decide([*FLAT, *stopped], [0.42] * 4) == GO_ON


def test_maximized_metrics_are_compared_and_shown_in_their_own_sign() -> None:
    plan = replace(PLAN, objectives=(Objective("accuracy", Direction.MAXIMIZE),))
    assert decide(FLAT, [0.7] * 3, plan=plan) == GO_ON
    assert decide(FLAT, [0.25] * 3, plan=plan).reason == (
        "rank 7 of 9 at step 3: 0.25 is worse than the median 0.45 of 8 trials"
    )


def test_a_diverged_trial_is_stopped() -> None:
    assert decide(FLAT, [float("nan")] * 3).action is Action.STOP
    diverged = [trial(i, [float("nan")] * 9) for i in range(8)]
    assert decide(diverged, [float("nan")] * 3) == GO_ON


NUMBERS = st.floats(-9, 9).map(lambda value: round(value, 9))  # so that a scale changes no order


@given(
    curves=st.lists(st.lists(NUMBERS, min_size=1, max_size=6), min_size=0, max_size=9),
    mine=st.lists(NUMBERS, min_size=1, max_size=6),
    shift=st.integers(-3, 3),
)
def test_order_and_scale_do_not_matter(curves: list[list[float]], mine: list[float], shift: int) -> None:
    others = [trial(i, values) for i, values in enumerate(curves)]
    scaled = [trial(i, [v * 2.0**shift for v in values]) for i, values in enumerate(curves)]
    decision = decide(others, mine)
    assert decide(others[::-1], mine) == decision
    assert decide(scaled, [v * 2.0**shift for v in mine]).action is decision.action


def test_a_longer_curve_of_the_same_trial_replaces_the_remembered_one() -> None:
    rule = MedianRule()
    running = trial(8, [0.5, 0.5], State.RUNNING)
    for others in (FLAT, [trial(i, [0.9] * 9) for i in range(8)]):
        history = History(PLAN, MIXED, (*others, running))
        report = Reported(8, 0, 3, 0.6)
        assert rule.decide(history, report) == MedianRule().decide(history, report)


def test_schedulers_by_name() -> None:
    assert isinstance(scheduler_for("median"), MedianRule)
    assert isinstance(scheduler_for("none"), GoOn)
    assert [scheduler_for(name).name for name in SCHEDULERS] == list(SCHEDULERS)
    with pytest.raises(PlanError, match=r"scheduler: 'medain' is not a scheduler\. Use 'median'; there are auto"):
        scheduler_for("medain")


def test_without_a_scheduler_every_trial_runs_to_its_end() -> None:
    history = History(PLAN, MIXED, (*FLAT, trial(8, [9.0] * 8, State.RUNNING)))
    assert GoOn().decide(history, Reported(8, 0, 9, 9.0)) == GO_ON


def test_trials_that_violate_a_constraint_are_no_measure_for_others() -> None:
    cheats = [replace(r, constraints={"ms": 1.0}) for r in FLAT]
    assert decide(cheats, [0.9, 0.9, 0.9]) == GO_ON
    assert decide([replace(r, constraints={"ms": -1.0}) for r in FLAT], [0.9, 0.9, 0.9]).action is Action.STOP
