"""Endings: where a run that has come far will end, told by the full runs of its study that stood where it stands.

No shape of curves is supposed. What a full run still gained from there is a line over its loss there and over what it
had gained lately, drawn towards "ends where it stands". That is taken as known only where it has been borne out: where
the order of the full runs there is that of their ends.

n full runs; smaller is better. Losses are seen as asinh((loss - middle) / scale) of their ends, so that diverged runs
are near bad ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from trialist.model.analogues import FEWEST, LATELY, LATEST, STEPS, Analogues
from trialist.model.curves import Curves, Floats
from trialist.numerics.agreement import tau
from trialist.trials.trial import State, TrialRecord

CHECKPOINTS = tuple(step / STEPS for step in range(2 * STEPS // 5, STEPS))  # shares at which endings are told
AGREED = 0.7  # rank agreement with the end, from which on a checkpoint is believed
PRIOR_RUNS = 1.0  # that a line without slopes is worth
FARTHEST = 3.0  # on the bent scale, which is ten scales: what is worse is as bad
NARROWEST = 1e-9


@dataclass(frozen=True, slots=True)
class Bent:
    """How losses are seen: as asinh((loss - middle) / scale), and what is worse than FARTHEST as that."""

    middle: float
    scale: float

    @classmethod
    def by(cls, ends: Floats) -> Self:
        """By the losses (n,) at which runs ended: the spread that they would have if they were normal is 1."""
        middle = float(np.median(ends))
        return cls(middle, 1.4826 * float(np.median(np.abs(ends - middle))) or float(np.std(ends)) or 1.0)

    def __call__(self, losses: Floats) -> Floats:
        found: Floats = np.clip(np.arcsinh((losses - self.middle) / self.scale), -FARTHEST, FARTHEST)
        return found

    def back(self, values: Floats) -> Floats:
        """The losses that are seen as these values."""
        found: Floats = self.middle + self.scale * np.sinh(np.clip(values, -2 * FARTHEST, 2 * FARTHEST))
        return found


class Ending(NamedTuple):
    """What is expected of runs (k,): mean and deviation of the end as it is seen, and degrees of freedom."""

    mean: Floats
    deviation: Floats
    freedom: int
    bent: Bent

    @property
    def losses(self) -> Floats:
        """(k,) at which they are expected to end."""
        return self.bent.back(self.mean)

    def chance(self, best: float) -> Floats:
        """(k,) probabilities that they end below `best`."""
        found: Floats = stdtr(self.freedom, (self.bent(np.array([best])) - self.mean) / self.deviation)
        return found


@dataclass(frozen=True, slots=True)
class Endings:
    """Full runs at a share of their length: losses there (n,), LATELY before (n,), and at the end (n,).

    midway (n,): losses at half that share.
    """

    here: Floats
    before: Floats
    midway: Floats
    final: Floats

    @classmethod
    def of(cls, curves: Curves, share: float) -> Self | None:
        """By the latest full runs of these curves; None where there are fewer than FEWEST."""
        rows = curves.full_rows[-LATEST:]
        if len(rows) < FEWEST:
            return None
        at = [curves.at(s, curves.scores_best, rows)[:, 0] for s in (share, share - LATELY, share / 2)]
        columns = np.array([*at, curves.final[rows, 0]])
        columns = columns[:, np.isfinite(columns).all(axis=0)]
        return cls(*columns) if columns.shape[1] >= FEWEST else None

    @property
    def is_agreed(self) -> bool:
        """Whether the order of the full runs here is that of their ends, and was so LATELY before.

        The best configurations may be those that stand still the longest, and the next best one longer than any.
        """
        return min(tau(self.here, self.final), tau(self.before, self.final)) >= AGREED

    @property
    def was_agreed(self) -> bool:
        """Whether it was so already midway: then one that is worse than all full runs here is likely to stay so."""
        return tau(self.midway, self.final) >= AGREED

    def has_seen(self, here: float, before: float) -> bool:
        """Whether some full run stood as high here, and some had gained as much lately."""
        return bool(here <= self.here.max() and before - here <= (self.before - self.here).max())

    def told(self, here: Floats, before: Floats) -> Ending:
        """Of runs that stand at losses (k,), and stood at others (k,) LATELY before."""
        bent = Bent.by(self.final)
        x = np.stack([bent(self.here), bent(self.here) - bent(self.before)], axis=1)  # (n, 2)
        gained = bent(self.final) - x[:, 0]
        n, middle = len(x), x.mean(axis=0)
        around = x - middle
        inverse = np.linalg.inv(around.T @ around + np.diag(PRIOR_RUNS * np.maximum(x.var(axis=0), 1e-12)))
        slopes = inverse @ around.T @ (gained - gained.mean())
        leverage = 1 / n + np.sum(around @ inverse * around, axis=1)
        errors = (gained - gained.mean() - around @ slopes) / np.maximum(1 - leverage, 0.1)  # of each by the others
        spread = float(np.sqrt(np.mean(errors**2)))
        new = np.stack([bent(here), bent(here) - bent(before)], axis=1) - middle
        mean = bent(here) + gained.mean() + new @ slopes
        deviation = spread * np.sqrt(1 + 1 / n + np.sum(new @ inverse * new, axis=1)) + NARROWEST
        return Ending(mean, deviation, n - 2, bent)


def expected_ends(curves: Curves) -> Floats:
    """(n,) losses at which the runs that were stopped late are expected to have ended; NaN for all others.

    By the line where the order of the full runs has been that of their ends, else by their analogues.
    """
    found = np.full(len(curves.numbers), np.nan)
    late = np.flatnonzero(curves.has_ended & ~curves.is_full & (curves.spent >= CHECKPOINTS[0] * (1 - 1e-9)))
    if not len(late):
        return found
    late = late[[curves.record(row).state is State.STOPPED for row in late.tolist()]]
    # A trial that was stopped stays as it is, and so does what is expected of it until another full run has ended.
    known: dict[int, tuple[TrialRecord, float]] = curves.once("expected ends", np.flatnonzero(curves.is_full), dict)
    new = late[[row not in known or known[row][0] is not curves.record(row) for row in late.tolist()]]
    for row, end in zip(new.tolist(), _ends_of(new, curves).tolist() if len(new) else (), strict=True):
        known[row] = curves.record(row), end
    found[late] = [known[row][1] for row in late.tolist()]
    return found


def _ends_of(late: NDArray[np.intp], curves: Curves) -> Floats:
    """(k,) the same of these rows (k,)."""
    found = np.full(len(late), np.nan)
    last = np.searchsorted(CHECKPOINTS, curves.spent[late] * (1 + 1e-9), "right") - 1
    analogues = Analogues.of(curves)
    for k in np.unique(last).tolist():
        share, places = CHECKPOINTS[k], np.flatnonzero(last == k)
        rows = late[places]
        here, before = (curves.at(s, curves.scores_best, rows)[:, 0] for s in (share, share - LATELY))
        endings = Endings.of(curves, share)
        if endings is not None and endings.is_agreed:
            known = np.isfinite(here) & np.isfinite(before)
            found[places[known]] = endings.told(here[known], before[known]).losses
        elif analogues is not None:
            starts = curves.first(rows)[:, 0].tolist()
            for place, *stood in zip(places.tolist(), starts, before.tolist(), here.tolist(), strict=True):
                gains = analogues.gains(share, *stood)
                found[place] = stood[-1] - np.median(gains) if len(gains) else np.nan
    return found
