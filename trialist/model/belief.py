"""Belief: what processes fitted to all full runs expect of each of them, and how surely, in the metric's own unit.

n scored trials, k of them asked about; smaller is better.  The processes see losses of which the worse half is ranked;
among the better half the scale is a straight line, which gives means, covariance and noise their unit back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trialist.model.evidence import Evidence, Witness, loss_values
from trialist.model.surrogate import Fitted, Surrogate
from trialist.numerics.gp import Array, Posterior, moved
from trialist.numerics.threads import one_thread
from trialist.trials.history import History

SMOOTHNESS = (2.5, 1.5)  # of the processes that are averaged, as those of the search
LEAST = 8  # scores, with fewer a model knows no better
MOST_NOISE = 0.98  # of the variance of scores
_PART = 1_000  # rows at a time: 10,000 together took 120 MiB for a moment


@dataclass(frozen=True, slots=True)
class Belief:
    """place: of a trial's number among the rows.  X (n, F) features, seen (m, F) those of all
    that the processes learnt from, losses (n,) as scored, means (n,) as expected.

    noise: standard deviation of a score that the processes cannot explain.  unit: loss per unit that they see.
    scale: what they see, ascending, and the losses that it stands for.
    """

    place: dict[int, int]
    X: Array
    seen: Array
    losses: Array
    means: Array
    noise: float
    unit: float
    scale: tuple[Array, Array]
    processes: tuple[Fitted, ...]

    @property
    def weight(self) -> float:
        """How many degrees of freedom the noise that the processes found is worth.

        With 20 scores in four dials they explain all of it away, from 60 on they are within a fifth of it: measured.
        """
        return max(0.0, (len(self.losses) - 20) / 5)

    def of(self, numbers: Sequence[int], noise: float | None = None) -> tuple[Array, Array]:
        """(k,) expected losses of these trials and their (k, k) covariance, also of how far the processes disagree.

        noise: standard deviation of a score, where it is known from elsewhere. Where it is smaller than what the
        processes leave unexplained, the rest is no noise but what is peculiar to each configuration; where it is
        larger, they took noise for a rough landscape, and see it again as a smoother one.
        """
        at = [self.place[number] for number in numbers]
        if noise is not None and noise > self.noise:
            processes = tuple(_noisier(each, self.seen, (noise / self.noise) ** 2) for each in self.processes)
            means = self._in_unit(np.mean([each.predict(self.X[at])[0] for each in processes], axis=0))
            return means, self._covariance(at, processes)
        covariance = self._covariance(at, tuple(each.posterior for each in self.processes))
        if noise is None:
            return self.means[at], covariance
        # With K of the smooth part, u^2 I of the peculiar one and s^2 I of the noise, the unexplained being u^2 + s^2:
        # E f = E g + u^2 / (u^2 + s^2) (y - E g), Cov f = s^2 I - s^4 A, where Cov g = (u^2 + s^2) I - (u^2 + s^2)^2 A.
        share = (noise / self.noise) ** 2
        means = self.means[at] + (1 - share) * (self.losses[at] - self.means[at])
        return means, share**2 * covariance + noise**2 * (1 - share) * np.eye(len(at))

    def _covariance(self, at: list[int], processes: tuple[Posterior, ...]) -> Array:
        found = [process.covariance(self.X[at]) for process in processes]
        apart = np.array([mean for mean, _ in found])
        apart -= apart.mean(axis=0)  # (processes, k)
        within = np.mean([covariance for _, covariance in found], axis=0)
        return np.asarray(self.unit**2 * (within + apart.T @ apart / len(apart)))

    def _in_unit(self, means: Array) -> Array:
        """Expected losses (k,) on the processes' scale as losses."""
        # Below the best score nothing was seen, and the straight line goes on; above the worst nothing needs telling.
        y, losses = self.scale
        return np.asarray(np.interp(means, y, losses) + self.unit * np.minimum(means - y[0], 0.0))


def expected(evidence: Evidence, surrogate: Surrogate) -> tuple[Array, tuple[Fitted, ...]]:
    """(n,) expected losses of the full runs on the processes' scale, the mean of all, and the processes."""
    looks = evidence.of_full_runs.looks  # and what racing left off: of what is worse it tells as much
    fitted = tuple(
        surrogate.fitted(looks.X, looks.losses, evidence.features.layout(nu), loss_values) for nu in SMOOTHNESS
    )
    X = evidence.scored.X
    parts = [X[at : at + _PART] for at in range(0, max(len(X), 1), _PART)]
    means = [np.concatenate([each.posterior.predict(part)[0] for part in parts]) for each in fitted]
    return np.asarray(np.mean(means, axis=0)), fitted


def belief(evidence: Evidence, surrogate: Surrogate) -> Belief | None:
    """Of the full runs of a study of one objective; None where the better half of the scores are all the same."""
    means, fitted = expected(evidence, surrogate)
    looks = evidence.of_full_runs.looks
    rows, y = fitted[0].rows, fitted[0].y
    unit = loss_per_unit(y, looks.losses[rows])
    if unit is None:
        return None
    order = np.argsort(y, kind="stable")
    noise = unit * math.sqrt(float(np.mean([each.posterior.fit.noise for each in fitted])))
    place = {record.number: i for i, record in enumerate(evidence.records)}
    scale = y[order], looks.losses[rows][order]
    found = Belief(place, evidence.scored.X, looks.X, evidence.losses[:, 0], means, noise, unit, scale, fitted)
    return replace(found, means=found._in_unit(means))


def belief_of(history: History) -> Belief | None:
    """Of a history; None as well with several objectives, or with fewer than LEAST scores: a model knows no better."""
    if len(history.scored) < LEAST or len(history.plan.objectives) > 1 or not len(history.space):
        return None
    with one_thread():
        return belief(Witness().evidence(history), Surrogate())


def _noisier(fitted: Fitted, X: Array, factor: float) -> Posterior:
    """The process with so many times its variance of noise, and less of a landscape: their sum is what it was."""
    fit = fitted.posterior.fit
    total = fit.signal + fit.noise
    noise = min(factor * fit.noise, MOST_NOISE * total)
    theta = fit.theta.copy()
    D = fit.layout.lengths
    theta[D], theta[D + 1] = math.log(total - noise), math.log(noise)
    return Posterior(moved(fit, theta), X[fitted.rows], fitted.y)


def loss_per_unit(y: Array, losses: Array) -> float | None:
    """Loss per unit of the transformed losses y among the better half, where it is the same for all."""
    order = np.argsort(y, kind="stable")
    low, high = order[0], order[len(y) // 4 + 1]
    rise, run = float(losses[high] - losses[low]), float(y[high] - y[low])
    return rise / run if rise > 0 and run > 0 else None
