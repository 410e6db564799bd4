"""Worker processes, real ones, with real kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from trialist.errors import ExecutionError, PlanError
from trialist.execute.processes import WorkerProcesses
from trialist.execute.worker import Trial
from trialist.trials.messages import Assignment, Failed, Finished, Message, Reported
from trialist.trials.plan import Limits
from trialist.trials.trial import GO_ON, Cause, Decision, Failure, Stage


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., dict[int, Finished | Failed]]]:
    """Runs trials 0 to n - 1 on an executor to their ends, and closes it; the ends by number."""
    executors: list[WorkerProcesses] = []

    def run(executor: WorkerProcesses, n: int, answer: Callable[[Message], Any] = lambda m: None) -> dict[int, Any]:
        executors.append(executor)
        return listen(executor, tmp_path, range(n), answer)

    yield run
    for executor in executors:
        executor.close()


def listen(
    executor: WorkerProcesses, folder: Path, numbers: Any, answer: Callable[[Message], Any] = lambda m: None
) -> dict[int, Finished | Failed]:
    waiting, ends = list(numbers), dict[int, Finished | Failed]()

    def hear(message: Message) -> Decision:
        if isinstance(message, Finished | Failed):
            assert message.number not in ends, "told twice"
            ends[message.number] = message
        return answer(message) or GO_ON

    until, count = time.monotonic() + 30, len(waiting)
    while len(ends) < count:
        while waiting and executor.free:
            executor.submit(assignment(folder, waiting.pop(0)))
        executor.poll(hear, 1.0)
        assert time.monotonic() < until, f"hung after {ends}"
    return ends


def assignment(folder: Path, number: int) -> Assignment:
    return Assignment(number, 0, {}, number, Stage.SEARCH, 0, ("loss",), str(folder / str(number)))


def failure(end: Finished | Failed) -> Failure:
    assert isinstance(end, Failed), f"{end} is no failure"
    return end.failure


def log(folder: Path, number: int) -> str:
    return (folder / str(number) / "log.txt").read_text()


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


def module(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that any process can import."""
    import importlib

    (folder / f"{name}.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    return importlib.import_module(name)


def dies(trial: Trial) -> float:
    print("last words", end="")
    if trial.number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if trial.number == 1:
        os._exit(3)
    if trial.number == 2:
        sys.exit("enough")
    if trial.number == 3:
        raise KeyboardInterrupt
    if trial.number == 4:
        import ctypes

        ctypes.string_at(0)
    return 1.0


def test_a_worker_that_dies_fails_only_its_trial(run: Any, tmp_path: Path) -> None:
    ends = run(WorkerProcesses(dies, workers=2), 8)
    assert failure(ends[0]).cause is Cause.KILLED
    assert failure(ends[0]).message == "killed by signal 9 (SIGKILL); the system may have run out of memory"
    assert failure(ends[1]) == Failure(Cause.OBJECTIVE, "the process exited with code 3 in the middle of the trial")
    assert failure(ends[2]).message == "the objective called sys.exit('enough')"
    assert failure(ends[3]).cause is Cause.PREEMPTED
    assert "SIGSEGV" in failure(ends[4]).message
    assert all(isinstance(ends[number], Finished) for number in (5, 6, 7))
    assert all(log(tmp_path, number).startswith("last words") for number in range(8))
    assert "Segmentation fault" in log(tmp_path, 4)


def test_workers_import_once_and_are_reused(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"""
        import os
        with open({str(tmp_path / "imports")!r}, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        def objective(trial):
            return os.getpid()
    """
    reused = module(tmp_path, "reused_objective", code, monkeypatch)
    executor = WorkerProcesses(reused.objective, workers=2)
    ends = run(executor, 30)
    assert executor.note == ""
    workers = {end.metrics["loss"][0] for end in ends.values()}
    assert 1 <= len(workers) <= 2
    imports = [int(line) for line in (tmp_path / "imports").read_text().split()]
    assert len(imports) == 2  # here, and once for all workers
    assert imports[0] == os.getpid() and not workers & set(imports)


def test_what_no_other_process_can_import_is_forked_and_it_says_so(run: Any) -> None:
    captured = {"value": 4.0}
    executor = WorkerProcesses(lambda trial: captured["value"], workers=2)
    ends = run(executor, 3)
    assert [end.metrics for end in ends.values()] == [{"loss": (4.0,)}] * 3
    assert "forked" in executor.note


def hangs_with_children(trial: Trial) -> float:
    if trial.number == 1:
        return 1.0
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pids = os.path.join(os.path.dirname(trial.checkpoint_dir.parent), "pids")
    subprocess.Popen(["setsid", "sh", "-c", f"echo $$ >> {pids}; exec sleep 60"])
    subprocess.Popen(["sh", "-c", f"(setsid sh -c 'echo $$ >> {pids}; exec sleep 60' &)"]).wait()
    if os.fork() == 0:  # leaves without exec, by a double fork
        os.setsid()
        if os.fork() == 0:
            with open(pids, "a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(60)
        os._exit(0)
    time.sleep(60)
    return 1.0


def test_a_timeout_ends_the_whole_tree_and_the_next_trial_runs(run: Any, tmp_path: Path) -> None:
    ends = run(WorkerProcesses(hangs_with_children, workers=1, limits=Limits(seconds=1.0)), 2)
    assert failure(ends[0]) == Failure(Cause.TIMEOUT, "longer than its limit of 1.0 s")
    assert isinstance(ends[1], Finished)
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 3
    assert all(is_gone(pid) for pid in pids)


def grows(trial: Trial) -> float:
    if trial.number == 1:
        return 1.0
    code = "x = bytearray(400_000_000); x[::4096] = b'1' * len(x[::4096]); import time; time.sleep(60)"
    subprocess.run([sys.executable, "-c", code])
    return 1.0


def test_the_memory_of_a_trial_is_limited_with_that_of_its_children(run: Any) -> None:
    ends = run(WorkerProcesses(grows, workers=1, limits=Limits(memory_bytes=380 * 2**20)), 2)
    assert failure(ends[0]).cause is Cause.MEMORY
    assert failure(ends[0]).message.endswith("of memory, more than its limit of 380 MiB")
    assert isinstance(ends[1], Finished)


def leaves_orphans_and_dies(trial: Trial) -> float:
    if trial.number == 1:
        return 1.0
    pids = os.path.join(os.path.dirname(trial.checkpoint_dir.parent), "pids")
    subprocess.Popen(["setsid", "sh", "-c", f"echo $$ >> {pids}; exec sleep 60"])
    while not os.path.exists(pids) or not os.path.getsize(pids):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
    return 1.0


def test_the_orphans_of_a_dead_worker_end_with_its_trial(run: Any, tmp_path: Path) -> None:
    run(WorkerProcesses(leaves_orphans_and_dies, workers=1), 2)
    assert is_gone(int((tmp_path / "pids").read_text()))


def talks(trial: Trial) -> float:
    print("from Python")
    os.write(1, b"from below\n")
    subprocess.run(["sh", "-c", "echo from a child; echo and its errors >&2"])
    print(f"only {trial.number}", file=sys.stderr)
    return 1.0


def test_each_trial_has_its_own_whole_log(run: Any, tmp_path: Path) -> None:
    run(WorkerProcesses(talks, workers=1), 2)
    for number in (0, 1):
        expected = f"from Python\nfrom below\nfrom a child\nand its errors\nonly {number}\n"
        assert log(tmp_path, number) == expected


def changes_folder(trial: Trial) -> float:
    os.chdir("/")
    return 1.0


def test_an_objective_that_changes_its_folder_keeps_its_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    executor = WorkerProcesses(changes_folder, workers=1)
    ends = listen(executor, Path("relative"), range(2))
    executor.close()
    assert [type(end) for end in ends.values()] == [Finished, Finished]
    assert (tmp_path / "relative" / "1" / "log.txt").exists()


def dies_at_once(trial: Trial) -> float:
    os.kill(os.getpid(), signal.SIGKILL)
    return 1.0


def test_workers_that_die_at_once_in_a_row_are_set_aside(tmp_path: Path) -> None:
    executor = WorkerProcesses(dies_at_once, workers=2)
    ends = listen(executor, tmp_path, range(6))
    assert {failure(end).cause for end in ends.values()} == {Cause.KILLED}
    assert executor.free == 0
    assert executor.note.endswith(
        "2 of 2 workers set aside: killed by signal 9 (SIGKILL); the system may have run out of memory"
    )
    with pytest.raises(ExecutionError, match=r"all 2 workers were set aside .*SIGKILL"):
        executor.submit(assignment(tmp_path, 6))
    with pytest.raises(ExecutionError, match="set aside"):
        executor.poll(lambda message: GO_ON, 10.0)
    executor.close()


def dies_now_and_then(trial: Trial) -> float:
    if trial.number % 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return 1.0


def test_a_success_in_between_clears_a_worker(run: Any) -> None:
    executor = WorkerProcesses(dies_now_and_then, workers=1)
    assert len(run(executor, 12)) == 12
    assert executor.free == 1


def sleeps(trial: Trial) -> float:
    trial.report(os.getpid())
    time.sleep(60)
    return 1.0


def test_an_answer_that_takes_long_delays_but_loses_nothing(run: Any) -> None:
    def slowly(message: Message) -> None:
        if isinstance(message, Reported):
            time.sleep(0.05)

    ends = run(WorkerProcesses(reports, workers=2), 4, slowly)
    assert [end.metrics["loss"] for _, end in sorted(ends.items())] == [(0.0,), (5.0,), (10.0,), (15.0,)]


def reports(trial: Trial) -> None:
    for step in trial.steps(5):
        trial.report(trial.number * step)


def test_a_nursery_that_is_killed_costs_the_running_trials_only(tmp_path: Path) -> None:
    executor = WorkerProcesses(sleeps, workers=2)
    workers: list[int] = []

    def kill_nursery(message: Message) -> None:
        if isinstance(message, Reported):
            workers.append(int(message.value))
            nursery = psutil.Process(int(message.value)).ppid()
            assert nursery != os.getpid()
            psutil.Process(nursery).kill()

    ends = listen(executor, tmp_path, [0], kill_nursery)
    assert failure(ends[0]).cause is Cause.INFRASTRUCTURE
    assert eventually(lambda: is_gone(workers[0]))
    executor.submit(assignment(tmp_path, 1))  # another nursery takes over
    heard: list[Message] = []
    while not heard:
        executor.poll(lambda message: (heard.append(message), GO_ON)[1], 5.0)
    assert isinstance(heard[0], Reported)
    executor.close()
    assert is_gone(int(heard[0].value))


def dies_after_its_result(trial: Trial) -> float:
    import threading

    (trial.checkpoint_dir / "pid").write_text(str(os.getpid()))
    threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    return 1.0


def test_a_result_that_came_before_the_death_counts(tmp_path: Path) -> None:
    executor = WorkerProcesses(dies_after_its_result, workers=1)
    executor.submit(assignment(tmp_path, 0))
    pid = tmp_path / "0" / "checkpoint" / "pid"
    assert eventually(lambda: pid.exists() and pid.read_text() != "" and not psutil.pid_exists(int(pid.read_text())))
    heard: list[Message] = []
    while not heard:
        executor.poll(lambda message: (heard.append(message), GO_ON)[1], 5.0)
    assert [type(message) for message in heard] == [Finished]
    executor.close()


def test_closing_leaves_no_process(tmp_path: Path) -> None:
    executor = WorkerProcesses(sleeps, workers=2)
    pids: list[int] = []
    for number in (0, 1):
        executor.submit(assignment(tmp_path, number))
    while len(pids) < 2:
        executor.poll(lambda message: (pids.append(int(message.value)), GO_ON)[1], 5.0)  # type: ignore[union-attr]
    nursery = psutil.Process(pids[0]).ppid()
    executor.close()
    assert all(is_gone(pid) for pid in (*pids, nursery))


def test_a_module_that_fails_to_import_is_told_with_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
        import os
        if os.environ.get("SECOND_IMPORT"):
            raise RuntimeError("licence expired")
        def objective(trial):
            return 1.0
    """
    broken = module(tmp_path, "broken_objective", code, monkeypatch)
    monkeypatch.setenv("SECOND_IMPORT", "1")
    with pytest.raises(ExecutionError, match="licence expired"):
        WorkerProcesses(broken.objective, workers=1)


def test_a_module_that_takes_the_gpu_at_import_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)  # the real one, where it was loaded, comes back in the end
    module(tmp_path, "torch", "class cuda:\n    is_initialized = staticmethod(lambda: True)\n", monkeypatch)
    greedy = module(tmp_path, "greedy_objective", "import torch\ndef objective(trial):\n    return 1.0\n", monkeypatch)
    del sys.modules["torch"]
    with pytest.raises(ExecutionError, match="Move what is done on the GPU into the objective"):
        WorkerProcesses(greedy.objective, workers=1)


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "2"])
def test_workers_are_a_whole_number(workers: Any) -> None:
    with pytest.raises(PlanError, match="workers"):
        WorkerProcesses(sleeps, workers)


# Whole scripts: how they start, and what is left when they are killed.

DRIVER = """
    import os, subprocess, sys, time
    from trialist.execute.processes import WorkerProcesses
    from trialist.trials.messages import Assignment
    from trialist.trials.trial import GO_ON, Stage

    def objective(trial):
        subprocess.Popen(["setsid", "sleep", "60"])
        trial.report(os.getpid())
        if trial.number == 0:
            sum(range(10**12))                          # one call that never looks at signals or threads
        time.sleep(60)

    def main():
        executor = WorkerProcesses(objective, 2)
        for number in (0, 1):
            executor.submit(Assignment(number, 0, {}, 0, Stage.SEARCH, 0, ("loss",), f"trials/{number}"))
        while True:
            executor.poll(lambda message: (print(int(message.value), flush=True), GO_ON)[1], 1.0)
"""


def script(folder: Path, text: str) -> subprocess.Popen[str]:
    (folder / "script.py").write_text(textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, "script.py"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
def test_no_worker_outlives_its_coordinator(tmp_path: Path, number: signal.Signals) -> None:
    process = script(tmp_path, DRIVER + "\n    if __name__ == '__main__':\n        main()\n")
    assert process.stdout is not None
    pids = [int(process.stdout.readline()) for _ in range(2)]
    nursery = psutil.Process(pids[0]).parent()
    assert nursery is not None
    family = [p.pid for p in nursery.children(recursive=True)]
    assert len(family) >= 4  # two workers, and what they started
    process.send_signal(number)
    process.communicate()
    assert eventually(lambda: all(is_gone(pid) for pid in (nursery.pid, *family)))


def test_an_unguarded_script_ends_in_a_clear_error(tmp_path: Path) -> None:
    process = script(tmp_path, DRIVER + "\n    main()\n")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "ExecutionError" in errors
    assert "Put the call under `if __name__ == '__main__':`" in errors
    assert not list(tmp_path.glob("trials/*"))


def test_standard_input_can_be_a_script(tmp_path: Path) -> None:
    text = """
        import os
        from trialist.execute.processes import WorkerProcesses
        from trialist.trials.messages import Assignment
        from trialist.trials.trial import GO_ON, Stage

        executor = WorkerProcesses(lambda trial: print(os.getpid()), 1)
        executor.submit(Assignment(1, 0, {}, 0, Stage.SEARCH, 0, ("loss",), "trials/1"))
        executor.poll(lambda message: GO_ON, 10.0)
        print(executor.note)
        executor.close()
    """
    done = subprocess.run(
        [sys.executable, "-"], input=textwrap.dedent(text), cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert "forked" in done.stdout
    assert int(log(tmp_path / "trials", 1)) > 0


def draws(trial: Trial) -> float:
    import numpy as np

    time.sleep(0.1)  # long enough for the other worker to take the other trial
    return float(np.random.random())  # noqa: NPY002 - the global generator is what is at stake


def test_workers_do_not_draw_the_same_random_numbers(run: Any) -> None:
    import numpy as np

    np.random.random()  # noqa: NPY002 - there before the fork
    ends = run(WorkerProcesses(draws, workers=2), 2)
    assert ends[0].metrics != ends[1].metrics


def test_a_log_that_cannot_be_written_fails_its_trial_only(run: Any, tmp_path: Path) -> None:
    (tmp_path / "0").write_text("a file where the folder should be")
    ends = run(WorkerProcesses(draws, workers=1), 2)
    assert failure(ends[0]).cause is Cause.INFRASTRUCTURE
    assert "log" in failure(ends[0]).message
    assert isinstance(ends[1], Finished)
