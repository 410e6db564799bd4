"""The ledger of a SQL store as rows, within the caller's transaction; what its lines say is in `ledger`."""

from __future__ import annotations

from trialist.protocols import Look
from trialist.store import faults, ledger, statements
from trialist.store.sqlite import Database


class Looks:
    """Every look at sealed data that this store knows of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[Look, ...]:
        """In their order; StoreDamagedError where a line was changed."""
        with faults.readable(self._database.path, "the ledger"):
            lines = self._database.rows(statements.LEDGER)
            return ledger.looks_of(lines, self._head, str(self._database.path))

    def add(self, content: str) -> None:
        """A line behind the last one."""
        line = 1 + self._database.rows(statements.LEDGER_LENGTH)[0][0]
        digest = ledger.digest_of(self._head, content)
        self._database.change(statements.ADD_LINE, {"line": line, "content_json": content, "digest": digest})
        self._database.change(statements.SET_LEDGER_HEAD, {"the_digest": digest})

    @property
    def _head(self) -> str:
        head: str = self._database.rows(statements.LEDGER_HEAD)[0][0]
        return head
