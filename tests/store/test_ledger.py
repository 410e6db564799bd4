"""The ledger shows every tampering, down to a byte of the file; and it counts every look at the same rows."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from trialist.errors import StateError, StoreDamagedError
from trialist.numerics.sketch import Sketch
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


@pytest.mark.parametrize("sql", ["UPDATE ledger SET line = 7 WHERE line = 6", "UPDATE ledger SET digest = 'x'"])
def test_an_altered_number_or_digest_shows(path: Path, sql: str) -> None:
    _execute(path, sql)
    _assert_broken(path, "line")


@pytest.mark.parametrize(
    "sql",
    ["UPDATE trialist SET value = 'f' || substr(value, 2) || '0' WHERE \"key\" = 'ledger'",
     "UPDATE trialist SET value = '' WHERE \"key\" = 'ledger'",
     "DELETE FROM trialist WHERE \"key\" = 'ledger'"],
)  # fmt: skip
def test_an_altered_or_removed_head_shows(path: Path, sql: str) -> None:
    _execute(path, sql)
    _assert_broken(path, "ledger")


def test_any_changed_byte_of_a_line_shows(path: Path) -> None:
    """In the file itself: of the content, of the digests, of the head."""
    store = open_store(path)
    before = store.looks()
    store.close()
    file = path.read_bytes()
    wanted = [look.digest.encode() for look in before] + [b'"version":2', b'"outcome"', b'"fingerprint"', b'"closes"']
    places = sorted({at for text in wanted for at in _places(file, text)})
    assert len(places) >= 15
    noticed, unnoticed = 0, []
    for start in places:
        for at in range(start, start + 100, 9):
            changed = bytearray(file)
            changed[at] ^= 1
            path.write_bytes(changed)
            try:
                store = open_store(path, create=False)
                looks = store.looks()
            except StoreDamagedError as error:
                assert str(path) in str(error)
                noticed += 1
            else:
                unnoticed += [at] if looks != before else []
                # A byte that nothing reads may change: of a free block, or of a page that was overwritten.
            finally:
                store.close()
    assert unnoticed == [] and noticed > 100


def test_rows_that_were_seen_in_another_split_are_known_again(tmp_path: Path) -> None:
    def sketch(rows: range) -> str:
        return Sketch.of([row * 0x9E3779B97F4A7C15 % 2**64 for row in rows], str(rows)).text()

    store = open_store(tmp_path / "s.db")
    for name in ("digits", "other"):
        store.create_study(replace(PLAN, name=name), SPACE, at=1.0)
    told = []
    for study, fingerprint, rows in (
        ("digits", "a", range(200)),  # the first
        ("other", "b", range(100, 300)),  # half of the rows
        ("other", "c", range(196, 296)),  # 4 % of the first: none of its looks; all of the second
        ("other", "d", range(1000, 1100)),  # others
        ("digits", "a", range(200)),
    ):
        look = store.open_look(study, fingerprint, "ann", "verification", at=2.0, sketch=sketch(rows))
        told.append((look.number, round(look.overlap, 2), look.elsewhere))
    assert told == [(1, 0.0, 0), (2, 0.5, 1), (2, 1.0, 0), (1, 0.0, 0), (3, 1.0, 1)]
    store.close()


def test_a_line_with_a_sketch_of_any_number_of_rows_stays_small(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    store.create_study(PLAN, SPACE, at=1.0)
    sketch = Sketch.of([row * 0x9E3779B97F4A7C15 % 2**64 for row in range(100_000)], "rows").text()
    store.open_look("digits", "f00d", "ann", "verification", at=2.0, sketch=sketch)
    store.close()
    connection = sqlite3.connect(tmp_path / "s.db")
    ((length,),) = connection.execute("SELECT length(content_json) FROM ledger")
    connection.close()
    assert length <= 4096


def test_lines_of_an_earlier_version_are_read_and_counted(path: Path) -> None:
    """A ledger of version 1, chain and all, as it was written before sketches."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("DELETE FROM ledger")
        digest = ""
        for number in (1, 2):
            content = json.dumps(
                {
                    "version": 1,
                    "look": number,
                    "study": "digits",
                    "fingerprint": "f00d",
                    "at": 1.0,
                    "who": "",
                    "what": "",
                }
            )
            digest = sha256(f"{digest}\n{content}".encode()).hexdigest()
            connection.execute("INSERT INTO ledger VALUES (?, ?, ?)", (number, content, digest))
        connection.execute("UPDATE trialist SET value = ? WHERE \"key\" = 'ledger'", (digest,))
    connection.close()
    store = open_store(path)
    look = store.open_look("digits", "f00d", "ann", "again", at=3.0, sketch=Sketch.of([1, 2], "rows").text())
    assert (look.number, look.overlap) == (3, 1.0)
    assert [look.number for look in store.looks()] == [1, 2, 3]
    store.close()


def _places(file: bytes, text: bytes) -> list[int]:
    found, at = [], file.find(text)
    while at >= 0:
        found.append(at)
        at = file.find(text, at + 1)
    return found


def _execute(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(sql)
    connection.close()


def _delete(path: Path, where: str) -> None:
    _execute(path, f"DELETE FROM ledger WHERE {where}")


def _assert_broken(path: Path, where: str) -> None:
    store = open_store(path)
    with pytest.raises(StoreDamagedError, match=f"{path}.*{where}"):
        store.looks()
    store.close()
