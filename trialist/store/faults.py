"""What goes wrong with a file, as typed errors that name its path, the cause and the remedy."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trialist.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreMissingError,
    StoreReadOnlyError,
)

_FULL = (
    StoreFullError,
    "no space is left, or the file may not grow",
    "Free some space and go on: what was stored is kept.",
)
_READ_ONLY = (
    StoreReadOnlyError,
    "the file or its folder is not writable",
    "Give yourself write access to both, or copy the file.",
)
_DAMAGED = (
    StoreDamagedError,
    "the file is not a study file, or a damaged one",
    "Restore it from a copy, or give another path.",
)
_MISSING = (StoreMissingError, "the file cannot be opened", "Check that the path exists and that you may read it.")
_BUSY = (StoreBusyError, "another process held the write lock too long", "End that process, or try again later.")
_OTHER = (StoreError, "the file could not be read or written", "Check the disk, then try again.")

# By the longest prefix of SQLite's own name of the error. IOERR_WRITE is what a quota or a limit of file size says.
_BY_NAME = {
    "SQLITE_FULL": _FULL,
    "SQLITE_IOERR_WRITE": _FULL,
    "SQLITE_IOERR_SHMSIZE": _FULL,
    "SQLITE_IOERR_SHMOPEN": _FULL,
    "SQLITE_IOERR_SHORT_READ": _DAMAGED,
    "SQLITE_IOERR_CORRUPTFS": _DAMAGED,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_PERM": _READ_ONLY,
    "SQLITE_AUTH": _READ_ONLY,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_FORMAT": _DAMAGED,
    "SQLITE_CANTOPEN": _MISSING,
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
}
_BY_ERRNO = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EROFS: _READ_ONLY,
    errno.ENOENT: _MISSING,
    errno.ENOTDIR: _MISSING,
    errno.ENAMETOOLONG: _MISSING,
    errno.ELOOP: _MISSING,
}


# What the driver raises; the last one where it quotes damaged text in a message of its own.
SQLITE = (sqlite3.Error, UnicodeDecodeError)


@contextmanager
def typed(path: Path) -> Iterator[None]:
    """Turn every error of the file, by SQLite or by the system, into a StoreError."""
    try:
        yield
    except StoreError:
        raise
    except SQLITE as problem:
        raise told(path, problem) from problem
    except OSError as problem:
        if problem.errno is None:
            raise
        raise _told(path, _BY_ERRNO.get(problem.errno, _OTHER), problem) from problem


def is_damage(path: Path, problem: Exception) -> bool:
    """Whether the file is no study file, or a damaged one."""
    return isinstance(told(path, problem) if isinstance(problem, SQLITE) else problem, StoreDamagedError)


def told(path: Path, problem: Exception) -> StoreError:
    """SQLite's error as ours."""
    return _told(path, _of_sqlite(problem), problem)


def is_refusal(problem: OSError | sqlite3.Error) -> bool:
    """Whether the place may be read but not written."""
    if isinstance(problem, sqlite3.Error):
        return _of_sqlite(problem) in (_READ_ONLY, _MISSING)
    return _BY_ERRNO.get(problem.errno or 0) is _READ_ONLY


@contextmanager
def readable(path: Path, what: str) -> Iterator[None]:
    """Where a row cannot be understood, say which part of the file holds what no store ever wrote."""
    try:
        yield
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as problem:
        reason = f"{type(problem).__name__}: {problem}"
        raise StoreDamagedError(f"{path}: {what} cannot be read ({reason}). {_DAMAGED[2]}") from problem


def _of_sqlite(problem: Exception) -> tuple[type[StoreError], str, str]:
    name = getattr(problem, "sqlite_errorname", "")
    while name:
        if name in _BY_NAME:
            return _BY_NAME[name]
        name = name.rpartition("_")[0]
    # Without a name the error is the driver's own, and text that is no UTF-8 is the one that a file can cause.
    return _DAMAGED if "utf-8" in str(problem).lower() else _OTHER


def _told(path: Path, fault: tuple[type[StoreError], str, str], problem: Exception) -> StoreError:
    kind, cause, remedy = fault
    return kind(f"{path}: {cause} ({problem}). {remedy}")
