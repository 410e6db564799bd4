"""The bad-input corpus: 94 malformed or extreme inputs through the public API, each read back by a fresh handle.

Wrong input gets a typed error that names field, value and remedy before anything is written; odd but meaningful
input is kept exactly; a bad result fails its own trial with a reason. No trial is ever left running.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import trialist as tl
from trialist.errors import InputError, StudyExistsError, TrialistError, UnknownStudyError
from trialist.trials.trial import Cause, State, TrialRecord

INF, NAN = math.inf, math.nan
EMOJI = "\U0001f680\u0301\u202e\u0000x"
KINDS = {"float": "Float", "int": "Int", "cat": "Categorical"}
ACTS = r"(?i)\b(use|give|choose|pass|swap|remove|rename|return|report|at least|at most|load)\b"


@dataclass(frozen=True)
class Dial:
    """A dial as somebody declares it: in a Space, or on the way in an objective."""

    kind: str  # float, int or cat
    arguments: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    name: Any = "p"

    def declared(self) -> tl.Space:
        kind: Callable[..., Any] = getattr(tl, KINDS[self.kind])
        return tl.Space({self.name: kind(*self.arguments, **self.options)})

    def suggested(self, trial: tl.Trial) -> Any:
        calls = {"float": trial.suggest_float, "int": trial.suggest_int, "cat": trial.suggest_categorical}
        return calls[self.kind](self.name, *self.arguments, **self.options)


def real(*arguments: Any, name: Any = "p", **options: Any) -> Dial:
    return Dial("float", arguments, options, name)


def whole(*arguments: Any, **options: Any) -> Dial:
    return Dial("int", arguments, options)


def choice(choices: Any) -> Dial:
    return Dial("cat", (choices,))


# --- dials that cannot be: what the message must show of the value, beside the dial's name and a remedy --------------
REFUSED_DIALS = {
    "float_low_gt_high": (real(2.0, 1.0), "2.0"),
    "float_nan_low": (real(NAN, 1.0), "nan"),
    "float_inf_high": (real(0.0, INF), "inf"),
    "float_huge_span": (real(-1.7e308, 1.7e308), "1.7e+308"),
    "float_log_negative": (real(-1.0, 1.0, log=True), "-1.0"),
    "float_log_zero": (real(0.0, 1.0, log=True), "0.0"),
    "float_log_and_step": (real(1.0, 2.0, log=True, step=0.1), "0.1"),
    "float_step_not_dividing": (real(0.0, 1.0, step=0.3), "high=0.9"),  # also names the value that would do
    "float_step_zero": (real(0.0, 1.0, step=0.0), "0.0"),
    "float_step_negative": (real(0.0, 1.0, step=-0.1), "-0.1"),
    "float_step_gt_range": (real(0.0, 1.0, step=5.0), "5.0"),
    "float_step_nan": (real(0.0, 1.0, step=NAN), "nan"),
    "float_bounds_str": (real("0", "1"), "'0'"),
    "float_bounds_none": (real(None, 1.0), "None"),
    "float_bounds_bool": (real(False, True), "False"),
    "int_low_gt_high": (whole(5, 1), "5"),
    "int_bounds_float": (whole(1.5, 3.5), "1.5"),
    "int_10_to_400": (whole(0, 10**400), "1000"),
    "int_log_zero": (whole(0, 10, log=True), "0"),
    "int_step_not_dividing": (whole(0, 10, step=3), "high=9"),
    "int_step_float": (whole(0, 10, step=1.5), "1.5"),
    "cat_empty": (choice([]), "[]"),
    "cat_duplicates": (choice(["a", "a", "b"]), "'a'"),
    "cat_nan": (choice([NAN, 1.0]), "nan"),
    "cat_unhashable": (choice([[1, 2], {"a": 1}]), "[1, 2]"),
    "cat_object": (choice([object()]), "object"),
    "cat_lone_surrogate": (choice(["\ud800", "b"]), "ud800"),
    "name_empty": (real(0.0, 1.0, name=""), "''"),
    "name_100k_chars": (real(0.0, 1.0, name="n" * 100_000), "100,000"),
    "name_not_str": (real(0.0, 1.0, name=7), "7"),
}

# --- dials that are odd, and mean something: every value reads back equal, in type too -------------------------------
KEPT_DIALS = {
    "float_low_eq_high": real(1.0, 1.0),
    "float_denormal": real(5e-324, 1e-320),
    "int_beyond_2_53": whole(2**53, 2**53 + 9),
    "int_beyond_2_63": whole(2**63, 2**63 + 9),
    "cat_one": choice(["only"]),
    "cat_true_and_1": choice([True, 1, 1.0]),
    "cat_tuple": choice([(1, 2), (3, 4)]),
    "cat_bytes": choice([b"\xff\x00"]),
    "cat_10k_chars": choice(["x" * 10_000, "y"]),
    "cat_1e4_choices": choice(list(range(10**4))),
    "cat_1e6_choices": choice(list(range(10**6))),
    "cat_emoji_nul_rtl": choice([EMOJI, "b"]),
    "name_dots": real(0.0, 1.0, name="model.lr.0"),
    "name_sql": real(0.0, 1.0, name="x'); DROP TABLE trials;--"),
    "name_html": real(0.0, 1.0, name="<img src=x onerror=alert(1)>"),
    "name_path": real(0.0, 1.0, name="../../etc/passwd"),
    "name_newline_tab": real(0.0, 1.0, name="a\nb\tc"),
    "name_nul": real(0.0, 1.0, name="a\0b"),
    "name_emoji": real(0.0, 1.0, name="\U0001f680"),
    "name_600_chars": real(0.0, 1.0, name="n" * 600),
}

# --- objectives that contradict themselves, or misuse the trial: refused, and the study stops ------------------------
REFUSED_IN_OBJECTIVES: dict[str, tuple[Callable[[tl.Trial], Any], str, str]] = {
    "same_name_other_type": (
        lambda t: t.suggest_float("p", 0, 1) if t.number == 0 else t.suggest_categorical("p", ["a", "b"]) == "a",
        "p",
        "Categorical",
    ),
    "same_name_other_range": (lambda t: t.suggest_float("p", 0, 1) + t.suggest_float("p", 5, 6), "p", "5"),
    "choices_changed_between_trials": (
        lambda t: float(t.suggest_categorical("p", ["a", "b"] if t.number == 0 else ["b", "a", "c"]) == "a"),
        "p",
        "'c'",
    ),
    "value_str": (lambda t: "0.5", "value", "'0.5'"),
    "value_str_bad": (lambda t: "abc", "value", "'abc'"),
    "value_bool": (lambda t: True, "value", "True"),
    "value_complex": (lambda t: 1 + 2j, "value", "(1+2j)"),
    "value_too_many": (lambda t: (1.0, 2.0), "value", "(1.0, 2.0)"),
    "report_step_negative": (lambda t: t.report(0.5, step=-1), "step", "-1"),
    "report_step_float": (lambda t: t.report(0.5, step=0.5), "step", "0.5"),
    "report_step_twice": (lambda t: [t.report(0.5, step=1), t.report(1.5, step=1)], "step", "1"),
    "report_str": (lambda t: t.report("abc", step=1), "value", "'abc'"),
    "attr_10mb": (lambda t: t.note("k", "z" * 10**7), "k", "zzz"),
    "attr_set": (lambda t: t.note("k", {1, 2}), "k", "{1, 2}"),
    "attr_int_keys": (lambda t: t.note("k", {1: "a"}), "k", "1"),
    "attr_deep_nesting": (lambda t: t.note("k", nested(5_000)), "k", "more than 64 deep"),
}


class BadRepr(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


def endless(depth: int) -> int:
    return endless(depth + 1)


def raises(error: BaseException) -> Callable[[tl.Trial], float]:
    def objective(trial: tl.Trial) -> float:
        raise error

    return objective


# --- results that fail their trial: the cause and what its message says; a raised one keeps its traceback ------------
FAILED: dict[str, tuple[Callable[[tl.Trial], Any], Cause, str]] = {
    "value_nan": (lambda t: NAN, Cause.OBJECTIVE, "NaN"),
    "value_pos_inf": (lambda t: INF, Cause.OBJECTIVE, "infinity"),
    "value_neg_inf_minimise": (lambda t: -INF, Cause.OBJECTIVE, "minus infinity"),
    "value_none": (lambda t: None, Cause.OBJECTIVE, "None"),
    "value_huge_int": (lambda t: 10**400, Cause.OBJECTIVE, "infinity"),
    "value_exception": (raises(ValueError("boom")), Cause.OBJECTIVE, "boom"),
    "value_systemexit": (raises(SystemExit(3)), Cause.OBJECTIVE, "3"),
    "value_memoryerror": (raises(MemoryError()), Cause.MEMORY, "MemoryError"),
    "value_recursion": (lambda t: endless(0), Cause.OBJECTIVE, "recursion"),
    "exception_bad_repr": (raises(BadRepr()), Cause.OBJECTIVE, "BadRepr"),
}
RAISED = {"value_exception", "value_systemexit", "value_memoryerror", "value_recursion", "exception_bad_repr"}


def keeps_value(objective: Callable[[tl.Trial], Any], value: float) -> Callable[[tl.Study], None]:
    def case(study: tl.Study) -> None:
        study.optimize(objective, trials=1)
        assert again(study)[0].value == value

    return case


def keeps_two_names(study: tl.Study) -> None:
    """One letter in two spellings of Unicode: two dials, never one for the other."""
    study.optimize(lambda t: t.suggest_float("\u00e9", 0, 1) + t.suggest_float("e\u0301", 0, 1), trials=2)
    assert [list(record.params) for record in again(study)] == [["\u00e9", "e\u0301"]] * 2


def keeps_a_nan_report(study: tl.Study) -> None:
    study.optimize(lambda t: t.report(NAN, step=1) or 1.0, trials=1)
    (report,) = again(study)[0].reports
    assert report.step == 1 and math.isnan(report.value)


def keeps_a_nan_note(study: tl.Study) -> None:
    study.optimize(lambda t: t.note("k", NAN) or 1.0, trials=1)
    assert math.isnan(again(study)[0].notes["k"])


def keeps_a_tuple_note(study: tl.Study) -> None:
    study.optimize(lambda t: t.note("k", (1, 2)) or 1.0, trials=1)
    assert same(again(study)[0].notes["k"], (1, 2))


def queues_again_after_ctrl_c(study: tl.Study) -> None:
    """Ctrl-C inside an objective ends the run; its trial is failed or waits for the next one, and says why."""
    with pytest.raises(KeyboardInterrupt):
        study.optimize(raises(KeyboardInterrupt()), trials=1)
    record = again(study)[0]
    assert record.state in (State.FAILED, State.WAITING)
    assert (record.failure or record.earlier[-1]).cause is Cause.PREEMPTED


def numpy_scalar(trial: tl.Trial) -> Any:
    import numpy as np

    return np.array(0.5)


KEPT = {
    "name_nfc_vs_nfd": keeps_two_names,
    "value_max_float": keeps_value(lambda t: 1.7976931348623157e308, 1.7976931348623157e308),
    "value_numpy_0d": keeps_value(numpy_scalar, 0.5),
    "value_keyboard_interrupt": queues_again_after_ctrl_c,
    "report_nan": keeps_a_nan_report,
    "attr_nan": keeps_a_nan_note,
    "attr_tuple": keeps_a_tuple_note,
}

# --- calls on a study that cannot be: refused, and the study is as it was ---------------------------------------------
REFUSED_CALLS: dict[str, tuple[Callable[[tl.Study], Any], type[TrialistError], str, str]] = {
    "study_name_empty": (lambda s: create(s.store.url, ""), InputError, "name", "''"),
    "study_name_10k": (lambda s: create(s.store.url, "s" * 10_000), InputError, "name", "10002 characters"),
    "study_name_dup": (lambda s: create(s.store.url, s.name), StudyExistsError, "name", "'corpus'"),
    "enqueue_unknown_param": (lambda s: s.enqueue({"nope": 1.0}), InputError, "nope", "'p'"),
    "enqueue_out_of_range": (lambda s: s.enqueue({"p": 99.0}), InputError, "p", "99.0"),
    "enqueue_wrong_type": (lambda s: s.enqueue({"p": "abc"}), InputError, "p", "'abc'"),
    "tell_unknown_number": (lambda s: s.tell(99_999, 1.0), UnknownStudyError, "number", "99999"),
    "tell_negative_number": (lambda s: s.tell(-1, 1.0), InputError, "number", "-1"),
    "n_trials_negative": (lambda s: s.optimize(lambda t: 1.0, trials=-1), InputError, "trials", "-1"),
    "n_trials_float": (lambda s: s.optimize(lambda t: 1.0, trials=1.5), InputError, "trials", "1.5"),
    "timeout_negative": (lambda s: s.optimize(lambda t: 1.0, timeout=-5), InputError, "timeout", "-5"),
}


def test_the_corpus_has_its_94_items() -> None:
    parts = (REFUSED_DIALS, KEPT_DIALS, REFUSED_IN_OBJECTIVES, FAILED, KEPT, REFUSED_CALLS)
    names = [name for part in parts for name in part]
    assert len(names) == len(set(names)) == 94


@pytest.mark.parametrize("item", REFUSED_DIALS)
def test_a_dial_that_cannot_be_is_refused_before_any_file_is_written(item: str, tmp_path: Path) -> None:
    dial, shown = REFUSED_DIALS[item]
    with pytest.raises(InputError) as caught:
        tl.Study.create(dial.declared(), minimize="loss", name="corpus", store=tmp_path / "s.db")
    # tl.Float(2, 1) fails before it has a name: the message says which kind, and Python which line.
    says(caught.value, KINDS[dial.kind] if dial.name == "p" else name_in_message(dial), shown)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("item", REFUSED_DIALS)
def test_a_dial_that_cannot_be_is_refused_in_an_objective_too_and_its_trial_is_closed(item: str, store: Path) -> None:
    dial, shown = REFUSED_DIALS[item]
    study = create(store)
    with pytest.raises(InputError) as caught:
        study.optimize(lambda trial: float(dial.suggested(trial) is None), trials=1)
    says(caught.value, name_in_message(dial), shown)
    (record,) = again(study)
    assert record.state is State.FAILED and record.params == {} and record.failure is not None
    assert record.failure.message


@pytest.mark.parametrize("item", KEPT_DIALS)
def test_an_odd_dial_reads_back_exactly_whether_declared_or_suggested(item: str, tmp_path: Path) -> None:
    dial = KEPT_DIALS[item]
    trials = 1 if item == "cat_1e6_choices" else 5
    for way in ("declared", "suggested"):
        seen = []

        def objective(trial: tl.Trial, way: str = way, seen: list[Any] = seen) -> float:
            seen.append(trial[dial.name] if way == "declared" else dial.suggested(trial))
            return 1.0

        study = create(tmp_path / f"{way}.db", space=dial.declared() if way == "declared" else None)
        study.optimize(objective, trials=trials)
        fresh = tl.Study.load("corpus", store=study.store.url)
        assert same([dict(record.params) for record in fresh.trials], [{dial.name: value} for value in seen])
        assert all(record.state is State.COMPLETE for record in fresh.trials)
        assert fresh.space == dial.declared()


@pytest.mark.parametrize("item", REFUSED_IN_OBJECTIVES)
def test_an_objective_that_misuses_its_trial_stops_the_study_and_closes_the_trial(item: str, store: Path) -> None:
    objective, field_name, shown = REFUSED_IN_OBJECTIVES[item]
    study = create(store)
    with pytest.raises(InputError) as caught:
        study.optimize(objective, trials=3)
    says(caught.value, field_name, shown)
    *before, last = again(study)
    assert last.state is State.FAILED and last.failure is not None and last.failure.usage is not None
    assert all(record.state is State.COMPLETE for record in before) and len(before) <= 1


@pytest.mark.parametrize("item", FAILED)
def test_a_bad_result_fails_its_own_trial_with_a_reason_and_the_next_one_runs(item: str, store: Path) -> None:
    objective, cause, message = FAILED[item]
    study = create(store)
    study.optimize(lambda trial: objective(trial) if trial.number == 0 else 1.0, trials=2)
    bad, good = again(study)
    assert bad.state is State.FAILED and bad.loss is None and bad.failure is not None
    assert bad.failure.cause is cause and message in bad.failure.message
    assert ("Traceback" in bad.failure.traceback) is (item in RAISED)
    assert good.state is State.COMPLETE and tl.Study.load("corpus", store=store).best.number == 1


@pytest.mark.parametrize("item", KEPT)
def test_an_odd_result_is_kept_as_it_is(item: str, store: Path) -> None:
    study = create(store)
    KEPT[item](study)
    again(study)


@pytest.mark.parametrize("item", REFUSED_CALLS)
def test_a_call_that_cannot_be_is_refused_and_changes_nothing(item: str, store: Path) -> None:
    call, kind, field_name, shown = REFUSED_CALLS[item]
    study = create(store, space=tl.Space(p=tl.Float(0.0, 1.0)))
    study.optimize(lambda trial: trial["p"], trials=2)
    before = again(study)
    with pytest.raises(kind) as caught:
        call(study)
    says(caught.value, field_name, shown)
    assert again(study) == before


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


def create(store: str | Path, name: str = "corpus", space: tl.Space | None = None) -> tl.Study:
    return tl.Study.create(space, minimize="loss", name=name, store=store, strategy="random")


def again(study: tl.Study) -> tuple[TrialRecord, ...]:
    """All trials as a fresh handle reads them; none of them is left running."""
    records = tl.Study.load(study.name, store=study.store.url).trials
    assert all(record.state is not State.RUNNING for record in records)
    return records


def says(error: TrialistError, field_name: str, shown: str) -> None:
    """The message names the field, shows the value, and tells what to do instead."""
    message = str(error)
    assert re.search(rf"(?<!\w){re.escape(field_name)}(?!\w)", message), f"{field_name!r} is not named: {message}"
    assert shown in message, f"{shown!r} is not shown: {message}"
    assert re.search(ACTS, message), f"no remedy: {message}"
    assert len(message) < 600


def name_in_message(dial: Dial) -> str:
    """The dial's name; a name that is the mistake itself is called so."""
    return dial.name if isinstance(dial.name, str) and 0 < len(dial.name) < 80 else "name"


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def same(one: Any, other: Any) -> bool:
    """Equal, and of equal types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)
