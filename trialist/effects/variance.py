"""Whose doing the metric's variance over the declared space is, as far as it is allowed: dials alone, and pairs.

d dials, p pairs, S draws; losses: smaller is better.
"""

from __future__ import annotations

import numpy as np

from trialist.effects.findings import Importance, Interactions, Pair, Share
from trialist.effects.learnt import Learnt
from trialist.effects.ped import ped
from trialist.effects.told import Told
from trialist.effects.words import importance_words, interaction_words
from trialist.numerics.effects import chance
from trialist.numerics.orthonormal import Array

SURE = 0.05  # an interaction is real where chance would show it less often, corrected for all pairs
FELT = 0.005  # of the variance: less is no effect, however surely it is there
_SHUFFLES = 5


def importance(learnt: Learnt, told: Told, metric: str) -> Importance:
    """The share of each dial, with its interval by draws; beside it PED-ANOVA and permutation."""
    of_dials, of_pairs, whole = learnt.variances
    main = of_dials / whole
    joint = np.zeros_like(main)
    for (j, k), part in zip(learnt.pairs, of_pairs / whole, strict=True):
        joint[j] += part
        joint[k] += part
    low, high = learnt.intervals
    share, together = middle(main), middle(joint)
    low, high = np.minimum(low, share), np.maximum(high, share)
    top = ped(told.rows, told.active, told.losses, learnt.ground.dials, learnt.seed)
    permuted = _permuted(learnt)
    shares = tuple(
        Share(
            name,
            float(share[j]),
            float(low[j]),
            float(high[j]),
            float(together[j]),
            None if top is None else float(top[0][j]),
            None if top is None else (float(top[1][0, j]), float(top[1][1, j])),
            float(permuted[j]),
            float(learnt.ground.active[j]),
        )
        for j, name in enumerate(learnt.ground.names)
    )
    shares = tuple(sorted(shares, key=lambda share: -share.share))
    words = importance_words(shares, metric, learnt.explained, is_constrained=learnt.ground.allowed is not None)
    return Importance(metric, "anova", len(told), True, words, learnt.explained, learnt.clipped, shares)


def interactions(learnt: Learnt, metric: str) -> Interactions:
    """The share of each pair, and its test by the likelihood ratio, with Holm's correction for all pairs."""
    dials, candidates = learnt.ground.names, learnt.ground.candidates
    _, of_pairs, whole = learnt.variances
    strength = middle(of_pairs / whole)
    low, high = learnt.intervals_of_pairs
    felt = np.flatnonzero(strength >= FELT).tolist()
    ratios = learnt.ratios(felt, elsewhere=np.flatnonzero(low >= FELT).tolist())
    adjusted = holm([chance(ratio) for ratio in ratios.tolist()], len(candidates))
    pairs = [
        Pair(
            dials[j],
            dials[k],
            float(strength[i]),
            float(min(low[i], strength[i])) if p < SURE else 0.0,
            float(max(high[i], strength[i])),
            p < SURE,
            p,
        )
        for i, ((j, k), p) in enumerate(zip(learnt.pairs, adjusted, strict=True))
    ]
    told = set(learnt.pairs)
    pairs += [Pair(dials[j], dials[k], 0.0, 0.0, 0.0, None, None) for j, k in candidates if (j, k) not in told]
    found = tuple(sorted(pairs, key=lambda pair: -pair.strength))
    return Interactions(metric, dials, found, True, interaction_words(found))


def _permuted(learnt: Learnt) -> Array:
    """(d,) by how much R^2 over the trials falls when a dial's values are shuffled among those in which it is active.

    Source: Breiman 2001, "Random forests", section 10.
    """
    rows, active, y = learnt.told.rows, learnt.told.active, learnt.losses
    rng = np.random.default_rng([learnt.seed, 7])
    whole = float(np.average((y - np.average(y, weights=learnt.weights)) ** 2, weights=learnt.weights)) or 1.0

    def error(changed: Array) -> float:
        means = learnt.expected(changed, active)
        return float(np.average((y - means) ** 2, weights=learnt.weights))

    before, found = error(rows), []
    for j in range(rows.shape[1]):
        after = []
        for _ in range(_SHUFFLES):
            changed, among = rows.copy(), np.flatnonzero(active[:, j])
            changed[among, j] = rows[rng.permutation(among), j]
            after.append(error(changed))
        found.append((float(np.mean(after)) - before) / whole)
    return np.array(found)


def holm(p: list[float], count: int) -> list[float]:
    """Adjusted for `count` tests, of which only these were made. Source: Holm 1979, Scand. J. Statistics 6."""
    order, highest, found = np.argsort(p, kind="stable"), 0.0, [1.0] * len(p)
    for rank, i in enumerate(order.tolist()):
        highest = max(highest, min(1.0, (count - rank) * p[i]))
        found[i] = highest
    return found


def middle(drawn: Array) -> Array:
    """(k,) means of the middle half of draws (k, S): a few of the hyperparameters drawn lie far out."""
    S = drawn.shape[1]
    return np.asarray(np.sort(drawn, axis=1)[:, S // 4 : S - S // 4].mean(axis=1))
