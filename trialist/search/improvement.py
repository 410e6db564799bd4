"""What counts as an improvement: of one objective, of a front of two or three, of a random scalarisation of more."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trialist.model.evidence import Evidence, loss_values
from trialist.model.foretelling import Predictor
from trialist.model.looks import Looks
from trialist.model.surrogate import Fitted, Surrogate
from trialist.model.transfer import Informed, informed
from trialist.numerics.ensemble import Ensemble
from trialist.numerics.gp import Array
from trialist.numerics.hypervolume import reference_point
from trialist.numerics.improvement import undominated
from trialist.numerics.keys import Key
from trialist.numerics.pareto import non_dominated
from trialist.search.acquisition import LogEHVI, LogEI, Term
from trialist.space.cube import Rows

CLOSED_FORM = 3  # objectives with an expected hypervolume improvement in closed form
DIRECTIONS = 12  # random scalarisations that take turns where there are more
RHO = 0.05  # of ParEGO's augmented Tchebycheff function
INCUMBENTS = 5


@dataclass(frozen=True, slots=True)
class Aim:
    """term: the improvement, None where no trial is feasible yet.  rough: nearly the same by fewer processes.

    best (k, d): rows worth perturbing, the best first.  models: of the first objective, or of the scalarised ones.
    predictors: by which the improvement is expected, before what still runs: all of the same, or one of each objective.
    incumbent: the index of the best scored trial, None before there is one.
    """

    term: Term | None
    rough: Term | None
    best: Rows
    models: tuple[Fitted, ...]
    predictors: tuple[Predictor, ...]
    incumbent: int | None


@dataclass(frozen=True, slots=True)
class Modelling:
    """What was chosen by measuring: docs/engine.md has the comparisons.

    smoothness: of the Matern kernels whose processes are averaged.  draws: up to so many scores, so many further
    processes for each of these, at hyperparameters drawn round the likeliest ones.  warp: of the numeric dials.
    """

    smoothness: tuple[float, ...] = (2.5, 1.5)
    draws: tuple[tuple[int, int], ...] = ((60, 3), (150, 1))
    warp: bool = True


def aim(
    evidence: Evidence, surrogate: Surrogate, modelling: Modelling, margin: float, key: Key, near: int | None = None
) -> Aim:
    """What the next trial should improve.

    margin: what an improvement of one objective must exceed to count, in standard deviations of transformed losses.
    near: the index of a trial; the processes of a long study then look at its surroundings alone.
    """
    m = evidence.losses.shape[1]
    if 1 < m <= CLOSED_FORM:
        # One process for each objective: the kernels take turns.
        return _front(evidence, surrogate, modelling.smoothness[key.number % len(modelling.smoothness)], near)
    looks = evidence.looks if m == 1 else replace(evidence.looks, losses=_scalarised(evidence.losses, key))
    return _single(evidence, looks, surrogate, modelling, margin, key, near)


def _single(
    evidence: Evidence,
    looks: Looks,
    surrogate: Surrogate,
    modelling: Modelling,
    margin: float,
    key: Key,
    near: int | None,
) -> Aim:
    X = looks.X
    rng = key.generator("hyperparameters")
    draws = next((count for until, count in modelling.draws if len(looks) <= until), 0)
    models, predictors, pairs, rough, means = [], [], [], [], []
    for nu in modelling.smoothness:
        layout = evidence.features.layout(nu, modelling.warp)
        fitted = surrogate.fitted(X, looks.losses, layout, evidence.transform, near)
        drawn = surrogate.ensemble(fitted, X, rng, draws) if draws else fitted.posterior
        model = _taught(evidence, surrogate, fitted) or drawn
        mean = np.atleast_2d(model.predict(looks.top[fitted.rows])[0])  # (M, k)
        ok = looks.may_win[fitted.rows]
        mean = np.where(ok, mean, np.inf) if ok.any() else mean
        models.append(fitted)
        predictors.append(model)
        means.append(mean.mean(axis=0))
        pairs.append((model.conditioned(evidence.pending.X), mean.min(axis=1) - margin))
        if isinstance(model, Ensemble):
            rough.append((fitted.posterior.conditioned(evidence.pending.X), pairs[-1][1][:1]))
    order = models[0].rows[np.argsort(np.mean(means, axis=0), kind="stable")]
    incumbent = _first_scored(evidence, looks, order)
    best = looks.rows[_first_of_each(looks.number[order], order)[:INCUMBENTS]]
    if not looks.may_win.any():
        return Aim(None, None, best, tuple(models), tuple(predictors), incumbent)
    exact = LogEI(pairs)
    likely = LogEI(rough) if draws and rough else exact
    return Aim(exact, likely, best, tuple(models), tuple(predictors), incumbent)


def _first_of_each(numbers: NDArray[np.int64], order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of looks in order, with their trials' numbers, the first one of each trial."""
    _, first = np.unique(numbers, return_index=True)
    found: NDArray[np.intp] = order[np.sort(first)]
    return found


