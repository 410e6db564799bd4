"""Priors: where on a dial good values are expected. They steer draws; they never exclude a value.

A numeric dial lies on the unit axis (see axis.py), and so does its prior: a normal distribution with mean m and
standard deviation s in units of the axis, truncated to [0, 1]. Its quantile is exact to rounding, in the tails too.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from trialist.errors import SpaceError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_SQRT2 = math.sqrt(2.0)
# Beyond, the tail is not a prior but a mistake (and at 38 the density is no longer a float).
_FARTHEST = 30.0


@dataclass(frozen=True, slots=True)
class Normal:
    """A bell-shaped prior round `mean`, a value of the dial, truncated to the dial's bounds.

    `sd` is in the dial's own units; on a log dial it is a factor above 1: `Normal(1e-3, 10)` expects two thirds of the
    good values between 1e-4 and 1e-2.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        for argument, value in (("mean", self.mean), ("sd", self.sd)):
            if type(value) not in (int, float) or not math.isfinite(value):
                raise SpaceError("Normal", f"{argument} {shown(value)} is not a finite number", "Give a number.")
        if self.sd <= 0:
            raise SpaceError("Normal", f"sd {shown(self.sd)} is not positive", "Give a positive sd.")


@dataclass(frozen=True, slots=True)
class AxisNormal:
    """A normal distribution on the unit axis, truncated to [0, 1]: mean m, standard deviation s, in axis units."""

    m: float
    s: float

    @property
    def reaches(self) -> bool:
        """False if the axis lies so far out in the tail that nothing sensible can be drawn."""
        return -_FARTHEST * self.s <= self.m <= 1.0 + _FARTHEST * self.s

    def quantile(self, u: float) -> float:
        """The position below which lies the share u of the truncated distribution."""
        from statistics import NormalDist

        a, b = -self.m / self.s, (1.0 - self.m) / self.s
        p = _cdf(a) + u * (_cdf(b) - _cdf(a))
        if p <= 0.5:
            z = NormalDist().inv_cdf(p) if p > 0.0 else a
        else:
            # The upper half is computed from its own tail: near p = 1 a float has no digits left.
            q = _cdf(-b) + (1.0 - u) * (_cdf(-a) - _cdf(-b))
            z = -NormalDist().inv_cdf(q) if q > 0.0 else b
        return min(max(self.m + self.s * z, 0.0), 1.0)

    def mass(self, start: float, end: float) -> float:
        """The probability of the positions between start and end."""
        return self._between(start, end) / self._between(0.0, 1.0)

    def _between(self, start: float, end: float) -> float:
        a, b = (start - self.m) / self.s, (end - self.m) / self.s
        return _cdf(-a) - _cdf(-b) if a > 0.0 else _cdf(b) - _cdf(a)


@dataclass(frozen=True, slots=True)
class Weights:
    """Cumulative probabilities of the choices of a categorical dial."""

    cumulative: tuple[float, ...]

    @classmethod
    def of(cls, weights: Sequence[float]) -> Weights:
        """From positive weights, in the order of the choices."""
        total = math.fsum(weights)
        return cls(tuple(part / total for part in accumulate(weights)))

    def index(self, u: float) -> int:
        """The choice in whose share u lies."""
        return min(bisect_right(self.cumulative, u), len(self.cumulative) - 1)

    def mass(self, index: int) -> float:
        """The probability of that choice."""
        return self.cumulative[index] - (self.cumulative[index - 1] if index else 0.0)


def _cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / _SQRT2)
