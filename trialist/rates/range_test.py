"""The learning-rate range test: train a little while the rate rises, and see where the loss falls and where it breaks.

Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3. What its curve says is read in
`bounds`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialist.errors import InputError, ResultError, shown
from trialist.rates.bounds import has_broken, read, smooth
from trialist.space.plain import plain
from trialist.trials.outcome import number


@dataclass(frozen=True, slots=True)
class RangeTest:
    """Losses at rising rates, and the bounds for the peak rate that they speak for.

    rates, losses, smoothed: as many values each, by rising rate; a loss may be infinite or NaN where training broke.
    low, high: from where the loss begins to fall to where it no longer does, both None where it never falls.
    steepest: the rate at which it falls most by the logarithm of the rate; None as well.
    diverged_at: the rate at which training broke, if it did.  reason: how this was read, for people.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    low: float | None
    high: float | None
    steepest: float | None
    diverged_at: float | None
    reason: str

    @classmethod
    def of(cls, rates: Sequence[float], losses: Sequence[float], smoothing: float = 0.0) -> RangeTest:
        """What measured losses say: without smoothing, each loss is that of a run of its own at that rate.

        Rates in any order.  Raises InputError for rates that are not positive or of which there are fewer than three.
        """
        _check_smoothing(smoothing)
        pairs = sorted(zip(map(float, rates), map(float, losses), strict=True))
        if len(pairs) < 3 or not all(0 < rate < math.inf for rate, _ in pairs):
            raise InputError("rates", f"{shown(list(rates))} are no range", "Give at least three rates above 0.")
        xs, ys = [rate for rate, _ in pairs], [loss for _, loss in pairs]
        smoothed = smooth(ys, smoothing)
        found = read(xs, ys, smoothed, smoothing)
        return cls(
            tuple(xs), tuple(ys), tuple(smoothed), found.low, found.high, found.steepest, found.diverged_at,
            found.reason,
        )  # fmt: skip

    @property
    def bounds(self) -> tuple[float, float]:
        """(low, high), for `schedule(*test.bounds)`; ResultError with the reason where there are none."""
        if self.low is None or self.high is None:
            raise ResultError("lr_range_test", f"no bounds can be proposed: {self.reason}", "Try another range.")
        return self.low, self.high

    def sketch(self, width: int = 60, height: int = 10) -> str:
        """The smoothed loss by rate as lines of text, the bounds as upright lines."""
        from trialist.rates.sketch import sketch

        level = self._ceiling
        ys = [min(y, level) if math.isfinite(y) else level for y in self.smoothed]
        marks = [] if self.low is None or self.high is None else [self.low, self.high]
        return sketch(self.rates, ys, width, height, log_x=True, x_label="learning rate", marks=marks)

    def svg(self, path: str | Path) -> Path:
        """Draw losses, smoothed losses and bounds into an SVG file; returns its path."""
        from trialist.rates.chart import Line, chart, write

        lines = [Line(self.rates, self.losses, "loss", dots=True)]
        is_smoothed = any(a != b for a, b in zip(self.losses, self.smoothed, strict=True) if math.isfinite(a))
        lines.insert(0, Line(self.rates, self.smoothed, "smoothed" if is_smoothed else ""))
        band = None if self.low is None or self.high is None else (self.low, self.high)
        level = self._ceiling
        drawn = chart(
            "Learning-rate range test", lines, x_label="learning rate", y_label="loss", note=self.reason, log_x=True,
            band=band, ceiling=level,
        )  # fmt: skip
        return write(path, drawn)

    @property
    def _ceiling(self) -> float:
        """Where a picture ends, so that a loss of a million does not flatten the rest of it."""
        finite = [y for y in self.smoothed if math.isfinite(y)] or [1.0]
        start, least = finite[0], min(finite)
        return start + max(0.6 * (start - least), 0.1 * abs(start), 1e-12)


def lr_range_test(
    step: Callable[[float], Any],
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
    *,
    smoothing: float = 0.8,
) -> RangeTest:
    """Call `step(rate) -> loss` at rates that rise evenly in their logarithm, until the loss breaks away.

    step: trains on one batch, the next one each time, at that rate, and returns its training loss. Use a fresh model,
    and throw it away.  smoothing: the weight that an exponential moving average gives to the past, in [0, 1).
    Ends early where the loss is no finite number, or has risen over its start by what it had fallen.
    Raises InputError for a range that cannot be, ResultError where `step` returns no number.

    >>> test = lr_range_test(lambda rate: 1.0 if rate < 1e-3 else 0.2 if rate < 0.1 else 5.0, smoothing=0.0)
    >>> [f"{bound:.0e}" for bound in test.bounds]
    ['9e-04', '1e-01']
    """
    low, high, steps = _range(low, high, steps)
    _check_smoothing(smoothing)
    ratio = (high / low) ** (1 / (steps - 1))
    rates: list[float] = []
    losses: list[float] = []
    for i in range(steps):
        rates.append(min(low * ratio**i, high))
        losses.append(number("step", step(rates[-1])))
        if has_broken(losses):
            break
    while len(rates) < 3:  # it broke at once: the curve has an end all the same
        rates.append(rates[-1] * ratio)
        losses.append(math.inf)
    return RangeTest.of(rates, losses, smoothing)


def _range(low: Any, high: Any, steps: Any) -> tuple[float, float, int]:
    low, high, steps = plain(low), plain(high), plain(steps)
    for name, value in (("low", low), ("high", high)):
        if type(value) not in (int, float) or not 0 < value < math.inf:
            raise InputError(name, f"{shown(value)} is no rate", "Give a finite number above 0.")
    if low >= high:
        raise InputError("low", f"{shown(low)} is not below high {shown(high)}", "Swap them.")
    if type(steps) is not int or steps < 10:
        raise InputError("steps", f"{shown(steps)} is too few to see a curve", "Give a whole number, at least 10.")
    return float(low), float(high), steps


def _check_smoothing(smoothing: Any) -> None:
    if type(plain(smoothing)) not in (int, float) or not 0 <= smoothing < 1:
        raise InputError("smoothing", f"{shown(smoothing)} is no weight", "Give a number from 0 to below 1.")
