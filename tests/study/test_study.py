"""The study as users hold it: the baseline, resuming, asking and telling, budgets, and what it refuses."""

from __future__ import annotations

import math
import re
import threading
from pathlib import Path

import pytest

import trialist as tl


def parabola(trial: tl.Trial) -> float:
    return (trial["x"] - 0.3) ** 2 + 0.01 * trial["k"]


def space() -> tl.Space:
    return tl.Space(x=tl.Float(-1.0, 1.0, default=0.9), k=tl.Int(1, 8, default=4))


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory" if request.param == "memory" else str(tmp_path / "s.db")


def test_the_default_configuration_is_trial_0(store: str) -> None:
    with tl.Study.create(space(), minimize="loss", store=store) as study:
        study.optimize(parabola, trials=3)
        assert dict(study.trials[0].params) == {"x": 0.9, "k": 4}
        assert study.trials[0].stage is tl.Stage.BASELINE
        assert study.baseline is not None and study.baseline.number == 0
        assert [r.number for r in study.trials] == [0, 1, 2]
        assert all(r.reason for r in study.trials)


def test_the_best_is_the_lowest_loss_when_minimizing_and_the_highest_value_when_maximizing(store: str) -> None:
    with tl.Study.create(space(), maximize="score", store=store) as study:
        study.optimize(lambda trial: -parabola(trial), trials=8)
        assert study.best is not None
        assert study.best.value == max(r.value for r in study.trials if r.value is not None)
        assert study.best.loss == -study.best.value


def test_a_failed_trial_only_fails_itself(store: str) -> None:
    def objective(trial: tl.Trial) -> float:
        if trial.number == 2:
            raise ZeroDivisionError("a bad day")
        return math.nan if trial.number == 3 else parabola(trial)

    with tl.Study.create(space(), minimize="loss", store=store) as study:
        study.optimize(objective, trials=6)
        states = [r.state.value for r in study.trials]
        assert states == ["complete", "complete", "failed", "failed", "complete", "complete"]
        assert study.trials[2].failure is not None and "a bad day" in study.trials[2].failure.message
        assert "ZeroDivisionError" in study.trials[2].failure.traceback
        assert study.trials[3].failure is not None and "NaN" in study.trials[3].failure.message


def test_optimize_goes_on_where_it_stopped_and_draws_what_an_uninterrupted_run_draws(tmp_path: Path) -> None:
    for name, calls in (("halves", (4, 4)), ("whole", (8,))):
        for trials in calls:
            path = tmp_path / "s.db"
            plan = {"minimize": "loss", "name": name, "store": path, "seed": 5, "strategy": "random"}
            study = (
                tl.Study.load(name, path) if trials == 4 and name in _names(path) else tl.Study.create(space(), **plan)
            )
            study.optimize(parabola, trials=trials)
            study.close()
    drawn = [[dict(r.params) for r in tl.Study.load(name, tmp_path / "s.db").trials] for name in ("halves", "whole")]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 8


def _names(path: Path) -> tuple[str, ...]:
    return tl.Study.load("halves", path).store.studies() if path.exists() else ()


def test_any_number_of_workers_draws_the_same_designs(tmp_path: Path) -> None:
    drawn = []
    for workers in (1, 2):
        with tl.Study.create(space(), minimize="loss", store=tmp_path / f"{workers}.db", strategy="sobol") as study:
            study.optimize(parabola, trials=8, workers=workers)
            drawn.append([dict(r.params) for r in study.trials])
    assert drawn[0] == drawn[1]


def test_ask_and_tell(store: str) -> None:
    with tl.Study.create(space(), minimize="loss", store=store) as study:
        trial = study.ask()
        assert study.tell(trial, 0.5).value == 0.5
        with pytest.raises(tl.StateError):
            study.tell(trial, 0.4)
        assert study.trials[0].value == 0.5
        other = study.ask()
        assert study.tell(other.number, [0.1, 0.3]).value == pytest.approx(0.2)
        third = study.ask()
        with pytest.raises(tl.ResultError):
            study.tell(third, "abc")
        assert study.trials[2].state is tl.State.RUNNING
        assert study.tell(third, state="failed").state is tl.State.FAILED
        with pytest.raises(tl.UnknownStudyError, match="99"):
            study.tell(99, 1.0)


