"""Whole stories through the command line, with real processes: from the first run to the verdict, and mishaps."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from trialist.cli.main import main

# A formula with noise by seed; light, so that twenty trials cost little. The test split is another draw of the noise.
TRAIN = """\
import os, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
lr, act = float(given["--lr"]), given.get("--act", "relu")
if "--fail" in given and lr > float(given["--fail"]):
    sys.exit("diverged: lr is too large")
seed = int(os.environ["TRIALIST_SEED"])
noise = ((seed * 2654435761 + int(lr * 1e9)) % 1000 / 1000 - 0.5) * 0.02
if "--sleep" in given:
    import time
    time.sleep(float(given["--sleep"]))
loss = 1.0 + (lr - 0.3) ** 2 + (0.2 if act == "relu" else 0.0) + noise
print(f"step=1 val_loss={loss + 0.5}")
print(f"step=2 val_loss={loss}")
"""
ASK = ["--budget", "10", "--minimize", "val_loss", "--workers", "2"]
DIALS = ["--lr", "{0..1 =0.9}", "--act", "{relu,tanh =relu}"]


class Shell:
    """Runs trialist in a folder of its own."""

    def __init__(self, folder, capture) -> None:
        self.folder, self._capture = folder, capture
        (folder / "train.py").write_text(TRAIN)
        self.env = {**os.environ, "COLUMNS": "80", "PYTHONPATH": ""}
        self.command = [sys.executable, "-S", "-E", "train.py"]

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        told = subprocess.run(
            self.argv(*words), cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120
        )
        assert told.returncode == code, told.stdout + told.stderr
        assert "Traceback" not in told.stderr
        return told

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "trialist.cli.main", *words]

    def look(self, *words: str, code: int = 0) -> str:
        """What a command that only looks prints; without a process of its own, which would cost more than the look."""
        self._capture.readouterr()
        with pytest.raises(SystemExit) as left:
            main(list(words))
        out, err = self._capture.readouterr()
        assert left.value.code == code, out + err
        return out + err

    def json(self, *words: str):
        return json.loads(self.look(words[0], "--json", *words[1:]))


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return Shell(tmp_path, capsys)


def test_a_run_without_a_test_ends_with_the_chosen_configuration_and_the_line_to_paste(shell):
    told = shell("run", *ASK, "--", *shell.command, *DIALS)
    assert "not verified: no test command was given (--test)" in told.stdout
    lines = (told.stdout + told.stderr).splitlines()
    assert len(lines) <= 30
    assert all(len(line) <= 80 for line in lines if not line.startswith("run it"))
    pasted = next(line for line in lines if line.startswith("run it")).removeprefix("run it").strip()
    again = subprocess.run(
        pasted, shell=True, cwd=shell.folder, env={**shell.env, "TRIALIST_SEED": "1"}, capture_output=True, text=True
    )
    assert again.returncode == 0
    assert "val_loss=" in again.stdout

    once_more = shell("run", *ASK, "--", *shell.command, *DIALS)
    assert "was finished already" in once_more.stdout
    assert once_more.stdout.splitlines()[1:] == told.stdout.splitlines()
    assert shell.json("status")["spent"]["trials"] <= 10


def test_a_run_with_a_test_ends_with_a_verdict_and_a_second_look_must_be_asked_for(shell):
    test = "... --split test"
    told = json.loads(shell("run", "--json", *ASK, "--test", test, "--", *shell.command, *DIALS).stdout)
    assert told["verdict"]["outcome"] == "improved"
    assert told["verified"]
    assert told["verdict"]["difference"] > 0.1
    assert told["best"]["params"]["act"] == "tanh"
    assert len(shell.json("ledger")["looks"]) == 1

    assert "--again" in shell.look("verify", code=1)
    assert len(shell.json("ledger")["looks"]) == 1
    again = json.loads(shell("verify", "--json", "--again").stdout)
    assert again["verdict"]["looks"] == 2
    assert "look 2" in again["verdict"]["sentence"]
    assert "improved" in shell.look("ledger")


def test_what_is_known_can_be_looked_at_shown_and_exported(shell):
    shell("run", *ASK, "--", *shell.command, *DIALS)
    assert "better by" in shell.look("status")
    assert "nothing more: all of it has run" in shell.look("plan", *ASK, "--", *shell.command, *DIALS)
    assert len(shell.json("trials")["trials"]) == shell.json("status")["spent"]["trials"]
    assert "why: " in shell.look("trials", "--reasons")
    shown = shell.look("show", "1")
    assert "step 1: " in shown
    assert "step=2 val_loss=" in shown
    assert shell.json("show", "1")["reports"][1]["step"] == 2
    assert "has no trial 99" in shell.look("show", "99", code=2)
    assert shell.json("best")["command"].startswith(sys.executable)
    shell.look("export", "trials.csv")
    shell.look("export", "trials.json")
    assert (shell.folder / "trials.csv").read_text().startswith("number,state,stage,params.lr")
    assert json.loads((shell.folder / "trials.json").read_text())[0]["params.lr"] == 0.9
    shell.look("report", "--file", "page.html")
    assert "<html" in (shell.folder / "page.html").read_text()
    assert "cannot be written" in shell.look("report", "--file", "nowhere/page.html", code=2)


def test_failed_trials_fail_alone_and_can_be_run_again(shell):
    told = shell("run", *ASK, "--", *shell.command, *DIALS, "--fail", "0.5")
    assert "failed" in told.stderr
    failed = [t for t in shell.json("trials")["trials"] if t["state"] == "failed"]
    assert failed
    assert "diverged: lr is too large" in failed[0]["failure"]["message"]
    (shell.folder / "train.py").write_text(TRAIN.replace("sys.exit(", "print("))
    told = shell("rerun", "--failed")
    assert "to be tried again" in told.stderr
    again = {t["repeats"]: t for t in shell.json("trials")["trials"] if t["repeats"] is not None}
    assert all(again[t["number"]]["state"] in ("complete", "stopped") for t in failed)


def test_where_every_trial_fails_the_run_fails_and_says_why(shell):
    told = shell("run", "--budget", "4", *ASK[2:], "--", *shell.command, *DIALS, "--fail", "-1", code=1)
    assert "diverged: lr is too large" in " ".join(told.stdout.split())
    assert "rerun --failed" in " ".join(told.stdout.split())
    assert "rerun --failed" in shell.look("status")


def test_another_plan_under_the_same_name_lists_the_differences_and_extend_goes_on(shell):
    shell("run", *ASK, "--", *shell.command, *DIALS)
    before = shell.json("status")["spent"]["trials"]
    refused = shell.look("run", "--budget", "20", *ASK[2:], "--seed", "3", "--", *shell.command, *DIALS, code=2)
    assert "seed: 0 is now 3" in refused
    assert "trials 10 is now trials 20" in refused
    assert "trialist extend" in refused
    assert "trialist run --name train" in shell.look("extend", "--budget", "20")
    shell("run")
    assert before < shell.json("status")["spent"]["trials"] <= 20


def test_a_study_file_runs_as_it_stands(shell):
    line = json.dumps([*shell.command, "--lr", "{lr}", "--act", "{act}"])
    (shell.folder / "study.yaml").write_text(
        f"name: from a file\ncommand: {line}\ndials:\n  lr: {{range: [0, 1], default: 0.9}}\n"
        "  act: {choices: [relu, tanh], default: relu}\n"
        "minimize: val_loss\nbudget: 10\ntest: ... --split test\n"
    )
    assert json.loads(shell("run", "--json").stdout)["study"] == "from a file"
    assert shell.json("best")["verdict"]["outcome"] == "improved"


def test_a_metric_that_is_never_printed_is_told_with_the_names_that_were(shell):
    told = shell("run", "--budget", "4", "--minimize", "accuracy", "--", *shell.command, *DIALS, code=1)
    assert "val_loss" in told.stdout + told.stderr


def test_a_script_that_ignores_its_seed_is_told_of(shell):
    (shell.folder / "train.py").write_text(TRAIN.replace("+ noise", ""))
    told = shell("run", "--budget", "16", *ASK[2:], "--", *shell.command, *DIALS).stdout
    assert "--seed '{trial.seed}'" in " ".join(told.split())
    assert "fresh seeds changed nothing" in shell.look("best")


def test_a_test_command_that_fails_leaves_the_choice_and_can_be_verified_later(shell):
    told = shell("run", *ASK, "--test", "... --fail -1", "--", *shell.command, *DIALS, code=1)
    assert "verification failed" in told.stderr
    assert "not verified yet" in told.stdout
    assert "run it" in told.stdout
    repaired = shell("verify", "--test", "... --split test")
    assert "improved" in repaired.stdout


def test_ctrl_c_once_finishes_what_runs_and_the_same_command_resumes(shell):
    words = ["run", "--budget", "8", "--minimize", "val_loss", "--", *shell.command, *DIALS, "--sleep", "0.4"]
    running = subprocess.Popen(
        shell.argv(*words), cwd=shell.folder, env=shell.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "trial 0:" in line:
            break
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "press Ctrl-C again" in err
    assert "Go on with: trialist run --budget 8" in err
    states = shell.json("status")["states"]
    assert set(states) == {"complete"}
    assert 1 <= states["complete"] < 6
    shell(*words)
    assert shell.json("status")["selection"] is not None


def test_ctrl_c_twice_on_a_real_terminal_ends_at_once_and_fits_the_screen(shell):
    words = ["run", *ASK[:-2], "--", *shell.command, *DIALS, "--sleep", "30"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(shell.folder)
        os.environ.update(shell.env, TERM="xterm")
        os.execv(sys.executable, shell.argv(*words))
    screen = b""
    interrupts = 0
    ends = time.monotonic() + 40
    while time.monotonic() < ends:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other side is gone
            break
        screen += part
        if interrupts == 0 and b"trial 0" in screen:
            os.write(terminal, b"\x03")
            interrupts = 1
        elif interrupts == 1 and b"press Ctrl-C again" in screen:
            os.write(terminal, b"\x03")
            interrupts = 2
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode())
    assert "ending what runs" in text
    assert "nothing is lost" in text
    assert "why: the default configuration" in text
    lines = [line for line in re.split(r"[\r\n]+", text) if "Go on with" not in line]
    assert all(len(line) <= 80 for line in lines)
    assert shell.json("status")["states"] == {"waiting": 1}


def test_a_reader_that_had_enough_is_no_error(shell):
    shell("run", "--budget", "4", "--minimize", "val_loss", "--", *shell.command, *DIALS)
    line = " ".join(shell.argv("trials"))
    told = subprocess.run(
        f"{line} | head -1", shell=True, cwd=shell.folder, env=shell.env, capture_output=True, text=True
    )
    assert not told.stderr


def test_a_new_study_learns_from_one_in_another_store(shell):
    shell("run", "--name", "old", "--store", "old.db", *ASK, "--", *shell.command, *DIALS)
    command = [*ASK, "--", *shell.command, "--lr", "{0..1 =0.8}", *DIALS[2:]]
    line = ["--name", "new", "--warm-start", "old@old.db", *command]
    assert "warm start from old@old.db" in " ".join(shell.look("plan", *line).split())
    told = shell("run", *line)
    assert "warm start from 'old': " in told.stderr
    first = shell.json("show", "1", "--study", "new")
    best = re.search(r"the best of study 'old', its trial (\d+)", first["reason"])
    assert best, first["reason"]
    assert first["params"] == shell.json("show", best[1], "--store", "old.db")["params"]
    refused = shell("run", "--name", "newer", "--warm-start", "old", *command, code=2)
    assert "warm_start: there is no study 'old'" in refused.stderr


CURVE = """\
import os, pathlib, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
kept = pathlib.Path(os.environ["TRIALIST_CHECKPOINT"], "epoch")
begun = int(kept.read_text()) if kept.exists() else 0
assert given["--epochs"] == os.environ["TRIALIST_FIDELITY"]
for epoch in range(begun + 1, int(given["--epochs"]) + 1):
    print(f"Epoch {epoch}/9 val_loss={(float(given['--lr']) - 0.3) ** 2 + 1 / epoch}")
    kept.write_text(str(epoch))
