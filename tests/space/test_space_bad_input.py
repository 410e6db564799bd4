"""The bad-input corpus where it is about dials, names and given configurations: refused by name, or kept exactly."""

from __future__ import annotations

import math

import pytest

from trialist.errors import SpaceError
from trialist.numerics.keys import Key
from trialist.space.parameter import Categorical, Float, Int, declare
from trialist.space.space import Space

REMEDIES = ("use", "give", "choose", "pass", "swap", "remove", "rename", "specify", "at least", "at most")
EMOJI = "\U0001f680\u0301\u202e\u0000x"

REFUSED = [
    ("float_low_gt_high", Float, (2.0, 1.0), {}, "2.0"),
    ("float_nan_low", Float, (math.nan, 1.0), {}, "nan"),
    ("float_inf_high", Float, (0.0, math.inf), {}, "inf"),
    ("float_huge_span", Float, (-1.7e308, 1.7e308), {}, "-1.7e+308"),
    ("float_log_negative", Float, (-1.0, 1.0), {"log": True}, "-1.0"),
    ("float_log_zero", Float, (0.0, 1.0), {"log": True}, "0.0"),
    ("float_log_and_step", Float, (1.0, 2.0), {"log": True, "step": 0.1}, "0.1"),
    ("float_step_not_dividing", Float, (0.0, 1.0), {"step": 0.3}, "0.3"),
    ("float_step_zero", Float, (0.0, 1.0), {"step": 0.0}, "0.0"),
    ("float_step_negative", Float, (0.0, 1.0), {"step": -0.1}, "-0.1"),
    ("float_step_gt_range", Float, (0.0, 1.0), {"step": 5.0}, "5.0"),
    ("float_step_nan", Float, (0.0, 1.0), {"step": math.nan}, "nan"),
    ("float_step_tiny", Float, (0.0, 1.0), {"step": 1e-300}, "2**50"),
    ("float_bounds_str", Float, ("0", "1"), {}, "'0'"),
    ("float_bounds_none", Float, (None, 1.0), {}, "None"),
    ("float_bounds_bool", Float, (False, True), {}, "False"),
    ("float_log_str", Float, (0.1, 1.0), {"log": "yes"}, "'yes'"),
    ("float_default_outside", Float, (0.0, 1.0), {"default": 2.0}, "2.0"),
    ("float_when_empty", Float, (0.0, 1.0), {"when": {}}, "{}"),
    ("float_when_set", Float, (0.0, 1.0), {"when": {"a": {1, 2}}}, "{1, 2}"),
    ("int_low_gt_high", Int, (5, 1), {}, "5"),
    ("int_bounds_float", Int, (1.5, 3.5), {}, "1.5"),
    ("int_bounds_whole_float", Int, (1, 3.0), {}, "3.0"),
    ("int_10_to_400", Int, (0, 10**400), {}, "1000"),
    ("int_log_zero", Int, (0, 10), {"log": True}, "0"),
    ("int_step_not_dividing", Int, (0, 10), {"step": 3}, "3"),
    ("int_step_float", Int, (0, 10), {"step": 1.5}, "1.5"),
    ("int_step_zero", Int, (0, 10), {"step": 0}, "0"),
    ("int_log_and_step", Int, (1, 9), {"log": True, "step": 2}, "2"),
    ("int_log_huge", Int, (1, 2**63), {"log": True}, str(2**63)),
    ("cat_empty", Categorical, ([],), {}, "[]"),
    ("cat_duplicates", Categorical, (["a", "a", "b"],), {}, "'a'"),
    ("cat_nan", Categorical, ([math.nan, 1.0],), {}, "nan"),
    ("cat_nan_inside", Categorical, ([(1, math.nan)],), {}, "nan"),
    ("cat_unhashable", Categorical, ([[1, 2], {"a": 1}],), {}, "[1, 2]"),
    ("cat_object", Categorical, ([object()],), {}, "object"),
    ("cat_lone_surrogate", Categorical, (["\ud800", "b"],), {}, "\\ud800"),
    ("cat_10mb", Categorical, (["x" * 10**7],), {}, "1,000,000"),
    ("cat_endless_int", Categorical, ([10**5000],), {}, "bits"),
]


def assert_says_all(error: SpaceError, field: str, value: str) -> None:
    message = str(error)
    assert message.startswith(f"{field}: ")
    assert value in message
    assert any(word in error.remedy.lower() for word in REMEDIES)
    assert len(message) < 600


