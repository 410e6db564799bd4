"""What was learnt of a metric: the trials that count, the processes of effects fitted to them, and draws of them.

n trials, d dials, S draws; losses: smaller is better.  Beyond MOST trials the process sees a choice of them that covers
what was tried: half of them as far from each other as can be, half evenly over time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from trialist.effects.fitting import Trials, sketched
from trialist.effects.ground import Ground
from trialist.effects.mixture import Mixture
from trialist.effects.told import Told, covering, farthest, fence
from trialist.numerics.effects import Draws
from trialist.numerics.orthonormal import Array
from trialist.numerics.threads import one_thread
from trialist.numerics.warping import Warp
from trialist.space.cube import Mask, Rows

MOST = 200  # trials that a process looks at
MEMBERS = 24  # hyperparameters drawn
THINNED = (0.7, 0.45)  # of the trials, those farthest from each other
LEAST = 3  # trials, or nothing is fitted


class Learnt:
    """The processes of effects of a metric.

    scale: "robust", where losses beyond the fence count as there, or "value".  They are fitted on the scale on which
    the effects add up best, and told of on the losses' own.
    """

    def __init__(self, told: Told, ground: Ground, scale: str, seed: int) -> None:
        self.ground, self.seed, self.trials = ground, seed, len(told)
        self.told = told = told[covering(told.rows, MOST)]
        self.limit = np.inf
        if len(told) and scale == "robust":
            self.limit = fence(told.losses, told.rows)
        losses = np.minimum(told.losses, self.limit)
        # Halved before they are subtracted: near the largest float a difference has no room.
        self.centre = float(np.average(losses)) if len(losses) else 0.0
        self.unit = float(np.sqrt(np.mean((losses / 2 - self.centre / 2) ** 2)) * 2) if len(losses) else 0.0
        self.losses = losses
        self.y: Array = (losses - self.centre) / (self.unit or 1.0)
        self.fitting = Trials(ground, told.rows, told.active, self.y)

    @property
    def is_flat(self) -> bool:
        """Nothing can be learnt: too few trials, or all alike."""
        return len(self.told) < LEAST or not 0.0 < self.unit < np.inf

    @cached_property
    def clipped(self) -> int:
        """How many of the losses lie beyond the fence."""
        return int((self.told.losses > self.limit).sum())

    @cached_property
    def _sketch(self) -> tuple[list[tuple[int, int]], list[Warp]]:
        with one_thread():
            return sketched(self.fitting)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Those that are told apart."""
        return self._sketch[0]

    @cached_property
    def _whole(self) -> Mixture:
        return Mixture(self.fitting, *self._sketch, self.seed, MEMBERS)

    @property
    def weights(self) -> Array:
        """(n,) by which a cluster of trials counts about once."""
        return self._whole.weights

    @property
    def effects(self) -> Draws:
        """Draws of all effects on the losses' own scale, in units."""
        return self._whole.effects

    @property
    def variances(self) -> tuple[Array, Array, Array]:
        """(d, S), (p, S) and (S,): of dials, pairs and all, in squares of the unit."""
        return self._whole.variances

    @property
    def intervals(self) -> tuple[Array, Array]:
        """(d,) low and (d,) high of the shares of the dials alone, 95 %."""
        return self._intervals[0]

    @property
    def intervals_of_pairs(self) -> tuple[Array, Array]:
        """(p,) and (p,): the same of what pairs do only together."""
        return self._intervals[1]

    @cached_property
    def _intervals(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Of dials and of pairs: as far as any choice of the trials says, all of them or those that lie apart.

        What is true of a crowd near the best need not be true elsewhere: no process is the same everywhere as the
        function is not (the g-function has kinks, and next to its best no dial but one does anything).  Of fewer of the
        crowd the processes learn other things of the rest of the space, and are unsure of them.
        Beyond MOST trials half of those that a process sees lie apart anyway, and it is told by them alone.
        """
        rng = np.random.default_rng([self.seed, 13])
        dials, pairs = [], []
        for share in (1.0, *THINNED) if self.trials <= MOST else (1.0,):
            mixture = self._whole
            if share < 1.0:  # not kept: with all their matrices they would take as much room again
                few = np.sort(farthest(self.told.rows, max(round(share * len(self.told)), LEAST)))
                mixture = Mixture(self.fitting.at(few), *self._sketch, self.seed, MEMBERS)
            if len(mixture.trials.y) >= LEAST:
                dials.append(mixture.doubted(rng))
                _, of_pairs, whole = mixture.variances
                pairs.append(of_pairs / whole)
        return _hull(dials), _hull(pairs)

    @property
    def left_out(self) -> tuple[Array, Array]:
        """(n,) means and variances of each y by all the others."""
        return self._whole.left_out

    @cached_property
    def explained(self) -> float:
        """R^2 of the leave-one-out predictions, a cluster of trials counted about once."""
        return 0.0 if self.is_flat else self._whole.explained

    @cached_property
    def orders(self) -> bool:
        """Whether these predictions have the scores in order, by more than chance: see `Mixture.orders`."""
        return not self.is_flat and self._whole.orders

    def noise_at(self, loss: float) -> float:
        """The standard deviation of a score round that loss."""
        return self.unit * float(np.sqrt(self._whole.noise_at((loss - self.centre) / (self.unit or 1.0))))

    def ratios(self, wanted: Sequence[int], elsewhere: Sequence[int]) -> Array:
        """(p,) of the wanted pairs, the likelihood ratio: see `Mixture.ratios`."""
        return self._whole.ratios(wanted, elsewhere)

    def values(self, rows: Rows, active: Mask) -> Array:
        """(q, S) losses at points, drawn."""
        return np.asarray(self.centre + self.unit * self._whole.values(rows, active))

    def expected(self, rows: Rows, active: Mask) -> Array:
        """(q,) losses at points, as the middle of each process has them."""
        return np.asarray(self.centre + self.unit * self._whole.expected(rows, active))


def _hull(drawn: Sequence[Array]) -> tuple[Array, Array]:
    """(k,) and (k,): from the lowest end of the 95 % intervals of draws (k, S) to the highest."""
    if not drawn[0].size:
        return np.zeros(0), np.zeros(0)
    ends = np.array([np.quantile(each, [0.025, 0.975], axis=1) for each in drawn])  # (choices, 2, k)
    return ends[:, 0].min(axis=0), ends[:, 1].max(axis=0)
