"""Connections to an SQLite file: to write, with the tables made or brought up to date; or only to read."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from trialist.errors import StoreDamagedError, StoreMissingError, StoreReadOnlyError
from trialist.store import faults, schema
from trialist.store.migrations import SCHEMA_VERSION, migrate, version_of

DIALECT = dialect(paramstyle="named")
BUSY_SECONDS = 60.0
_APPLICATION_ID = 0x54726C73  # "Trls", so that `file` and others can tell
# Pages of 4 KiB in the log before it is copied into the file: the log then takes 4 MiB.
_CHECKPOINT_PAGES = 1000


def size_of(path: Path, create: bool) -> int:
    """Bytes in the file, 0 where it is to be made; StoreMissingError where it cannot, or shall not, be made."""
    if path.is_dir():
        raise StoreMissingError(f"{path}: this is a folder. Give a file in it, such as {path / 'trialist.db'}.")
    if path.exists():
        size = path.stat().st_size
        if size == 0 and not create:
            raise StoreMissingError(f"{path}: the file is empty and holds no study. Give the file of a study.")
        return size
    if not path.parent.is_dir():
        raise StoreMissingError(f"{path}: its folder does not exist. Create the folder {path.parent}.")
    if not create:
        raise StoreMissingError(f"{path}: there is no such file. Give the path of an existing one, or start a study.")
    return 0


def to_write(path: Path, at_the_gate: AbstractContextManager[None]) -> sqlite3.Connection:
    """A connection that may write; tables are made, or brought up to date, by one process at a time, `at_the_gate`.

    Raises PermissionError, or SQLite's own refusal, where the file may only be read.
    """
    connection = _connect(path, path)
    try:
        for setting in ("synchronous=NORMAL", f"wal_autocheckpoint={_CHECKPOINT_PAGES}", "cell_size_check=ON"):
            connection.execute(f"PRAGMA {setting}")
        version = _version(connection, path)
        if version != SCHEMA_VERSION or connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            with at_the_gate:
                _make(connection, path)
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def to_read(path: Path) -> tuple[sqlite3.Connection, bool]:
    """A connection that only reads, and whether it takes the file for one that nobody changes.

    Readers share a log with writers. Where a folder is read-only and has no log, none can be made, and the file alone
    is all there is to read.
    """
    uri = f"file:{quote(os.fsencode(path))}"
    try:
        return _reader(path, f"{uri}?mode=ro"), False
    except sqlite3.OperationalError as problem:
        if not faults.is_refusal(problem):
            raise
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        problem_shown = "its log holds results that can only be read by somebody who may write"
        raise StoreReadOnlyError(f"{path}: {problem_shown}. Copy the file together with {log.name}, and open the copy.")
    return _reader(path, f"{uri}?immutable=1"), True


def _connect(path: Path, address: Path | str) -> sqlite3.Connection:
    return sqlite3.connect(
        address,
        uri=address is not path,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions are begun and ended by name
        check_same_thread=False,  # threads take turns
    )


def _reader(path: Path, uri: str) -> sqlite3.Connection:
    connection = _connect(path, uri)
    try:
        if _version(connection, path) is None:
            raise StoreDamagedError(_foreign(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection, path: Path) -> int | None:
    """The schema of the file's tables; None where there are none yet."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if schema.marker.name not in tables:
        if tables:
            raise StoreDamagedError(_foreign(path))
        return None
    found = connection.execute("SELECT value FROM trialist WHERE \"key\" = 'schema'").fetchall()
    return version_of(found[0][0] if found else "", str(path))


def _make(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or bring them up to date, unless somebody else has done so meanwhile."""
    # The switch to WAL needs the file alone, and is refused within a transaction.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, path)
        if version is None:
            _make_tables(connection)
        elif version < SCHEMA_VERSION:
            reached = migrate(connection.execute, version)
            connection.execute("UPDATE trialist SET value = ? WHERE \"key\" = 'schema'", (str(reached),))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
    for table in schema.metadata.sorted_tables:
        connection.execute(str(CreateTable(table).compile(dialect=DIALECT)))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(str(CreateIndex(index).compile(dialect=DIALECT)))
    connection.execute("INSERT INTO trialist VALUES ('schema', ?), ('ledger', '')", (str(SCHEMA_VERSION),))


def _foreign(path: Path) -> str:
    return f"{path}: this SQLite file was not made by Trialist. Give another path."
