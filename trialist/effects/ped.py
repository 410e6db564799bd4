"""PED-ANOVA: which dials tell the best trials from all of them, in closed form from one-dimensional densities.

n trials, d dials, G levels of a dial; p the density of the best trials over a dial's levels, q that of all.  A dial's
score is the Pearson divergence sum q (p / q - 1)^2, its share the score over the sum of all scores.  That trials were
sampled unevenly cancels out in p / q.
Source: Watanabe, Bansal & Hutter 2023, "PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary
subspaces", IJCAI.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trialist.numerics.orthonormal import Array, Basis
from trialist.numerics.threads import one_thread
from trialist.space.cube import Mask, Rows

TOP = 0.1  # of the trials
LEAST = 6  # of the best ones: with fewer a density is a guess
RESAMPLES, PART = 200, 25  # and how many of them are looked at together
_LEVELS = 48  # of a continuum
_WIDTH = 0.08  # least bandwidth of a density
_EVEN = 1.0  # trials' worth of an even density, so that no level is impossible


def ped(rows: Rows, active: Mask, losses: Array, bases: tuple[Basis, ...], seed: int) -> tuple[Array, Array] | None:
    """(d,) shares, and (2, d) their 95 % bootstrap intervals; None with fewer than LEAST trials in the best tenth."""
    n = len(losses)
    best = int(np.ceil(TOP * n))
    if best < LEAST or float(losses.min()) == float(losses.max()):
        return None
    top = np.zeros(n)
    top[np.argsort(losses, kind="stable")[:best]] = 1.0
    drawn = _drawn(n, np.random.default_rng([seed, n]))
    scores = np.zeros((len(bases), len(drawn)))  # (d, B + 1)
    with one_thread():
        for j, basis in enumerate(bases):
            K = _kernel(rows[:, j], active[:, j], basis)
            p, q = (np.vstack([(some * which) @ K for some in _parts(drawn)]) for which in (top, 1.0))
            scores[j] = _divergence(p, q)
    shares = scores / np.maximum(scores.sum(axis=0), 1e-12)
    return shares[:, 0], np.quantile(shares[:, 1:], [0.025, 0.975], axis=1)


def _drawn(n: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """(B + 1, n) how often each trial is in a resample: in the first one once, the trials as they are."""
    found = np.ones((RESAMPLES + 1, n), dtype=np.int16)  # of 10,000 trials a fourth of the room that floats take
    for part in _parts(found[1:]):
        part[:] = rng.multinomial(n, np.full(n, 1.0 / n), len(part))
    return found


def _parts(drawn: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """A few resamples at a time: as floats all of them would take as much room as the rest of a server."""
    return [drawn[at : at + PART] for at in range(0, len(drawn), PART)]


def _kernel(u: Array, active: np.ndarray, basis: Basis) -> Array:
    """(n, G + 1): where each trial stands on a dial, as a density over its levels; the last one is "not active"."""
    levels = basis.levels
    if not basis.is_finite and len(levels) > _LEVELS:
        levels = (np.arange(_LEVELS) + 0.5) / _LEVELS
    if basis.is_smooth:
        width = max(_WIDTH, 1.06 * float(u[active].std()) * len(u) ** -0.2) if active.any() else _WIDTH
        K = np.exp(-0.5 * ((u[:, None] - levels) / width) ** 2)
    else:
        K = (np.abs(u[:, None] - levels) <= np.abs(u[:, None] - levels).min(axis=1, keepdims=True)).astype(float)
    K = K / K.sum(axis=1, keepdims=True) * active[:, None]
    return np.hstack([K, 1.0 - active[:, None].astype(float)])


def _divergence(p: Array, q: Array) -> Array:
    """(B,) of counts by level (B, G)."""
    even = (q.sum(axis=0) > 0) / max(int((q.sum(axis=0) > 0).sum()), 1) * _EVEN
    p, q = p + even, q + even
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    return np.asarray((q * np.where(q > 0, p / np.where(q > 0, q, 1.0) - 1.0, 0.0) ** 2).sum(axis=1))
