"""Warm starts: what earlier studies know comes into the new one once, is used first, and does little harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import trialist as tl
from trialist.errors import PlanChangedError, PlanError, StoreMissingError, UnknownStudyError
from trialist.store import open_store
from trialist.study import earlier
from trialist.study.declaring import plan_of
from trialist.study.events import Told

SPACE = tl.Space(x=tl.Float(-1.0, 1.0, default=0.9), k=tl.Int(1, 8, default=4))
Objective = Callable[[tl.Trial], Any]


def bowl(trial: tl.Trial) -> float:
    return (trial["x"] - 0.3) ** 2 + 0.01 * trial["k"]


def made(path: str | Path, name: str, objective: Objective | None = bowl, trials: int = 12, **more: Any) -> tl.Study:
    arguments = {"minimize": "loss", "budget": 40, "strategy": "random", **more}
    study = tl.Study.create(SPACE, name=name, store=path, **arguments)
    if objective is not None:
        study.optimize(objective, trials=trials)
    return study


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "s.db")


def test_the_best_of_an_earlier_study_is_tried_right_after_the_default(path: str) -> None:
    old = made(path, "old")
    new = made(path, "new", trials=4, warm_start=["old"])
    assert new.trials[0].stage is tl.Stage.BASELINE
    assert old.history.best is not None and new.trials[1].params == old.history.best.params
    assert "'old'" in new.trials[1].reason and str(old.history.best.number) in new.trials[1].reason
    assert "another of the best of study 'old'" in new.trials[2].reason, "the first one beat the default"
    assert new.trials[3].strategy == "random"


def test_what_was_best_is_so_in_the_direction_of_the_objective(path: str) -> None:
    old = made(path, "old", lambda trial: -bowl(trial), minimize=None, maximize="score")
    new = made(path, "new", lambda trial: -bowl(trial), 2, minimize=None, maximize="score", warm_start="old")
    best = max(old.trials, key=lambda record: record.value or -9.0)
    assert new.trials[1].params == best.params
    assert new.history.earlier[0].best is not None and new.history.earlier[0].best.value == best.value


def test_a_study_without_a_warm_start_has_no_earlier_ones(path: str) -> None:
    assert made(path, "old").history.earlier == ()


@pytest.mark.parametrize("how", ["study", "name", "pair", "several"])
def test_an_earlier_study_is_given_in_any_of_these_ways(how: str, path: str, tmp_path: Path) -> None:
    old = made(path, "old")
    elsewhere = str(tmp_path / "other.db")
    given, words, place = {
        "study": (old, ("old",), path),
        "name": (["old"], ("old",), path),
        "pair": ([("old", path)], ("old@s.db",), elsewhere),
        "several": ([old, made(elsewhere, "older")], ("old@s.db", "older"), elsewhere),
    }[how]
    new = made(place, "new", None, warm_start=given)
    assert new.declared.warm_start == words
    assert f"warm start: from {', '.join(words)}" in new.plan.lines()
    assert sorted(len(history) for history in new.history.earlier) == [12] * len(words)
    assert [history.plan.name for history in new.history.earlier] == [word.partition("@")[0] for word in words]


def test_a_study_in_memory_learns_from_one_in_another_memory() -> None:
    old = made("memory", "old")
    new = made("memory", "new", trials=2, warm_start=old)
    assert new.declared.warm_start == ("old@memory",)
    assert old.history.best is not None and new.trials[1].params == old.history.best.params


def test_what_is_known_stays_whatever_becomes_of_the_earlier_study(path: str, tmp_path: Path) -> None:
    old = made(tmp_path / "old.db", "old")
    best = old.history.best
    made(path, "new", trials=1, warm_start=old).close()
    old.optimize(bowl, trials=20)
    old.close()
    (tmp_path / "old.db").unlink()
    again = tl.Study.load("new", path)
    assert len(again.history.earlier[0]) == 12
    again.optimize(bowl, trials=1)
    assert best is not None and again.trials[1].params == best.params


def test_the_same_call_resumes_and_another_warm_start_is_another_plan(path: str, tmp_path: Path) -> None:
    made(tmp_path / "old.db", "old").close()
    arguments: dict[str, Any] = {"minimize": "loss", "budget": 4, "name": "new", "store": path, "progress": False}
    first = tl.tune(bowl, SPACE, warm_start=[("old", tmp_path / "old.db")], **arguments)
    (tmp_path / "old.db").unlink()
    again = tl.tune(bowl, SPACE, warm_start=[("old", tmp_path / "old.db")], **arguments)
    assert again.trials == first.trials and len(again.history.earlier[0]) == 12
    with pytest.raises(PlanChangedError, match=r"warm_start: old@old\.db is now \(none\)"):
        tl.tune(bowl, SPACE, **arguments)


def test_a_study_whose_maker_died_before_it_kept_what_was_known_gets_it_from_the_next(path: str) -> None:
    made(path, "old").close()
    plan = plan_of(
        minimize="loss", maximize=None, budget=4, trial_seconds=None, trial_memory=None, strategy="auto",
        scheduler="auto", stopping="auto", name="new", warm_start=["old"], store=path,
    )  # fmt: skip
    store = open_store(path)
    store.create_study(plan, SPACE, 0.0)
    assert tl.Study.load("new", path).history.earlier == ()
    assert len(tl.Study.open(plan, SPACE, path, ["old"]).history.earlier[0]) == 12


def test_two_makers_at_once_keep_one_snapshot(path: str) -> None:
    old = made(path, "old")
    first = made(path, "new", None, warm_start="old")
    old.optimize(bowl, trials=5)
    late = earlier.snapshot(["old"], first.declared, first.store)
    assert not first.store.write_stage("new", earlier.STAGE, late, 0.0, once=True)
    assert len(tl.Study.load("new", path).history.earlier[0]) == 12


def test_trials_read_back_as_they_were(path: str) -> None:
    def noted(trial: tl.Trial) -> list[float]:
        trial.cost = 2.5
        return [bowl(trial), bowl(trial) + 0.1]

    old = made(path, "old", noted)
    kept = made(path, "new", None, warm_start="old").history.earlier[0]
    assert kept.space == SPACE
    for was, now in zip(old.history.scored, kept.scored, strict=True):
        for name in ("number", "stage", "params", "metrics", "loss", "cost", "seconds", "constraints"):
            assert getattr(now, name) == getattr(was, name)


def test_failed_trials_and_finalists_scored_again_are_left_out(path: str) -> None:
    def shaky(trial: tl.Trial) -> float:
        if trial.number == 3:
            raise ValueError("no")
        return bowl(trial)

    old = tl.tune(shaky, SPACE, minimize="loss", budget=20, name="old", store=path, progress=False)
    kept = made(path, "new", None, warm_start=old).history.earlier[0]
    numbers = [record.number for record in kept]
    assert numbers == [record.number for record in old.history.scored]
    assert 3 not in numbers and len(numbers) < len(old.trials) - 1


def test_of_a_large_study_the_best_and_some_of_all_the_others_are_kept(path: str) -> None:
    old = made("memory", "old", trials=800, budget=800)
    kept = made("memory", "new", None, warm_start=old).history.earlier[0]
    losses = sorted(record.loss for record in old.trials if record.loss is not None)
    mine = sorted(record.loss for record in kept if record.loss is not None)
    assert len(mine) == earlier.BEST + earlier.SPREAD
    assert mine[: earlier.BEST] == losses[: earlier.BEST]
    middle = losses[earlier.BEST + (800 - earlier.BEST) // 2]
    assert 0.4 < sum(loss < middle for loss in mine[earlier.BEST :]) / earlier.SPREAD < 0.6


def test_functions_among_the_constraints_of_an_earlier_study_do_not_matter(path: str) -> None:
    def small(params: dict[str, Any]) -> bool:
        return bool(params["k"] < 6)

    limited = tl.Space(x=SPACE["x"], k=SPACE["k"], require=[small, "x > -0.5"])
    with tl.Study.create(limited, minimize="loss", name="old", store=path, budget=30, strategy="random") as old:
        old.optimize(bowl, trials=6)
    kept = made(path, "new", trials=2, warm_start="old").history.earlier[0]
    assert [constraint.text for constraint in kept.space.constraints] == ["x > -0.5"]


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (["olf"], UnknownStudyError, "warm_start: there is no study 'olf'. Use 'old'"),
        ([("old", "nowhere.db")], StoreMissingError, "nowhere.db"),
        ([3], PlanError, "warm_start: 3 names no study"),
        (3, PlanError, "warm_start: 3 names no study"),
        (["old", "old"], PlanError, "warm_start: 'old' is named twice"),
        (["new"], PlanError, "warm_start: 'new' is the study itself"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_before_a_study_is_made(
    given: Any, error: type[Exception], said: str, path: str
) -> None:
    old = made(path, "old", trials=1)
    with pytest.raises(error, match=said):
        made(path, "new", warm_start=given)
    assert old.store.studies() == ("old",)


@pytest.mark.parametrize("other", [{"maximize": "loss", "minimize": None}, {"minimize": "error"}])
def test_another_objective_is_refused(other: dict[str, Any], path: str) -> None:
    made(path, "old", trials=1)
    with pytest.raises(PlanError, match=r"warm_start: study 'old' was to minimize loss, .* Name the same metric"):
        made(path, "new", warm_start="old", **other)


def test_one_of_several_earlier_objectives_is_enough(path: str) -> None:
    made(path, "old", lambda trial: {"time": trial["k"], "loss": bowl(trial)}, minimize=["time", "loss"])
    kept = made(path, "new", None, warm_start="old").history.earlier[0]
    assert [objective.name for objective in kept.plan.objectives] == ["loss"]
    assert [record.loss for record in kept] == [record.metrics["loss"].mean for record in kept]


def test_an_earlier_study_without_a_score_is_told_and_does_no_harm(path: str) -> None:
    made(path, "old", None)
    new = made(path, "new", None, warm_start="old", budget=5)
    told = [event.text for event in new.process(bowl) if isinstance(event, Told)]
    assert "warm start from 'old': no scored trial: nothing is learnt" in told
    assert [record.strategy for record in new.trials][1:] == ["random"] * 4


def test_any_number_of_workers_tries_each_first_point_once(path: str) -> None:
    made(path, "old")
    new = made(path, "new", None, warm_start="old")
    asked = [new.ask() for _ in range(4)]
    assert [record.strategy for record in new.trials].count("warm start") == 1
    for trial in asked:
        new.tell(trial, bowl(trial))
    assert len({SPACE.identity(record.params) for record in new.trials}) == 4


def test_an_earlier_study_that_misleads_costs_one_trial(path: str) -> None:
    made(path, "old", lambda trial: -bowl(trial), trials=40)  # the same metric by name, but the worst is its best
    new = made(path, "new", trials=20, warm_start="old")
    assert [record.strategy for record in new.trials].count("warm start") == 1
    alone = made(path, "alone", trials=20)
    drawn = [record.params for record in new.trials if record.strategy == "random"]
    assert drawn == [record.params for record in alone.trials][2:], "the strategy's own trials are what they were"


def test_dials_declared_on_the_way_take_the_earlier_best_once_they_are_known(path: str) -> None:
    def declares(trial: tl.Trial) -> float:
        return float((trial.suggest_float("x", -1.0, 1.0, default=0.9) - 0.3) ** 2)

    old = tl.Study.create(minimize="loss", name="old", store=path, budget=10)
    old.optimize(declares)
    new = tl.Study.create(minimize="loss", name="new", store=path, budget=10, warm_start="old")
    new.optimize(declares, trials=3)
    # The trial after the default may be opened before anybody has read what the default declared.
    assert old.history.best is not None
    assert old.history.best.params in [record.params for record in new.trials[1:3]]
