"""Two systems side by side: measured in turn on one machine, and the table that says how far apart they are.

Machines are noisy, so only the ratio of two measurements of one run means anything: each round measures both.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

OURS, THEIRS = "Trialist", "Optuna"


@dataclass(frozen=True, slots=True)
class Line:
    """One measured thing. `target` is the bound on `ratio` (ours / theirs), or on ours where there is no other.

    least: the target is a lower bound, not an upper one.
    """

    what: str
    unit: str
    ours: float
    theirs: float | None
    target: float | None = None
    least: bool = False

    @property
    def ratio(self) -> float | None:
        return None if self.theirs is None else self.ours / self.theirs

    @property
    def verdict(self) -> str:
        """ "met", "missed", or "" where the line is for information only."""
        if self.target is None:
            return ""
        measured = self.ours if self.ratio is None else self.ratio
        return "met" if (measured >= self.target if self.least else measured <= self.target) else "missed"


def require_optuna() -> None:
    """End politely where the other system is not installed."""
    if importlib.util.find_spec("optuna") is None:
        sys.exit("Optuna is not installed, and the benchmarks compare with it. Install it: pip install -e '.[bench]'")


def in_turn(rounds: int, *measures: Callable[[], Any]) -> list[list[Any]]:
    """Each measure once a round, in turn, the order turned round each time; the results by measure.

    >>> in_turn(2, lambda: "a", lambda: "b")
    [['a', 'a'], ['b', 'b']]
    """
    results: list[list[Any]] = [[] for _ in measures]
    for number in range(rounds):
        order = list(enumerate(measures))
        for at, measure in order if number % 2 == 0 else reversed(order):
            results[at].append(measure())
    return results


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def show(title: str, lines: Sequence[Line]) -> None:
    """Print the lines as a table of at most 100 columns."""
    rows = [("", OURS, THEIRS, "ratio", "target", "")]
    for line in lines:
        rows.append(
            (
                line.what,
                _number(line.ours, line.unit),
                "" if line.theirs is None else _number(line.theirs, line.unit),
                "" if line.ratio is None else f"{line.ratio:.3g} x",
                _target(line),
                line.verdict,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    print(f"\n{title}")
    for row in rows:
        first, *others = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())
    sys.stdout.flush()


def _number(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}"


def _target(line: Line) -> str:
    if line.target is None:
        return ""
    bound = f"{line.target:g} {'x' if line.theirs is not None else line.unit}"
    return f"{'>=' if line.least else '<='} {bound}"
