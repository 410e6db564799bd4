"""Dials as text: what they span, their defaults, conditions among them, and the settings that they are sent as."""

import pytest

import trialist as tl
from trialist.errors import InputError
from trialist.llm.dials import read_dial
from trialist.llm.dialspace import dials_of, votes_of


@pytest.mark.parametrize(
    ("text", "levels", "span"),
    [
        ("temperature=0..1.3", (0,), tl.Float(0.05, 1.3, step=0.01)),
        ("temperature=unset,0..1.3", ("unset", 0), tl.Float(0.05, 1.3, step=0.01)),
        ("temperature=0.2..1.3", (), tl.Float(0.2, 1.3, step=0.01)),
        ("top_p=unset,0.3..1", ("unset",), tl.Float(0.3, 1.0, step=0.01)),
        ("max_tokens=12,24,48", (12, 24, 48), None),
        ("max_tokens=16..512 log", (), tl.Int(16, 512, log=True)),
        ("shots=0..4", (), tl.Int(0, 4)),
        ("reasoning_effort=unset,low,high", ("unset", "low", "high"), None),
        ('stop=unset,"a, b",["x","y"]', ("unset", "a, b", ("x", "y")), None),
        ("logprobs=true,false", (True, False), None),
    ],
)
def test_a_dial_is_read(text, levels, span):
    dial = read_dial(text)
    assert dial.levels == levels
    assert dial.span == span


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("temperature", "is no dial"),
        ("temperature=0..1,1..2", "two ranges"),
        ("max_tokens=1,,2", "a level is empty"),
        ("n=1,2", "it is no dial"),
        ("votes=0,3", "no number of votes"),
        ("shots=0..2.5", "not whole numbers"),
        ("temperature=1..0", "is above"),
        ('stop="a', "does not end"),
        ("system=@nothing/*.txt", "0 files"),
    ],
)
def test_what_cannot_be_read_is_told(text, problem):
    with pytest.raises(InputError, match=problem):
        read_dial(text)


def test_prompts_come_from_files_and_are_known_by_their_names(tmp_path):
    (tmp_path / "direct.txt").write_text("Answer.\n")
    (tmp_path / "think.txt").write_text("Think first,\nthen answer.\n")
    dials = dials_of([f"system=@{tmp_path}/*.txt"], {"system": f"@{tmp_path}/think.txt"})
    assert dials.space.baseline() == {"system": "think"}
    assert dials.value("system", {"system": "direct"}) == "Answer."
    before = dials.said
    (tmp_path / "direct.txt").write_text("Answer!\n")
    assert dials_of([f"system=@{tmp_path}/*.txt"]).said != before, "a changed prompt is another study"


@pytest.mark.parametrize(
    ("written", "defaults", "baseline"),
    [
        (["temperature=0..1.3"], {}, {"temperature level": "range", "temperature": 1.0}),
        (["temperature=0..1.3"], {"temperature": 0}, {"temperature level": "0"}),
        (["temperature=unset,0..1.3"], {}, {"temperature level": "unset"}),
        (["temperature=0..0.5"], {"temperature": 1.0}, {"temperature level": "1"}),
        (["max_tokens=12,24,48"], {}, {"max_tokens": 12}),
        (["max_tokens=12,24,48"], {"max_tokens": 100}, {"max_tokens": 100}),
        (["top_p=0.3..1"], {}, {"top_p": 1.0}),
        (["model=a,b"], {"model": "b"}, {"model": "b"}),
    ],
)
def test_defaults_are_measured_first(written, defaults, baseline):
    assert dials_of(written, defaults).space.baseline() == baseline


def test_what_says_nothing_at_temperature_0_is_inactive_there():
    dials = dials_of(["temperature=0..1.3", "top_p=0.3..1", "votes=1,3", "max_tokens=12,24"])
    greedy = {"temperature level": "0", "max_tokens": 12}
    assert dials.space.check(greedy) == greedy
    assert dials.settings(greedy) == {"temperature": 0, "max_tokens": 12}
    assert votes_of(dials, greedy) == 1
    warm = {"temperature level": "range", "temperature": 0.7, "top_p": 0.5, "votes": 3, "max_tokens": 12}
    assert dials.settings(dials.space.check(warm)) == {"temperature": 0.7, "top_p": 0.5, "max_tokens": 12}
    assert votes_of(dials, warm) == 3
    listed = dials_of(["temperature=0,0.7", "top_p=0.3..1"])
    assert listed.space.active({"temperature": 0, "top_p": 0.5}) == ("temperature",)


def test_unset_is_a_level_that_is_not_sent():
    dials = dials_of(["reasoning_effort=unset,low", "temperature=unset,0..1.3"])
    assert dials.settings({"reasoning_effort": "unset", "temperature level": "unset"}) == {}
    assert dials.settings({"reasoning_effort": "low", "temperature level": "0"}) == {
        "reasoning_effort": "low",
        "temperature": 0,
    }


def test_what_is_not_tuned_is_sent_with_every_request():
    dials = dials_of(["max_tokens=12,24"], {"temperature": 0.3, "seed": 7, "system": "Be brief."})
    assert dials.settings({"max_tokens": 24}) == {"temperature": 0.3, "seed": 7, "max_tokens": 24}
    assert dials.value("system", {}) == "Be brief."


def test_at_a_fixed_temperature_of_0_dials_of_chance_are_left_out_aloud():
    dials = dials_of(["top_p=0.3..1", "max_tokens=12,24"], {"temperature": 0})
    assert list(dials.dials) == ["max_tokens"]
    assert "temperature 0" in dials.dropped["top_p"]
    assert dials.is_always_greedy


def test_a_dial_that_does_not_act_stays_at_its_default():
    dials = dials_of(["temperature=0..1.3", "top_k=unset,10,40", "max_tokens=12,24"])
    less = dials.without("top_k", "accepted without effect")
    assert "top_k" not in less.space
    assert "top_k" not in less.settings(less.space.baseline())
    effort = dials_of(["reasoning_effort=low,high", "max_tokens=12,24"]).without("reasoning_effort", "no effect")
    assert effort.settings({"max_tokens": 12}) == {"reasoning_effort": "low", "max_tokens": 12}, "its default stands"
    assert less.dropped == {"top_k": "accepted without effect"}


def test_levels_that_are_refused_go_and_the_others_stay():
    dials = dials_of(["reasoning_effort=unset,low,high,extreme", "temperature=unset,0..1.3"])
    less = dials.without("reasoning_effort", "extreme is refused", ["extreme"])
    assert less.dials["reasoning_effort"].levels == ("unset", "low", "high")
    none = dials.without("temperature", "only 1 is allowed", [0, 1.3])
    assert "temperature" not in none.dials
    assert none.settings({"reasoning_effort": "low"}) == {"reasoning_effort": "low"}


def test_parameters_and_lists_are_dials_too():
    dials = dials_of({"temperature": tl.Float(0.0, 1.0, default=0.5), "max_tokens": [12, 24], "top_p": "0.3..1"})
    assert dials.space.baseline() == {
        "temperature level": "range",
        "temperature": 0.5,
        "max_tokens": 12,
        "top_p": 1.0,
    }