@pytest.mark.parametrize(("kind", "args", "kwargs", "value"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_wrong_dial_is_refused_by_name_value_and_remedy(kind, args, kwargs, value):
    with pytest.raises(SpaceError) as caught:
        declare("p", kind, *args, **kwargs)
    assert_says_all(caught.value, "p", value)


KEPT = [
    ("float_low_eq_high", Float, (1.0, 1.0)),
    ("float_denormal", Float, (5e-324, 1e-320)),
    ("int_beyond_2_53", Int, (2**53, 2**53 + 9)),
    ("int_beyond_2_63", Int, (2**63, 2**63 + 9)),
    ("cat_one", Categorical, (["only"],)),
    ("cat_true_and_1", Categorical, ([True, 1, 1.0],)),
    ("cat_tuple", Categorical, ([(1, 2), (3, 4)],)),
    ("cat_bytes", Categorical, ([b"\xff\x00"],)),
    ("cat_10k_chars", Categorical, (["x" * 10000, "y"],)),
    ("cat_1e4_choices", Categorical, (range(10**4),)),
    ("cat_emoji_nul_rtl", Categorical, ([EMOJI, "b"],)),
]


@pytest.mark.parametrize(("kind", "args"), [k[1:] for k in KEPT], ids=[k[0] for k in KEPT])
def test_odd_but_sound_dials_are_kept_exactly(kind, args):
    space = Space(p=declare("p", kind, *args))
    again = Space.from_json(space.to_json())
    assert again == space
    for number in range(20):
        params = space.draw(Key(0, number))
        assert again.check(params) == params
        assert again.identity(params) == space.identity(params)
        assert type(params["p"]) is type(again.check(params)["p"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("", "''"), (7, "7"), ("n" * 100_000, "100,000"), ("\ud800", "ud800"), (None, "None"), (b"p", "b'p'")],
    ids=["empty", "int", "100k characters", "half a character", "None", "bytes"],
)
def test_wrong_names_are_refused(name, value):
    for make in (lambda: declare(name, Float, 0.0, 1.0), lambda: Space({name: Float(0.0, 1.0)})):
        with pytest.raises(SpaceError) as caught:
            make()
        assert value in str(caught.value)
        assert any(word in caught.value.remedy.lower() for word in REMEDIES)


@pytest.mark.parametrize(
    "name",
    ["model.lr.0", "x'); DROP TABLE trials;--", "<img src=x onerror=alert(1)>", "../../etc/passwd", "a\nb\tc", "a\0b",
     "\U0001f680", "n" * 600, "forbid", "self"],
)  # fmt: skip
def test_any_text_is_a_name(name):
    space = Space({name: declare(name, Float, 0.0, 1.0)})
    assert Space.from_json(space.to_json()).draw(Key(0, 0)) == space.draw(Key(0, 0))
    with pytest.raises(SpaceError):
        space.check({name: 2.0})


def test_composed_and_decomposed_letters_are_two_names():
    assert len(Space({"\u00e9": Float(0, 1), "e\u0301": Float(0, 1)})) == 2


@pytest.mark.parametrize(
    "second",
    [Categorical(["a", "b"]), Float(5.0, 6.0), Int(0, 1), Float(0.0, 1.0, log=False, default=0.5)],
    ids=["same_name_other_type", "same_name_other_range", "same_name_int", "same_name_other_default"],
)
def test_a_name_cannot_be_declared_twice_in_two_ways(second):
    space = Space(p=Float(0.0, 1.0))
    with pytest.raises(SpaceError) as caught:
        space.with_parameter("p", second)
    assert_says_all(caught.value, "p", repr(second))
    assert "Float(0.0, 1.0)" in str(caught.value)
    assert space.with_parameter("p", Float(0, 1)) is space


def test_choices_cannot_change_between_trials():
    with pytest.raises(SpaceError, match=r"^p: "):
        Space(p=Categorical(["a", "b"])).with_parameter("p", Categorical(["b", "a", "c"]))


@pytest.mark.parametrize(
    ("params", "field", "value"),
    [({"nope": 1.0}, "nope", "1.0"), ({"p": 99.0}, "p", "99.0"), ({"p": "abc"}, "p", "'abc'"), ({7: 1}, "7", "7"),
     ("abc", "params", "'abc'"), ({"p": math.nan}, "p", "nan")],
)  # fmt: skip
def test_a_wrong_configuration_is_refused_before_it_is_queued(params, field, value):
    for method in (Space(p=Float(0.0, 1.0)).check, Space(p=Float(0.0, 1.0)).complete):
        with pytest.raises(SpaceError) as caught:
            method(params)
        assert_says_all(caught.value, field, value)


@pytest.mark.parametrize("given", [5, [("p", Float(0, 1))], "p"])
def test_a_space_is_made_of_a_dict(given):
    with pytest.raises(SpaceError, match="Give a dict"):
        Space(given)
    with pytest.raises(SpaceError, match=r"^p: 0\.5 is not a parameter"):
        Space(p=0.5)
    with pytest.raises(SpaceError, match="given twice"):
        Space({"p": Float(0, 1)}, p=Float(0, 1))


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ((0, 1), r"Use Int\(0, 1\) for a range, or Categorical\(\[0, 1\]\)"),
        ((0, 1.5), r"Use Float\(0, 1\.5\) for a range"),
        ([1, "b"], r"Use Categorical\(\[1, 'b'\]\)"),
        (range(8, 65, 8), r"Use Int\(8, 64, step=8\)"),
        (range(3, 0, -1), r"Use Int\(1, 3\)\."),
        ({"lr": Float(1e-4, 1.0)}, r"Dials of its own stand beside the others: Space\(schedule"),
        (0.5, r"Use Float\(low, high\)"),
    ],
)
def test_what_other_tools_take_for_a_dial_is_answered_with_ours(given, remedy):
    with pytest.raises(SpaceError, match=f"^p: .* is not a parameter. {remedy}"):
        Space(p=given)