def test_measured_constraints_are_told_and_the_best_trial_satisfies_them(store: str) -> None:
    with tl.Study.create(space(), minimize="loss", store=store) as study:
        handle = study.ask()
        handle.constrain("ms", 7.0)
        handle.cost = 0.25
        record = study.tell(handle, 0.1)
        assert (record.constraints, record.cost, record.violated) == ({"ms": 7.0}, 0.25, ("ms",))
        assert study.best == record  # nothing is nearer
        assert study.tell(study.ask().number, 0.5, constraints={"ms": -1}).is_feasible
        trial = study.ask()
        for wrong in ({"ms": "slow"}, [1.0], {3: 1.0}):
            with pytest.raises(tl.ResultError):
                study.tell(trial, 0.2, constraints=wrong)  # type: ignore[arg-type]
        assert study.tell(trial, 0.2, constraints={"ms": math.nan}).violated == ("ms",)
        assert study.best is not None and study.best.number == 1 == study.history.best.number


def test_what_was_reported_counts_where_nothing_is_told(store: str) -> None:
    with tl.Study.create(space(), minimize="loss", store=store) as study:
        trial = study.ask()
        trial.report(0.7)
        trial.report(0.6)
        record = study.tell(trial)
        assert record.value == 0.6 and [r.step for r in record.reports] == [1, 2]


def test_an_enqueued_configuration_is_next_and_checked_first(store: str) -> None:
    with tl.Study.create(space(), minimize="loss", store=store) as study:
        study.optimize(parabola, trials=1)
        number = study.enqueue({"x": 0.25})
        with pytest.raises(tl.SpaceError, match="x"):
            study.enqueue({"x": 99.0})
        with pytest.raises(tl.SpaceError, match="nope"):
            study.enqueue({"nope": 1.0})
        study.optimize(parabola, trials=1)
        assert dict(study.trials[number].params) == {"x": 0.25, "k": 4}
        assert len(study.trials) == 2


def test_the_same_name_with_another_plan_lists_the_differences(tmp_path: Path) -> None:
    arguments = {"minimize": "loss", "budget": 6, "store": tmp_path / "s.db", "name": "p", "progress": False}
    tl.tune(parabola, space(), **arguments).close()
    again = tl.tune(parabola, space(), **arguments)
    assert len(again.trials) == 6
    again.close()
    with pytest.raises(tl.PlanChangedError, match="seed: 0 is now 1"):
        tl.tune(parabola, space(), **arguments, seed=1)
    wider = tl.Space(x=tl.Float(-2.0, 1.0, default=0.9), k=tl.Int(1, 8, default=4))
    with pytest.raises(tl.PlanChangedError, match="x"):
        tl.tune(parabola, wider, **arguments)


def test_a_define_by_run_space_is_stored_and_the_same_object(tmp_path: Path) -> None:
    def objective(trial: tl.Trial) -> float:
        x = trial.suggest_float("x", -1.0, 1.0, default=0.9)
        k = trial.suggest_int("k", 1, 8, default=4)
        return (x - 0.3) ** 2 + 0.01 * k

    with tl.Study.create(minimize="loss", store=tmp_path / "s.db", strategy="random") as study:
        study.optimize(objective, trials=5)
    loaded = tl.Study.load(store=tmp_path / "s.db")
    assert loaded.space == space()
    assert dict(loaded.trials[0].params) == {"x": 0.9, "k": 4}
    with tl.Study.create(space(), minimize="loss", store=tmp_path / "t.db", strategy="random") as declared:
        declared.optimize(parabola, trials=5)
        assert [dict(r.params) for r in declared.trials] == [dict(r.params) for r in loaded.trials]
    loaded.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_dial_that_is_declared_under_an_if_is_active_there_alone(tmp_path: Path, workers: int) -> None:
    study = tl.Study.create(minimize="loss", store=tmp_path / "s.db", strategy="random", seed=2)
    study.optimize(either, trials=14, workers=workers)
    assert [str(study.space[name].when) for name in ("C", "depth")] == ["kind is 'svm'", "kind is 'tree'"]
    kinds = {"svm": {"kind", "C"}, "tree": {"kind", "depth", "leaf"}}
    assert [set(record.params) for record in study.trials] == [kinds[r.params["kind"]] for r in study.trials]
    assert {record.params["kind"] for record in study.trials} == {"svm", "tree"}
    study.close()


