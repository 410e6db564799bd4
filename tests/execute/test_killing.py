"""The ends of process trees."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from trialist.execute.killing import TOKEN, Ending, resident_bytes


def eventually(claim: object, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if claim():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


def kill_tree(root: int, token: str | None = None, grace: float = 0.0) -> None:
    ending = Ending(root, token, grace)
    assert eventually(ending.is_over, seconds=60.0)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pids_in(folder: Path, count: int) -> list[int]:
    """The numbers that processes wrote into files of that folder, once there are so many."""
    assert eventually(lambda: sum(bool(p.read_text().strip()) for p in folder.iterdir()) == count)
    return [int(path.read_text()) for path in folder.iterdir()]


Started = tuple[subprocess.Popen[bytes], list[int]]


@pytest.fixture
def started(tmp_path: Path) -> Started:
    """A shell with a child, a grandchild that left by setsid, and one that left by a double fork; all with a token."""
    script = f"""
        (echo $$ > {tmp_path}/main); sh -c 'echo $$ > {tmp_path}/child; exec sleep 60' &
        setsid sh -c 'echo $$ > {tmp_path}/session; exec sleep 60' &
        (setsid sh -c 'echo $$ > {tmp_path}/orphan; exec sleep 60' &)
        wait
    """
    process = subprocess.Popen(["sh", "-c", script], start_new_session=True, env={**os.environ, TOKEN: str(tmp_path)})
    return process, pids_in(tmp_path, 4)


def test_a_tree_ends_whole_with_what_left_it(started: Started, tmp_path: Path) -> None:
    process, pids = started
    kill_tree(process.pid, token=str(tmp_path))
    assert process.wait() == -signal.SIGKILL
    assert all(is_gone(pid) for pid in pids)


def test_another_token_is_another_tree(started: Started, tmp_path: Path) -> None:
    process, pids = started
    orphan = int((tmp_path / "orphan").read_text())
    kill_tree(process.pid, token="another")
    process.wait()
    assert [pid for pid in pids if not is_gone(pid)] == [orphan]
    kill_tree(orphan)


def test_a_polite_process_may_clean_up(tmp_path: Path) -> None:
    code = f"""
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
open({str(tmp_path / "up")!r}, "w")
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    assert eventually((tmp_path / "up").exists)
    kill_tree(process.pid, grace=20.0)
    assert process.wait() == 7


def test_a_stubborn_process_ends_after_the_grace(tmp_path: Path) -> None:
    process = subprocess.Popen(["sh", "-c", f"trap '' TERM; touch {tmp_path}/up; while :; do sleep 0.01; done"])
    assert eventually((tmp_path / "up").exists)
    kill_tree(process.pid, grace=0.1)
    assert process.wait() == -signal.SIGKILL


def test_what_is_gone_already_is_over_at_once() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert Ending(process.pid).is_over()


def test_memory_is_that_of_the_whole_tree() -> None:
    code = "import time; x = bytes(range(256)) * 250_000; print(1, flush=True); time.sleep(60)"
    process = subprocess.Popen(["sh", "-c", f'"{sys.executable}" -c "{code}"; true'], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert resident_bytes(process.pid) > 60_000_000
    kill_tree(process.pid)
    process.wait()
    process.stdout.close()
    assert resident_bytes(process.pid) == 0
