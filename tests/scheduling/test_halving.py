"""Successive halving: who goes on, who is stopped or left behind, and when nobody is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import PlanError
from trialist.model.audit import FIRST, MARK, UPWARDS, audit, was_audited, wrong_stops
from trialist.numerics.keys import Key
from trialist.scheduling.brackets import bracket_of
from trialist.scheduling.halving import Halving, Hyperband
from trialist.testing.strategies import MIXED, PLAN
from trialist.testing.training import Training
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import (
    GO_ON,
    Action,
    Decision,
    Promotion,
    Report,
    Score,
    Stage,
    State,
    Taken,
    TrialRecord,
)

LENGTH = 27
EPOCHS = replace(PLAN, fidelity=Fidelity("epochs", 1, LENGTH))
CHECKED = (Taken(1, Action.GO_ON, f"{MARK}rank 9 of 9"),)


def trial(number: int, values: list[float], state: State = State.COMPLETE, **more: Any) -> TrialRecord:
    reports = tuple(Report(step, value) for step, value in enumerate(values, start=1))
    if state is State.COMPLETE:
        more = {"loss": values[-1], "metrics": {"loss": Score((values[-1],))}, **more}
    stage = more.pop("stage", Stage.SEARCH)
    record = TrialRecord(number, state, stage, {}, "", "test", 0, reports=reports, length=LENGTH)
    return replace(record, **more)


# Eight full runs in the same order all the way; one of them was checked already, so that the next one is not.
FLAT = [trial(i, [0.1 * (i + 1)] * LENGTH, course=CHECKED if i == 7 else ()) for i in range(8)]


def decide(others: list[TrialRecord], mine: list[float], plan: Plan = PLAN, since: int = 0, **more: Any) -> Decision:
    """The decision of halving by stopping on the last value of a running trial."""
    running = trial(len(others), mine[:-1], State.RUNNING, **more)
    report = Reported(running.number, 0, since + len(mine), mine[-1], of=LENGTH)
    return Halving(by="stopping").decide(History(plan, MIXED, (*others, running)), report)


# By stopping


def test_who_is_not_among_the_best_third_at_a_rung_is_stopped_with_its_rank() -> None:
    decision = decide(FLAT, [0.45] * 3)
    assert decision == Decision(Action.STOP, "rank 5 of 9 at step 3 (0.45): the best 3 go on")


def test_who_is_among_the_best_third_goes_on_and_it_is_kept_why() -> None:
    assert decide(FLAT, [0.25] * 3) == Decision(Action.GO_ON, "rank 3 of 9 at step 3 (0.25): the best 3 go on")


def test_between_rungs_nothing_is_decided() -> None:
    assert decide(FLAT, [9.0] * 2) == decide(FLAT, [9.0] * 4) == decide(FLAT, [9.0] * 10) == GO_ON
    assert decide(FLAT, [9.0] * 9).action is Action.STOP


def test_ties_go_on() -> None:
    flat = [trial(i, [0.5] * LENGTH) for i in range(8)]
    assert decide([*FLAT[:5], *(replace(r, number=r.number + 5) for r in flat)], [0.1] * 3).action is Action.GO_ON
    assert decide(FLAT, [0.3] * 3).action is Action.GO_ON  # as good as the third


@pytest.mark.parametrize("more", [{"stage": Stage.BASELINE}, {"stage": Stage.SELECT}, {"repeats": 3}])
def test_the_default_finalists_and_repeats_are_never_stopped(more: dict[str, Any]) -> None:
    assert decide(FLAT, [9.0] * 3, **more) == GO_ON


def test_nobody_is_stopped_before_the_audit_has_passed_the_rung() -> None:
    assert decide(FLAT[:3], [9.0] * 3) == GO_ON
    turned = [trial(i, [0.1 * (8 - i)] * 8 + [0.1 * i] * 19) for i in range(8)]
    assert decide(turned, [9.0] * 3) == GO_ON
    assert decide(turned, [0.05] * 3) == GO_ON  # nor is anybody chosen


def test_nobody_is_stopped_beside_fewer_others_than_of_whom_one_goes_on() -> None:
    running, report = trial(5, [9.0] * 2, State.RUNNING), Reported(5, 0, 3, 9.0, of=LENGTH)
    records = tuple(replace(r, number=i) for i, r in enumerate(FLAT[3:]))
    history = History(PLAN, MIXED, (*records, running))
    assert Halving(eta=6, by="stopping").decide(history, report) == GO_ON
    assert Halving(eta=5, by="stopping").decide(history, report).action is Action.STOP


def test_the_first_that_would_be_stopped_is_run_to_its_end_to_check() -> None:
    unchecked = [replace(r, course=()) for r in FLAT]
    decision = decide(unchecked, [9.0] * 3)
    assert decision.action is Action.GO_ON and decision.reason.startswith(f"{MARK}rank 9 of 9 at step 3")
    assert decide(FLAT, [9.0] * 9, course=CHECKED) == GO_ON  # and stays one


def test_with_several_objectives_only_the_dominated_are_stopped() -> None:
    plan = replace(PLAN, objectives=(Objective("loss"), Objective("ms")))
    others = []
    for i, record in enumerate(FLAT):
        told = tuple(replace(r, metrics={"ms": 1.0 + i}) for r in record.reports)
        others.append(replace(record, reports=told, metrics={**record.metrics, "ms": Score((1.0 + i,))}))

    def judged(ms: float | None) -> Decision:
        running = trial(8, [9.0] * 2, State.RUNNING)
        beside = {} if ms is None else {"ms": ms}
        report = Reported(8, 0, 3, 9.0, beside, of=LENGTH)
        return Halving(by="stopping").decide(History(plan, MIXED, (*others, running)), report)

    assert judged(9.0).reason == "dominated by 8 of 8 others at step 3: 3 are enough to be stopped"
    assert judged(9.0).action is Action.STOP
    assert judged(0.5).action is Action.GO_ON  # the worst loss, but the fastest
    assert judged(2.5).action is Action.GO_ON  # two are better in both
    assert judged(None).action is Action.GO_ON  # who knows


def test_maximized_metrics_are_told_in_their_own_sign() -> None:
    plan = replace(PLAN, objectives=(Objective("loss", Direction.MAXIMIZE),))
    others = [replace(r, loss=-0.1 * (i + 1)) for i, r in enumerate(FLAT)]
    assert decide(others, [0.45] * 3, plan).reason == "rank 5 of 9 at step 3 (0.45): the best 3 go on"
    assert decide(others, [0.05] * 3, plan).action is Action.STOP


def test_runs_of_other_lengths_are_compared_at_the_same_share_of_their_own() -> None:
    running = trial(8, [9.0] * 10, State.RUNNING, length=270)
    history = History(PLAN, MIXED, (*FLAT, running))
    assert Halving(by="stopping").decide(history, Reported(8, 0, 11, 9.0, of=270)) == GO_ON
    running = replace(running, reports=tuple(Report(s, 9.0) for s in range(1, 30)))
    history = History(PLAN, MIXED, (*FLAT, running))
    assert Halving(by="stopping").decide(history, Reported(8, 0, 30, 9.0, of=270)).action is Action.STOP


# Whole studies


def learner(losses: Callable[[int, float], float], length: int = LENGTH) -> Callable[[TrialRecord, Any], Any]:
    """Trials that reach `losses(number, share)`."""

    def learn(record: TrialRecord, step: Any) -> tuple[int, float]:
        done = (step or 0) + 1
        return done, losses(record.number, done / length)

    return learn


def quality(number: int) -> float:
    return Key(3, number).uniform("quality")


def honest(number: int, share: float) -> float:
    return quality(number) + 0.2 / (share + 0.1)


def turning(number: int, share: float) -> float:
    """The better a run ends, the slower it begins."""
    return 1 - quality(number) if share < 0.5 else quality(number)


def played(
    halving: Halving, losses: Callable[[int, float], float], plan: Plan, trials: int = 60, **more: Any
) -> Training:
    study = Training(plan, MIXED, learner(losses), LENGTH, trials, **more)
    study.play(halving)
    return study


def best_of(study: Training) -> float:
    return min(r.loss for r in study.records if r.loss is not None and r.state is State.COMPLETE)


@pytest.mark.parametrize("make", [lambda: Halving(by="stopping"), Hyperband, lambda: Hyperband(by="stopping"), Halving])
@pytest.mark.parametrize("plan", [PLAN, EPOCHS])
@pytest.mark.parametrize("workers", [1, 4])
def test_honest_curves_cost_a_fraction_and_the_best_is_found(
    make: Callable[[], Halving], plan: Plan, workers: int
) -> None:
    study = played(make(), honest, plan, workers=workers)
    assert study.steps < 0.55 * 60 * LENGTH
    assert best_of(study) == min(honest(n, 1.0) for n in range(60))
    assert not audit(study.history).words


@pytest.mark.parametrize("make", [lambda: Halving(by="stopping"), Hyperband, Halving, lambda: Halving(by="promotion")])
@pytest.mark.parametrize("plan", [PLAN, EPOCHS])
def test_where_early_looks_mislead_they_are_soon_not_believed(make: Callable[[], Halving], plan: Plan) -> None:
    study = played(make(), turning, plan)
    assert best_of(study) == min(turning(n, 1.0) for n in range(60))
    assert audit(study.history).active == ()
    halted = [r for r in study.records if r.state in (State.PAUSED, State.STOPPED)]
    assert len(halted) <= 3


def test_with_few_full_runs_in_the_budget_fewer_are_run_first() -> None:
    plan = replace(EPOCHS, budget=Budget(full_runs=5))
    opened = [Halving().start(History(plan, MIXED, FLAT[:1]), Key(0, n)) for n in (1, 2)]
    assert opened == [None, 1]
    assert [Halving().start(History(EPOCHS, MIXED, FLAT[:1]), Key(0, n)) for n in (4, 5)] == [None, 1]


# By promotion


def paused(values: list[float], first: int = 100) -> History:
    """Trials paused after one epoch, beside full runs that have shown that this tells something."""
    waiting = [
        replace(trial(first + i, [value], State.PAUSED), fidelity=1, course=(Taken(1, Action.PAUSE, "came to 1"),))
        for i, value in enumerate(values)
    ]
    return History(EPOCHS, MIXED, tuple(waiting))


@given(st.lists(st.integers(-50, 50), min_size=0, max_size=30, unique=True))
def test_exactly_the_best_third_goes_on_best_first(values: list[int]) -> None:
    """But for the one in six that is checked."""
    history, halving, order = paused([float(v) for v in values]), Halving(), []
    while (promotion := halving.resume(history, Key(0, 500))) is not None:
        order.append(promotion)
        records = list(history.records)
        row = promotion.number - 100
        reports = (*records[row].reports, Report(3, records[row].reports[0].value))
        taken = (*records[row].course, Taken(1, Action.RESUME, promotion.reason))
        records[row] = replace(records[row], state=State.RUNNING, reports=reports, course=taken)
        history = History(EPOCHS, MIXED, tuple(records))
    merit = [history[p.number].reports[0].value for p in order if not p.reason.startswith(MARK)]
    checks = [p for p in order if p.reason.startswith(MARK)]
    assert merit == sorted(values)[: len(merit)]
    assert len(merit) == len(values) // 3
    assert len(checks) <= UPWARDS * (len(order) + 1)
    assert all(p.fidelity == 3 for p in order)


def test_the_order_in_which_trials_came_does_not_matter() -> None:
    history = paused([5.0, 3.0, 9.0, 1.0, 7.0, 2.0])
    turned = History(EPOCHS, MIXED, history.records[::-1])
    assert Halving().resume(history, Key(0, 9)) == Halving().resume(turned, Key(0, 9))
    assert Halving().resume(history, Key(0, 9)) == Promotion(
        103, "rank 1 of 6 at epochs = 1: goes on to epochs = 3", fidelity=3
    )


def test_the_highest_rung_comes_first_and_with_fewer_than_three_nobody_goes_on() -> None:
    assert Halving().resume(paused([1.0, 2.0]), Key(0, 9)) is None
    low = paused([1.0, 2.0, 3.0]).records
    high = [trial(200 + i, [5.0 + i] * 3, State.PAUSED, course=(Taken(1, Action.RESUME, "rank 1"),)) for i in range(3)]
    found = Halving().resume(History(EPOCHS, MIXED, (*low, *high)), Key(0, 9))
    assert found is not None and (found.number, found.fidelity) == (200, 9)


def test_one_in_six_that_go_on_was_left_behind_and_is_counted() -> None:
    study = played(Halving(), honest, EPOCHS, trials=120)
    taken = [t for r in study.records for t in r.course if t.action is Action.RESUME]
    checks = [t for t in taken if t.reason.startswith(MARK)]
    assert 0.08 < len(checks) / len(taken) <= 0.2
    assert wrong_stops(study.history).audited == sum(was_audited(r) for r in study.records) > 0


def test_full_runs_that_tell_nothing_on_the_way_climb_rung_by_rung_instead() -> None:
    plan = replace(PLAN, fidelity=Fidelity("share of data", 0.1, 1.0))
    default = replace(trial(0, [1.0]), reports=(), stage=Stage.BASELINE)
    assert Halving().start(History(plan, MIXED, (default,)), Key(0, 1)) == 0.1
    waiting = replace(trial(1, [9.0], State.PAUSED, length=None), reports=(Report(0.1, 9.0),))
    found = Halving().resume(History(plan, MIXED, (default, waiting)), Key(0, 2))
    assert found is not None and found.fidelity == 0.32 and found.reason.startswith(FIRST)


def test_runs_with_steps_alone_are_paused_at_rungs_if_asked_for() -> None:
    study = played(Halving(by="promotion"), honest, PLAN, trials=40)
    assert not any(r.state is State.STOPPED for r in study.records)
    assert not any(r.course for r in study.records[:5])  # the default and four more run in full
    waiting = {len(r.reports) for r in study.records if r.state is State.PAUSED}
    assert waiting <= {1, 3, 9} and 1 in waiting
    assert best_of(study) == min(honest(n, 1.0) for n in range(40))


def test_halving_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(PlanError, match=r"eta: 1 is not above 1\. Give 2 or more"):
        Halving(eta=1)
    with pytest.raises(PlanError, match=r"by: 'luck' is no way of halving"):
        Halving(by="luck")
    assert repr(Halving(eta=4)) == "Halving(eta=4, by=None)"


# Hyperband


def test_brackets_take_turns_as_often_as_hyperband_has_trials_in_them() -> None:
    found = bracket_of(np.arange(490), rungs=3, eta=3)
    assert np.bincount(found).tolist() == [10 * n for n in (27, 12, 6, 4)]
    early = np.bincount(found[:20], minlength=4)
    assert (early > 0).all()


def test_trials_of_a_bracket_begin_at_its_rung_and_are_compared_among_themselves() -> None:
    study = played(Hyperband(), honest, EPOCHS, trials=90)
    brackets = bracket_of(np.arange(90), rungs=3, eta=3)
    begun = {b: {study.records[n].course[0].step for n in range(5, 90) if brackets[n] == b} for b in range(3)}
    assert begun == {0: {1}, 1: {3}, 2: {9}}
    assert all(not study.records[n].course for n in range(5, 90) if brackets[n] == 3)
