"""One SQLite file, held open: connection, transactions, the gate, durability, and its faults as typed errors.

WAL with synchronous=NORMAL: a commit costs microseconds and survives any kill. A durable commit is followed by a sync of
the write-ahead log before it is acknowledged, outside the lock: what FULL would do, but the syncs of several processes
run side by side and serve each other.  Source: sqlite.org/wal.html; what was measured: research/reliability.md.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from trialist.errors import StateError, StoreDamagedError, StoreMissingError, StoreReadOnlyError
from trialist.store import faults, schema
from trialist.store.migrations import SCHEMA_VERSION, migrate, version_of

BUSY_SECONDS = 60.0
_APPLICATION_ID = 0x54726C73  # "Trls", so that `file` and others can tell
# Pages of 4 KiB in the log before it is copied into the file: small, so that a full disk is met late.
_CHECKPOINT_PAGES = 400
_sync = getattr(os, "fdatasync", os.fsync)
_DIALECT = sqlite_dialect(paramstyle="named")


class Database:
    """An SQLite file with its tables; made where it is missing and `create` says so.

    One connection serves all threads, one at a time: SQLite has one writer anyway. It never crosses a fork: it is closed
    before, and each side opens its own when it needs one.
    """

    def __init__(self, path: Path, create: bool = True) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._connection: sqlite3.Connection | None = None
        self._gate = self._log = -1
        self._is_read_only = self._is_immutable = False
        self._inode = 0
        self._sql: dict[ClauseElement, tuple[str, dict[str, Any]]] = {}
        with faults.typed(path):
            self._open(create)
        _OPEN.add(self)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction that sees one moment; within one that is open already, that one."""
        with self._lock:
            if self._depth:
                yield
                return
            try:
                self._depth += 1
                with faults.typed(self.path):
                    self._ready().execute("BEGIN")
                yield
            finally:
                self._depth -= 1
                self._roll_back()
                if self._is_immutable:
                    self._let_go()  # such a connection never sees what others write

    @contextmanager
    def writing(self, durable: bool = False) -> Iterator[None]:
        """A transaction that writes, alone; rolled back where its body raises. durable: a power cut cannot undo it."""
        with self._lock:
            if self._depth:
                raise StateError("the store was asked to write within a transaction. Only read while proposing.")
            try:
                self._depth += 1
                with faults.typed(self.path):
                    connection = self._ready_to_write()
                    # flock waits in the kernel, first come first served, and is freed by kill -9; SQLite's own lock is
                    # polled for, so that beside seven others one process can starve.
                    fcntl.flock(self._gate, fcntl.LOCK_EX)
                    connection.execute("BEGIN IMMEDIATE")
                yield
                with faults.typed(self.path):
                    connection.execute("COMMIT")
            finally:
                self._depth -= 1
                self._roll_back()
                if self._gate >= 0:
                    fcntl.flock(self._gate, fcntl.LOCK_UN)
            log = self._log
        if durable:
            with faults.typed(self.path):
                _sync(log)

    def rows(self, statement: ClauseElement, **values: Any) -> list[Any]:
        """All rows that a statement gives, within the open transaction."""
        return self._run(statement, values).fetchall()

    def row(self, statement: ClauseElement, **values: Any) -> Any | None:
        """The first row, or None."""
        found = self._run(statement, values).fetchall()
        return found[0] if found else None

    def change(self, statement: ClauseElement, values: Mapping[str, Any]) -> int:
        """Execute a statement; how many rows it changed."""
        return self._run(statement, values).rowcount

    def close(self) -> None:
        """Let go of the file; the last one to do so folds the log into it. It opens again when it is used again."""
        with self._lock, faults.typed(self.path):
            self._let_go()

    def _run(self, statement: ClauseElement, values: Mapping[str, Any]) -> sqlite3.Cursor:
        # SQLAlchemy says what to execute, once; the driver executes it, at a tenth of the price.
        known = self._sql.get(statement)
        if known is None:
            compiled = statement.compile(dialect=_DIALECT)
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            known = self._sql[statement] = (str(compiled), constants)
        text, constants = known
        assert self._connection is not None, "a statement outside a transaction"
        try:
            return self._connection.execute(text, {**constants, **values} if constants else values)
        except sqlite3.Error as problem:
            raise faults.told(self.path, problem) from problem

    def _roll_back(self) -> None:
        # A full disk has rolled back already.
        if self._connection is not None and self._connection.in_transaction:
            with faults.typed(self.path):
                self._connection.execute("ROLLBACK")

    # Opening

    def _ready(self) -> sqlite3.Connection:
        if self._connection is None:
            self._open(create=False)
        assert self._connection is not None
        return self._connection

    def _ready_to_write(self) -> sqlite3.Connection:
        if self._connection is not None and self._is_read_only:
            self._let_go()  # perhaps it is writable by now
        connection = self._ready()
        if self._is_read_only:
            raise StoreReadOnlyError(
                f"{self.path}: the file or its folder is not writable. Give yourself write access to both, or copy the file."
            )
        # Where the file was removed or replaced, writes would go into one that nobody will ever read.
        if self._inode_now() != self._inode:
            self._let_go()
            raise StoreMissingError(
                f"{self.path}: the file was removed or replaced while in use. Put it back, or open it anew."
            )
        return connection

    def _open(self, create: bool) -> None:
        size = self._size(create)
        self._is_read_only = self._is_immutable = False
        try:
            # Opened before a missing file is made, and held while it is: so its makers take turns.
            self._gate = os.open(f"{self.path}.gate", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as problem:
            if size == 0 or not faults.is_refusal(problem):
                raise
            self._open_read_only()
            return
        try:
            if size == 0:
                with self._at_the_gate():
                    self._connect_and_check()
            else:
                self._connect_and_check()
            self._log = os.open(f"{self.path}-wal", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            self._is_read_only = True  # a file that is read-only has no log
        except OSError as problem:
            if not faults.is_refusal(problem):
                self._let_go()
                raise
            self._is_read_only = True
        except BaseException:
            self._let_go()
            raise
        self._is_read_only = self._is_read_only or not os.access(self.path, os.W_OK)
        self._inode = self._inode_now()

    def _size(self, create: bool) -> int:
        path = self.path
        if path.is_dir():
            raise StoreMissingError(f"{path}: this is a folder. Give a file in it, such as {path / 'trialist.db'}.")
        if path.exists():
            size = path.stat().st_size
            if size == 0 and not create:
                raise StoreMissingError(f"{path}: the file is empty and holds no study. Give the file of a study.")
            return size
        if not path.parent.is_dir():
            raise StoreMissingError(
                f"{path}: its folder does not exist. Create the folder {path.parent}, or give another path."
            )
        if not create:
            raise StoreMissingError(
                f"{path}: there is no such file. Give the path of an existing one, or start a study there."
            )
        return 0

    def _connect_and_check(self) -> None:
        connection = self._connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        for setting in ("synchronous=NORMAL", f"wal_autocheckpoint={_CHECKPOINT_PAGES}", "cell_size_check=ON"):
            connection.execute(f"PRAGMA {setting}")
        version = self._version(connection)
        if version is None or version < SCHEMA_VERSION:
            self._make(connection)

    def _open_read_only(self) -> None:
        """As a reader where nothing may be written; where not even a log may be shared, as a file that nobody changes."""
        uri = f"file:{quote(os.fsencode(self.path))}"
        for mode in ("mode=ro", "immutable=1"):
            self._is_read_only, self._is_immutable = True, mode == "immutable=1"
            connection = sqlite3.connect(
                f"{uri}?{mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                if self._version(connection) is None:
                    raise StoreDamagedError(_foreign(self.path))
            except sqlite3.OperationalError as problem:
                connection.close()
                if self._is_immutable or not faults.is_refusal(problem):
                    raise
            except BaseException:
                connection.close()
                raise
            else:
                self._connection = connection
                return

    def _version(self, connection: sqlite3.Connection) -> int | None:
        """The schema of the file's tables; None where there are none yet."""
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if schema.marker.name not in tables:
            if tables:
                raise StoreDamagedError(_foreign(self.path))
            return None
        found = connection.execute("SELECT value FROM trialist WHERE \"key\" = 'schema'").fetchall()
        return version_of(found[0][0] if found else "", str(self.path))

    def _make(self, connection: sqlite3.Connection) -> None:
        """Make the tables, or bring them up to date, unless somebody else has done so meanwhile."""
        with self._at_the_gate():
            if self._version(connection) is None:
                # The switch to WAL needs the file alone, and is refused within a transaction.
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                version = self._version(connection)
                if version is None:
                    for table in schema.metadata.sorted_tables:
                        connection.execute(str(CreateTable(table).compile(dialect=_DIALECT)))
                        for index in sorted(table.indexes, key=lambda index: str(index.name)):
                            connection.execute(str(CreateIndex(index).compile(dialect=_DIALECT)))
                    connection.execute(
                        "INSERT INTO trialist VALUES ('schema', ?), ('ledger', '')", (str(SCHEMA_VERSION),)
                    )
                elif version < SCHEMA_VERSION:
                    reached = migrate(connection.execute, version)
                    connection.execute("UPDATE trialist SET value = ? WHERE \"key\" = 'schema'", (str(reached),))
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _at_the_gate(self) -> Iterator[None]:
        try:
            fcntl.flock(self._gate, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def _inode_now(self) -> int:
        try:
            return os.stat(self.path).st_ino
        except FileNotFoundError:
            return -1

    # Letting go

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        for descriptor in (self._log, self._gate):
            if descriptor >= 0:
                os.close(descriptor)
        self._log = self._gate = -1
        if connection is not None:
            connection.close()

    def before_fork(self) -> None:
        """Close, so that the child inherits no connection: SQLite would take its parent's locks for its own."""
        self._lock.acquire()
        if not self._depth:
            with suppress(sqlite3.Error, OSError):  # the next use opens it anew, and meets the fault again
                self._let_go()

    def after_fork_in_parent(self) -> None:
        self._lock.release()

    def after_fork_in_child(self) -> None:
        if self._connection is not None:  # forked from within a transaction
            _ABANDONED.append(self._connection)
            self._connection, self._gate, self._log = None, -1, -1
        self._lock, self._depth = threading.RLock(), 0


def _foreign(path: Path) -> str:
    return f"{path}: this SQLite file was not made by Trialist. Give another path."


# A parent's connection must not be closed in its child, not even by the garbage collector.
_ABANDONED: list[sqlite3.Connection] = []
_OPEN: weakref.WeakSet[Database] = weakref.WeakSet()
_FORKING: list[Database] = []


def _before_fork() -> None:
    _FORKING[:] = list(_OPEN)
    for database in _FORKING:
        database.before_fork()


def _after_fork_in_parent() -> None:
    for database in _FORKING:
        database.after_fork_in_parent()
    _FORKING.clear()


def _after_fork_in_child() -> None:
    for database in _FORKING or list(_OPEN):
        database.after_fork_in_child()
    _FORKING.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
