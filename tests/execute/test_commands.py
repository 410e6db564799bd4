"""Commands as trials, real ones."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from trialist.errors import PlanError
from trialist.execute.command import Command
from trialist.execute.commands import Commands
from trialist.trials.messages import Assignment, Failed, Finished, Message, Reported
from trialist.trials.plan import Limits
from trialist.trials.trial import GO_ON, Action, Cause, Decision, Failure, Stage


def run(
    folder: Path,
    *words: str,
    limits: Limits | None = None,
    trials: int = 1,
    answer: Callable[[Message], Any] = lambda message: None,
    objectives: tuple[str, ...] = ("loss",),
    **params: Any,
) -> list[Message]:
    """All messages of so many trials of that command."""
    executor = Commands(Command(words), workers=2, limits=limits)
    waiting, heard = list(range(trials)), list[Message]()
    until = time.monotonic() + 30

    def hear(message: Message) -> Decision:
        heard.append(message)
        return answer(message) or GO_ON

    try:
        while sum(isinstance(message, Finished | Failed) for message in heard) < trials:
            while waiting and executor.free:
                number = waiting.pop(0)
                directory = str(folder / str(number))
                executor.submit(Assignment(number, 0, params, 7, Stage.SEARCH, 0, objectives, directory))
            executor.poll(hear, 1.0)
            assert time.monotonic() < until, f"hung after {heard}"
    finally:
        executor.close()
    return heard


def shell(folder: Path, script: str, **given: Any) -> list[Message]:
    return run(folder, "sh", "-c", script.replace("{", "{{").replace("}", "}}"), **given)


def failure(heard: list[Message]) -> Failure:
    assert isinstance(heard[-1], Failed), f"{heard[-1]} is no failure"
    return heard[-1].failure


def metrics(heard: list[Message]) -> Any:
    assert isinstance(heard[-1], Finished), f"{heard[-1]} is no result"
    return heard[-1].metrics


def steps(heard: list[Message]) -> list[tuple[int, float]]:
    return [(message.step, message.value) for message in heard if isinstance(message, Reported)]


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(claim: Callable[[], bool], seconds: float = 15.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if claim():
            return True
        time.sleep(0.01)
    return False


def test_the_last_value_that_is_printed_is_the_score(tmp_path: Path) -> None:
    heard = shell(
        tmp_path, 'echo starting; echo step=1 loss=0.5 acc=0.1; echo \'{"step": 2, "loss": 0.25}\'; printf loss:.2'
    )
    assert steps(heard) == [(1, 0.5), (2, 0.25)]
    assert metrics(heard) == {"loss": (0.2,), "acc": (0.1,)}


def test_the_metrics_file_is_read_while_the_command_runs(tmp_path: Path) -> None:
    script = """
        echo '{"step": 1, "loss": 3}' >> $TRIALIST_METRICS
        while [ ! -e "$TRIALIST_CHECKPOINT/go" ]; do sleep 0.01; done
        echo '{"loss": 2}' >> $TRIALIST_METRICS
    """

    def let_go_on(message: Message) -> None:
        if isinstance(message, Reported):
            (tmp_path / "0" / "checkpoint" / "go").touch()

    heard = shell(tmp_path, script, answer=let_go_on)
    assert steps(heard) == [(1, 3.0)]
    assert metrics(heard) == {"loss": (2.0,)}


def test_a_script_reports_without_further_imports(tmp_path: Path) -> None:
    code = """
