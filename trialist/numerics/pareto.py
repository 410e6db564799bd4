"""Which points of a set no other point beats in every objective: Y (n, m), smaller is better."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def non_dominated(Y: ArrayLike) -> NDArray[np.bool_]:
    """Marks the rows that no other row dominates, that is, matches everywhere and beats somewhere.

    Y (n, m): n points, m objectives.  Returns (n,).  Equal rows do not dominate each other: all of them stay.
    A row that holds NaN was not measured in full: it is never on the front and dominates nothing.

    >>> non_dominated([[1, 4], [2, 2], [3, 3], [2, 2]]).tolist()
    [True, True, False, True]
    """
    points = np.asarray(Y, dtype=float)  # (n, m)
    measured = ~np.isnan(points).any(axis=1)  # (n,)
    kept = np.zeros(len(points), dtype=bool)
    if not measured.any():
        return kept
    # Distinct rows in lexicographic order: a row can only be dominated by one that stands before it.
    rows, origin = np.unique(points[measured], axis=0, return_inverse=True)  # (u, m)
    front = _front_of_two(rows) if rows.shape[1] == 2 else _front(rows)  # (u,)
    kept[measured] = front[origin.reshape(-1)]
    return kept


def _front_of_two(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """With two objectives, a row is on the front if its second one beats all rows before it."""
    second = rows[:, 1]
    front = np.ones(len(rows), dtype=bool)
    front[1:] = second[1:] < np.minimum.accumulate(second)[:-1]
    return front


def _front(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The first row left is on the front; what it dominates goes, and so on: one pass for each row of the front."""
    front = np.zeros(len(rows), dtype=bool)
    left = np.arange(len(rows))
    while len(left):
        front[left[0]] = True
        left = left[(rows[left] < rows[left[0]]).any(axis=1)]
    return front
