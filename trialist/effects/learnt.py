"""What was learnt of a metric: the trials that count, the process of effects fitted to them, and draws of it.

n trials, d dials, S draws; losses: smaller is better.  Beyond MOST trials the process sees a choice of them that covers
what was tried: half of them as far from each other as can be, half evenly over time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trialist.effects.ground import Ground
from trialist.model.evidence import Witness
from trialist.numerics.anova import Kernel, Terms, fit
from trialist.numerics.effects import Draws, Effects, ensemble, joined
from trialist.numerics.orthonormal import Array
from trialist.numerics.threads import one_thread
from trialist.numerics.transform import crowding
from trialist.space.cube import Mask, Rows
from trialist.trials.history import History

MOST = 200  # trials that a process looks at
FITTED = 120  # of these, trials that hyperparameters are fitted to: with 100 of 1,000 shares change by 0.006 at most
SMOOTHNESS = (1.5, 2.5)
MEMBERS, EACH = 8, 10  # hyperparameters drawn for each smoothness, and draws of the effects at each
MOST_PAIRS = 16  # that are told apart
FAR = 30.0  # a loss counts at most so many times the distance of the space's median from the best
APART = 25  # trials that stand for the space
LEAST = 3  # trials, or nothing is fitted


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
    """The process of effects of a metric.

    scale: "robust", where losses beyond the fence count as there, or "value".
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

    @property
    def is_flat(self) -> bool:
        """Nothing can be learnt: too few trials, or all alike."""
        return len(self.told) < LEAST or not 0.0 < self.unit < np.inf

    @cached_property
    def clipped(self) -> int:
        """How many of the losses lie beyond the fence."""
        return int((self.told.losses > self.limit).sum())

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Those that are told apart: all where they are few, else those that the score speaks for most."""
        candidates = self.ground.candidates
        if len(candidates) <= MOST_PAIRS:
            return candidates
        plain = self.ground.terms(self.told.rows, self.told.active, [], SMOOTHNESS[1])
        theta, _ = self._fit(_with_background(plain), iterations=30)
        scores = _scores(plain, self.ground, self.told, candidates, theta, self.y)
        best = np.argsort(-scores, kind="stable")[:MOST_PAIRS]
        return [candidates[i] for i in sorted(best.tolist())]

    def _fit(self, terms: Terms, start: Array | None = None, iterations: int = 60) -> tuple[Array, float]:
        """Hyperparameters by an even choice of the trials."""
        n = len(self.y)
        few = np.unique(np.linspace(0, n - 1, min(n, FITTED)).astype(np.intp))
        return fit(terms.at(few), self.y[few], start, iterations)

    @cached_property
    def fitted(self) -> tuple[Effects, ...]:
        """The process at its likeliest hyperparameters, for each smoothness."""
        with one_thread():
            found = []
            for nu in SMOOTHNESS:
                terms = self.ground.terms(self.told.rows, self.told.active, self.pairs, nu)
                first, _ = self._fit(terms, iterations=40)
                terms = replace(terms, weights=_shares_in_rest(terms, first))
                theta, _ = self._fit(terms, first)
                found.append(Effects(terms, theta, self.y))
            return tuple(found)

    @cached_property
    def draws(self) -> Draws:
        """Of all effects, hyperparameters drawn too."""
        with one_thread():
            rng = np.random.default_rng([self.seed, len(self.told)])
            return joined([ensemble(each.terms, each.theta, self.y, rng, MEMBERS, EACH) for each in self.fitted])

    @cached_property
    def variances(self) -> tuple[Array, Array, Array]:
        """(d, S), (p, S) and (S,): of dials, pairs and all, in squares of the unit."""
        together = np.array([self.ground.together[j, k] for j, k in self.pairs])
        return self.draws.variances(self.ground.active, together)

    @cached_property
    def left_out(self) -> tuple[Array, Array]:
        """(n,) means and variances of each y by all the others, averaged over the processes."""
        found = [each.left_out() for each in self.fitted]
        means = np.mean([mean for mean, _ in found], axis=0)
        within = np.mean([variance for _, variance in found], axis=0)
        return means, within + np.var([mean for mean, _ in found], axis=0)

    @cached_property
    def explained(self) -> float:
        """R^2 of the leave-one-out predictions, a cluster of trials counted about once."""
        if self.is_flat:
            return 0.0
        means, _ = self.left_out
        centre = np.average(self.y, weights=self.weights)
        rest, all_ = (float(self.weights @ (self.y - m) ** 2) for m in (means, centre))
        return 1.0 - rest / all_ if all_ > 0 else 0.0

    def values(self, rows: Rows, active: Mask) -> Array:
        """(q, S) losses at points, drawn."""
        F, pairs = self.ground.functions(rows, active, self.pairs)
        with one_thread():
            return np.asarray(self.centre + self.unit * self.draws.values(F, pairs))


def _shares_in_rest(terms: Terms, theta: Array) -> Array:
    """(d,) at most 1: a dial without an effect, alone or in a pair, is not expected in an effect of three."""
    found = np.exp(theta[: terms.d])
    for t, pair in zip(np.exp(theta[2 * terms.d : -2]), terms.pairs, strict=True):
        found[[pair.j, pair.k]] += t
    return np.asarray(np.maximum(found / found.max(), 1e-3))


def _with_background(terms: Terms) -> Terms:
    return replace(terms, background=True)


def _scores(
    terms: Terms, ground: Ground, told: Told, candidates: list[tuple[int, int]], theta: Array, y: Array
) -> Array:
    """(p,) how strongly the likelihood wants an effect of each pair, in its standard deviations."""
    full = ground.terms(told.rows, told.active, candidates, SMOOTHNESS[1])
    kernel = Kernel(_with_background(terms), theta)
    inverse = np.linalg.inv(kernel.total)
    alpha = inverse @ y
    every = [f.F @ C @ f.F.T for f, C in zip(full.factors, _covariances(full, kernel, theta), strict=True)]
    found = []
    for pair in full.pairs:
        K = every[pair.a] * every[pair.b]
        P = inverse @ K
        spread = np.sqrt(2.0 * max(float((P * P.T).sum()), 1e-300))
        found.append((float(alpha @ K @ alpha) - float(np.trace(P))) / spread)
    return np.array(found)


def _covariances(full: Terms, kernel: Kernel, theta: Array) -> list[Array]:
    from trialist.numerics.orthonormal import blended

    return [blended(f.table, theta[full.d + f.dial])[0] for f in full.factors]
