"""Faults of the place where studies are kept, and races on it: a clear typed error or none, nothing acknowledged lost,
and no repair by hand.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import trialist as tl
from trialist.errors import (
    StateError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreMissingError,
    StoreReadOnlyError,
    StudyExistsError,
)
from trialist.study.events import TrialClosed
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import State

NOBODY = 65534
SPACE = tl.Space(a=tl.Float(0, 1), k=tl.Categorical(["x", "y"]))


def create(path: str | Path, name: str = "s", **plan: Any) -> tl.Study:
    return tl.Study.create(SPACE, minimize="loss", name=name, store=path, strategy="random", **plan)


def load(path: str | Path, name: str = "s") -> tl.Study:
    return tl.Study.load(name, store=path)


def objective(trial: tl.Trial) -> float:
    return float(trial["a"])


def run(study: tl.Study, trials: int | None = None, ledger: dict[int, float] | None = None) -> None:
    for event in study.run(objective, trials=trials):
        if isinstance(event, TrialClosed) and ledger is not None:
            ledger[event.record.number] = event.record.value


def stored(study: tl.Study) -> dict[int, float]:
    return {record.number: record.value for record in study.trials if record.is_scored}


def tells(error: BaseException, path: str | Path) -> None:
    """The message holds the path, in a sentence for people, and nothing of what lies below."""
    message = str(error)
    assert str(path) in message and len(message) < 600
    assert not any(word in message for word in ("sqlite3.", "sqlalchemy", "SELECT", "INSERT", "sqlalche.me"))


# --- full -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where mounting is allowed."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def make_room(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)


def test_a_full_disk_ends_in_a_clear_error_and_the_next_run_goes_on_once_there_is_space(small_disk: Path) -> None:
    path = small_disk / "s.db"

    def fill() -> list[tuple[int, float]]:
        ledger: dict[int, float] = {}
        with pytest.raises(StoreFullError) as caught:
            run(create(path), trials=20_000, ledger=ledger)
        tells(caught.value, path)
        return list(ledger.items())

    (filled,) = together([fill])
    ledger = dict(map(tuple, filled))
    assert len(ledger) > 10 and stored(load(path)).items() >= ledger.items()  # readable while it is full

    make_room(small_disk)
    study = load(path)
    run(study, trials=5, ledger=ledger)
    assert stored(load(path)).items() >= ledger.items()
    assert all(record.state.is_closed for record in study.trials)


def test_the_handle_that_met_a_full_disk_goes_on_too(small_disk: Path) -> None:
    study, ledger = create(small_disk / "s.db"), {}
    with pytest.raises(StoreFullError):
        run(study, trials=20_000, ledger=ledger)
    make_room(small_disk)
    run(study, trials=5, ledger=ledger)
    assert stored(study).items() >= ledger.items()
    assert all(record.state.is_closed for record in study.trials)


def test_a_limit_on_file_size_is_a_full_disk_too(tmp_path: Path) -> None:
    path = tmp_path / "s.db"

    def fill() -> dict[str, Any]:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        ledger: dict[int, float] = {}
        try:
            run(create(path), trials=20_000, ledger=ledger)
        except StoreError as error:
            tells(error, path)
        return {"acked": ledger}

    (filled,) = together([fill])
    ledger = {int(number): value for number, value in filled["acked"].items()}
    assert len(ledger) > 3 and stored(load(path)).items() >= ledger.items()
    study = load(path)
    run(study, trials=3)
    assert all(record.state.is_closed for record in study.trials)


# --- read-only ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not write")
def test_what_may_not_be_written_can_still_be_read() -> None:
    folder = Path(tempfile.mkdtemp())  # not below tmp_path, whose parents are closed to others
    try:
        path = folder / "s.db"
        study = create(path)
        run(study, trials=5)
        study.close()
        path.chmod(0o444)
        folder.chmod(0o555)

        def visit() -> str:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            study = load(path)
            assert len(study.trials) == 5 and study.best is not None
            with pytest.raises(StoreReadOnlyError) as caught:
                run(study, trials=1)
            tells(caught.value, path)
            return str(caught.value)

        together([visit])
        assert len(load(path).trials) == 5
    finally:
        folder.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)


# --- damaged --------------------------------------------------------------------------------------------------------


def zero_header(whole: bytes) -> bytes:
    return bytes(16) + whole[16:]


def scribble_over_the_middle(whole: bytes) -> bytes:
    half = len(whole) // 8192 * 4096
    return whole[:4096] + b"\x5a" * (half - 4096) + whole[half:]


def cut_in_half(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def text(whole: bytes) -> bytes:
    return b"hello, I am a text file\n" * 400


@pytest.mark.parametrize("damage", [zero_header, scribble_over_the_middle, cut_in_half, text])
def test_a_damaged_file_is_called_so_and_left_alone(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    study = create(path)
    run(study, trials=60)
    study.close()
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(StoreDamagedError) as caught:
        study = load(path)
        assert study.trials
        run(study, trials=1)
    tells(caught.value, path)
    assert path.read_bytes() == before


def test_a_place_that_is_no_file_is_named(tmp_path: Path) -> None:
    folder, missing = tmp_path / "folder.db", tmp_path / "no" / "such" / "s.db"
    folder.mkdir()
    for path in (folder, missing):
        for attempt in (create, load):
            with pytest.raises(StoreError) as caught:
                attempt(path)
            tells(caught.value, path)
    with pytest.raises(StoreMissingError) as caught:
        load(tmp_path / "s.db")
    tells(caught.value, tmp_path / "s.db")
    assert not missing.parent.exists() and not (tmp_path / "s.db").exists()  # asking creates nothing


def test_an_empty_file_is_a_new_store(tmp_path: Path) -> None:
    (tmp_path / "s.db").touch()
    study = create(tmp_path / "s.db")
    run(study, trials=2)
    assert len(load(tmp_path / "s.db").trials) == 2


# --- races ----------------------------------------------------------------------------------------------------------


def test_of_eight_that_create_or_open_one_study_none_fails(tmp_path: Path) -> None:
    plan = Plan("s", (Objective("loss"),), strategy="random")
    for number in range(4):
        path = tmp_path / f"{number}.db"
        names = together([lambda path=path: tl.Study.open(plan, SPACE, path).name] * 8)
        assert names == ["s"] * 8
        assert load(path).trials == ()


def test_of_eight_that_create_one_study_exactly_one_does(tmp_path: Path) -> None:
    def attempt() -> str:
        try:
            create(tmp_path / "s.db")
        except StudyExistsError:
            return "exists"
        return "created"

    assert sorted(together([attempt] * 8)) == ["created"] + ["exists"] * 7


def test_of_two_that_tell_one_trial_exactly_one_is_heard(tmp_path: Path) -> None:
    path, rounds = tmp_path / "s.db", 60
    asked = create(path)
    numbers = [asked.ask().number for _ in range(rounds)]
    start = time.monotonic() + 0.5

    def teller(base: float) -> list[str]:
        study, answers = load(path), []
        for at, number in enumerate(numbers):
            while time.monotonic() < start + 0.01 * at:
                pass
            try:
                study.tell(number, base + number)
                answers.append("ok")
            except StateError as error:
                assert str(number) in str(error)
                answers.append("refused")
        return answers

    one, other = together([lambda: teller(1000.0), lambda: teller(2000.0)])
    values = stored(load(path))
    for number, first, second in zip(numbers, one, other, strict=True):
        assert {first, second} == {"ok", "refused"}
        assert values[number] == (1000.0 if first == "ok" else 2000.0) + number


def test_six_workers_take_each_queued_point_exactly_once(tmp_path: Path) -> None:
    path, points = tmp_path / "s.db", [round(0.001 * i, 3) for i in range(1, 121)]
    study = create(path)
    for point in points:
        study.enqueue({"a": point, "k": "x"})

    def worker() -> list[float]:
        mine, seen = load(path), []
        mine.optimize(lambda trial: seen.append(trial["a"]) or 1.0, trials=25)
        return seen

    seen = [value for values in together([worker] * 6) for value in values]
    assert sorted(value for value in seen if value in points) == points
    assert all(record.state is State.COMPLETE for record in load(path).trials)


def test_a_clock_one_hour_ahead_harms_no_healthy_trial(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    create(path).close()

    def healthy() -> list[float]:
        study, answers = load(path), []
        for event in study.run(lambda trial: time.sleep(1.2) or 1.0, trials=1):
            if isinstance(event, TrialClosed):
                answers.append(event.record.value)
        return answers

    def skewed() -> int:
        time.sleep(0.4)
        true = time.time
        time.time = lambda: true() + 3600.0  # this process's own clock
        study = load(path)
        study.optimize(lambda trial: 2.0, trials=3)
        return 0

    answers, _ = together([healthy, skewed])
    assert answers == [1.0]
    records = load(path).trials
    assert [record.state for record in records] == [State.COMPLETE] * 4
    assert all(record.attempt == 0 and 0 <= record.seconds < 30 for record in records)


def test_a_worker_killed_right_after_ask_leaves_no_trial_running(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    create(path).close()

    def dies() -> None:
        load(path).ask()
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        dies()
    os.waitpid(child, 0)
    study = load(path)
    run(study, trials=2)
    assert [record.state for record in study.trials] == [State.COMPLETE] * 2
    assert study.trials[0].attempt == 1  # the orphan was run again, first


def together(works: list[Callable[[], Any]]) -> list[Any]:
    """The works' JSON-able results, each from a forked process of its own, all at once, in their order."""
    pipes = []
    for work in works:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.write(writing, json.dumps(work()).encode())
                status = 0
            except BaseException:  # noqa: BLE001 - a forked child must never run on into the tests of its parent
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(writing)
        pipes.append((child, reading))
    results = []
    for child, reading in pipes:
        with os.fdopen(reading, "rb") as pipe:
            written = pipe.read()
        assert os.waitpid(child, 0)[1] == 0, "a process failed; its traceback stands on standard error"
        results.append(json.loads(written))
    return results
