"""Axes: how the values of a numeric dial lie on [0, 1].

decode maps u in [0, 1] to a value, encode maps a value back; decode(encode(v)) == v, exactly, for every v that decode
can yield. For that, continuous values are rounded far below any meaning: to 12 digits of the span on linear axes, to
12 significant digits on log axes. Values of a finite axis (integers, steps) each own a share [start, end] of it, and
encode yields the middle of the share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

_DIGITS = 12
_EXACT_UNIT = 10**15  # so that value * unit stays a float


class Axis(Protocol):
    """What a numeric dial needs of its axis."""

    @property
    def count(self) -> int | None:
        """The number of values, None for a continuum."""

    def decode(self, u: float) -> float:
        """The value at u."""

    def encode(self, value: float) -> float:
        """The position of a value; a value outside lies at the nearer end."""

    def share(self, value: float) -> tuple[float, float]:
        """The part of the axis that belongs to the value; of a single point in a continuum it has no width."""

    def levels(self, n: int) -> list[float]:
        """At most n distinct values, evenly spread, with both ends; the middle for n = 1."""


class Linear:
    """A continuum from low to high."""

    __slots__ = ("decimals", "first", "high", "last", "low", "span")

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high, self.span = low, high, high - low
        self.decimals = _DIGITS - math.floor(math.log10(self.span)) if self.span > 0.0 else 0
        # What is nearer to a bound than half a rounding unit is the bound, else its position could be 0 or 1 as well.
        self.first, self.last = low + 0.5 * 10.0**-self.decimals, high - 0.5 * 10.0**-self.decimals

    @property
    def count(self) -> int | None:
        return 1 if self.span == 0.0 else None

    def decode(self, u: float) -> float:
        if u <= 0.0 or self.span == 0.0:
            return self.low
        if u >= 1.0:
            return self.high
        value = round(self.low + u * self.span, self.decimals) + 0.0  # + 0.0 makes -0.0 a zero
        if value < self.first:
            return self.low
        return value if value <= self.last else self.high

    def encode(self, value: float) -> float:
        if self.span == 0.0:
            return 0.5
        return min(max((value - self.low) / self.span, 0.0), 1.0)

    def share(self, value: float) -> tuple[float, float]:
        return (0.0, 1.0) if self.span == 0.0 else (self.encode(value),) * 2

    def levels(self, n: int) -> list[float]:
        return _levels_of_continuum(self, n)


class Logarithmic:
    """A continuum from low to high, even in the logarithm; low is positive."""

    __slots__ = ("digits", "first", "high", "last", "low", "narrow", "origin", "width")

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high, self.origin = low, high, math.log(low)
        self.narrow = high / 10.0 < low
        if self.narrow:
            # log1p and expm1 keep the digits that ln(high) - ln(low) would lose.
            self.width = math.log1p((high - low) / low)
            self.digits = min(_DIGITS + math.floor(math.log10(high / (high - low))), 17) if high > low else 17
        else:
            self.width = math.log(high) - self.origin
            # Over a hundred orders of magnitude ln and exp together leave 11 digits.
            self.digits = _DIGITS if self.width < 230.0 else _DIGITS - 1
        # As on linear axes: what is nearer to a bound than half a rounding unit is the bound.
        self.first, self.last = low + self._half_unit(low), high - self._half_unit(high)

    @property
    def count(self) -> int | None:
        return 1 if self.width == 0.0 else None

    def decode(self, u: float) -> float:
        if u <= 0.0 or self.width == 0.0:
            return self.low
        if u >= 1.0:
            return self.high
        if self.narrow:
            value = self.low + self.low * math.expm1(u * self.width)
        else:
            value = math.exp(self.origin + u * self.width)
        value = float(f"{value:.{self.digits}g}")
        if value < self.first:
            return self.low
        return value if value <= self.last else self.high

    def encode(self, value: float) -> float:
        if self.width == 0.0:
            return 0.5
        if value <= self.low:
            return 0.0
        distance = math.log1p((value - self.low) / self.low) if self.narrow else math.log(value) - self.origin
        return min(distance / self.width, 1.0)

    def share(self, value: float) -> tuple[float, float]:
        return (0.0, 1.0) if self.width == 0.0 else (self.encode(value),) * 2

    def levels(self, n: int) -> list[float]:
        return _levels_of_continuum(self, n)

    def _half_unit(self, value: float) -> float:
        return 0.5 * 10.0 ** (math.floor(math.log10(value)) - self.digits + 1)


@dataclass(frozen=True, slots=True)
class Steps:
    """The values (first + k * step) / unit, k = 0..count - 1, all integers: decimal steps are exact, also as floats."""

    first: int
    step: int
    unit: int
    count: int
    whole: bool  # values are int rather than float

    def value(self, k: int) -> float:
        """The k-th value; the quotient of two integers is rounded once, so 3/10 is 0.3."""
        number = self.first + k * self.step
        return number if self.whole else number / self.unit

    def nearest(self, value: float) -> int:
        """The index of the nearest value; ends for what lies outside."""
        guess = int(value * self.unit - self.first) // self.step if self.unit < _EXACT_UNIT else 0
        for k in (guess, guess + 1):  # a value of the grid needs no fractions
            if 0 <= k < self.count and self.value(k) == value:
                return k
        k = round((Fraction(value) * self.unit - self.first) / self.step)
        return min(max(k, 0), self.count - 1)

    def decode(self, u: float) -> float:
        k = int(u * self.count)
        return self.value(k if k < self.count else self.count - 1)

    def encode(self, value: float) -> float:
        return (self._index(value) + 0.5) / self.count

    def share(self, value: float) -> tuple[float, float]:
        k = self._index(value)
        return k / self.count, (k + 1) / self.count

    def levels(self, n: int) -> list[float]:
        if n >= self.count:
            return [self.value(k) for k in range(self.count)]
        if n == 1:
            return [self.decode(0.5)]
        indices = ((2 * i * (self.count - 1) + n - 1) // (2 * (n - 1)) for i in range(n))  # rounded half up
        return [self.value(k) for k in dict.fromkeys(indices)]

    def _index(self, value: float) -> int:
        if self.whole and type(value) is int:
            return min(max((value - self.first) // self.step, 0), self.count - 1)
        return self.nearest(value)


class LogIntegers:
    """Integers low..high; v owns [ln(v - 1/2), ln(v + 1/2)], its share of the log axis, so the ends are not starved."""

    __slots__ = ("count", "high", "low", "origin", "width")

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high, self.count = low, high, high - low + 1
        self.origin = math.log(low - 0.5)
        self.width = math.log(high + 0.5) - self.origin

    def decode(self, u: float) -> float:
        value = math.floor(math.exp(self.origin + u * self.width) + 0.5)
        return min(max(value, self.low), self.high)

    def encode(self, value: float) -> float:
        start, end = self.share(value)
        return 0.5 * (start + end)

    def share(self, value: float) -> tuple[float, float]:
        value = min(max(value, self.low), self.high)
        start = (math.log(value - 0.5) - self.origin) / self.width
        return start, min((math.log(value + 0.5) - self.origin) / self.width, 1.0)

    def levels(self, n: int) -> list[float]:
        if n >= self.count > 1:
            return list(range(self.low, self.high + 1))
        if n == 1:
            return [round(math.sqrt(self.low * self.high))]
        ratio = self.high / self.low
        between = [round(self.low * ratio ** (i / (n - 1))) for i in range(1, n - 1)]
        return list(dict.fromkeys([self.low, *between, self.high]))


def _levels_of_continuum(axis: Linear | Logarithmic, n: int) -> list[float]:
    if n == 1:
        return [axis.decode(0.5)]
    return list(dict.fromkeys(axis.decode(i / (n - 1)) for i in range(n)))
