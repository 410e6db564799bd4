"""Simulated test values of two configurations whose true difference is known: for how often intervals hold it.

Each example has a difficulty that all models share, and a scale, heavy-tailed in some problems: hard examples are hard
for everybody. Each configuration has answers of its own, each of its trainings again; a seed shifts a training's
quality on all examples at once, by up to as much as the choice of examples does. For `correlation`, `own` and the rest
see Problem.  The true difference is that of expectations over new examples and new seeds, with one seed over new
examples alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import interpolate, optimize

from trialist.numerics.influence import area, root_of_mean

Array = NDArray[np.float64]
Truth = Callable[[Array | float], Array]  # a configuration's true loss by its quality

METRICS = ("accuracy", "log_loss", "rmse", "roc_auc")
KINDS = ("equal", "unlike", "different")  # alike; equal by the metric alone; of different quality
MANY = 500_000  # draws, and their mirror images, that stand for the population
QUALITIES = (-2.9, 7.9)  # the lowest and the highest
CHUNK = 1_000_000  # numbers at a time


@dataclass(frozen=True)
class Problem:
    """Two configurations and what they are tested on.

    correlation: of two models' errors, the scale of examples aside.  own: the configuration's share of the rest; a
    single training has what remains.  tail: 0 for a normal scale of examples, below 1 the sd of its log, else the
    degrees of freedom of Student's t.  quality: of the first configuration.  scales: of both configurations' errors.
    gap: the true difference in standard errors, where there is one.  share: of positive examples.
    seeds: sd that a seed makes, over that which the choice of examples makes.
    """

    metric: str
    kind: str
    correlation: float
    own: float
    tail: float
    quality: float
    scales: tuple[float, float]
    gap: float
    share: float
    seeds: float


@dataclass(frozen=True)
class Study:
    """Losses, or pseudo-values of them, of both configurations (s, n), and the true difference; strata: classes."""

    losses: tuple[Array, Array]
    strata: NDArray[np.int64] | None
    truth: float


def problem(metric: str, number: int, rng: Generator) -> Problem:
    """One of many problems: kinds take turns, all else is drawn."""
    kind = KINDS[number % 3]
    tails = (0.0, 0.35, 0.6, 5.0, 8.0) if metric != "rmse" else (0.0, 0.3, 0.5, 6.0, 9.0)
    quality = {"accuracy": (0.3, 1.6), "log_loss": (0.5, 2.5), "rmse": (0.0, 0.0), "roc_auc": (0.7, 2.2)}[metric]
    scale = float(rng.uniform(1, 2.5)) if metric == "log_loss" else 1.0
    other = scale * float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.1, 0.4))) if kind != "equal" else scale
    return Problem(
        metric,
        kind,
        correlation=float(rng.uniform(0.5, 0.95)),
        own=float(rng.uniform(0.3, 1.0)),
        tail=float(rng.choice(tails)),
        quality=float(rng.uniform(*quality)),
        scales=(scale, other if metric != "rmse" else scale),
        gap=float(rng.uniform(-3, 3)) if kind == "different" else 0.0,
        share=float(rng.choice([0.1, 0.2, 0.35, 0.5])),
        seeds=float(rng.choice([0.0, 0.3, 1.0])),
    )


def studies(p: Problem, n: int, s: int, count: int, rng: Generator, truths: tuple[Truth, Truth]) -> Iterator[Study]:
    """`count` studies of n examples and s seeds."""
    if s == 1:
        p = replace(p, seeds=0.0)  # the models are what they are
    target = float(truths[0](p.quality))
    other = p.quality if p.kind == "equal" else _solved(truths[1], target)
    error = _error(p, n, (p.quality, other))
    if p.kind == "different":
        least, most = sorted(float(truths[1](quality)) for quality in QUALITIES)
        wanted = target + p.gap * error
        # A loss near nothing cannot be far smaller: then the other configuration is as much worse.
        other = _solved(truths[1], wanted if least < wanted < most else target - p.gap * error)
    slope = abs(float(truths[0](p.quality + 0.1)) - float(truths[0](p.quality - 0.1))) / 0.2
    sd = p.seeds * error / slope
    truth = _expected(truths[0], p.quality, sd) - _expected(truths[1], other, sd)
    done = 0
    while done < count:
        some = min(count - done, max(1, CHUNK // (s * n)))
        values, positive = _drawn(p, n, s, some, (p.quality, other), sd, rng)
        for k in range(some):
            if positive is None:
                yield Study((_pseudo(p, values[0][k]), _pseudo(p, values[1][k])), None, truth)
            elif 2 <= positive[k].sum() <= n - 2:
                a, b = (1 - np.stack([area(positive[k], row) for row in arm[k]]) for arm in values)
                yield Study((a, b), positive[k].astype(np.int64), truth)
        done += some


def truth_of(p: Problem, arm: int, rng: Generator) -> Truth:
    """A configuration's true loss by its quality, over MANY draws and their mirror images."""
    if p.metric == "rmse":
        return lambda quality: np.exp(np.asarray(quality))  # errors have the mean square 1
    scale = p.scales[arm]
    x = scale * _scale(p, MANY, rng) * rng.normal(size=MANY)
    if p.metric == "log_loss":
        grid = np.linspace(-3, 8, 45)
        means = [(np.logaddexp(0, -(q + x)).mean() + np.logaddexp(0, -(q - x)).mean()) / 2 for q in grid]
        found: Truth = interpolate.CubicSpline(grid, means)
        return found
    if p.metric == "roc_auc":
        x = x - scale * _scale(p, MANY, rng) * rng.normal(size=MANY)
    both = np.sort(np.concatenate([x, -x]))
    return lambda quality: np.searchsorted(both, -np.asarray(quality)) / len(both)


