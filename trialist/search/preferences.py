"""Terms beside the improvement: constraints that must hold, runs that must not crash, users' priors, costs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from trialist.model.evidence import Evidence, signed_values
from trialist.model.points import Points
from trialist.model.surrogate import Fitted, Surrogate
from trialist.numerics.gp import Array
from trialist.numerics.transform import standardised
from trialist.search.acquisition import LogBelow, LogCost, LogPrior, Term
from trialist.search.maximize import Inside
from trialist.space.cube import Rows
from trialist.trials.history import History

SMOOTHNESS = 2.5
EVEN_ODDS = 0.5  # of satisfying all constraints, and not crashing
LEAST_OK = 0.02  # probability of not crashing that is always left: a crash may have been the machine's fault
LABELS = 300  # trials at most from which crashed regions are learnt
COSTS = 5  # measured costs before they are modelled
LEARNT = 3  # values' worth of them that hyperparameters take
BRIEF = 0.1  # seconds: shorter trials differ by what else the machine does
EVEN = 0.1  # standard deviation of ln cost below which all trials cost about the same
PRIOR_TRIALS = 10.0  # over how many trials a prior loses its weight, as beta of piBO, where the budget is not known


def preferences(
    evidence: Evidence, history: History, surrogate: Surrogate, is_exploring: bool
) -> tuple[list[Term], Inside | None]:
    """All terms that apply, and where the search may go.

    is_exploring: only large improvements count.  Where none is likely, their logarithm falls without limit, and what
    is unlikely to be feasible would still look better than what is known: such a search keeps to what is likelier than
    not.  It also leaves the priors aside, so that a wrong one is found out.
    """
    chances = [*constraints(evidence, surrogate), *_failures(evidence, surrogate)]
    terms = [*chances, *([] if is_exploring else _priors(evidence, history)), *_costs(evidence, history, surrogate)]
    return terms, _likely(evidence, chances) if is_exploring and chances else None


def _likely(evidence: Evidence, chances: list[Term]) -> Inside:
    def inside(rows: Rows) -> NDArray[np.bool_]:
        points = Points.of(evidence.features, rows)
        return sum((term.value(points) for term in chances), np.zeros(len(rows))) >= math.log(EVEN_ODDS)

    return inside


def as_they_are(values: Array, X: Array) -> Array:
    """Labels of -1 and 1."""
    return values


def log_cost_values(logs: Array, X: Array) -> Array:
    """Logarithms of costs, standardised."""
    return standardised(logs)


def constraints(evidence: Evidence, surrogate: Surrogate) -> list[Term]:
    """The probability that each measured constraint holds, as far as it was measured (Gardner 2014)."""
    layout = evidence.features.layout(SMOOTHNESS)
    terms: list[Term] = []
    for values in evidence.constraints.values():
        known = ~np.isnan(values)
        if known.sum() >= 2:
            fitted = surrogate.fitted(evidence.scored.X[known], values[known], layout, signed_values)
            terms.append(LogBelow(fitted.posterior.conditioned(evidence.pending.X)))
    return terms


def _failures(evidence: Evidence, surrogate: Surrogate) -> list[Term]:
    """The probability of not crashing, by a process on labels: -1 for a score, 1 for a crash.

    So crashed regions are learnt, dial by dial, and no made-up loss distorts the process of the losses.
    """
    if not len(evidence.failed):
        return []
    X = np.concatenate([evidence.scored.X, evidence.failed.X])
    labels = np.repeat([-1.0, 1.0], [evidence.n, len(evidence.failed)])
    if len(X) > LABELS:
        few = np.unique(np.linspace(0, len(X) - 1, LABELS).astype(int))
        X, labels = X[few], labels[few]
    layout = evidence.features.layout(SMOOTHNESS, warp=False)
    return [LogBelow(surrogate.whole(X, labels, layout, as_they_are).posterior, LEAST_OK, noisy=True)]


def _priors(evidence: Evidence, history: History) -> list[Term]:
    """What users expect, by a weight that decays as 1 / n, so that the scores overrule a wrong prior (piBO)."""
    cube = evidence.features.cube
    if not cube.has_prior:
        return []
    trials = history.plan.budget.trials
    beta = PRIOR_TRIALS if trials is None else trials / 10.0
    return [LogPrior(cube, beta / max(evidence.n, 1))]


def _costs(evidence: Evidence, history: History, surrogate: Surrogate) -> list[Term]:
    """What a trial costs, weighed by the share of the budget that is left: at first cheap ones, in the end the best.

    Only where time or money is what is limited; a budget of trials alone makes all trials equal.
    """
    budget = history.plan.budget
    costs: list[float | None]
    if budget.cost is not None:
        costs, limit = [record.cost if record.is_scored else None for record in evidence.records], budget.cost
    elif budget.compute_seconds is not None or budget.seconds is not None:
        costs = [record.seconds if record.is_scored else None for record in evidence.records]
        limit = budget.compute_seconds or budget.seconds or 1.0
    else:
        return []
    values = np.array([np.nan if cost is None else cost for cost in costs], dtype=float)
    known = values > 0.0
    logs = np.log(values[known])
    is_brief = budget.cost is None and bool(known.any()) and float(np.median(values[known])) < BRIEF
    if known.sum() < COSTS or logs.std() < EVEN or is_brief:
        return []
    left = 1.0 - min(float(values[known].sum()) / limit, 1.0)
    fitted = surrogate.fitted(
        evidence.scored.X[known], logs, evidence.features.layout(SMOOTHNESS, warp=False), log_cost_values
    )
    weight = left * float(logs.std()) * skill(fitted)
    return [LogCost(fitted.posterior, weight)] if weight > 0.0 else []


def skill(fitted: Fitted) -> float:
    """The share of a quantity's variance that its process foretells of points it does not know, from 0 to 1.

    Each value is foretold by the others; what the hyperparameters learnt from it too is taken off as an adjusted R^2
    does. Costs that vary by chance have none; a few of them always seem to fall towards some side, and what follows
    that looks for the optimum in a corner (measured: lognormal costs, sd 1, of trials on a bowl).
    """
    y = fitted.y
    freedom = len(y) - 1 - LEARNT
    if freedom <= 0:
        return 0.0
    means, _ = fitted.posterior.left_out(y)
    others = (len(y) * y.mean() - y) / (len(y) - 1)  # (n,): what the mean of the others would foretell
    left = np.sum((y - means) ** 2) / np.sum((y - others) ** 2)
    return float(max(0.0, 1.0 - left * (len(y) - 1) / freedom))
