"""The ledger shows every tampering: an altered line, a removed one, a removed end."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from trialist.errors import StateError, StoreDamagedError
from trialist.protocols import Look
from trialist.store import open_store
from trialist.testing.example_study import PLAN, SPACE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = open_store(tmp_path / "s.db")
    store.create_study(PLAN, SPACE, at=1.0)
    for fingerprint in ("f00d", "beef", "f00d"):
        look = store.open_look("digits", fingerprint, "ann \ud800", "verification", at=2.0)
        store.close_look(look, {"verdict": "improved", "difference": 0.25})
    store.close()
    return tmp_path / "s.db"


def test_an_untouched_ledger_is_read_as_it_was_written(path: Path) -> None:
    store = open_store(path)
    assert [(look.fingerprint, look.number) for look in store.looks()] == [("f00d", 1), ("beef", 1), ("f00d", 2)]
    assert all(look.outcome == {"verdict": "improved", "difference": 0.25} for look in store.looks())
    store.close()


@pytest.mark.parametrize("line", [1, 2, 3, 6])
def test_an_altered_line_shows(path: Path, line: int) -> None:
    connection = sqlite3.connect(path)
    with connection:
        (content,) = connection.execute("SELECT content_json FROM ledger WHERE line = ?", (line,)).fetchone()
        altered = json.dumps({**json.loads(content), "note": "worse"})
        connection.execute("UPDATE ledger SET content_json = ? WHERE line = ?", (altered, line))
    connection.close()
    _assert_broken(path, f"line {line}")


@pytest.mark.parametrize("line", [1, 2, 5])
def test_a_removed_line_shows(path: Path, line: int) -> None:
    _delete(path, f"line = {line}")
    _assert_broken(path, f"line {line}")


@pytest.mark.parametrize("line", [1, 4, 6])
def test_a_removed_end_shows(path: Path, line: int) -> None:
    _delete(path, f"line >= {line}")
    _assert_broken(path, f"after line {line - 1}")


def test_no_further_look_is_written_behind_a_broken_chain(path: Path) -> None:
    _delete(path, "line = 1")
    store = open_store(path)
    with pytest.raises(StoreDamagedError):
        store.open_look("digits", "f00d", "ann", "again", at=3.0)
    store.close()


def test_a_look_of_another_ledger_cannot_be_closed(path: Path) -> None:
    store = open_store(path)
    with pytest.raises(StateError, match="not in this ledger"):
        store.close_look(Look(1, "digits", "f00d", 1.0, "ann", "x", "0" * 64), {})
    store.close()


def _delete(path: Path, where: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(f"DELETE FROM ledger WHERE {where}")
    connection.close()


def _assert_broken(path: Path, where: str) -> None:
    store = open_store(path)
    with pytest.raises(StoreDamagedError, match=f"{path}.*{where}"):
        store.looks()
    store.close()
