"""Budgets are hard: of money, time and fidelity, for a study, a stage and a trial; and leave room for a verdict."""

from __future__ import annotations

import math
import random
import threading
import time
from pathlib import Path

import pytest

import trialist as tl
from trialist.study.events import StageEnded, StageStarted, Told
from trialist.trials.trial import Action, Cause

SPACE = tl.Space(x=tl.Float(0.0, 1.0, default=0.9), k=tl.Categorical(["a", "b"], default="b"))


def loss(trial: tl.Trial) -> float:
    return float((trial["x"] - 0.3) ** 2 + (trial["k"] == "b"))


def tune(objective: object, budget: tl.Budget, **rest: object) -> tl.Study:
    given = {"minimize": "loss", "store": "memory", "strategy": "random", "progress": False, **rest}
    return tl.tune(objective, SPACE, budget=budget, **given)  # type: ignore[arg-type]


def stepwise(trial: tl.Trial) -> float:
    """Each of ten steps costs as much as the configuration says; one in five is ten times as dear."""
    each = 0.1 * (10.0 if trial.number % 5 == 3 else 1.0)
    for step in trial.steps(10):
        trial.spend(each)
        trial.report(loss(trial) + 1 / step)
    return loss(trial)


def test_money_told_on_the_way_is_never_overspent() -> None:
    study = tune(stepwise, tl.Budget(cost=25.0))
    assert 15.0 < study.spent["cost"] <= 25.0
    assert study.spent["cost"] == pytest.approx(math.fsum(r.cost or 0.0 for r in study.trials))
    assert study.selection is not None and study.best is not None


def test_a_trial_is_stopped_before_it_exceeds_its_own_limit_of_money() -> None:
    study = tune(stepwise, tl.Budget(trials=8), trial_cost=4.0)
    dear = [r for r in study.trials if r.number % 5 == 3]
    assert dear and all(r.state is tl.State.STOPPED and (r.cost or 0.0) <= 4.0 for r in dear)
    assert all("the limit of a trial is 4" in r.stop_reason for r in dear)
    assert all(taken.action is Action.STOP for r in dear for taken in r.course[-1:])
    assert all(r.is_scored for r in study.trials if r.number % 5 != 3)


def test_tokens_are_priced_by_the_budget() -> None:
    def talks(trial: tl.Trial) -> float:
        trial.spend(0.5)
        assert trial.spend(prompt=1000, completion=100) == pytest.approx(0.5 + 0.003 + 0.0015)
        with pytest.raises(tl.ResultError, match="prompt or completion"):
            trial.spend(images=1)
        return loss(trial)

    prices = {"prompt": 3e-6, "completion": 1.5e-5}
    study = tune(talks, tl.Budget(trials=3, cost=100.0, per_token=prices))
    assert study.trials[0].cost == pytest.approx(0.5045)
    free = tune(lambda trial: trial.spend(tokens=9) + loss(trial), tl.Budget(trials=2), name="free")
    assert all(r.cost == 0.0 for r in free.trials)  # without prices tokens cost nothing, and are no mistake


def test_failed_trials_cost_as_well() -> None:
    def breaks(trial: tl.Trial) -> float:
        trial.spend(1.0)
        if trial.number == 2:
            raise RuntimeError("no")
        return loss(trial)

    study = tune(breaks, tl.Budget(trials=5, cost=50.0))
    assert study.trials[2].state is tl.State.FAILED and study.spent["cost"] == 5.0


def naps(trial: tl.Trial) -> float:
    time.sleep(0.05)
    return loss(trial)


def sleeps_at_3(trial: tl.Trial) -> float:
    if trial.number == 3:
        threading.Event().wait(60)
    return naps(trial)


def test_time_is_money_at_a_price_and_what_would_take_more_is_ended(tmp_path: Path) -> None:
    budget = tl.Budget(cost=8.0, per_second=5.0)
    study = tune(sleeps_at_3, budget, workers=2, store=tmp_path / "s.db")
    assert study.spent["cost"] <= 8.0
    assert study.spent["cost"] == pytest.approx(5 * study.spent["compute_seconds"])
    cut = study.trials[3]
    assert cut.state is tl.State.FAILED and cut.failure is not None and cut.failure.cause is Cause.BUDGET
    assert "no more is left of the budget of 8" in cut.failure.message
    assert study.best is not None


