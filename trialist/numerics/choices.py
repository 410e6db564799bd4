"""Categorical dials as a joint distribution that learns from ranks, beside the normal one of CMA-ES.

m dials of K_i choices, padded to K.  q (m, K): probability of each choice, 0 where there is none.  The natural gradient
of the expected weight moves q towards what good offspring chose; the step adapts to how steady that direction is.

Sources: Hamano et al. 2024, "CatCMA" (arXiv 2405.09962); Akimoto et al. 2019, "Adaptive Stochastic Natural Gradient for
One-Shot Neural Architecture Search" (ASNG).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_KEPT = 0.73  # chance that no dial leaves its likeliest choice once all are decided: the margin of CatCMA
_STEADINESS = 1.5  # α of ASNG
_LARGEST = 0.5  # of the way towards the choices of the best: one small generation must not decide for good


@dataclass(frozen=True, slots=True)
class Choices:
    """q (m, K), and how far it moves: `pace` grows with steady directions; path (m, K) and credit tell how steady."""

    q: Array
    pace: float
    path: Array
    credit: float


def even(counts: NDArray[np.int64]) -> Choices:
    """Every choice of a dial equally likely; counts (m,): how many there are of each."""
    there = np.arange(counts.max(initial=1)) < counts[:, None]  # (m, K)
    return Choices(there / np.maximum(counts, 1)[:, None], 1.0, np.zeros(there.shape), 0.0)


def learnt(counts: NDArray[np.int64], chosen: NDArray[np.int64]) -> Choices:
    """A first distribution, of what good configurations chose (k, m), each choice counting once more; -1: inactive."""
    state = even(counts)
    seen = _one_hot(chosen, state.q.shape[1]).sum(axis=0) + (state.q > 0)
    return Choices(_within(seen / seen.sum(axis=1, keepdims=True), counts), 1.0, state.path, 0.0)


def drawn(state: Choices, uniform: Array) -> NDArray[np.int64]:
    """(m,) choices for uniform numbers (m,) in [0, 1)."""
    below = np.cumsum(state.q, axis=1) <= uniform[:, None]
    last = (state.q > 0).sum(axis=1) - 1
    index: NDArray[np.int64] = np.minimum(below.sum(axis=1), last)
    return index


def moved(state: Choices, chosen: NDArray[np.int64], weights: Array) -> Choices:
    """The distribution after a generation: chosen (λ, m), -1 where a dial was inactive; weights (λ,) by rank."""
    q, counts = state.q, (state.q > 0).sum(axis=1)
    if not len(q):
        return state
    positive = np.maximum(weights, 0.0)
    informed = positive @ (chosen >= 0)  # (m,): inactive dials say nothing
    gradient = np.einsum("l,lmk->mk", positive, _one_hot(chosen, q.shape[1])) - informed[:, None] * q
    # In these coordinates the Fisher metric is the identity, so lengths mean the same for all dials.
    flat = gradient / np.sqrt(np.where(q > 0, q, 1.0))
    length = float(np.sqrt((flat**2).sum()))
    if length < 1e-12:
        return state
    beta = min(1.0, state.pace / math.sqrt(max(1, int((counts - 1).sum()))))
    after = _within(q + min(_LARGEST, state.pace / length) * gradient, counts)
    path = (1 - beta) * state.path + math.sqrt(beta * (2 - beta)) * flat / length
    credit = (1 - beta) ** 2 * state.credit + beta * (2 - beta)
    pace = state.pace * math.exp(beta * (float((path**2).sum()) / _STEADINESS - credit))
    return Choices(after, min(pace, 1.0), path, credit)


def _one_hot(chosen: NDArray[np.int64], k: int) -> Array:
    hot: Array = (chosen[..., None] == np.arange(k)).astype(float)
    return hot


def _within(q: Array, counts: NDArray[np.int64]) -> Array:
    """q with every choice at least at the margin, so that none is ever lost: rows sum to 1."""
    there = np.arange(q.shape[1]) < counts[:, None]
    least = ((1 - _KEPT ** (1 / max(1, len(counts)))) / np.maximum(counts - 1, 1))[:, None]
    raised = np.where(there, np.maximum(q, least), 0.0)
    above = raised - np.where(there, least, 0.0)
    free = 1 - least * counts[:, None]
    within: Array = np.where(there, least + above * (free / np.maximum(above.sum(axis=1, keepdims=True), 1e-300)), 0.0)
    return within