def either(trial: tl.Trial) -> float:
    if trial.suggest_categorical("kind", ["svm", "tree"]) == "svm":
        return abs(trial.suggest_float("C", 1e-3, 1e3, log=True, when={"kind": "svm"}) - 3)
    trial.suggest_categorical("leaf", ["mean", "model"], when={"kind": "tree"})
    return abs(trial.suggest_int("depth", 1, 20, when={"kind": "tree"}) - 7) + 0.5


def test_a_dial_that_is_asked_for_where_its_condition_does_not_hold_stops_the_study(store: str) -> None:
    def objective(trial: tl.Trial) -> float:
        trial.suggest_categorical("kind", ["svm", "tree"])
        return trial.suggest_float("C", 0.0, 1.0, when={"kind": "tree"})

    with (
        tl.Study.create(minimize="loss", store=store) as study,
        pytest.raises(tl.SpaceError, match=r"^C: it is asked for, but active only when kind is 'tree'.*under an `if`"),
    ):
        study.optimize(objective, trials=2)


def test_a_misused_declaration_stops_the_study_with_its_error_and_leaves_no_trial_running(store: str) -> None:
    with tl.Study.create(minimize="loss", store=store) as study:
        with pytest.raises(tl.SpaceError, match=r"lr: .*2\.0"):
            study.optimize(lambda trial: trial.suggest_float("lr", 2.0, 1.0), trials=3)
        assert [r.state for r in study.trials] == [tl.State.FAILED]


@pytest.mark.parametrize(("argument", "value"), [("trials", -1), ("trials", 1.5), ("timeout", -5), ("trials", True)])
def test_a_call_without_a_limit_that_can_be_is_refused_before_any_trial(
    store: str, argument: str, value: object
) -> None:
    with tl.Study.create(space(), minimize="loss", store=store) as study:
        with pytest.raises(tl.PlanError, match=argument):
            study.optimize(parabola, **{argument: value})
        with pytest.raises(tl.PlanError, match="trials"):
            study.optimize(parabola)
        assert study.trials == ()


def test_the_budget_holds_for_all_calls_together(store: str) -> None:
    with tl.Study.create(space(), minimize="loss", store=store, budget=5) as study:
        study.optimize(parabola, trials=3)
        study.optimize(parabola, trials=30)
        study.optimize(parabola)
        assert len(study.trials) == 5


def test_failed_trials_can_be_run_again(store: str) -> None:
    broken = threading.Event()
    broken.set()

    def objective(trial: tl.Trial) -> float:
        if broken.is_set() and trial.number in (1, 2):
            raise OSError("the cluster is on fire")
        return parabola(trial)

    with tl.Study.create(space(), minimize="loss", store=store) as study:
        study.optimize(objective, trials=4)
        broken.clear()
        assert study.rerun_failed() == (4, 5)
        assert study.rerun_failed() == ()
        study.optimize(objective, trials=2)
        assert dict(study.trials[4].params) == dict(study.trials[1].params)
        assert study.trials[4].repeats == 1 and study.trials[4].is_scored
        assert study.trials[1].state is tl.State.FAILED


def test_a_space_grows_as_a_recorded_revision_and_old_trials_stay(store: str) -> None:
    with tl.Study.create(space(), minimize="loss", store=store, strategy="random") as study:
        study.optimize(parabola, trials=4)
        wider = tl.Space(
            x=tl.Float(-5.0, 1.0, default=0.9), k=tl.Int(1, 8, default=4), act=tl.Categorical(["relu", "tanh"])
        )
        changes = study.grow(wider, "the best sat at the edge")
        assert any("x" in change for change in changes) and any("act" in change for change in changes)
        assert study.grow(dict(wider.items())) == ()
        study.optimize(parabola, trials=20)
        assert len(study.trials) == 24
        assert any(r.params["x"] < -1 for r in study.trials[4:])
        assert all("act" in r.params for r in study.trials[4:])
        assert [r.reason for r in study.store.revisions(study.name)][-1] == "the best sat at the edge"
        with pytest.raises(tl.SpaceError):
            study.grow(space())


