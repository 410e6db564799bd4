"""Tables and labelled lines that fit the terminal, the same on a screen and in a pipe."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from trialist.cli.format import columns, cut, wrapped

LABEL = 11  # columns of a label before its text
_LEAST = 6  # columns that a flexible column keeps


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return max(shutil.get_terminal_size((80, 24)).columns, 40)


def log_width() -> int:
    """Columns of a line of progress: of the terminal that standard error is, or COLUMNS; a log or a pipe has no end."""
    if os.environ.get("COLUMNS", "").isdecimal():
        return width()
    try:
        return max(os.get_terminal_size(sys.stderr.fileno()).columns or sys.maxsize, 40)
    except (OSError, ValueError):  # no terminal, or no file at all
        return sys.maxsize


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: right for numbers; flexible ones share what the others leave, and are cut to it."""

    title: str
    right: bool = False
    flexible: bool = False


def table(heads: Sequence[Column], rows: Sequence[Sequence[str]], room: int, styles: Sequence[str] = ()) -> list[str]:
    """Lines of a table, at most `room` columns wide. styles: a colour for each row, or "" for none."""
    natural = [max(columns(text) for text in (head.title, *(row[i] for row in rows))) for i, head in enumerate(heads)]
    spare = room - 2 * (len(heads) - 1) - sum(n for n, head in zip(natural, heads, strict=True) if not head.flexible)
    flexible = [i for i, head in enumerate(heads) if head.flexible]
    # The narrow ones first, so that what they do not need is left to the wide ones.
    for rank, i in enumerate(sorted(flexible, key=lambda i: natural[i])):
        natural[i] = min(natural[i], max(spare // (len(flexible) - rank), _LEAST))
        spare -= natural[i]

    def line(cells: Sequence[str]) -> str:
        padded = [_pad(cell, n, head.right) for cell, n, head in zip(cells, natural, heads, strict=True)]
        return cut("  ".join(padded).rstrip(), room)

    lines = [click.style(line([head.title for head in heads]), bold=True)]
    for number, row in enumerate(rows):
        style = styles[number] if styles else ""
        lines.append(click.style(line(row), fg=style) if style else line(row))
    return lines


def labelled(label: str, text: str, room: int, style: str = "") -> list[str]:
    """A label and its text, wrapped under itself."""
    parts = wrapped(text, max(room - LABEL, 20))
    head = click.style(f"{label:<{LABEL}}"[: LABEL - 1] + " ", bold=True)
    rest = [f"{'':{LABEL}}{part}" for part in parts[1:]]
    first = click.style(parts[0], fg=style) if style else parts[0]
    return [f"{head}{first}", *rest]


def _pad(text: str, size: int, right: bool) -> str:
    text = cut(text, size)
    gap = " " * (size - columns(text))
    return gap + text if right else text + gap
