"""Stopping rules on the command line and in study files, and what becomes of them in plan, run and status."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from trialist.cli.main import main
from trialist.cli.request import gather
from trialist.cli.studyfile import study_file
from trialist.errors import CommandError, PlanError
from trialist.trials.stopping import Emmr, Plateau, Stopping, Target, Worth

COMMAND = ("echo", "--x", "{x: 0..1}")
FILE = "command: t {x}\ndials: {x: {range: [0, 1]}}\nminimize: loss\nbudget: 9\n"


def declared(**options: object) -> Stopping:
    return gather(None, COMMAND, {"budget": "9", "minimize": ("loss",), **options}).plan.stopping


def test_options_are_rules():
    assert declared() == Stopping()
    assert declared(stopping=("none",)).is_none
    assert declared(stopping=("plateau 5 0.1", "emmr")).rules == (Plateau(5, 0.1), Emmr())
    assert declared(target=("0.05",)) == Stopping((Target(0.05),), advises=True)
    assert declared(target=("loss=0.05",), worth="0.1 per trial").rules == (Target(loss=0.05), Worth(0.1, "trial"))


def test_a_study_file_says_the_same():
    read = study_file("study.yaml", FILE + "stopping: [auto, plateau 7]\ntarget: {loss: 0.2}\nworth: 0.1 per minute\n")
    assert read.keys["stopping"] == ["auto", "plateau 7"]
    assert read.keys["target"] == Target(loss=0.2)
    assert read.keys["worth"] == Worth(0.1, "minute")
    assert study_file("study.yaml", FILE + "target: 0.2\nworth: 0.1\n").keys["worth"] == Worth(0.1, "hour")


@pytest.mark.parametrize(
    ("line", "told"),
    [("stopping: plato", "line 5"), ("worth: 1 per day", "'day' is no unit"), ("target: low", "is not a number")],
)
def test_mistakes_of_a_study_file_name_their_line(line, told):
    with pytest.raises((CommandError, PlanError), match=told):
        study_file("study.yaml", FILE + line + "\n")


def test_a_command_is_stopped_and_says_so(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.py").write_text("import sys\nprint('loss=' + sys.argv[1])\n")

    def say(*words: str) -> str:
        with pytest.raises(SystemExit) as left:
            main(list(words))
        assert left.value.code == 0
        return " ".join(capsys.readouterr().out.split())

    asked = ["--budget", "8", "--minimize", "loss", "--target", "0.9", "--", sys.executable, "t.py", "{x: 0..1}"]
    assert "stopping auto, target 0.9" in say("plan", *asked)
    say("run", *asked)
    assert "stopped by target: trial 0 reached the target: loss 0.5" in say("status")
    told = json.loads(say("status", "--json"))
    assert told["stopped"]["rule"] == "target" and told["states"]["complete"] < 8
    say("report", "--file", "r.html")
    assert "stopped by target" in (tmp_path / "r.html").read_text(encoding="utf-8")
