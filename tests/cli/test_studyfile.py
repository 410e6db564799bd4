"""study.yaml: what it may say, and that every mistake is told with line, value and remedy."""

from __future__ import annotations

import pytest

from trialist.cli.studyfile import read_study_file, study_file
from trialist.errors import CommandError
from trialist.space.condition import above
from trialist.space.parameter import Categorical, Float, Int, Normal
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.yamlfile import read_yaml

WHOLE = """\
name: digits
command: python train.py --lr {lr} --act {act} --width {width} --momentum {momentum}
dials:
  lr: {range: [1e-4, 1e-1], log: true, default: 1e-3, prior: {mean: 1e-3, sd: 10}}
  act: {choices: [relu, tanh], default: tanh}
  width: {low: 8, high: 128, int: true, step: 8}
  momentum:
    range: [0, 0.99]
    when: {act: relu, width: {above: 16}}
forbid: width > 64 and act == 'tanh'
minimize: val_loss
budget: {trials: 20, minutes: 5}
workers: 2
trial_seconds: 10m
trial_memory: 2GiB
fidelity: epochs 1..27
warm_start: [old, older@old.db]
test: python train.py --lr {lr} --split test
"""


def test_a_whole_file_is_read():
    read = study_file("study.yaml", WHOLE)
    assert read.dials == {
        "lr": Float(1e-4, 1e-1, log=True, default=1e-3, prior=Normal(1e-3, 10)),
        "act": Categorical(["relu", "tanh"], default="tanh"),
        "width": Int(8, 128, step=8),
        "momentum": Float(0, 0.99, when={"act": "relu", "width": above(16)}),
    }
    assert read.forbid == ["width > 64 and act == 'tanh'"]
    assert read.budget == Budget(trials=20, minutes=5)
    assert read.keys["trial_seconds"] == 600
    assert read.keys["trial_memory"] == 2 * 2**30
    assert read.keys["workers"] == 2
    assert read.keys["warm_start"] == ["old", "older@old.db"]
    assert read.keys["fidelity"] == Fidelity("epochs", 1, 27)


def mistake(text: str) -> str:
    with pytest.raises(CommandError) as caught:
        study_file("study.yaml", text)
    assert caught.value.remedy
    return str(caught.value)


BASE = "command: t --x {x}\nminimize: loss\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("- a", "no mapping"),
        ("a: [1", "line 1: this is no YAML"),
        (BASE + "minimize: b\n", "line 3: the key 'minimize' comes twice"),
        ("minimize: loss\n", "command: study.yaml line 1: it is missing"),
        (BASE + "budgte: 3\n", "budgte: study.yaml line 3: there is no key 'budgte'. Use 'budget'."),
        (
            BASE + "dials:\n  x: {rnage: [1, 2]}\n",
            "dials.x.rnage: study.yaml line 4: there is no key 'rnage'. Use 'range'.",
        ),
        (BASE + "workers: two\n", "workers: study.yaml line 3: 'two' is of the wrong kind. Give a whole number."),
        (BASE + "seed: true\n", "seed: study.yaml line 3: True is of the wrong kind"),
        (BASE + "dials:\n  x: 3\n", "dials.x: study.yaml line 4: 3 is of the wrong kind. Give a mapping"),
        (BASE + "dials:\n  x: {range: [1]}\n", "dials.x.range: study.yaml line 4: [1]"),
        (BASE + "dials:\n  x: {range: [2, 1]}\n", "x: study.yaml line 4: low 2.0 is above high 1.0. Swap them."),
        (BASE + "dials:\n  x: {range: [0, 1], log: true}\n", "x: study.yaml line 4: low 0.0 cannot start a log scale"),
        (BASE + "dials:\n  x: {range: [1.5, 3], int: true}\n", "line 4: low 1.5 is not a whole number"),
        (BASE + "dials:\n  x: {low: 1}\n", "dials.x.high: study.yaml line 4: it is missing"),
        (BASE + "dials:\n  x: {}\n", "neither a range nor choices"),
        (BASE + "dials:\n  x: {choices: [1, 2], log: true}\n", "log has no meaning for choices"),
        (BASE + "dials:\n  x: {range: [1, 2], ordered: true}\n", "ordered has no meaning for a range"),
        (BASE + "dials:\n  x: {range: [1, 2], when: {y: {over: 3}}}\n", "{'over': 3} is no condition"),
        (BASE + "dials:\n  x: {range: [1, 2], prior: [1]}\n", "[1] is no prior"),
        (BASE + "budget: soon\n", "budget: study.yaml line 3: 'soon' is neither trials nor time"),
        (BASE + "budget: {trails: 3}\n", "'trails' is no limit"),
        (BASE + "budget: -1\n", "-1 is not a number of trials"),
        (BASE + "trial_seconds: long\n", "'long' is not a duration"),
        (BASE + "trial_memory: much\n", "'much' is not an amount of memory"),
    ],
)
def test_a_mistake_names_key_line_value_and_remedy(text, said):
    assert said in mistake(text)


def test_all_mistakes_are_told_at_once():
    told = mistake("command: t\nbudgte: 3\nworkers: two\n")
    assert told == (
        "study.yaml: 2 mistakes. Change them:\n"
        "  line 2: budgte: there is no key 'budgte'. Use 'budget'.\n"
        "  line 3: workers: 'two' is of the wrong kind. Give a whole number."
    )
    told = mistake(BASE + "budget: soon\ndials:\n  x: {range: [2, 1]}\n  y: {range: [0, 1], log: true}\n")
    assert "3 mistakes" in told
    assert "line 5: x: low 2.0 is above high 1.0. Swap them." in told


def test_numbers_and_words_are_what_they_look_like():
    text = "{a: 1e-4, b: 1E3, c: on, d: no, e: 012, f: null, g: .inf, h: '1', i: true, j: 1_000, k: -.5, l: 1:30}"
    assert read_yaml("x", text).content == {
        "a": 1e-4, "b": 1000.0, "c": "on", "d": "no", "e": 12, "f": None, "g": float("inf"), "h": "1", "i": True,
        "j": "1_000", "k": -0.5, "l": "1:30",
    }  # fmt: skip


def test_null_may_be_a_choice_and_a_default():
    dial = study_file("s", "command: t\ndials: {x: {choices: [null, 1], default: null}}").dials["x"]
    assert dial == Categorical([None, 1], default=None)
    assert study_file("s", "command: t\ndials: {x: {choices: [null, 1]}}").dials["x"] == Categorical([None, 1])


def test_an_alias_that_holds_itself_is_refused():
    assert "an alias holds itself" in mistake("a: &a [*a]")


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(CommandError, match=r"there is no such file.*trialist init"):
        read_study_file(tmp_path / "study.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff")
    with pytest.raises(CommandError, match="cannot be read"):
        read_study_file(tmp_path / "latin.yaml")


def test_merge_keys_take_in_what_is_not_given_and_know_their_lines():
    document = read_yaml("x.yaml", "base: &b\n  a: 1\n  c: 3\nmine:\n  <<: *b\n  a: 2\n'<<': 4\n")
    assert document.content == {"base": {"a": 1, "c": 3}, "mine": {"a": 2, "c": 3}, "<<": 4}
    assert document.line(("mine", "c")) == 3 and document.line(("mine", "a")) == 6
    with pytest.raises(CommandError, match=r"line 1: `<<` takes in what is no mapping"):
        read_yaml("x.yaml", "<<: [1]")
