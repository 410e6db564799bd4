"""Several processes on one file, killed at random moments: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trialist.errors import StateError, StudyExistsError
from trialist.protocols import Owner
from trialist.store import open_store
from trialist.testing.example_study import ME, PLAN, SPACE, finished, opened, proposed
from trialist.trials.messages import Finished
from trialist.trials.trial import State


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = open_store(tmp_path / "s.db")
    store.create_study(PLAN, SPACE, at=1.0)
    store.close()
    return tmp_path / "s.db"


def test_a_writer_killed_at_any_moment_loses_nothing_that_was_acknowledged(path: Path) -> None:
    ledger = path.parent / "acknowledged"
    ledger.touch()
    for _ in range(12):
        pid = _forked(lambda: _write_at_full_speed(path, ledger))
        size = ledger.stat().st_size
        while ledger.stat().st_size == size:
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.03))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    store = open_store(path)
    store.release_expired("digits", at=2.0)
    records = store.changes("digits").records
    acknowledged = [line.split() for line in ledger.read_text().splitlines()]
    assert len(acknowledged) >= 12
    assert all(records[int(number)].loss == float(loss) for number, loss in acknowledged)
    assert [record.number for record in records] == list(range(len(records)))
    assert not [record for record in records if record.state is State.RUNNING]
    store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_dead_coordinators_trial_is_free_at_once_even_if_its_parent_has_not_noticed(path: Path) -> None:
    pid = _forked(lambda: _open_and_die(path))
    _wait_until_dead(pid)  # a zombie: nobody has waited for it
    store = open_store(path)
    (freed,) = store.release_expired("digits", at=2.0)
    assert (freed.state, freed.attempt) == (State.WAITING, 1)
    os.waitpid(pid, 0)
    store.close()


def test_opening_the_next_trial_frees_what_the_dead_held(path: Path) -> None:
    os.waitpid(_forked(lambda: _open_and_die(path)), 0)
    store = open_store(path)
    assert (opened(store, ME).number, opened(store, ME).number) == (0, 1)
    assert store.changes("digits").records[0].earlier[0].message == "its process (ann@host:9) vanished"
    store.close()


@pytest.mark.parametrize("existing", [False, True], ids=["new file", "file with another study"])
def test_racing_creators_all_succeed_but_one_name_is_given_once(tmp_path: Path, existing: bool) -> None:
    path = tmp_path / "race.db"
    if existing:
        path.touch()

    def create() -> str:
        store = open_store(path)
        try:
            store.create_study(PLAN, SPACE, at=1.0)
            return "created"
        except StudyExistsError:
            return f"loaded {store.load_study('digits').plan.seed}"
        finally:
            store.close()

    for _ in range(4):
        path.unlink(missing_ok=True)
        outcomes = _all_at_once([create] * 8)
        assert Counter(outcomes) == {"created": 1, "loaded 3": 7}


def test_one_of_two_processes_that_tell_the_same_trial_wins(path: Path) -> None:
    store = open_store(path)
    for number in range(15):
        opened(store, ME)

        def tell(loss: float, number: int = number) -> str:
            mine = open_store(path)
            try:
                mine.record("digits", number, [Finished(number, 0, {"loss": (loss,)}, 1.0)], at=2.0)
                return f"{loss}"
            except StateError:
                return "refused"
            finally:
                mine.close()

        outcomes = _all_at_once([lambda: tell(1.0), lambda: tell(2.0)])
        loss = store.changes("digits").records[number].loss
        assert sorted(outcomes) == sorted(["refused", f"{loss}"])
    store.close()


def test_queued_configurations_are_taken_exactly_once(path: Path) -> None:
    store = open_store(path)
    store.enqueue("digits", [proposed(number) for number in range(60)], at=1.0)
    store.close()

    def take() -> str:
        mine, owner = open_store(path), Owner(f"pid {os.getpid()}", 60.0)
        taken = []
        for _ in range(10):
            taken.append(opened(mine, owner).number)
            # Told before the process ends, or others would free what it held, and take it again.
            mine.record("digits", taken[-1], [replace(finished(1.0), number=taken[-1])], at=2.0, owner=owner)
        mine.close()
        return " ".join(map(str, taken))

    taken = [int(number) for line in _all_at_once([take] * 6) for number in line.split()]
    assert sorted(taken) == list(range(60))


def test_a_store_works_on_both_sides_of_a_fork(path: Path) -> None:
    store = open_store(path)
    assert opened(store, ME).number == 0

    def child() -> str:
        numbers = [opened(store, Owner("child", 60.0)).number for _ in range(20)]
        store.close()
        return " ".join(map(str, numbers))

    pipe, pid = _reporting(child)
    mine = [opened(store, ME).number for _ in range(20)]
    theirs = [int(number) for number in os.fdopen(pipe).read().split()]
    os.waitpid(pid, 0)
    assert sorted([0, *mine, *theirs]) == list(range(41))
    store.close()


def test_a_fork_waits_for_the_transactions_of_other_threads(path: Path) -> None:
    store = open_store(path)
    is_inside, may_go = threading.Event(), threading.Event()

    def slow(number: int) -> object:
        is_inside.set()
        may_go.wait(10)
        return proposed(number)

    thread = threading.Thread(target=lambda: store.open_trial("digits", ME, slow, at=2.0))  # type: ignore[arg-type]
    thread.start()
    is_inside.wait(10)
    threading.Timer(0.1, may_go.set).start()
    pipe, pid = _reporting(lambda: str(opened(store, Owner("child", 60.0)).number))
    assert os.fdopen(pipe).read() == "1"
    os.waitpid(pid, 0)
    thread.join()
    assert len(store.changes("digits").records) == 2
    store.close()


def test_a_child_forked_while_proposing_is_told_so_and_harms_nobody(path: Path) -> None:
    store = open_store(path)
    pipes: list[tuple[int, int]] = []

    def forks(number: int) -> object:
        pipes.append(_reporting(lambda: str(opened(store, Owner("child", 60.0)).number)))
        return proposed(number)

    store.open_trial("digits", ME, forks, at=2.0)  # type: ignore[arg-type]
    pipe, pid = pipes[0]
    assert "forked while it was proposing" in os.fdopen(pipe).read()
    os.waitpid(pid, 0)
    assert opened(store, ME).number == 1
    store.close()


def test_the_last_to_close_leaves_no_log_behind(path: Path) -> None:
    first, second = open_store(path), open_store(path)
    opened(first, ME)
    first.close()
    assert opened(second, ME).number == 1
    second.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["s.db", "s.db.gate"]


def test_a_closed_store_opens_again_when_it_is_used(path: Path) -> None:
    store = open_store(path)
    store.close()
    assert opened(store, ME).number == 0
    store.close()


def _write_at_full_speed(path: Path, ledger: Path) -> None:
    store, owner = open_store(path), Owner(f"pid {os.getpid()}", 60.0)
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND)
    while True:
        trial = opened(store, owner)
        loss = random.random()
        store.record(
            "digits", trial.number, [Finished(trial.number, trial.attempt, {"loss": (loss,)}, 1.0)], 2.0, owner
        )
        os.write(descriptor, f"{trial.number} {loss!r}\n".encode())


def _open_and_die(path: Path) -> None:
    opened(open_store(path), Owner("doomed", 3600.0, "ann@host:9"))
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_until_dead(pid: int) -> None:
    while b") Z " not in Path(f"/proc/{pid}/stat").read_bytes():
        time.sleep(0.005)


def _forked(action: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            action()
        finally:
            os._exit(1)
    return pid


def _reporting(action: Callable[[], str]) -> tuple[int, int]:
    """A child that writes what `action` says, or the error that it raises, into a pipe."""
    reader, writer = os.pipe()

    def child() -> None:
        try:
            said = action()
        except Exception as problem:  # noqa: BLE001 - the parent is told, whatever it is
            said = repr(problem)
        os.write(writer, said.encode())

    pid = _forked(child)
    os.close(writer)
    return reader, pid


def _all_at_once(actions: list[Callable[[], str]]) -> list[str]:
    """What each says, each in a process of its own, started by one signal."""
    start_reader, start_writer = os.pipe()

    def waiting(action: Callable[[], str]) -> Callable[[], str]:
        def run() -> str:
            os.close(start_writer)
            os.read(start_reader, 1)  # ends when the parent closes its side
            return action()

        return run

    children = [_reporting(waiting(action)) for action in actions]
    os.close(start_writer)
    said = [os.fdopen(pipe).read() for pipe, _ in children]
    for _, pid in children:
        os.waitpid(pid, 0)
    os.close(start_reader)
    return said


def test_the_helpers_report_errors() -> None:
    assert _all_at_once([lambda: str(1 / 0)]) == ["ZeroDivisionError('division by zero')"]
