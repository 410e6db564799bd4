"""The whole process: stages in order, interruption and resuming, selection by fresh scores, one look at sealed data."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

import trialist as tl
from trialist.study.declaring import plan_of
from trialist.study.events import StageStarted, Told, TrialClosed
from trialist.study.interrupt import Interrupted

SPACE = tl.Space(x=tl.Float(-1.0, 1.0, default=0.95), k=tl.Categorical(["a", "b"], default="b"))
SPLIT = tl.Split(np.arange(400.0).reshape(200, 2), np.arange(200) % 2, test=0.5, validation=0.2)


def noisy(trial: tl.Trial) -> float:
    return trial["x"] ** 2 + (trial["k"] == "b") + random.Random(trial.seed).gauss(0, 0.02)


def on_test(params: dict[str, object], seed: int) -> list[float]:
    rows = len(SPLIT.test[1])
    rng = np.random.default_rng(seed)
    x = float(params["x"])  # type: ignore[arg-type]
    return list(x**2 + (params["k"] == "b") + rng.normal(0, 0.05, rows))


def open_study(path: Path, budget: object = 40, **rest: object) -> tl.Study:
    arguments = {
        "minimize": "loss", "maximize": None, "budget": budget, "trial_seconds": None, "trial_memory": None,
        "strategy": "auto", "scheduler": "auto", "stopping": "auto", "name": "noisy", "test": "on_test", **rest,
    }  # fmt: skip
    return tl.Study.open(plan_of(**arguments), SPACE, path)


def test_from_declaration_to_a_verdict_that_holds(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db") as study:
        events = list(study.process(noisy, on_test))
        stages = [e.stage for e in events if isinstance(e, StageStarted)]
        assert stages == ["plan", "search", "refine", "select", "verify"]
        assert len(study.trials) == 40  # finalists scored again are within the budget
        verdict = study.verdict
        assert verdict is not None and verdict.outcome is tl.Outcome.IMPROVED
        assert verdict.difference == pytest.approx(0.95**2 + 1, abs=0.05)
        assert verdict.interval is not None and verdict.interval[0] <= verdict.difference <= verdict.interval[1]
        assert verdict.looks == 1 and verdict.fingerprint == SPLIT.fingerprint
        assert [look.number for look in study.ledger] == [1]
        assert study.refinement is not None and study.refinement.space.check(study.best.params)


def test_the_choice_goes_by_fresh_scores_on_the_same_seeds_and_shows_both(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db") as study:
        for _ in study.process(noisy):
            pass
        selection = study.selection
        assert selection is not None
        again = [r for r in study.trials if r.stage is tl.Stage.SELECT]
        by_finalist: dict[int, list[int]] = {}
        for record in again:
            by_finalist.setdefault(record.repeats, []).append(record.seed)
        assert 0 in by_finalist and len(by_finalist) >= 2  # the default is a finalist
        assert len({tuple(seeds) for seeds in by_finalist.values()}) == 1
        assert not {seed for seeds in by_finalist.values() for seed in seeds} & {
            r.seed for r in study.trials if r.stage is not tl.Stage.SELECT
        }
        assert all(row.search is not None and row.fresh is not None for row in selection.table)
        assert study.best is not None and study.best.number == selection.number
        assert study.history.best is not None and not any(r.stage is tl.Stage.SELECT for r in study.history.scored)


def test_the_sealed_part_stays_sealed_during_the_search(tmp_path: Path) -> None:
    def peeks(trial: tl.Trial) -> float:
        return float(len(SPLIT.test))

    with open_study(tmp_path / "s.db", budget=5) as study:
        for _ in study.process(peeks):
            pass
        assert all(r.state is tl.State.FAILED and "sealed" in r.failure.message for r in study.trials)
        assert study.ledger == ()


def test_a_second_look_needs_to_be_asked_for_and_is_told(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db", budget=12) as study:
        for _ in study.process(noisy, on_test):
            pass
        first = study.verdict
        with pytest.raises(tl.SealedError, match="again"):
            study.verify(on_test)
        assert study.verdict == first
        second = study.verify(on_test, again=True)
        assert second.looks == 2 and "look 2" in second.sentence
        assert second.interval is not None and first is not None and first.interval is not None
        assert second.interval[1] - second.interval[0] > first.interval[1] - first.interval[0]
        assert [look.number for look in study.ledger] == [1, 2]


def test_looks_at_the_same_data_are_counted_over_studies(tmp_path: Path) -> None:
    for name, looks in (("one", 1), ("two", 2)):
        with open_study(tmp_path / "s.db", budget=6, name=name) as study:
            for _ in study.process(noisy, on_test):
                pass
            assert study.verdict is not None and study.verdict.looks == looks


def test_a_finished_study_runs_nothing_again(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db", budget=20) as study:
        list(study.process(noisy, on_test))
        before = study.trials
    with open_study(tmp_path / "s.db", budget=20) as study:
        assert not any(isinstance(e, TrialClosed) for e in study.process(noisy, on_test))
        assert study.trials == before and len(study.ledger) == 1


@pytest.mark.parametrize("stop_after", [1, 9, 14, 19])
def test_a_study_stopped_anywhere_ends_like_one_that_was_not(tmp_path: Path, stop_after: int) -> None:
    with open_study(tmp_path / "whole.db", budget=20) as whole:
        list(whole.process(noisy, on_test))
    with open_study(tmp_path / "parts.db", budget=20) as parts:
        closed = 0
        events = parts.process(noisy, on_test)
        for event in events:
            closed += isinstance(event, TrialClosed)
            if closed == stop_after:
                events.close()
    with open_study(tmp_path / "parts.db", budget=20) as parts, open_study(tmp_path / "whole.db", budget=20) as whole:
        list(parts.process(noisy, on_test))
        assert [dict(r.params) for r in parts.trials] == [dict(r.params) for r in whole.trials]
        assert [r.value for r in parts.trials] == [r.value for r in whole.trials]
        assert parts.verdict is not None and whole.verdict is not None
        assert parts.verdict.difference == whole.verdict.difference


def test_ctrl_c_once_finishes_what_runs(tmp_path: Path) -> None:
    def interrupting(trial: tl.Trial) -> float:
        if trial.number == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return noisy(trial)

    with open_study(tmp_path / "s.db", budget=20) as study:
        with pytest.raises(Interrupted):
            list(study.process(interrupting))
        assert [r.state for r in study.trials] == [tl.State.COMPLETE] * 4
        list(study.process(noisy, on_test))
        assert len(study.trials) == 20 and study.verdict is not None


def test_ctrl_c_twice_ends_now_and_the_trial_is_queued_again(tmp_path: Path) -> None:
    def impatient(trial: tl.Trial) -> float:
        if trial.number == 3 and trial.attempt == 0:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(30)
        return noisy(trial)

    with open_study(tmp_path / "s.db", budget=20) as study:
        with pytest.raises(KeyboardInterrupt):
            list(study.process(impatient))
        assert [r.state for r in study.trials] == [tl.State.COMPLETE] * 3 + [tl.State.WAITING]
        list(study.process(impatient))
        assert len(study.trials) == 20 and study.trials[3].attempt == 1 and study.trials[3].is_scored


def test_ctrl_c_twice_ends_worker_processes_too(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db", budget=20) as study:
        seen = 0
        with pytest.raises(KeyboardInterrupt):
            for event in study.process(hangs_at_3, workers=2):
                seen += isinstance(event, TrialClosed)
                if seen == 6 and isinstance(event, TrialClosed):  # trial 3 hangs, the other worker goes on
                    os.kill(os.getpid(), signal.SIGINT)
                    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        assert study.trials[3].state is tl.State.WAITING
        assert not any(r.state is tl.State.RUNNING for r in study.trials)


def hangs_at_3(trial: tl.Trial) -> float:
    if trial.number == 3:
        threading.Event().wait(30)
    return noisy(trial)


def test_a_finite_space_that_fits_is_tried_whole_and_said_to_be_finished(tmp_path: Path) -> None:
    space = tl.Space(a=tl.Int(1, 3, default=2), b=tl.Categorical(["p", "q"], default="p"))
    study = tl.tune(
        lambda trial: trial["a"] + (trial["b"] == "q"),
        space,
        minimize="loss",
        budget=40,
        store="memory",
        progress=False,
    )
    explored = study.history.explored
    assert len(explored) == 6 == len({tuple(r.params.items()) for r in explored})
    assert study.plan.strategy == "grid"
    assert study.best is not None and dict(study.best.params) == {"a": 1, "b": "p"}


def test_a_study_whose_every_trial_fails_ends_early_and_says_so(tmp_path: Path) -> None:
    def broken(trial: tl.Trial) -> float:
        raise RuntimeError("no such file: data.csv")

    with open_study(tmp_path / "s.db", budget=60) as study:
        events = list(study.process(broken, on_test))
        assert len(study.trials) == 10
        assert any("data.csv" in e.text for e in events if isinstance(e, Told))
        assert study.verdict is None and study.best is None
        list(study.process(noisy, on_test))  # repaired: it goes on
        assert len(study.trials) > 50 and study.verdict is not None
        assert study.rerun_failed() == tuple(range(len(study.trials) - 10, len(study.trials)))
        study.extend(80)
        list(study.process(noisy))
        assert study.baseline is not None and study.baseline.repeats == 0  # the default failed, and ran again


def test_extending_the_budget_goes_on_and_selects_again(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db", budget=20) as study:
        list(study.process(noisy, on_test))
        study.extend(40, "more time was granted")
        list(study.process(noisy))
        assert len(study.history.explored) > 20
        assert study.selection is not None
        assert [r.reason for r in study.store.revisions(study.name)][-1] == "more time was granted"


def test_a_selected_default_is_trained_once_for_each_seed_and_no_difference_is_claimed(tmp_path: Path) -> None:
    space = tl.Space(x=tl.Float(-1.0, 1.0, default=0.0))
    path = tmp_path / "calls.txt"

    def test(params: dict[str, float], seed: int) -> list[float]:
        with path.open("a") as calls:
            calls.write(f"{params['x']}\n")
        return [params["x"] ** 2] * 3

    study = tl.tune(
        lambda trial: trial["x"] ** 2, space, minimize="loss", budget=14, test=test, test_seeds=3, progress=False,
        store=tmp_path / "s.db",
    )  # fmt: skip
    assert study.verdict is not None and study.verdict.outcome is tl.Outcome.NO_DIFFERENCE
    assert study.verdict.same_configuration and "default itself" in study.verdict.sentence
    assert path.read_text().split() == ["0.0"] * 3
    study.close()


def test_a_verdict_written_before_the_ledger_was_closed_is_not_lost_and_not_a_second_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_study(tmp_path / "s.db", budget=12) as study:
        with monkeypatch.context() as patch, pytest.raises(tl.StoreError):
            patch.setattr(type(study.store), "close_look", _full)
            list(study.process(noisy, on_test))
        assert study.ledger[0].outcome is None
        verdict = study.verdict
        assert verdict is not None
        assert study.verify(on_test) == verdict
        assert len(study.ledger) == 1 and study.ledger[0].outcome is not None


def _full(*_: object) -> None:
    raise tl.StoreError("no space left")


def test_checkpoints_of_the_best_three_are_kept_and_a_retry_finds_its_own(tmp_path: Path) -> None:
    found: list[bool] = []

    def saving(trial: tl.Trial) -> float:
        state = trial.checkpoint_dir / "state.txt"
        found.append(state.exists())
        state.write_text(str(trial.number))
        if trial.number == 4 and trial.attempt == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return noisy(trial)

    with open_study(tmp_path / "s.db", budget=12) as study:
        with pytest.raises(KeyboardInterrupt):
            list(study.process(saving))
        list(study.process(saving))
        kept = {int(path.parent.name) for path in study.directory.glob("*/checkpoint")}
        ranked = sorted(study.trials, key=lambda r: (r.loss, r.number))
        assert kept == {record.number for record in ranked[:3]}
        assert found.count(True) == 1


def test_checkpoints_of_feasible_trials_are_kept_first() -> None:
    def saving(trial: tl.Trial) -> float:
        (trial.checkpoint_dir / "state.txt").touch()
        trial.constrain("ms", 1.0 if trial.number < 3 else -1.0)
        return float(trial.number)

    with tl.Study.create(SPACE, minimize="loss", store="memory", name="kept") as study:
        study.optimize(saving, trials=7)
        assert {int(path.parent.name) for path in study.directory.glob("*/checkpoint")} == {3, 4, 5}


def test_finalists_are_scored_again_also_where_a_coordinator_died_just_before_it_queued_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_study(tmp_path / "s.db", budget=20) as study:
        with monkeypatch.context() as patch, pytest.raises(tl.StoreError):
            patch.setattr(type(study.store), "enqueue", _full)
            list(study.process(noisy))
        assert study.selection is None
        list(study.process(noisy))
        assert study.selection is not None and all(row.fresh is not None for row in study.selection.table)
        assert len(study.trials) == 20


def limited(trial: tl.Trial) -> float:
    """Best at x = 0, where it takes too long; its time depends a little on the seed."""
    trial.constrain("ms", 0.5 - abs(trial["x"]) + random.Random(trial.seed).gauss(0, 0.02))
    return trial["x"] ** 2 + 0.1 * (trial["k"] == "b")


def test_what_is_selected_satisfies_the_measured_constraints(tmp_path: Path) -> None:
    space = tl.Space(x=tl.Float(-1.0, 1.0, default=0.1), k=tl.Categorical(["a", "b"], default="b"))
    with tl.Study.create(space, minimize="loss", budget=40, name="limited", test="t", store=tmp_path / "s.db") as study:
        told = [e.text for e in study.process(limited, on_test) if isinstance(e, Told)]
        selection, best = study.selection, study.best
        assert selection is not None and best is not None and best.is_feasible
        again = [r for r in study.trials if r.stage is tl.Stage.SELECT and r.repeats == best.number]
        assert again and all(r.is_feasible for r in again)
        assert best.value > min(r.value for r in study.trials if r.value is not None)  # the default's, for one
        assert abs(best.params["x"]) == pytest.approx(0.55, abs=0.1)
        default = next(row for row in selection.table if row.number == 0)
        assert "ms" in default.violates and "the default (violates ms by" in selection.reason
        assert study.verdict is not None and any("the default violates ms by" in line for line in told)
        assert tl.Study.load("limited", tmp_path / "s.db").selection == selection


def test_where_no_trial_is_feasible_the_nearest_is_told_and_the_test_data_stay_sealed(tmp_path: Path) -> None:
    def never(trial: tl.Trial) -> float:
        trial.constrain("ms", 1.0 - trial["x"] / 2)
        return trial["x"]

    with open_study(tmp_path / "s.db", budget=12) as study:
        told = [e.text for e in study.process(never, on_test) if isinstance(e, Told)]
        best, selection = study.best, study.selection
        assert best is not None and selection is not None and not best.is_feasible
        assert best.params["x"] == max(r.params["x"] for r in study.trials)
        assert f"trial {best.number} comes nearest, it violates ms by" in selection.reason
        assert not [r for r in study.trials if r.stage is tl.Stage.SELECT]
        assert study.ledger == () and any("stay sealed" in line for line in told)


def test_a_finalist_that_violates_on_a_fresh_seed_comes_after_those_that_never_do(tmp_path: Path) -> None:
    def lucky(trial: tl.Trial) -> float:
        is_good = trial["x"] > 0
        trial.constrain("ms", 1.0 if is_good and trial.stage is tl.Stage.SELECT else -1.0)
        return 0.0 if is_good else 1.0 + trial["x"] ** 2

    space = tl.Space(x=tl.Float(-1.0, 1.0, default=-0.5))
    with tl.Study.create(space, minimize="loss", budget=25, name="lucky", store="memory") as study:
        list(study.process(lucky))
        assert study.selection is not None and study.best is not None
        assert study.best.params["x"] <= 0 and "(violates ms by 1)" in study.selection.reason


def test_the_best_score_is_among_the_finalists_whatever_a_model_makes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """To a model of few scores, a narrow hole is noise; fresh scores tell that it is there."""

    def objective(trial: tl.Trial) -> float:
        return 0.0 if trial.number == 7 else 1.0 + float((trial["x"] - 0.5) ** 2)

    def blind(history: tl.History) -> dict[int, float]:
        return {record.number: 1.0 + (record.number == 7) for record in history.scored}

    with tl.Study.create({"x": tl.Float(0.0, 1.0)}, minimize="loss", budget=30, store="memory", name="hole") as study:
        study.optimize(objective, trials=20)
        monkeypatch.setattr("trialist.search.incumbent.expected_losses", blind)
        study.select(lambda trial: 0.0 if trial["x"] == study.trials[7].params["x"] else 1.0)
        assert study.best is not None and study.best.number == 7
