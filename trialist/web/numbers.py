"""Numbers as people read them: a value with its uncertainty at matching digits, a dial's value, a moment."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from trialist.errors import shown


def measured(value: float | None, noise: float | None = None) -> str:
    """A measured value, with its standard error where there is one.

    >>> [measured(0.91234, 0.0042), measured(0.91234), measured(1234.5, 130.0), measured(None)]
    ['0.912 ± 0.004', '0.9123', '1230 ± 130', '–']
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("infinity" if value > 0 else "-infinity")
    if noise is None or not math.isfinite(noise):
        return f"{value:.4g}"
    if noise <= 1e-12 * abs(value):  # none, or what rounding leaves of none
        return f"{value:.4g} ± 0"
    decimals = _decimals(noise)
    if not -6 <= decimals <= 8:
        return f"{value:.4g} ± {noise:.1g}"
    return f"{_rounded(value, decimals)} ± {_rounded(noise, decimals)}"


def gain(difference: float, noise: float | None = None) -> str:
    """A difference with its sign: "+0.191".

    >>> gain(0.19123, 0.02), gain(-3.0), gain(0.0)
    ('+0.19', '-3', '0')
    """
    if difference == 0:
        return "0"
    decimals = _decimals(noise) if noise else None
    if decimals is None or not -6 <= decimals <= 8:
        return f"{difference:+.3g}"
    return f"{float(_rounded(difference, decimals)):+.{max(decimals, 0)}f}"


def setting(value: Any) -> str:
    """A dial's value, short: numbers to four digits, text as it is."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str) and value.isprintable() and 0 < len(value) <= 80:
        return value
    return shown(value)


def moment(seconds: float | None) -> str:
    """Wall-clock seconds since 1970 as a date and time, UTC.

    >>> moment(0.0)
    '1970-01-01 00:00 UTC'
    """
    return "–" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def count(number: int, noun: str) -> str:
    """A number of things.

    >>> count(1, "trial"), count(1200, "trial")
    ('1 trial', '1,200 trials')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _decimals(noise: float) -> int:
    """Decimals that leave one digit of the noise, two where it begins with a 1."""
    exponent = math.floor(math.log10(noise))
    return -exponent + (1 if noise / 10.0**exponent < 1.95 else 0)


def _rounded(value: float, decimals: int) -> str:
    return f"{round(value, decimals):.{max(decimals, 0)}f}"
