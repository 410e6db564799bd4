"""Outlays: what a run of one configuration takes, beside those of others; by measured cost, else by time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from trialist.space.space import Space
from trialist.trials.trial import State, TrialRecord

Z = 1.645  # standard errors from which two configurations are said to take differently much: at 90 %
REPEATS = 3  # of runs of the same configuration: fewer do not tell how times vary
UNTOLD = 0.25  # deviation of the logarithm of a time of which nothing is known
LEAST = 1.1  # ratio below which a difference is not worth telling
SECONDS = 1.0  # and difference of times: what is over in a moment varies by chance from one machine to the next


@dataclass(frozen=True, slots=True)
class Outlays:
    """of: what a run takes on average, by trial number, the same for all trials of a configuration; what: "cost", or
    "time" in seconds.  runs: of that configuration, by number.  spread: deviation of the logarithm of one run.
    """

    of: dict[int, float]
    what: str
    runs: dict[int, int]
    spread: float

    def times(self, one: int, other: int) -> float | None:
        """How many times as much `one` takes as `other`, where that is more than chance, up or down; else None."""
        if one not in self.of or other not in self.of:
            return None
        ratio = self.of[one] / self.of[other]
        if self.what == "time" and abs(self.of[one] - self.of[other]) < SECONDS:
            return None
        error = self.spread * math.sqrt(1 / self.runs[one] + 1 / self.runs[other])
        limit = max(math.log(LEAST), Z * error)
        return ratio if abs(math.log(ratio)) > limit else None


def outlays(records: Iterable[TrialRecord], space: Space) -> Outlays:
    """Of complete runs; by cost where every one of them was told it, and it is not 0."""
    groups: dict[object, list[TrialRecord]] = defaultdict(list)
    for record in records:
        if record.state is State.COMPLETE:
            groups[space.identity(record.params)].append(record)
    costs = [record.cost for group in groups.values() for record in group]
    what = "cost" if costs and all(cost is not None and cost > 0 for cost in costs) else "time"
    of, runs, squares, freedom = {}, {}, 0.0, 0
    for group in groups.values():
        told = [record.cost if what == "cost" else record.seconds for record in group]
        known = [value for value in told if value is not None and value > 0]
        if not known:
            continue
        for record in group:
            of[record.number], runs[record.number] = fmean(known), len(known)
        logs = [math.log(value) for value in known]
        squares += math.fsum((each - fmean(logs)) ** 2 for each in logs)
        freedom += len(known) - 1
    untold = 0.0 if what == "cost" else UNTOLD
    return Outlays(of, what, runs, math.sqrt(squares / freedom) if freedom >= REPEATS else untold)
