"""Dials in braces: what is read, what is refused, and what the shell does to them when they are not quoted."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.cli.braces import brace, parse
from trialist.cli.literals import literal, word_of
from trialist.errors import CommandError, InputError, SpaceError
from trialist.space.parameter import Categorical, Float, Int


def dial(text: str):
    (parameter,) = parse(["train", "--x", text]).dials.values()
    return parameter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{1e-4..1 log =0.01}", Float(1e-4, 1.0, log=True, default=0.01)),
        ("{1e-4..1 =0.01 log}", Float(1e-4, 1.0, log=True, default=0.01)),
        ("{ -1..1 }", Float(-1.0, 1.0)),
        ("{8..128}", Float(8.0, 128.0)),
        ("{8..128 int log}", Int(8, 128, log=True)),
        ("{8..128 step 8 int =16}", Int(8, 128, step=8, default=16)),
        ("{0..1 step 0.1}", Float(0.0, 1.0, step=0.1)),
        ("{0..1 step=0.1}", Float(0.0, 1.0, step=0.1)),
        (".5..1".join("{}"), Float(0.5, 1.0)),
        ("{relu,tanh}", Categorical(["relu", "tanh"])),
        ("{relu,tanh =tanh}", Categorical(["relu", "tanh"], default="tanh")),
        ("{relu, tanh = relu}", Categorical(["relu", "tanh"], default="relu")),
        ("{1,2.5,true,none,x}", Categorical([1, 2.5, True, None, "x"])),
        ("{'a,b','8',c d}", Categorical(["a,b", "8", "c d"])),
        ("{a,' =b' =' =b'}", Categorical(["a", " =b"], default=" =b")),
        ("{'a,b',c ='a,b'}", Categorical(["a,b", "c"], default="a,b")),
        ("{a=1,b=2 =b=2}", Categorical(["a=1", "b=2"], default="b=2")),
        ("{don't,do}", Categorical(["don't", "do"])),
        ("{1e-4,1e-3}", Categorical([1e-4, 1e-3])),
    ],
)
def test_a_brace_declares_a_dial(text, expected):
    assert dial(text) == expected
    if isinstance(expected, Categorical):
        assert dial(text).baseline == expected.baseline


@pytest.mark.parametrize(
    ("argv", "names", "template"),
    [
        (["t", "--lr", "{1..2}"], ["lr"], ("t", "--lr", "{lr}")),
        (["t", "--learning-rate={1..2}"], ["learning_rate"], ("t", "--learning-rate={learning_rate}")),
        (["t", "model.lr={1..2}", "+opt={a,b}"], ["model.lr", "opt"], ("t", "model.lr={model.lr}", "+opt={opt}")),
        (["t", "-w", "{1..2}"], ["w"], ("t", "-w", "{w}")),
        (["t", "{depth: 1..8 int}x{width: 8..64 int}"], ["depth", "width"], ("t", "{depth}x{width}")),
        (
            ["t", "-c", '{"a": {"b": 1, "c": 2}}', "-x={1..2}"],
            ["x"],
            ("t", "-c", '{{"a": {{"b": 1, "c": 2}}}}', "-x={x}"),
        ),
        (["t", "-c", "{{keep}}", "-x={1..2}"], ["x"], ("t", "-c", "{{keep}}", "-x={x}")),
        (["t", "--lr", "{rate: 1..2}"], ["rate"], ("t", "--lr", "{rate}")),
        (["t", "--lr", "{1..2}", "--seed", "{trial.seed}"], ["lr"], ("t", "--lr", "{lr}", "--seed", "{trial.seed}")),
    ],
)
def test_a_dial_is_named_by_its_flag_or_by_itself(argv, names, template):
    braced = parse(argv)
    assert list(braced.dials) == names
    assert braced.template == template


def test_declared_dials_only_take_their_places():
    braced = parse(["t", "--lr", "{lr}", "--x={1..2}"], declared=("lr",))
    assert list(braced.dials) == ["x"]
    assert braced.template == ("t", "--lr", "{lr}", "--x={x}")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "no command"),
        (["t", "--lr", "0.1"], "holds no dials"),
        (["t", "{1..2}"], "has no name"),
        (["t", "x{1..2}y{3..4}"], "has no name"),
        (["t", "--lr", "{1..2 logg}"], "'logg' in {1..2 logg} has no meaning. Use 'log'."),
        (["t", "--lr", "{1..2 log log}"], "gives log twice"),
        (["t", "--n", "{1..2.5 int}"], "'2.5' in {1..2.5 int} is not a whole number"),
        (["t", "--n", "{1..2 step}"], "step '' in {1..2 step} is not a number"),
        (["t", "--n", "{a..b}"], "not a range of numbers"),
        (["t", "--n", "{}"], "neither a range nor choices"),
        (["t", "--n", "{only}"], "neither a range nor choices"),
        (["t", "--n", "{a,,b}"], "empty choice"),
        (["t", "--n", "{1..2}", "-n", "{1..2}"], "declared twice"),
        (["t", "--lr", "{1..2}", "--out", "{lrr: 1..2}{lrx}"], "names no dial. Use {lr"),
        (["t", "--lr", "{0..1 log}"], "lr: "),
        (["t", "--lr", "{1..2 =7}"], "lr: "),
        (["t", "--act", "{relu,tanh =gelu}"], "act: "),
        (["t", "--act", "{relu,relu}"], "act: "),
    ],
)
def test_a_wrong_brace_is_refused_naming_dial_value_and_remedy(argv, said):
    with pytest.raises((CommandError, SpaceError)) as caught:
        parse(argv)
    assert said in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("typed", "paste"),
    [
        ("--act {relu,tanh}", "--act '{relu,tanh}'"),
        ("--act={relu,tanh}", "'--act={relu,tanh}'"),
        ("--layers {1..4}", "--layers '{1..4 int}'"),
        ("--lr {1e-4..1 log =0.01} --epochs 5", "--lr '{1e-4..1 log =0.01}' --epochs 5"),
        ("--act {relu,tanh =tanh}", "--act '{relu,tanh =tanh}'"),
        ("--width {8..128 int log}", "--width '{8..128 int log}'"),
    ],
)
def test_braces_that_the_shell_expanded_are_explained_with_the_line_to_paste(typed, paste):
    told = subprocess.run(["bash", "-c", f"printf '%s\\n' {typed}"], capture_output=True, text=True, check=True)
    with pytest.raises(CommandError) as caught:
        parse(["python", "train.py", *told.stdout.splitlines()])
    assert f"python train.py {paste}" in str(caught.value)
    assert "shell" in str(caught.value)


def test_a_flag_with_several_values_beside_dials_is_only_noted():
    braced = parse(["t", "--lr", "{1e-4..1 log}", "--act", "relu", "tanh"])
    assert "--act '{relu,tanh}'" in braced.notes[0]
    assert parse(["t", "--lr", "{1e-4..1 log}", "--epochs", "5", "data.csv"]).notes == ()


def test_whole_bounds_without_int_are_noted():
    assert "{1..8 int}" in parse(["t", "--n", "{1..8}"]).notes[0]
    assert parse(["t", "--n", "{1..8 int}"]).notes == ()


words = st.one_of(
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.text("abcXYZ019 ,.='", max_size=8),
)


@given(words)
def test_a_word_reads_back_as_its_value(value):
    back = literal(word_of(value))
    assert back == value
    assert type(back) is type(value)


dials = st.one_of(
    st.builds(
        lambda low, span, log, at: Float(low, low + span, log=log, default=low + at * span),
        st.floats(1e-6, 1e3),
        st.floats(1e-3, 1e3),
        st.booleans(),
        st.sampled_from([0.0, 0.5, 1.0]),
    ),
    st.builds(
        lambda low, span, log: Int(low, low + span, log=log), st.integers(1, 99), st.integers(0, 99), st.booleans()
    ),
    st.builds(lambda n, step: Int(0, n * step, step=step, default=step), st.integers(1, 9), st.integers(2, 9)),
    st.lists(words, min_size=2, max_size=5, unique_by=lambda v: (type(v), v)).map(Categorical),
)


@given(dials)
def test_a_dial_reads_back_from_its_brace(parameter):
    assert dial(brace(parameter)) == parameter


@given(st.text("{}=,.: ablogint012-'", max_size=24))
def test_any_text_is_a_dial_or_a_typed_error(text):
    try:
        parse(["t", "--x", text])
    except InputError as error:
        assert error.remedy


@pytest.mark.parametrize("word", ["{0..1", "0..1}", "{{0..1}"])
def test_a_brace_that_is_not_closed_is_told_so(word):
    with pytest.raises(CommandError, match=r"has a brace without its partner. Close it"):
        parse(["python", "train.py", "--lr", word])
