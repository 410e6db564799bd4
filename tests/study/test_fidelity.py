"""Cheap runs that pause and go on: through ask and tell, the process, restarts, kills, workers and commands."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

import trialist as tl
from trialist.errors import PlanError, StudyError
from trialist.numerics.keys import Key
from trialist.protocols import Scheduler
from trialist.study.events import TrialClosed, TrialPaused
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import (
    GO_ON,
    Action,
    Decision,
    Promotion,
    Proposal,
    Stage,
    State,
    Taken,
    TrialRecord,
)

SPACE = tl.Space(x=tl.Float(0.0, 1.0, default=0.9))
EPOCHS = tl.Fidelity("epochs", 1, 9)  # looked at after 1, 3 and 9


@dataclass
class Ladder:
    """All but the default begin at the lowest rung; the best `1 / factor` of each go on, of the others nobody ever."""

    factor: int = 3
    name: str = "ladder"

    def decide(self, history: History, report: Reported) -> Decision:
        return GO_ON

    def start(self, history: History, key: Key) -> float | None:
        return history.plan.fidelity.low if history.plan.fidelity and key.number else None

    def resume(self, history: History, key: Key) -> Promotion | Proposal | None:
        rungs = history.plan.fidelity.rungs if history.plan.fidelity else ()
        for rung, further in reversed(list(pairwise(rungs))):
            there = [(value, r) for r in history.explored if (value := shown(r, rung)) is not None]
            there.sort(key=lambda pair: (pair[0], pair[1].number))
            for place, (_, record) in enumerate(there[: len(there) // self.factor], start=1):
                if record.state is State.PAUSED and record.fidelity == rung:
                    return Promotion(record.number, f"rank {place} of {len(there)} at {rung:g}", further)
        return None


def shown(record: TrialRecord, step: float) -> float | None:
    return next((report.value for report in record.reports if report.step == step), None)


class Counted:
    """An objective with a learning curve, and with a checkpoint if it is to have one; counts its epochs."""

    def __init__(self, has_checkpoint: bool) -> None:
        self.has_checkpoint, self.epochs = has_checkpoint, 0

    def __call__(self, trial: tl.Trial) -> float | None:
        start = 0
        if self.has_checkpoint:
            kept = trial.checkpoint_dir / "epoch"
            start = int(kept.read_text()) if kept.exists() else 0
        for epoch in trial.steps(start=start):
            self.epochs += 1
            trial.report((trial["x"] - 0.3) ** 2 + 1 / epoch)
            if self.has_checkpoint:
                kept.write_text(str(epoch))
        return trial.last


def create(store: str | Path = "memory", scheduler: str | Scheduler | None = None, **given: object) -> tl.Study:
    arguments = {"minimize": "loss", "strategy": "random", "fidelity": EPOCHS, "name": "cheap", **given}
    return tl.Study.create(SPACE, store=store, scheduler=scheduler or Ladder(), **arguments)  # type: ignore[arg-type]


def states(study: tl.Study) -> list[str]:
    return [record.state.value for record in study.trials]


def test_asked_trials_run_to_their_fidelity_pause_and_are_asked_for_again() -> None:
    with create() as study:
        asked = []
        for x in (0.9, 0.3, 0.5, 0.7):
            trial = study.ask()
            asked.append((trial.number, trial.attempt, trial.fidelity))
            for epoch in trial.steps():
                trial.report(x + 1 / epoch)
            study.tell(trial)
        assert asked == [(0, 0, 9), (1, 0, 1), (2, 0, 1), (1, 1, 3)]
        assert states(study) == ["complete", "paused", "paused"]
        record = study.trials[1]
        assert record.loss is None and record.fidelity == 3
        assert [(t.step, t.action.value) for t in record.course] == [(1, "pause"), (1, "resume"), (3, "pause")]
        assert record.course[1].reason == "rank 1 of 3 at 1"
        assert study.best == study.trials[0]


def test_a_cheap_run_told_without_reports_shows_its_score_at_its_fidelity() -> None:
    with create(fidelity=tl.Fidelity("share", 0.1, 1.0)) as study:
        for _ in range(2):
            trial = study.ask()
            record = study.tell(trial, [1.0, 2.0])
        assert (record.state, record.fidelity) == (State.PAUSED, 0.1)
        assert [(report.step, report.value) for report in record.reports] == [(0.1, 1.5)]
        assert [(r.step, r.value) for r in study.trials[0].reports] == [(1.0, 1.5)]
        assert study.history.full_runs_used == pytest.approx(1.1)


def test_an_asked_trial_that_is_to_stop_is_told_as_stopped() -> None:
    class Stops(Ladder):
        def decide(self, history: History, report: Reported) -> Decision:
            return Decision(Action.STOP, "too slow") if report.step == 2 else GO_ON

        def start(self, history: History, key: Key) -> float | None:
            return None

    with create(scheduler=Stops()) as study:
        for expected in ([*range(1, 10)], [1, 2]):
            trial, ran = study.ask(), []
            for epoch in trial.steps():
                ran.append(epoch)
                trial.report(1.0)
            assert ran == expected
            study.tell(trial, 0.5)
        assert states(study) == ["complete", "stopped"]
        assert study.trials[1].stop_reason == "too slow" and study.trials[1].course == (
            Taken(2, Action.STOP, "too slow"),
        )


@pytest.mark.parametrize("has_checkpoint", [True, False])
def test_what_a_study_used_is_what_was_run(has_checkpoint: bool, tmp_path: Path) -> None:
    objective = Counted(has_checkpoint)
    with create(tmp_path / "s.db") as study:
        study.optimize(objective, trials=19)
        assert study.history.full_runs_used == pytest.approx(objective.epochs / 9)
        full = [r for r in study.trials[1:] if r.state is State.COMPLETE]
        assert len(full) > 1 and all(r.used == (9 if has_checkpoint else 1 + 3 + 9) for r in full)
        assert {r.state for r in study.trials} == {State.COMPLETE, State.PAUSED}


def test_promotions_go_on_when_no_new_trial_may_be_opened() -> None:
    def promotions(budget: int | None, trials: int | None) -> int:
        with create(budget=budget) as study:
            study.optimize(Counted(False), trials=trials)
            assert len(study.trials) == 10 and not study.history.pending
            assert Ladder().resume(study.history, Key(0, 10)) is None  # nothing that could go on was left
            return sum(t.action is Action.RESUME for r in study.trials for t in r.course)

    # The last trial is the best, so that it is promoted once there are no more to open.
    assert promotions(10, None) == promotions(None, 10) >= 3


def test_a_paused_trial_survives_a_restart_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    objective = Counted(True)
    with create(tmp_path / "s.db") as study:
        study.optimize(objective, trials=3)
        paused = [r.number for r in study.history.paused]
        assert paused == [1, 2]
    for _ in range(4):  # each in a process that knows nothing of the one before
        with tl.Study.load("cheap", tmp_path / "s.db", scheduler=Ladder()) as study:
            study.optimize(objective, trials=4)
            again = study.history
    assert len(again) == 19 and again.full_runs_used == pytest.approx(objective.epochs / 9)
    for record in again.scored[1:]:
        assert [report.step for report in record.reports] == list(range(1, 10)) and record.used == 9


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import trialist as tl
from tests.study.test_fidelity import Ladder

def objective(trial):
    kept = trial.checkpoint_dir / "epoch"
    start = int(kept.read_text()) if kept.exists() else 0
    for epoch in trial.steps(start=start):
        trial.report((trial["x"] - 0.3) ** 2 + 1 / epoch)
        kept.write_text(str(epoch))
        if epoch == {dies_at} and not os.path.exists("died"):
            open("died", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
    return trial.last

with tl.Study.load("cheap", "s.db", scheduler=Ladder()) as study:
    study.optimize(objective, trials=12)
"""


