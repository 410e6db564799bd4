"""Rankings: how well predictions order what was measured, and how much each of several predictors deserves by that.

n points, s samples of a prediction, k predictors; smaller is better.  Only orders count, so scales need not agree.
Source: Feurer, Letham & Bakshy 2018, "Scalable meta-learning for Bayesian optimization" (arXiv 1802.02219): RGPE.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

GUARD = 95.0  # percentile of the own model's ranking loss that an earlier study's median may not exceed


def normal_scores(values: Array) -> Array:
    """The standard normal quantiles of the ranks of values (n,), ties at their mean: (n,) of any scale made alike.

    >>> normal_scores(np.array([3.0, 1e9, -7.0])).round(2).tolist()
    [0.0, 0.97, -0.97]
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - 0.5 * (counts + 1))[place]  # from 0, (n,)
    scores: Array = special.ndtri((ranks + 0.5) / len(values))
    return scores


def misranked(samples: Array, y: Array) -> Array:
    """(s,) how many of the n (n - 1) / 2 pairs of points each sample (s, n) puts in another order than y (n,).

    A pair that only one of the two holds for a tie counts half.  O(s n^2) time, O(s n) memory.
    """
    counts = np.zeros(len(samples))
    for i in range(1, len(y)):
        predicted = np.sign(samples[:, i:] - samples[:, :-i])  # each pair of points i apart
        counts += 0.5 * np.abs(predicted - np.sign(y[i:] - y[:-i])).sum(axis=1)
    return counts


def ranking_weights(losses: Array) -> Array:
    """(k,) how often each predictor is the best: weights that sum to 1, of ranking losses (k, s); the last is the own.

    A tie with the own model is its own; one among the others is shared.  Predictors whose median loss exceeds the
    GUARD percentile of the own are left out, lest many bad ones, each lucky at times, outvote it.
    """
    kept = np.median(losses, axis=1) <= np.percentile(losses[-1], GUARD)
    kept[-1] = True
    among = np.where(kept[:, None], losses, np.inf)
    is_best = (among == among.min(axis=0)).astype(float)  # (k, s)
    is_best[:-1, is_best[-1] == 1.0] = 0.0
    weights: Array = (is_best / is_best.sum(axis=0)).mean(axis=1)
    return weights
