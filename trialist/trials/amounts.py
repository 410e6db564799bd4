"""Names, numbers and durations as people declare them: checked, and told."""

from __future__ import annotations

import math

from trialist.errors import PlanError, shown

MAX_NAME = 1_000  # characters; longer names break every table, and are a mistake


def check_name(field_name: str, name: object) -> str:
    """A name as it is: non-empty text of at most 1,000 characters, or PlanError."""
    if not isinstance(name, str):
        raise PlanError(field_name, f"{shown(name)} is not a name", "Give text.")
    if not name.strip():
        raise PlanError(field_name, f"{shown(name)} is empty", "Give a name of at least one letter.")
    if len(name) > MAX_NAME:
        raise PlanError(field_name, f"{shown(name)} is too long", f"Give at most {MAX_NAME} characters.")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise PlanError(
            field_name, f"{shown(name)} is not valid Unicode", "Give a name without lone surrogates."
        ) from None
    return name


def positive(field_name: str, value: object) -> float:
    """A finite number above 0 as float, or PlanError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise PlanError(field_name, f"{shown(value)} is not a positive number", "Give a finite number above 0.")
    return float(value)


def whole(field_name: str, value: object, at_least: int) -> int:
    """A whole number from `at_least` on, or PlanError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise PlanError(
            field_name, f"{shown(value)} is not a whole number from {at_least} on", f"Give at least {at_least}."
        )
    return value


def duration(seconds: float) -> str:
    """A duration as people say it.

    >>> [duration(s) for s in (0.004, 7.25, 90, 5400)]
    ['4 ms', '7.2 s', '1 min 30 s', '1 h 30 min']
    """
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 3599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
