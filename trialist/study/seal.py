"""The seal: what a study's test data are when it begins, so that a change shows when they are opened.

Kept as the stage "sealed": for each Split digests of its parts, for each file that a test command names its digest.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trialist.errors import SealBrokenError
from trialist.execute.command import Command
from trialist.numerics.sketch import Sketch
from trialist.scoring.fingerprint import fingerprint
from trialist.scoring.split import Split
from trialist.study.session import Session
from trialist.study.splits import splits_of
from trialist.study.work import describe

SEALED = "sealed"  # the stage
FILE_BYTES = 256 * 2**20  # of a command's own files, larger ones enter the fingerprint by size and time alone
TABLE_BYTES = 64 * 2**20  # of larger ones no single lines are told apart
_TABLES = {".csv", ".tsv", ".jsonl", ".ndjson", ".arff", ".svm", ".libsvm", ".txt", ".data", ".dat"}
_DATA = {
    *_TABLES, ".parquet", ".feather", ".arrow", ".npy", ".npz", ".h5", ".hdf5", ".mat", ".xls", ".xlsx", ".zip", ".gz",
    ".bz2", ".xz", ".zst", ".tfrecord",
}  # fmt: skip
# A file after such an option is written by the runs themselves.
_OUTPUT = re.compile(r"^-+(\w*[-_])*(o|out|output|save|log|logs|dump|pred|preds|predictions|result|results|metrics)\b")

_OBJECTIVE, _TEST = "objective: ", "test: "  # who names a Split, before its name there

Looked = Callable[..., Any] | Command


def keep_seal(session: Session, objective: Looked, test: Looked | None) -> tuple[str, ...]:
    """Write down what is sealed now, unless that is done already; what differs from then, in words."""
    kept = session.stage(SEALED) or {}
    splits, files = dict(kept.get("splits", {})), dict(kept.get("files", {}))
    changed: list[str] = []
    if isinstance(test, Command):
        now = {path: _digest_of_file(Path(path)) for path, _ in _files(test)}
        changed += [
            f"{path} was changed since the study began" for path in now if files.get(path, now[path]) != now[path]
        ]
        files = now | files
    for role, function in ((_OBJECTIVE, objective), (_TEST, test)):
        for name, split in _named_splits(function):
            before = splits.get(role + name)
            if before is None:
                splits[role + name] = _parts(split)
            elif before["fingerprint"] != split.fingerprint:
                changed.append(f"{name}: {_difference(before, _parts(split))}")
    if (splits, files) != (kept.get("splits", {}), kept.get("files", {})):
        session.store.write_stage(session.name, SEALED, {"splits": splits, "files": files}, time.time())
    return tuple(dict.fromkeys(changed))


def check_seal(session: Session, test: Looked) -> Iterator[str]:
    """What changed that is no data, in words.

    Raises SealBrokenError where the test data are not those that were sealed when the study began.
    """
    kept = session.stage(SEALED) or {}
    for name, split in _named_splits(test):
        splits = kept.get("splits", {})
        before = splits.get(_TEST + name) or splits.get(_OBJECTIVE + name)
        if before is None or split.fingerprint in {each["fingerprint"] for each in splits.values()}:
            continue
        now = _parts(split)
        # A test that nobody knew of when the study began may have another split of the same name, of other data.
        if _TEST + name in splits or _is_akin(before, now):
            raise SealBrokenError(f"{name}: {_difference(before, now)}. {_REMEDY}")
    if isinstance(test, Command):
        is_data = dict(_files(test))
        for path, before in kept.get("files", {}).items():
            if before == _digest_of_file(Path(path)) or not _is_named(path, test):
                continue
            if path not in is_data:
                raise SealBrokenError(f"{path}: this file was there when the study began, and is missing. {_REMEDY}")
            if is_data[path]:
                raise SealBrokenError(f"{path}: this file was changed since the study began. {_REMEDY}")
            yield f"{path} was changed since the study began: the verdict is on it as it is now"


def fingerprint_of(test: Looked) -> str:
    """What is sealed: the Splits that the test function names, else its own code; a command's words and files."""
    digest = hashlib.sha256()
    if isinstance(test, Command):
        for word in test.template:
            digest.update(word.encode("utf-8", "surrogateescape") + b"\0" + _bytes_of(Path(word)))
        return digest.hexdigest()
    splits = list(splits_of(test).values())
    if len(splits) == 1:
        return splits[0].fingerprint
    for split in splits:
        digest.update(split.fingerprint.encode())
    if not splits:
        digest.update(describe(test).encode())
        try:
            digest.update(inspect.getsource(test).encode())
        except (OSError, TypeError):
            digest.update(repr(getattr(getattr(test, "__code__", None), "co_code", b"")).encode())
    return digest.hexdigest()


