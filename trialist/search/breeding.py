"""Children of two parents, on any space: crossover of what both have, whole branches of what one has, and mutation.

Rows are canonical points of the cube, so that numbers are crossed and mutated on their dials' own scales.

| dial is active in | the child gets                                                                                  |
| ---               | ---                                                                                             |
| both parents      | a number: simulated binary crossover (Deb & Agrawal 1995); a category: that of either parent    |
| one parent        | that parent's value: with the branch that made it active comes all that hangs on it             |
| neither           | a random value, should a mutation make it active                                                |

Then each active dial is mutated at a rate of one dial in a child: numbers by polynomial mutation (Deb & Goyal 1996), at
least to the next value where they are finite, categories to any other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trialist.space.cube import Cube, Mask, Rows

ETA_CROSS = 15.0
# Measured on ZDT, DTLZ and mixed problems: the usual 20 searches too near its parents within a thousand trials.
ETA_MUTATE = 8.0


def bred(
    cube: Cube, mothers: tuple[Rows, Mask], fathers: tuple[Rows, Mask], rate: float, rng: np.random.Generator
) -> tuple[Rows, Mask]:
    """A child of each mother and father, canonical, and which of its active dials were mutated: (n, d) each.

    mothers, fathers: rows, and which dials are active in them.  rate: mutated dials in a child, at least 1.
    """
    child = _crossed(cube, mothers, fathers, rng)
    _, active = cube.canonical(child)
    dials = active.sum(axis=1, keepdims=True)
    mutated: Mask = active & (rng.random(child.shape) * dials < rate)
    chosen = np.where(active, rng.random(child.shape), -1.0).argmax(axis=1)
    mutated[np.arange(len(child)), chosen] |= ~mutated.any(axis=1)  # a child without a mutation is often a parent
    rows, active = cube.canonical(np.where(mutated, _mutants(cube, child, rng), child))
    return rows, mutated & active


def _crossed(cube: Cube, mothers: tuple[Rows, Mask], fathers: tuple[Rows, Mask], rng: np.random.Generator) -> Rows:
    (A, in_A), (B, in_B) = mothers, fathers
    u = rng.random(A.shape)
    spread = np.where(u < 0.5, 2 * u, 0.5 / (1 - u)) ** (1 / (ETA_CROSS + 1))
    half = 0.5 * (1 + spread)
    nearer_A, crosses = rng.random(A.shape) < 0.5, rng.random(A.shape) < 0.5
    number = np.where(nearer_A, half * A + (1 - half) * B, half * B + (1 - half) * A)
    both = np.where(cube.categorical, np.where(nearer_A, A, B), np.where(crosses, number, A))
    either = np.where(in_A & in_B, both, np.where(in_A, A, B))
    return np.clip(np.where(in_A | in_B, either, rng.random(A.shape)), 0.0, 1.0)


def _mutants(cube: Cube, rows: Rows, rng: np.random.Generator) -> NDArray[np.float64]:
    """Every dial of the rows mutated."""
    u = rng.random(rows.shape)
    power = 1 / (ETA_MUTATE + 1)
    step = np.where(u < 0.5, (2 * u) ** power - 1, 1 - (2 * (1 - u)) ** power)
    least = np.where(cube.counts > 0, 1 / np.maximum(cube.counts, 1), 0.0)
    number = np.clip(rows + np.copysign(np.maximum(np.abs(step), least), u - 0.5), 0.0, 1.0)
    other = rng.integers(1, np.maximum(cube.counts, 2), size=rows.shape) / np.maximum(cube.counts, 1)
    mutants: NDArray[np.float64] = np.where(cube.categorical, (rows + other) % 1.0, number)
    return mutants