def test_a_trial_that_hangs_is_ended_when_the_time_is_over(tmp_path: Path) -> None:
    study = tune(sleeps_at_3, tl.Budget(seconds=3.0), workers=2, store=tmp_path / "s.db")
    cut = [r for r in study.trials if r.failure is not None and r.failure.cause is Cause.BUDGET]
    # On a busy machine another one may run when the time is over.
    assert 3 in [r.number for r in cut] and {r.failure.message for r in cut} == {"the time is over"}
    assert study.selection is not None


def test_trainings_of_the_verification_count_as_spent() -> None:
    def test(params: dict[str, object], seed: int) -> float:
        time.sleep(0.02)
        return float(params["x"])  # type: ignore[arg-type]

    study = tune(naps, tl.Budget(12, compute_seconds=3.0), test=test, test_seeds=3)
    trials = math.fsum(r.seconds or 0.0 for r in study.trials)
    assert study.verdict is not None
    assert trials + 0.1 < study.spent["compute_seconds"] <= 3.0


@pytest.mark.parametrize("budget", [tl.Budget(seconds=0.3), tl.Budget(compute_seconds=0.25), tl.Budget(cost=2.0)])
def test_even_a_tiny_budget_ends_with_a_verdict(budget: tl.Budget) -> None:
    def dear(trial: tl.Trial) -> float:
        trial.cost = 0.5
        return naps(trial)

    study = tune(dear, budget, test=lambda params, seed: float(params["x"]))
    assert study.verdict is not None and study.baseline is not None


def test_a_study_whose_last_trial_failed_ends_with_a_verdict_all_the_same() -> None:
    def breaks(trial: tl.Trial) -> float:
        if trial.stage is not tl.Stage.SELECT and trial.number >= 14:
            raise RuntimeError("no")
        return loss(trial)

    study = tune(breaks, tl.Budget(20), test=lambda params, seed: float(params["x"]))
    assert study.history.explored[-1].state is tl.State.FAILED and len(study.trials) == 20
    assert study.verdict is not None


def test_a_trial_that_waits_when_the_budget_is_used_does_not_keep_the_study_running() -> None:
    study = tl.Study.create(SPACE, minimize="loss", budget=tl.Budget(cost=3.0), store="memory", strategy="random")

    def dear(trial: tl.Trial) -> float:
        trial.cost = 1.0
        return loss(trial)

    study.optimize(dear, trials=2)
    number = study.enqueue({"x": 0.5, "k": "a"})
    for _ in range(4):
        study.enqueue({"x": 0.1, "k": "a"})
    study.optimize(dear)
    assert study.spent["cost"] <= 3.0 and study.trials[number + 3].state is tl.State.WAITING
    study.extend(tl.Budget(cost=30.0))
    study.optimize(dear, trials=6)
    assert not any(r.state is tl.State.WAITING for r in study.trials)


def test_a_dear_configuration_is_not_begun_near_the_end_where_a_cheap_one_still_fits() -> None:
    def by_x(trial: tl.Trial) -> float:
        trial.cost = 0.1 + 10.0 * trial["x"] ** 2
        return loss(trial)

    for seed in range(5):
        study = tune(by_x, tl.Budget(cost=60.0), seed=seed, name=f"s{seed}")
        assert study.spent["cost"] <= 60.0


def test_stages_keep_to_the_shares_that_were_declared() -> None:
    def one(trial: tl.Trial) -> float:
        trial.cost = 1.0
        return loss(trial) + random.Random(trial.seed).gauss(0, 0.1)

    study = tune(one, tl.Budget(cost=60.0, stages={"search": 0.3, "refine": 0.1, "select": 0.2}))
    by_stage = {stage: sum(r.stage is stage for r in study.trials) for stage in tl.Stage}
    assert 1 + by_stage[tl.Stage.SEARCH] <= 19
    assert by_stage[tl.Stage.REFINE] <= 7 and 2 <= by_stage[tl.Stage.SELECT] <= 12


def epochs(trial: tl.Trial) -> float:
    for epoch in trial.steps():
        trial.report(loss(trial) + 1 / epoch)
    return loss(trial)


@pytest.mark.parametrize("workers", [1, 2])
def test_fidelity_is_never_overspent_however_it_is_spread(workers: int) -> None:
    fidelity = tl.Fidelity("epochs", 1, 9)
    study = tune(epochs, tl.Budget(full_runs=8), fidelity=fidelity, scheduler="halving", workers=workers)
    assert 5.0 < study.history.full_runs_used <= 8.0 + 1e-9
    assert len(study.trials) > 8  # more than full runs alone would be


