"""What trials tell of a metric: the rows and losses that effects are learnt of, a choice of many, and losses too far.

n trials, d dials; losses: smaller is better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialist.effects.ground import Ground
from trialist.model.evidence import Witness
from trialist.numerics.orthonormal import Array
from trialist.space.cube import Mask, Rows
from trialist.trials.history import History

FAR = 30.0  # a loss counts at most so many times the distance of the space's median from the best
APART = 25  # trials that stand for the space


@dataclass(frozen=True, slots=True)
class Told:
    """Canonical rows (n, d), active dials (n, d), losses (n,) and the trials' numbers (n,)."""

    rows: Rows
    active: Mask
    losses: Array
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.losses)

    def __getitem__(self, index: NDArray[np.intp]) -> Told:
        return Told(self.rows[index], self.active[index], self.losses[index], self.numbers[index])


def told(history: History, metric: int, ground: Ground) -> Told:
    """What trials tell of the objective of that place: full runs, what racing left off, the latest look at others."""
    evidence = Witness().evidence(history)
    names = history.space.names
    if metric:
        rows, losses = evidence.scored.rows, evidence.losses[:, metric]
        numbers = np.array([record.number for record in evidence.records], dtype=np.int64)
    else:
        looks = evidence.looks
        latest = {number: i for i, number in enumerate(looks.number.tolist())}  # the full run, if any, comes last
        if looks.is_early:
            earliness = looks.X[:, -1]
            for i, number in enumerate(looks.number.tolist()):
                if earliness[i] > earliness[latest[number]]:
                    latest[number] = i
        at = np.array(sorted(latest.values(), key=lambda i: int(looks.number[i])), dtype=np.intp)
        rows, losses, numbers = looks.rows[at], looks.losses[at], looks.number[at]
    params = [history[number].params for number in numbers.tolist()]
    active = np.array([[name in each for name in names] for each in params], dtype=bool).reshape(len(rows), len(names))
    finite = np.isfinite(losses)
    return Told(rows, active, losses, numbers)[np.flatnonzero(finite)]


def covering(rows: Rows, most: int) -> NDArray[np.intp]:
    """At most so many rows, ascending: half of them farthest from each other, half evenly in their order."""
    n = len(rows)
    if n <= most:
        return np.arange(n)
    kept = np.zeros(n, dtype=bool)
    kept[farthest(rows, most // 2)] = True
    rest = np.flatnonzero(~kept)
    kept[rest[np.linspace(0, len(rest) - 1, most - int(kept.sum())).astype(np.intp)]] = True
    return np.flatnonzero(kept)


def farthest(rows: Rows, most: int) -> NDArray[np.intp]:
    """At most so many rows, each the farthest from all before it; the first one first."""
    found = [0]
    distance = ((rows - rows[0]) ** 2).sum(axis=1)
    while len(found) < min(most, len(rows)) and distance.max() > 0.0:
        found.append(int(np.argmax(distance)))
        distance = np.minimum(distance, ((rows - rows[found[-1]]) ** 2).sum(axis=1))
    return np.array(found, dtype=np.intp)


def fence(losses: Array, rows: Rows) -> float:
    """The loss beyond which a loss is no worse: FAR times as far from the best as the median of the space.

    The space's median is that of the trials that lie farthest from each other: half of an adaptive search is near its
    best, and by those a loss at chance level would be an outlier.
    """
    best, middle = float(losses.min()), float(np.median(losses[farthest(rows, APART)]))
    limit = best + FAR * (middle - best)
    return limit if best < middle and np.isfinite(limit) else float(losses.max())
