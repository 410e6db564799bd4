"""Earlier configurations in another space: what is the same stays, what is not is marked, what cannot be is None."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.model.translation import translated
from trialist.numerics.keys import Key
from trialist.space.condition import above
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.testing.strategies import FINITE, FORBIDDEN, MIXED

OLD = Space(
    lr=Float(1e-4, 10.0, log=True, default=1e-2),
    width=Int(8, 512, log=True, default=64),
    solver=Categorical(["adam", "sgd", "lamb"], default="adam"),
    momentum=Float(0.0, 0.99, default=0.9, when={"solver": "sgd"}),
    gone=Float(0.0, 1.0, default=0.5),
)
NEW = Space(
    dropout=Float(0.0, 0.5, default=0.1),
    lr=Float(1e-3, 1.0, log=True, default=1e-2),
    solver=Categorical(["sgd", "adam"], default="adam"),
    width=Int(16, 128, step=16, default=64),
    momentum=Float(0.0, 0.99, default=0.9, when={"solver": "sgd"}),
    nesterov=Categorical([False, True], when={"momentum": above(0.5)}),
)


@given(st.integers(0, 10_000))
def test_in_the_same_space_a_configuration_is_itself(seed: int) -> None:
    for space in (MIXED, FINITE, FORBIDDEN):
        params = space.draw(Key(seed, 1))
        found = translated(params, space)
        assert found is not None and found.params == params
        assert found.words == "" and found.stood_in == found.moved == ()


@given(st.integers(0, 10_000))
def test_in_another_space_it_is_a_configuration_of_that_space_or_has_no_counterpart(seed: int) -> None:
    params = OLD.draw(Key(seed, 1))
    found = translated(params, NEW)
    assert (found is None) == (params["solver"] == "lamb")
    if found is not None:
        assert NEW.check(found.params) == found.params
        assert "dropout" in found.stood_in and found.params["dropout"] == 0.1
        assert ("lr" in found.moved) == (not 1e-3 <= params["lr"] <= 1.0)
        assert found.params["lr"] == min(max(params["lr"], 1e-3), 1.0)
        assert ("width" in found.moved) == (found.params["width"] != params["width"])
        assert list(found.params) == [name for name in NEW.names if name in found.params]


def test_what_changed_is_said() -> None:
    found = translated({"lr": 5.0, "width": 64, "solver": "sgd", "momentum": 0.7, "gone": 0.1}, NEW)
    assert found is not None
    assert found.words == "dropout at its default, nesterov at its default, lr moved to 1"


@pytest.mark.parametrize("value", [True, "wide", None, float("nan"), (1, 2)])
def test_what_is_no_number_has_no_counterpart_on_a_numeric_dial(value: object) -> None:
    assert translated({"lr": value}, Space(lr=Float(0.0, 1.0))) is None


def test_numbers_move_between_kinds_of_dials() -> None:
    space = Space(n=Int(1, 9), x=Float(0.0, 9.0), c=Categorical([1, 2.0, "3"]))
    found = translated({"n": 3.4, "x": 7, "c": 1}, space)
    assert found is not None and found.params == {"n": 3, "x": 7.0, "c": 1} and found.moved == ("n",)
    assert translated({"n": 3, "x": 7, "c": 1.0}, space) is None, "1.0 is another choice than 1"
