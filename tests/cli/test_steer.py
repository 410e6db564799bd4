"""Commands that steer: stop, pause, resume, note and extend, on a study that runs in another process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import trialist as tl
from trialist.cli.main import main
from trialist.errors import StoreMissingError, UnknownStudyError
from trialist.trials.trial import State

TRAIN = """\
import sys, time
for step in range(1, 200):
    time.sleep(0.05)
    print(f"step={step} val_loss={float(sys.argv[2]) + 1 / step}", flush=True)
"""


def _say(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    assert ended.value.code == code, told
    return told.out + told.err


def test_a_run_is_stopped_paused_and_resumed_from_another_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(TRAIN)
    options = ["--budget", "3", "--minimize", "val_loss", "--scheduler", "none", "--name", "slow"]
    training = [sys.executable, "train.py", "--x", "{0..1 =0.5}"]
    command = [sys.executable, "-m", "trialist.cli.main", "run", *options, "--", *training]
    with Path("out.txt").open("w") as out:
        run = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        _until(lambda: _states()[:1] == [State.RUNNING])
        assert "trial 0 is to stop" in _say(capsys, "stop", "0", "--reason", "it goes nowhere")
        _until(lambda: _states()[:1] == [State.STOPPED])
        _until(lambda: len(_states()) > 1)
        kept = json.loads(_say(capsys, "pause", "--reason", "hot", "--json"))["kept"]
        assert (kept["act"], kept["words"], kept["trial"]) == ("pause", "hot", None)
        assert "paused by" in _say(capsys, "status") and "hot" in _say(capsys, "status")
        _say(capsys, "stop", "1")
        _until(lambda: _states()[1] is State.STOPPED)
        _until(lambda: "hot; to go on: trialist resume" in Path("out.txt").read_text())
        time.sleep(1.0)
        assert len(_states()) == 2  # nothing new
        _say(capsys, "resume")
        _until(lambda: len(_states()) == 3)
        _say(capsys, "stop", "2")
        assert run.wait(timeout=60) == 1  # nothing was scored
    finally:
        run.kill()
        run.wait()
    assert "stopped by" in _say(capsys, "show", "0") and "it goes nowhere" in _say(capsys, "show", "0")


def test_notes_stand_with_their_trial_and_what_cannot_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with tl.Study.create(tl.Space(x=tl.Float(0, 1)), minimize="loss", budget=5, name="s") as study:
        study.optimize(lambda trial: trial["x"], trials=2)
    assert _say(capsys, "note", "odd <b>", "--trial", "1") == "study s: noted\n"
    assert "odd <b>" in _say(capsys, "show", "1") and "odd" not in _say(capsys, "show", "0")
    assert "says nothing" in _say(capsys, "note", " ", code=2)
    assert "complete" in _say(capsys, "stop", "1", code=1)
    assert "trial 9" in _say(capsys, "stop", "9", code=2)
    assert "trial 9" in _say(capsys, "note", "x", "--trial", "9", code=2)
    assert "is not running" not in _say(capsys, "extend", "--budget", "9")


def _states() -> list[State]:
    """States of the trials; none while the run has not made its store, or its study, yet."""
    try:
        with tl.Study.load(store="trialist.db") as study:
            return [record.state for record in study.trials]
    except (StoreMissingError, UnknownStudyError):
        return []


def _until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)
