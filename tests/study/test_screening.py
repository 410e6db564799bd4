"""What is told of early looks: once when a rung is switched off, and in the end how often halting was wrong."""

from __future__ import annotations

import trialist as tl
from trialist.study.events import Told
from trialist.study.screening import screening
from trialist.trials.history import History

SPACE = tl.Space(x=tl.Float(0.0, 1.0, default=0.5))


def turning(trial: tl.Trial) -> float:
    """The better a run ends, the slower it begins."""
    for step in trial.steps(None if trial.fidelity else 27):
        trial.report(1 - trial["x"] if step < 14 else trial["x"])
    assert trial.last is not None
    return trial.last


def steady(trial: tl.Trial) -> float:
    for step in trial.steps(None if trial.fidelity else 27):
        trial.report(trial["x"] + 1 / step)
    assert trial.last is not None
    return trial.last


def events(study: tl.Study, objective: object, trials: int) -> list[str]:
    return [event.text for event in study.run(objective, trials=trials) if isinstance(event, Told)]


def made(**given: object) -> tl.Study:
    return tl.Study.create(SPACE, minimize="loss", strategy="random", store="memory", name="screened", **given)


def test_a_rung_that_says_nothing_is_told_once_and_stays_to_be_read() -> None:
    with made(scheduler="halving", budget=tl.Budget(full_runs=30)) as study:
        told = [text for text in events(study, turning, 12) if "predict" in text]
        assert len(told) == 1
        assert told[0].startswith("step 1, step 3, step 9 do not predict step 27 (")
        assert told[0].endswith("every trial begins a full run")
        assert "do not predict step 27" in study.screening


def test_what_was_checked_is_told_and_nothing_where_nothing_is_looked_at() -> None:
    with made(scheduler="halving", budget=tl.Budget(full_runs=30)) as study:
        assert not [text for text in events(study, steady, 30) if "predict" in text]
        assert study.screening.startswith(("1 trial went on to check", "2 trials went on to check"))
        assert "others were halted" in study.screening
    for scheduler, budget in (("none", tl.Budget(full_runs=30)), ("auto", tl.Budget(trials=30))):
        with made(scheduler=scheduler, budget=budget) as study:
            assert not events(study, turning, 12)
            assert study.screening == ""


def test_it_is_a_function_of_the_history() -> None:
    with made(scheduler="halving", budget=tl.Budget(full_runs=30)) as study:
        study.optimize(turning, trials=12)
        history = study.history
        assert screening(History(history.plan, history.space, history.records[::-1])) == study.screening
