"""`trialist lr-find` on small programs: real processes, a loss that depends on the rate as that of a network does."""

from __future__ import annotations

import json
import shlex
import sys
import xml.etree.ElementTree as xml

import pytest

from trialist.cli.main import main

# Level up to 1e-4, falling until 1e-2, broken from 0.3 on.
LOSS = """
import math, sys
def loss(rate):
    if rate > 0.3:
        return math.nan
    return 2.3 - 1.9 * min(max((math.log10(rate) + 4) / 2, 0.0), 1.0)
"""
TRAIN = (
    LOSS
    + """
import argparse
parser = argparse.ArgumentParser()
for name in ("--lr", "--width", "--seed"):
    parser.add_argument(name, type=float, default=0.0)
args = parser.parse_args()
value = loss(args.lr)
assert math.isfinite(value) or args.width != 7, "it exploded"
with open("runs.txt", "a") as file:
    file.write(f"{args.lr} {args.width} {args.seed}\\n")
print(f"step=1 val_loss={value} accuracy={1 - value / 3}")
"""
)
SWEEP = (
    LOSS
    + """
rate = 1e-6
for step in range(1, 81):
    print(f"step={step} rate={rate} loss={loss(rate)}", flush=True)
    rate *= 1.25
    if rate > 1:
        time.sleep(30)
open("over.txt", "w")
"""
)


