"""What processes foretell of a score, on the metric's own scale, before it is measured.

The processes see losses of which the worse half stands at its ranks (`numerics.transform.half_rank`).  So what they
expect of a score is told by quantiles, each of which has its place between the losses that were seen; beyond the best
and the worst of them the scale goes on along the line through the quarter next to it.

Shapes: q points, n losses, M members of an ensemble.  y: losses as a process sees them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from trialist.model.surrogate import Fitted
from trialist.model.transfer import Informed
from trialist.numerics.ensemble import Ensemble
from trialist.numerics.gp import Array, Posterior
from trialist.trials.foretold import LEVELS
from trialist.trials.plan import Objective

Predictor = Posterior | Ensemble | Informed

_Z = special.ndtri(LEVELS)


def foretold(
    objective: Objective, predictors: Sequence[Predictor], fitted: Fitted, losses: Array, X: Array
) -> tuple[float, ...]:
    """Quantiles at LEVELS of a score at X (1, F) by processes that count alike, in the objective's own sign.

    fitted: which of the losses (n,), all finite, they know, and as what.
    """
    told = [_predicted(each, X) for each in predictors]
    means, variances = (np.concatenate(part) for part in zip(*told, strict=True))
    deviation = math.sqrt(float(variances.mean() + means.var()))  # of the mixture, taken for normal
    at = float(means.mean()) + deviation * _Z
    return tuple(sorted(objective.loss(float(x)) for x in losses_at(at, fitted.y, losses[fitted.rows])))


def _predicted(predictor: Predictor, X: Array) -> tuple[Array, Array]:
    """(M,) means and (M,) variances of a measurement at X (1, F)."""
    mean, variance = predictor.predict(X)
    if isinstance(predictor, Ensemble):
        return mean[:, 0], variance[:, 0] + predictor.noise
    return mean, variance + predictor.fit.noise


def losses_at(at: Array, y: Array, losses: Array) -> Array:
    """(q,) losses where the transformed ones are `at` (q,); y (n,) and losses (n,) of the same trials.

    Where a line would leave the floats, the scale ends with what was seen.
    """
    order = np.argsort(y, kind="stable")
    y, losses = y[order], losses[order]
    found: Array = np.interp(at, y, losses)
    quarter = len(y) // 4 + 1
    for end, beyond in ((0, np.minimum(at - y[0], 0.0)), (-1, np.maximum(at - y[-1], 0.0))):
        inner = quarter if end == 0 else -1 - quarter
        with np.errstate(all="ignore"):
            slope = (losses[inner] - losses[end]) / (y[inner] - y[end])
            further = found + slope * beyond
        found = further if np.isfinite(further).all() else found
    return found
