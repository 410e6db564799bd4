"""Looks: losses of trials at rungs and at their end, so that one process learns from all of them.

A run improves as it goes on, bad ones by more than good ones, and one that went on was among the better ones, so that
losses of two rungs cannot be compared as they are.  Each becomes what it tells of the next rung, and so on to the end,
by the line through the trials that came from one to the other, which their being chosen by the first does not bend.

r looks at n trials, F feature columns; smaller is better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trialist.model.audit import audit
from trialist.model.curves import Curves
from trialist.model.endings import expected_ends
from trialist.model.rungs import rungs_of
from trialist.numerics.gp import Array
from trialist.numerics.transform import crowding, half_rank
from trialist.trials.history import History
from trialist.trials.trial import TrialRecord

PRIOR_TRIALS = 1.0  # that an unknown line, of slope 1, is worth

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Looks:
    """X (r, F) as the trials were seen, top (r, F) the same as full runs, losses (r,) as they would be at the end.

    rows (r, d): of the cube.  number (r,): of the trial.  may_win (r,): no constraint is known to be violated.
    is_early: some are looks at a rung.
    """

    X: Array
    top: Array
    losses: Array
    rows: Array
    number: NDArray[np.int64]
    may_win: Mask
    is_early: bool

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def trials(self) -> int:
        return len(np.unique(self.number))


def look_values(losses: Array, X: Array) -> Array:
    """Losses of early looks for a process: as `loss_values`, the looks at one trial being a cluster."""
    return half_rank(losses, crowding(X[:, :-1]))


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen early: of which trial (r,), its place in the order of numbers (r,), how early (r,) between the
    first rung, 0, and a full run, 1, and losses (r,) as they would be at the end."""

    number: NDArray[np.int64]
    row: NDArray[np.intp]
    earliness: Array
    losses: Array


def seen_early(history: History, curves: Curves) -> Seen:
    """The looks at the rungs that the audit has not refuted, the full runs not among them."""
    active = set(audit(history, curves).active)
    shares = [share for share in rungs_of(history.plan) if share in active]
    curves.look(history)
    columns = [np.where(curves.counts, curves.at(share, curves.scores_best)[:, 0], np.nan) for share in shares]
    ends = np.where(curves.is_full, curves.final[:, 0], expected_ends(curves))
    columns.append(ends)
    lines = [_line(here, there) for here, there in pairwise(columns)]
    lowest = math.log(rungs_of(history.plan)[0])
    found, earliness, losses = [], [], []
    for k, share in enumerate(shares):
        rows = np.flatnonzero(~np.isnan(columns[k]))
        found.append(rows)
        earliness.append(np.full(len(rows), 1.0 - math.log(share) / lowest))
        told = columns[k][rows]
        for intercept, slope in lines[k:]:
            told = intercept + slope * told
        losses.append(told)
    late = np.flatnonzero(~np.isnan(ends) & ~curves.is_full)
    found.append(late)
    earliness.append(np.ones(len(late)))
    losses.append(ends[late])
    rows = np.concatenate(found)
    place = np.empty(len(curves.numbers), dtype=np.intp)
    place[np.argsort(curves.numbers)] = np.arange(len(place))
    return Seen(curves.numbers[rows], place[rows], np.concatenate(earliness), bounded(np.concatenate(losses)))


def _line(here: Array, there: Array) -> tuple[float, float]:
    """(intercept, slope) from losses (n,) at a rung to those at the next one, NaN where there is none.

    Theil and Sen's median slope of all pairs, which a few diverged trials do not turn, drawn towards 1 while there are
    few, and never falling.
    """
    both = np.isfinite(here) & np.isfinite(there)
    x, y = here[both], there[both]
    if not len(x):
        return 0.0, 1.0
    i, j = np.triu_indices(len(x), 1)
    apart = x[i] != x[j]
    slopes = (y[i] - y[j])[apart] / (x[i] - x[j])[apart]
    slope = (PRIOR_TRIALS + len(x) * float(np.median(slopes))) / (PRIOR_TRIALS + len(x)) if len(slopes) else 1.0
    slope = max(slope, 0.0)
    return float(np.median(y - slope * x)), slope


def with_bounds(seen: Seen, stopped: Sequence[tuple[int, TrialRecord]], scored: Array, history: History) -> Seen:
    """With those who were stopped before any rung, as no better than the median of the full runs' losses (n,).

    stopped: each with its place in the order of numbers.
    """
    known = set(seen.number.tolist())
    left = [(row, record) for row, record in stopped if record.number not in known]
    if not left or not len(scored):
        return seen
    middle, bounds = float(np.median(scored)), []
    for _, record in left:
        last = history.plan.objective.loss(record.reports[-1].value) if record.reports else middle
        bounds.append(max(last, middle) if math.isfinite(last) else middle)
    return Seen(
        np.concatenate([seen.number, [record.number for _, record in left]]),
        np.concatenate([seen.row, [row for row, _ in left]]),
        np.concatenate([seen.earliness, np.ones(len(left))]),
        np.concatenate([seen.losses, bounds]),
    )


def bounded(losses: Array) -> Array:
    """With diverged ones a little worse than all others: processes see the worse half by ranks alone."""
    finite = losses[np.isfinite(losses)]
    worst = float(finite.max() + np.ptp(finite) + 1e-12) if len(finite) else 0.0
    return np.where(np.isfinite(losses), losses, worst)
