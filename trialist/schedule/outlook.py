"""What finished runs say of where a running one ends: a power law with their prior, and with their own mistakes.

The model is asked about each finished run as it stood at some shares of its length, with a prior from others. How far
it was off there, in its own standard deviations, is what it is wrong by now: its mean is moved and its deviation
widened accordingly, and the tails are Student's, since few runs have shown few surprises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from trialist.numerics.power_law import Floats, Prior, forecast, prior_of

SHARES = np.array([1 / 27, 1 / 9, 1 / 5, 1 / 3, 1 / 2, 0.7, 0.9])  # where the model is checked
_DOUBT = 1.5  # how wide errors are before any were seen, in the model's own deviations,
_FEW = 2.0  # ... as if so many had shown it
_TAILS = 5.0  # degrees of freedom


@dataclass(frozen=True, slots=True)
class Outlook:
    """middle, scale: losses are seen as asinh((loss - middle) / scale), so that diverged ones are near bad ones.

    bias, widening: of the model's error at SHARES, in its own deviations.
    """

    middle: float
    scale: float
    prior: Prior
    bias: Floats
    widening: Floats

    @classmethod
    def of(cls, curves: list[tuple[Floats, Floats]], ends: Floats) -> Outlook:
        """From finished runs: shares and losses of each, and their final losses (n,)."""
        middle = float(np.median(ends))
        scale = 1.4826 * float(np.median(np.abs(ends - middle))) or float(np.std(ends)) or 1.0
        seen = [(t, _bent(y, middle, scale)) for t, y in curves]
        final = _bent(ends, middle, scale)
        halves = [prior_of(seen[half::2]) for half in (1, 0)]  # each half is forecast by the prior of the other
        errors: list[list[float]] = [[] for _ in SHARES]
        for i, (t, y) in enumerate(seen):
            for found, share in zip(errors, SHARES, strict=True):
                upto = int(np.searchsorted(t, share * (1 + 1e-9), "right"))
                if upto >= 2:
                    told = forecast(halves[i % 2], t[:upto], y[:upto])
                    found.append((final[i] - told.mean) / told.deviation)
        judged = np.array([_error(np.array(found)) for found in errors])
        return cls(middle, scale, prior_of(seen), judged[:, 0], judged[:, 1])

    def chance(self, t: Floats, y: Floats, best: float) -> tuple[float, float]:
        """The probability that a run ends below `best`, and the loss that it is expected to end at.

        t (T,), y (T,): its shares and losses so far.
        """
        told = forecast(self.prior, t, _bent(y, self.middle, self.scale))
        place = np.log(t[-1])
        bias, widening = (float(np.interp(place, np.log(SHARES), each)) for each in (self.bias, self.widening))
        z = (float(_bent(np.array(best), self.middle, self.scale)) - told.mean) / told.deviation
        expected = self.middle + self.scale * float(np.sinh(told.mean + bias * told.deviation))
        return float(stdtr(_TAILS, (z - bias) / widening)), expected


def _bent(losses: Floats, middle: float, scale: float) -> Floats:
    return np.asarray(np.clip(np.arcsinh((losses - middle) / scale), -12.0, 12.0))


def _error(z: Floats) -> tuple[float, float]:
    """Bias and widening of standardized errors; the width is that of the runs that ended better than expected."""
    if not len(z):
        return 0.0, _DOUBT
    bias = float(np.median(z)) * len(z) / (len(z) + _FEW)
    better = z[z < bias] - bias
    return bias, float(np.sqrt((np.sum(better**2) + _FEW * _DOUBT**2) / (len(better) + _FEW)))
