"""The live trial and run_assignment, without any process."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import InputError, LeaseLostError, ResultError, SpaceError
from trialist.execute.worker import Objective, Trial, run_assignment
from trialist.space.parameter import Float, Int
from trialist.space.space import Space
from trialist.trials.messages import Assignment, Declared, Failed, Finished, Message, Noted, Reported
from trialist.trials.trial import GO_ON, Action, Cause, Decision, Stage


def assignment(**given: Any) -> Assignment:
    fields: dict[str, Any] = {
        "number": 3,
        "attempt": 0,
        "params": {},
        "seed": 11,
        "stage": Stage.SEARCH,
        "study_seed": 0,
        "objectives": ("loss",),
        "directory": "unused",
    }
    return Assignment(**{**fields, **given})


def run(
    objective: Objective,
    answer: Callable[[Message], Decision] = lambda message: GO_ON,
    space: Space | None = None,
    declared: dict[str, Any] | None = None,
    **fields: Any,
) -> list[Message]:
    heard: list[Message] = []

    def channel(message: Message) -> Decision:
        heard.append(message)
        return answer(message)

    run_assignment(objective, assignment(**fields), channel, space, declared)
    return heard


def failed(objective: Objective, **fields: Any) -> Failed:
    message = run(objective, **fields)[-1]
    assert isinstance(message, Failed)
    return message


def finished(objective: Objective, **fields: Any) -> Finished:
    message = run(objective, **fields)[-1]
    assert isinstance(message, Finished)
    return message


def raising(error: BaseException) -> Objective:
    def objective(trial: Trial) -> float:
        raise error

    return objective


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def endless(trial: Trial) -> float:
    return endless(trial)


# What an objective may return or raise, by the names of the bad-input corpus.


@pytest.mark.parametrize(
    ("value", "replicates"),
    [
        (1.7976931348623157e308, (1.7976931348623157e308,)),
        (np.array(0.5), (0.5,)),
        (np.float32(0.5), (0.5,)),
        ([0.25, 0.75], (0.25, 0.75)),
        (np.array([0.25, 0.75]), (0.25, 0.75)),
        ({"loss": 1, "acc": 0.5}, (1.0,)),
    ],
    ids=["value_max_float", "value_numpy_0d", "numpy_scalar", "replicates", "numpy_replicates", "metrics"],
)
def test_a_result_is_sent_as_it_is(value: Any, replicates: tuple[float, ...]) -> None:
    assert finished(lambda trial: value).metrics["loss"] == replicates


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (math.nan, "NaN"),
        (math.inf, "infinity"),
        (-math.inf, "minus infinity"),
        (10**400, "infinity"),
        (None, "None"),
    ],
    ids=["value_nan", "value_pos_inf", "value_neg_inf_minimise", "value_huge_int", "value_none"],
)
def test_a_score_that_is_no_finite_number_fails_the_trial_with_its_reason(value: Any, words: str) -> None:
    failure = failed(lambda trial: value).failure
    assert failure.cause is Cause.OBJECTIVE
    assert words in failure.message
    assert failure.usage is None


@pytest.mark.parametrize(
    "value",
    ["0.5", "abc", True, 1 + 2j, (0.1, 0.2), [], ["a"], {"acc": 1.0}, object()],
    ids=[
        "value_str",
        "value_str_bad",
        "value_bool",
        "value_complex",
        "value_too_many",
        "empty",
        "text",
        "name",
        "object",
    ],
)
def test_a_result_of_a_wrong_type_is_a_misuse_that_names_field_value_and_remedy(value: Any) -> None:
    failure = failed(lambda trial: value).failure
    assert failure.usage is not None
    kind, field, problem, remedy = failure.usage
    assert (kind, field) == ("ResultError", "value")
    assert problem and remedy.startswith(("Return", "Give", "Use"))


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        (ValueError("bad lr"), Cause.OBJECTIVE, "ValueError: bad lr"),
        (SystemExit(3), Cause.OBJECTIVE, "sys.exit(3)"),
        (MemoryError(), Cause.MEMORY, "MemoryError"),
        (Unreadable(), Cause.OBJECTIVE, "Unreadable: <its message could not be read: RuntimeError>"),
        (GeneratorExit(), Cause.OBJECTIVE, "GeneratorExit"),
        (ValueError("\ud800 half"), Cause.OBJECTIVE, "ValueError: \\ud800 half"),
    ],
    ids=["value_exception", "value_systemexit", "value_memoryerror", "exception_bad_repr", "generator", "surrogate"],
)
def test_an_exception_fails_the_trial_with_reason_and_traceback(error: BaseException, cause: Cause, words: str) -> None:
    failure = failed(raising(error)).failure
    assert failure.cause is cause
    assert words in failure.message
    assert "in objective" in failure.traceback
    assert "run_assignment" not in failure.traceback
    (failure.message + failure.traceback).encode("utf-8")


def test_an_endless_recursion_fails_the_trial_with_a_short_traceback() -> None:
    failure = failed(endless).failure
    assert failure.message.startswith("RecursionError")
    assert 0 < len(failure.traceback) <= 20_000


def test_a_megabyte_of_message_is_cut_in_the_middle() -> None:
    failure = failed(raising(ValueError("begin" + "x" * 1_000_000 + "end"))).failure
    assert len(failure.message) <= 2_000
    assert "begin" in failure.message and failure.message.endswith("end")
    assert len(failure.traceback) <= 20_000


def test_an_interrupt_is_told_and_then_goes_on() -> None:
    heard: list[Message] = []
    with pytest.raises(KeyboardInterrupt):
        run_assignment(raising(KeyboardInterrupt()), assignment(), lambda message: (heard.append(message), GO_ON)[1])
    (message,) = heard
    assert isinstance(message, Failed)
    assert message.failure.cause is Cause.PREEMPTED


# Reports.


def test_reports_without_steps_count_from_one() -> None:
    def objective(trial: Trial) -> None:
        for value in (3.0, 2.0, 1.0):
            trial.report(value, accuracy=0.5)

    *reports, end = run(objective)
    assert [(r.step, r.value, r.metrics) for r in reports if isinstance(r, Reported)] == [
        (1, 3.0, {"accuracy": 0.5}),
        (2, 2.0, {"accuracy": 0.5}),
        (3, 1.0, {"accuracy": 0.5}),
    ]
    assert isinstance(end, Finished)
    assert end.metrics == {"loss": (1.0,), "accuracy": (0.5,)}


def test_a_report_inside_steps_belongs_to_its_step() -> None:
    def objective(trial: Trial) -> float | None:
        for step in trial.steps(6):
            if step % 2 == 0:
                trial.report(1 / step)
        trial.report(9.0)
        return trial.last

    assert [m.step for m in run(objective) if isinstance(m, Reported)] == [2, 4, 6, 7]


def test_a_stop_ends_the_steps_and_is_told_with_its_reason() -> None:
    seen: list[Any] = []

    def objective(trial: Trial) -> None:
        for step in trial.steps(10):
            trial.report(step)
            seen.append((step, trial.should_stop, trial.stop_reason))

    stop = Decision(Action.STOP, "rank 7 of 9")
    heard = run(objective, lambda m: stop if isinstance(m, Reported) and m.step == 2 else GO_ON)
    assert seen == [(1, False, ""), (2, True, "rank 7 of 9")]
    assert isinstance(heard[-1], Finished)
    assert heard[-1].metrics == {"loss": (2.0,)}


def test_nan_is_a_value_on_the_way() -> None:
    def objective(trial: Trial) -> float:
        trial.report(math.nan, 1)
        return 1.0

    first, last = run(objective)
    assert isinstance(first, Reported) and math.isnan(first.value)
    assert isinstance(last, Finished)


def reporting(*args: Any, **given: Any) -> Objective:
    def objective(trial: Trial) -> float:
        trial.report(*args, **given)
        return 1.0

    return objective


def twice(trial: Trial) -> float:
    trial.report(0.5, 1)
    trial.report(0.6, 1)
    return 1.0


@pytest.mark.parametrize(
    ("objective", "field", "value"),
    [
        (reporting(0.5, -1), "step", "-1"),
        (reporting(0.5, 0.5), "step", "0.5"),
        (reporting(0.5, True), "step", "True"),
        (twice, "step", "1"),
        (reporting("abc", 1), "value", "'abc'"),
        (reporting(True, 1), "value", "True"),
        (reporting(0.5, 1, accuracy="high"), "accuracy", "'high'"),
        (reporting(0.5, 1, loss=0.6), "loss", "0.6"),
    ],
    ids=[
        "report_step_negative",
        "report_step_float",
        "report_step_bool",
        "report_step_twice",
        "report_str",
        "report_bool",
        "metric_str",
        "objective_beside_itself",
    ],
)
def test_a_wrong_report_is_a_misuse(objective: Objective, field: str, value: str) -> None:
    failure = failed(objective).failure
    assert failure.usage is not None
    assert failure.usage[:2] == ("ResultError", field)
    assert value in failure.usage[2]


@pytest.mark.parametrize("n", [-1, 2.5, True, "3", None])
def test_steps_take_a_whole_number(n: Any) -> None:
    def objective(trial: Trial) -> float:
        for _ in trial.steps(n):
            pass
        return 1.0

    failure = failed(objective).failure
    assert failure.usage is not None
    assert failure.usage[:2] == ("ResultError", "steps")


# Notes, cost and constraints.


@pytest.mark.parametrize(
    "value",
    ["text", 1, math.inf, None, (1, 2), [1, (2, 3)], {"a": {"b": 1}}, b"\xff\0"],
    ids=["text", "int", "inf", "none", "attr_tuple", "list", "dict", "bytes"],
)
def test_a_plain_note_is_sent_exactly(value: Any) -> None:
    def objective(trial: Trial) -> float:
        trial.note("mine", value)
        return 1.0

    note = run(objective)[0]
    assert isinstance(note, Noted)
    assert (note.key, note.value, type(note.value)) == ("mine", value, type(value))


def test_a_numpy_note_is_made_plain() -> None:
    def objective(trial: Trial) -> float:
        trial.note("mine", {"acc": np.float64(0.5)})
        return 1.0

    note = run(objective)[0]
    assert isinstance(note, Noted)
    assert type(note.value["acc"]) is float


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("mine", "x" * 10_000_000, "mine"),
        ("mine", {1, 2}, "mine"),
        ("mine", {1: "a"}, "mine"),
        ("mine", nested(5000), "mine"),
        ("mine", object(), "mine"),
        ("", 1, "note"),
        (7, 1, "note"),
        ("\ud800", 1, "note"),
    ],
    ids=["attr_10mb", "attr_set", "attr_int_keys", "attr_deep_nesting", "object", "no_key", "int_key", "surrogate"],
)
def test_a_note_that_is_not_plain_is_a_misuse(key: Any, value: Any, field: str) -> None:
    def objective(trial: Trial) -> float:
        trial.note(key, value)
        return 1.0

    heard = run(objective)
    assert len(heard) == 1
    assert isinstance(heard[0], Failed) and heard[0].failure.usage is not None
    assert heard[0].failure.usage[:2] == ("InputError", field)
    assert len(heard[0].failure.message) < 2_000


def test_nan_notes_are_kept() -> None:
    def objective(trial: Trial) -> float:
        trial.note("mine", math.nan)
        return 1.0

    note = run(objective)[0]
    assert isinstance(note, Noted) and math.isnan(note.value)


def test_constraints_come_with_the_result_and_the_last_of_a_name_counts() -> None:
    def objective(trial: Trial) -> float:
        trial.constrain("latency", 7)
        trial.constrain("latency", np.float32(-0.5))
        trial.constrain("memory", math.nan)
        trial.constraints["recall"] = 1.0  # a copy: nothing is told that way
        return 1.0

    told = finished(objective).constraints
    assert list(told) == ["latency", "memory"]
    assert told["latency"] == -0.5 and math.isnan(told["memory"])
    assert finished(lambda trial: 1.0).constraints == {}


@pytest.mark.parametrize(
    ("name", "value"), [("latency", "slow"), ("latency", None), ("", 1.0), (2, 1.0), ("\ud800", 1)]
)
def test_a_constraint_is_a_number_by_name(name: Any, value: Any) -> None:
    def objective(trial: Trial) -> float:
        trial.constrain(name, value)
        return 1.0

    assert failed(objective).failure.usage is not None


def test_a_cost_comes_with_the_result() -> None:
    def objective(trial: Trial) -> float:
        trial.cost = np.float32(0.25)
        return 1.0

    assert finished(objective).cost == 0.25


@pytest.mark.parametrize("cost", [-1.0, math.nan, math.inf, "1", True, None])
def test_a_cost_is_a_finite_number_from_zero_on(cost: Any) -> None:
    def objective(trial: Trial) -> float:
        trial.cost = cost
        return 1.0

    failure = failed(objective).failure
    assert failure.usage is not None
    assert failure.usage[:2] == ("ResultError", "cost")


# Dials.


def test_an_unknown_dial_names_the_nearest() -> None:
    failure = failed(lambda trial: trial["hiden"], params={"hidden": 64}).failure
    assert failure.usage is not None
    assert failure.usage[0] == "SpaceError"
    assert "'hidden'" in failure.message and "'hiden'" in failure.message


def suggesting(trial: Trial) -> float:
    x = trial.suggest_float("x", 0.0, 1.0, default=0.25)
    n = trial.suggest_int("n", 1, 9, default=4)
    act = trial.suggest_categorical("act", ["relu", "tanh"], default="tanh")
    assert trial.params == {"x": x, "n": n, "act": act}
    assert trial.suggest_float("x", 0.0, 1.0, default=0.25) == x
    return x + n


def test_dials_declared_on_the_way_are_told_before_the_result() -> None:
    *declared, end = run(suggesting)
    assert [m.name for m in declared if isinstance(m, Declared)] == ["x", "n", "act"]
    assert isinstance(end, Finished)


@given(st.integers(0, 2**40), st.integers(0, 10**6))
def test_draws_are_a_function_of_study_seed_and_number(seed: int, number: int) -> None:
    one, other = ([m.value for m in run(suggesting, study_seed=seed, number=number)[:-1]] for _ in range(2))  # type: ignore[union-attr]
    assert one == other


def test_the_baseline_takes_the_defaults() -> None:
    values = {m.name: m.value for m in run(suggesting, defaults=True) if isinstance(m, Declared)}
    assert values == {"x": 0.25, "n": 4, "act": "tanh"}


def test_proposed_values_are_used() -> None:
    assert finished(suggesting, params={"x": 0.5, "n": 2, "act": "relu"}).metrics == {"loss": (2.5,)}


def test_a_proposed_value_outside_the_declaration_is_a_misuse() -> None:
    failure = failed(suggesting, params={"x": 7.0}).failure
    assert failure.usage is not None
    assert failure.usage[:2] == ("SpaceError", "x")
    assert "7.0" in failure.usage[2]


def test_what_the_process_told_before_is_not_told_again() -> None:
    declared: dict[str, Any] = {}
    run(suggesting, declared=declared)
    params = {"x": 0.5, "n": 2, "act": "relu"}
    assert [type(m) for m in run(suggesting, params=params, declared=declared)] == [Finished]
    assert len(run(suggesting, params={}, declared=declared)) == 4  # a value that was drawn here is always told


def test_what_the_space_holds_is_not_told_again() -> None:
    space = Space(x=Float(0.0, 1.0, default=0.25), n=Int(1, 9, default=4))
    names = [m.name for m in run(suggesting, space=space, params={"x": 0.5, "n": 2}) if isinstance(m, Declared)]
    assert names == ["act"]


@pytest.mark.parametrize(
    "second",
    [
        lambda trial: trial.suggest_categorical("p", ["a", "b"]),
        lambda trial: trial.suggest_float("p", 5.0, 6.0),
        lambda trial: trial.suggest_int("p", 0, 1),
    ],
    ids=["same_name_other_type", "same_name_other_range", "same_name_other_kind"],
)
def test_one_name_has_one_declaration(second: Objective) -> None:
    def objective(trial: Trial) -> float:
        trial.suggest_float("p", 0.0, 1.0)
        second(trial)
        return 1.0

    failure = failed(objective).failure
    assert failure.usage is not None
    assert failure.usage[:2] == ("SpaceError", "p")
    assert "Float(0.0, 1.0)" in failure.usage[2]


def test_choices_changed_between_trials_are_a_misuse() -> None:
    declared: dict[str, Any] = {}
    run(lambda trial: len(trial.suggest_categorical("p", ["a", "b"])), declared=declared)
    failure = failed(lambda trial: len(trial.suggest_categorical("p", ["b", "a", "c"])), declared=declared).failure
    assert failure.usage is not None
    assert failure.usage[:2] == ("SpaceError", "p")


@pytest.mark.parametrize("low", [True, "0", None, math.nan])
def test_a_valid_declaration_hides_no_wrong_one(low: Any) -> None:
    run(lambda trial: trial.suggest_float("p", 1, 2))
    failure = failed(lambda trial: trial.suggest_float("p", low, 2)).failure
    assert failure.usage is not None
    assert failure.usage[:2] == ("SpaceError", "p")


# The channel.


@pytest.mark.parametrize("error", [LeaseLostError("somebody else has it"), OSError("disk full"), EOFError()])
def test_what_the_channel_raises_is_no_outcome_even_if_it_is_caught(error: Exception) -> None:
    heard: list[Message] = []

    def channel(message: Message) -> Decision:
        heard.append(message)
        raise error

    def stubborn(trial: Trial) -> float:
        try:
            trial.report(1.0)
        except Exception:  # noqa: BLE001 - as careless users do
            pass
        return 1.0

    with pytest.raises(type(error)):
        run_assignment(stubborn, assignment(), channel)
    assert len(heard) == 1


def test_a_clash_found_by_the_receiver_is_the_trials_outcome() -> None:
    def answer(message: Message) -> Decision:
        if isinstance(message, Declared):
            raise SpaceError("x", "is an Int in the study", "Use another name.")
        return GO_ON

    message = run(suggesting, answer)[-1]
    assert isinstance(message, Failed)
    assert message.failure.usage == ("SpaceError", "x", "is an Int in the study", "Use another name.")


def test_the_users_own_input_error_keeps_the_nearest_class_of_ours() -> None:
    class Mine(ResultError):
        pass

    failure = failed(raising(Mine("field", "problem", "Give another."))).failure
    assert failure.usage == ("ResultError", "field", "problem", "Give another.")
    assert isinstance(InputError(*failure.usage[1:]), ValueError)


def test_the_checkpoint_folder_is_made_on_first_use_and_stays(tmp_path: Path) -> None:
    def first(trial: Trial) -> float:
        assert not list(tmp_path.iterdir())
        (trial.checkpoint_dir / "model").write_text("weights")
        return 1.0

    def second(trial: Trial) -> float:
        assert (trial.checkpoint_dir / "model").read_text() == "weights"
        return 1.0

    finished(first, directory=str(tmp_path / "3"))
    finished(second, directory=str(tmp_path / "3"), attempt=1)


def test_a_trial_says_who_it_is() -> None:
    def objective(trial: Trial) -> float:
        assert (trial.number, trial.seed, trial.attempt, trial.stage) == (3, 11, 0, Stage.SEARCH)
        assert (trial.fidelity, trial.last, trial.should_stop) == (9.0, None, False)
        assert "a" in trial and "b" not in trial
        assert repr(trial) == "Trial(3, {'a': 1})"
        return 1.0

    finished(objective, params={"a": 1}, fidelity=9.0)


# Fidelity


def reports(heard: list[Message]) -> list[Reported]:
    return [message for message in heard if isinstance(message, Reported)]


def counting(trial: Trial) -> None:
    for step in trial.steps():
        trial.report(10.0 - step)


def test_without_a_number_steps_go_as_far_as_the_fidelity() -> None:
    heard = run(counting, fidelity=3)
    assert [(r.since, r.step, r.of) for r in reports(heard)] == [(0, 1, None), (1, 2, None), (2, 3, None)]
    assert isinstance(heard[-1], Finished) and heard[-1].since == 3


@pytest.mark.parametrize(
    ("fidelity", "problem"), [(None, "the study has no fidelity"), (0.3, "the fidelity 0.3 is no number of steps")]
)
def test_steps_need_a_number_where_the_fidelity_is_none(fidelity: float | None, problem: str) -> None:
    message = failed(counting, fidelity=fidelity).failure.message
    assert problem in message and "trial.steps(n)" in message


def test_where_the_study_has_no_fidelity_the_steps_of_a_full_run_are_told() -> None:
    def objective(trial: Trial) -> None:
        for step in trial.steps(27):
            if step % 9 == 0:
                trial.report(step)

    heard = run(objective)
    assert [(r.since, r.step, r.of) for r in reports(heard)] == [(0, 9, 27), (9, 18, 27), (18, 27, 27)]


def test_a_report_beyond_the_fidelity_is_refused_with_what_to_do() -> None:
    def objective(trial: Trial) -> None:
        for _ in trial.steps(81):
            trial.report(1.0)

    end = failed(objective, fidelity=3)
    assert end.failure.usage is not None and "4 is beyond this run's fidelity, 3" in end.failure.message
    assert "trial.steps()" in end.failure.message


def test_a_run_that_goes_on_begins_after_the_steps_that_its_checkpoint_holds(tmp_path: Path) -> None:
    def objective(trial: Trial) -> None:
        for step in trial.steps(start=3):
            trial.report(step)

    heard = run(objective, fidelity=5, attempt=1, reached=3, last=7.0, directory=str(tmp_path))
    assert [(r.since, r.step) for r in reports(heard)] == [(3, 4), (4, 5)]


@pytest.mark.parametrize("reached", [3, 2])
def test_with_all_steps_done_already_the_last_value_stands(reached: int, tmp_path: Path) -> None:
    def objective(trial: Trial) -> float | None:
        for _ in trial.steps(start=3):
            raise AssertionError("nothing is left to do")
        return trial.last

    end = finished(objective, fidelity=3, attempt=1, reached=reached, last=7.0, directory=str(tmp_path))
    assert end.metrics == {"loss": (7.0,)} and end.since == 3


@pytest.mark.parametrize("start", [-1, 1.5, True, 4])
def test_a_start_is_a_number_of_steps_within_the_run(start: Any) -> None:
    end = failed(lambda trial: list(trial.steps(start=start)), fidelity=3)
    assert "start" in end.failure.message


def whole(trial: Trial) -> float:
    """Runs to its fidelity at once, with a checkpoint."""
    for name in ("model", "optimizer"):
        (trial.checkpoint_dir / name).write_text("here")
    return 0.5


@pytest.mark.parametrize(
    ("objective", "since"),
    [
        (whole, 3),
        (lambda trial: 0.5, 0),  # it never looked
        (counting, 5),
    ],
)
def test_what_a_run_went_on_from_is_a_checkpoint_that_it_looked_for(
    objective: Objective, since: float, tmp_path: Path
) -> None:
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "model").write_text("there")
    assert finished(objective, fidelity=5, attempt=1, reached=3, directory=str(tmp_path)).since == since


def test_an_empty_folder_is_no_checkpoint(tmp_path: Path) -> None:
    assert finished(whole, fidelity=5, attempt=1, reached=3, directory=str(tmp_path)).since == 0


def test_a_run_with_a_loop_of_its_own_goes_on_from_the_checkpoint_that_it_looked_for(tmp_path: Path) -> None:
    def objective(trial: Trial) -> None:
        start = 3 if any(trial.checkpoint_dir.iterdir()) else 0
        for step in range(start + 2, 8, 2):
            trial.report(1.0, step)

    (tmp_path / "checkpoint").mkdir()
    fields = {"fidelity": 7, "attempt": 1, "reached": 3, "directory": str(tmp_path)}
    assert [(r.since, r.step) for r in reports(run(objective, **fields))] == [(0, 2), (2, 4), (4, 6)]
    (tmp_path / "checkpoint" / "model").write_text("there")
    assert [(r.since, r.step) for r in reports(run(objective, **fields))] == [(3, 5), (5, 7)]
