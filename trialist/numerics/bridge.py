"""Partial sums whose last one is known: how far they stray, which bounds a sequential test on a finite population.

J differences are met one at a time, of unknown sum.  Were their sum 0, the partial sums S_1 .. S_J would be a random
walk that is tied to 0 at its end: a Brownian bridge at J steps.  For a limit that rises in a straight line, from a
before the first step to twice that after the last one,

    P(S_j > a (1 + j / J) for some j) = exp(-2 (a + c sigma) (2 a + c sigma) / (J sigma^2)),

where c = 0.5826 makes up for what a path does between the steps.  A sum below 0 makes it less likely still.  So one
limit is a test that may look each time, and errs in no more than that share of all cases.  Any line would do; one that
rises spends more of that share early, where a stop saves most (`docs/scheduling.md` has what others saved).

With sigma estimated from f degrees of freedom, apart from these differences, the same is averaged over what sigma may
be: E exp(-a chi2_f / f) = (1 + 2 a / f)^(-f / 2).

Sources: the bridge and straight lines: Doob 1949, who found the law of Kolmogorov and Smirnov's statistic by it; the
correction: Siegmund 1985, "Sequential Analysis", chapter 10.
"""

from __future__ import annotations

import math

CORRECTION = 0.5826  # -zeta(1/2) / sqrt(2 pi): Siegmund's, in standard deviations of a step


def limit(step: int, steps: int, level: float, freedom: float = math.inf) -> float:
    """What partial sums pass at some step with chance `level` if the whole is 0: at `step`, by 1, of `steps`, J.

    In estimated standard deviations of a step.  steps: at least 2.  level: in (0, 1).  freedom: degrees of freedom of
    the estimate, positive.

    >>> [round(limit(j, 10, 0.1), 2) for j in (1, 5, 9)], round(limit(5, 10, 0.1, freedom=8), 2)
    ([2.16, 2.95, 3.74], 3.53)
    """
    rare = -math.log(level) if math.isinf(freedom) else freedom / 2 * math.expm1(-2 / freedom * math.log(level))
    start = (math.sqrt(CORRECTION**2 + 4 * steps * rare) - 3 * CORRECTION) / 4
    return max(start, 0.0) * (1 + step / steps)


def chance(strayed: float, step: int, steps: int, freedom: float = math.inf) -> float:
    """The chance that some partial sum passes the line through `strayed` at this step, if the whole sum is 0.

    >>> round(chance(limit(3, 10, 0.1, 8), 3, 10, 8), 6)
    0.1
    """
    if strayed <= 0.0:
        return 1.0
    start = strayed / (1 + step / steps)
    exponent = 2 * (start + CORRECTION) * (2 * start + CORRECTION) / steps
    return math.exp(-exponent if math.isinf(freedom) else -freedom / 2 * math.log1p(2 * exponent / freedom))
