"""Command lines with dials in braces."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import CommandError
from trialist.execute.command import Command, rendered


def words(*template: str, **params: Any) -> list[str]:
    return Command(("run", *template)).argv(params, seed=7, number=3, directory="/d")[1:]


def test_dials_and_what_the_trial_gives_are_filled_in() -> None:
    assert words(
        "--lr", "{lr}", "--act={act}", "{trial.seed}/{trial.number}", "{trial.directory}", lr=0.1, act="relu"
    ) == [
        "--lr",
        "0.1",
        "--act=relu",
        "7/3",
        "/d",
    ]


def test_an_inactive_dial_is_left_out_with_its_flag() -> None:
    assert words("--momentum", "{momentum}", "--m={momentum}", "-v", "--lr", "{lr}", lr=1) == ["-v", "--lr", "1"]
    assert words("--shape", "{a}x{b}", "end", a=1) == ["end"]
    assert words("train", "{momentum}", "end") == ["train", "end"]


def test_the_fidelity_is_filled_in_by_its_own_name() -> None:
    command = Command(("run", "--epochs", "{epochs}", "--x={x}", "{trial.fidelity}"), ("x",), "epochs")
    assert command.names == ("x",)
    assert command.argv({"x": 1}, 7, 3, "/d", fidelity=9) == ["run", "--epochs", "9", "--x=1", "9"]
    assert command.argv({"x": 1}, 7, 3, "/d", fidelity=0.1)[2] == "0.1"
    assert command.argv({"x": 1}, 7, 3, "/d") == ["run", "--x=1"]


def test_a_fidelity_is_no_dial_beside_itself() -> None:
    with pytest.raises(CommandError, match="fidelity: 'epochs' is a dial, too"):
        Command(("run", "{epochs}"), ("epochs",), "epochs")
    with pytest.raises(CommandError, match=r"epoch.*Use \{epochs\}"):
        Command(("run", "{epoch}"), ("x",), "epochs")


def test_doubled_braces_are_braces() -> None:
    assert words('{{"lr": {lr}}}', lr=1) == ['{"lr": 1}']


@given(st.floats(allow_nan=False))
def test_floats_read_back_exactly(x: float) -> None:
    assert float(rendered("x", x)) == x


@given(st.integers())
def test_integers_read_back_exactly(n: int) -> None:
    assert int(rendered("n", n)) == n


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",))))
def test_text_is_one_word_whatever_it_holds(text: str) -> None:
    assert words("{x}", x=text) == [text]


def test_other_values_have_one_form() -> None:
    assert [rendered("x", v) for v in (True, None, (1, 0.5), b"\xff")] == ["True", "none", "1,0.5", "\udcff"]


@pytest.mark.parametrize(
    ("template", "dials", "message"),
    [
        ((), ("lr",), "names no program"),
        (("",), ("lr",), "names no program"),
        (("{lr}",), ("lr",), "is not one program"),
        (("run", "{lrr}"), ("lr", "act"), "{lrr}: no dial has this name. Use {lr}"),
        (("run", "{}"), ("lr",), "no dial has this name"),
        (("run", "{trial.sed}"), ("lr",), "Use {trial.seed}"),
        (("run", "a\0b"), ("lr",), "holds a NUL"),
    ],
)
def test_a_command_that_cannot_be_is_refused_at_once(template: Any, dials: Any, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        Command(template, dials)
    assert message in str(caught.value)


def test_a_value_that_no_command_line_can_hold_is_refused() -> None:
    with pytest.raises(CommandError, match="holds a NUL"):
        words("{x}", x="a\0b")


def test_names_are_the_dials_in_their_order() -> None:
    assert Command(("run", "{b}", "{trial.seed}", "{a}-{b}")).names == ("b", "a")