def test_a_scheduler_stops_hopeless_trials_and_their_reports_count(store: str) -> None:
    def objective(trial: tl.Trial) -> float | None:
        for step in trial.steps(12):
            trial.report(-0.001 * trial.number + 10.0 * (trial.number > 8) + 1 / step)
        return trial.last

    with tl.Study.create(space(), minimize="loss", store=store, scheduler="median") as study:
        study.optimize(objective, trials=14)
        stopped = [r for r in study.trials if r.state is tl.State.STOPPED]
        assert stopped and all(r.number > 8 for r in stopped)
        assert all(0 < len(r.reports) < 12 and r.stop_reason for r in stopped)
        assert study.best is not None and study.best.number == 8


def narrow_enough(params: dict[str, float]) -> bool:
    return params["x"] < 0.95


def test_a_space_with_a_function_as_constraint_can_be_looked_at_anywhere_and_run_where_it_is_declared(
    tmp_path: Path,
) -> None:
    declared = tl.Space(x=tl.Float(-1.0, 1.0, default=0.9), k=tl.Int(1, 8, default=4), require=[narrow_enough])  # type: ignore[arg-type]
    path = tmp_path / "s.db"
    tl.tune(parabola, declared, minimize="loss", budget=20, store=path, name="c", progress=False).close()
    with tl.Study.load("c", path) as looked_at:
        assert len(looked_at.trials) == 20 and looked_at.refinement is not None and looked_at.selection is not None
        looked_at.extend(25)
        with pytest.raises(tl.SpaceError, match="narrow_enough"):
            looked_at.optimize(parabola, trials=1)
    with tl.Study.load("c", path, space=declared) as again:
        again.optimize(parabola, trials=1)
        assert len(again.trials) == 21


def declares_its_own_way(trial: tl.Trial) -> float:
    return trial.suggest_float("x", 0.0, 1.0 + trial.number)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_dial_declared_in_two_ways_stops_the_study_wherever_it_runs(tmp_path: Path, workers: int) -> None:
    with tl.Study.create(minimize="loss", store=tmp_path / "s.db") as study:
        with pytest.raises(tl.SpaceError, match="x: "):
            study.optimize(declares_its_own_way, trials=6, workers=workers)
        failed = [r for r in study.trials if r.state is tl.State.FAILED]
        assert failed and all(r.failure is not None and "x: " in r.failure.message for r in failed)
        assert not any(r.state is tl.State.RUNNING for r in study.trials)


def test_a_result_that_the_store_had_no_room_for_is_written_once_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tl.Study.create(space(), minimize="loss", store=tmp_path / "s.db") as study:
        study.optimize(parabola, trials=2)
        ran: list[int] = []

        def objective(trial: tl.Trial) -> float:
            ran.append(trial.number)
            monkeypatch.setattr(type(study.store), "record", _no_room)
            return parabola(trial)

        with pytest.raises(tl.StoreError, match="no room"):
            study.optimize(objective, trials=2)
        monkeypatch.undo()
        study.optimize(parabola, trials=1)
        assert ran == [2]
        assert [r.state for r in study.trials] == [tl.State.COMPLETE] * 4


def _no_room(*_: object) -> None:
    raise tl.StoreError("no room")


def test_the_default_is_trial_0_also_where_something_was_asked_for_first(store: str) -> None:
    with tl.Study.create(space(), minimize="loss", store=store) as study:
        assert (study.enqueue({"x": 0.1}), study.enqueue({"x": 0.2})) == (1, 2)
        study.optimize(parabola, trials=3)
        assert [r.params["x"] for r in study.trials] == [0.9, 0.1, 0.2]
        assert study.baseline is not None


def test_a_closed_study_gives_back_what_was_asked_for(tmp_path: Path) -> None:
    with tl.Study.create(space(), minimize="loss", store=tmp_path / "s.db") as study:
        study.ask()
    with tl.Study.load(store=tmp_path / "s.db") as study:
        assert study.trials[0].state is tl.State.WAITING
        study.optimize(parabola, trials=1)
        assert len(study.trials) == 1 and study.trials[0].attempt == 1 and study.trials[0].is_scored


