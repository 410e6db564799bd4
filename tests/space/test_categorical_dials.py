"""Categorical: choices told apart by type and value, equal shares, weights."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import SpaceError
from trialist.numerics.keys import Key
from trialist.space.parameter import Categorical, parameter_from_json, parameter_to_json
from trialist.space.plain import identity

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
choices = st.lists(scalars | st.tuples(scalars, scalars), min_size=1, max_size=8, unique_by=identity)


@given(choices, st.data())
def test_any_choices_come_back_with_their_types(given_choices, data):
    default = data.draw(st.sampled_from(given_choices))
    dial = Categorical(given_choices, default=default)
    for choice in given_choices:
        for found in (dial.decode(dial.encode(choice)), dial.check("dial", choice)):
            assert identity(found) == identity(choice)
    assert identity(dial.baseline) == identity(default)
    assert parameter_from_json("dial", parameter_to_json(dial)) == dial
    assert pickle.loads(pickle.dumps(dial)) == dial


def test_equal_choices_of_different_types_are_different():
    dial = Categorical([True, 1, 1.0, (1,), (True,)])
    assert [repr(dial.check("dial", value)) for value in (1.0, True, 1, (True,))] == ["1.0", "True", "1", "(True,)"]
    assert Categorical([1, 2]) != Categorical([True, 2]) != Categorical([1.0, 2])
    assert Categorical([1, 2], default=1) != Categorical([1, 2])
    assert Categorical([None, 0]).default_index is None and Categorical([0, None], default=None).baseline is None


def test_numpy_choices_are_plain_ones():
    dial = Categorical(np.array([16, 32]))
    assert [type(choice) for choice in dial.choices] == [int, int]
    assert dial.check("dial", np.int64(32)) == 32


def test_each_choice_has_the_same_share():
    dial = Categorical(["a", "b", "c", "d", "e"])
    seen = Counter(dial.decode((k + 0.5) / 1000) for k in range(1000))
    assert seen == dict.fromkeys(dial.choices, 200)
    assert dial.decode(1.0) == "e"


def test_weights_steer_draws_and_masses():
    dial = Categorical(["a", "b", "c"], prior={"a": 1, "c": 6, "b": 3})
    assert [dial.mass(c) for c in dial.choices] == pytest.approx([0.1, 0.3, 0.6])
    seen = Counter(dial.draw(Key(0, n), "dial") for n in range(3000))
    assert [seen[c] / 3000 for c in dial.choices] == pytest.approx([0.1, 0.3, 0.6], abs=0.03)
    assert dial.from_prior(0.0) == "a" and dial.from_prior(1.0) == "c"


def test_a_million_choices_are_indexed():
    dial = Categorical(range(10**6))
    assert dial.decode(dial.encode(999_999)) == 999_999
    assert len(repr(dial)) < 200


@pytest.mark.parametrize("given_choices", ["abc", {"a", "b"}, {"a": 1}, 5, iter("ab")])
def test_choices_are_a_list(given_choices):
    with pytest.raises(SpaceError, match="Give a list"):
        Categorical(given_choices)


@pytest.mark.parametrize("prior", [[1], [1, 0], [1, float("inf")], {"a": 1}, {"a": 1, "x": 2}, "ab", 3, [1, "2"]])
def test_a_prior_is_a_positive_weight_for_every_choice(prior):
    with pytest.raises(SpaceError, match="prior"):
        Categorical(["a", "b"], prior=prior)


def test_a_slip_of_the_pen_is_answered_with_the_nearest_choice():
    with pytest.raises(SpaceError, match=r"act: 'rellu' is not one of the 2 choices. Use 'relu'"):
        Categorical(["relu", "tanh"]).check("act", "rellu")
    deep: tuple = ()
    for _ in range(3000):
        deep = (deep,)
    for wrong in ([1], {}, 1.5, None, deep):
        with pytest.raises(SpaceError, match="Choose one of 'relu', 'tanh'"):
            Categorical(["relu", "tanh"]).check("act", wrong)


def test_a_default_is_one_of_the_choices():
    with pytest.raises(SpaceError, match="default 'c' is not one of"):
        Categorical(["a", "b"], default="c")
