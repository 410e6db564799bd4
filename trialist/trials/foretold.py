"""What a model foretold of a trial's score before the trial ran, kept with its proposal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)  # the median, and the ends of the intervals at 50 and 95 %


@dataclass(frozen=True, slots=True)
class Foretold:
    """trials: how many the model knew of.  quantiles: by metric, at LEVELS, of the score in the metric's own sign.

    Of a score as it is measured, noise included, after a full run.  Quantiles, since a scale on which scores are
    modelled may bend: what is worse is mostly less certain than what is better.

    >>> Foretold(12, {"loss": (0.2, 0.28, 0.3, 0.33, 0.5)}).interval("loss")
    (0.2, 0.5)
    """

    trials: int
    quantiles: Mapping[str, tuple[float, ...]]

    def median(self, metric: str) -> float:
        """As likely too high as too low."""
        return self.quantiles[metric][2]

    def interval(self, metric: str) -> tuple[float, float]:
        """Where the score lies with 95 % probability."""
        low, *_, high = self.quantiles[metric]
        return low, high

    def middle(self, metric: str) -> tuple[float, float]:
        """Where the score lies with 50 % probability."""
        _, low, _, high, _ = self.quantiles[metric]
        return low, high