@pytest.fixture
def trialist(tmp_path, monkeypatch, capsys):
    """Runs a command line in a folder with both programs; (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "sweep.py").write_text(SWEEP)

    def call(line: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(shlex.split(line.replace("PYTHON", sys.executable)))
        out, err = capsys.readouterr()
        return int(left.value.code), out, err

    return call


def runs(folder):
    return [tuple(map(float, line.split())) for line in (folder / "runs.txt").read_text().splitlines()]


def test_short_runs_find_bounds_and_propose_a_line_that_can_be_read(trialist, tmp_path):
    code, out, _ = trialist("lr-find --minimize val_loss --workers 2 -- PYTHON train.py --lr {lr} --seed {trial.seed}")
    assert code == 0
    assert "--lr '{" in out and "tl.schedule(" in out and "train.py" in out
    assert "lr 1e-06: val_loss 2.3\n" in out
    assert "learning rate" in out  # the sketch
    assert xml.parse(tmp_path / "lr_find.svg").getroot().tag.endswith("svg")
    proposed = next(line for line in out.splitlines() if line.startswith("search")).split(maxsplit=1)[1]
    code, out, err = trialist(proposed.replace("trialist run", "plan").replace("--budget 20", "--budget 5"))
    assert code == 0, err


def test_as_json_it_tells_all_that_was_measured(trialist, tmp_path):
    code, out, _ = trialist("lr-find --minimize val_loss --points 13 --json --plot a.svg -- PYTHON train.py --lr {lr}")
    told = json.loads(out)
    assert code == 0 and told["dial"] == "lr" and told["plot"] == "a.svg" and (tmp_path / "a.svg").exists()
    assert 5e-5 < told["low"] < 4e-4 and 0.01 < told["high"] < 0.7
    assert told["diverged_at"] > 0.3 and told["losses"][-1] == "nan"
    assert told["rates"][0] == 1e-6 and len(told["rates"]) == told["runs"] == len(runs(tmp_path))
    assert told["command"][-1] == told["brace"] and " log" in told["brace"]


def test_above_a_rate_that_broke_nothing_more_is_run(trialist, tmp_path):
    trialist("lr-find --minimize val_loss --points 16 --high 1e6 -- PYTHON train.py --lr {lr}")
    assert sum(rate > 0.3 for rate, _, _ in runs(tmp_path)) <= 4  # of the ten above it


def test_the_line_of_run_can_be_used_as_it_is_and_other_dials_stand_at_their_defaults(trialist, tmp_path):
    line = "-- PYTHON train.py --lr '{1e-5..10 log =0.001}' --width '{8..64 int =16}' --seed '{trial.seed}'"
    code, out, _ = trialist(f"lr-find --minimize val_loss --seed 5 --json {line}")
    told = json.loads(out)
    assert code == 0
    assert {(width, seed) for _, width, seed in runs(tmp_path)} == {(16.0, 5.0)}
    assert min(told["rates"]) == 1e-5
    assert told["brace"].endswith("log =0.001}")
    assert "{8..64 int =16}" in told["command"] and told["brace"] in told["command"]


def test_a_default_outside_of_the_bounds_widens_them_for_the_baseline_must_lie_in_the_space(trialist):
    code, out, _ = trialist("lr-find --minimize val_loss --json -- PYTHON train.py --lr '{1e-6..10 log =1e-5}'")
    assert code == 0 and json.loads(out)["brace"].startswith("{1e-05..")


def test_a_metric_that_is_maximized_falls_upside_down(trialist):
    code, out, _ = trialist("lr-find --maximize accuracy --json -- PYTHON train.py --lr {lr}")
    told = json.loads(out)
    assert code == 0 and told["losses"][0] == pytest.approx(-(1 - 2.3 / 3)) and told["low"] < 1e-3


def test_runs_that_fail_are_where_training_broke_and_the_first_is_told(trialist):
    code, out, _ = trialist("lr-find --minimize val_loss -- PYTHON train.py --lr {lr} --width 7")
    assert code == 0
    assert "failed" in out and "it exploded" in out and "training breaks at" in " ".join(out.split())


def test_a_command_that_raises_its_rate_itself_is_run_once_and_ended_when_training_breaks(trialist, tmp_path):
    code, out, _ = trialist("lr-find --minimize loss --dial rate --json -- PYTHON sweep.py")
    told = json.loads(out)
    assert code == 0 and told["runs"] == 1 and told["command"] is None
    assert 5e-5 < told["low"] < 4e-4 and 0.01 < told["high"] <= told["diverged_at"] < 0.5
    code, out, _ = trialist("lr-find --minimize loss --dial rate -- PYTHON sweep.py")
    assert code == 0 and "tl.schedule(" in out
    assert not (tmp_path / "over.txt").exists()


def test_where_no_bounds_are_found_the_exit_code_and_the_reason_say_so(trialist, tmp_path):
    (tmp_path / "level.py").write_text("print('loss=1.5')")
    code, out, _ = trialist("lr-find --minimize loss --points 5 -- PYTHON level.py {lr}")
    assert code == 1 and "never falls" in out and "tl.schedule(" not in out


@pytest.mark.parametrize(
    ("line", "said", "code"),
    [
        ("lr-find --minimize loss", "command: none is given", 2),
        ("lr-find -- PYTHON train.py --lr {lr}", "one metric is needed", 2),
        ("lr-find --minimize a --maximize b -- PYTHON train.py --lr {lr}", "one metric is needed", 2),
        ("lr-find --minimize loss -- PYTHON train.py --a {a} --b {b}", "which of a, b is the learning rate", 2),
        ("lr-find --minimize loss --dial a -- PYTHON train.py --a {a} --b {b}", "nothing says what {b} is", 2),
        ("lr-find --minimize loss --dial c -- PYTHON train.py --a {a}", "no place in the command is called 'c'", 2),
        ("lr-find --minimize loss -- PYTHON train.py --lr '{1..8 int}'", "no range of real numbers", 2),
        (
            "lr-find --minimize loss --low 1 --high 0.1 -- PYTHON train.py --lr {lr}",
            "1 to 0.1 is no range of rates. Swap them: --low 0.1",
            2,
        ),
        ("lr-find --minimize loss --low -1 -- PYTHON train.py --lr {lr}", "Give --low and --high above 0", 2),
        ("lr-find --minimize loss --points 2 -- PYTHON train.py --lr {lr}", "2 show no curve", 2),
        ("lr-find --minimize loss --workers 0 -- PYTHON train.py --lr {lr}", "workers", 2),
        ("lr-find --minimize loss -- PYTHON nowhere.py --lr {lr}", "there is no script 'nowhere.py'", 2),
        ("lr-find --minimize loss --points 5 -- PYTHON train.py --lr {lr}", "no loss was printed", 1),
        ("lr-find --minimize val_loss --budget 0s -- PYTHON train.py --lr {lr}", "fitted into the budget", 1),
        (
            "lr-find --minimize loss --dial eta -- PYTHON sweep.py",
            "Write '{eta}' into the command where its rate goes",
            1,
        ),
    ],
)
def test_what_cannot_be_is_one_line_that_says_what_to_do(trialist, line, said, code):
    left, out, err = trialist(line)
    assert left == code and said in err and len(err.splitlines()) == 1, (out, err)
