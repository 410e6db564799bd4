"""What a proposal says: what the models expect there, in the objective's own units, and before the trial runs.

X (1, F): the features of the one that is proposed.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from trialist.model.evidence import Evidence
from trialist.model.foretelling import foretold, losses_at
from trialist.model.surrogate import Fitted
from trialist.numerics.gp import Array
from trialist.search.improvement import CLOSED_FORM, Aim
from trialist.trials.foretold import Foretold
from trialist.trials.history import History
from trialist.trials.plan import Objective


def told_before(evidence: Evidence, goal: Aim, row: Array, history: History) -> Foretold | None:
    """What the models expect of the score of a full run at a row; None where they are none of the objectives' own."""
    objectives = history.plan.objectives
    if len(objectives) > CLOSED_FORM:
        return None
    X = evidence.features(*evidence.features.cube.canonical(row[None]))
    single = len(objectives) == 1
    losses = evidence.looks.losses[None] if single else evidence.known_losses.T
    return Foretold(
        evidence.looks.trials,
        {
            objective.name: foretold(
                objective, goal.predictors if single else goal.predictors[i : i + 1], goal.models[i], losses[i], X
            )
            for i, objective in enumerate(objectives)
        },
    )


def reason(evidence: Evidence, goal: Aim, row: Array, history: History, centre: int | None, is_exploring: bool) -> str:
    """What the model expects of a row, in the objective's own units, and its chance to beat the best trial."""
    if goal.term is None:
        return "no trial satisfies every constraint yet: here that is likeliest"
    objectives = history.plan.objectives
    if len(objectives) > CLOSED_FORM:
        return "expected to push the front outwards most, in one weighting of the objectives"
    X = evidence.features(*evidence.features.cube.canonical(row[None]))
    if len(objectives) > 1:
        parts = zip(objectives, goal.models, evidence.known_losses.T, strict=True)
        each = [expected(objective, fitted, losses, X) for objective, fitted, losses in parts]
        return f"may push the front outwards: {', '.join(each)} expected"
    fitted = goal.models[0]
    if goal.incumbent is None:
        return f"{expected(objectives[0], fitted, evidence.looks.losses, X)} expected of a full run"
    best = evidence.records[goal.incumbent].number
    (mean, rival), (variance, _) = fitted.posterior.predict(np.concatenate([X, evidence.scored.X[[goal.incumbent]]]))
    chance = min(max(float(special.ndtr((rival - mean) / math.sqrt(variance))), 0.01), 0.99)
    where = (
        "explores: " if is_exploring else "" if centre is None else f"near trial {evidence.records[centre].number}: "
    )
    what = expected(objectives[0], fitted, evidence.looks.losses, X)
    rival_is = "" if goal.incumbent == best_scored(evidence) else "the model's best, "
    return f"{where}{what} expected, {100 * chance:.0f} % likely to beat {rival_is}trial {best}"


def expected(objective: Objective, fitted: Fitted, losses: Array, X: Array) -> str:
    """The mean and deviation of an objective at X (1, F), in its own units; losses (n,): of all trials."""
    mean, variance = (float(a[0]) for a in fitted.posterior.predict(X))
    at = mean + math.sqrt(variance) * np.array([-1.0, 0.0, 1.0])
    low, middle, high = sorted(objective.loss(float(x)) for x in losses_at(at, fitted.y, losses[fitted.rows]))
    half = 0.5 * (high - low)
    return f"{objective.name} {middle:.{_digits(middle, half)}g} ± {half:.2g}"


def _digits(number: float, spread: float) -> int:
    """Significant digits of a number that resolve a spread to two."""
    if not (spread > 0.0 and number and math.isfinite(spread) and math.isfinite(number)):
        return 4
    return min(max(math.floor(math.log10(abs(number))) - math.floor(math.log10(spread)) + 2, 1), 8)


def best_scored(evidence: Evidence) -> int:
    """The index of the lowest loss; feasible ones go first."""
    losses = np.where(evidence.is_feasible, evidence.losses[:, 0], np.inf)
    return int(np.argmin(losses if np.isfinite(losses).any() else evidence.losses[:, 0]))
