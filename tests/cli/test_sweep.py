"""`trialist sweep`: a command's dial and a function's, at 80 columns and as JSON; what is wrong is said."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.cli.test_stories_cli import ASK, DIALS, Shell
from trialist.cli.sweep import lines_of, picture
from trialist.effects.sweep import Level


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return Shell(tmp_path, capsys)


def test_a_dial_of_a_command_is_swept_told_and_kept(shell):
    shell("run", *ASK, "--", *shell.command, *DIALS)
    told = shell("sweep", "act", "--replicates", "4", "--workers", "2")
    assert all(len(line) <= 80 for line in told.stdout.splitlines())
    assert "chosen" in told.stdout and "relu" in told.stdout and "tanh" in told.stdout
    assert "sweep: act at 2 levels, 4 seeds" in told.stderr and "val_loss" in told.stderr
    again = shell("sweep", "act", "--replicates", "4", "--json")
    found = json.loads(again.stdout)
    assert found["dial"] == "act" and [level["label"] for level in found["levels"]] == ["relu", "tanh"]
    assert found["runs"] == 8 and again.stderr == ""
    relu = found["levels"][0]
    assert relu["high"] < 0  # worse by 0.2 than tanh, which was chosen
    status = shell.look("status")
    assert "beside them 8 of sweeps" in status.replace("\n           ", " ") and "act: sensitive" in status
    assert json.loads(shell.look("trials", "--json"))  # a stage that every view knows


def test_levels_around_and_budget_are_as_asked(shell):
    shell("run", *ASK, "--", *shell.command, *DIALS)
    told = json.loads(
        shell("sweep", "lr", "--json", "--levels", "0.1,0.3,0.5", "--around", "act=relu", "--around", "lr=0.3").stdout
    )
    assert [level["label"] for level in told["levels"]] == ["0.1", "0.3", "0.5"]
    assert told["around"] == {"lr": 0.3, "act": "relu"}
    small = json.loads(shell("sweep", "lr", "--json", "--budget", "8").stdout)
    assert len(small["levels"]) * small["replicates"] <= 8


def test_what_is_wrong_is_said_with_its_remedy(shell):
    shell("run", *ASK, "--", *shell.command, *DIALS)
    assert "no dial 'lrr'" in shell.look("sweep", "lrr", code=2)
    assert "no number of levels" in shell.look("sweep", "lr", "--levels", "many", code=2)
    assert "sets no dial" in shell.look("sweep", "lr", "--around", "act", code=2)
    assert "budget" in shell.look("sweep", "lr", "--budget", "2", code=2)


FUNCTION = """\
import random
import trialist as tl

def loss(trial):
    return abs(trial["x"] - 0.3) + random.Random(trial.seed).random()

if __name__ == "__main__":
    tl.tune(loss, {"x": tl.Float(0, 1, default=0.5)}, minimize="loss", budget=8, progress=False).close()
"""


def test_a_function_is_found_again_in_its_file_and_by_worker_processes(shell):
    (shell.folder / "fit.py").write_text(FUNCTION)
    subprocess.run([sys.executable, "fit.py"], cwd=shell.folder, check=True, timeout=60)
    told = shell("sweep", "x", "--levels", "3", "--workers", "2")
    assert "forked" not in told.stderr and "chosen" in told.stdout
    (shell.folder / "fit.py").rename(shell.folder / "moved.py")
    lost = shell("sweep", "x", "--levels", "3", code=2)
    assert "--objective" in lost.stderr
    shell("sweep", "x", "--levels", "4", "--objective", "moved.py:loss")


@pytest.mark.parametrize("given", [(), ("--objective", "fit.py:loss")], ids=["kept", "asked"])
def test_a_wrong_dial_is_said_before_a_script_that_cannot_be_imported(shell, given):
    unguarded = FUNCTION.replace('if __name__ == "__main__":\n    ', "")
    (shell.folder / "fit.py").write_text(unguarded)
    subprocess.run([sys.executable, "fit.py"], cwd=shell.folder, check=True, timeout=60)
    wrong = shell("sweep", "y", *given, code=2).stderr
    assert "no dial 'y'" in wrong and "__main__" not in wrong
    right = shell("sweep", "x", *given, code=2).stderr
    assert "__name__ == '__main__'" in " ".join(right.split())


def level(difference, low=None, high=None, **given) -> Level:
    return Level(0.1, "0.1", 0.5, 3, 0, (1.0, 1.0, 1.0), 1.0, difference, low, high, **given)


def test_the_picture_keeps_intervals_and_order():
    levels = [level(-4.0, -5.0, -3.0), level(0.0, is_incumbent=True), level(1.0, 0.5, 1.5), level(None, fails=True)]
    lines = picture(levels, 30)
    assert all(len(line) <= 30 for line in lines)
    assert lines[0].index("●") < lines[1].index("◆") < lines[2].index("●")
    assert lines[0].index("├") < lines[0].index("●") < lines[0].index("┤") and lines[3] == "fails"
    assert picture([level(None)], 30) == [""]
    assert picture([level(0.0, is_incumbent=True), level(0.0, 0.0, 0.0)], 30)[1].count("●") == 1


def test_names_that_could_steer_a_terminal_are_made_safe():
    import random

    import trialist as tl

    name = "a\x1b[31m"
    study = tl.tune(
        lambda trial: random.Random(trial.seed).random(), {name: tl.Categorical(["\x1b]0;x\x07", "b"])},
        minimize="loss", budget=4, store="memory", name="odd", progress=False,
    )  # fmt: skip
    found = study.sweep(name, lambda trial: random.Random(trial.seed).random())
    for room in (40, 80, 200):
        lines = lines_of(found, room)
        assert "\x1b[31m" not in "".join(lines) and "\x07" not in "".join(lines)
    assert lines_of(replace(found, levels=()), 80)
