"""Commands through the whole process, and budgets of time and money that hold."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

import trialist as tl

SCRIPT = """
import argparse, random
p = argparse.ArgumentParser()
p.add_argument("--lr", type=float); p.add_argument("--momentum", type=float, default=-1.0)
p.add_argument("--act"); p.add_argument("--seed", type=int); p.add_argument("--split", default="validation")
a = p.parse_args()
open("calls.txt", "a").write(a.split + "\\n")
noise = random.Random(a.seed).gauss(0, 0.01)
for step in (1, 2):
    print(f"step={step} val_loss={(a.lr - 0.1) ** 2 + (a.act == 'tanh') + max(a.momentum, 0) + noise + 0.1 / step}")
"""
SPACE = tl.Space(
    lr=tl.Float(1e-4, 1.0, log=True, default=0.01),
    act=tl.Categorical(["relu", "tanh"], default="tanh"),
    momentum=tl.Float(0.0, 0.9, default=0.5, when={"act": "tanh"}),
)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    words = ("--lr", "{lr}", "--act", "{act}", "--momentum", "{momentum}", "--seed", "{trial.seed}")
    return (sys.executable, "-S", "train.py", *words)


def test_a_command_is_tuned_and_its_test_command_runs_in_verification_alone(command: tuple[str, ...]) -> None:
    study = tl.tune(
        tl.Command(command), SPACE, minimize="val_loss", budget=14, workers=2, progress=False, test_seeds=3,
        test=tl.Command((*command, "--split", "test")),
    )  # fmt: skip
    assert study.name == "train"
    assert len(study.trials) == 14 and all(r.state.is_closed for r in study.trials)
    assert [(r.step) for r in study.trials[0].reports] == [1, 2]
    assert study.verdict is not None and study.verdict.outcome is tl.Outcome.IMPROVED
    calls = Path("calls.txt").read_text().split()
    assert calls == ["validation"] * 14 + ["test"] * 6
    assert "val_loss=" in (study.directory / "00000" / "log.txt").read_text()
    study.close()


def test_a_command_that_fails_fails_its_trial_with_the_reason(command: tuple[str, ...]) -> None:
    Path("train.py").write_text("raise SystemExit('no data here')")
    with pytest.warns(UserWarning, match="no score after 2 trials"):
        study = tl.tune(tl.Command(command), SPACE, minimize="val_loss", budget=2, progress=False)
    assert [r.state for r in study.trials] == [tl.State.FAILED] * 2
    assert study.trials[0].failure is not None
    assert "no data here" in study.trials[0].failure.message and "code 1" in study.trials[0].failure.message
    study.close()


def test_a_program_that_is_not_there_stops_the_study(command: tuple[str, ...]) -> None:
    with pytest.raises(tl.CommandError, match="no-such-program"):
        tl.tune(
            tl.Command(("no-such-program", "{lr}", "{act}", "{momentum}")),
            SPACE,
            minimize="val_loss",
            budget=5,
            progress=False,
        )


def sleepy(trial: tl.Trial) -> float:
    time.sleep(0.05)
    trial.cost = 0.25
    return float(trial["lr"])


@pytest.mark.parametrize(
    ("budget", "key", "limit"),
    [
        (tl.Budget(seconds=1.5), "seconds", 1.5),
        (tl.Budget(compute_seconds=1.0), "compute_seconds", 1.0),
        (tl.Budget(cost=5.0), "cost", 5.0),
    ],
)
def test_a_budget_is_not_overspent_and_leaves_room_for_the_choice(budget: tl.Budget, key: str, limit: float) -> None:
    study = tl.tune(sleepy, SPACE, minimize="lr", budget=budget, store="memory", progress=False)
    assert 0.3 * limit < study.spent[key] <= limit + (1.0 if key == "seconds" else 0.0)  # a hiccup of the machine
    assert any(r.stage is tl.Stage.SELECT for r in study.trials)
    assert study.selection is not None
