"""Transfer: what earlier studies say of configurations that this one has not tried, as the prior mean of its process.

Each earlier study becomes a Gaussian process over this study's features, fitted to the normal scores of its losses:
ranks carry over where losses do not (Salinas 2020).  Their predictions are a trend, with coefficients at least 0 and a
sum of at most 1, by generalised least squares under this study's own process, shrunk towards 0; what the trend leaves
over is modelled again.  The result stands only where it foretells the better half of the trials, each from all the
others, with more likelihood than the own process does: so studies that mislead have no say, and with more trials all of
them lose theirs.

n trials here, q points to predict, F feature columns, k earlier studies; smaller is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from trialist.model.features import Features
from trialist.model.translation import translated
from trialist.numerics.gp import Array, Fit, Posterior, fit
from trialist.numerics.transform import normal_scores
from trialist.trials.feasibility import ranked
from trialist.trials.history import History
from trialist.trials.trial import TrialRecord

LEAST = 6  # trials that an earlier study must have in the present space
MOST = 200  # trials of an earlier study that its process looks at: half of them the best, half spread over the others
FITTED = 120  # of these, trials that its hyperparameters are fitted to
SMOOTHNESS = 2.5
FEW, ENOUGH = 3, 100  # trials here before the coefficients can be told, and from which the own process needs no help
COEFFICIENT = 0.7  # standard deviation of a coefficient before anything is measured


@dataclass(frozen=True, slots=True)
class Source:
    """An earlier study's process, and the columns (F,) that it knows: the others were the same in all of its trials."""

    name: str
    trials: int
    columns: NDArray[np.bool_]
    process: Posterior

    def mean(self, X: Array) -> Array:
        """(q,) expected normal scores at features X (q, F)."""
        return self.process.predict(np.where(self.columns, X, 0.0))[0]

    def mean_with_slopes(self, X: Array) -> tuple[Array, Array]:
        """`mean`, and its derivatives (q, F)."""
        mean, _, slopes, _ = self.process.predict_with_slopes(np.where(self.columns, X, 0.0))
        return mean, np.where(self.columns, slopes, 0.0)


def sources(earlier: Sequence[History], features: Features) -> tuple[Source, ...]:
    """The earlier studies that can teach something of the present space; a function of its arguments, worth keeping.

    Trials whose numbers lie outside the present bounds are left out: their scores belong elsewhere.
    """
    found = (_source(history, features) for history in earlier)
    return tuple(source for source in found if source is not None)


def _source(history: History, features: Features) -> Source | None:
    params, losses = [], []
    for record in _thinned(history):
        found = translated(record.params, features.cube.space)
        if found is not None and not found.moved and record.loss is not None:
            params.append(found.params)
            losses.append(record.loss)
    if len(params) < LEAST or min(losses) == max(losses):
        return None
    X = features(*features.cube.canonical(features.cube.encode(params)))
    columns: NDArray[np.bool_] = np.ptp(X, axis=0) > 0.0
    if not columns.any():
        return None
    X = np.where(columns, X, 0.0)
    y = normal_scores(np.array(losses))
    some = np.linspace(0, len(y) - 1, min(FITTED, len(y))).astype(int)
    fitted = fit(X[some], y[some], features.layout(SMOOTHNESS))
    return Source(history.plan.name, len(y), columns, Posterior(fitted, X, y))


def _thinned(history: History) -> list[TrialRecord]:
    order = ranked(history.scored)
    best, rest = order[: MOST // 2], order[MOST // 2 :]
    some = np.linspace(0, len(rest) - 1, min(MOST - MOST // 2, len(rest))).astype(int)
    return [*best, *(rest[i] for i in some)]


class Trend:
    """The sources' means at features X (q, F), each times its coefficient."""

    def __init__(self, known: Sequence[Source], coefficients: Array) -> None:
        """coefficients (k,)."""
        self.parts = [(source, float(b)) for source, b in zip(known, coefficients, strict=True) if b > 0.0]

    def mean(self, X: Array) -> Array:
        """(q,)."""
        total = np.zeros(len(X))
        for source, b in self.parts:
            total += b * source.mean(X)
        return total

    def mean_with_slopes(self, X: Array) -> tuple[Array, Array]:
        """(q,) and (q, F)."""
        total, by_column = np.zeros(len(X)), np.zeros(X.shape)
        for source, b in self.parts:
            mean, slopes = source.mean_with_slopes(X)
            total += b * mean
            by_column += b * slopes
        return total, by_column

    def __str__(self) -> str:
        return ", ".join(f"{b:.0%} of study {source.name!r}" for source, b in self.parts)


class Informed:
    """A process with a trend as its prior mean: it answers what a `Posterior` does."""

    def __init__(self, rest: Posterior, trend: Trend) -> None:
        """rest: fitted to what the trend leaves over."""
        self.rest, self.trend, self.fit = rest, trend, rest.fit

    def predict(self, X: Array) -> tuple[Array, Array]:
        """(q,) means and (q,) variances at X (q, F), noise not included."""
        mean, variance = self.rest.predict(X)
        return mean + self.trend.mean(X), variance

    def predict_with_slopes(self, X: Array) -> tuple[Array, Array, Array, Array]:
        """`predict`, and the derivatives of both by the columns of X, (q, F) each."""
        mean, variance, d_mean, d_variance = self.rest.predict_with_slopes(X)
        more, slopes = self.trend.mean_with_slopes(X)
        return mean + more, variance, d_mean + slopes, d_variance

    def conditioned(self, X: Array) -> Informed:
        """With the points X (p, F) known as well, at the values that are expected there."""
        return Informed(self.rest.conditioned(X), self.trend)


def informed(
    known: Sequence[Source], own: Posterior, X: Array, y: Array, fitted: Callable[[Array], Fit]
) -> Informed | None:
    """This study's process with the earlier ones as its prior mean; None where it foretells no better than `own`.

    own: the process of X (n, F) and y (n,), standardised, without them.  fitted: the fit to other values (n,) at X.
    """
    if not known or not FEW <= len(y) <= ENOUGH:
        return None
    trend = Trend(known, coefficients(np.stack([source.mean(X) for source in known], axis=1), own, y))
    if not trend.parts:
        return None
    rest_of = y - trend.mean(X)
    rest = Posterior(fitted(rest_of), X, rest_of)
    better = y <= np.median(y)
    gain = _log_density(rest, rest_of) - _log_density(own, y)
    return Informed(rest, trend) if gain[better].sum() > 0.0 else None


def coefficients(M: Array, own: Posterior, y: Array) -> Array:
    """(k,) coefficients of the columns of M (n, k) in y (n,), at least 0, their sum at most 1.

    Generalised least squares under `own`, with a constant beside them and a normal prior of deviation COEFFICIENT.
    """
    white = own.whitened(np.column_stack([np.ones(len(y)), M, y]))
    constant = white[:, 0] / np.linalg.norm(white[:, 0])
    white -= np.outer(constant, constant @ white)
    k = M.shape[1]
    A = np.vstack([white[:, 1:-1], np.eye(k) / COEFFICIENT])
    found, _ = optimize.nnls(A, np.concatenate([white[:, -1], np.zeros(k)]))
    bounded: Array = found / max(1.0, float(found.sum()))
    return bounded


def _log_density(process: Posterior, y: Array) -> Array:
    """(n,) of each value of y, as foretold by all the others; up to a constant."""
    mean, variance = process.left_out(y)
    density: Array = -0.5 * (np.log(variance) + (y - mean) ** 2 / variance)
    return density