def _first_scored(evidence: Evidence, looks: Looks, order: NDArray[np.intp]) -> int | None:
    """The index of the scored trial that comes first in the order of looks."""
    if len(looks) == evidence.n:
        return int(order[0])
    index = {record.number: i for i, record in enumerate(evidence.records)}
    return next((index[number] for number in looks.number[order].tolist() if number in index), None)


def _taught(evidence: Evidence, surrogate: Surrogate, fitted: Fitted) -> Informed | None:
    """The process with earlier studies as its prior mean, where they foretell this one better than it does itself."""
    if not evidence.sources:
        return None
    X, own = evidence.looks.X[fitted.rows], fitted.posterior
    return informed(evidence.sources, own, X, fitted.y, lambda rest: surrogate.fit(X, rest, own.fit.layout))


def _front(evidence: Evidence, surrogate: Surrogate, smoothness: float, near: int | None) -> Aim:
    X, at, losses, may_win = evidence.scored.X, evidence.scored.rows, evidence.losses, evidence.is_feasible
    if evidence.raced is not None and may_win.any():
        raced = evidence.raced
        X, at = np.concatenate([X, raced.points.X]), np.concatenate([at, raced.points.rows])
        losses = evidence.known_losses
        may_win = np.concatenate([may_win, np.zeros(len(raced.number), dtype=bool)])
    layout = evidence.features.layout(smoothness)
    merit = _merit(losses)
    models = [surrogate.fitted(X, each, layout, loss_values, near, merit) for each in losses.T]
    rows = models[0].rows  # the same for all, since they go by merit
    Y = np.stack([fitted.posterior.predict(X[rows])[0] for fitted in models], axis=1)
    feasible = may_win[rows]
    known = Y[feasible] if feasible.any() else Y
    boxes = undominated(known[non_dominated(known)], reference_point(known))
    on_front = np.flatnonzero(non_dominated(np.where(feasible[:, None], Y, np.nan) if feasible.any() else Y))
    order = rows[on_front[np.argsort(merit[rows[on_front]], kind="stable")]]
    # All along the front: its ends are what nobody would look near otherwise.
    along = on_front[np.argsort(Y[on_front, 0], kind="stable")]
    some = np.unique(np.linspace(0, len(along) - 1, 4 * INCUMBENTS).astype(np.intp))
    best = at[rows[along[some]]]
    predictors = tuple(fitted.posterior for fitted in models)
    if not feasible.any():
        return Aim(None, None, best, tuple(models), predictors, int(order[0]))
    term = LogEHVI([each.conditioned(evidence.pending.X) for each in predictors], boxes)
    return Aim(term, term, best, tuple(models), predictors, int(order[0]))


def _merit(losses: Array) -> Array:
    """(n,) the mean of the ranks in each objective: few are good where all are good."""
    order = np.argsort(np.argsort(losses, axis=0, kind="stable"), axis=0, kind="stable")
    merit: Array = order.mean(axis=1)
    return merit


def _scalarised(losses: Array, key: Key) -> Array:
    """(n,) ParEGO's augmented Tchebycheff function in one of a few random directions (Knowles 2006)."""
    rng = Key(key.seed, -1).generator(f"direction {key.number % DIRECTIONS}")
    weights = rng.dirichlet(np.ones(losses.shape[1]))
    low = losses.min(axis=0)
    scaled = (losses - low) / np.maximum(np.median(losses, axis=0) - low, 1e-300)
    weighted = weights * scaled
    value: Array = weighted.max(axis=1) + RHO * weighted.sum(axis=1)
    return value
