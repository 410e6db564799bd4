"""Shares over the part of a space that its constraints allow.

There the dials depend on each other, effects overlap and shares need not add up: the share of a dial is what knowing it
alone would explain of the metric there, the variance of the mean at its value (Pearson 1905, correlation ratio; it is
Sobol's index where nothing is forbidden), that of a pair what both explain beyond a sum of one effect of each.

N allowed points, even over the allowed part; d dials, p pairs, S draws.
"""

from __future__ import annotations

import numpy as np

from trialist.numerics.orthonormal import Array
from trialist.space.cube import Mask

_OF_PAIRS = 5  # functions of each dial of a pair
_RIDGE = 1e-9


def variances(
    active: Mask, F: list[Array], pairs: list[tuple[Array, Array]], drawn: Array
) -> tuple[Array, Array, Array]:
    """(d, S), (p, S), (S,): of dials, pairs and all, of losses drawn (N, S) at points with these functions."""
    of_dials = np.array([_explained(active[:, j], [], functions, drawn) for j, functions in enumerate(F)])
    of_pairs = []
    for A, B in pairs:
        both = (A != 0).any(axis=1) & (B != 0).any(axis=1)
        A, B = A[:, :_OF_PAIRS], B[:, :_OF_PAIRS]
        products = (A[:, :, None] * B[:, None, :]).reshape(len(A), -1)
        of_pairs.append(_explained(both, [A, B], products, drawn))
    return of_dials, np.array(of_pairs).reshape(len(pairs), drawn.shape[1]), drawn.var(axis=0)


def _explained(on: np.ndarray, others: list[Array], functions: Array, drawn: Array) -> Array:
    """(S,) variance that functions explain beyond the others, at the points that are on; times how many these are."""
    n = int(on.sum())
    base = np.hstack([np.ones((n, 1)), *(other[on] for other in others)])
    whole = np.hstack([base, functions[on]])
    if n <= 2 * whole.shape[1] or not functions.shape[1]:
        return np.zeros(drawn.shape[1])
    without, left = _left(base, drawn[on]), _left(whole, drawn[on])
    # What so many functions explain of what is left by chance alone is taken off.
    chance = functions.shape[1] * left / (n - whole.shape[1])
    return np.asarray(np.maximum(without - left - chance, 0.0) / len(on))


def _left(X: Array, drawn: Array) -> Array:
    """(S,) squares of what is left of drawn values (n, S) by least squares on X (n, P)."""
    G = X.T @ X
    G.flat[:: len(G) + 1] += _RIDGE * len(X)
    return np.asarray(((drawn - X @ np.linalg.solve(G, X.T @ drawn)) ** 2).sum(axis=0))
