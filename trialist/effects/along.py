"""The process of effects along dials: what is expected where some stand still and the others take all their values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trialist.effects.learnt import Learnt
from trialist.numerics.orthonormal import Array

STEPS = 41  # of a continuum
OTHERS = 64  # values of the other dials, where dials are conditional: what is active changes with them
_TRIES = 8


def places(learnt: Learnt, j: int, steps: int = STEPS) -> Array:
    """(L,) positions of a dial: its values where they are few, else an even grid."""
    basis = learnt.ground.dials[j]
    return basis.levels if basis.is_finite else np.linspace(0.0, 1.0, steps)


def along(learnt: Learnt, j: int, at: Array, given: Mapping[int, float]) -> Array | None:
    """(L, S) drawn losses at positions `at` (L,) of dial j, averaged over the others, `given` ones held in place.

    None where the dial is never active there.
    """
    if learnt.ground.cube.space.has_conditions:
        return _by_sampling(learnt, j, at, given)
    d, draws = len(learnt.ground.dials), learnt.effects
    rows = np.full((len(at), d), 0.5)
    rows[:, j] = at
    for k, u in given.items():
        rows[:, k] = u
    fixed = {j, *given}
    F, pairs = learnt.ground.functions(rows, np.ones((len(at), d), dtype=bool), learnt.pairs)
    found = np.repeat(draws.constant[None], len(at), axis=0)
    for k in fixed:
        found = found + F[k] @ draws.dials[k]
    # Whatever else varies has mean 0 over the other dials.
    for (a, b), (A, B), coefficients in zip(learnt.pairs, pairs, draws.pairs, strict=True):
        if {a, b} <= fixed:
            found = found + np.einsum("na,nb,abs->ns", A, B, coefficients, optimize=True)
    return np.asarray(learnt.centre + learnt.unit * found)


def _by_sampling(learnt: Learnt, j: int, at: Array, given: Mapping[int, float]) -> Array | None:
    cube = learnt.ground.cube
    raw = np.random.default_rng([learnt.seed, j]).random((OTHERS * _TRIES, cube.d))
    for k, u in given.items():
        raw[:, k] = u
    raw[:, j] = at[0]
    _, active = cube.canonical(raw)
    wanted = [j, *given]
    raw = raw[active[:, wanted].all(axis=1)][:OTHERS]
    if not len(raw):
        return None
    whole = np.repeat(raw[None], len(at), axis=0)
    whole[:, :, j] = at[:, None]
    rows, active = cube.canonical(whole.reshape(-1, cube.d))
    values = learnt.values(rows, active)
    return np.asarray(values.reshape(len(at), len(raw), -1).mean(axis=1))
