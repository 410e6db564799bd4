"""Full runs that will hardly become the best end early; what may be a late bloomer runs on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trialist.model.audit import MARK, was_audited
from trialist.numerics.keys import Key
from trialist.scheduling.promotion import ModelPromotion
from trialist.space.parameter import Float
from trialist.space.space import Space
from trialist.testing.strategies import PLAN
from trialist.testing.training import Training
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import Action, Promotion, State, TrialRecord

EPOCHS = 40
SQUARE = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
STUDY = replace(PLAN, fidelity=Fidelity("epochs", 1, EPOCHS), budget=Budget(trials=1000))


class InFull(ModelPromotion):
    """The same with every trial run in full from the start: what is looked at here is how these end."""

    def start(self, history: object, key: object) -> None:
        return None

    def resume(self, history: object, key: object) -> Promotion | None:
        return None


def quality(record: TrialRecord) -> float:
    return float((record.params["x"] - 0.3) ** 2 + (record.params["y"] - 0.6) ** 2)


def honest(q: float, t: float) -> float:
    return q + 0.3 / (1 + 20 * t)


def late(q: float, t: float) -> float:
    """The better, the longer it stands still."""
    begins = 0.75 * (1 - min(1.0, 3 * q))
    return 2.0 - (2.0 - q) * float(-np.expm1(-max(t - begins, 0.0) / 0.04))


def noise(q: float, t: float) -> float:
    """Nothing is to be seen before the last epoch."""
    return q if t >= 1 else float(np.random.default_rng([int(1e12 * q), int(40 * t)]).random())


def played(curve: object, trials: int = 40, seed: int = 0, minimize: bool = True) -> Training:
    sign = 1.0 if minimize else -1.0

    def learn(record: TrialRecord, checkpoint: int | None) -> tuple[int, float]:
        done = (checkpoint or 0) + 1
        return done, sign * curve(quality(record), done / EPOCHS)  # type: ignore[operator]

    objective = STUDY.objective if minimize else replace(STUDY.objective, direction=_maximize())
    plan = replace(STUDY, seed=seed, objectives=(objective,))
    training = Training(plan, SQUARE, learn, EPOCHS, trials)
    training.play(InFull())
    return training


def _maximize() -> object:
    from trialist.trials.plan import Direction

    return Direction.MAXIMIZE


@pytest.mark.parametrize("seed", range(4))
def test_hopeless_runs_end_early_and_never_the_best(seed: int) -> None:
    training = played(honest, seed=seed)
    stopped = [r for r in training.records if r.state is State.STOPPED]
    assert len(stopped) >= 20 and training.steps < 0.75 * 40 * EPOCHS
    assert min(map(quality, training.records)) == min(quality(r) for r in training.records if r.is_scored)
    first = min(stopped, key=lambda r: r.number)
    assert first.number >= 3 and len(first.reports) >= 0.4 * EPOCHS


def test_the_reason_tells_chance_best_and_what_is_expected() -> None:
    record = next(r for r in played(honest).records if r.state is State.STOPPED)
    words = record.stop_reason
    assert "will hardly beat" in words and "full runs" in words and f"at step {record.reports[-1].step:g}" in words


def test_scores_to_be_maximized_are_told_in_their_own_sign() -> None:
    least, most = played(honest), played(honest, minimize=False)
    assert [r.state for r in most.records] == [r.state for r in least.records]
    reason = next(r.stop_reason for r in most.records if r.stop_reason)
    assert "beat -" in reason and "about -" in reason


@pytest.mark.parametrize("seed", range(8))
def test_late_bloomers_are_let_bloom(seed: int) -> None:
    training = played(late, seed=seed)
    best = min(quality(r) for r in training.records if r.is_scored)
    better = [r for r in training.records if r.state is State.STOPPED and quality(r) < best - 0.01]
    assert not better


@pytest.mark.parametrize("seed", range(6))
def test_where_nothing_is_to_be_seen_the_best_runs_to_its_end(seed: int) -> None:
    training = played(noise, seed=seed)
    assert min(map(quality, training.records)) == min(quality(r) for r in training.records if r.is_scored)
    assert sum(r.state is State.STOPPED for r in training.records) < 20


def test_runs_that_stand_still_after_their_fall_are_told_by_others_that_did_so_at_another_time() -> None:
    training = played(late)
    told = [r.stop_reason for r in training.records if r.state is State.STOPPED]
    assert sum("moved as fast gained at most" in reason for reason in told) >= 10
    assert training.steps < 0.8 * 40 * EPOCHS


def test_some_run_to_their_end_to_check() -> None:
    checked = [r for seed in range(6) for r in played(honest, 60, seed).records if was_audited(r)]
    assert checked and all(r.is_scored for r in checked)
    assert all(taken.reason.startswith(MARK) for r in checked for taken in r.course if taken.action is Action.GO_ON)


def test_the_default_and_runs_at_a_lower_fidelity_go_on() -> None:
    training = played(honest)
    history, scheduler = training.history, InFull()
    worst = [r for r in training.records if r.state is State.STOPPED][-1]
    last = worst.reports[-1]
    report = Reported(worst.number, worst.attempt, last.step, last.value, {}, EPOCHS, since=int(last.step) - 1)
    running = replace(worst, state=State.RUNNING, course=())
    records = tuple(running if r.number == worst.number else r for r in history.records)
    assert scheduler.decide(History(training.plan, SQUARE, records), report).action is Action.STOP
    cheap = tuple(replace(r, fidelity=last.step) if r.number == worst.number else r for r in records)
    assert scheduler.decide(History(training.plan, SQUARE, cheap), report).action is Action.GO_ON
    assert training.records[0].is_scored
    assert scheduler.start(history, Key(0, 1)) is None
