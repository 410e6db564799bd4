"""The scale of losses on which effects add up best: as they are, or the logarithm of how far they are from an end.

What multiplies on one scale adds up on another: a product of factors is a sum of their logarithms, and a loss that
saturates at the level of chance is one that goes on without end, seen through an exponential.  Which scale it is, is
asked of the likelihood (Box & Cox 1964, "An analysis of transformations", JRSS B 26; Snelson et al. 2004, "Warped
Gaussian processes").

Symbols: y losses; z = (s ln(s (y - end)) - centre) / unit with s = 1 for a floor below, -1 for a ceiling above; s = 0
and z = (y - centre) / unit for losses as they are.  z rises with y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialist.numerics.orthonormal import Array

# How far beyond the losses an end lies, in their standard deviations. Nearer, a single trial would decide.
BEYOND = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
_ROOM = 0.5  # of the losses' range: what is expected lies at most so far outside of it


@dataclass(frozen=True, slots=True)
class Warp:
    """low, high: within which what comes back stays."""

    sign: int
    end: float
    centre: float
    unit: float
    low: float
    high: float

    @property
    def is_plain(self) -> bool:
        return self.sign == 0

    def forward(self, y: Array) -> Array:
        """z, rising with y; of losses on the right side of the end."""
        inner = self.sign * np.log(self.sign * (y - self.end)) if self.sign else y
        return np.asarray((inner - self.centre) / self.unit)

    def back(self, z: Array) -> Array:
        """y, kept within low and high: a logarithm that is a little off is a loss that is far off."""
        if not self.sign:
            return np.asarray(z * self.unit + self.centre)
        power = np.clip(self.sign * (z * self.unit + self.centre), -700.0, 700.0)
        return np.asarray(np.clip(self.end + self.sign * np.exp(power), self.low, self.high))

    def slope(self, y: Array) -> Array:
        """dy / dz."""
        return np.asarray(self.unit * (np.abs(y - self.end) if self.sign else np.ones_like(y)))

    def cost(self, y: Array) -> float:
        """What is added to minus the log likelihood of z to have that of y."""
        return float(np.log(np.maximum(self.slope(y), 1e-300)).sum())


def plain(y: Array) -> Warp:
    """Losses as they are."""
    return Warp(0, 0.0, float(y.mean()), float(y.std()) or 1.0, -np.inf, np.inf)


def warp(y: Array, sign: int, beyond: float) -> Warp:
    """Of losses y (n,), not all alike: the end lies so many standard deviations beyond the best or the worst."""
    low, high = float(y.min()), float(y.max())
    end = (low if sign > 0 else high) - sign * beyond * float(y.std())
    inner = sign * np.log(sign * (y - end))
    room = _ROOM * (high - low)
    return Warp(sign, end, float(inner.mean()), float(inner.std()) or 1.0, low - room, high + room)