@pytest.mark.parametrize(
    ("objective", "test", "said"),
    [
        (lambda: 1.0, None, r"^objective: .*\(\) cannot be called with trial .*Give a function of a trial"),
        (lambda x, k: x, None, r"^objective: .*\(x, k\) cannot be called with trial \(missing a required argument"),
        ("python train.py --lr {lr}", None, r"^objective: .* is text.*tl\.Command\(\('python', 'train\.py'"),
        (parabola, lambda params: 1.0, r"^test: .*\(params\) cannot be called with params, seed .*\(params, seed\)"),
        (parabola, 3, "^test: 3 cannot be called"),
    ],
)
def test_what_cannot_be_called_so_is_refused_before_any_trial(
    tmp_path: Path, objective: object, test: object, said: str
) -> None:
    with pytest.raises(tl.PlanError, match=said):
        tl.tune(objective, space(), minimize="loss", budget=4, test=test, store=tmp_path / "s.db", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_study_that_nothing_would_end_is_refused_and_one_with_a_rule_is_not(store: str) -> None:
    arguments = {"minimize": "loss", "store": store, "progress": False}
    for budget in (None, tl.Budget()):
        with pytest.raises(tl.PlanError, match="budget: None, and nothing else ends the search"):
            tl.tune(parabola, space(), budget=budget, **arguments)
    study = tl.tune(parabola, space(), budget=None, stopping=tl.Target(10.0), **arguments)
    assert study.stopped is not None
    study.close()
    with tl.Study.create(space(), minimize="loss", store=store, name="endless") as endless:
        with pytest.raises(tl.PlanError, match=r"budget: None, and nothing else ends .*trials=40 or timeout=600"):
            endless.optimize(parabola)
        with pytest.raises(tl.PlanError, match="budget: None, and nothing else ends the search"):
            list(endless.process(parabola))
        assert not endless.trials
    with tl.Study.create(space(), minimize="loss", store=store, name="ruled", stopping=tl.Target(10.0)) as ruled:
        ruled.optimize(parabola)
        assert ruled.stopped is not None


def test_a_store_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(tl.PlanError, match=r"^store: 3 is no place"):
        tl.Study.create(space(), minimize="loss", store=3)  # type: ignore[arg-type]
    with pytest.raises(tl.PlanError, match=r"^store: 3 is no place"):
        tl.Study.load("p", store=3)  # type: ignore[arg-type]


def test_of_long_texts_that_begin_alike_the_difference_is_shown(tmp_path: Path) -> None:
    arguments = {"minimize": "loss", "budget": 3, "store": tmp_path / "s.db", "name": "p"}
    commands = [f"python train.py --data {'a' * 200} --lr {{lr}} --{way}" for way in ("old", "new")]
    tl.Study.create(space(), source=commands[0], **arguments).close()
    plan = tl.Study.create(space(), source=commands[1], **{**arguments, "store": "memory"}).declared
    with pytest.raises(
        tl.PlanChangedError, match=r"source: '\.\.\.a+ --lr \{lr\} --old' is now '\.\.\.a+ --lr \{lr\} --new'"
    ):
        tl.Study.open(plan, space(), tmp_path / "s.db")


def test_a_trial_is_printed_in_a_line(store: str) -> None:
    def objective(trial: tl.Trial) -> float:
        if trial.number == 1:
            raise ValueError("diverged")
        return parabola(trial)

    with tl.Study.create(space(), minimize="loss", store=store, strategy="random") as study:
        study.optimize(objective, trials=2)
        first, second = map(str, study.trials)
        assert first == "trial 0: loss 0.4; {'x': 0.9, 'k': 4}"
        assert second.startswith("trial 1: failed, objective: ValueError: diverged; {'x': ")
        assert "metrics=" in repr(study.trials[0])


def test_a_study_without_any_score_warns_where_nobody_sees_its_progress(
    store: str, capsys: pytest.CaptureFixture
) -> None:
    arguments = {"minimize": "loss", "budget": 2, "store": store, "name": "p"}
    said = "study 'p': no score after 2 trials, 2 of them failed; trial 0 so: AttributeError: .*constrian"
    with pytest.warns(UserWarning, match=said):
        tl.tune(lambda trial: trial.constrian("a", 1), space(), **arguments, progress=False).close()


def test_a_dial_of_a_study_without_a_space_is_asked_for_with_the_line_that_declares_it(store: str) -> None:
    with (
        tl.Study.create(minimize="loss", store=store) as study,
        pytest.raises(tl.SpaceError, match=r"^x: .*the study has no space. .*trial\.suggest_float\('x', low, high\)"),
    ):
        study.optimize(parabola, trials=1)


def test_the_remedy_for_another_plan_fits_what_was_changed(tmp_path: Path) -> None:
    arguments = {"minimize": "loss", "store": tmp_path / "s.db", "name": "p", "progress": False}
    tl.tune(parabola, space(), budget=3, **arguments).close()
    place = re.escape(str(tmp_path / "s.db"))
    with pytest.raises(tl.PlanChangedError, match=f"in {place} was .*Extend its budget .trialist extend"):
        tl.tune(parabola, space(), budget=5, **arguments)
    with pytest.raises(tl.PlanChangedError, match=r"Give another name .*ask for what was declared before") as caught:
        tl.tune(parabola, space(), budget=3, seed=3, **arguments)
    assert "xtend" not in str(caught.value)
    with pytest.raises(tl.PlanChangedError, match=r"Give another name .*; a budget alone is extended .trialist extend"):
        tl.tune(parabola, space(), budget=5, seed=3, **arguments)
    wider = tl.Space(x=tl.Float(-2.0, 1.0, default=0.9), k=tl.Int(1, 8, default=4))
    with pytest.raises(tl.PlanChangedError, match=r"grow the space .*\(study.grow\)"):
        tl.tune(parabola, wider, budget=3, **arguments)


UNPLACED = [
    (("train", "--x", "{x}"), "^(command|test): it has no place for the dial 'k'. Write {k}"),
    (("train", "--x", "{x}", "--k", "{kk}"), r"^\{kk\}: the space has no dial of this name. Use .*fidelity='kk'"),
]


@pytest.mark.parametrize(("words", "said"), UNPLACED)
def test_a_command_has_a_place_for_every_dial_and_none_for_others(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    whole = tl.Command(("train", "--x", "{x}", "--k", "{k}"))
    for objective, test in ((tl.Command(words), None), (whole, tl.Command(words))):
        with pytest.raises(tl.CommandError, match=said):
            tl.tune(objective, space(), minimize="loss", budget=4, test=test, store=tmp_path / "s.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("words", "said"), UNPLACED)
def test_so_it_has_whichever_way_a_study_is_run(store: str, words: tuple[str, ...], said: str) -> None:
    wrong, whole = tl.Command(words), tl.Command(("train", "--x", "{x}", "--k", "{k}"))
    with tl.Study.create(space(), minimize="loss", budget=4, store=store) as study:
        for way in (
            lambda: study.optimize(wrong, trials=1),
            lambda: study.run(wrong, trials=1),
            lambda: list(study.process(wrong)),
            lambda: list(study.process(whole, wrong)),
            lambda: study.select(wrong),
        ):
            with pytest.raises(tl.CommandError, match=said):
                way()
        assert not study.trials
        study.optimize(parabola, trials=2)
        for way in (lambda: study.sweep("x", wrong), lambda: study.verify(wrong)):
            with pytest.raises(tl.CommandError, match=said):
                way()
        assert len(study.trials) == 2 and not study.sweeps


def test_a_function_that_takes_no_trial_is_refused_whichever_way_a_study_is_run(store: str) -> None:
    def wrong() -> float:
        return 1.0

    with tl.Study.create(space(), minimize="loss", budget=4, store=store) as study:
        for way in (
            lambda: study.optimize(wrong),
            lambda: list(study.process(wrong)),
            lambda: list(study.process(parabola, wrong)),
            lambda: study.select(wrong),
        ):
            with pytest.raises(tl.PlanError, match=r"^(objective|test): .*\(\) -> .* cannot be called with"):
                way()
        assert not study.trials


def test_a_command_is_given_in_words() -> None:
    assert tl.Command(["train", "{x}"]) == tl.Command(("train", "{x}"))  # type: ignore[arg-type]
    with pytest.raises(tl.CommandError, match=r"is text. Give its words: Command\(\('train', '--x', '{x}'\)\)"):
        tl.Command("train --x {x}")  # type: ignore[arg-type]
