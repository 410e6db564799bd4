"""Opens a store by its URL or path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trialist.errors import StoreError, StoreMissingError, shown

if TYPE_CHECKING:
    from trialist.protocols import Store


def open_store(url: str | Path, create: bool = True) -> Store:
    """The store at `url`: "memory", a path, or "sqlite:///path" (four slashes where the path is absolute).

    A missing file is made, unless `create` is False: StoreMissingError then, and nothing is made.
    Raises StoreError where the place cannot be used; nothing but the file, and its log and gate beside it, is touched.
    """
    text = os.fspath(url)
    if text == "memory":
        from trialist.store.memory import MemoryStore

        return MemoryStore()
    path = _path(text)

    from trialist.store.sql import SqlStore

    return SqlStore(path, create)


def _path(text: str) -> Path:
    scheme, separator, rest = text.partition("://")
    if separator and scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        raise StoreError(
            f"store: {shown(text)} is a PostgreSQL URL, which comes in a later version. Use a file for now."
        )
    if separator and scheme != "sqlite":
        raise StoreError(f"store: {shown(text)} is of no known kind. Give a path such as trialist.db, or 'memory'.")
    if separator:
        text = rest.removeprefix("/")
    if not text.strip() or "\0" in text:
        raise StoreMissingError(f"store: {shown(text)} is not a path. Give one such as trialist.db, or 'memory'.")
    # Absolute, since the process may change its folder, and other processes are told where the store is.
    return Path(os.path.abspath(os.path.expanduser(text)))