def test_a_promoted_trial_that_is_killed_loses_nothing_and_goes_on(tmp_path: Path) -> None:
    dies_at = 5  # of 9, where it was promoted to after 1 and 3
    with create(tmp_path / "s.db"):
        pass
    script = KILLED.format(tests=str(Path(__file__).parents[2]), dies_at=dies_at)
    command = [sys.executable, "-c", script]
    # The baseline passes every epoch, so it is run beforehand, by an objective that nobody kills.
    with tl.Study.load("cheap", tmp_path / "s.db", scheduler=Ladder()) as study:
        study.optimize(Counted(False), trials=1)
    assert subprocess.run(command, cwd=tmp_path).returncode == -9
    with tl.Study.load("cheap", tmp_path / "s.db", scheduler=Ladder()) as study:
        (struck,) = [r for r in study.trials if r.state is State.RUNNING]
        assert [report.step for report in struck.reports] == list(range(1, dies_at + 1))
        before = len(study.trials)
    subprocess.run(command, cwd=tmp_path, check=True)
    with tl.Study.load("cheap", tmp_path / "s.db", scheduler=Ladder()) as study:
        record = study.history[struck.number]
        assert record.attempt > struck.attempt and record.fidelity >= struck.fidelity  # type: ignore[operator]
        assert [failure.cause for failure in record.earlier] == [tl.Cause.KILLED]
        assert record.used == record.reports[-1].step  # no epoch was run twice
        assert len(study.trials) == before + 12 and not study.history.pending
        assert {r.state for r in study.trials} <= {State.COMPLETE, State.PAUSED}


