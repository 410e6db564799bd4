"""Profiles: what a configuration scores on each unit beside its own mean, foretold by those that are like it.

Some folds are harder than others for all; and what is hard for one configuration is hard for its neighbours, too, which
get the same rows wrong.  n whole trials of J units have centred scores B (n, J), of which each column is a draw of the
same Gaussian process over the features X (n, F):

    Cov = s^2 (K + 10 + lambda I),   K_ij = exp(-|x_i - x_j|^2 / (2 h^2)),

where 10 lets a unit be as hard for all as it may.  h and lambda are the likeliest of a few; s^2, and with it what is
foretold wrongly, is measured on each trial as the others foretell it, which takes no trial's word for itself.

Source of leave-one-out residuals and variances: Rasmussen & Williams 2006, section 5.4.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialist.numerics.gp import Array

FEWEST = 3  # whole trials
MOST = 100  # the best ones: what the process costs grows by their third power
_BEST = 0.75  # of the whole trials: how the poorest stray says nothing of winners
_LENGTHS = (0.1, 0.2, 0.4, 0.8)  # h, in the unit of the features: that of a dial's whole range
_NOISES = (0.1, 0.3, 1.0, 3.0, 10.0)  # lambda
_COMMON = 10.0


@dataclass(frozen=True, slots=True)
class Profiles:
    """X (n, F), weights (n, J): of the kernel between a configuration and each of them.  common (J,).

    length: h.  spread: by how much a score strays from what is foretold, of one unit of one trial; with so many
    degrees of freedom.
    """

    X: Array
    weights: Array
    common: Array
    length: float
    spread: float
    freedom: float

    def of(self, x: Array) -> Array:
        """(J,) what a configuration of features x (F,) is expected to score beside its mean; the sum is 0."""
        near = np.exp(-((self.X - x) ** 2).sum(axis=1) / (2 * self.length**2))
        found: Array = self.common + near @ self.weights
        centred: Array = found - found.mean()
        return centred


def profiles(X: Array, losses: Array) -> Profiles | None:
    """Of whole trials with features X (n, F) and losses (n, J); None where too few of them differ.

    By the better three quarters: poor configurations vary more, but those are not the ones that may win.  Who scores on
    each unit as another one does is that one again, and says nothing.
    """
    order = np.argsort(losses.mean(axis=1), kind="stable")
    first = np.sort(np.unique(losses[order], axis=0, return_index=True)[1])
    chosen = order[first][: min(max(FEWEST, int(np.ceil(_BEST * len(first)))), MOST)]
    n, J = len(chosen), losses.shape[1]
    if n < FEWEST:
        return None
    X, B = X[chosen], losses[chosen] - losses[chosen].mean(axis=1, keepdims=True)
    apart = ((X[:, None] - X[None]) ** 2).sum(axis=-1)  # (n, n)
    best, found = -np.inf, None
    for length in _LENGTHS:
        near = np.exp(-apart / (2 * length**2))
        values, V = np.linalg.eigh(near + _COMMON)
        turned = V.T @ B  # (n, J)
        for noise in _NOISES:
            scale = np.maximum(values, 0.0) + noise
            size = float((turned**2 / scale[:, None]).sum()) / (n * (J - 1))
            if not size > 0:
                return None  # all have the same profile: nothing tells how one would stray
            likely = -float(np.log(scale).sum()) - n * float(np.log(size))
            if likely > best:
                best, found = likely, (length, V, scale, turned)
    if found is None:
        return None
    length, V, scale, turned = found
    weights = V @ (turned / scale[:, None])  # (n, J)
    alone = weights / ((V**2) @ (1 / scale))[:, None]  # each less what the others foretell
    spread = float(np.sqrt((alone**2).sum() / (n * (J - 1))))
    # What others foretell is in common to all n, so that their squares are correlated, by about 1/4.
    return Profiles(X, weights, _COMMON * weights.sum(axis=0), length, spread, (J - 1) * 4 * n / (n + 3))
