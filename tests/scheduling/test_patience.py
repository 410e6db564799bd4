"""Patience: who no longer improves is stopped, unless it may be the best."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trialist.scheduling.patience import Patience
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import GO_ON, Action, Decision, Report, Score, Stage, State, TrialRecord

BEST = replace(
    TrialRecord(0, State.COMPLETE, Stage.BASELINE, {}, "", "test", 0, length=20),
    loss=0.5,
    metrics={"loss": Score((0.5,))},
)


def decide(mine: list[float], patience: Patience | None = None, plan: Plan = PLAN, **more: Any) -> Decision:
    reports = tuple(Report(step, value) for step, value in enumerate(mine[:-1], start=1))
    running = TrialRecord(1, State.RUNNING, Stage.SEARCH, {}, "", "test", 0, reports=reports, length=20)
    history = History(plan, MIXED, (BEST, replace(running, **more)))
    return (patience or Patience()).decide(history, Reported(1, 0, len(mine), mine[-1], of=20))


def test_a_run_without_improvement_for_a_fifth_of_its_length_is_stopped() -> None:
    falling = [3.0, 2.0, 1.0]
    assert decide([*falling, 1.1, 1.2, 1.3]) == GO_ON
    assert decide([*falling, 1.1, 1.2, 1.3, 1.4]) == Decision(
        Action.STOP, "no improvement in 20 % of the run, up to step 7: its best is 1"
    )


def test_a_small_improvement_is_none_if_so_declared() -> None:
    creeping = [1.0 - 0.001 * i for i in range(12)]
    assert decide(creeping) == GO_ON
    assert decide(creeping, Patience(min_delta=0.01)).action is Action.STOP
    assert decide(creeping, Patience(min_delta=0.003)) == GO_ON  # 0.004 in four steps


def test_a_longer_patience_waits_longer() -> None:
    flat = [1.0] * 11
    assert decide(flat, Patience(share=0.6)) == GO_ON
    assert decide(flat, Patience(share=0.5)).action is Action.STOP


def test_who_is_better_than_every_full_run_goes_on() -> None:
    assert decide([0.4] * 12) == GO_ON
    assert decide([0.5] * 12) == GO_ON
    assert decide([0.51] * 12).action is Action.STOP


@pytest.mark.parametrize("more", [{"stage": Stage.BASELINE}, {"stage": Stage.SELECT}, {"repeats": 0}])
def test_the_default_finalists_and_repeats_run_to_their_end(more: dict[str, Any]) -> None:
    assert decide([9.0] * 12, **more) == GO_ON


def test_a_run_whose_length_nobody_knows_goes_on() -> None:
    running = TrialRecord(0, State.RUNNING, Stage.SEARCH, {}, "", "test", 0)
    history = History(PLAN, MIXED, (running,))
    assert Patience().decide(history, Reported(0, 0, 50, 9.0)) == GO_ON


def test_a_diverged_run_has_no_value_that_could_improve() -> None:
    assert decide([float("nan")] * 6).reason.endswith("it has no finite value")


def test_with_several_objectives_one_that_improves_is_enough() -> None:
    plan = replace(PLAN, objectives=(Objective("loss"), Objective("ms")))
    best = replace(BEST, metrics={"loss": Score((0.5,)), "ms": Score((0.5,))})

    def judged(ms: list[float]) -> Decision:
        reports = tuple(Report(s, 1.0, {"ms": v}) for s, v in enumerate(ms[:-1], start=1))
        running = TrialRecord(1, State.RUNNING, Stage.SEARCH, {}, "", "test", 0, reports=reports, length=20)
        report = Reported(1, 0, len(ms), 1.0, {"ms": ms[-1]}, of=20)
        return Patience().decide(History(plan, MIXED, (best, running)), report)

    assert judged([9.0 - i for i in range(8)]) == GO_ON
    assert judged([9.0] * 8).action is Action.STOP
    assert judged([0.1] * 8) == GO_ON  # nobody is as fast
