"""Forecasts: what a number of runs will take in all, with an interval, from what single runs took."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialist.trials.amounts import duration

if TYPE_CHECKING:
    from trialist.budget.costs import Costs

WORTH = 0.005  # of a limit: less is not told
NORMAL_80 = 1.2816  # the 90 % quantile: an interval between 10 and 90 %


@dataclass(frozen=True, slots=True)
class Range:
    """An amount as expected, and the interval that holds it with 80 %."""

    mean: float
    low: float
    high: float

    def plus(self, amount: float) -> Range:
        """With something certain added."""
        return Range(self.mean + amount, self.low + amount, self.high + amount)

    def within(self, limit: float | None) -> Range:
        """Ended where a hard limit is."""
        if limit is None:
            return self
        return Range(min(self.mean, limit), min(self.low, limit), min(self.high, limit))


@dataclass(frozen=True, slots=True)
class Kept:
    """A part of a limit that no trial gets.  why: as it goes on behind the amount, "is kept for the verification"."""

    amount: float
    why: str


@dataclass(frozen=True, slots=True)
class Outlay:
    """One kind of expense of a study: "seconds" (wall time), "compute_seconds" or "cost".

    spent: by what is over, and by time that has passed.  running: what the trials that run are still expected to take.
    total: in all, at the end of the study; None while no trial tells.  kept: what is kept aside, and why.
    another: what one more run may take, where the study is over.
    """

    name: str
    spent: float
    running: float
    total: Range | None
    limit: float | None
    kept: tuple[Kept, ...] = ()
    another: float | None = None

    @property
    def aside(self) -> str:
        """Why not all of the limit is for trials, in a sentence; empty where all of it is.

        >>> Outlay("cost", 44.7, 0.0, None, 60.0, (Kept(12.9, "is kept for the verification"),)).aside
        'Of cost 60, 12.9 is kept for the verification.'
        """
        if self.limit is None:
            return ""
        tell, kind = self._tell
        told = [f"{tell(each.amount)} {each.why}" for each in self.kept]
        if self.another is not None and self.left > WORTH * self.limit:
            why = "" if self.left < self.another else "no stage starts a run that may pass its share, where "
            told.append(f"{tell(self.left)} is left, and {why}another run may take {tell(self.another)}")
        of = "compute " if self.name == "compute_seconds" else kind or "time "
        return f"Of {of}{tell(self.limit)}, {'; '.join(told)}." if told else ""

    @property
    def aside_in_all(self) -> float:
        return math.fsum(each.amount for each in self.kept)

    @property
    def left(self) -> float:
        """For further trials; infinity without a limit."""
        return math.inf if self.limit is None else self.limit - self.spent - self.running - self.aside_in_all

    @property
    def _tell(self) -> tuple[Callable[[float], str], str]:
        return (_money, "cost ") if self.name == "cost" else (duration, "")

    def __str__(self) -> str:
        """For people: "cost 0.82 of 20, 0.12 running, about 4.1 (3.4 to 5.2) in all"."""
        tell, kind = self._tell
        of = f" of {tell(self.limit)}" if self.limit is not None else ""
        if not self.spent and self.total is not None and self.total.mean != self.limit:
            return f"{kind}{told(self.name, self.total)}{of}"
        parts = [f"{kind}{tell(self.spent)}{of}{' of compute' if self.name == 'compute_seconds' else ''}"]
        if self.running and self.name != "seconds":
            parts.append(f"{tell(self.running)} running")
        if self.total is not None and self.spent < self.total.mean != self.limit:
            parts.append(f"{told(self.name, self.total)} in all")
        if self.kept:
            parts.append(f"{tell(self.aside_in_all)} kept aside")
        return ", ".join(parts)


def runs(count: float, costs: Costs) -> Range | None:
    """What so many full runs take; the mean of few runs is uncertain itself.  None where no run told."""
    if not costs or count <= 0:
        return Range(0.0, 0.0, 0.0) if costs else None
    each = costs.typical().mean
    mean = count * each
    # The sum of independent runs, and the error that they all share: of a mean that was estimated.
    variance = count * (costs.spread * each) ** 2 + (count * costs.spread * each) ** 2 / costs.count
    # Of positive amounts: the log-normal with that mean and variance.
    sigma = math.sqrt(math.log1p(variance / mean**2)) if mean else 0.0
    middle = math.log(mean) - sigma**2 / 2 if mean else -math.inf
    return Range(mean, math.exp(middle - NORMAL_80 * sigma), math.exp(middle + NORMAL_80 * sigma))


def told(name: str, amount: Range) -> str:
    """A range in words: "about 4.1 (3.4 to 5.2)", without the interval where it says nothing."""
    tell = _money if name == "cost" else duration
    mean, low, high = tell(amount.mean), tell(amount.low), tell(amount.high)
    return f"about {mean}" if low == high else f"about {mean} ({low} to {high})"


def _money(amount: float) -> str:
    return f"{amount:.3g}" if abs(amount) < 1000 else f"{amount:,.0f}"
