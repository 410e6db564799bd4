"""Scales: from the bounds, log and step of a numeric dial to its axis, refusing what cannot be one."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from trialist.errors import SpaceError, shown
from trialist.space.axis import Axis, Linear, Logarithmic, LogIntegers, Steps
from trialist.space.plain import plain
from trialist.space.prior import AxisNormal, Normal

# Up to here the middle of every share, and so every value, survives the way through a float in [0, 1].
MAX_VALUES = 2**50
MAX_LOG_INT = 2**40
# Farther out, spans and sums of spans overflow.
MAX_FLOAT = 1e300


def real(kind: str, argument: str, value: Any) -> float:
    value = plain(value)
    if type(value) not in (int, float):
        raise SpaceError(
            kind, f"{argument} {shown(value)} is of type {type(value).__name__}, not a number", "Give a number."
        )
    if value != value or abs(value) == math.inf:
        raise SpaceError(kind, f"{argument} {shown(value)} is not finite", f"Give a finite {argument}.")
    if abs(value) > MAX_FLOAT:
        raise SpaceError(kind, f"{argument} {shown(value)} is too large", f"Use at most {MAX_FLOAT:g} in size.")
    return float(value)


def integer(argument: str, value: Any) -> int:
    value = plain(value)
    if type(value) is float and value.is_integer():
        raise SpaceError("Int", f"{argument} {shown(value)} is a float", f"Give the integer {shown(int(value))}.")
    if type(value) is not int:
        raise SpaceError("Int", f"{argument} {shown(value)} is not a whole number", "Give an integer, or use Float.")
    return value


def check_order(kind: str, low: float, high: float) -> None:
    if low > high:
        raise SpaceError(kind, f"low {shown(low)} is above high {shown(high)}", "Swap them.")


def check_flag(kind: str, argument: str, value: object) -> None:
    if type(value) is not bool:
        raise SpaceError(kind, f"{argument} {shown(value)} is not True or False", "Give True or False.")


def float_axis(low: float, high: float, log: bool, step: float | None) -> Axis:
    if log and low <= 0.0:
        remedy = "Give a positive low such as 1e-6, or drop log=True."
        raise SpaceError("Float", f"low {shown(low)} cannot start a log scale", remedy)
    if step is None:
        return Logarithmic(low, high) if log else Linear(low, high)
    if log:
        raise SpaceError("Float", f"step {shown(step)} and log=True exclude each other", "Choose one of them.")
    if step <= 0.0:
        raise SpaceError("Float", f"step {shown(step)} is not positive", "Give a positive step, or leave it out.")
    # As decimals, the way they were written: 0.1 means one tenth, not the binary float next to it.
    exact_low, exact_high, exact_step = (Fraction(repr(x)) for x in (low, high, step))
    steps = (exact_high - exact_low) / exact_step
    if steps.denominator != 1:
        below = float(exact_low + steps.__floor__() * exact_step)
        above = float(exact_low + (steps.__floor__() + 1) * exact_step)
        highs = f"high={above!r}" if below == low else f"high={below!r} or high={above!r}"
        problem = f"step {shown(step)} does not divide the span from {shown(low)} to {shown(high)}"
        raise SpaceError(
            "Float", problem, f"Use {highs}, or a step such as {_dividing(exact_high - exact_low, steps)!r}."
        )
    count = steps.numerator + 1
    _check_count("Float", count)
    unit = math.lcm(exact_low.denominator, exact_step.denominator)
    return Steps(int(exact_low * unit), int(exact_step * unit), unit, count, whole=False)


def _dividing(span: Fraction, steps: Fraction) -> float:
    """A step near the given one that divides the span, with few digits if one such is near."""
    wanted = max(1, round(steps))
    for parts in sorted(range(max(1, wanted - 3), wanted + 4), key=lambda n: (abs(n - wanted), -n)):
        step = float(span / parts)
        if len(repr(step)) <= 6 and Fraction(repr(step)) * parts == span:
            return step
    return float(span)


def int_axis(low: int, high: int, log: bool, step: int) -> Axis:
    if step < 1:
        raise SpaceError("Int", f"step {shown(step)} is not positive", "Give a step of at least 1.")
    if log:
        if step > 1:
            raise SpaceError("Int", f"step {shown(step)} and log=True exclude each other", "Choose one of them.")
        if low < 1:
            remedy = "Give a low of at least 1, or drop log=True."
            raise SpaceError("Int", f"low {shown(low)} cannot start a log scale", remedy)
        if high > MAX_LOG_INT:
            remedy = f"Use at most {MAX_LOG_INT} as high, or a Float."
            raise SpaceError("Int", f"high {shown(high)} is too large for a log scale of integers", remedy)
        return LogIntegers(low, high)
    rest = (high - low) % step
    if rest:
        below, above = high - rest, high - rest + step
        highs = f"high={above}" if below == low else f"high={below} or high={above}"
        problem = f"step {shown(step)} does not divide the span from {shown(low)} to {shown(high)}"
        raise SpaceError("Int", problem, f"Use {highs}, or a step such as 1.")
    count = (high - low) // step + 1
    _check_count("Int", count)
    return Steps(low, step, 1, count, whole=True)


def _check_count(kind: str, count: int) -> None:
    if count > MAX_VALUES:
        problem = f"{shown(count)} values are more than 2**50, of which a draw could not reach each"
        raise SpaceError(kind, problem, "Give narrower bounds or a larger step, or use Float without a step.")


def axis_prior(kind: str, prior: Normal | None, axis: Axis, log: bool) -> AxisNormal | None:
    if prior is None:
        return None
    if not isinstance(prior, Normal):
        raise SpaceError(kind, f"prior {shown(prior)} is not a Normal", "Give Normal(mean, sd).")
    if log and (prior.mean <= 0 or prior.sd <= 1):
        remedy = "Give a positive mean and, on a log scale, a factor above 1 as sd."
        raise SpaceError(kind, f"prior {shown(prior)} cannot be on a log scale", remedy)
    if isinstance(axis, Steps):
        width = Fraction(axis.count * axis.step, axis.unit)
        start = Fraction(2 * axis.first - axis.step, 2 * axis.unit)
        placed = AxisNormal(float((Fraction(prior.mean) - start) / width), float(Fraction(prior.sd) / width))
    elif isinstance(axis, Linear):
        if axis.span == 0.0:
            return None
        placed = AxisNormal((prior.mean - axis.low) / axis.span, prior.sd / axis.span)
    elif isinstance(axis, Logarithmic | LogIntegers):
        if axis.width == 0.0:
            return None
        placed = AxisNormal((math.log(prior.mean) - axis.origin) / axis.width, math.log(prior.sd) / axis.width)
    if not placed.reaches:
        remedy = "Give a mean nearer to the bounds, or a larger sd."
        raise SpaceError(kind, f"prior {shown(prior)} lies out of reach of the bounds", remedy)
    return placed
