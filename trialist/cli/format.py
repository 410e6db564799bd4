"""Numbers, times and text as people read them in a terminal."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from trialist.trials.amounts import duration
from trialist.trials.trial import Score, TrialRecord

NOTHING = "-"
_BARS = "▁▂▃▄▅▆▇█"


def number(value: float | None, digits: int = 4) -> str:
    """A number at so many significant digits, without an exponent where it reads well.

    >>> [number(x) for x in (0.912345, 0.32, 1234567.0, 1e-7, 0.0, float("nan"), None)]
    ['0.9123', '0.3200', '1234567', '1e-07', '0', 'nan', '-']
    """
    if value is None:
        return NOTHING
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    size = math.floor(math.log10(abs(value)))
    if -4 <= size < 9:
        return f"{value:.{max(digits - 1 - size, 0)}f}"
    return f"{value:.{digits}g}"


def measured(value: float | None, error: float | None) -> str:
    """A number with its standard error, at matching digits.

    >>> measured(0.91234, 0.0042), measured(1234.5, 20.0), measured(0.91234, None), measured(0.5, 0.0)
    ('0.912 ± 0.004', '1230 ± 20', '0.9123', '0.5000 ± 0')
    """
    if value is None or error is None or not (math.isfinite(value) and math.isfinite(error)):
        return number(value)
    if error == 0:
        return f"{number(value)} ± 0"
    # Two digits where the first one is a 1: 0.0149 is not well told by 0.01.
    place = math.floor(math.log10(error))
    digits = -place + (1 if f"{error:e}".startswith("1") and error / 10.0**place >= 1.05 else 0)
    if digits > 8 or place >= 9:
        return f"{value:.6g} ± {error:.1g}"
    if digits >= 0:
        return f"{value:.{digits}f} ± {error:.{digits}f}"
    return f"{round(value, digits):.0f} ± {round(error, digits):.0f}"


def score(given: Score | None) -> str:
    """A Score with its uncertainty, as far as replicates show one."""
    return NOTHING if given is None else measured(given.mean, given.stderr)


def difference(value: float, against: float, sign: int) -> str:
    """How much better than the baseline, better being positive; sign +1 where smaller is better.

    >>> difference(0.3, 0.4, 1), difference(0.3, 0.4, -1), difference(0.4, 0.4, 1)
    ('better by 0.1', 'worse by 0.1', 'equal')
    """
    gain = sign * (against - value)
    if gain == 0 or math.isnan(gain):
        return "equal" if gain == 0 else "not comparable"
    return f"{'better' if gain > 0 else 'worse'} by {abs(gain):.3g}"


def gain(value: float, against: float, sign: int) -> str:
    """The same in a table: a plus is better.

    >>> gain(0.3, 0.4, 1), gain(0.3, 0.4, -1)
    ('+0.1', '-0.1')
    """
    better = sign * (against - value)
    return NOTHING if math.isnan(better) else f"{better:+.3g}" if better else "0"


def place(url: str) -> str:
    """Where a store is, as its path is typed: without its scheme, from the working folder where it lies in there."""
    path = url.removeprefix("sqlite:///")
    below = os.path.relpath(path) if os.path.isabs(path) else path
    return safe(path if below.startswith("..") else below)


def time(seconds: float | None) -> str:
    """A duration, or a dash."""
    return NOTHING if seconds is None else duration(max(seconds, 0.0))


def value(given: Any) -> str:
    """A dial's value: numbers at six digits, text as it is, made safe."""
    if isinstance(given, float):
        return f"{given:.6g}"
    return safe(given) if isinstance(given, str) else safe(repr(given))


def params(given: Mapping[str, Any], width: int = 10_000) -> str:
    """A configuration on one line, cut at the width.

    >>> params({"lr": 0.01, "act": "relu"}), params({"lr": 0.01, "act": "relu"}, 12)
    ('lr=0.01 act=relu', 'lr=0.01 act…')
    """
    return cut(" ".join(f"{safe(name)}={value(item)}" for name, item in given.items()), width)


def failure_of(record: TrialRecord) -> str:
    """Why a trial failed, in one line."""
    if record.failure is None:
        return ""
    return f"{record.failure.cause.value}: {safe(record.failure.message)}"


def safe(text: str, keep_lines: bool = False) -> str:
    """Text that cannot disturb a terminal: control characters and marks of writing direction become escapes.

    >>> safe("a\\nb\\x1b[31m"), safe("naïve 🚀")
    ('a\\\\nb\\\\x1b[31m', 'naïve 🚀')
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or _joins(letter) or (keep_lines and letter == "\n") else _escaped(letter)
        for letter in text
    )


def cut(text: str, width: int) -> str:
    """Text of at most so many columns, with an ellipsis where something is missing."""
    if columns(text) <= width:
        return text
    kept, used = [], 0
    for letter in text:
        used += columns(letter)
        if used > width - 1:
            break
        kept.append(letter)
    return "".join(kept) + "…" if width > 0 else ""


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Text as lines of at most so many columns, broken at spaces, and within words that are longer than a line.

    >>> wrapped("one two three", 8, "  ")
    ['one two', '  three']
    """
    lines = [""]
    for word in text.split():
        line = f"{lines[-1]} {word}" if lines[-1].strip() else f"{lines[-1]}{word}"
        if columns(line) <= width:
            lines[-1] = line
            continue
        if lines[-1].strip():
            lines.append(indent)
        while columns(word) > width - columns(lines[-1]):
            piece = cut(word, width - columns(lines[-1])).removesuffix("…")
            lines[-1] += piece
            lines.append(indent)
            word = word[len(piece) :]
        lines[-1] += word
    return lines


def columns(text: str) -> int:
    """How many columns of a terminal the text takes: wide letters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(letter) or _joins(letter)
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """A row of bars, the lowest value lowest; more values than columns are thinned to the last of each group.

    >>> sparkline([3.0, 2.0, 1.0, 1.0])
    '█▅▁▁'
    """
    finite = [v for v in values if math.isfinite(v)]
    if len(finite) > width:
        finite = [finite[(i + 1) * len(finite) // width - 1] for i in range(width)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    # Scaled before subtracting: of two values near the largest float, the difference is none.
    span = high / 2 - low / 2
    return "".join(_BARS[0 if span == 0 else round((v / 2 - low / 2) / span * (len(_BARS) - 1))] for v in finite)


def _joins(letter: str) -> bool:
    # Zero-width joiner and variation selectors hold emoji together.
    return letter == "\u200d" or "\ufe00" <= letter <= "\ufe0f"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
