"""Processes of effects of some trials, mixed: each smoothness and scale as far as it is likely, and draws of all.

n trials, d dials, p pairs, S draws; y losses in units, standardised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from trialist.effects import allowed
from trialist.effects.fitting import SMOOTHNESS, Fitted, Trials, mixed, processes
from trialist.effects.unwarped import points, unwarped
from trialist.numerics.anova import fit, prior
from trialist.numerics.effects import Draws, ensemble, joined
from trialist.numerics.orthonormal import Array
from trialist.numerics.threads import one_thread
from trialist.numerics.transform import crowding, ranks
from trialist.numerics.warping import Warp, plain
from trialist.space.cube import Mask, Rows

EACH = 8  # draws of the effects at each of the hyperparameters drawn
MARGIN = 10.0  # nats by which another scale has to be likelier than the losses' own before it counts as much
TEMPER = 2.0  # no process is the true one: weights fall off more slowly than their posteriors do
SLACK = 0.01  # R^2 of predictions that another scale may lose
ORDERED, UNLIKELY = 0.3, 2.33  # rank correlation, and how many of its standard deviations, that are no chance
_ANY = 0.5  # of Dirichlet's distribution: rather one dial than all a little


class Mixture:
    """Of some trials.

    pairs, scales: those that are told apart, and others than the losses' own.  size: hyperparameters drawn.
    """

    def __init__(
        self, trials: Trials, pairs: list[tuple[int, int]], scales: Sequence[Warp], seed: int, size: int
    ) -> None:
        self.trials, self.pairs, self.scales, self.seed, self.size = trials, pairs, scales, seed, size
        self.weights = crowding(trials.rows)

    @cached_property
    def fitted(self) -> tuple[Fitted, ...]:
        """Of each smoothness, on the losses' own scale first, then on others where predictions are as good."""
        with one_thread():
            found = processes(self.trials, self.pairs, plain(self.trials.y))
            least = self._skill(found) - SLACK
            for scale in self.scales:
                others = processes(self.trials, self.pairs, scale)
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
        edges = np.rint(np.cumsum((shares / shares.sum(axis=0)).T) / len(SMOOTHNESS) * self.size)
        counts = np.diff(np.concatenate([[0.0], edges])).reshape(len(SMOOTHNESS), -1).T
        return [int(count) for count in counts.ravel()]

    @cached_property
    def drawn(self) -> list[tuple[Fitted, Draws]]:
        """The processes that have members, and draws of their effects, hyperparameters drawn too."""
        with one_thread():
            rng = np.random.default_rng([self.seed, len(self.trials.y)])
            return [
                (each, ensemble(each.effects, self.trials.few, rng, count, EACH))
                for each, count in zip(self.fitted, self.members, strict=True)
                if count
            ]

    @cached_property
    def effects(self) -> Draws:
        """Draws of all effects on the losses' own scale, in units."""
        found, ground = [], self.trials.ground
        with one_thread():
            for each, draws in self.drawn:
                if each.warp.is_plain:
                    found.append(draws.scaled(each.warp.unit, each.warp.centre))
                    continue
                rows, active = points(ground, self.seed)
                F, pairs = ground.functions(rows, active, self.pairs)
                found.append(unwarped(F, pairs, _back(each, draws, F, pairs)))
        return joined(found)

    @cached_property
    def variances(self) -> tuple[Array, Array, Array]:
        """(d, S), (p, S) and (S,): of dials, pairs and all, in squares of the unit, over what constraints allow."""
        ground = self.trials.ground
        if ground.allowed is not None:
            rows, active = ground.allowed
            F, pairs = ground.functions(rows, active, self.pairs)
            return allowed.variances(active, F, pairs, self.values(rows, active))
        together = np.array([ground.together[j, k] for j, k in self.pairs])
        return self.effects.variances(ground.active, together)

    @cached_property
    def left_out(self) -> tuple[Array, Array]:
        """(n,) means and variances of each y by all the others."""
        used = [(each, count) for each, count in zip(self.fitted, self.members, strict=True) if count]
        return mixed([each.left_out() for each, _ in used], [count for _, count in used])

    @property
    def explained(self) -> float:
        """R^2 of the leave-one-out predictions, a cluster of trials counted about once."""
        return self._r2(self.left_out[0])

    @property
    def orders(self) -> bool:
        """Whether the same predictions have the scores in order, by more than chance (one in a hundred).

        One trial that nobody could foresee may hide from R^2 that all the others were foretold well.
        """
        told, came = ranks(self.left_out[0]), ranks(self.trials.y)
        spread = np.cov(told, came, aweights=self.weights)
        rank = float(spread[0, 1] / np.sqrt(spread[0, 0] * spread[1, 1])) if spread.diagonal().all() else 0.0
        chance = UNLIKELY / np.sqrt(max(float(self.weights.sum()) - 1.0, 1.0))
        return bool(rank > max(ORDERED, chance))

    def noise_at(self, y: float) -> float:
        """The variance of a score round a loss, in squares of the unit."""
        variances = [float(each.noise_at(np.array([y]))[0]) for each in self.fitted]
        return float(np.average(variances, weights=self.members))

    def values(self, rows: Rows, active: Mask) -> Array:
        """(q, S) losses at points, drawn, in units."""
        F, pairs = self.trials.ground.functions(rows, active, self.pairs)
        with one_thread():
            return np.hstack([_back(each, draws, F, pairs) for each, draws in self.drawn])

    def expected(self, rows: Rows, active: Mask) -> Array:
        """(q,) losses at points in units, as the middle of each process has them."""
        F, pairs = self.trials.ground.functions(rows, active, self.pairs)
        with one_thread():
            found = np.hstack([_back(each, draws.mean(), F, pairs) for each, draws in self.drawn])  # (q, processes)
            return np.asarray(np.average(found, axis=1, weights=[count for count in self.members if count]))

    def ratios(self, wanted: Sequence[int], elsewhere: Sequence[int]) -> Array:
        """(p,) of the wanted pairs, twice the log of how much likelier the losses are with it than without.

        Without it all hyperparameters are fitted anew, to the losses on their own scale.  With it they may also have
        come about on another scale, on which effects add up, if that is likelier by far: of the pairs `elsewhere`, of
        which it is sure that they are felt on the losses' own.  The mean over the smoothnesses; never below 0, and 0
        for pairs that are not wanted.
        """
        found = np.zeros((len(SMOOTHNESS), len(self.pairs)))
        few, y = self.trials.few, self.trials.y
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
                    _, value = fit(without, own.forward(y[few]), start, iterations=30)
                    with_it = min([each.value - unlikely[at], *(others if i in elsewhere else [])])
                    found[row, i] = 2.0 * (value + own.cost(y[few]) - with_it)
        ratios: Array = found.mean(axis=0)
        return np.maximum(ratios, 0.0)

    def doubted(self, rng: np.random.Generator) -> Array:
        """(d, S) drawn shares of the dials alone; whoever causes what the processes are wrong about is drawn as well.

        They are wrong by as much as predictions of each trial by the others miss more than they themselves expect.
        That may be due to any dial, or to dials together.
        """
        of_dials, _, whole = self.variances
        d, S = of_dials.shape
        means, variances = self.left_out
        unknown = max(float(np.average((self.trials.y - means) ** 2 - variances, weights=self.weights)), 0.0)
        parts = rng.dirichlet(np.full(d + 1, _ANY), S).T[:d]
        return np.asarray((of_dials + unknown * parts) / (whole + unknown))

    def _skill(self, found: Sequence[Fitted]) -> float:
        return self._r2(mixed([each.left_out() for each in found], [1.0] * len(found))[0])

    def _r2(self, means: Array) -> float:
        y = self.trials.y
        centre = np.average(y, weights=self.weights)
        rest, all_ = (float(self.weights @ (y - m) ** 2) for m in (means, centre))
        return 1.0 - rest / all_ if all_ > 0 else 0.0


def _back(each: Fitted, draws: Draws, F: list[Array], pairs: list[tuple[Array, Array]]) -> Array:
    """(q, S) losses in units, drawn at points with these functions; with what is expected of the rest."""
    return each.warp.back(draws.values(F, pairs) + each.effects.rest_at(F)[:, None])
