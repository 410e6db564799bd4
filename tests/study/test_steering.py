"""People steer a study from outside while it runs: it stops trials, pauses, goes on, and takes up a larger budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import trialist as tl
from trialist.errors import PlanError, StateError, UnknownStudyError
from trialist.trials.instruction import Act, Instruction, pause_of, stops_of
from trialist.trials.trial import State

SPACE = tl.Space(x=tl.Float(0.0, 1.0, default=0.5))


def slow(trial: tl.Trial) -> float:
    for step in range(1, 401):
        time.sleep(0.02)
        trial.report((trial["x"] - 0.3) ** 2 + 1 / step)
        if trial.should_stop:
            break
    return trial.last


def silent(trial: tl.Trial) -> float:
    """Reports nothing, and would run for a minute."""
    if trial.number == 1:
        time.sleep(60)
    return trial["x"]


def quick(trial: tl.Trial) -> float:
    time.sleep(0.05)
    return (trial["x"] - 0.3) ** 2


def _beside(path: Path, doing: Callable[[tl.Study], Any]) -> threading.Thread:
    """Somebody else, with a connection of their own."""

    def other() -> None:
        with tl.Study.load(store=path) as study:
            doing(study)

    thread = threading.Thread(target=other)
    thread.start()
    return thread


def _until(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.02)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_trial_is_stopped_wherever_it_runs_and_what_it_reported_counts(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "s.db"
    with tl.Study.create(SPACE, minimize="loss", budget=20, store=path, scheduler="none") as study:

        def stop(other: tl.Study) -> None:
            _until(lambda: len(other.trials) == workers and all(len(r.reports) > 2 for r in other.trials))
            for record in other.trials:
                other.stop(record.number, "it goes nowhere", who="ann")

        thread = _beside(path, stop)
        began = time.monotonic()
        study.optimize(slow, trials=workers, workers=workers)
        assert time.monotonic() - began < 7.5  # a run takes eight seconds
        thread.join()
        for record in study.trials:
            assert record.state is State.STOPPED and 2 < len(record.reports) < 400
            assert record.stop_reason == "stopped by ann: it goes nowhere"


def test_a_trial_that_reports_nothing_is_ended_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with tl.Study.create(SPACE, minimize="loss", budget=20, store=path) as study:

        def stop(other: tl.Study) -> None:
            _until(lambda: len(other.trials) > 1 and other.trials[1].state is State.RUNNING)
            other.stop(1)

        thread = _beside(path, stop)
        began = time.monotonic()
        study.optimize(silent, trials=3, workers=2)
        thread.join()
        assert time.monotonic() - began < 30
        assert [record.state for record in study.trials] == [State.COMPLETE, State.STOPPED, State.COMPLETE]


def test_a_waiting_trial_is_never_begun_and_a_closed_one_cannot_be_stopped(tmp_path: Path) -> None:
    begun = []

    def objective(trial: tl.Trial) -> float:
        begun.append(trial.number)
        return trial["x"]

    with tl.Study.create(SPACE, minimize="loss", budget=20, store=tmp_path / "s.db") as study:
        study.enqueue({"x": 0.25})
        study.stop(1, "a slip")
        study.optimize(objective, trials=3)
        assert begun == [0, 2] and study.trials[1].state is State.STOPPED
        with pytest.raises(StateError, match=r"trial 0 .*complete"):
            study.stop(0)
        with pytest.raises(UnknownStudyError, match="trial 7"):
            study.stop(7)


def test_a_pause_lets_trials_end_and_starts_none_until_it_is_lifted(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with tl.Study.create(SPACE, minimize="loss", budget=60, store=path, seed=1) as study:
        counts: list[int] = []

        def pause(other: tl.Study) -> None:
            _until(lambda: len(other.trials) > 3)
            other.pause("the machine is needed", who="ann")
            _until(lambda: all(record.state.is_closed for record in other.trials))
            time.sleep(1.0)  # what was begun before the pause was read
            counts.append(len(other.trials))
            time.sleep(1.0)
            counts.append(len(other.trials))
            assert other.paused is not None and other.paused.words == "the machine is needed"
            other.resume(who="bob")

        thread = _beside(path, pause)
        told = [event.text for event in study.run(quick, trials=30) if hasattr(event, "text")]
        thread.join()
        assert counts[0] == counts[1] < 30 and len(study.trials) == 30
        assert [text for text in told if "paused by ann: the machine is needed" in text and "trialist resume" in text]
        assert study.paused is None
        assert [(each.act, each.who) for each in study.instructions] == [(Act.PAUSE, "ann"), (Act.RESUME, "bob")]


def test_a_budget_that_is_extended_while_a_study_runs_is_taken_up_at_once(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    plan = {"minimize": "loss", "budget": 12, "store": path, "name": "s", "progress": False, "strategy": "random"}

    def extend(other: tl.Study) -> None:
        _until(lambda: len(other.trials) > 3)
        other.extend(24, "there is time", who="ann")

    thread = threading.Thread(target=lambda: _when_there(path, extend))
    thread.start()
    study = tl.tune(quick, SPACE, **plan)
    thread.join()
    assert len(study.trials) == 24 and study.selection is not None
    assert study.spent["trials"] == 24
    (asked,) = study.instructions
    assert (asked.act, asked.who) == (Act.EXTEND, "ann") and "24" in asked.words and "there is time" in asked.words
    for stage in ("search", "refined", "plan"):
        kept = study.stage(stage)
        assert kept is None or kept["budget"] == str(tl.Budget(trials=24))
    study.close()


def _when_there(path: Path, doing: Callable[[tl.Study], Any]) -> None:
    _until(path.exists)
    time.sleep(0.3)
    with tl.Study.load(store=path) as study:
        doing(study)


def test_notes_are_kept_with_who_made_them_and_say_something(tmp_path: Path) -> None:
    with tl.Study.create(SPACE, minimize="loss", budget=5, store=tmp_path / "s.db") as study:
        study.optimize(quick, trials=1)
        study.note("the data were cleaned", who="ann")
        study.note("odd curve", 0)
        assert [(each.words, each.trial) for each in study.instructions] == [
            ("the data were cleaned", None),
            ("odd curve", 0),
        ]
        assert "@" in study.instructions[1].who
        with pytest.raises(PlanError, match="says nothing"):
            study.note("  ")


def test_the_last_of_pause_and_resume_counts_and_the_first_request_to_stop() -> None:
    def each(number: int, act: Act, trial: int | None = None) -> Instruction:
        return Instruction(number, 1.0, "ann", act, "", trial)

    pause, again = each(1, Act.PAUSE), each(4, Act.PAUSE)
    assert pause_of([]) is None and pause_of([pause, each(2, Act.NOTE)]) is pause
    assert pause_of([pause, each(2, Act.RESUME)]) is None and pause_of([pause, each(3, Act.RESUME), again]) is again
    first = each(1, Act.STOP, 3)
    assert stops_of([first, each(2, Act.STOP, 3), each(3, Act.NOTE, 4)]) == {3: first}
