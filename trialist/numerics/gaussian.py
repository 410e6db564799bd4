"""Normal and Student quantiles with stable tails, and the luck of the best of many normal draws."""

from __future__ import annotations

import math

from scipy import special


def normal_quantile(p: float) -> float:
    """The z below which a standard normal lies with probability p in [0, 1].

    >>> round(normal_quantile(0.975), 4)
    1.96
    """
    return float(special.ndtri(p))


def student_quantile(p: float, df: float) -> float:
    """The t below which Student's t with `df` degrees of freedom lies with probability p; df > 0, also inf.

    >>> round(student_quantile(0.975, 4), 3)
    2.776
    """
    return normal_quantile(p) if math.isinf(df) else float(special.stdtrit(df, p))
