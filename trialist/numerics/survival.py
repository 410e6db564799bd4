"""Which of a set survive, as evolution has it: non-dominated sorting, then spread.  Smaller is better.

Y (n, m): losses.  Up to three objectives the spread is the crowding distance (NSGA-II: Deb et al. 2002), thinned one at
a time (Kukkonen & Deb 2006); beyond, reference directions (NSGA-III: Deb & Jain 2014), since with many objectives
nearly all points are on the front and neighbours in one objective say little of the others.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from trialist.numerics.pareto import non_dominated

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CROWDED = 3  # objectives up to which the crowding distance is used


def survivors(Y: Floats, violations: Floats, count: int) -> Ints:
    """The rows of the `count` that survive, the best first; all where there are no more.

    violations (n,): by how much constraints are broken; a row that breaks none goes before all that do, and of those
    the one that breaks less (Deb 2002).  Ties go to the earlier row.
    """
    if Y.shape[1] == 1:
        return np.lexsort((Y[:, 0], violations))[:count].astype(np.int64)
    ranks = sorted_fronts(Y, violations, count)
    chosen: list[Ints] = []
    left = count
    for rank in np.unique(ranks):
        front = np.flatnonzero(ranks == rank)
        if left <= 0:
            break
        chosen.append(_by_spread(Y, front, chosen, left))
        left -= len(chosen[-1])
    return np.concatenate([np.empty(0, dtype=np.int64), *chosen])


def rank_sums(V: Floats) -> Floats:
    """One number for several violations, (n,), of V (n, c): of each, its rank among the different positive ones.

    Milliseconds and gigabytes have no sum, their ranks have (Ho & Shimizu 2007).

    >>> rank_sums(np.array([[5.0, 0.0], [900.0, 0.0], [0.0, 0.2], [0.0, 0.0]])).tolist()
    [0.5, 1.0, 1.0, 0.0]
    """
    ranks = np.zeros(V.shape)
    for rank, violation in zip(ranks.T, V.T, strict=True):
        levels, level = np.unique(violation[violation > 0], return_inverse=True)
        rank[violation > 0] = (level + 1) / max(len(levels), 1)
    total: Floats = np.sort(ranks, axis=1).sum(axis=1)  # sorted: the same whatever the order of the constraints
    return total


def sorted_fronts(Y: Floats, violations: Floats, count: int) -> Ints:
    """Ranks (n,): 0 for the front, 1 for the front of the rest, and so on; n once `count` rows have a lower one."""
    ranks = np.full(len(Y), len(Y), dtype=np.int64)
    rank, left = 0, np.flatnonzero(violations <= 0)
    while len(left) and count > 0:
        front = non_dominated(Y[left])
        if not front.any():  # what was not measured in full
            break
        ranks[left[front]] = rank
        count -= int(front.sum())
        rank, left = rank + 1, left[~front]
    for value in np.unique(violations[violations > 0]):
        if count <= 0:
            break
        ranks[violations == value] = rank
        count -= int((violations == value).sum())
        rank += 1
    return ranks


def crowding(Y: Floats) -> Floats:
    """Crowding distances within a front, (n,): the sum over objectives of the gap between neighbours; ends infinite."""
    distance = np.zeros(len(Y))
    for y in Y.T:
        order = np.argsort(y, kind="stable")
        span = y[order[-1]] - y[order[0]]
        distance[order[[0, -1]]] = np.inf
        if 0 < span < np.inf:
            distance[order[1:-1]] += (y[order[2:]] - y[order[:-2]]) / span
    return distance


def directions(m: int, at_most: int) -> Floats:
    """Evenly spaced points of the unit simplex, (k, m), as many as fit, at least the corners (Das & Dennis 1998)."""
    divisions = 1
    while math.comb(m + divisions, divisions + 1) <= at_most:
        divisions += 1
    bars = np.array(list(combinations(range(m + divisions - 1), m - 1)))  # (k, m - 1)
    edges = np.hstack([np.full((len(bars), 1), -1), bars, np.full((len(bars), 1), m + divisions - 1)])
    steps: Floats = (np.diff(edges, axis=1) - 1) / divisions
    return steps


def _by_spread(Y: Floats, front: Ints, chosen: list[Ints], left: int) -> Ints:
    """The front's rows, the loneliest first; the most crowded fall out one by one until `left` remain."""
    if Y.shape[1] > CROWDED:
        return _by_niche(Y, front, chosen, left)
    while len(front) > left:
        front = np.delete(front, np.argmin(crowding(Y[front])))
    return front[np.argsort(-crowding(Y[front]), kind="stable")]


def _by_niche(Y: Floats, front: Ints, chosen: list[Ints], left: int) -> Ints:
    """At most `left` of the front, one by one for the direction with the fewest so far, the nearest to it first."""
    kept = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
    rays = directions(Y.shape[1], len(kept) + left)
    rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    scaled = _normalised(Y[np.concatenate([kept, front])])  # (b, m)
    along = scaled @ rays.T  # (b, k)
    apart = np.sqrt(np.maximum((scaled**2).sum(axis=1)[:, None] - along**2, 0.0))
    niche, distance = apart.argmin(axis=1), apart.min(axis=1)[len(kept) :]
    filled = np.bincount(niche[: len(kept)], minlength=len(rays))
    niche, free = niche[len(kept) :], np.argsort(distance, kind="stable")
    taken: list[int] = []
    while len(taken) < left and len(free):
        place = int(np.argmin(filled[niche[free]]))  # of the least filled niche, the nearest
        filled[niche[free[place]]] += 1
        taken.append(int(front[free[place]]))
        free = np.delete(free, place)
    return np.array(taken, dtype=np.int64)


def _normalised(Y: Floats) -> Floats:
    """From the best value to the intercept of the plane through the extremes, 0 to 1 in each objective."""
    low = Y.min(axis=0)
    shifted = Y - low
    top = np.maximum(shifted.max(axis=0), 1e-300)
    weights = np.full((Y.shape[1], Y.shape[1]), 1e6) - (1e6 - 1) * np.eye(Y.shape[1])
    extremes = shifted[((shifted / top) * weights[:, None]).max(axis=2).argmin(axis=1)]  # (m, m)
    try:
        with np.errstate(divide="ignore"):  # a plane along an axis meets it nowhere: that is not finite, see below
            intercepts = 1 / np.linalg.solve(extremes, np.ones(len(extremes)))
    except np.linalg.LinAlgError:  # the extremes are no plane: the worst values stand in
        intercepts = top
    sound = np.isfinite(intercepts) & (intercepts > 1e-6 * top) & (intercepts < 1e3 * top)
    scaled: Floats = shifted / np.where(sound.all(), intercepts, top)
    return scaled
