"""What goes wrong with a file ends as a typed error with path, cause and remedy, and the store goes on afterwards."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trialist.errors import (
    InputError,
    SpaceError,
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreMissingError,
    StoreReadOnlyError,
    StoreVersionError,
    TrialistError,
)
from trialist.protocols import Store
from trialist.space.number import Float
from trialist.space.space import Space
from trialist.store import connect, open_store
from trialist.store.migrations import SCHEMA_VERSION
from trialist.testing.example_study import ME, PLAN, SPACE, opened
from trialist.trials.messages import Finished, Reported
from trialist.trials.trial import State

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A study of 40 trials."""
    store = open_store(tmp_path / "s.db")
    store.create_study(PLAN, SPACE, at=1.0)
    for _ in range(40):
        _one(store)
    store.close()
    return tmp_path / "s.db"


def test_a_full_disk_loses_nothing_and_the_store_goes_on_once_there_is_space(tmp_path: Path) -> None:
    def child() -> dict[str, Any]:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = open_store(tmp_path / "s.db")
        store.create_study(PLAN, SPACE, at=1.0)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        acknowledged, errors = {}, []
        while len(errors) < 3:  # it says so each time, and again
            try:
                number, loss = _one(store)
                acknowledged[number] = loss
            except StoreFullError as problem:
                errors.append(str(problem))
        while_full = len(store.changes("digits").records)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        for _ in range(5):
            number, loss = _one(store)
            acknowledged[number] = loss
        records = {record.number: record for record in store.changes("digits").records}
        lost = [number for number, loss in acknowledged.items() if records[number].loss != loss]
        return {"acknowledged": len(acknowledged), "lost": lost, "errors": errors, "while_full": while_full}

    said = _in_a_child(child)
    assert said["acknowledged"] > 10 and said["while_full"] >= said["acknowledged"] - 5
    assert said["lost"] == []
    assert all(str(tmp_path / "s.db") in error and "space" in error for error in said["errors"])


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not write")
@pytest.mark.parametrize("protected", ["file", "folder", "both"])
def test_what_may_only_be_read_is_read_and_says_so_when_written(path: Path, protected: str) -> None:
    for folder in (path.parent, *path.parent.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o011)
    path.chmod(0o444 if protected != "folder" else 0o666)
    path.parent.chmod(0o555 if protected != "file" else 0o777)

    def child() -> dict[str, Any]:
        _become_nobody()
        store = open_store(path, create=False)
        trials = len(store.changes("digits").records)
        best = store.best("digits")
        try:
            opened(store, ME)
        except StoreReadOnlyError as problem:
            return {"trials": trials, "best": best is not None, "error": str(problem)}
        return {"error": "none"}

    said = _in_a_child(child)
    assert "not writable" in said["error"] and str(path) in said["error"]
    assert said["trials"] == 40 and said["best"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not write")
def test_a_reader_who_may_not_write_sees_what_a_writer_does_meanwhile(path: Path) -> None:
    for folder in (path.parent, *path.parent.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o055)
    start, go = os.pipe()
    done, finish = os.pipe()

    def child() -> dict[str, Any]:
        _become_nobody()
        store = open_store(path, create=False)
        before = len(store.changes("digits").records)
        os.write(finish, b"x")
        os.read(start, 1)
        return {"before": before, "after": len(store.changes("digits").records)}

    reader, pid = _started(child)
    os.read(done, 1)
    writer = open_store(path)
    _one(writer)
    os.write(go, b"x")
    assert json.loads(os.fdopen(reader).read()) == {"before": 40, "after": 41}
    os.waitpid(pid, 0)
    writer.close()
    for descriptor in (start, go, done, finish):
        os.close(descriptor)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not write")
def test_results_in_a_log_that_cannot_be_read_are_not_passed_over(path: Path, tmp_path: Path) -> None:
    store = open_store(path)
    _one(store)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("s.db", "s.db-wal"):  # as a crash leaves them
        (copy / name).write_bytes((path.parent / name).read_bytes())
    store.close()
    for folder in (copy, *copy.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o011)
    copy.chmod(0o555)

    def child() -> dict[str, Any]:
        _become_nobody()
        try:
            return {"trials": len(open_store(copy / "s.db", create=False).changes("digits").records)}
        except StoreReadOnlyError as problem:
            return {"error": str(problem)}

    said = _in_a_child(child)
    assert said.get("trials") == 41 or "Copy the file together with s.db-wal" in said["error"], said


def _no_header(content: bytes) -> bytes:
    return b"\0" * 100 + content[100:]


def _no_page(content: bytes) -> bytes:
    middle = len(content) // 2 // 4096 * 4096
    return content[:middle] + b"\xaa" * 4096 + content[middle + 4096 :]


@pytest.mark.parametrize(
    "damage",
    [
        _no_header,
        _no_page,
        lambda content: content[: len(content) // 2],
        lambda content: content[: len(content) // 2 + 1000],
        lambda content: b"trial,loss\n1,0.5\n" * 100,
    ],
    ids=["no header", "a page overwritten", "half of it", "half of it and a bit", "a text file"],
)
def test_a_damaged_file_is_told_by_its_name(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreDamagedError) as caught:
        store = open_store(path, create=False)
        store.best("digits")
        store.changes("digits")
        store.spent("digits")
        store.load_study("digits")
        store.looks()
    assert str(path) in str(caught.value) and "Restore it" in str(caught.value)


@pytest.mark.parametrize("at", range(0, 40960, 1499))
def test_no_overwritten_byte_range_lets_a_raw_error_out(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    at = at % (len(content) - 64)
    content[at : at + 64] = bytes(range(200, 200 + 56)) + b"\0" * 8
    path.write_bytes(content)
    try:
        store = open_store(path)
        for act in (store.load_study, store.changes, store.best, store.spent, store.revisions, _one_of(store)):
            act("digits")
        store.close()
    except TrialistError as problem:
        assert str(path) in str(problem) or "digits" in str(problem)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("params_json", "{half"),
        ("metrics_json", "[1]"),
        ("state", "sleeping"),
        ("stage", "dreaming"),
        ("failure_json", '{"cause": "bad luck"}'),
        ("params_json", b"\xff\xfe"),
    ],
)
def test_a_row_that_makes_no_sense_is_damage_not_a_crash(path: Path, column: str, value: object) -> None:
    _sql(path, f"UPDATE trial SET {column} = ? WHERE number = 7", value)
    store = open_store(path)
    with pytest.raises(StoreDamagedError, match=f"{path}.*digits"):
        store.changes("digits")
    store.close()


def test_text_that_is_no_utf_8_is_damage(path: Path) -> None:
    _sql(path, "UPDATE trial SET reason = CAST(x'ff41' AS TEXT) WHERE number = 7")
    store = open_store(path)
    with pytest.raises(StoreDamagedError, match=str(path)):
        store.changes("digits")
    store.close()


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    _sql(path, "CREATE TABLE studies (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(StoreDamagedError, match="not made by Trialist"):
        open_store(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_no_database_keeps_no_trace_of_the_attempt(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("print('loss=1')\n" * 100)
    with pytest.raises(StoreDamagedError, match="not a study file"):
        open_store(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_study_keeps_its_gate_on_which_others_may_queue(path: Path) -> None:
    path.write_bytes(_no_header(path.read_bytes()))
    with pytest.raises(StoreDamagedError):
        open_store(path)
    assert Path(f"{path}.gate").exists()


def test_a_script_that_never_closes_its_study_leaves_all_of_it_in_the_one_file(tmp_path: Path) -> None:
    script = (
        "import trialist as tl\n"
        "study = tl.tune(lambda trial: trial['x'], {'x': tl.Float(0, 1)}, minimize='loss', budget=4, store='s.db', "
        "name='s', progress=False)\n"
        "keep = [study]; keep.append(keep)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    assert not Path(f"{tmp_path}/s.db-wal").exists()
    copy = tmp_path / "copy.db"
    copy.write_bytes((tmp_path / "s.db").read_bytes())
    store = open_store(copy, create=False)
    assert len(store.changes("s").records) == 4
    store.close()


def test_a_file_of_a_newer_version_is_refused_with_both_versions(path: Path) -> None:
    _sql(path, "UPDATE trialist SET value = '99' WHERE key = 'schema'")
    with pytest.raises(StoreVersionError, match=f"schema 99.*schema {SCHEMA_VERSION}.*Upgrade"):
        open_store(path)


def test_a_lost_version_is_damage(path: Path) -> None:
    _sql(path, "DELETE FROM trialist WHERE key = 'schema'")
    with pytest.raises(StoreDamagedError, match="schema"):
        open_store(path)


def test_an_empty_file_is_a_new_one_but_not_to_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(StoreMissingError, match="empty"):
        open_store(path, create=False)
    store = open_store(path)
    store.create_study(PLAN, SPACE, at=1.0)
    assert store.studies() == ("digits",)
    store.close()


def test_reading_a_missing_file_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match=r"none\.db.*no such file"):
        open_store(tmp_path / "none.db", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("no/such/folder/s.db", StoreMissingError, "Create the folder"),
        ("", StoreMissingError, "not a path"),
        ("a\0b", StoreMissingError, "not a path"),
        ("x" * 300, StoreError, "x" * 300),
        ("postgresql://host/db", StoreError, "later version"),
        ("mysql://host/db", StoreError, "no known kind"),
    ],
)
def test_a_place_that_cannot_be_is_refused_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: type[Exception], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=words):
        open_store(name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="folder"):
        open_store(tmp_path)


def test_odd_paths_and_all_ways_to_write_them_lead_to_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "ä?b#c %41.db"
    first = open_store(name)
    first.create_study(PLAN, SPACE, at=1.0)
    for url in (tmp_path / name, f"sqlite:///{name}", f"sqlite:///{tmp_path / name}", first.url):
        store = open_store(url, create=False)
        assert store.studies() == ("digits",) and store.url == first.url
        store.close()
    first.close()


def test_a_file_removed_while_in_use_takes_no_more_results(path: Path) -> None:
    store = open_store(path)
    hidden = path.rename(path.with_suffix(".hidden"))
    with pytest.raises(StoreMissingError, match="removed or replaced"):
        _one(store)
    with pytest.raises(StoreMissingError, match="no such file"):
        _one(store)
    hidden.rename(path)
    assert _one(store)[0] == 40
    store.close()


def test_a_lock_held_too_long_is_told_and_then_forgotten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "BUSY_SECONDS", 0.05)
    store = open_store(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match=str(path)):
        _one(store)
    assert len(store.changes("digits").records) == 40
    other.execute("COMMIT")
    other.close()
    assert _one(store)[0] == 40
    store.close()


def test_a_file_that_somebody_took_out_of_wal_is_put_back(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
    connection.close()
    store = open_store(path)
    assert _one(store)[0] == 40
    store.close()


def test_a_whole_number_that_no_column_holds_is_wrong_input(path: Path) -> None:
    store = open_store(path)
    number = opened(store, ME).number
    with pytest.raises(InputError, match="64 bits"):
        store.record("digits", number, [Reported(number, 0, 2**70, 0.5)], at=2.0, owner=ME)
    assert store.changes("digits").records[number].state is State.RUNNING
    store.close()


def test_a_study_whose_constraints_are_functions_is_read_without_them(tmp_path: Path) -> None:
    def small(params: dict[str, Any]) -> bool:
        return bool(params["a"] < 0.9)

    space = Space(a=Float(0, 1), b=Float(0, 1), require=[small], forbid=["a > 0.5 and b > 0.5"])
    store = open_store(tmp_path / "s.db")
    store.create_study(PLAN, space, at=1.0)
    store.close()
    read = open_store(tmp_path / "s.db").load_study("digits").space
    assert read == space
    with pytest.raises(SpaceError, match=r"small.*Pass the space as it was declared"):
        read.check({"a": 0.1, "b": 0.1})


def test_a_name_with_half_a_character_is_unknown_not_a_crash(path: Path) -> None:
    store = open_store(path)
    with pytest.raises(TrialistError, match="digits"):
        store.load_study("\udcff")
    store.close()


def _become_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def _one(store: Store) -> tuple[int, float]:
    trial = opened(store, ME)
    loss = 1.0 / (1 + trial.number)
    result = Finished(trial.number, trial.attempt, {"loss": (loss,), "accuracy": (0.5,)}, 1.0)
    store.record("digits", trial.number, [result], at=2.0, owner=ME)
    return trial.number, loss


def _one_of(store: Store) -> Callable[[str], object]:
    return lambda name: _one(store)


def _sql(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, values)
    connection.close()


def _started(action: Callable[[], dict[str, Any]]) -> tuple[int, int]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = action()
        except BaseException as problem:  # noqa: BLE001 - the parent is told, whatever it is
            said = {"error": repr(problem)}
        os.write(writer, json.dumps(said).encode())
        os._exit(0)
    os.close(writer)
    return reader, pid


def _in_a_child(action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    reader, pid = _started(action)
    said: dict[str, Any] = json.loads(os.fdopen(reader).read())
    os.waitpid(pid, 0)
    return said
