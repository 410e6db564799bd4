"""Processes of effects fitted to losses: which pairs they tell apart, on which scales, and how likely each is.

y (n,) losses, standardised; minus the logs of posteriors ("values", in nats) are of the losses as they are, whatever
the scale, so that they can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trialist.effects.ground import Ground
from trialist.numerics.anova import Kernel, Terms, fit
from trialist.numerics.effects import Effects
from trialist.numerics.orthonormal import Array, blended
from trialist.numerics.warping import BEYOND, Warp, plain, warp
from trialist.space.cube import Mask, Rows

FITTED = 120  # trials that hyperparameters are fitted to: with 100 of 1,000 shares change by 0.006 at most
SMOOTHNESS = (1.5, 2.5)
MOST_PAIRS = 16  # that are told apart
NEAR = 2.0  # nats by which a scale may at first be less likely than the losses' own, before it is left out
MOST_SCALES = 2  # that are looked at closely, beside the losses' own
_WORSE = 2.0  # nats: a scale is that much worse than the best of its kind twice, and the search for the end is over


@dataclass(frozen=True, slots=True)
class Fitted:
    """A process at its likeliest hyperparameters, on a scale; value: minus the log posterior of the losses."""

    effects: Effects
    warp: Warp
    value: float

    def left_out(self) -> tuple[Array, Array]:
        """(n,) means and (n,) variances of each loss as foretold by all the others."""
        means, variances = self.effects.left_out()
        if self.warp.is_plain:
            return means * self.warp.unit + self.warp.centre, variances * self.warp.unit**2
        sds = np.sqrt(variances)
        low, middle, high = (self.warp.back(means + z * sds) for z in (-1.96, 0.0, 1.96))
        return middle, ((high - low) / (2 * 1.96)) ** 2

    def noise_at(self, y: Array) -> Array:
        """Variances of scores round losses y."""
        return np.asarray(self.effects.kernel.noise * self.warp.slope(y) ** 2)


@dataclass(frozen=True, slots=True)
class Trials:
    """What is fitted to: trials (n, d) on the ground of a space, and their losses y (n,)."""

    ground: Ground
    rows: Rows
    active: Mask
    y: Array

    @property
    def few(self) -> NDArray[np.intp]:
        """An even choice of the trials, that hyperparameters are fitted to."""
        n = len(self.y)
        return np.unique(np.linspace(0, n - 1, min(n, FITTED)).astype(np.intp))

    def at(self, rows: NDArray[np.intp]) -> Trials:
        """Some of them."""
        return Trials(self.ground, self.rows[rows], self.active[rows], self.y[rows])

    def terms(self, pairs: list[tuple[int, int]], smoothness: float) -> Terms:
        return self.ground.terms(self.rows, self.active, pairs, smoothness)

    def fit(self, terms: Terms, scale: Warp, start: Array | None = None, iterations: int = 60) -> tuple[Array, float]:
        """Hyperparameters, and the value."""
        few = self.few
        theta, value = fit(terms.at(few), scale.forward(self.y[few]), start, iterations)
        return theta, value + scale.cost(self.y[few])


def sketched(trials: Trials) -> tuple[list[tuple[int, int]], list[Warp]]:
    """Which pairs are told apart, and other scales that may suit the losses better, the best first.

    Asked of a process of dials alone and one rest, which is quickly fitted: on the scale on which effects add up, the
    rest is small.  All pairs are told apart where they are few, else those that the score speaks for on either scale.
    """
    candidates = trials.ground.candidates
    terms = replace(trials.terms([], SMOOTHNESS[1]), background=True)
    own = plain(trials.y)
    first, least = trials.fit(terms, own, iterations=30)
    tried: list[tuple[float, int, Warp, Array]] = []
    for sign in (1, -1):
        theta, lowest, worse = first, least, 0
        for beyond in BEYOND:
            scale = warp(trials.y, sign, beyond)
            theta, value = trials.fit(terms, scale, theta, iterations=25)
            tried.append((value, len(tried), scale, theta))
            worse = worse + 1 if value > lowest + _WORSE else 0
            lowest = min(lowest, value)
            if worse == 2:
                break
    liked = sorted(each for each in tried if each[0] < least + NEAR)[:MOST_SCALES]
    if len(candidates) > MOST_PAIRS:
        scores = _scores(terms, trials, candidates, first, own)
        if liked:
            scores = np.maximum(scores, _scores(terms, trials, candidates, liked[0][3], liked[0][2]))
        kept = np.argsort(-scores, kind="stable")[:MOST_PAIRS]
        candidates = [candidates[i] for i in sorted(kept.tolist())]
    return candidates, [scale for _, _, scale, _ in liked]


def processes(trials: Trials, pairs: list[tuple[int, int]], scale: Warp) -> tuple[Fitted, ...]:
    """The process on a scale, one for each smoothness."""
    found = []
    for nu in SMOOTHNESS:
        terms = trials.terms(pairs, nu)
        first, _ = trials.fit(terms, scale, iterations=40)
        terms = replace(terms, weights=_shares_in_rest(terms, first))
        theta, value = trials.fit(terms, scale, first)
        found.append(Fitted(Effects(terms, theta, scale.forward(trials.y)), scale, value))
    return tuple(found)


def mixed(found: Sequence[tuple[Array, Array]], weights: Sequence[float]) -> tuple[Array, Array]:
    """(n,) means and variances of a mixture of such."""
    means, variances = (np.array([each[i] for each in found]) for i in (0, 1))
    mean = np.average(means, axis=0, weights=weights)
    return mean, np.asarray(np.average(variances + (means - mean) ** 2, axis=0, weights=weights))


def _shares_in_rest(terms: Terms, theta: Array) -> Array:
    """(d,) at most 1: a dial without an effect, alone or in a pair, is not expected in an effect of three."""
    found = np.exp(theta[: terms.d])
    for t, pair in zip(np.exp(theta[2 * terms.d : -2]), terms.pairs, strict=True):
        found[[pair.j, pair.k]] += t
    return np.asarray(np.maximum(found / found.max(), 1e-3))


def _scores(terms: Terms, trials: Trials, candidates: list[tuple[int, int]], theta: Array, scale: Warp) -> Array:
    """(p,) how strongly the likelihood wants an effect of each pair, in its standard deviations."""
    full = trials.terms(candidates, SMOOTHNESS[1])
    kernel = Kernel(terms, theta)
    inverse = np.linalg.inv(kernel.total)
    alpha = inverse @ scale.forward(trials.y)
    every = [f.F @ blended(f.table, theta[full.d + f.dial])[0] @ f.F.T for f in full.factors]
    found = []
    for pair in full.pairs:
        K = every[pair.a] * every[pair.b]
        P = inverse @ K
        spread = np.sqrt(2.0 * max(float((P * P.T).sum()), 1e-300))
        found.append((float(alpha @ K @ alpha) - float(np.trace(P))) / spread)
    return np.array(found)
