"""Ridge regression with the distribution of its next value: what a few measurements say of a quantity that varies.

    y = level + (x - centre) b + e,   b ~ N(0, s^2 / penalty),   e ~ N(0, s^2)

The penalty is the one of highest marginal likelihood, and s^2 has a prior worth a few observations, so that a first
value already tells something.  A next value then follows Student's t (Bishop 2006, section 3.3; Murphy 2012, section
7.6.3).

n rows, F features, q queries: X (n, F), y (n,).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]

WORTH = 3.0  # observations that the expected deviation counts as
PENALTIES = np.logspace(4.0, -2.0, 13)  # the largest one, which wins a tie, leaves next to no slope


@dataclass(frozen=True, slots=True)
class Ridge:
    """A fit: centre (F,), slopes (F,), spread (F, F) of the slopes in units of scale^2, residuals (n,)."""

    level: float
    centre: Array
    slopes: Array
    spread: Array
    scale: float
    freedom: float
    residuals: Array

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Location (q,) and scale (q,) of the next value at X (q, F), which follows Student's t."""
        Z = X - self.centre
        n = len(self.residuals)
        return self.level + Z @ self.slopes, self.scale * np.sqrt(1.0 + 1.0 / n + np.sum((Z @ self.spread) * Z, axis=1))

    def quantile(self, X: Array, level: float) -> Array:
        """(q,): what the next value at X (q, F) exceeds with a chance of 1 - `level`."""
        location, scale = self.predict(X)
        return location + scale * float(stdtrit(self.freedom, level))


def fit(X: Array, y: Array, guess: float) -> Ridge:
    """The fit of y (n,) at X (n, F), n at least 1.  guess: the standard deviation that is expected beforehand."""
    n = len(y)
    level, centre = float(np.mean(y)), X.mean(axis=0)
    U, s, Vt = np.linalg.svd(X - centre, full_matrices=False)
    a, rest = U.T @ (y - level), float(np.sum((y - level) ** 2))
    shrunk = s**2 / (PENALTIES[:, None] + s**2)  # (p, r): the share of each direction that is believed
    squares = np.maximum(rest - np.sum(shrunk * a**2, axis=1), 0.0) + WORTH * guess**2  # (p,)
    freedom = n - 1 + WORTH
    evidence = 0.5 * np.sum(np.log1p(-shrunk), axis=1) - 0.5 * freedom * np.log(squares)
    best = int(np.argmax(evidence))
    penalty = PENALTIES[best]
    inner = Vt.T / np.sqrt(penalty + s**2)
    # Beyond the directions that were seen the slopes are as uncertain as the prior says.
    outer = (np.eye(X.shape[1]) - Vt.T @ Vt) / penalty
    slopes = Vt.T @ (s / (penalty + s**2) * a)
    return Ridge(
        level,
        centre,
        slopes,
        inner @ inner.T + outer,
        float(np.sqrt(squares[best] / freedom)),
        freedom,
        y - level - (X - centre) @ slopes,
    )
