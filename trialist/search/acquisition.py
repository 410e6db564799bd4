"""Acquisition: how promising a point is, on a log scale, as a sum of terms; each with its derivatives.

Shapes: q points, d dials, F feature columns.  Larger is better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy import special

from trialist.model.features import Features
from trialist.model.points import Points
from trialist.numerics.gp import Array, Posterior
from trialist.numerics.improvement import Boxes, log_ehvi, log_ehvi_gradient, log_h
from trialist.space.cube import Cube

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class Model(Protocol):
    """What is asked of a process: `Posterior`, or one with a trend."""

    def predict(self, X: Array) -> tuple[Array, Array]:
        """(q,) means and (q,) variances at X (q, F)."""
        ...

    def predict_with_slopes(self, X: Array) -> tuple[Array, Array, Array, Array]:
        """`predict`, and the derivatives of both by the columns of X, (q, F) each."""
        ...


class Term(Protocol):
    """One summand of an acquisition."""

    def value(self, points: Points) -> Array:
        """(q,)."""
        ...

    def slopes(self, points: Points) -> tuple[Array, Array]:
        """(q,) values and (q, F) derivatives by the features."""
        ...


class LogEI:
    """The log of the expected improvement, averaged over several processes.

    models: ensembles of M posteriors (or of one), each with the values (M,) to improve on: the lowest posterior means,
    which unlike the lowest score are no matter of luck, less what an improvement must be to count.
    """

    def __init__(self, models: Sequence[tuple[Model, Array]]) -> None:
        self._models = models

    def value(self, points: Points) -> Array:
        parts = [(*model.predict(points.X), best) for model, best in self._models]
        logs = np.concatenate([_log_ei(mean, variance, best) for mean, variance, best in parts])
        averaged: Array = np.logaddexp.reduce(logs, axis=0) - math.log(len(logs))
        return averaged

    def slopes(self, points: Points) -> tuple[Array, Array]:
        logs, slopes = [], []
        for model, best in self._models:
            mean, variance, d_mean, d_variance = (np.atleast_2d(a) for a in model.predict_with_slopes(points.X))
            sd = np.sqrt(variance)
            z = (best[:, None] - mean) / sd
            value, ratio = log_h(z)
            logs.append(np.log(sd) + value)
            by_variance, by_mean = (1.0 - ratio * z) / (2.0 * variance), -ratio / sd
            slopes.append(by_variance[:, :, None] * d_variance + by_mean[:, :, None] * d_mean)
        stacked = np.concatenate(logs)
        total = np.logaddexp.reduce(stacked, axis=0)
        weights = np.exp(stacked - total)  # (M, q)
        return total - math.log(len(stacked)), np.einsum("mq,mqf->qf", weights, np.concatenate(slopes))


def _log_ei(mean: Array, variance: Array, best: Array) -> Array:
    """(M, q)."""
    sd = np.sqrt(np.atleast_2d(variance))
    log: Array = np.log(sd) + log_h((best[:, None] - mean) / sd)[0]
    return log


class LogEHVI:
    """The log of the expected hypervolume improvement, for two or three objectives with a process each."""

    def __init__(self, models: Sequence[Model], boxes: Boxes) -> None:
        self._models, self._boxes = models, boxes

    def value(self, points: Points) -> Array:
        means, variances = zip(*(model.predict(points.X) for model in self._models), strict=True)
        return log_ehvi(np.stack(means, axis=1), np.sqrt(np.stack(variances, axis=1)), self._boxes)

    def slopes(self, points: Points) -> tuple[Array, Array]:
        parts = [model.predict_with_slopes(points.X) for model in self._models]
        mean, variance = (np.stack([part[i] for part in parts], axis=1) for i in (0, 1))
        sd = np.sqrt(variance)
        value, by_mean, by_sd = log_ehvi_gradient(mean, sd, self._boxes)
        slopes = np.zeros_like(points.X)
        for j, (_, _, d_mean, d_variance) in enumerate(parts):
            slopes += by_mean[:, j, None] * d_mean + (by_sd[:, j] / (2.0 * sd[:, j]))[:, None] * d_variance
        return value, slopes


class LogBelow:
    """The log of the probability that what a process models lies below 0: a constraint holds, a run does not fail.

    least: so much probability is always left, since a model may be wrong.  noisy: of an observation, not of the mean.
    """

    def __init__(self, model: Posterior, least: float = 0.0, noisy: bool = False) -> None:
        self._model, self._least, self._noise = model, least, model.fit.noise if noisy else 0.0

    def value(self, points: Points) -> Array:
        mean, variance = self._model.predict(points.X)
        logs: Array = special.log_ndtr(-mean / np.sqrt(variance + self._noise))
        return np.logaddexp(logs, math.log(self._least)) if self._least else logs

    def slopes(self, points: Points) -> tuple[Array, Array]:
        mean, variance, d_mean, d_variance = self._model.predict_with_slopes(points.X)
        variance = variance + self._noise
        sd = np.sqrt(variance)
        z = -mean / sd
        logs = special.log_ndtr(z)
        hazard = np.exp(-0.5 * z * z - _HALF_LOG_2PI - logs)  # phi / Phi
        slopes = hazard[:, None] * (-d_mean / sd[:, None] + (0.5 * mean / (sd * variance))[:, None] * d_variance)
        if not self._least:
            return logs, slopes
        total = np.logaddexp(logs, math.log(self._least))
        return total, np.exp(logs - total)[:, None] * slopes


class LogCost:
    """Minus `weight` times the expected log of the cost (Lee et al. 2020, "Cost-aware Bayesian optimization")."""

    def __init__(self, model: Posterior, weight: float) -> None:
        self._model, self._weight = model, weight

    def value(self, points: Points) -> Array:
        return -self._weight * self._model.predict(points.X)[0]

    def slopes(self, points: Points) -> tuple[Array, Array]:
        mean, _, d_mean, _ = self._model.predict_with_slopes(points.X)
        return -self._weight * mean, -self._weight * d_mean


class LogPrior:
    """`weight` times the log of the users' priors, at least ln `least` (piBO: Hvarfner et al. 2022).

    The prior steers which points are looked at and compared; the gradient leaves it out: it changes little over a step.
    """

    def __init__(self, cube: Cube, weight: float, least: float = 0.05) -> None:
        self._cube, self._weight, self._floor = cube, weight, math.log(least)

    def value(self, points: Points) -> Array:
        return self._weight * np.maximum(self._cube.log_prior(points.rows, points.active), self._floor)

    def slopes(self, points: Points) -> tuple[Array, Array]:
        return self.value(points), np.zeros_like(points.X)


class Acquisition:
    """The sum of its terms, as a function of canonical points."""

    def __init__(self, features: Features, terms: Sequence[Term]) -> None:
        self.features, self._terms = features, terms

    def value(self, points: Points) -> Array:
        """(q,)."""
        total = self._terms[0].value(points)
        for term in self._terms[1:]:
            total = total + term.value(points)
        return total

    def slopes(self, points: Points) -> tuple[Array, Array]:
        """(q,) values, and (q, d) derivatives by the rows; 0 for categorical and inactive dials."""
        total, slopes = self._terms[0].slopes(points)
        for term in self._terms[1:]:
            value, more = term.slopes(points)
            total, slopes = total + value, slopes + more
        return total, np.where(points.active, self.features.back(slopes), 0.0)