def test_the_whole_process_compares_and_selects_full_runs_alone(tmp_path: Path) -> None:
    objective = Counted(False)
    events = []
    with create(tmp_path / "s.db", scheduler="halving", budget=60, finalists=3, replicates=2) as study:
        for event in study.process(objective, lambda params, seed: (params["x"] - 0.3) ** 2 + seed % 7 / 100):
            events.append(event)
        history = study.history
        assert {r.state for r in history} == {State.COMPLETE, State.PAUSED} and len(history) == 60
        assert any(isinstance(event, TrialPaused) for event in events)
        assert all(event.record.state.is_closed for event in events if isinstance(event, TrialClosed))
        again = [r for r in history if r.stage is Stage.SELECT]
        assert len(again) == 6 and all(r.fidelity == 9 and not r.course for r in again)
        assert history[0].fidelity == 9 and history[0].state is State.COMPLETE
        assert study.selection is not None and history[study.selection.number].state is State.COMPLETE
        last_promotion = max(r.opened_at or 0.0 for r in history.explored)
        assert all((r.opened_at or 0.0) >= last_promotion for r in again)  # nobody went on beside the finalists
        assert study.verdict is not None
        assert history.full_runs_used == pytest.approx(objective.epochs / 9)


class Cheap(Ladder):
    def start(self, history: History, key: Key) -> float | None:
        return 1


@pytest.mark.parametrize("way", ["process", "optimize", "budget"])
def test_a_default_that_began_cheap_is_run_in_full_before_anything_is_chosen(way: str, tmp_path: Path) -> None:
    budget = {"process": tl.Budget(20), "optimize": None, "budget": tl.Budget(full_runs=5)}[way]
    with create(tmp_path / "s.db", scheduler=Cheap(), budget=budget) as study:  # the default is among the worst
        if way == "optimize":
            study.optimize(Counted(True), trials=12)
        else:
            for _ in study.process(Counted(True)):
                pass
        default = study.trials[0]
        assert (default.state, default.fidelity) == (State.COMPLETE, 9)
        assert default.course[-1].reason == "the default is measured in full, since in the end all is compared with it"
        assert study.baseline == default


def test_an_extended_study_goes_on_with_paused_trials(tmp_path: Path) -> None:
    def earlier_is_better(trial: tl.Trial) -> float | None:
        for epoch in trial.steps():
            trial.report(trial.number + 1 / epoch)
        return trial.last

    with create(tmp_path / "s.db", budget=7) as study:
        for _ in study.process(earlier_is_better):
            pass
        paused, chosen = {r.number: r.fidelity for r in study.history.paused}, study.selection
        assert chosen is not None and paused
        study.extend(25)
        for _ in study.process(earlier_is_better):
            pass
        gone_on = [r for r in study.trials if r.number in paused and r.fidelity != paused[r.number]]
        assert len(study.trials) > 20 and gone_on


