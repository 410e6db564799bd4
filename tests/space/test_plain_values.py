"""Plain values: exact JSON with types, and clear refusals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import InputError
from trialist.space.plain import MAX_DEPTH, check_plain, dumps, from_json, identity, loads, plain, to_json

text = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text | st.binary()
hashables = st.recursive(scalars, lambda inner: st.lists(inner).map(tuple), max_leaves=8)
keys = text | st.sampled_from(["$tuple", "$dict", "$bytes", "$float", "$"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


def same(a: object, b: object) -> bool:
    """Equal in type and value all the way down; nan is nan, -0.0 is not 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b


@given(values)
def test_any_plain_value_comes_back_with_its_types(value):
    check_plain("note", value)
    assert same(loads(dumps(value)), value)


@given(values)
def test_the_json_is_strict_and_can_be_embedded(value):
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text = json.dumps({"inside": to_json(value)})
    assert same(from_json(json.loads(text, parse_constant=refuse)["inside"]), value)


@given(hashables, hashables)
def test_identities_are_equal_only_for_the_same_types_and_values(a, b):
    if same(a, b) and "nan" not in repr(a):
        assert identity(a) == identity(b)
    if identity(a) == identity(b):
        assert loads(dumps(a)) == b
        assert type(a) is type(b)


def test_one_and_one_point_zero_and_true_are_three_values():
    assert len({identity(value) for value in (1, 1.0, True, (1,), (1.0,), (True,))}) == 6
    assert loads(dumps([1, 1.0, True])) == [1, 1.0, True]
    assert [type(value) for value in loads(dumps([1, 1.0, True]))] == [int, float, bool]


def test_numpy_scalars_become_plain_anywhere():
    value = plain({"a": np.float64(0.5), "b": [np.int32(3), np.bool_(True)], "c": (np.str_("x"), np.array(2.0))})
    assert same(value, {"a": 0.5, "b": [3, True], "c": ("x", 2.0)})


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


def circular() -> list[object]:
    value: list[object] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ({1, 2}, "set"),
        (object(), "object"),
        ({1: "a"}, "key"),
        ("z" * 10**7, "1,000,000"),
        (nested(5000), "64"),
        (nested(MAX_DEPTH + 1), "64"),
        (circular(), "64"),
        ("\ud800", "surrogate"),
        ({"\ud800": 1}, "surrogate"),
        (10**5000, "bits"),
        (np.arange(3), "ndarray"),
        (1 + 2j, "complex"),
    ],
    ids=[
        "set",
        "object",
        "int key",
        "10 MB",
        "5000 deep",
        "65 deep",
        "circle",
        "half a character",
        "half a key",
        "5000 digits",
        "array",
        "complex",
    ],
)
def test_what_is_not_plain_is_refused_with_field_and_remedy(value, word):
    with pytest.raises(InputError, match=r"^note: ") as caught:
        check_plain("note", plain(value))
    assert word in str(caught.value)
    assert caught.value.remedy.split()[0] in ("Use", "Give")


@pytest.mark.parametrize(
    "value", ["a\0b", "\U0001f680\u0301\u202e\0x", math.nan, (1, 2), [(1, [2])], nested(60), b"\xff\0"]
)
def test_odd_but_plain_values_are_taken(value):
    check_plain("note", value)
    assert same(loads(dumps(value)), value)


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1, [2])])
def test_hashable_values_hold_no_lists_or_dicts(value):
    with pytest.raises(InputError, match="tuple"):
        check_plain("choice", value, hashable=True)
