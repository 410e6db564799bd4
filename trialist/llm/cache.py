"""Answers that were paid, and what was spent on them: one SQLite file, for any number of processes at once.

A call is a row from before it is sent: "begun", with the most that it can take. Its answer, its tokens and its cost are
written in one transaction, before anybody sees the answer, and the row is "paid". So after a kill at any moment no
answer that anybody saw is paid again; whether a call that was under way was paid cannot be known, so its row is "lost"
and what was reserved for it counts as spent. "refused" took nothing: the server answered with an error. Errors are
never answers.

    begun ──▶ paid | refused | lost          lost ──▶ paid: given up as dead, but its answer came after all
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from os import PathLike, getpid
from pathlib import Path

from trialist.errors import StoreDamagedError, StoreMissingError, StoreVersionError
from trialist.llm.purse import Amount, Purse
from trialist.llm.request import Request, Usage
from trialist.store.faults import typed
from trialist.store.leases import Lease, Process, Sightings, this_process

_APPLICATION_ID = 0x54726C6C  # "Trll"
_SCHEMA = 1
_BUSY_SECONDS = 60.0
_TABLES = """
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, purse TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('begun', 'paid', 'refused', 'lost')),
    money REAL NOT NULL, tokens INTEGER NOT NULL, note TEXT NOT NULL,
    boot TEXT NOT NULL, namespace TEXT NOT NULL, pid INTEGER NOT NULL, process_start TEXT NOT NULL,
    began REAL NOT NULL, lease_seconds REAL NOT NULL
);
CREATE INDEX calls_under_way ON calls (purse, key) WHERE state = 'begun';
CREATE INDEX calls_lost ON calls (purse) WHERE state = 'lost';
CREATE TABLE spent (
    purse TEXT PRIMARY KEY, money REAL NOT NULL, tokens INTEGER NOT NULL, calls INTEGER NOT NULL
);
CREATE TABLE answers (
    key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, model TEXT NOT NULL, request TEXT NOT NULL,
    replicate INTEGER NOT NULL, item TEXT, text TEXT NOT NULL, finish TEXT NOT NULL,
    input INTEGER NOT NULL, cached INTEGER NOT NULL, output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    estimated INTEGER NOT NULL, seconds REAL NOT NULL, cost REAL NOT NULL, call INTEGER NOT NULL REFERENCES calls (id)
);
"""
_FIND = "SELECT text, finish, input, cached, output, reasoning, estimated, seconds, cost FROM answers WHERE key = ?"
_OWNER = "boot, namespace, pid, process_start, began, lease_seconds"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought. cost: what was paid for it then."""

    text: str
    finish: str
    usage: Usage
    seconds: float
    cost: float


@dataclass(frozen=True, slots=True)
class Begun:
    """The call may be sent now; `call` is its row."""

    call: int


@dataclass(frozen=True, slots=True)
class Busy:
    """The same call is under way elsewhere, or what is under way holds what this one needs: ask again soon."""


@dataclass(frozen=True, slots=True)
class Short:
    """The call could exceed a limit even if nothing else were under way."""

    field: str
    spent: Amount


def key_of(request: Request, endpoint: str) -> str:
    """What an answer is found by: the endpoint, the canonical request with its model, the replicate."""
    text = f"{endpoint}\x1f{request.replicate}\x1f{request.canonical}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=24).hexdigest()