"""


def test_a_command_is_screened_at_few_epochs_and_goes_on_from_its_checkpoint(shell):
    (shell.folder / "train.py").write_text(CURVE)
    ask = ["--budget", "12", "--minimize", "val_loss", "--fidelity", "epochs 1..9", "--scheduler", "halving"]
    words = [*shell.command, "--lr", "{0..1 =0.9}", "--epochs", "{epochs}"]
    assert re.search(r"fidelity +1 to 9 epochs, with looks at 1, 3 \(halving\)", shell.look("plan", *ask, "--", *words))
    told = shell("run", *ask, "--strategy", "random", "--", *words)
    assert re.search(r"fidelity +1 to 9 epochs, with looks at 1, 3; [\d.]+ full runs used", shell.look("status"))
    trials = [shell.json("show", str(number)) for number in range(12)]
    assert {trial["state"] for trial in trials} == {"complete", "paused"}
    promoted = [t for t in trials if any(taken["action"] == "resume" for taken in t["course"])]
    assert promoted and all(t["used"] == t["fidelity"] for t in promoted)  # no epoch was run twice
    assert re.search(r"run it +.*--epochs 9\n", told.stdout)
    shown = shell.look("show", str(promoted[0]["number"]))
    assert "paused after 1 epoch: it was to run to 1 of 9 epochs" in shown and "went on to 3 epochs: rank" in shown
    assert re.search(r"paused +\S+ at [13]\b", shell.look("trials"))
    assert "finished already" in shell("run", *ask, "--strategy", "random", "--", *words).stdout


def test_a_fidelity_has_a_place_and_a_name_of_its_own(shell):
    ask = ["--budget", "5", "--minimize", "val_loss", "--fidelity", "epochs 1..9"]
    told = shell("run", *ask, "--", *shell.command, "--lr", "{0..1}", "--epochs", "{1..9 int}", code=2)
    assert "'epochs' is declared twice" in told.stderr
    told = shell("run", *ask[:-1], "epochs", "--", *shell.command, "--lr", "{0..1}", code=2)
    assert "'epochs' is no fidelity" in told.stderr and "epochs 1..81" in told.stderr
