"""Rules that end a search, and advice: kept with the study, resumed, and counted anew after an extension."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import trialist as tl
from trialist.study import watch
from trialist.study.declaring import plan_of
from trialist.study.events import Event, StageStarted, Told

SPACE = tl.Space(x=tl.Float(0.0, 1.0), y=tl.Float(0.0, 1.0))


def flat(trial: tl.Trial) -> float:
    """Nothing to gain: no configuration beats the default."""
    return 1.0 + (trial["x"] - 0.5) ** 2 + (trial["y"] - 0.5) ** 2


def open_study(path: Path | str, budget: object = 40, **given: object) -> tl.Study:
    plan = plan_of(
        minimize="loss", maximize=None, budget=budget, trial_seconds=None, trial_memory=None, strategy="auto",
        scheduler="auto", name="flat", **{"stopping": "auto", **given},
    )  # fmt: skip
    return tl.Study.open(plan, SPACE, path)


def stages(events: list[Event]) -> list[str]:
    return [event.stage for event in events if isinstance(event, StageStarted)]


def words(events: list[Event]) -> str:
    return "\n".join(event.text for event in events if isinstance(event, Told))


def test_a_rule_ends_the_search_and_the_choice_follows(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db", stopping=tl.Plateau(12)) as study:
        events = list(study.process(flat))
        assert stages(events) == ["plan", "search", "select"]  # nothing is refined that is not worth a trial
        explored = study.history.explored
        ending = study.stopped
        assert ending is not None and ending.rule == "plateau"
        assert len(explored) == ending.trials == 13
        assert f"stopped by plateau: {ending}" == study.stopping
        assert study.stopping in words(events)
        assert study.selection is not None


def test_what_was_stopped_stays_stopped_until_it_is_extended(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db", stopping=["plateau 12"]) as study:
        list(study.process(flat))
        before = len(study.trials)
    with open_study(tmp_path / "s.db", stopping=["plateau 12"]) as study:
        assert stages(list(study.process(flat))) == ["plan"]
        assert len(study.trials) == before and study.stopped is not None
        study.extend(80)
        assert study.stopped is None and study.stopping == ""
        assert stages(list(study.process(flat)))[:2] == ["plan", "search"]
        # The rule counts from the extension on: twelve more, not none.
        assert study.stopped is not None and study.stopped.trials == 13 + 12


def test_a_step_by_step_search_is_stopped_too(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db", stopping=tl.Target(1.0)) as study:
        study.optimize(flat, trials=10)
        assert len(study.trials) == 1  # the default reaches it
        assert study.stopped is not None and study.stopped.rule == "target"


def test_workers_are_stopped_as_well(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db", stopping=tl.Plateau(10)) as study:
        study.optimize(flat, workers=2)
        assert study.stopped is not None
        assert len(study.trials) in (11, 12)  # what ran was finished


def test_auto_ends_nothing_but_tells_what_a_larger_budget_would_gain(tmp_path: Path) -> None:
    with open_study(tmp_path / "s.db", budget=30) as study:
        events = list(study.process(flat))
        assert study.stopped is None
        assert "another 20 trials would probably gain" in words(events)
        assert study.stopping.endswith(")") and study.stopping in words(events)
        assert "another" not in words(list(study.process(flat)))  # once


@pytest.mark.parametrize("stopping", ["none", "plateau 1000"])
def test_without_advice_no_model_is_asked(tmp_path: Path, stopping: str) -> None:
    with open_study(tmp_path / "s.db", budget=30, stopping=stopping) as study:
        assert "another" not in words(list(study.process(flat)))
        assert study.stopping == ""


def test_slow_trials_are_advised_on_the_way_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "ADVISED_FROM", 0.0)
    converges = {"minimize": "loss", "budget": 70, "store": "memory", "progress": False}

    def bowl(trial: tl.Trial) -> float:
        return (trial["x"] - 0.3) ** 2 + (trial["y"] - 0.6) ** 2

    study = tl.tune(bowl, SPACE, **converges)
    kept = study.stage("advice")
    assert kept is not None and kept["rule"] == "emmr"
    assert str(kept["words"]).startswith("advice: this would be a time to stop (emmr): ")
    assert len(study.history.explored) > kept["trials"]  # it goes on


def test_advice_at_any_moment() -> None:
    study = tl.Study.create(SPACE, minimize="loss", store="memory", name="asked")
    advised = []
    for _ in range(36):
        trial = study.ask()
        noise = random.Random(trial.seed).gauss(0, 1)  # drowns all that there is to gain
        study.tell(trial, (trial["x"] - 0.3) ** 2 + (trial["y"] - 0.6) ** 2 + noise)
        advised.append(study.advice)
    assert not any(advised[:29])
    assert any(isinstance(each, tl.Ending) and each.rule == "regret" for each in advised[29:])
