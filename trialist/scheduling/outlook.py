"""What finished runs say of where a running one ends: a power law with their prior, and with their own mistakes.

The model is asked about each finished run as it stood at some shares of its length, with a prior from others. How far
it was off there is how far it is off now: its mean is moved and its deviation widened accordingly, and the tails are
Student's, since few runs have shown few surprises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit, stdtr

from trialist.numerics.power_law import Floats, Prior, forecast, prior_of

SHARES = np.array([1 / 27, 1 / 9, 1 / 5, 1 / 3, 1 / 2, 0.7, 0.9])  # where the model is checked
REPORTS = 3  # at least, before anything is told
_DOUBT = 1.5  # how wide errors are before any were seen, in the model's own deviations,
_FEW = 2.0  # ... as if so many had shown it
_TAILS = 5.0  # degrees of freedom
_SMALLEST = 0.02  # error
_PLACES = (1, 2, 4)  # among the others, at which chances are compared with what came
_LEAST = 0.3  # slope of what came on what was expected: where it is less, the model does not know these curves yet


@dataclass(frozen=True, slots=True)
class Outlook:
    """middle, scale: losses are seen as asinh((loss - middle) / scale), so that diverged ones are near bad ones.

    shares (S,), judged (S, 4): from these shares on it was right of others; there a run ends at offset + slope * what
    the model expects, give or take something between widening * its own deviation and the usual error, whichever
    spread the run itself has.  shift: of the log odds of ending among the best, where forecasts are too hopeful: those
    of which most is expected are those that were lucky.
    """

    middle: float
    scale: float
    prior: Prior
    shares: Floats
    judged: Floats
    shift: float = 0.0

    @classmethod
    def of(cls, curves: list[tuple[Floats, Floats]], ends: Floats) -> Outlook:
        """From finished runs: shares and losses of each, and their final losses (n,)."""
        middle = float(np.median(ends))
        scale = 1.4826 * float(np.median(np.abs(ends - middle))) or float(np.std(ends)) or 1.0
        seen = [(t, _bent(y, middle, scale)) for t, y in curves]
        final = _bent(ends, middle, scale)
        halves = [prior_of(seen[half::2]) for half in (1, 0)]  # each half is forecast by the prior of the other
        told: list[list[tuple[float, float, float]]] = [[] for _ in SHARES]
        for i, (t, y) in enumerate(seen):
            for found, share in zip(told, SHARES, strict=True):
                upto = int(np.searchsorted(t, share * (1 + 1e-9), "right"))
                if upto >= REPORTS:
                    expected = forecast(halves[i % 2], t[:upto], y[:upto])
                    found.append((expected.mean, expected.deviation, float(final[i])))
        checked = [k for k, found in enumerate(told) if len(found) >= len(seen) / 2]
        judged = np.array([_judged(np.array(told[k])) for k in checked]).reshape(len(checked), 4)
        since = max((k + 1 for k, slope in enumerate(judged[:, 1]) if slope < _LEAST), default=0)
        shift = _shift([np.array(told[k]) for k in checked[since:]], judged[since:], final)
        return cls(middle, scale, prior_of(seen), SHARES[checked][since:], judged[since:], shift)

    def chance(self, t: Floats, y: Floats, best: float) -> tuple[float, float]:
        """The probability that a run ends below `best`, and the loss that it is expected to end at.

        t (T,), y (T,): its shares and losses so far.  Earlier than the model was right of others nothing is ruled out.
        """
        if len(t) < REPORTS or not len(self.shares) or t[-1] < self.shares[0] * (1 - 1e-9):
            return 1.0, float(y[-1])
        told = forecast(self.prior, t, _bent(y, self.middle, self.scale))
        place, checked = np.log(t[-1]), np.log(self.shares)
        judged = np.array([float(np.interp(place, checked, each)) for each in self.judged.T])
        expected, odds = _odds(judged, told.mean, told.deviation, _bent(np.array(best), self.middle, self.scale))
        return float(expit(odds + self.shift)), self.middle + self.scale * float(np.sinh(expected))


def _bent(losses: Floats, middle: float, scale: float) -> Floats:
    return np.asarray(np.clip(np.arcsinh((losses - middle) / scale), -12.0, 12.0))


def _judged(told: Floats) -> tuple[float, float, float, float]:
    """Offset, slope, widening and usual error by what was told (n, 3) of finished runs: mean, deviation, what came.

    The slope is 1 where the model is right, 0 where it knows nothing, negative where early looks mislead.
    """
    mean, deviation, final = told.T
    x = mean - np.median(mean)
    slope = float((np.sum(x * (final - np.median(final))) + _FEW) / (np.sum(x**2) + _FEW))
    offset = float(np.median(final - slope * mean))
    # Those that ended better than expected tell the width of errors: the others are of no danger.
    better = final < offset + slope * mean
    error = (final - offset - slope * mean)[better]
    spread = np.sum((error / deviation[better]) ** 2) + _FEW * _DOUBT**2
    count = len(error) + _FEW
    return offset, slope, float(np.sqrt(spread / count)), float(np.sqrt(np.sum(error**2) / max(1, len(error))))


def _odds(judged: Floats, mean: Floats | float, deviation: Floats | float, below: Floats) -> tuple[Any, Any]:
    """What runs are expected to end at, and the log odds that they end below something."""
    offset, slope, widening, usual = judged
    expected = offset + slope * mean
    error = np.sqrt(widening * deviation * max(usual, _SMALLEST))
    return expected, logit(np.clip(stdtr(_TAILS, (below - expected) / error), 1e-9, 1 - 1e-9))


def _shift(told: list[Floats], judged: Floats, final: Floats) -> float:
    """What must be added to the log odds so that as many finished runs as forecast came among the best of the others.

    One number alone, normal about 0 beforehand (Platt 1999), by Newton's method.
    """
    order = np.sort(final)
    odds, came = [], []
    for each, by in zip(told, judged, strict=True):
        mean, deviation, end = each.T
        for place in (k for k in _PLACES if k < len(order)):
            others = np.where(end > order[place - 1], order[place - 1], order[place])  # the so-manieth without itself
            odds.append(_odds(by, mean, deviation, others)[1])
            came.append(end < others)
    if not odds:
        return 0.0
    known, true, shift = np.concatenate(odds), np.concatenate(came).astype(float), 0.0
    weight = 1 / len(_PLACES)  # one run is asked about at several places
    for _ in range(20):
        chance = expit(known + shift)
        shift -= (weight * float(np.sum(chance - true)) + shift) / (weight * float(np.sum(chance * (1 - chance))) + 1)
    return shift
