"""The learning-curve model as a scheduler: hopeless runs end, others go on; it knows when it knows nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from trialist.model.audit import MARK, was_audited
from trialist.scheduling.auto import Auto
from trialist.scheduling.curve import CurveModel
from trialist.scheduling.median import MedianRule
from trialist.scheduling.outlook import Outlook
from trialist.testing.strategies import MIXED, PLAN
from trialist.testing.training import Training
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import (
    GO_ON,
    Action,
    Decision,
    Report,
    Score,
    Stage,
    State,
    Taken,
    TrialRecord,
)

T = np.arange(1, 31) / 30
Family = Callable[[np.random.Generator], np.ndarray]


def power(rng: np.random.Generator) -> np.ndarray:
    drop, b = rng.exponential(), np.exp(rng.normal(-0.7, 0.4))
    return rng.random() + 0.2 * drop * (T**-b - 1) + 0.01 * rng.normal(size=len(T))


def cosine(rng: np.random.Generator) -> np.ndarray:
    """Falls late, as under a cosine schedule: no power law at all."""
    end = rng.random()
    return end + (0.2 + 0.6 * end + 0.3 * rng.random()) * (1 + np.cos(np.pi * T)) + 0.01 * rng.normal(size=len(T))


def crossing(rng: np.random.Generator) -> np.ndarray:
    """The better a run ends, the slower it begins."""
    end = rng.random()
    return np.where(T < 0.4, 1 - end, end) + 0.01 * rng.normal(size=len(T))


def drawn(family: Family, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([family(rng) for _ in range(n)])


def played(curves: np.ndarray, scheduler: Any, seed: int = 0, plan: Plan = PLAN) -> Training:
    def learn(record: TrialRecord, step: Any) -> tuple[int, float]:
        return (step or 0) + 1, float(curves[record.number, step or 0])

    study = Training(replace(plan, seed=seed), MIXED, learn, curves.shape[1], len(curves))
    study.play(scheduler)
    return study


@pytest.mark.parametrize("family", [power, cosine, crossing])
def test_of_those_stopped_hardly_any_would_have_become_the_best(family: Family) -> None:
    stopped = wrong = steps = 0
    for seed in range(3):
        curves = drawn(family, 50, seed)
        study, best = played(curves, CurveModel(), seed), np.inf
        for record in study.records:
            if record.state is State.STOPPED:
                stopped, wrong = stopped + 1, wrong + bool(curves[record.number, -1] < best)
            else:
                best = min(best, float(curves[record.number, -1]))
        steps += study.steps
    assert stopped > 60
    assert wrong <= 0.05 * stopped
    assert steps < 0.8 * 3 * 50 * len(T)


def test_chances_are_as_often_true_as_they_say() -> None:
    told, came = [], []
    for seed in range(8):
        curves = drawn(power, 60, seed)
        outlook = Outlook.of([(T, y) for y in curves[:30]], curves[:30, -1])
        best = float(np.quantile(curves[:30, -1], 0.1))
        for y in curves[30:]:
            for upto in (4, 10, 20):
                told.append(outlook.chance(T[:upto], y[:upto], best)[0])
                came.append(float(y[-1] < best))
    chances, true = np.array(told), np.array(came)
    assert chances.mean() == pytest.approx(true.mean(), abs=0.06)
    for low, high in ((0.0, 0.05), (0.05, 0.2), (0.2, 0.6), (0.6, 1.01)):
        inside = (chances >= low) & (chances < high)
        assert inside.sum() > 20
        assert true[inside].mean() == pytest.approx(chances[inside].mean(), abs=0.13)


def test_where_early_looks_mislead_nothing_is_ruled_out_by_them() -> None:
    curves = drawn(crossing, 20, 1)
    outlook = Outlook.of([(T, y) for y in curves], curves[:, -1])
    assert outlook.shares[0] > 0.3
    assert outlook.chance(T[:6], np.full(6, 99.0), 0.1)[0] == 1.0


def test_losses_in_other_units_make_the_same_decisions() -> None:
    curves = drawn(power, 30, 2)
    one, other = (played(c, CurveModel()) for c in (curves, 4096 * curves))
    assert [d.action for _, d in one.decisions] == [d.action for _, d in other.decisions]


def trial(number: int, values: list[float], state: State = State.COMPLETE, **more: Any) -> TrialRecord:
    reports = tuple(Report(step, value) for step, value in enumerate(values, start=1))
    if state is State.COMPLETE:
        more = {"loss": values[-1], "metrics": {"loss": Score((values[-1],))}, **more}
    stage = more.pop("stage", Stage.SEARCH)
    record = TrialRecord(number, state, stage, {}, "", "test", 0, reports=reports, length=len(T))
    return replace(record, **more)


CURVES = np.sort(drawn(power, 12, 3), axis=0)
CHECKED = (Taken(1, Action.GO_ON, f"{MARK}0.1 % likely"),)
FULL = [trial(i, list(y), course=CHECKED if i == 11 else ()) for i, y in enumerate(CURVES)]


def decide(mine: list[float], others: list[TrialRecord] = FULL, plan: Plan = PLAN, **more: Any) -> Decision:
    running = trial(len(others), mine[:-1], State.RUNNING, **more)
    report = Reported(running.number, 0, len(mine), mine[-1], of=len(T))
    return CurveModel().decide(History(plan, MIXED, (*others, running)), report)


def test_a_hopeless_run_is_stopped_and_told_what_it_would_have_had_to_beat() -> None:
    decision = decide(list(CURVES[-1, :12] + 3))
    assert decision.action is Action.STOP
    best = f"likely to beat the {CURVES[0, -1]:.4g} of trial 0: about "
    assert best in decision.reason and decision.reason.endswith(
        "is expected at its end, by its 12 reports up to step 12"
    )


def test_a_run_that_is_better_than_the_best_already_goes_on() -> None:
    assert decide([9.0] * 9 + [CURVES[0, -1] - 0.01]) == GO_ON


def test_few_finished_runs_or_few_reports_stop_nobody() -> None:
    assert decide([99.0] * 12, FULL[:5]) == GO_ON
    assert decide([99.0] * 2) == GO_ON
    sparse = [replace(r, reports=r.reports[-2:]) for r in FULL]
    assert decide([99.0] * 12, sparse) == GO_ON


@pytest.mark.parametrize(
    "more", [{"stage": Stage.BASELINE}, {"stage": Stage.SELECT}, {"repeats": 1}, {"course": CHECKED}]
)
def test_the_default_finalists_repeats_and_checks_run_to_their_end(more: dict[str, Any]) -> None:
    assert decide([99.0] * 12, **more) == GO_ON


def test_several_objectives_are_not_forecast() -> None:
    assert decide([99.0] * 12, plan=replace(PLAN, objectives=(Objective("loss"), Objective("ms")))) == GO_ON


def test_a_diverged_run_is_stopped() -> None:
    assert decide([1.0] * 11 + [float("nan")]).action is Action.STOP


def test_maximized_metrics_are_told_in_their_own_sign() -> None:
    plan = replace(PLAN, objectives=(Objective("loss", Direction.MAXIMIZE),))
    turned = [
        trial(i, list(-y), loss=y[-1], course=r.course) for i, (y, r) in enumerate(zip(CURVES, FULL, strict=True))
    ]
    decision = decide(list(-CURVES[-1, :12] - 3), turned, plan)
    assert decision.action is Action.STOP
    assert f"beat the {-CURVES[0, -1]:.4g} of trial 0" in decision.reason


def test_the_first_hopeless_run_goes_on_to_check() -> None:
    decision = decide([99.0] * 12, [replace(r, course=()) for r in FULL])
    assert decision.action is Action.GO_ON and decision.reason.startswith(MARK)
    assert sum(was_audited(r) for r in played(drawn(power, 50, 5), CurveModel()).records) >= 1


# What is done where nobody chose


LIMITED = replace(PLAN, budget=Budget(full_runs=20))


@pytest.mark.parametrize("plan", [PLAN, LIMITED])
def test_by_default_only_what_will_hardly_become_the_best_is_stopped(plan: Plan) -> None:
    curves = drawn(power, 60, 6)
    by_default, by_model = played(curves, Auto(), plan=plan), played(curves, CurveModel(), plan=plan)
    assert by_default.decisions == by_model.decisions
    assert by_default.steps < curves.size


@pytest.mark.parametrize("family", [power, cosine, crossing])
def test_by_default_the_best_of_many_is_found_for_less(family: Family) -> None:
    ranks = []
    for seed in range(2):
        curves = drawn(family, 50, seed)
        study = played(curves, Auto(), seed, LIMITED)
        best = study.history.best
        assert best is not None and best.loss is not None
        ranks.append(float(np.mean(curves[:, -1] < best.loss)))
        assert study.steps < 0.8 * curves.size
    assert np.mean(ranks) <= 0.03


def test_the_median_rule_is_deceived_where_the_default_is_not() -> None:
    """Why it is not the default any more."""
    lost = {MedianRule: 0.0, Auto: 0.0}
    for seed in range(2):
        curves = drawn(crossing, 50, seed)
        for make in lost:
            best = played(curves, make(), seed, LIMITED).history.best
            assert best is not None and best.loss is not None
            lost[make] += float(np.mean(curves[:, -1] < best.loss)) / 2
    assert lost[Auto] <= 0.02 <= lost[MedianRule] - 0.02