def test_trials_without_any_cost_are_run_all_the_same_though_money_is_limited() -> None:
    study = tune(loss, tl.Budget(trials=12, cost=5.0), workers=2)
    assert len(study.trials) == 12 and study.spent["cost"] == 0.0


def test_an_extended_study_explores_again_refines_again_and_looks_a_second_time(tmp_path: Path) -> None:
    def noisy(trial: tl.Trial) -> float:
        return loss(trial) + random.Random(trial.seed).gauss(0, 0.02)

    plan = {"minimize": "loss", "maximize": None, "trial_seconds": None, "trial_memory": None, "test": "on_test"}
    from trialist.study.declaring import plan_of

    made = plan_of(**plan, budget=20, strategy="auto", scheduler="auto", stopping="none", name="e")
    with tl.Study.open(made, SPACE, tmp_path / "s.db") as study:
        test = lambda params, seed: float(params["x"]) + seed % 5 / 100  # noqa: E731
        list(study.process(noisy, test))
        first, trials = study.verdict, len(study.trials)
        assert first is not None and trials == 20 and study.plan.budget == tl.Budget(trials=20)
        study.extend(40, "a week more was granted")
        assert study.plan.budget == tl.Budget(trials=40) and (study.plan.stages.search or 0) > 20
        events = list(study.process(noisy, test))
        assert [e.stage for e in events if isinstance(e, StageStarted)][:3] == ["plan", "search", "refine"]
        new = study.trials[trials:]
        assert sum(r.stage is tl.Stage.SEARCH for r in new) >= 5
        assert any(r.stage is tl.Stage.REFINE for r in new) and len(study.trials) <= 40
        assert study.verdict == first  # a second look has to be asked for
        list(study.process(noisy, test, again=True))
        assert study.verdict is not None and study.verdict.looks == 2 and "look 2" in study.verdict.sentence
        assert [r.reason for r in study.store.revisions("e")][-1] == "a week more was granted"


def test_why_nothing_more_starts_is_told_once_for_a_stage() -> None:
    def dear(trial: tl.Trial) -> float:
        trial.cost = random.Random(trial.number).lognormvariate(0, 0.5)
        return loss(trial)

    with tl.Study.create(SPACE, minimize="loss", budget=tl.Budget(cost=20), store="memory", strategy="random") as study:
        events = list(study.process(dear))
    told, seen = [], set()
    for event in events:
        if isinstance(event, StageEnded):
            seen.clear()
        if isinstance(event, Told) and "would not fit" in event.text:
            assert event.text.partition(":")[0] not in seen
            seen.add(event.text.partition(":")[0])
            told.append(event.text)
    assert any("the share of this stage in a budget of 20 is used" in line for line in told)


def test_the_forecast_says_what_is_spent_and_what_will_be() -> None:
    def one(trial: tl.Trial) -> float:
        trial.cost = 0.5
        return loss(trial)

    with tl.Study.create(SPACE, minimize="loss", budget=tl.Budget(20, cost=30), store="memory", name="f") as study:
        assert study.forecast().is_unknown and "expected" not in str(study.plan)
        study.optimize(one, trials=5)
        cost = study.forecast()["cost"]
        assert cost.spent == 2.5 and cost.total is not None and cost.total.mean == pytest.approx(10.0, rel=0.01)
        assert cost.total.low <= cost.total.mean <= cost.total.high <= 30
        assert study.forecast().stage("search").startswith("about")
    later = tl.Study.create(
        SPACE, minimize="loss", budget=tl.Budget(20, cost=30), store=study.store, name="g", warm_start="f"
    )
    assert later.forecast().is_borrowed and "going by the trials of the warm start" in str(later.plan)


