"""Changes: how far runs still move from rung to rung, beside how they differ, and what that lets expect of an order.

Of a rung where runs will yet change by much more than they differ, little is expected.  From one where they stand as
they stood before, nothing new is learnt: that both looks have one order is no sign that the end will have it.

n runs, m objectives; columns (n, m) are losses at the rungs, ascending, NaN where a run did not come there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from trialist.model.curves import Floats

EXPECTED = math.tanh(0.5)  # agreement with the end before any is seen, as most learning curves have it
FEWEST = 4  # runs, before it is read off them how they differ, or that they stand still
CHANGE = 0.4  # of what runs change after a look, the part by which one changes more than another
STILL, MOST = 0.01, 0.75  # runs stand still where so many of them moved by less than this part of how they differ


def expected_agreement(columns: Sequence[Floats], unchosen: Sequence[Floats], ends: Floats) -> Floats:
    """(rungs,) tau of each column with the ends (n, m), as is expected before any two runs have shown it.

    By how far runs still change: an order that is decided by what is seen here, and by changes to come that vary by
    CHANGE of themselves, agrees with the one here by the correlation 1 / sqrt(1 + (CHANGE * ratio)^2), ratio being what
    runs change beside how they differ; normal ones agree in order by 2 / pi times its arc sine (Kendall 1938).  A rung
    is expected to tell no more than those above it.

    unchosen: the columns without those whom a rung below has chosen, who differ less than all would.
    """
    found = []
    for column, differ in zip(columns, _differences(unchosen), strict=True):
        taus = [EXPECTED]
        for x, y, spread in zip(column.T, ends.T, differ, strict=True):
            both = np.isfinite(x) & np.isfinite(y)
            if not both.any() or np.isnan(spread):
                continue
            noise = CHANGE * float(np.median(np.abs(y[both] - x[both])))
            if spread > 0 or noise > 0:
                taus.append(2 / math.pi * math.atan2(spread, noise))
        found.append(min(taus))
    agreed: Floats = np.minimum.accumulate(np.array(found)[::-1])[::-1]
    return agreed


def standstills(columns: Sequence[Floats]) -> list[bool]:
    """(rungs,) where runs stand as they did at the rung below; where too few came to tell, it is as below."""
    found = [False]
    for (below, here), differ in zip(pairwise(columns), _differences(columns), strict=False):
        moved = np.abs(here - below)
        both = np.isfinite(moved).all(axis=1)
        is_still = found[-1]
        if np.count_nonzero(both) >= FEWEST:
            is_still = bool((np.quantile(moved[both], MOST, axis=0) <= STILL * differ).all())
        found.append(is_still)
    return found


def _differences(columns: Sequence[Floats]) -> list[Floats]:
    """(rungs,) of (m,) by how much runs differ: a standard deviation, where they are normal.

    Where too few have come to a rung, they are taken to differ as at the one below; NaN before that is known.
    """
    differ = np.full(columns[0].shape[1], np.nan)
    found = []
    for column in columns:
        differ = differ.copy()
        for j, x in enumerate(column.T):
            known = x[np.isfinite(x)]
            if len(known) >= FEWEST:
                low, high = np.quantile(known, [0.25, 0.75])
                differ[j] = (high - low) / 1.349
        found.append(differ)
    return found
