"""Partial sums whose last one is known: how far they stray, which bounds a sequential test on a finite population.

J differences are met one at a time, of unknown sum.  Were their sum 0, the partial sums S_1 .. S_J would be a random
walk that is tied to 0 at its end: a Brownian bridge at J steps, and

    P(some S_j > b) = exp(-2 (b + c sigma)^2 / (J sigma^2)),

where c = 0.5826 makes up for what a path does between the steps.  A sum below 0 makes it less likely still.  So one
limit b, the same at every step, is a test that may look each time, and errs in no more than that share of all cases.

With sigma estimated from f degrees of freedom, apart from these differences, the same is averaged over what sigma may
be: E exp(-a chi2_f / f) = (1 + 2 a / f)^(-f / 2).

Sources: the bridge: Doob 1949, who found the law of Kolmogorov and Smirnov's statistic by it; the correction: Siegmund
1985, "Sequential Analysis", chapter 10.
"""

from __future__ import annotations

import math

CORRECTION = 0.5826  # -zeta(1/2) / sqrt(2 pi): Siegmund's, in standard deviations of a step


def limit(steps: int, level: float, freedom: float = math.inf) -> float:
    """How far, in estimated standard deviations of a step, a partial sum strays with chance `level` if the sum is 0.

    steps: J, at least 2.  level: in (0, 1).  freedom: degrees of freedom of the estimate, positive.

    >>> round(limit(10, 0.1), 2), round(limit(10, 0.1, freedom=8), 2)
    (2.81, 3.36)
    """
    rare = -2 * math.log(level) if math.isinf(freedom) else freedom * math.expm1(-2 / freedom * math.log(level))
    return max(math.sqrt(steps * rare / 4) - CORRECTION, 0.0)


def chance(strayed: float, steps: int, freedom: float = math.inf) -> float:
    """The chance that some partial sum strays farther than `strayed` estimated standard deviations, if the sum is 0.

    >>> round(chance(limit(10, 0.1, 8), 10, 8), 6)
    0.1
    """
    if strayed <= 0.0:
        return 1.0
    exponent = 2 * (strayed + CORRECTION) ** 2 / steps
    return math.exp(-exponent if math.isinf(freedom) else -freedom / 2 * math.log1p(2 * exponent / freedom))
