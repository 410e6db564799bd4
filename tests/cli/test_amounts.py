"""Durations, memory and budgets as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.cli.amounts import budget_of, bytes_of, fidelity_of, seconds_of
from trialist.errors import PlanError
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("5 min", 300), ("1h30m", 5400), ("1 h 30 m", 5400), ("1.5h", 5400), ("500ms", 0.5),
     ("2 hours", 7200), ("1d", 86400), ("7", 7), (7, 7), (0.5, 0.5)],
)  # fmt: skip
def test_durations(text, seconds):
    assert seconds_of("t", text) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["", "5 apples", "m", "5m later", "-5m", None, True, [1], "1h30"])
def test_what_is_no_duration_is_refused(value):
    with pytest.raises(PlanError, match="is not a duration"):
        seconds_of("trial_seconds", value)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1", 1),
        ("10b", 10),
        ("1k", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("512 MB", 512 * 10**6),
        ("2GiB", 2**31),
        (5, 5),
    ],
)
def test_memory(text, count):
    assert bytes_of("m", text) == count


@pytest.mark.parametrize("value", ["", "GB", "2 elephants", -1.5, None, True])
def test_what_is_no_memory_is_refused(value):
    with pytest.raises(PlanError, match="is not an amount of memory"):
        bytes_of("trial_memory", value)


@pytest.mark.parametrize(
    ("value", "budget"),
    [("20", Budget(trials=20)), (20, Budget(trials=20)), ("20 trials", Budget(trials=20)), ("5m", Budget(minutes=5)),
     ("20, 5m", Budget(trials=20, minutes=5)), ("1h30m", Budget(seconds=5400)),
     ({"hours": 1, "cost": 5}, Budget(hours=1, cost=5)), ({"compute_seconds": "2h"}, Budget(compute_seconds=7200))],
)  # fmt: skip
def test_budgets(value, budget):
    assert budget_of(value) == budget


@pytest.mark.parametrize(
    "value", ["", "0", "-3", "soon", "20, 30", "5m,", 1.5, None, [20], {"days": 1}, {"trials": "x"}, 0]
)
def test_what_is_no_budget_is_refused(value):
    with pytest.raises(PlanError) as caught:
        budget_of(value)
    assert caught.value.field.startswith("budget")


@given(st.text("0123456789.hmsdinkGB, ", max_size=10))
def test_any_text_is_an_amount_or_a_typed_error(text):
    for reader in (lambda t: seconds_of("t", t), lambda t: bytes_of("m", t), budget_of):
        try:
            reader(text)
        except PlanError as error:
            assert error.remedy


@pytest.mark.parametrize(
    ("value", "fidelity"),
    [("epochs 1..81", Fidelity("epochs", 1, 81)), (" epochs  1 .. 81 ", Fidelity("epochs", 1, 81)),
     ("share of data 0.1..1.0 factor 2", Fidelity("share of data", 0.1, 1.0, 2)),
     ("steps 1e2..1e4", Fidelity("steps", 100.0, 10000.0)),
     ({"name": "folds", "low": 1, "high": 5}, Fidelity("folds", 1, 5)),
     (Fidelity("folds", 1, 5), Fidelity("folds", 1, 5))],
)  # fmt: skip
def test_fidelities(value, fidelity):
    assert fidelity_of("fidelity", value) == fidelity
    assert fidelity_of("fidelity", value).is_whole == fidelity.is_whole


@pytest.mark.parametrize(
    "value", ["", "epochs", "1..81", "epochs 1-81", "epochs 1..81 by 3", 81, {"name": "epochs"}, None]
)
def test_what_is_no_fidelity_is_refused(value):
    with pytest.raises(PlanError, match=r'fidelity: .* is no fidelity\. .*"epochs 1\.\.81"'):
        fidelity_of("fidelity", value)


@pytest.mark.parametrize("value", ["epochs 81..1", "epochs 0..81", "epochs 1..9 factor 1"])
def test_a_fidelity_that_cannot_be_is_refused(value):
    with pytest.raises(PlanError, match="fidelity"):
        fidelity_of("fidelity", value)