import sys, trialist
trialist.report(1, loss=0.5)
trialist.report(loss=0.25)
assert 'numpy' not in sys.modules
"""
    heard = run(tmp_path, sys.executable, "-c", code)
    assert (steps(heard), metrics(heard)) == ([(1, 0.5)], {"loss": (0.25,)})


def test_constraints_and_cost_come_with_the_result(tmp_path: Path) -> None:
    code = "import trialist; trialist.report(loss=0.5, constraints=dict(ms=3), trial_cost=0.25)"
    heard = run(tmp_path, sys.executable, "-c", code)
    assert metrics(heard) == {"loss": (0.5,)}
    assert isinstance(heard[-1], Finished) and (heard[-1].constraints, heard[-1].cost) == ({"ms": 3.0}, 0.25)
    assert "trial_cost was -1" in failure(shell(tmp_path, "echo loss=1 trial_cost=-1")).message


def test_the_command_knows_its_trial(tmp_path: Path) -> None:
    script = (
        "echo loss=$TRIALIST_NUMBER seed=$TRIALIST_SEED arg=$1; test -d $TRIALIST_CHECKPOINT; test $PYTHONUNBUFFERED"
    )
    heard = run(tmp_path, "sh", "-c", script, "sh", "{x}", x=0.125)
    assert metrics(heard) == {"loss": (0.0,), "seed": (7.0,), "arg": (0.125,)}


def test_a_checkpoint_folder_that_was_not_used_is_not_left_behind(tmp_path: Path) -> None:
    shell(tmp_path, "test $TRIALIST_NUMBER = 0 && touch $TRIALIST_CHECKPOINT/model; echo loss=1", trials=2)
    assert (tmp_path / "0" / "checkpoint" / "model").exists()
    assert not (tmp_path / "1" / "checkpoint").exists()


def test_an_exit_code_fails_with_the_error_that_was_printed(tmp_path: Path) -> None:
    code = "print('loss=1'); raise ValueError('lr is too high')"
    found = failure(run(tmp_path, sys.executable, "-c", code))
    assert found.cause is Cause.OBJECTIVE
    assert found.message == "exited with code 1: ValueError: lr is too high"
    assert "Traceback" in found.traceback
    assert found.usage is None


def test_a_missing_metric_is_told_with_what_was_seen(tmp_path: Path) -> None:
    found = failure(shell(tmp_path, "echo step=1 loss=3 acc=0.5", objectives=("val_loss",)))
    assert found.message == "no val_loss was printed; seen: loss, acc. Print val_loss=... or give --minimize loss"


def test_a_score_that_is_no_finite_number_fails(tmp_path: Path) -> None:
    assert "loss is NaN" in failure(shell(tmp_path, "echo loss=nan")).message


def test_a_command_that_is_killed_fails_only_its_trial(tmp_path: Path) -> None:
    heard = shell(tmp_path, "test $TRIALIST_NUMBER = 1 && kill -9 $$; echo loss=1", trials=3)
    ends = {m.number: m for m in heard}
    assert isinstance(ends[1], Failed)
    assert ends[1].failure.cause is Cause.KILLED
    assert "signal 9 (SIGKILL)" in ends[1].failure.message
    assert isinstance(ends[0], Finished) and isinstance(ends[2], Finished)


@pytest.mark.parametrize(
    ("program", "problem", "remedy"),
    [("./no-such-program", "was not found", "Give"), ("./data.txt", "is not executable", "Use chmod")],
)
def test_a_program_that_cannot_run_is_a_misuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, problem: str, remedy: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.txt").write_text("loss=1")
    usage = failure(run(tmp_path, program)).usage
    assert usage is not None
    assert usage[:3] == ("CommandError", "command", f"{program!r} {problem}")
    assert usage[3].startswith(remedy)


def test_a_value_that_no_command_line_can_hold_is_a_misuse(tmp_path: Path) -> None:
    for value in ("a\0b", "x" * 3_000_000):
        usage = failure(run(tmp_path, "echo", "{x}", x=value)).usage
        assert usage is not None
        assert usage[0] == "CommandError"


def test_a_timeout_ends_the_whole_tree(tmp_path: Path) -> None:
    script = f"""
        echo step=1 loss=1
        setsid sh -c 'echo $$ > {tmp_path}/session; exec sleep 60' &
        (setsid sh -c 'echo $$ > {tmp_path}/orphan; exec sleep 60' &)
        trap '' TERM
        while :; do sleep 0.05; done
    """
    found = failure(shell(tmp_path, script, limits=Limits(seconds=0.5)))
    assert found == Failure(Cause.TIMEOUT, "longer than its limit of 500 ms")
    pids = [int((tmp_path / name).read_text()) for name in ("session", "orphan")]
    assert all(is_gone(pid) for pid in pids)


def test_a_command_that_prints_for_ever_is_limited_too(tmp_path: Path) -> None:
    found = failure(shell(tmp_path, "yes", limits=Limits(seconds=0.3)))
    assert found.cause is Cause.TIMEOUT


def test_a_folder_that_cannot_be_written_is_no_fault_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("a file where the folder should be")
    found = failure(shell(tmp_path, "echo loss=1"))
    assert found.cause is Cause.INFRASTRUCTURE
    assert found.usage is None
    assert "folder" in found.message


def test_memory_is_limited(tmp_path: Path) -> None:
    code = "import time; x = bytes(range(256)) * 600_000; time.sleep(60)"
    found = failure(run(tmp_path, sys.executable, "-c", code, limits=Limits(memory_bytes=100 * 2**20)))
    assert found.cause is Cause.MEMORY
    assert "more than its limit of 100 MiB" in found.message


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    script = f"""
        (setsid sh -c 'echo $$ > {tmp_path}/orphan; exec sleep 60' &)
        while [ ! -s {tmp_path}/orphan ]; do sleep 0.01; done
        echo loss=1
    """
    assert metrics(shell(tmp_path, script)) == {"loss": (1.0,)}
    assert is_gone(int((tmp_path / "orphan").read_text()))


def test_the_end_of_one_command_leaves_the_daemon_of_another(tmp_path: Path) -> None:
    script = f"""
        if [ $TRIALIST_NUMBER = 0 ]; then
            (setsid sh -c 'echo $$ > {tmp_path}/daemon; exec sleep 60' &)
            while [ ! -e {tmp_path}/1.over ]; do sleep 0.01; done
            kill -0 $(cat {tmp_path}/daemon) && echo loss=0
        else
            while [ ! -s {tmp_path}/daemon ]; do sleep 0.01; done
            (setsid sleep 60 &)                         # so that there is something to sweep
            echo loss=1
        fi
    """

    def mark(message: Message) -> None:
        if isinstance(message, Finished):
            (tmp_path / f"{message.number}.over").touch()

    heard = shell(tmp_path, script, trials=2, answer=mark)
    assert [m.number for m in heard if isinstance(m, Finished)] == [1, 0]
    assert is_gone(int((tmp_path / "daemon").read_text()))


def test_a_stopped_command_may_clean_up_and_counts_with_its_last_value(tmp_path: Path) -> None:
    script = """
        trap 'echo saved > $TRIALIST_CHECKPOINT/model; exit 1' TERM
        i=0
        while :; do i=$((i + 1)); echo step=$i loss=$i; sleep 0.02; done
    """
    stop = Decision(Action.STOP, "rank 3 of 3")
    heard = shell(tmp_path, script, answer=lambda m: stop if isinstance(m, Reported) and m.step == 2 else None)
    assert [step for step, _ in steps(heard)] == [1, 2]
    assert metrics(heard)["loss"][0] >= 2.0
    assert (tmp_path / "0" / "checkpoint" / "model").read_text() == "saved\n"


def test_the_log_holds_all_that_was_printed(tmp_path: Path) -> None:
    heard = shell(tmp_path, "echo out; echo err >&2; seq 20000; echo loss=1")
    assert isinstance(heard[-1], Finished)
    lines = (tmp_path / "0" / "log.txt").read_text().splitlines()
    assert "err" in lines
    assert [line for line in lines if line != "err"] == ["out", *map(str, range(1, 20001)), "loss=1"]


def test_another_attempt_adds_to_the_log_and_forgets_the_metrics(tmp_path: Path) -> None:
    shell(tmp_path, "echo '{\"loss\": 1}' >> $TRIALIST_METRICS; echo first")
    found = failure(shell(tmp_path, "echo second"))
    assert "no loss was printed" in found.message
    assert (tmp_path / "0" / "log.txt").read_text() == "first\nsecond\n"
    assert found.traceback == "second"


def test_a_nursery_that_is_killed_costs_the_running_trials_only(tmp_path: Path) -> None:
    def kill_nursery(message: Message) -> None:
        if isinstance(message, Reported):
            parent = psutil.Process(int(message.value)).parent()
            assert parent is not None and parent.pid != os.getpid()
            parent.kill()

    heard = shell(tmp_path, "echo step=1 loss=$$; sleep 60", answer=kill_nursery)
    assert failure(heard).cause is Cause.INFRASTRUCTURE
    assert isinstance(heard[0], Reported)
    assert is_gone(int(heard[0].value))


def test_no_command_outlives_its_coordinator(tmp_path: Path) -> None:
    code = """
        from trialist.execute.command import Command
        from trialist.execute.commands import Commands
        from trialist.trials.messages import Assignment
        from trialist.trials.trial import GO_ON, Stage

        script = "(setsid sleep 60 &) ; trap '' TERM; echo step=1 loss=$$; while :; do sleep 1; done"
        executor = Commands(Command(("sh", "-c", script)), 1)
        executor.submit(Assignment(0, 0, {}, 0, Stage.SEARCH, 0, ("loss",), "trial"))
        while True:
            executor.poll(lambda message: (print(int(message.value), flush=True), GO_ON)[1], 1.0)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    nursery = psutil.Process(pid).parent()
    assert nursery is not None
    family = [p.pid for p in nursery.children(recursive=True)]
    assert len(family) >= 2  # the shell, and the daemon that left it
    process.kill()
    process.communicate()
    assert eventually(lambda: all(is_gone(p) for p in (nursery.pid, *family)))


