"""What more trials promise: a process fitted to the full runs so far, asked what the next ones could gain.

Symbols: n trials that are evidence, q candidates, S joint draws of f at the candidates; the incumbent is the full run
of the lowest posterior mean.  Gains and regrets are in the unit of the metric, and not negative.

The process sees losses of which the worse half is ranked; gains lie beyond the best, where the scale is a straight
line, so that one factor gives them back their unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialist.model.belief import loss_per_unit
from trialist.model.evidence import Evidence, loss_values, signed_values
from trialist.model.points import Points
from trialist.model.steps import perturbed
from trialist.model.surrogate import Fitted, Surrogate
from trialist.numerics.gp import Array, Posterior, moved
from trialist.numerics.improvement import log_h
from trialist.numerics.keys import Key
from trialist.stopping.ending import Left

SMOOTHNESS = 1.5  # of the kernel: the rougher one promises more, and is nearer to what comes
MEMBERS, UNTIL = 4, 150  # processes that are drawn from, up to so many trials; then one is sure enough
DRAWS = 200  # S, in all
CANDIDATES = 128  # q
BATCH = 32  # trials ahead that are told apart; then nearly all that there is to gain is gained
EVERYWHERE, NEAR, ROUNDS = 200, 200, 3  # how candidates are looked for
CONFIDENCE = 0.1  # delta of the confidence bounds
# A process alone is too sure of itself: of what it cannot model it knows nothing, and rules fire where it is surest.
# Gains are spread about the modelled ones by a factor (MISFIT: the deviation of its logarithm), and TREND of what the
# last trials gained comes on top, as the next ones may go on.  With these, nine of ten gains after a rule fired lay
# below the quantile MOST, in the simulated studies of benchmarks/stopping.py; at 0.95 only 86 % of those after `worth`.
MISFIT, TREND, MOST = 1.5, 1.0, 0.98

Inside = Callable[[Points], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Prospect:
    """What the process expects, in the metric's unit.

    incumbent: its number.  noise: standard deviation of a score.
    ahead (BATCH + 1, S): draws of what the best of the next k trials gains over the incumbent, k = 0, 1, ...
    course (m,): the lowest posterior mean after each of the m full runs, as the process of all of them sees it.
    misfit, trend (S,): draws of what the process does not know.
    regret_bound: of the incumbent, with confidence.
    change: the bound on how much the last trial changed the expected minimum simple regret.
    """

    incumbent: int
    noise: float
    ahead: Array
    course: Array
    misfit: Array
    trend: Array
    regret_bound: float
    change: float

    def gains(self, trials: int) -> Array:
        """(S,) draws of what the next trials gain together."""
        modelled: Array = self.misfit * self.ahead[min(trials, BATCH)]
        return modelled + self.trend * self._recent(trials)

    def _recent(self, trials: int) -> float:
        """What as many of the last trials gained, but at most half of all: then by the root of their number."""
        m = len(self.course)
        seen = max(min(trials, m // 2), 1)
        return float(self.course[m - 1 - seen] - self.course[-1]) * math.sqrt(trials / seen)

    def left(self, trials: int) -> Left:
        """What that many more would probably gain: the most of it, and the mean of what lies below."""
        draws = self.gains(trials)
        most = float(np.quantile(draws, MOST))
        return Left(trials, float(draws[draws <= most].mean()), most)


def prospect(evidence: Evidence, surrogate: Surrogate, key: Key) -> Prospect | None:
    """The prospect of a study of one objective.

    None where nothing can be told: no feasible trial, or the better half of the scores are all the same.
    """
    X, losses = evidence.scored.X, evidence.losses[:, 0]
    fitted = surrogate.fitted(X, losses, evidence.features.layout(SMOOTHNESS), loss_values)
    unit, feasible = loss_per_unit(fitted.y, losses[fitted.rows]), evidence.is_feasible[fitted.rows]
    if unit is None or not feasible.any():
        return None
    rng = key.generator("prospect")
    process, known = fitted.posterior, X[fitted.rows]
    mean, variance = process.predict(known)
    mean = np.where(feasible, mean, np.inf)
    order = np.argsort(mean, kind="stable")
    near, holds = evidence.scored.rows[fitted.rows[order[:5]]], _holds(evidence, surrogate)
    members = _members(fitted, known, rng)
    candidates = _candidates(evidence, members, near, known[order[0]], holds, rng)
    width = math.sqrt(_beta(evidence.features.cube.d, len(mean)))
    return Prospect(
        incumbent=evidence.records[fitted.rows[order[0]]].number,
        noise=unit * math.sqrt(process.fit.noise),
        ahead=unit * _ahead(members, known[order[0]], candidates.X, rng),
        course=unit * _course(evidence, fitted, mean),
        misfit=np.exp(MISFIT * rng.standard_normal(DRAWS)),
        trend=TREND * rng.standard_exponential(DRAWS),
        regret_bound=unit * _bound(process, candidates.X, mean, variance, width),
        change=unit * _change(fitted, known, candidates.X, width),
    )


def _beta(d: int, n: int) -> float:
    """The squared width of the confidence bounds (Srinivas et al. 2010, theorem 1, scaled down by 5 as there)."""
    return 0.4 * math.log(max(d, 1) * n**2 * math.pi**2 / (6 * CONFIDENCE))


def _holds(evidence: Evidence, surrogate: Surrogate) -> Inside:
    """Whether a process of each measured constraint expects it to hold."""
    layout = evidence.features.layout(SMOOTHNESS)
    processes = []
    for values in evidence.constraints.values():
        known = np.isfinite(values)
        if known.sum() >= 2:
            processes.append(surrogate.fitted(evidence.scored.X[known], values[known], layout, signed_values).posterior)

    def holds(points: Points) -> NDArray[np.bool_]:
        found = np.ones(len(points), dtype=bool)
        for process in processes:
            found &= process.predict(points.X)[0] <= 0.0
        return found

    return holds


def _members(fitted: Fitted, known: Array, rng: np.random.Generator) -> list[Posterior]:
    """The process, and others at hyperparameters drawn round the likeliest: that all is noise is then not certain."""
    members = [fitted.posterior]
    if len(known) > UNTIL:
        return members
    fit, S = fitted.posterior.fit, fitted.base.spread
    for z in rng.standard_normal((MEMBERS - 1, len(S))):
        theta = fit.theta.copy()
        theta[: len(S)] += S @ z
        members.append(Posterior(moved(fit, theta), known, fitted.y))
    return members


def _candidates(
    evidence: Evidence,
    members: list[Posterior],
    near: Array,
    incumbent: Array,
    holds: Inside,
    rng: np.random.Generator,
) -> Points:
    """The q allowed points of largest expected improvement: sifted by the process, then by all members."""
    cube = evidence.features.cube
    rows = np.concatenate([rng.random((EVERYWHERE, cube.d)), perturbed(cube, rng, near, NEAR)])
    for turn in range(ROUNDS):
        points = Points.of(evidence.features, rows)
        points = points[np.flatnonzero(cube.allowed(points.rows) & holds(points))]
        asked = members if turn else members[:1]
        promise = np.logaddexp.reduce([_promise(member, points.X, incumbent) for member in asked])
        points = points[np.argsort(-np.round(promise, 9), kind="stable")[:CANDIDATES]]
        if turn < ROUNDS - 1 and len(points):
            rows = np.concatenate([points.rows, perturbed(cube, rng, points.rows[:8], CANDIDATES)])
    return points


def _promise(process: Posterior, X: Array, incumbent: Array) -> Array:
    """(q,) logarithms of the expected improvement on the incumbent."""
    mean, variance = process.predict(np.concatenate([incumbent[None], X]))
    sd = np.sqrt(variance[1:])
    promise: Array = np.log(sd) + log_h((mean[0] - mean[1:]) / sd)[0]
    return promise


def _ahead(members: list[Posterior], incumbent: Array, X: Array, rng: np.random.Generator) -> Array:
    """(BATCH + 1, S) gains of the best k candidates, chosen greedily for what they are expected to gain together.

    Draws share their candidates, so what one candidate gains, its neighbour does not gain again: the expected best of
    the next k trials is not k times an expected improvement.
    """
    points, each = np.concatenate([incumbent[None], X]), DRAWS // len(members)
    f = np.concatenate([_drawn(member, points, each, rng) for member in members])
    gains = np.maximum(f[:, :1] - f[:, 1:], 0.0)  # (S, q)
    ahead = np.zeros((BATCH + 1, DRAWS))
    for k in range(1, BATCH + 1 if len(X) else 1):
        together = np.maximum(gains, ahead[k - 1][:, None])
        ahead[k] = together[:, int(np.argmax(together.mean(axis=0)))]
    return ahead


def _drawn(process: Posterior, X: Array, count: int, rng: np.random.Generator) -> Array:
    """(count, q) joint draws of f at X (q, F)."""
    mean, covariance = process.covariance(X)
    # Candidates lie close together: the jitter that a Cholesky factor asks for would be gains of its own.
    values, vectors = np.linalg.eigh(covariance)
    z = rng.standard_normal((count, len(mean))) * np.sqrt(np.maximum(values, 0.0))
    drawn: Array = mean + z @ vectors.T
    return drawn


def _course(evidence: Evidence, fitted: Fitted, mean: Array) -> Array:
    """(m,) the lowest of the means (k,), inf where infeasible, after each full run that the process knows."""
    full = np.array([evidence.records[row].is_scored for row in fitted.rows], dtype=bool)
    lowest = np.minimum.accumulate(mean[full])
    worst: Array = np.where(np.isfinite(lowest), lowest, mean[np.isfinite(mean)].max())
    return worst


def _bound(process: Posterior, X: Array, mean: Array, variance: Array, width: float) -> float:
    """The lowest upper bound of what was tried, less the lowest lower bound of what could be (Makarova et al. 2022).

    mean, variance (k,): of what was tried, inf where infeasible.  X (q, F): what could be as well.
    """
    other, its_variance = process.predict(X)
    half, its_half = width * np.sqrt(variance), width * np.sqrt(its_variance)
    lower = min(float((mean - half).min()), float((other - its_half).min(initial=np.inf)))
    return float((mean + half).min()) - lower


def _change(fitted: Fitted, known: Array, X: Array, width: float) -> float:
    """The bound on the change of the expected minimum simple regret by the last trial, 0 at least.

    Both processes, with the trial (t) and without it (t - 1), have the hyperparameters of the former, as the divergence
    of the two asks for.  Source: Ishibashi et al. 2023, theorem 1 and algorithm 1.
    """
    fit, y = fitted.posterior.fit, fitted.y
    before = Posterior(fit, known[:-1], y[:-1])
    mean, variance = before.predict(known)
    after, _ = fitted.posterior.predict(known)
    old, new = int(np.argmin(mean[:-1])), int(np.argmin(after))
    _, covariance = fitted.posterior.covariance(known[[new, old]])
    v = math.sqrt(max(covariance[0, 0] - 2 * covariance[0, 1] + covariance[1, 1], 1e-12 * fit.signal))
    shift = float(after[new] - mean[old])  # of the lowest expected loss
    moved = v * math.exp(float(log_h(np.array([shift / v]))[0][0]))
    s2, error = float(variance[-1]), float(y[-1] - mean[-1])
    divergence = 0.5 * (math.log1p(s2 / fit.noise) - s2 / (s2 + fit.noise) + s2 * (error / (s2 + fit.noise)) ** 2)
    bound = _bound(before, X, mean[:-1], variance[:-1], width)
    return moved + bound * math.sqrt(0.5 * max(divergence, 0.0))
