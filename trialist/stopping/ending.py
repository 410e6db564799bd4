"""What a stopping rule says when it fires: its statistic against its threshold, in words, and what is probably left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Left:
    """What further full runs would probably gain, in the metric's own unit; better is positive.

    gain: what is expected.  most: what nine of ten such gains stay below.
    """

    trials: int
    gain: float
    most: float

    def __str__(self) -> str:
        """
        >>> str(Left(20, 0.002, 0.0061))
        'another 20 trials would probably gain 0.002 (90 %: 0 to 0.0061)'
        """
        what = "another trial" if self.trials == 1 else f"another {self.trials} trials"
        return f"{what} would probably gain {self.gain:.2g} (90 %: 0 to {self.most:.2g})"


@dataclass(frozen=True, slots=True)
class Ending:
    """A rule that fired, after `trials` full runs. statistic, threshold: in the metric's own unit."""

    rule: str
    statistic: float
    threshold: float
    reason: str
    trials: int
    left: Left | None = None

    def __str__(self) -> str:
        return self.reason if self.left is None else f"{self.reason}; {self.left}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Ending:
        """From what `to_json` gave, whatever else is kept with it."""
        left = obj["left"]
        given = {name: obj[name] for name in ("rule", "statistic", "threshold", "reason", "trials")}
        return cls(**given, left=None if left is None else Left(**left))
