"""init: what is read from a script's help, and which dials are proposed."""

from __future__ import annotations

import sys

import pytest

from trialist.cli.draft import check_free, draft
from trialist.cli.helptext import Option, ask_for_help, options_of
from trialist.cli.propose import propose
from trialist.cli.studyfile import study_file
from trialist.errors import CommandError
from trialist.space.parameter import Categorical, Float, Int

ARGPARSE = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1e-3, help="learning rate")
parser.add_argument("--weight-decay", type=float, default=0.0)
parser.add_argument("--act", choices=["relu", "tanh"], default="tanh")
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--dropout", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--data", default="data.csv")
parser.add_argument("--verbose", action="store_true")
parser.add_argument("--layers", type=int, default=2)
args = parser.parse_args()
raise SystemExit("ran for real")
"""

CLICK = """\
Usage: train.py [OPTIONS]

Options:
  -l, --lr FLOAT               Learning rate.  [default: 0.001]
  --optimizer [adam|sgd|lion]  Which one.  [default: sgd]
  --hidden INTEGER             Units of the hidden layer, more of them make it
                               slower.  [default: 64]
  --bias / --no-bias           [default: bias]
  --path PATH
  --help                       Show this message and exit.
"""

BOXED = """\
╭─ Options ───────────────────────────────────────────────────╮
│ --lr            FLOAT    Learning rate. [default: 0.001]     │
│ --width         INTEGER  [default: 128]                      │
│ --help                   Show this message and exit.         │
╰─────────────────────────────────────────────────────────────╯
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(ARGPARSE)
    return [sys.executable, str(path)]


def test_defaults_of_argparse_are_read_though_its_help_does_not_show_them(script):
    found = {option.name: option for option in options_of(ask_for_help(script))}
    assert found["lr"].default == 0.001
    assert found["weight_decay"].default == 0.0
    assert found["act"].choices == ("relu", "tanh")
    assert found["act"].default == "tanh"
    assert found["batch_size"].default == 32
    assert not found["verbose"].takes_value
    assert "help" not in found


def test_the_options_of_click_are_read():
    found = {option.name: option for option in options_of(CLICK)}
    assert found["lr"].default == 0.001
    assert found["optimizer"].choices == ("adam", "sgd", "lion")
    assert found["optimizer"].default == "sgd"
    assert found["hidden"].default == 64
    assert not found["bias"].takes_value
    assert found["path"].takes_value
    assert not found["path"].says_default


def test_options_in_boxes_are_read():
    found = {option.name: option for option in options_of(BOXED)}
    assert found["lr"].default == 0.001
    assert found["width"].takes_value
    assert found["width"].default == 128


@pytest.mark.parametrize(
    ("name", "default", "dial"),
    [
        ("lr", 0.001, Float(1e-5, 0.1, log=True, default=0.001)),
        ("learning-rate", 0.05, Float(5e-4, 1.0, log=True, default=0.05)),
        ("weight-decay", 0.0, Float(0.0, 0.1, default=0.0)),
        ("l2", 1e-4, Float(1e-6, 1e-2, log=True, default=1e-4)),
        ("momentum", 0.9, Float(0.0, 0.99, default=0.9)),
        ("dropout", 0.1, Float(0.0, 0.7, default=0.1)),
        ("batch-size", 32, Int(8, 128, log=True, default=32)),
        ("num-layers", 2, Int(1, 4, default=2)),
        ("n-estimators", 100, Int(25, 400, log=True, default=100)),
        ("sharpness", 3.0, Float(0.3, 30.0, log=True, default=3.0)),
        ("nesterov", True, Categorical([True, False], default=True)),
    ],
)
def test_a_scale_follows_from_name_and_default(name, default, dial):
    made = propose(Option(f"--{name}", True, (), default, True))
    assert made.parameter == dial
    assert made.why


@pytest.mark.parametrize(
    "option",
    [
        Option("--seed", True, (), 0, True),
        Option("--epochs", True, (), 10, True),
        Option("--data-dir", True, (), ".", True),
        Option("--device", True, ("cpu", "cuda"), "cpu", True),
        Option("--verbose", False),
        Option("--thing", True),
        Option("--thing", True, (), -1.0, True),
        Option("--title", True, (), "x", True),
    ],
)
def test_what_is_no_dial_is_left_alone_with_a_reason(option):
    assert isinstance(propose(option), str)


def test_a_draft_is_a_study_file_that_can_be_read(script):
    drafted = draft([*script, "--epochs", "3"], None, "accuracy", "5m")
    read = study_file("study.yaml", drafted.text)
    assert set(read.dials) == {"lr", "weight_decay", "act", "batch_size", "dropout", "layers"}
    assert read.dials == {name: made.parameter for name, made in drafted.dials.items()}
    assert read.command[:4] == [*script, "--epochs", "3"]
    assert read.command[4:6] == ["--lr", "{lr}"]
    assert read.keys["maximize"] == "accuracy"
    assert read.budget.seconds == 300
    assert drafted.left_alone["epochs"] == "it is given on the command line"


def test_odd_names_survive_in_a_draft(tmp_path):
    path = tmp_path / "odd script é.py"
    path.write_text(
        "import argparse\np = argparse.ArgumentParser()\n"
        "p.add_argument('--mode', choices=['a b', 'no', '1'])\np.parse_args()"
    )
    read = study_file("s", draft([sys.executable, str(path)], "välid loss", None, None).text)
    assert read.dials["mode"] == Categorical(["a b", "no", 1])
    assert read.keys["name"] == "odd script é"
    assert read.keys["minimize"] == "välid loss"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise SystemExit('boom')", "ended with code 1: boom"),
        ("import argparse; argparse.ArgumentParser().parse_args()", "none of the 0 options"),
    ],
)
def test_a_script_without_dials_or_without_help_is_told_of(tmp_path, text, said):
    path = tmp_path / "train.py"
    path.write_text(text)
    with pytest.raises(CommandError, match=said):
        draft([sys.executable, str(path)], None, None, None)


def test_a_script_that_hangs_or_is_not_there_is_told_of(tmp_path):
    path = tmp_path / "train.py"
    path.write_text("import time; time.sleep(60)")
    with pytest.raises(CommandError, match=r"did not end within 0\.3 s"):
        ask_for_help([sys.executable, str(path)], seconds=0.3)
    with pytest.raises(CommandError, match="cannot be run"):
        ask_for_help([str(tmp_path / "nothing")])


def test_an_existing_file_is_not_overwritten(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("mine")
    with pytest.raises(CommandError, match="--force"):
        check_free(path, force=False)
    check_free(path, force=True)
    check_free(tmp_path / "other.yaml", force=False)
