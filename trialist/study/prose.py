"""Words for prose about a study: lists, numbers, names and settings as they stand in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trialist.errors import shown
from trialist.scoring.digits import digits_for, rounded

_SHOWN = 80  # characters of a name or a text value
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def measured(score: Mapping[str, Any]) -> str:
    """A mean with its standard error, at matching digits.

    >>> measured({"mean": 0.31234, "stderr": 0.0042}), measured({"mean": 1.747e-9, "stderr": None})
    ('0.3123 ± 0.0042', '1.747e-09')
    >>> measured({"mean": 0.1663, "stderr": 5e-9}), measured({"mean": 2.0, "stderr": 0.0})
    ('0.1663 ± 5e-09', '2 ± 0')
    """
    mean, error = score["mean"], score["stderr"]
    if not error or error < 1e-6 * abs(mean):  # too small for its digits to be shown in the mean
        return f"{mean:.4g}" + ("" if error is None else f" ± {error:.1g}")
    decimals = digits_for(error, mean)
    return f"{rounded(mean, decimals)} ± {rounded(error, decimals)}"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def in_words(number: int) -> str:
    return _NUMBERS[number] if number < len(_NUMBERS) else f"{number:,}"


def was(number: int) -> str:
    return "was" if number == 1 else "were"


def listed(items: Sequence[str], between: str = ", ", last: str = " and ") -> str:
    """ "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    end = f"{between.rstrip()}{last}" if between != ", " else last
    return f"{between.join(items[:-1])}{end}{items[-1]}"


def named(name: str) -> str:
    """A user's name, on one line."""
    return name if name.isprintable() and 0 < len(name) <= _SHOWN else shown(name)


def on_one_line(text: str) -> str:
    return text if text.isprintable() else shown(text)


def setting(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return named(value) if isinstance(value, str) else shown(value)
