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
_PART = 512  # points at a time: all of them, with the functions of 15 pairs, take 26 MiB


def points(ground: Ground, seed: int) -> tuple[Rows, Mask]:
    """(N, d) rows and what is active there: one in each of N slices of every dial."""
    rng = np.random.default_rng([seed, 11])
    order = rng.permuted(np.repeat(np.arange(POINTS)[:, None], ground.cube.d, axis=1), axis=0)
    return ground.cube.canonical((order + rng.random(order.shape)) / POINTS)


def unwarped(F: list[Array], pairs: list[tuple[Array, Array]], drawn: Array) -> Draws:
    """drawn (N, S): losses at points with functions F of each dial, and pairs: those of the dials of each pair."""
    N, S = drawn.shape
    few = [(A[:, :_OF_PAIRS], B[:, :_OF_PAIRS]) for A, B in pairs]
    alone = [np.ones((N, 1)), *F]
    sizes = [f.shape[1] for f in alone] + [A.shape[1] * B.shape[1] for A, B in few]
    parts, P = [slice(at, at + _PART) for at in range(0, N, _PART)], sum(sizes)
    G, right = np.zeros((P, P)), np.zeros((P, S))
    for part in parts:
        X = _design(alone, few, part)
        G += X.T @ X
        right += X.T @ drawn[part]
    G.flat[:: P + 1] += _RIDGE * N
    b = np.linalg.solve(G, right)  # (P, S)
    left = sum(((drawn[part] - _design(alone, few, part) @ b) ** 2).sum(axis=0) for part in parts) / max(N - P, 1)
    edges = np.cumsum([0, *sizes]).tolist()
    constant, *blocks = (b[low:high] for low, high in pairwise(edges))
    found = []
    for (A, B), (A_, B_), block in zip(pairs, few, blocks[len(F) :], strict=True):
        whole = np.zeros((A.shape[1], B.shape[1], S))
        whole[: A_.shape[1], : B_.shape[1]] = block.reshape(A_.shape[1], B_.shape[1], S)
        found.append(whole)
    return Draws(constant[0], tuple(blocks[: len(F)]), tuple(found), np.asarray(left))


def _design(alone: list[Array], pairs: list[tuple[Array, Array]], part: slice) -> Array:
    """(some of N, P): the constant and the functions of each dial, and the products of those of each pair."""
    some = [(A[part], B[part]) for A, B in pairs]
    products = [(A[:, :, None] * B[:, None, :]).reshape(len(A), -1) for A, B in some]
    return np.hstack([*(f[part] for f in alone), *products])
