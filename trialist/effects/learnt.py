"""What was learnt of a metric: the trials that count, the process of effects fitted to them, and draws of it.

n trials, d dials, S draws; losses: smaller is better.  Beyond MOST trials the process sees a choice of them that covers
what was tried: half of them as far from each other as can be, half evenly over time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trialist.effects.fitting import SMOOTHNESS, Fitted, Trials, mixed, processes, sketched
from trialist.effects.ground import Ground
from trialist.effects.unwarped import points, unwarped
from trialist.model.evidence import Witness
from trialist.numerics.anova import fit, prior
from trialist.numerics.effects import Draws, ensemble, joined
from trialist.numerics.orthonormal import Array
from trialist.numerics.threads import one_thread
from trialist.numerics.transform import crowding
from trialist.numerics.warping import Warp, plain
from trialist.space.cube import Mask, Rows
from trialist.trials.history import History

MOST = 200  # trials that a process looks at
MEMBERS, EACH = 24, 8  # hyperparameters drawn, and draws of the effects at each
MARGIN = 10.0  # nats by which another scale has to be likelier than the losses' own before it counts as much
TEMPER = 2.0  # no process is the true one: weights fall off more slowly than their posteriors do
SLACK = 0.01  # R^2 of predictions that another scale may lose
FAR = 30.0  # a loss counts at most so many times the distance of the space's median from the best
APART = 25  # trials that stand for the space
LEAST = 3  # trials, or nothing is fitted
_ANY = 0.5  # of Dirichlet's distribution: rather one dial than all a little


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


class Learnt:
    """The processes of effects of a metric.

    scale: "robust", where losses beyond the fence count as there, or "value".  They are fitted on the scale on which
    the effects add up best, and told of on the losses' own.
    """

    def __init__(self, told: Told, ground: Ground, scale: str, seed: int) -> None:
        self.ground, self.seed, self.trials = ground, seed, len(told)
        self.told = told = told[covering(told.rows, MOST)]
        self.weights = crowding(told.rows) if len(told) else np.zeros(0)
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
    def fitted(self) -> tuple[Fitted, ...]:
        """Of each smoothness, on the losses' own scale first, then on others where predictions are as good."""
        with one_thread():
            found = processes(self.fitting, self.pairs, plain(self.y))
            least = self._skill(found) - SLACK
            for scale in self._sketch[1]:
                others = processes(self.fitting, self.pairs, scale)
                if self._skill(others) >= least:
                    found += others
            return found

    @cached_property
    def members(self) -> list[int]:
        """How many each process has, by how likely it is among those of its smoothness: these count alike.

        That one of them is the likelier by far is because it fits what is near the best; far from there the other is
        as good a guess, and intervals of the likelier alone were too narrow (Friedman's function: 73 % for 87).
        """
        values = np.array([each.value for each in self.fitted]).reshape(-1, len(SMOOTHNESS))
        values[1:] += MARGIN
        shares = np.exp(-(values - values.min(axis=0)) / TEMPER)
        edges = np.rint(np.cumsum((shares / shares.sum(axis=0)).T) / len(SMOOTHNESS) * MEMBERS)
        counts = np.diff(np.concatenate([[0.0], edges])).reshape(len(SMOOTHNESS), -1).T
        return [int(count) for count in counts.ravel()]

    @cached_property
    def drawn(self) -> list[tuple[Fitted, Draws]]:
        """The processes that have members, and draws of their effects, hyperparameters drawn too."""
        with one_thread():
            rng = np.random.default_rng([self.seed, len(self.told)])
            return [
                (each, ensemble(each.effects, rng, count, EACH))
                for each, count in zip(self.fitted, self.members, strict=True)
                if count
            ]

    @cached_property
    def effects(self) -> Draws:
        """Draws of all effects on the losses' own scale, in units."""
        found = []
        with one_thread():
            for each, draws in self.drawn:
                if each.warp.is_plain:
                    found.append(draws.scaled(each.warp.unit, each.warp.centre))
                    continue
                rows, active = points(self.ground, self.seed)
                F, pairs = self.ground.functions(rows, active, self.pairs)
                found.append(unwarped(F, pairs, _back(each, draws, F, pairs)))
        return joined(found)

    @cached_property
    def variances(self) -> tuple[Array, Array, Array]:
        """(d, S), (p, S) and (S,): of dials, pairs and all, in squares of the unit."""
        together = np.array([self.ground.together[j, k] for j, k in self.pairs])
        return self.effects.variances(self.ground.active, together)

    @cached_property
    def shares(self) -> Array:
        """(d, S) drawn shares of the dials alone; whoever causes what the processes are wrong about is drawn as well.

        They are wrong by as much as predictions of each trial by the others miss more than they themselves expect.
        That may be due to any dial, or to dials together.
        """
        of_dials, _, whole = self.variances
        d, S = of_dials.shape
        means, variances = self.left_out
        unknown = max(float(np.average((self.y - means) ** 2 - variances, weights=self.weights)), 0.0)
        rng = np.random.default_rng([self.seed, 13])
        parts = rng.dirichlet(np.full(d + 1, _ANY), S).T[:d]
        return np.asarray((of_dials + unknown * parts) / (whole + unknown))

    @cached_property
    def left_out(self) -> tuple[Array, Array]:
        """(n,) means and variances of each y by all the others."""
        used = [(each, count) for each, count in zip(self.fitted, self.members, strict=True) if count]
        return mixed([each.left_out() for each, _ in used], [count for _, count in used])

    @cached_property
    def explained(self) -> float:
        """R^2 of the leave-one-out predictions, a cluster of trials counted about once."""
        return 0.0 if self.is_flat else self._r2(self.left_out[0])

    def _skill(self, found: Sequence[Fitted]) -> float:
        return self._r2(mixed([each.left_out() for each in found], [1.0] * len(found))[0])

    def _r2(self, means: Array) -> float:
        centre = np.average(self.y, weights=self.weights)
        rest, all_ = (float(self.weights @ (self.y - m) ** 2) for m in (means, centre))
        return 1.0 - rest / all_ if all_ > 0 else 0.0

    def noise_at(self, loss: float) -> float:
        """The standard deviation of a score round that loss."""
        y = np.array([(loss - self.centre) / (self.unit or 1.0)])
        variances = [float(each.noise_at(y)[0]) for each in self.fitted]
        return self.unit * float(np.sqrt(np.average(variances, weights=self.members)))

    def ratios(self, wanted: Sequence[int], elsewhere: Sequence[int]) -> Array:
        """(p,) of the wanted pairs, twice the log of how much likelier the losses are with it than without.

        Without it all hyperparameters are fitted anew, to the losses on their own scale.  With it they may also have
        come about on another scale, on which effects add up, if that is likelier by far: of the pairs `elsewhere`, of
        which it is sure that they are felt on the losses' own.  The mean over the smoothnesses; never below 0, and 0
        for pairs that are not wanted.
        """
        found = np.zeros((len(SMOOTHNESS), len(self.pairs)))
        few = self.fitting.few
        with one_thread():
            for row, each in enumerate(self.fitted[: len(SMOOTHNESS)]):
                terms, own = each.effects.terms.at(few), each.warp
                means, sds = prior(terms)
                unlikely = 0.5 * ((each.effects.theta - means) / sds) ** 2  # of a pair's variance: no part of a ratio
                others = [other.value + MARGIN for other in self.fitted[row + len(SMOOTHNESS) :: len(SMOOTHNESS)]]
                for i in wanted:
                    at = 2 * terms.d + i
                    without = replace(terms, pairs=terms.pairs[:i] + terms.pairs[i + 1 :])
                    start = np.delete(each.effects.theta, at)
                    _, value = fit(without, own.forward(self.y[few]), start, iterations=30)
                    with_it = min([each.value - unlikely[at], *(others if i in elsewhere else [])])
                    found[row, i] = 2.0 * (value + own.cost(self.y[few]) - with_it)
        ratios: Array = found.mean(axis=0)
        return np.maximum(ratios, 0.0)

    def values(self, rows: Rows, active: Mask) -> Array:
        """(q, S) losses at points, drawn."""
        F, pairs = self.ground.functions(rows, active, self.pairs)
        with one_thread():
            found = np.hstack([_back(each, draws, F, pairs) for each, draws in self.drawn])
            return np.asarray(self.centre + self.unit * found)

    def expected(self, rows: Rows, active: Mask) -> Array:
        """(q,) losses at points, as the middle of each process has them."""
        F, pairs = self.ground.functions(rows, active, self.pairs)
        with one_thread():
            found = np.hstack([_back(each, draws.mean(), F, pairs) for each, draws in self.drawn])  # (q, processes)
            weights = [count for count in self.members if count]
            return np.asarray(self.centre + self.unit * np.average(found, axis=1, weights=weights))


def _back(each: Fitted, draws: Draws, F: list[Array], pairs: list[tuple[Array, Array]]) -> Array:
    """(q, S) losses in units, drawn at points with these functions; with what is expected of the rest."""
    return each.warp.back(draws.values(F, pairs) + each.effects.rest_at(F)[:, None])
