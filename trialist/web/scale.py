"""The value axis of a chart: where values stand, which of them get a label, what lies beyond its end."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trialist.trials.plan import Direction


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis of values from low to high; logarithmic where the values range over more than a factor of 20."""

    low: float
    high: float
    log: bool

    @classmethod
    def over(cls, values: Iterable[float], direction: Direction) -> Scale:
        """A scale that shows the good values well: on a linear one, hopeless values lie beyond its end."""
        ordered = sorted(values, key=lambda v: direction.sign * v)
        best, worst = ordered[0], ordered[-1]
        low, high = min(best, worst), max(best, worst)
        if low > 0.0 and math.log(high) - math.log(low) > math.log(20.0):
            margin = 0.04 * (math.log(high) - math.log(low))
            return cls(low * math.exp(-margin), min(high * math.exp(margin), 1.7e308), log=True)
        # Differences are of halves, so that values near the largest float do not overflow.
        spread = max(abs(ordered[len(ordered) // 2] / 2 - best / 2), abs(best) * 5e-4)
        if abs(worst / 2 - best / 2) > 4 * spread > 0.0:
            worst = best + direction.sign * 16 * spread
            low, high = min(best, worst), max(best, worst)
        margin = (high / 2 - low / 2) * 0.16 or abs(high) * 0.05 or 0.5
        return cls(max(low - margin, -1.7e308), min(high + margin, 1.7e308), log=False)

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

    def ticks(self) -> list[float]:
        """Round values inside, about five."""
        if not self.log:
            step = round_step(self.high / 5 - self.low / 5)
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
