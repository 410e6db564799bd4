"""Numbers as people read them: as many digits as their noise leaves meaning to."""

from __future__ import annotations

import math


def digits_for(noise: float, *values: float) -> int:
    """Decimals at which a noise of that size shows two digits; without noise, four digits of the largest value.

    A noise that is a rounding error of the values does not count: never more than six digits of the largest.

    >>> digits_for(0.041, 0.312), digits_for(0.0, 0.312), digits_for(250.0, 1400.0)
    (3, 4, 0)
    """
    size = max((abs(value) for value in values), default=0.0)
    shown = max(noise, size / 1e4) if noise > 0 else size / 100
    return 3 if shown == 0 else min(12, max(0, 1 - math.floor(math.log10(shown))))


def rounded(value: float, decimals: int) -> str:
    """A number with that many decimals, never "-0.00".

    >>> rounded(-0.0004, 2), rounded(1234.5678, 1)
    ('0.00', '1234.6')
    """
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def in_digits(value: float, digits: int = 2) -> str:
    """A number with that many digits, the zeros before them aside, and none after them.

    >>> in_digits(0.00123), in_digits(0.05), in_digits(123.4)
    ('0.0012', '0.05', '120')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, decimals):.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