def _drawn(
    p: Problem, n: int, s: int, count: int, quality: tuple[float, float], sd: float, rng: Generator
) -> tuple[list[Array], NDArray[np.bool_] | None]:
    """Losses (count, s, n) of both configurations, or scores and which examples are positive (count, n)."""
    scale = _scale(p, count * n, rng).reshape(count, 1, n)
    shared = rng.normal(size=(count, 1, n))
    positive = rng.random((count, n)) < p.share if p.metric == "roc_auc" else None
    values = []
    for arm in (0, 1):
        own = np.sqrt(p.own) * rng.normal(size=(count, 1, n)) + np.sqrt(1 - p.own) * rng.normal(size=(count, s, n))
        x = p.scales[arm] * scale * (np.sqrt(p.correlation) * shared + np.sqrt(1 - p.correlation) * own)
        level = quality[arm] + sd * rng.normal(size=(count, s, 1))
        if p.metric == "accuracy":
            values.append((level + x < 0).astype(np.float64))
        elif p.metric == "log_loss":
            values.append(np.logaddexp(0, -(level + x)))
        elif positive is not None:
            values.append(x + level * positive[:, None, :])
        else:
            if arm == 1 and p.kind != "equal":  # outliers of its own
                x = x * np.exp(0.4 * rng.normal(size=(count, 1, n)) - 0.16)
            values.append((np.exp(level) * x) ** 2)
    return values, positive


def _pseudo(p: Problem, losses: Array) -> Array:
    """Values (s, n) whose mean is the metric."""
    return np.stack([root_of_mean(row) for row in losses]) if p.metric == "rmse" else losses


def _scale(p: Problem, count: int, rng: Generator) -> Array:
    """Scales of examples, of mean square 1."""
    if p.tail == 0:
        return np.ones(count)
    if p.tail < 1:
        return np.exp(p.tail * rng.normal(size=count) - p.tail**2)
    return np.sqrt((p.tail - 2) / rng.chisquare(p.tail, count))


def _error(p: Problem, n: int, quality: tuple[float, float]) -> float:
    """The standard error that the choice of n examples makes."""
    rng = np.random.default_rng(5)
    values, positive = _drawn(p, 20_000, 1, 1, quality, 0.0, rng)
    if positive is None:
        a, b = (_pseudo(p, arm[0])[0] for arm in values)
    else:
        a, b = (area(positive[0], arm[0, 0]) for arm in values)
    return float((a - b).std()) / np.sqrt(n)


def _expected(truth: Truth, quality: float, sd: float) -> float:
    """Over seeds: by Gauss and Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    return float(weights @ truth(quality + sd * nodes) / weights.sum())


def _solved(truth: Truth, target: float) -> float:
    return float(optimize.brentq(lambda quality: float(truth(quality)) - target, *QUALITIES))
