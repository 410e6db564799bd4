"""Braces that were not quoted, as the shell leaves them: split at their spaces, or expanded into several words.

--lr {1e-4..1 log}    arrives as the words  {1e-4..1  and  log}
--act {relu,tanh}     as  relu tanh ,   --act={relu,tanh}  as  --act=relu --act=tanh
--layers {1..4}       as  1 2 3 4
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from trialist.yamlfile import INTEGER, NUMBER


@dataclass(frozen=True, slots=True)
class Expanded:
    """A place where the shell may have expanded braces: as it is, as it was, and the whole command repaired."""

    where: str
    quoted: str
    repaired: tuple[str, ...]


def rejoined(argv: Sequence[str]) -> tuple[str, ...] | None:
    """The command with braces put together again that the shell split at their spaces; None where none was split."""
    words: list[str] = []
    open_since: int | None = None
    for word in argv:
        if open_since is None:
            words.append(word)
        else:
            words[-1] += f" {word}"
        depth = words[-1].count("{") - words[-1].count("}")
        if depth > 0 and open_since is None:
            open_since = len(words) - 1
        elif depth <= 0:
            open_since = None
    return tuple(words) if open_since is None and len(words) < len(argv) else None


def suspects(argv: Sequence[str]) -> list[Expanded]:
    """Places that look like expanded braces: a flag with several values of a kind, or the same flag several times."""
    return [*_lists(argv), *_repeated(argv)]


def unquoted(argv: Sequence[str]) -> str:
    """The command as a line to paste, its words quoted where the shell needs it."""
    return shlex.join(argv)


def _lists(argv: Sequence[str]) -> list[Expanded]:
    found = []
    for position, flag in enumerate(argv):
        if not flag.startswith("--") or flag == "--" or "=" in flag:
            continue
        end = position + 1
        while end < len(argv) and not argv[end].startswith("-") and "{" not in argv[end]:
            end += 1
        values = argv[position + 1 : end]
        if len(values) > 1 and _alike(values):
            brace = _brace(values)
            repaired = (*argv[: position + 1], brace, *argv[end:])
            found.append(Expanded(shlex.join(argv[position:end]), f"{flag} '{brace}'", repaired))
    return found


def _repeated(argv: Sequence[str]) -> list[Expanded]:
    found = []
    position = 0
    for key, group in groupby(argv, key=lambda word: word.partition("=")[0] if "=" in word else None):
        words = list(group)
        values = [word.partition("=")[2] for word in words]
        if key and len(words) > 1 and not any("{" in value for value in values) and len(set(values)) > 1:
            brace = _brace(values)
            repaired = (*argv[:position], f"{key}={brace}", *argv[position + len(words) :])
            found.append(Expanded(shlex.join(words), f"{key}='{brace}'", repaired))
        position += len(words)
    return found


def _alike(values: Sequence[str]) -> bool:
    numbers = [bool(NUMBER.fullmatch(value)) for value in values]
    if all(numbers):
        return len(set(values)) > 1
    # Files behind a flag are arguments of their own: --epochs 5 data.csv
    return not any(numbers) and all(value.isidentifier() for value in values) and len(set(values)) > 1


def _brace(values: Sequence[str]) -> str:
    if all(INTEGER.fullmatch(value) for value in values):
        numbers = [int(value) for value in values]
        if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"{{{numbers[0]}..{numbers[-1]} int}}"
    return "{" + ",".join(values) + "}"
