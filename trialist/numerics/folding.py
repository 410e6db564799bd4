"""The unit interval unrolled to the whole line, so that an unbounded distribution can search it.

x = fold(v) is v itself in the middle and a parabola near each bound, which it meets at v = -EDGE and 1 + EDGE; beyond,
it runs back, again and again.  So an optimum at a bound is a smooth one on the line, round which a distribution can
settle; cutting off at the bound, mirrors, or drawing again all narrow the distribution there before it has arrived
(measured on a slope).  Source: Hansen's pycma, `BoundTransform`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EDGE = 0.05  # of the interval, on either side of each bound
_SPAN = 1 + 2 * EDGE


def fold(v: Array) -> Array:
    """x in [0, 1] of positions on the line, elementwise."""
    w = np.abs((v + EDGE) % (2 * _SPAN) - _SPAN)  # 0 at the upper bound's place, _SPAN at the lower one's
    gap = np.minimum(w, _SPAN - w)  # to the nearer of them
    inner = np.where(gap < 2 * EDGE, gap**2 / (4 * EDGE), gap - EDGE)
    folded: Array = np.where(w < _SPAN / 2, 1 - inner, inner)
    return folded


def unfold(x: Array) -> Array:
    """The position on the line between -EDGE and 1 + EDGE of x in [0, 1], elementwise."""
    gap = np.minimum(x, 1 - x)
    inner = np.where(gap < EDGE, 2 * np.sqrt(EDGE * np.maximum(gap, 0.0)) - EDGE, gap)
    unfolded: Array = np.where(x < 0.5, inner, 1 - inner)
    return unfolded


def unfold_near(x: Array, v: Array) -> Array:
    """The position of x that lies nearest to v, on this side of the bounds or beyond."""
    inside = unfold(x)
    sides = np.stack([inside, -2 * EDGE - inside, 2 + 2 * EDGE - inside])
    nearest = np.abs(sides - v).argmin(axis=0)
    found: Array = np.take_along_axis(sides, nearest[None], axis=0)[0]
    return found
