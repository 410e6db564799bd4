"""Effects on the losses' own scale, of a process that was fitted on another one: drawn, taken back, and split again.

N points of the space, S draws.  A draw's mean over all but one dial is that dial's effect, and what two dials have more
is their pair's; here they are the least squares fits of the dials' orthonormal functions to the drawn losses.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from trialist.effects.ground import Ground
from trialist.numerics.effects import Draws
from trialist.numerics.orthonormal import Array
from trialist.space.cube import Mask, Rows

POINTS = 4096
_OF_PAIRS = 5  # functions of each dial of a pair
_RIDGE = 1e-9


def points(ground: Ground, seed: int) -> tuple[Rows, Mask]:
    """(N, d) rows and what is active there: one in each of N slices of every dial."""
    rng = np.random.default_rng([seed, 11])
    order = rng.permuted(np.repeat(np.arange(POINTS)[:, None], ground.cube.d, axis=1), axis=0)
    return ground.cube.canonical((order + rng.random(order.shape)) / POINTS)


def unwarped(F: list[Array], pairs: list[tuple[Array, Array]], drawn: Array) -> Draws:
    """drawn (N, S): losses at points with functions F of each dial, and pairs: those of the dials of each pair."""
    N, S = drawn.shape
    few = [(A[:, :_OF_PAIRS], B[:, :_OF_PAIRS]) for A, B in pairs]
    products = [(A[:, :, None] * B[:, None, :]).reshape(N, -1) for A, B in few]
    X = np.hstack([np.ones((N, 1)), *F, *products])  # (N, P)
    G = X.T @ X
    G.flat[:: len(G) + 1] += _RIDGE * N
    b = np.linalg.solve(G, X.T @ drawn)  # (P, S)
    left = ((drawn - X @ b) ** 2).sum(axis=0) / max(N - len(G), 1)
    edges = np.cumsum([1, *(block.shape[1] for block in [*F, *products])]).tolist()
    parts = [b[low:high] for low, high in pairwise(edges)]
    found = []
    for (A, B), (A_, B_), part in zip(pairs, few, parts[len(F) :], strict=True):
        whole = np.zeros((A.shape[1], B.shape[1], S))
        whole[: A_.shape[1], : B_.shape[1]] = part.reshape(A_.shape[1], B_.shape[1], S)
        found.append(whole)
    return Draws(b[0], tuple(parts[: len(F)]), tuple(found), left)
