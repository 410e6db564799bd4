"""Normal and Student quantiles with stable tails, and the luck of the best of many normal draws."""

from __future__ import annotations

import math

import numpy as np
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


def expected_optimism(count: int, sd: float) -> float:
    """How much too good the best of `count` scores is expected to look, if all are truly equal with noise of `sd`.

    This is sd times the mean of the largest of `count` standard normals, about sd * sqrt(2 ln count) for many:
    an upper bound for scores that truly differ, because then the winner is less a matter of luck.
    Source: E max = ∫ (1 - Φ(x)^n) dx over x > 0 minus ∫ Φ(x)^n dx over x < 0.

    >>> round(expected_optimism(100, 1.0), 2)
    2.51
    """
    step = 1 / 400
    x = step * np.arange(4801)  # (q,) to 12, where 1 - Φ(x)^n is below 1e-23 even for n = 1e9
    above = -np.expm1(count * special.log_ndtr(x))
    below = np.exp(count * special.log_ndtr(-x))
    inside = above - below  # (q,) 0 at the far end
    return sd * step * float(inside.sum() - inside[0] / 2)
