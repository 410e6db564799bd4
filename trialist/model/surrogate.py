"""Surrogates: processes fitted to what was measured, as a function of the history, at a cost that stays bounded.

Hyperparameters are fitted at trial counts that lie ever farther apart (each trial up to 40, then each twentieth of the
count), always from the same starts; in between the factor grows by the new rows.  So a fresh surrogate and a long-lived
one agree, and what is kept is a cache.  Beyond ACTIVE trials the process looks at an active set: the best, the nearest
to the best, and an even share of the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from trialist.numerics.ensemble import Ensemble
from trialist.numerics.gp import Array, Fit, Layout, Posterior, Prior, fit, moved, spread

Transform = Callable[[Array, Array], Array]  # values (n,) and X (n, F) to values of about unit scale (n,)

ACTIVE = 250  # trials that a process looks at
FITTED = 150  # of these, trials that hyperparameters are fitted to
EACH = 40  # up to that count each trial refits
MOST_BETWEEN = 50  # trials between two fits at most
_KEPT = 48  # fits that are remembered
_BASES: dict[bytes, Base] = {}  # a fit is a function of its data alone: whoever asks for it again shares it


class Base:
    """A process as it was last fitted: X (k, F), y (k,) transformed."""

    def __init__(self, fit: Fit, X: Array, y: Array, prior: Prior) -> None:
        self.posterior, self._X, self._y, self._prior = Posterior(fit, X, y), X, y, prior

    @cached_property
    def spread(self) -> Array:
        """How uncertain its hyperparameters are; see `gp.spread`."""
        return spread(self.posterior.fit, self._X, self._y, self._prior)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A posterior, the rows (k,) of the data that it knows, their transformed values (k,), and what it grew from."""

    posterior: Posterior
    rows: NDArray[np.intp]
    y: Array
    base: Base


def refit_count(n: int) -> int:
    """The largest trial count up to n at which hyperparameters are fitted."""
    if n <= EACH:
        return n
    count = EACH
    while (following := count + min(max(1, count // 20), MOST_BETWEEN)) <= n:
        count = following
    return count


class Surrogate:
    """Fits processes; the last ones are remembered."""

    def __init__(self, prior: Prior | None = None) -> None:
        self._prior = prior or Prior()

    def fitted(
        self,
        X: Array,
        values: Array,
        layout: Layout,
        transform: Transform,
        near: int | None = None,
        merit: Array | None = None,
    ) -> Fitted:
        """The process of values (n,) at X (n, F).

        near: a row; beyond ACTIVE trials the process then looks at the trials nearest to it alone.
        merit (n,): by what the best are told, where not by the values; smaller is better.
        """
        n = len(values)
        m = refit_count(n)
        chosen = active_set(X[:m], (values if merit is None else merit)[:m], None if near is None else X[near])
        base = self._base(X[chosen], values[chosen], layout, transform)
        rows = np.concatenate([chosen, np.arange(m, n)])
        y = transform(values[rows], X[rows])
        return Fitted(base.posterior.conditioned(X[m:]).told(y), rows, y, base)

    def whole(self, X: Array, values: Array, layout: Layout, transform: Transform) -> Fitted:
        """The process of all values (n,), fitted anew with each of them; for few."""
        base = self._base(X, values, layout, transform)
        return Fitted(base.posterior, np.arange(len(values)), transform(values, X), base)

    def ensemble(self, fitted: Fitted, X: Array, rng: np.random.Generator, draws: int) -> Ensemble:
        """The process, and the same at hyperparameters drawn round the likeliest ones by Laplace's approximation."""
        fit = fitted.posterior.fit
        fits = [fit]
        if draws:
            S = fitted.base.spread
            for z in rng.standard_normal((draws, len(S))):
                theta = fit.theta.copy()
                theta[: len(S)] += S @ z
                fits.append(moved(fit, theta))
        return Ensemble(fits, X[fitted.rows], fitted.y)

    def _base(self, X: Array, values: Array, layout: Layout, transform: Transform) -> Base:
        what = f"{X.shape} {layout} {transform.__name__} {self._prior}"
        at = blake2b(X.tobytes() + values.tobytes() + what.encode()).digest()
        known = _BASES.get(at)
        if known is None:
            y = transform(values, X)
            known = Base(self.fit(X, y, layout), X, y, self._prior)
            while len(_BASES) >= _KEPT:
                _BASES.pop(next(iter(_BASES)), None)
            _BASES[at] = known
        return known

    def fit(self, X: Array, y: Array, layout: Layout) -> Fit:
        """Hyperparameters of values y (n,), already transformed, at X (n, F)."""
        few = np.unique(np.linspace(0, len(y) - 1, min(len(y), FITTED)).astype(np.intp))
        return fit(X[few], y[few], layout, self._prior)


def active_set(X: Array, values: Array, near: Array | None = None) -> NDArray[np.intp]:
    """At most ACTIVE rows, ascending: the best 40 %, 30 % nearest to the best one, and an even share of the rest.

    near (F,): a point; then the nearest to it alone.
    """
    n = len(values)
    if n <= ACTIVE:
        return np.arange(n)
    order = np.argsort(values, kind="stable")
    centre = X[order[0]] if near is None else near
    distance = ((X - centre) ** 2).sum(axis=1)
    nearest = np.argsort(distance, kind="stable")
    if near is not None:
        return np.sort(nearest[:ACTIVE])
    kept = np.zeros(n, dtype=bool)
    kept[order[: int(0.4 * ACTIVE)]] = True
    kept[nearest[: int(0.3 * ACTIVE)]] = True
    rest = np.flatnonzero(~kept)
    room = ACTIVE - int(kept.sum())
    kept[rest[np.linspace(0, len(rest) - 1, room).astype(np.intp)]] = True
    return np.flatnonzero(kept)
