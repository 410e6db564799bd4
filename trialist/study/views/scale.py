"""The axis of values: where they stand, which of them get a label, what lies beyond its end."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trialist.trials.plan import Direction

_FACTOR = 20.0  # between the ends of positive values, from which on the axis is logarithmic
_SMALLEST, _LARGEST = 2.3e-308, 1.7e308


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis of values from low to high; logarithmic where the values range over more than a factor of 20."""

    low: float
    high: float
    log: bool

    @classmethod
    def over(cls, values: Iterable[float], direction: Direction) -> Scale:
        """A scale that shows the good values well: hopeless values lie beyond its end.

        >>> Scale.over([0.2, 0.3, 0.4, 900.0], Direction.MINIMIZE).holds(900.0)
        False
        """
        ordered = sorted(values, key=lambda v: direction.sign * v)
        best, worst = ordered[0], ordered[-1]
        low, high = min(best, worst), max(best, worst)
        # Differences are of halves, so that values near the largest float do not overflow.
        spread = max(abs(ordered[len(ordered) // 2] / 2 - best / 2), abs(best) * 5e-4)
        is_far = abs(worst / 2 - best / 2) > 4 * spread > 0.0
        if low > 0.0 and math.log(high) - math.log(low) > math.log(_FACTOR):
            middle = ordered[len(ordered) // 2]
            reach = 4 * max(abs(math.log(middle) - math.log(best)), 1.0)
            if abs(math.log(worst) - math.log(best)) > reach:
                end = math.exp(math.log(best) + direction.sign * reach)
                low, high = min(best, end), max(best, end)
            margin = 0.04 * (math.log(high) - math.log(low))
            return cls(max(low * math.exp(-margin), _SMALLEST), min(high * math.exp(margin), _LARGEST), log=True)
        if is_far:
            end = best + direction.sign * 16 * spread
            low, high = min(best, end), max(best, end)
            low, high = max(low, min(best, worst)), min(high, max(best, worst))
        margin = (high / 2 - low / 2) * 0.16 or abs(high) * 0.05 or 0.5
        return cls(max(low - margin, -_LARGEST), min(high + margin, _LARGEST), log=False)

    @classmethod
    def whole(cls, values: Iterable[float]) -> Scale:
        """A scale that shows all values, and leaves none outside; logarithmic from a factor of 5 on."""
        ordered = sorted(values)
        low, high = ordered[0], ordered[-1]
        if low > 0.0 and high / low > 5.0 and high < _LARGEST / 2:
            margin = 0.04 * (math.log(high) - math.log(low))
            return cls(max(low * math.exp(-margin), _SMALLEST), high * math.exp(margin), log=True)
        margin = (high / 2 - low / 2) * 0.16 or abs(high) * 0.05 or 0.5
        return cls(max(low - margin, -_LARGEST), min(high + margin, _LARGEST), log=False)

    def at(self, value: float) -> float:
        """The position of a value: 0 at low, 1 at high; beyond the ends, the end."""
        if self.log:
            low = math.log(self.low)
            share = (math.log(max(value, self.low)) - low) / (math.log(self.high) - low)
        else:
            share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return min(max(share, 0.0), 1.0)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def within(self, value: float) -> float:
        """The value, or the end that it lies beyond."""
        return min(max(value, self.low), self.high)

    def ticks(self) -> list[float]:
        """Round values inside, three to eight."""
        if not self.log:
            step = round_step(self.high / 8 - self.low / 8)
            return [k * step for k in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = max(1, (last - first) // 6)
        digits = (1, 2, 5) if last - first <= 3 else (1,)
        found = [float(f"{digit}e{power}") for power in range(first, last + 1, every) for digit in digits]
        return [tick for tick in found if self.holds(tick)]


def round_step(size: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) at or just above a size.

    >>> round_step(0.13), round_step(37.0)
    (0.2, 50.0)
    """
    power = math.floor(math.log10(size))
    return next(step for digit in (1, 2, 5, 10) if (step := float(f"{digit}e{power}")) >= size * (1 - 1e-9))
