"""What is read from a command's lines."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.execute.readings import Line, Lines, Readings


@pytest.mark.parametrize(
    ("text", "step", "values"),
    [
        ('{"step": 3, "val_loss": 0.41}', 3, {"val_loss": 0.41}),
        ('{"epoch": 3, "val_loss": 0.41, "name": "x", "ok": true}', 3, {"val_loss": 0.41}),
        ("step=3 val_loss=0.41", 3, {"val_loss": 0.41}),
        ("step 3: val_loss: 0.41", 3, {"val_loss": 0.41}),
        ("[12:30:45] iteration=3, val_loss = -.5", 3, {"val_loss": -0.5}),
        ("step=3 val_loss=0.41.", 3, {"val_loss": 0.41}),
        ("step=0 val_loss=1e-05", 0, {"val_loss": 1e-05}),
        ("step=3 val_loss=41%", 3, {"val_loss": 41.0}),
        ("step=3 val_loss=inf", 3, {"val_loss": math.inf}),
    ],
)
def test_a_line_with_a_step_is_a_report(text: str, step: int, values: dict[str, float]) -> None:
    assert Readings(("val_loss",)).read(text) == Line(values, step)


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("Epoch 3/10 - val_loss: 4.1e-1", 10),
        ("epoch 3 / 10 val_loss=0.41", 10),
        ("step=3 of=10 val_loss=0.41", 10),
        ("Step 3 of 10: val_loss=0.41", 10),
        ('{"step": 3, "of": 10, "val_loss": 0.41}', 10),
        ("Epoch 3/2 val_loss=0.41", None),  # no length of a run
        ("Epoch 3/10.5 val_loss=0.41", None),
        ("epoch 3 val_loss=0.41 (7/10)", None),
        ('{"step": 3, "of": "10", "val_loss": 0.41}', None),
    ],
)
def test_a_line_may_tell_how_many_steps_a_full_run_has(text: str, of: int | None) -> None:
    assert Readings(("val_loss",)).read(text) == Line({"val_loss": 0.41}, 3, of)


def test_what_is_said_of_steps_beyond_the_limit_does_not_count() -> None:
    readings = Readings(("val_loss",), limit=3)
    assert readings.read("step=3 val_loss=0.5") == Line({"val_loss": 0.5}, 3)
    assert not readings.is_beyond
    assert readings.read("step=4 val_loss=0.1") is None
    assert readings.is_beyond and readings.values == {"val_loss": 0.5}


@pytest.mark.parametrize(
    "text",
    [
        "my_val_loss=0.5",
        "val_loss_old=0.5",
        "val_loss/mean=0.5",
        "val_loss is good",
        "val_loss=better",
        "val_loss=1.2.3",
        "val_loss=3e",
        "val_loss=0x10",
        '{"a": {"val_loss": 1}}',
        '{"val_loss": "0.5"}',
        '{"val_loss": true}',
        '{"val_loss": 0.5',
        "[1, 2]",
        "",
    ],
)
def test_other_lines_do_not_count(text: str) -> None:
    readings = Readings(("val_loss",))
    assert readings.read(text) is None
    assert readings.missing == ("val_loss",)


def test_the_last_value_of_each_metric_is_its_score() -> None:
    readings = Readings(("val_loss", "latency"))
    for text in ("step=1 val_loss=3", "latency=7 val_loss=2", "val_loss=1"):
        readings.read(text)
    assert readings.values == {"val_loss": 1.0, "latency": 7.0}
    assert readings.missing == ()


def test_a_step_is_reported_once() -> None:
    readings = Readings(("val_loss",))
    assert readings.read("step=1 val_loss=3") == Line({"val_loss": 3.0}, 1)
    assert readings.read('{"step": 1, "val_loss": 3}') is None
    assert readings.read("val_loss=3") is None


def test_a_metric_may_have_any_name() -> None:
    readings = Readings(("val loss (%)",))
    readings.read("step=1 val loss (%)=12")
    assert readings.values == {"val loss (%)": 12.0}


def test_the_complaint_names_what_was_there_instead() -> None:
    readings = Readings(("val_loss",))
    readings.read("step=1 loss=3 acc=0.5")
    assert readings.complaint == "no val_loss was printed; seen: loss, acc. Print val_loss=... or give --minimize loss"
    assert "trialist.report(val_loss=...)" in Readings(("val_loss",)).complaint
    partial = Readings(("val_loss", "latency"))
    partial.read("val_loss=1")
    assert partial.complaint == "no latency was printed, only val_loss. Print latency=... as well"


@given(st.floats(allow_nan=False), st.integers(0, 10**9))
def test_numbers_read_back_exactly(value: float, step: int) -> None:
    for text in (f"step={step} loss={value!r}", json.dumps({"step": step, "loss": value})):
        assert Readings(("loss",)).read(text) == Line({"loss": value}, step)


@given(st.text())
def test_no_line_is_too_strange(text: str) -> None:
    Readings(("loss", "a|b(")).read(text)
    Readings(("loss",)).read("{" + text + "}")


@given(st.lists(st.binary(max_size=20)), st.integers(1, 7))
def test_lines_do_not_depend_on_how_they_arrive(parts: list[bytes], size: int) -> None:
    data = b"\n".join(parts)
    whole, pieces = Lines(), Lines()
    at_once = whole.feed(data) + whole.last()
    in_pieces = [line for i in range(0, len(data), size) for line in pieces.feed(data[i : i + size])] + pieces.last()
    assert at_once == in_pieces


def test_a_progress_bar_ends_its_lines_by_carriage_returns() -> None:
    assert Lines().feed(b"10%\r20% loss=1\r\nend") == ["10%", "20% loss=1"]


def test_constraints_are_an_object_of_their_own_and_need_no_objective_beside_them() -> None:
    readings = Readings(("val_loss",))
    assert readings.read('{"step": 1, "val_loss": 3, "constraints": {"ms": 4, "gb": 1}}') == Line({"val_loss": 3.0}, 1)
    assert readings.read('{"constraints": {"ms": -2.5, "recall": null, "\\ud800": 1}}') is None
    assert {**readings.constraints, "recall": 0.0} == {"ms": -2.5, "gb": 1.0, "recall": 0.0, "\\ud800": 1.0}
    assert math.isnan(readings.constraints["recall"])
    assert readings.values == {"val_loss": 3.0}
    readings.read('{"val_loss": 1, "constraints": 3}')
    assert len(readings.constraints) == 4 and readings.values["val_loss"] == 1.0


def test_what_a_trial_cost_is_no_metric_unless_it_is_an_objective() -> None:
    for text in (
        '{"trial_cost": 0.125}',
        "trial_cost=0.125",
        "loss=1 trial_cost=0.125",
        '{"loss": 1, "trial_cost": 0.125}',
    ):
        readings = Readings(("loss",))
        readings.read(text)
        assert readings.cost == 0.125 and "trial_cost" not in readings.values
    readings = Readings(("trial_cost",))
    readings.read("trial_cost=0.125 cost=3")
    assert readings.cost is None and readings.values == {"trial_cost": 0.125, "cost": 3.0}
