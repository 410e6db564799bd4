"""The difference of two fixed models by 0/1 losses on the same examples: an exact unconditional test, Tango's interval.

Symbols: n examples, of which b cost the first model alone and c the second alone; d = b + c of them tell the two apart,
each with chance psi.  Were the models alike, b would be a draw of Binomial(d, 1/2), and d one of Binomial(n, psi).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from trialist.numerics.gaussian import normal_quantile
from trialist.numerics.intervals import Interval

_UNLIKELY = 0.01  # of alpha: the chance that psi lies outside of what is searched
_FINE = 8.0  # steps of the search in a standard error of psi, about
_FAR = 9.0  # standard deviations of d, beyond which there is nothing to add up


def paired_binary(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> Interval:
    """Interval of mean(a) - mean(b) for 0/1 losses of two fixed models on the same examples.

    a (n,), b (n,): zeros and ones.  Tango's score interval (Statistics in Medicine 17, 1998), which covers as promised
    also where few examples differ; where the exact test finds no difference, it is stretched to hold 0, so that a
    difference is claimed wrongly in at most 1 - level of all cases, half of that on either side, whatever n.
    """
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    n = len(x)
    only_a, only_b = int(np.sum(x > y)), int(np.sum(y > x))
    estimate = (only_a - only_b) / n
    low = -_tango_high(only_b, only_a, n, level)
    high = _tango_high(only_a, only_b, n, level)
    alpha = (1 - level) / 2
    if low > 0 and chance_if_alike(only_a, only_b, n, alpha) > alpha:
        low = 0.0
    if high < 0 and chance_if_alike(only_b, only_a, n, alpha) > alpha:
        high = 0.0
    return Interval(estimate, low, high)


def chance_if_alike(b: int, c: int, n: int, alpha: float = 0.025) -> float:
    """The one-sided p-value that alike models are so far apart, b of n examples to c, at the least favourable psi.

    Exact: at most alpha in no more than that share of all cases, for any psi and n; z = (b - c) / sqrt(b + c) orders
    what may be seen.  Unlike McNemar's test it does not take d as given (Suissa & Shuster, Biometrics 47, 1991), whose
    few values of b leave that one far below its level: at 1.1 % where 2.5 is allowed, of 30 examples a third of which
    tell the models apart.  psi is searched within its interval by d, and the chance that it lies outside is added to p
    (Berger & Boos, JASA 89, 1994): a psi near 1, which hardly any data fit, would cost power for nothing.

    >>> round(chance_if_alike(9, 1, 30), 4), chance_if_alike(1, 1, 30)
    (0.0051, 1.0)
    """
    if b <= c:
        return 1.0
    z, gamma = (b - c) / math.sqrt(b + c), _UNLIKELY * alpha
    return min(1.0, max(_so_far(z, n, psi) for psi in _searched(b + c, n, gamma)) + gamma)


def _searched(d: int, n: int, gamma: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Values of psi within Clopper and Pearson's interval, as far apart as its standard error asks for."""
    low = float(special.betaincinv(d, n - d + 1, gamma / 2))
    high = float(special.betaincinv(d + 1, n - d, 1 - gamma / 2)) if d < n else 1.0
    first, last = math.asin(math.sqrt(low)), math.asin(math.sqrt(high))
    steps = max(2, math.ceil((last - first) * 2 * _FINE * math.sqrt(n)))
    return np.asarray(np.sin(np.linspace(first, last, steps + 1)) ** 2, dtype=np.float64)


def _so_far(z: float, n: int, psi: float) -> float:
    """The chance that b - c comes to z sqrt(d) or more, if the models are alike and differ with chance psi."""
    middle, far = n * psi, _FAR * math.sqrt(n * psi * (1 - psi)) + _FAR
    d = np.arange(max(1, math.floor(middle - far)), min(n, math.ceil(middle + far)) + 1)
    least = np.ceil((d + z * np.sqrt(d)) / 2 - 1e-9)  # of b
    beyond = np.where(least > d, 0.0, special.bdtrc(np.minimum(least, d) - 1, d, 0.5))
    log_odds = special.xlogy(d, psi) + special.xlog1py(n - d, -psi)
    chances = np.exp(special.gammaln(n + 1) - special.gammaln(d + 1) - special.gammaln(n - d + 1) + log_odds)
    return float(chances @ beyond)


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