class Cache:
    """The file at `path`, made where there is none; None: kept in memory, for this process alone."""

    def __init__(self, path: str | PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._shown = Path("the cache in memory") if self.path is None else self.path
        self._lock = threading.Lock()
        self._sightings = Sightings()
        self._pid = getpid()
        self._connection = self._open()

    def __repr__(self) -> str:
        return f"Cache({str(self._shown)!r})"

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def find(self, key: str) -> Answer | None:
        """The answer to that request, if it was paid before."""
        with self._reading() as connection:
            row = connection.execute(_FIND, (key,)).fetchone()
        return None if row is None else _answer(row)

    def begin(self, key: str, purse: Purse, need: Amount, lease_seconds: float) -> Answer | Begun | Busy | Short:
        """Reserve a call and write it down, in one transaction; it is given up as lost after so many seconds."""
        with self._writing() as connection:
            row = connection.execute(_FIND, (key,)).fetchone()
            if row is not None:
                return _answer(row)
            self._give_up_the_dead(connection, "key = ? OR purse = ?", (key, purse.name))
            if connection.execute("SELECT 1 FROM calls WHERE state = 'begun' AND key = ?", (key,)).fetchone():
                return Busy()
            spent, held = _spent(connection, purse.name), _held(connection, purse.name)
            field = purse.exceeded_by(spent + need)
            if field is not None:
                return Short(field, spent)
            if purse.exceeded_by(spent + held + need) is not None:
                return Busy()
            here = this_process()
            values = (key, purse.name, need.money, need.tokens, here.boot, here.namespace, here.pid, here.start)
            cursor = connection.execute(
                f"INSERT INTO calls (key, purse, state, money, tokens, note, {_OWNER})"
                " VALUES (?, ?, 'begun', ?, ?, '', ?, ?, ?, ?, ?, ?)",
                (*values, time.monotonic(), lease_seconds),
            )
            assert cursor.lastrowid is not None
            return Begun(cursor.lastrowid)

    def pay(
        self, call: int, request: Request, endpoint: str, answer: Answer, item: str | None = None
    ) -> tuple[Answer, bool]:
        """Write the answer and its cost; the answer that counts, and whether it is this one.

        It is not where the call was given up as lost and somebody else was answered first; both are paid then.
        """
        key, usage = key_of(request, endpoint), answer.usage
        with self._writing() as connection:
            self._end(connection, call, "paid", "", Amount(answer.cost, usage.tokens, 1))
            row = connection.execute(_FIND, (key,)).fetchone()
            if row is not None:
                return _answer(row), False
            counts = (usage.input, usage.cached, usage.output, usage.reasoning, int(usage.estimated))
            # Half of a surrogate pair cannot be stored, whoever wrote it.
            texts = (endpoint, request.model, answer.text, *(() if item is None else (item,)))
            endpoint, model, text, *ids = (each.encode("utf-8", "replace").decode() for each in texts)
            head = (key, endpoint, model, request.canonical, request.replicate, ids[0] if ids else None)
            values = (*head, text, answer.finish, *counts, answer.seconds, answer.cost, call)
            connection.execute(f"INSERT INTO answers VALUES ({', '.join('?' * len(values))})", values)
            return answer, True

    def refuse(self, call: int, note: str, was_sent: bool = True) -> None:
        """The call took no tokens: the server answered with an error, or it was never sent and is no call at all."""
        with self._writing() as connection:
            self._end(connection, call, "refused", note, Amount(calls=int(was_sent)))

    def lose(self, call: int, note: str) -> None:
        """Nobody can know whether the call was paid: what was reserved counts as spent."""
        with self._writing() as connection:
            self._end(connection, call, "lost", note, None)

    def spent(self, purse: Purse) -> Amount:
        """What ended calls took, lost ones at what was reserved; those of dead processes are given up first."""
        with self._writing() as connection:
            self._give_up_the_dead(connection, "purse = ?", (purse.name,))
            return _spent(connection, purse.name)

    def held(self, purse: Purse) -> Amount:
        """What calls under way may yet take."""
        with self._reading() as connection:
            return _held(connection, purse.name)

    def lost(self, purse: Purse) -> Amount:
        """The part of what is spent of which nobody knows whether it was paid."""
        with self._reading() as connection:
            sums = "SELECT TOTAL(money), SUM(tokens), COUNT(*) FROM calls WHERE state = 'lost' AND purse = ?"
            money, tokens, calls = connection.execute(sums, (purse.name,)).fetchone()
            return Amount(money, tokens or 0, calls)

    def _end(self, connection: sqlite3.Connection, call: int, state: str, note: str, took: Amount | None) -> None:
        """The call has ended. took: None for what was reserved."""
        was, purse, money, tokens = connection.execute(
            "SELECT state, purse, money, tokens FROM calls WHERE id = ?", (call,)
        ).fetchone()
        if was not in ("begun", "lost"):
            return
        took = Amount(money, tokens, 1) if took is None else took
        # What was given up as lost is in the sums already, as what was reserved.
        counted = Amount(money, tokens, 1) if was == "lost" else Amount()
        connection.execute(
            "UPDATE calls SET state = ?, note = ?, money = ?, tokens = ? WHERE id = ?",
            (state, note, took.money, took.tokens, call),
        )
        change = (took.money - counted.money, took.tokens - counted.tokens, took.calls - counted.calls)
        connection.execute("INSERT INTO spent VALUES (?, 0, 0, 0) ON CONFLICT DO NOTHING", (purse,))
        connection.execute(
            "UPDATE spent SET money = money + ?, tokens = tokens + ?, calls = calls + ? WHERE purse = ?",
            (*change, purse),
        )

    def _give_up_the_dead(self, connection: sqlite3.Connection, which: str, values: tuple[str, ...]) -> None:
        """Calls under way whose process is gone, or which should have ended long ago, are lost."""
        rows = connection.execute(f"SELECT id, {_OWNER} FROM calls WHERE state = 'begun' AND ({which})", values)
        for call, boot, namespace, pid, start, began, lease in rows.fetchall():
            process = Process(boot, namespace, pid, start)
            if self._sightings.is_dead(Lease(str(call), process, began, began, 0, lease, "")):
                self._end(connection, call, "lost", "its process ended, or gave no sign in time", None)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, typed(self._shown):
            if self._pid != getpid() and self.path is not None:
                # A connection must not be used after a fork, not even to be closed.
                self._parents, self._pid, self._connection = self._connection, getpid(), self._open()
            yield self._connection

    def _open(self) -> sqlite3.Connection:
        if self.path is not None and not self.path.parent.is_dir():
            folder = self.path.parent
            raise StoreMissingError(f"{self.path}: its folder does not exist. Create the folder {folder}.")
        with typed(self._shown):
            connection = sqlite3.connect(
                ":memory:" if self.path is None else self.path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._make(connection)
                # As in the store: WAL survives every kill of a process; a power cut can take the last moments.
                _switch_to_wal(connection)
                connection.execute("PRAGMA synchronous=NORMAL")
            except BaseException:
                connection.close()
                raise
            return connection

    def _make(self, connection: sqlite3.Connection) -> None:
        """The tables, made by one process at a time."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
            (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            if tables and owner != _APPLICATION_ID:
                raise StoreDamagedError(f"{self._shown}: this file is no cache of answers. Give another path.")
            if version > _SCHEMA:
                made = f"was made by a newer Trialist (schema {version}; this is {_SCHEMA})"
                raise StoreVersionError(f"{self._shown}: the cache {made}. Upgrade, or give another path.")
            if not tables:
                for statement in filter(str.strip, _TABLES.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={_SCHEMA}")
                connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """The switch needs the file alone for a moment, and SQLite does not wait for that by itself."""
    end = time.monotonic() + _BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _answer(row: tuple[str, str, int, int, int, int, int, float, float]) -> Answer:
    text, finish, sent, cached, output, reasoning, estimated, seconds, cost = row
    return Answer(text, finish, Usage(sent, cached, output, reasoning, bool(estimated)), seconds, cost)


def _spent(connection: sqlite3.Connection, purse: str) -> Amount:
    row = connection.execute("SELECT money, tokens, calls FROM spent WHERE purse = ?", (purse,)).fetchone()
    return Amount() if row is None else Amount(*row)


def _held(connection: sqlite3.Connection, purse: str) -> Amount:
    sums = "SELECT TOTAL(money), SUM(tokens), COUNT(*) FROM calls WHERE state = 'begun' AND purse = ?"
    money, tokens, calls = connection.execute(sums, (purse,)).fetchone()
    return Amount(money, tokens or 0, calls)
