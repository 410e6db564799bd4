"""What a run is expected to take, in seconds or in money, learnt from the runs that a history holds.

ln cost is a ridge regression on the configuration's features, and the next one follows Student's t: costs are positive,
vary by factors, and have heavy tails.  With fewer trials than would tell a slope the configuration does not count.  A
configuration that was run is expected to be as dear again, by half of what one run of it was off, two thirds of two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trialist.model.features import Features
from trialist.numerics.ridge import Array, Ridge, fit
from trialist.space.cube import Cube
from trialist.trials.history import History
from trialist.trials.trial import Action, Cause, State, TrialRecord

Measure = Callable[[TrialRecord], float | None]

LIKELY = 0.75  # chance that a trial takes no more than is likely,
MOST = 0.975  # than it takes at most; then the largest excess seen so far counts as well
SURELY = 0.995  # than it takes as good as surely, as its tail tells as well; for runs that nobody needs
TAIL, TAIL_RUNS = 0.8, 1.5  # mean excess over the median, in deviations as expected beforehand; worth so many excesses
GUESS = 0.3  # standard deviation of ln cost, before any was seen
FAR, ENOUGH_FAR = 1 / 3, 3  # of a full run; with so many runs that went so far, shorter ones are not extrapolated
SLOPES_FROM = 8  # runs before the configuration counts
NEWEST = 400  # runs that are learnt from


@dataclass(frozen=True, slots=True)
class Amount:
    """What one run, or a part of one, is expected to take: on average, what it likely stays below, and at most.

    surely: hardly ever more than that, for what is not worth a risk.
    """

    mean: float
    likely: float
    most: float
    surely: float

    def through(self, share: float, start: float) -> Amount:
        """Of a run through a share of a full one, of which `start` is taken however short it is."""
        if share == 1.0:
            return self
        whole = (self.mean, self.likely, self.most, self.surely)
        return Amount(*(min(x, start) + max(x - start, 0.0) * share for x in whole))


NOTHING = Amount(0.0, 0.0, 0.0, 0.0)


class Costs:
    """Expected amounts of one measure at one moment of a study; None before any run told.

    Where the study has no run yet that tells, those of its warm start stand in.

    start: what a run takes however short it is, such as the start of a process; what it takes beside that is in
    proportion to how far it goes.
    """

    def __init__(self, history: History, measure: Measure) -> None:
        told = _told(history, measure)
        self.is_borrowed = not told and any(_told(past, measure) for past in history.earlier)
        if self.is_borrowed:
            told = [pair for past in history.earlier for pair in _told(past, measure)]
        told = told[-NEWEST:]
        self.start = _start(told)
        told = (
            [run for run in told if run.share >= FAR] if sum(run.share >= FAR for run in told) >= ENOUGH_FAR else told
        )
        self.count = len(told)
        self._features: Features | None = None
        self._fit: Ridge | None = None
        if not told:
            return
        values = np.array([run.of_a_full_one(self.start) for run in told])
        y = np.log(np.maximum(values, max(values.max() * 1e-6, 1e-300)))
        X = np.zeros((len(told), 0))
        if self.count >= SLOPES_FROM and not self.is_borrowed and len(history.space):
            self._features = Features(Cube(history.space))
            X = self._rows([run.record.params for run in told])
        self._fit = fit(X, y, GUESS)
        self._own: dict[Hashable, list[float]] = {}
        if not self.is_borrowed:
            self._space = history.space
            for run, off in zip(told, self._fit.residuals.tolist(), strict=True):
                self._own.setdefault(self._space.identity(run.record.params), []).append(off)
        self._excess = float(self._fit.residuals.max())
        self._tail = _tail(self._fit.residuals)
        self._smearing = float(np.mean(np.exp(self._fit.residuals)))  # Duan 1983: of logs to a mean, without a normal

    def __bool__(self) -> bool:
        return self._fit is not None

    def typical(self) -> Amount:
        """A full run of a configuration like those that were run."""
        return self._amounts(None, [])

    def of(self, params: Mapping[str, Any], share: float = 1.0) -> Amount:
        """A run of that configuration, through `share` of a full one."""
        if self._fit is None:
            return NOTHING
        own = self._own.get(self._space.identity(params), []) if self._own else []
        whole = self._amounts(self._rows([params]) if self._features is not None else None, own)
        return whole.through(share, self.start)

    @property
    def spread(self) -> float:
        """Standard deviation over mean of the cost of one run of unknown configuration."""
        if self._fit is None:
            return 0.0
        return math.sqrt(math.expm1(min(float(np.var(self._fit.residuals)) + self._fit.scale**2 / self.count, 3.0)))

    def _amounts(self, X: Array | None, own: list[float]) -> Amount:
        """own: by how much runs of the very configuration were off what is expected of it."""
        if self._fit is None:
            return NOTHING
        X = self._fit.centre[None] if X is None else X
        location = float(self._fit.predict(X)[0][0])
        likely, most, surely = (float(self._fit.quantile(X, level)[0]) for level in (LIKELY, MOST, SURELY))
        shift = math.fsum(own) / (len(own) + 1)
        seen = max(location + shift + self._excess, location + max(own, default=0.0))
        found = (
            location + shift + math.log(self._smearing),
            likely + shift,
            max(most + shift, seen),
            max(surely + shift, seen, location + shift + self._tail),
        )
        return Amount(*(math.exp(min(x, 700.0)) for x in found))

    def _rows(self, params: list[Mapping[str, Any]]) -> Array:
        assert self._features is not None
        cube = self._features.cube
        return self._features(*cube.canonical(cube.space.encode_many(params)))


def _tail(residuals: Array) -> float:
    """By how much the logarithm exceeds its location at SURELY, if it has an exponential tail: amounts are Pareto's.

    Hill's (1975) estimate from the upper half; the rate has a gamma prior, so that the next excess follows Lomax.
    """
    middle = float(np.median(residuals))
    excesses = np.maximum(residuals - middle, 0.0)
    shape, scale = TAIL_RUNS + len(residuals) / 2, TAIL_RUNS * TAIL * GUESS + float(excesses.sum())
    return float(middle + scale * ((0.5 / (1.0 - SURELY)) ** (1.0 / shape) - 1.0))


@dataclass(frozen=True, slots=True)
class _Run:
    """What a trial took, in how many runs from pause to pause, and through how much of a full one in all of them."""

    record: TrialRecord
    taken: float
    share: float = 1.0
    runs: int = 1

    def of_a_full_one(self, start: float) -> float:
        return start + max(self.taken - start * self.runs, 0.0) / self.share


def _told(history: History, measure: Measure) -> list[_Run]:
    """Runs that say what a full one takes; failed ones only where there are no others.

    A run that was ended early says so too, where it is known how far it was.
    """
    ran, failed = [], []
    for record in history:
        value = measure(record)
        if value is None or record.state in (State.WAITING, State.RUNNING):
            continue
        if record.failure is not None and record.failure.cause in (Cause.BUDGET, Cause.TIMEOUT):
            ran.append(_Run(record, value))  # it would have taken more, so this much at least
            continue
        if record.state is State.FAILED:
            if record.failure is None or not record.failure.cause.is_blameless:
                failed.append(_Run(record, value))
            continue
        share = gone_through(record, history)
        if share:
            ran.append(_Run(record, value, share, 1 + sum(t.action is Action.RESUME for t in record.course)))
    return ran or failed


def _start(told: list[_Run]) -> float:
    """What each run takes before it gets anywhere: least squares of what was taken on runs and shares, both at least 0.

    0 where all went about as far, so that nothing tells the one from the other.
    """
    if len(told) < 3 or max(run.share for run in told) < 2 * min(run.share for run in told):
        return 0.0
    A = np.array([[run.runs, run.share] for run in told], dtype=float)
    y = np.array([run.taken for run in told])
    # Each to its own scale: a long run's noise is no measure for a short one.
    start, slope = np.linalg.lstsq(A / A[:, 1:], y / A[:, 1], rcond=None)[0]
    least = min(run.taken / run.runs for run in told)
    return float(min(max(start, 0.0), least)) if slope > 0 else float(least)


def gone_through(record: TrialRecord, history: History) -> float | None:
    """How many full runs all runs of a trial come to; None where that is not known."""
    fidelity = history.plan.fidelity
    length = record.length if fidelity is None else fidelity.high
    if length is not None and record.used:
        return record.used / length
    return 1.0 if record.state is State.COMPLETE else None


def seconds(record: TrialRecord) -> float | None:
    """A measure: run time."""
    return record.seconds


def money(record: TrialRecord) -> float | None:
    """A measure: money."""
    return record.cost