@pytest.mark.parametrize("workers", [0, True, 1.5])
def test_workers_are_a_whole_number(workers: Any) -> None:
    with pytest.raises(PlanError, match="workers"):
        Commands(Command(("true",)), workers)


def test_a_command_that_runs_past_its_fidelity_is_ended_and_counts_as_far_as_that(tmp_path: Path) -> None:
    executor = Commands(Command(("sh", "-c", "i=0; while :; do i=$((i+1)); echo step=$i loss=$i; sleep 0.01; done")), 1)
    heard: list[Message] = []
    try:
        assignment = Assignment(0, 0, {}, 7, Stage.SEARCH, 0, ("loss",), str(tmp_path / "0"), fidelity=3)
        executor.submit(assignment)
        until = time.monotonic() + 30
        while not any(isinstance(message, Finished) for message in heard):
            executor.poll(lambda message: heard.append(message) or GO_ON, 1.0)  # type: ignore[func-returns-value]
            assert time.monotonic() < until, f"hung after {heard}"
    finally:
        executor.close()
    assert steps(heard) == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert metrics(heard) == {"loss": (3.0,)} and heard[-1].since == 3


def test_a_command_tells_the_length_of_a_full_run(tmp_path: Path) -> None:
    heard = shell(tmp_path, "echo Epoch 1/27 loss=3; echo Epoch 2/27 loss=2")
    assert [message.of for message in heard if isinstance(message, Reported)] == [27, 27]
    assert [message.since for message in heard if isinstance(message, Reported)] == [0, 1]
