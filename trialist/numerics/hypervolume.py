"""Hypervolume: how much of objective space a set of points dominates, up to a reference point.  Smaller is better.

Y (n, m): n points, m objectives.  reference (m,): what is no better than it in some objective counts for nothing.
Two objectives are one sorted pass and three a sweep over the last one; from four on it is WFG (While, Bradstreet &
Barone 2012), which takes a dimension off at each level of its recursion.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialist.numerics.pareto import non_dominated

Floats = NDArray[np.float64]

MARGIN = 0.1  # of the front's range: with less, the ends of the front would hardly count


def reference_point(Y: ArrayLike) -> Floats:
    """The worst of the front in each objective and a tenth of the front's range beyond, (m,).

    Points off the front do not move it, so that no outlier inflates it.  Where the front has no range, that of all
    points stands in; where they have none either, the size of the value itself.  ValueError without a finite point.

    >>> reference_point([[0.0, 4.0], [1.0, 2.0], [9.0, 9.0]]).tolist()
    [1.1, 4.2]
    """
    points = np.asarray(Y, dtype=float)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        raise ValueError("a reference point needs at least one finite point")
    front = points[non_dominated(points)]
    worst = front.max(axis=0)
    spread = np.ptp(front, axis=0)
    spread = np.where(spread > 0, spread, np.ptp(points, axis=0))
    spread = np.where(spread > 0, spread, np.maximum(np.abs(worst), 1e-12))
    reference: Floats = worst + MARGIN * spread
    return reference


def hypervolume(Y: ArrayLike, reference: ArrayLike) -> float:
    """The volume that is dominated by a point of Y and dominates the reference; 0 where no point is better than it.

    >>> hypervolume([[0.0, 2.0], [1.0, 1.0]], [3.0, 3.0])
    5.0
    """
    r = np.asarray(reference, dtype=float)
    return _volume(front_within(Y, r), r)


def front_within(Y: ArrayLike, reference: Floats) -> Floats:
    """The distinct rows of the front that are better than the reference everywhere, in lexicographic order, (u, m)."""
    points = np.asarray(Y, dtype=float).reshape(-1, len(reference))
    points = np.unique(points[(points < reference).all(axis=1)], axis=0)
    front: Floats = points[non_dominated(points)]
    return front


def swept(front: Floats, reference: Floats) -> Iterator[tuple[float, float, float, float, float]]:
    """The sweep over the third of three objectives: rectangles (x0, x1, y0, y1) and the z at which each is reached.

    Front points come by rising third objective, and each newly dominates a part of the plane of the first two: strips
    between the steps of the staircase so far.  They are about 2 n in all, since a step is passed once.
    """
    xs, ys = [-np.inf, float(reference[0])], [float(reference[1]), -np.inf]  # x rises, y falls; guards at the ends
    for a, b, z in front[np.lexsort(front.T)].tolist():
        i = bisect_right(xs, a) - 1
        if ys[i] <= b:
            continue
        start, ceiling, j = a, ys[i], i + 1
        yield start, xs[j], b, ceiling, z
        while ys[j] > b:
            start, ceiling, j = xs[j], ys[j], j + 1
            yield start, xs[j], b, ceiling, z
        gone = i if xs[i] == a else i + 1
        xs[gone:j], ys[gone:j] = [a], [b]


def _volume(front: Floats, r: Floats) -> float:
    """Of distinct points that do not dominate each other, in lexicographic order."""
    if not len(front):
        return 0.0
    m = len(r)
    if m == 1:
        return float(r[0] - front[0, 0])
    if m == 2:
        widths = np.append(front[1:, 0], r[0]) - front[:, 0]
        return float(widths @ (r[1] - front[:, 1]))
    if m == 3:
        return sum((x1 - x0) * (y1 - y0) * (float(r[2]) - z) for x0, x1, y0, y1, z in swept(front, r))
    # Each point against those that are better in the last objective: limited by it, they all share its value there.
    front = front[np.argsort(-front[:, -1], kind="stable")]
    rest = r[:-1]
    return sum(
        float(r[-1] - point[-1]) * _exclusive(point[:-1], front[i + 1 :, :-1], rest) for i, point in enumerate(front)
    )


def _exclusive(point: Floats, others: Floats, r: Floats) -> float:
    """The volume that the point dominates and none of the others does."""
    alone = float(np.prod(r - point))
    return alone if not len(others) else alone - _volume(front_within(np.maximum(others, point), r), r)
