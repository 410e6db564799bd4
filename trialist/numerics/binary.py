"""The difference of two fixed models by 0/1 losses on the same examples: McNemar's exact test, Tango's interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from trialist.numerics.gaussian import normal_quantile
from trialist.numerics.intervals import Interval


def paired_binary(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> Interval:
    """Interval of mean(a) - mean(b) for 0/1 losses of two fixed models on the same examples.

    a (n,), b (n,): zeros and ones.  Tango's score interval (Statistics in Medicine 17, 1998), which covers as promised
    also where few examples differ; where McNemar's exact test finds no difference, it is stretched to hold 0, so that
    a difference is claimed wrongly in at most 1 - level of all cases, whatever n.
    """
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    n = len(x)
    only_a, only_b = int(np.sum(x > y)), int(np.sum(y > x))
    estimate = (only_a - only_b) / n
    low = -_tango_high(only_b, only_a, n, level)
    high = _tango_high(only_a, only_b, n, level)
    if exact_mcnemar(only_a, only_b) > 1 - level:
        low, high = min(low, 0.0), max(high, 0.0)
    return Interval(estimate, low, high)


def exact_mcnemar(only_a: int, only_b: int) -> float:
    """The two-sided p-value that of `only_a + only_b` discordant examples so unequal a share falls to one side.

    >>> exact_mcnemar(9, 1)
    0.021484375
    """
    return min(1.0, 2 * float(special.bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def _tango_high(only_a: int, only_b: int, n: int, level: float) -> float:
    """The upper score limit of p(only a) - p(only b)."""
    estimate = (only_a - only_b) / n
    if estimate == 1:
        return 1.0
    z = normal_quantile((1 + level) / 2)

    def beyond(delta: float) -> float:
        """How far delta stands above the estimate, in the standard errors that it implies, less z."""
        # q: the likeliest p(only b), given the difference delta
        linear = (2 * n - only_a + only_b) * delta - only_a - only_b
        root = math.sqrt(max(0.0, linear * linear + 8 * n * only_b * delta * (1 - delta)))
        q = (root - linear) / (4 * n)
        variance = n * (2 * q + delta * (1 - delta))
        distance = n * delta - (only_a - only_b)
        return distance / math.sqrt(variance) - z if variance > 0 else math.copysign(math.inf, distance)

    return float(optimize.brentq(lambda delta: max(-1e3, min(1e3, beyond(delta))), estimate + 1e-12, 1 - 1e-12))
