"""Steps from known rows: candidates near the best, for acquisitions to climb from and stopping rules to look at."""

from __future__ import annotations

import numpy as np

from trialist.numerics.gp import Array
from trialist.space.cube import Cube, Rows


def perturbed(cube: Cube, rng: np.random.Generator, best: Rows, count: int) -> Rows:
    """(count, d) steps from rows of `best`: few dials or many, by little or much."""
    d = cube.d
    base = best[rng.integers(len(best), size=count)]
    # What was inactive has no value to step from.
    _, active = cube.canonical(base)
    base = np.where(active, base, rng.random((count, d)))
    sigma = 10.0 ** rng.uniform(-3.0, -0.5, (count, 1))
    rate = np.maximum(min(1.0, 2.0 / max(d, 1)), rng.random((count, 1)) ** 2)
    moved = rng.random((count, d)) < rate
    width = np.where(cube.counts > 0, np.maximum(sigma, 0.6 / np.maximum(cube.counts, 1)), sigma)
    stepped = reflected(base + width * rng.standard_normal((count, d)))
    redrawn = moved & cube.categorical & (rng.random((count, d)) < 0.5)
    moved &= ~cube.categorical
    return np.where(redrawn, rng.random((count, d)), np.where(moved, stepped, base))


def reflected(u: Array) -> Array:
    """Back into [0, 1], as by mirrors at both ends."""
    u = np.abs(u) % 2.0
    return np.where(u > 1.0, 2.0 - u, u)
