"""Where a trial would tell most of the whole space: for a search that has stalled.

Next to the optimum one more score changes little by then.  One elsewhere guards against an overlooked basin, and
without such ones nobody can say what the dials do: after a search, trials crowd where all but a few dials are settled.
docs/engine.md has what they tell, and what they cost a search.

Of a point x it is asked by how much its score is expected to lessen the variance at x', on average over the space:
cov(x, x')^2 / (var(x) + noise).  Source: Cohn, Ghahramani & Jordan 1996, "Active learning with statistical models",
JAIR 4; for Gaussian processes Seo et al. 2000, "Gaussian process regression: active data selection and test point
rejection".  Even points in their place told seven tenths as much of what the dials do.

q candidates, r points that stand for the space.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from trialist.model.features import Features
from trialist.model.points import Points
from trialist.model.surrogate import Fitted
from trialist.numerics.gp import Array
from trialist.search.acquisition import Term
from trialist.search.maximize import Inside, fresh

CANDIDATES, STANDING = 1024, 512  # with a quarter of the candidates noisy Friedman's ten dials were told worse


def most_informative(
    features: Features,
    models: Sequence[Fitted],
    pending: Points,
    more: Sequence[Term],
    rng: np.random.Generator,
    taken: set[Hashable],
    inside: Inside | None,
) -> Array | None:
    """The row of the new point that tells most, by the sum of the log of that and of `more`; None where none is new."""
    cube = features.cube
    points = fresh(features, cube.uniform(rng, CANDIDATES)[0], taken, inside)
    space = fresh(features, cube.uniform(rng, STANDING)[0], set(), None)
    if not len(points) or not len(space):
        return None
    shares = np.mean([_lessened(fitted, pending.X, points.X, space.X) for fitted in models], axis=0)
    value = np.log(np.maximum(shares, 1e-300))
    for term in more:
        value = value + term.value(points)
    # Rounded, so that the last bits of a matrix product do not decide.
    row: Array = points.rows[int(np.argmax(np.round(value, 9)))]
    return row


def _lessened(fitted: Fitted, pending: Array, X: Array, space: Array) -> Array:
    """(q,) the share of the mean variance over the space that a score at each of X (q, F) would take away."""
    posterior = fitted.posterior.conditioned(pending)
    before, at = (posterior.predict(points)[1] for points in (space, X))
    taken_away = (posterior.between(X, space) ** 2).mean(axis=1) / (at + posterior.fit.noise)
    return np.asarray(taken_away / before.mean())
