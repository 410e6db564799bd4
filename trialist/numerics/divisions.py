"""What scores of folds have in common, where levels were run on several divisions of the same rows.

D (k, R, K): differences of k levels from another one on the K folds of R divisions; NaN where a run failed.

The folds of one division are disjoint, and together they are all rows: so far the mean of one is about as certain as
that of K independent scores (asymptotically so for stable learners: Bayle et al. 2020, Cross-validation confidence
intervals for test error).  Another division of the same rows brings no new ones: it takes away the part that comes of
the division alone, which is what divisions differ by.  The rule of thumb for folds, 1/J + 1/(K - 1) (Nadeau & Bengio
2003), is of one draw after another; here it counts the rows twice, and intervals held in 98 % of cases instead of 95.
What folds share by their training rows no sample tells (Bengio & Grandvalet 2004): for it there is an allowance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# What the variance of a mean over folds is larger by, since training rows are shared.  Of nine learners and three
# numbers of folds it was 0 to 0.4, and less than none for linear ones: `benchmarks/sweeps.py`.
_SHARED = 0.25
_LEAST = 0.4  # of the variance: divisions take away no more


def overlap_of(D: Floats) -> float | None:
    """The overlap, as of a Score, by which the variance of a mean of J scores is (1/J + overlap) times that of one.

    Of the usual level.  None where there is nothing to tell it by.
    """
    K: int = D.shape[2]
    shares, splits, counts = [], [], []
    for rows in D:
        found = rows[np.isfinite(rows).all(axis=1)]  # (divisions, K)
        if K < 2 or not len(found) or not (total := float(found.var(ddof=1))) > 0:
            continue
        within = float(found.var(axis=1, ddof=1).mean())
        shares.append(within / total)
        counts.append(len(found))
        if len(found) > 1 and within > 0:
            splits.append(float(found.mean(axis=1).var(ddof=1)) * K / within)
    if not shares:
        return None
    R = float(np.median(counts))
    split = min(float(np.median(splits)), 1.0) if splits else 0.0
    mean = float(np.median(shares)) / K * (1 + _SHARED) * max(1 - (1 - 1 / R) * split, _LEAST)
    return float(max(mean - 1 / (R * K), 0.0))