def test_two_coordinators_end_although_trials_are_paused(tmp_path: Path) -> None:
    create(tmp_path / "s.db", budget=30).close()

    def run() -> None:
        with tl.Study.load("cheap", tmp_path / "s.db", scheduler=Ladder()) as study:
            study.optimize(Counted(False))

    threads = [threading.Thread(target=run, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60.0)
        assert not thread.is_alive(), "it waits for paused trials"
    with tl.Study.load("cheap", tmp_path / "s.db", scheduler=Ladder()) as study:
        assert len(study.trials) == 30 and not study.history.pending and study.history.paused
        assert Ladder().resume(study.history, Key(0, 30)) is None  # nothing that could go on was left


def objective_for_workers(trial: tl.Trial) -> float | None:
    return Counted(True)(trial)


def test_worker_processes_run_to_a_fidelity_and_find_their_checkpoints(tmp_path: Path) -> None:
    with create(tmp_path / "s.db") as study:
        study.optimize(objective_for_workers, trials=12, workers=2)
        assert len(study.trials) == 12 and not study.history.pending
        promoted = [r for r in study.trials if any(t.action is Action.RESUME for t in r.course)]
        assert promoted and all(r.used == r.fidelity for r in promoted)


class Heirs(Ladder):
    """Trial 2 is trial 1 with another x, on from the checkpoint of trial 1."""

    def resume(self, history: History, key: Key) -> Promotion | Proposal | None:
        if key.number == 2 and history[1].state is State.PAUSED:
            return Proposal({"x": 0.5}, "on from trial 1", self.name, fidelity=3, inherits=1)
        return None


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_trial_begins_with_a_copy_of_the_checkpoint_that_it_inherits(is_gone: bool, tmp_path: Path) -> None:
    with create(tmp_path / "s.db", scheduler=Heirs()) as study:
        study.optimize(Counted(True), trials=2)
        parent, child = (study.directory / f"0000{number}" / "checkpoint" for number in (1, 2))
        if is_gone:
            (parent / "epoch").unlink()
            parent.rmdir()
        study.optimize(Counted(True), trials=1)
        record = study.trials[2]
        assert (record.inherits, record.state, record.params) == (1, State.PAUSED, {"x": 0.5})
        assert [report.step for report in record.reports] == ([1, 2, 3] if is_gone else [2, 3])
        assert record.used == (3 if is_gone else 2)
        assert (child / "epoch").read_text() == "3"
        assert is_gone or (parent / "epoch").read_text() == "1"  # its own was not touched


def test_a_new_study_finds_no_checkpoints_of_an_earlier_one_of_its_name(tmp_path: Path) -> None:
    for _ in range(2):
        with create(tmp_path / "s.db") as study:
            study.optimize(Counted(True), trials=4)
            assert all(r.used == r.fidelity for r in study.trials)
            assert (study.directory / "00001" / "checkpoint" / "epoch").exists()
        (tmp_path / "s.db").unlink()


def test_a_scheduler_given_as_an_object_is_told_in_the_plan_and_has_to_be_given_again(tmp_path: Path) -> None:
    with create(tmp_path / "s.db", scheduler=Ladder(4)) as study:
        assert study.declared.scheduler == "Ladder(factor=4, name='ladder')"
        study.optimize(Counted(False), trials=2)
    with tl.Study.load("cheap", tmp_path / "s.db") as study:  # it can be looked at
        assert len(study.trials) == 2 and study.best is not None
        with pytest.raises(PlanError, match=r"scheduler: .*Ladder\(factor=4.* is an object.*Study\.load"):
            study.ask()
    with tl.Study.load("cheap", tmp_path / "s.db", scheduler=Ladder(4)) as study:
        assert study.ask().number == 2


def test_what_is_no_scheduler_is_refused() -> None:
    with pytest.raises(PlanError, match=r"scheduler: .* has no decide\(\)"):
        create(scheduler=object())  # type: ignore[arg-type]
    with pytest.raises(PlanError, match=r"'halvign' is not a scheduler\. Use 'halving'"):
        create(scheduler="halvign")


def test_with_nothing_to_go_on_and_nothing_new_there_is_nothing_to_ask_for() -> None:
    space = tl.Space(x=tl.Categorical([1, 2, 3, 4]))
    with tl.Study.create(
        space, minimize="loss", strategy="grid", fidelity=EPOCHS, scheduler=Ladder(), store="memory"
    ) as study:
        for loss in (1.0, 0.5, 0.4, 0.3, 0.2):  # four trials, and the best of the three cheap ones goes on
            study.tell(study.ask(), loss)
        assert study.trials[3].fidelity == 3
        with pytest.raises(StudyError, match="nothing is left to ask for"):
            study.ask()