def sketch_of(test: Looked) -> str:
    """A sketch of the sealed rows: of the one Split that the test names, or of the lines of a command's data files."""
    if isinstance(test, Command):
        return _sketch_of_files([Path(path) for path, is_data in _files(test) if is_data])
    splits = list(splits_of(test).values())
    if len(splits) != 1:
        return ""
    try:
        return splits[0].sketch
    except Exception:  # noqa: BLE001 - rows may be any objects, which fail in their own ways; the fingerprint still counts
        return ""


_REMEDY = (
    "Bring the data back as they were; or, if the change is meant, begin a study of another name with them: this "
    "study's search and its seal belong to the old ones."
)


def _parts(split: Split) -> dict[str, Any]:
    material = split._material()
    X, y = material.taken(material.sealed)
    return {
        "fingerprint": split.fingerprint,
        "numbers": fingerprint(material.sealed),
        "X": fingerprint(X),
        "y": fingerprint(y),
        "rows": len(material.sealed),
        "sketch": _sketch_or_none(split),
    }


def _sketch_or_none(split: Split) -> str:
    try:
        return split.sketch
    except Exception:  # noqa: BLE001 - as in sketch_of
        return ""


def _named_splits(function: Looked | None) -> Iterator[tuple[str, Split]]:
    if function is not None and not isinstance(function, Command):
        yield from splits_of(function).items()


def _is_akin(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether these are the same data, changed."""
    then, after = Sketch.read(before["sketch"]), Sketch.read(now["sketch"])
    shares = then is not None and after is not None and then.shared(after) >= 0.5
    return before["numbers"] == now["numbers"] and (before["X"] == now["X"] or before["y"] == now["y"] or shares)


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    if before["numbers"] != now["numbers"]:
        return "other rows are sealed than when the study began: another seed, other sizes, or more or fewer rows"
    if (before["X"], before["y"]) == (now["X"], now["y"]):
        return "the sealed rows are as they were, but others of the data were changed since the study began"
    then, after = Sketch.read(before["sketch"]), Sketch.read(now["sketch"])
    many = ""
    if then is not None and after is not None and then.members == before["rows"]:
        changed = max(1, round((1 - then.shared(after)) * before["rows"]))
        many = f", {'about ' if then.members > len(then.smallest) else ''}{changed:,} of {before['rows']:,}"
    return f"rows of the sealed test part were changed since the study began{many}"


def _files(command: Command) -> Iterator[tuple[str, bool]]:
    """(path, whether it holds data rather than code) of the files that a command names."""
    before = ""
    for word in command.template:
        option, _, value = word.partition("=") if word.startswith("-") and "=" in word else (before, "", word)
        before = word
        try:
            if _OUTPUT.match(option) or not value or not Path(value).is_file():
                continue
        except (OSError, ValueError):  # a word that only looks like a path
            continue
        yield value, Path(value).suffix.lower() in _DATA and not os.access(value, os.X_OK)


def _is_named(path: str, command: Command) -> bool:
    return any(word == path or (word.startswith("-") and word.endswith(f"={path}")) for word in command.template)


def _digest_of_file(path: Path) -> str:
    return hashlib.sha256(_bytes_of(path)).hexdigest()


def _bytes_of(path: Path) -> bytes:
    """What is in the file; of a large one its size and time; nothing where there is no file."""
    try:
        if not path.is_file():
            return b""
        status = path.stat()
        return path.read_bytes() if status.st_size <= FILE_BYTES else f"{status.st_size}:{status.st_mtime_ns}".encode()
    except (OSError, ValueError):  # a word that only looks like a path
        return b""


def _sketch_of_files(paths: Sequence[Path]) -> str:
    """Of their lines, where they are tables, else of the files as such."""
    lines: list[bytes] = []
    for path in paths:
        try:
            is_table = path.suffix.lower() in _TABLES and path.stat().st_size <= TABLE_BYTES
            lines += path.read_bytes().splitlines() if is_table else [_digest_of_file(path).encode()]
        except OSError:
            continue
    distinct = set(lines)
    if not lines or len(distinct) < len(lines) / 2:
        return ""
    hashes = [int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), "big") for line in distinct]
    whole = sum(int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), "big") for line in lines) % 2**64
    return Sketch.of(hashes, f"{whole:016x}{len(lines):x}").text()