def test_a_study_of_cheap_runs_keeps_enough_for_full_ones_and_a_verdict() -> None:
    def dear(trial: tl.Trial) -> float:
        state = trial.checkpoint_dir / "state"
        start = int(state.read_text()) if state.exists() else 0
        for epoch in trial.steps(start=start):
            trial.spend(10 ** random.Random(trial["x"]).gauss(-2, 0.4))
            state.write_text(str(epoch))
            trial.report(loss(trial) + 1 / epoch)
        return loss(trial)

    fidelity, cheap = tl.Fidelity("epochs", 1, 27), 0
    for seed in range(3):
        study = tune(
            dear, tl.Budget(cost=5.0), fidelity=fidelity, scheduler="halving", seed=seed, name=f"cheap{seed}",
            test=lambda params, seed: float(params["x"]),
        )  # fmt: skip
        assert study.verdict is not None and study.baseline is not None and study.spent["cost"] <= 5.0
        cheap += len(study.history.paused)
    assert cheap > 0


def test_a_guess_of_how_many_trials_the_time_allows_ends_nothing_where_their_number_is_limited_too() -> None:
    """The first trials were slow; a study that is run again goes on as long as there is time."""

    def slow_at_first(trial: tl.Trial) -> float:
        time.sleep(0.08 if trial.number < 3 else 0.02)
        return loss(trial)

    budget = tl.Budget(trials=1000, seconds=2.5)
    with tl.Study.create(SPACE, minimize="loss", budget=budget, store="memory", name="g", strategy="random") as study:
        study.optimize(slow_at_first, trials=3)
        for _ in study.process(slow_at_first):
            pass
        searched = [r for r in study.trials if r.stage is tl.Stage.SEARCH]
        # Of the ten that three slow ones promise; a busy machine uses the time up with fewer.
        assert len(searched) > 20 or study.spent["seconds"] > 0.6 * 2.5


def tells_at_its_end(trial: tl.Trial) -> float:
    """Money by the second, told at the end: ten units in each."""
    began = time.monotonic()
    if trial.number == 3:
        threading.Event().wait(60)
    time.sleep(0.1 + 0.1 * trial["x"])
    trial.cost = 10.0 * (time.monotonic() - began)
    return loss(trial)


def test_a_trial_that_tells_its_money_at_its_end_is_ended_by_its_time_where_money_follows_that(tmp_path: Path) -> None:
    study = tune(tells_at_its_end, tl.Budget(cost=30.0), workers=2, store=tmp_path / "s.db")
    cut = study.trials[3]
    assert cut.state is tl.State.FAILED and cut.failure is not None and cut.failure.cause is Cause.BUDGET
    assert cut.seconds is not None and cut.cost is not None and 5 * cut.seconds < cut.cost < 20 * cut.seconds
    assert study.spent["cost"] <= 30.0 and study.best is not None


def test_trials_in_this_process_that_report_are_held_to_money_they_tell_at_their_end() -> None:
    def steps(trial: tl.Trial) -> float:
        began = time.monotonic()
        for step in trial.steps(40 if trial.number == 3 else 4):
            time.sleep(0.02)
            trial.report(loss(trial) + 1 / step)
        trial.cost = 10.0 * (time.monotonic() - began)
        return loss(trial)

    study = tune(steps, tl.Budget(cost=8.0))
    assert study.trials[3].state is tl.State.STOPPED and "no more is left of the budget" in study.trials[3].stop_reason


def test_money_told_at_the_end_that_has_nothing_to_do_with_time_starts_only_what_fits_at_most() -> None:
    """Half a unit nearly always, and now and then three: what one of them may take stays free to the end."""

    def leaps(trial: tl.Trial) -> float:
        trial.cost = 3.0 if trial.number % 7 == 5 else 0.5
        return loss(trial)

    for seed in range(3):
        study = tune(leaps, tl.Budget(cost=20.0), seed=seed, name=f"leaps{seed}")
        assert 8.0 < study.spent["cost"] <= 20.0 and len(study.trials) >= 10


def test_money_that_a_dead_run_could_not_tell_is_taken_for_as_much_as_others_took() -> None:
    def dies(trial: tl.Trial) -> float:
        time.sleep(0.02)
        if trial.number in (3, 5, 7):
            raise RuntimeError("before it told")
        trial.cost = 1.0 + 4.0 * trial["x"]
        return loss(trial)

    with tl.Study.create(
        SPACE, minimize="loss", budget=tl.Budget(9, cost=90.0), store="memory", strategy="random"
    ) as s:
        s.optimize(dies)
        from trialist.study.expectations import Expectations

        mean = math.fsum(r.cost or 0.0 for r in s.trials) / 6
        assert 1.5 * mean < Expectations(s._session.history).untold <= 3.001 * 1.5 * mean
