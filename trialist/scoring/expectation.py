"""Expectation: what fresh scores of a few finalists, and a model of the search before them, say of each.

Smaller is better.  k finalists with finite fresh scores.  The fresh scores are a two-way layout with gaps; the model's
expectation is a normal prior of its effects, with more doubt than the model has itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from trialist.model.belief import Belief
from trialist.numerics.blocks import Array, Blocks
from trialist.scoring.finalists import going_on, layout

# How likely a leader of one, two, and more challengers must be better than the default, which with less keeps its
# place: the leader of several is ahead partly by luck.
SURE = (0.70, 0.75, 0.80)
# The search went where its scores were lucky, so that its model is surer than it should be.  Both numbers were chosen
# by measuring regret and how often the chosen one is worse than the default: docs/select.md.
DOUBT = 3.0  # times the covariance of what the model expects
LUCKY = 2.0  # times the variance of a search score on folds
LEAST = 2  # degrees of freedom of the noise of those that are left, with fewer of all
ALIKE = 0.05  # how rarely noise would have to be as small as seen, to be believed against the model


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of finalists that have finite scores: place of each number, the layout of its fresh losses, the
    expected losses (k,) with covariance (k, k), and by how many degrees of freedom; None without any error.
    """

    place: dict[int, int]
    found: Blocks
    means: Array
    covariance: Array
    freedom: float | None

    @classmethod
    def of(
        cls,
        fresh: Mapping[int, Sequence[float]],
        search: Mapping[int, float | None],
        belief: Belief | None,
        per_run: int,
        overlap: float,
    ) -> Seen:
        place = {n: i for i, n in enumerate(fresh)}
        found = layout(fresh, overlap)
        is_by_units = overlap > 0 or per_run > 1
        if is_by_units or (belief is not None and not all(n in belief.place for n in fresh)):
            belief = None
        of_run = 1 / per_run + overlap  # variance of a run's mean, in those of its losses
        noise = _noise(fresh, search, found, belief, per_run, of_run)
        if noise is None:
            return cls(place, found, found.effects, np.zeros_like(found.spread), None)
        variance, freedom = noise
        if is_by_units and variance > 0 and all(search.get(n) is not None for n in fresh):
            known = {n: search[n] for n in fresh}
            return cls(place, found, *_by_units(known, found, variance, per_run), freedom)
        if belief is None or variance == 0:
            error = variance * (found.spread + overlap * np.eye(len(place)))
            return cls(place, found, found.effects, error, freedom)
        before, covariance = belief.of(list(fresh), max(belief.noise, math.sqrt(variance * of_run)))
        # What the model could not explain and the fresh losses do not repeat was the luck of a seed, or is peculiar to
        # each configuration, as in a rough landscape: of which of the two it was, the search's scores tell nothing.
        peculiar = max(belief.noise**2 - variance * of_run, 0.0)
        doubted = DOUBT * covariance + peculiar * np.eye(len(place))
        means, covariance = found.informed(before, doubted, variance)
        return cls(place, found, means, covariance, freedom)

    def expected(self, n: int) -> float:
        """On a scale of its own, without the last digits, which least squares leave to chance."""
        scale = float(np.abs(self.means - self.means.mean()).max()) or 1.0
        return round(float(self.means[self.place[n]] - self.means.mean()) / scale, 12)

    def ahead(self, n: int, other: int) -> float:
        return float(self.means[self.place[other]] - self.means[self.place[n]])

    def error(self, n: int, other: int) -> float:
        """Standard error of that."""
        C, i, j = self.covariance, self.place[n], self.place[other]
        return math.sqrt(max(float(C[i, i] + C[j, j] - 2 * C[i, j]), 0.0))

    def chance(self, n: int, other: int) -> float:
        """How likely it is that n is better; 1 without any error."""
        error = self.error(n, other)
        if n == other or self.freedom is None or error == 0:
            return 1.0 if self.ahead(n, other) >= 0 else 0.0
        return float(special.stdtr(self.freedom, self.ahead(n, other) / error))

    def is_surely_better(self, n: int, other: int) -> bool:
        return n == other or self.freedom is None or self.chance(n, other) > self.asked

    @property
    def asked(self) -> float:
        """Of the leader, before it takes the default's place."""
        challengers = len(self.place) - 1
        return SURE[min(max(challengers, 1), len(SURE)) - 1]


def _by_units(search: Mapping[int, float | None], found: Blocks, variance: float, per_run: int) -> tuple[Array, Array]:
    """(k,) expected losses and (k, k) covariance where a run scores each of several units, folds or blocks of items.

    The search's score counts as half a validation, since it was chosen for its luck.  What a configuration owes to the
    rows no fold averages out, old or fresh, so that it is added to what all folds together say.  What a model of the
    search expects does not count: it takes for smooth what neighbours owe to the same units, and, told of more noise
    than it saw, a lone bad default with it.
    """
    k = len(found.Y)
    before = np.array([loss for loss in search.values() if loss is not None])
    doubt = LUCKY * variance / per_run * np.eye(k)
    means, covariance = replace(found, overlap=0.0).informed(before, doubt, variance)
    return means, covariance + found.overlap * variance * np.eye(k)


def _noise(
    fresh: Mapping[int, Sequence[float]],
    search: Mapping[int, float | None],
    found: Blocks,
    belief: Belief | None,
    per_run: int,
    of_run: float,
) -> tuple[float, float] | None:
    """The variance of one loss and its degrees of freedom; None where nothing tells it.

    The residuals of the fresh losses, with those of the search's scores as one more seed, pooled with the noise that
    the model found, of which few scores make little.  But seeds that the finalists share may add the same to all of
    them, and did not in the search: where the fresh residuals alone are smaller than chance allows, they alone count.
    """
    # Of those that are left: what fell behind is often the noisier.
    left = {n: fresh[n] for n in sorted(going_on(fresh, overlap=found.overlap))}
    near = layout(left, found.overlap) if len(left) > 1 else found
    near = near if near.freedom >= LEAST else found
    own = None if near.variance is None else (near.variance, float(near.freedom))
    if belief is None:
        return own
    more = near
    if per_run == 1 and all(search.get(n) is not None for n in fresh):
        seen = left if near is not found else fresh
        rounds = max(map(len, seen.values()))
        late = {n: [*losses, *[math.nan] * (rounds - len(losses)), search[n]] for n, losses in seen.items()}
        more = layout({n: [math.nan if x is None else x for x in losses] for n, losses in late.items()}, found.overlap)
    freedom = belief.weight + more.freedom
    if not freedom:
        return own
    pooled = (belief.weight * belief.noise**2 / of_run + more.squares) / freedom
    if own is not None and own[0] < pooled * float(special.fdtri(own[1], freedom, ALIKE)):
        return own
    return pooled, freedom
