"""What is kept aside of a budget is told by number: for the verification, for runs that told no money, in doubt."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

import trialist as tl
from trialist.study.expectations import Expectations
from trialist.study.reserves import for_verification

SPACE = tl.Space(x=tl.Float(0.0, 1.0, default=0.6))
LIMIT = 60.0


def told_at_the_end(trial: tl.Trial) -> float:
    if trial.number % 5 == 3:
        time.sleep(0.05)  # as long as a whole run, so it counts as one
        raise RuntimeError("it broke, and did not say what it had cost")
    time.sleep(0.01 * (trial.number % 2))  # money has nothing to do with time
    trial.cost = 1.5 + 1.5 * trial["x"]
    return (trial["x"] - 0.3) ** 2 + 1e-3 * (trial.seed % 7)


def silent_test(params: dict[str, float], seed: int) -> float:
    return (params["x"] - 0.3) ** 2 + 1e-3 * (seed % 7)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tl.Study:
    return tl.tune(
        told_at_the_end, SPACE, minimize="loss", budget=tl.Budget(cost=LIMIT), strategy="random", stopping="none",
        test=silent_test, store=tmp_path_factory.mktemp("aside") / "s.db", name="aside", seed=1,
    )  # fmt: skip


def test_all_of_a_limit_is_accounted_for_once_the_study_is_over(finished: tl.Study) -> None:
    assert finished.verdict is not None
    cost = finished.forecast()["cost"]
    verification, silent = cost.kept
    assert cost.spent + verification.amount + silent.amount + cost.left == pytest.approx(LIMIT)
    failed = [r for r in finished.history if r.state is tl.State.FAILED]
    expected = Expectations(lambda: finished.history)
    assert f"by {len(failed)} runs that failed" in silent.why and silent.amount == pytest.approx(expected.untold)
    stages = finished.planned().stages
    assert verification.why.startswith("was kept for the verification")
    need = for_verification("cost", LIMIT, finished.history, stages, expected)
    assert verification.amount == pytest.approx(min(need, LIMIT - cost.spent - silent.amount))
    assert verification.amount > 2 * stages.test_seeds  # trainings of two sides, each for more than 1.5
    for amount in (verification.amount, silent.amount):
        assert f"{amount:.3g} " in cost.aside, cost.aside
    assert (f"{cost.left:.3g} is left" in cost.aside) == (cost.left > 0.01 * LIMIT)
    assert f"{verification.amount + silent.amount:.3g} kept aside" in str(cost)
    assert cost.aside in "\n".join(finished.plan.lines())


def test_before_the_verdict_the_reserve_is_kept_and_without_a_test_none_is(tmp_path: Path) -> None:
    for test in ("a held-out part", None):
        study = tl.Study.create(
            SPACE, minimize="loss", budget=tl.Budget(cost=LIMIT), strategy="random", test=test,
            store=tmp_path / f"{test}.db",
        )  # fmt: skip
        assert not study.forecast().aside  # nothing has told yet
        study.optimize(told_at_the_end, trials=3)
        cost = study.forecast()["cost"]
        assert [kept.why for kept in cost.kept] == ["is kept for the verification"] * (test is not None)
        assert "left" not in cost.aside  # more is to come
        study.close()


def test_money_in_doubt_is_told_with_the_runs_that_were_ended(finished: tl.Study) -> None:
    from dataclasses import replace

    from trialist.study.reserves import kept_of
    from trialist.trials.history import History
    from trialist.trials.trial import Cause, Failure, State

    # Money follows seconds, and two runs were ended: what they cost is presumed.
    paced = [
        replace(r, seconds=2.0 * (r.cost or 1.0) * (1.02 if r.number % 2 else 0.98), cost=r.cost)
        for r in finished.history
        if r.state is State.COMPLETE
    ]
    ended = [
        replace(r, state=State.FAILED, cost=2.0, metrics={}, failure=Failure(Cause.BUDGET, "no more is left"))
        for r in paced[-2:]
    ]
    history = History(finished.declared, finished.history.space, (*paced[:-2], *ended))
    expected = Expectations(lambda: history)
    *_, doubt = kept_of(history, finished.planned().stages, expected, {})["cost"]
    assert doubt.why == "is kept in case 2 runs that had to be ended cost more than is presumed"
    assert doubt.amount == pytest.approx((expected.pace.most / expected.pace.mean - 1.0) * math.hypot(2.0, 2.0))
