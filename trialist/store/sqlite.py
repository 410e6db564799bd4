"""One SQLite file, held open: its transactions, the gate before them, durability, and what happens at a fork.

WAL with synchronous=NORMAL: a commit costs microseconds and survives any kill. A durable commit is followed by a sync
of the log before it is acknowledged, outside the lock: what FULL would do, but the syncs of several processes run side
by side and serve each other. Where a checkpoint came between, it has synced the log already.
Source: sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import ClauseElement

from trialist.errors import InputError, StateError, StoreMissingError, StoreReadOnlyError
from trialist.store import connect, faults

_sync = getattr(os, "fdatasync", os.fsync)
_LOOKS = 60  # at a closed gate, about 100 microseconds in all


class Database:
    """An SQLite file with its tables; made where it is missing and `create` says so.

    One connection serves all threads, one at a time: SQLite has one writer anyway. It never crosses a fork: it is
    closed before, and each side opens its own when it needs one.
    """

    def __init__(self, path: Path, create: bool = True) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._connection: sqlite3.Connection | None = None
        self._gate = self._log = -1
        self._is_read_only = self._is_immutable = False
        self._inode = -1
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
        """A transaction that writes, alone; rolled back where its body raises. durable: no power cut can undo it."""
        with self._lock:
            if self._depth:
                raise StateError("the store was asked to write within a transaction. Only read while proposing.")
            try:
                self._depth += 1
                with faults.typed(self.path):
                    connection = self._ready_to_write()
                    _pass_gate(self._gate)
                    connection.execute("BEGIN IMMEDIATE")
                yield
                with faults.typed(self.path):
                    connection.execute("COMMIT")
            finally:
                self._depth -= 1
                self._roll_back()
                if self._gate >= 0:
                    fcntl.flock(self._gate, fcntl.LOCK_UN)
            # A copy, since another thread may close the file before it is synced.
            log = os.dup(self._log) if durable else -1
        if durable:
            with faults.typed(self.path):
                try:
                    _sync(log)
                finally:
                    os.close(log)

    def rows(self, statement: ClauseElement, **values: Any) -> list[Any]:
        """All rows that a statement gives, within the open transaction."""
        try:
            return self._run(statement, values).fetchall()
        except faults.SQLITE as problem:
            raise faults.told(self.path, problem) from problem

    def each(self, statement: ClauseElement, **values: Any) -> Iterator[Any]:
        """The rows one by one, so that a large study is not held twice."""
        with faults.typed(self.path):
            yield from self._run(statement, values)

    def row(self, statement: ClauseElement, **values: Any) -> Any | None:
        """The first row, or None."""
        found = self.rows(statement, **values)
        return found[0] if found else None

    def change(self, statement: ClauseElement, values: Mapping[str, Any]) -> int:
        """Execute a statement; how many rows it changed."""
        try:
            return self._run(statement, values).rowcount
        except faults.SQLITE as problem:
            raise faults.told(self.path, problem) from problem

    def close(self) -> None:
        """Let go of the file; the last one to do so folds the log into it. It opens again when it is used again."""
        with self._lock, faults.typed(self.path):
            self._let_go()

    def _run(self, statement: ClauseElement, values: Mapping[str, Any]) -> sqlite3.Cursor:
        text, constants = _compiled(statement)
        assert self._connection is not None, "a statement outside a transaction"
        try:
            return self._connection.execute(text, {**constants, **values} if constants else values)
        except OverflowError:
            problem = "a whole number needs more than 64 bits, which no column holds"
            raise InputError("number", problem, "Give a smaller one.") from None

    def _roll_back(self) -> None:
        # After a full disk there may be nothing left to roll back.
        if self._connection is not None and self._connection.in_transaction:
            with faults.typed(self.path):
                self._connection.execute("ROLLBACK")

    # Opening and letting go

    def _ready(self) -> sqlite3.Connection:
        if self._connection is None:
            self._open(create=False)
        assert self._connection is not None
        return self._connection

    def _ready_to_write(self) -> sqlite3.Connection:
        if self._is_read_only:
            self._let_go()  # perhaps it is writable by now
        connection = self._ready()
        if self._is_read_only:
            problem = "the file or its folder is not writable"
            raise StoreReadOnlyError(f"{self.path}: {problem}. Give yourself write access to both, or copy the file.")
        # Where the file was removed or replaced, writes would go into one that nobody will ever read.
        if self._inode_now() != self._inode:
            self._let_go()
            problem = "the file was removed or replaced while in use"
            raise StoreMissingError(f"{self.path}: {problem}. Put it back, or open the new one.")
        return connection

    def _open(self, create: bool) -> None:
        if self.path in _ABANDONED:
            raise StateError(f"{self.path}: this process was forked while it was proposing. Fork before or after that.")
        size = connect.size_of(self.path, create)
        gate = Path(f"{self.path}.gate")
        was_there = gate.exists()
        self._is_read_only = self._is_immutable = False
        try:
            # Opened before a missing file is made, and held while it is: so its makers take turns.
            self._gate = os.open(gate, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
            if size == 0:
                with self._at_the_gate():
                    self._connection = connect.to_write(self.path, self._at_the_gate())
            else:
                self._connection = connect.to_write(self.path, self._at_the_gate())
            self._log = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
            self._inode = self._inode_now()
        except (OSError, sqlite3.DatabaseError) as problem:
            self._let_go()
            if size == 0 or not faults.is_refusal(problem):
                if not was_there and faults.is_damage(self.path, problem):
                    gate.unlink(missing_ok=True)  # a file that is no study keeps no trace of the attempt
                raise
            self._connection, self._is_immutable = connect.to_read(self.path)
            self._is_read_only = True
        except BaseException:
            self._let_go()
            raise

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

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        descriptors, self._log, self._gate = (self._log, self._gate), -1, -1
        try:
            if connection is not None:
                connection.close()
        finally:
            for descriptor in descriptors:
                if descriptor >= 0:
                    os.close(descriptor)

    def close_at_exit(self) -> None:
        """Close, unless a thread is still at work: it is not waited for, and its transaction is undone as by a kill."""
        if self._lock.acquire(blocking=False):
            try:
                if not self._depth:
                    with suppress(sqlite3.Error, OSError):
                        self._let_go()
            finally:
                self._lock.release()

    # Forks

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
            _ABANDONED[self.path] = self._connection
            self._connection = None
            for descriptor in (self._log, self._gate):
                os.close(descriptor)  # the parent's lock is freed by the parent alone
            self._gate = self._log = -1
        self._lock, self._depth = threading.RLock(), 0


def _pass_gate(gate: int) -> None:
    """Wait for the gate; whoever holds it needs some hundred microseconds, unless it proposes with a model.

    flock waits in the kernel, first come first served, and is freed by kill -9; SQLite polls for its own lock, so that
    beside seven others one process can starve. Before it sleeps, a process looks for about as long as waking up takes:
    eight processes without other work passed a third more often for it, still within a few percent of each other.
    """
    for _ in range(_LOOKS):
        try:
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            os.sched_yield()
    fcntl.flock(gate, fcntl.LOCK_EX)


@cache
def _compiled(statement: ClauseElement) -> tuple[str, dict[str, Any]]:
    """Text and constants: SQLAlchemy says what to execute, once; the driver executes it, at a tenth of the price."""
    compiled = statement.compile(dialect=connect.DIALECT)
    return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}


# A parent's connection must not be closed in its child, not even by the garbage collector. Since SQLite keeps locks by
# process and file, the child can never have the file to itself.
_ABANDONED: dict[Path, sqlite3.Connection] = {}
_OPEN: weakref.WeakSet[Database] = weakref.WeakSet()


class _Forks:
    """Takes the open databases through a fork, one fork at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._databases: list[Database] = []

    def before(self) -> None:
        self._lock.acquire()
        self._databases = list(_OPEN)
        for database in self._databases:
            database.before_fork()

    def after_in_parent(self) -> None:
        for database in self._databases:
            database.after_fork_in_parent()
        self._databases = []
        self._lock.release()

    def after_in_child(self) -> None:
        for database in self._databases:
            database.after_fork_in_child()
        self._databases, self._lock = [], threading.Lock()


@atexit.register
def _close_all() -> None:
    # A script seldom closes its study. With the log left unfolded, whoever copies the file alone copies none of it.
    for database in list(_OPEN):
        database.close_at_exit()


_FORKS = _Forks()
os.register_at_fork(before=_FORKS.before, after_in_parent=_FORKS.after_in_parent, after_in_child=_FORKS.after_in_child)
