"""Fidelity: the dial of cost. A run at less of it is cheaper, and says less."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from trialist.errors import PlanError, shown


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How much of a full run a trial may spend: epochs, steps, a share of the data, folds, items.

    low: the least that says anything.  high: a full run; only full runs are compared with each other and chosen from.
    factor: about that much between two rungs, where trials are looked at: they stand at even steps of the logarithm, so
    that the last one is as far from a full run as they are from each other.  Whole numbers where both ends are.

    >>> Fidelity("epochs", 1, 81).rungs
    (1, 3, 9, 27, 81)
    >>> Fidelity("epochs", 1, 50).rungs
    (1, 3, 7, 19, 50)
    >>> Fidelity("share of data", 0.1, 1.0).rungs
    (0.1, 0.32, 1.0)
    """

    name: str
    low: float
    high: float
    factor: float = 3.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise PlanError("fidelity", f"{shown(self.name)} is not a name", 'Give one such as "epochs".')
        for end in ("low", "high", "factor"):
            value = getattr(self, end)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
                raise PlanError(
                    f"fidelity.{end}", f"{shown(value)} is not a positive number", "Give a finite number above 0."
                )
        if not self.low < self.high:
            raise PlanError(
                "fidelity", f"{self.low:g} is not below {self.high:g}", "Give the lower end first: low, high."
            )
        if not self.factor > 1:
            raise PlanError("fidelity.factor", f"{self.factor:g} is not above 1", "Give 2 or more; 3 is usual.")

    @property
    def is_whole(self) -> bool:
        """Whether every amount is a whole number."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def rungs(self) -> tuple[float, ...]:
        """Amounts at which trials are looked at, ascending, and a full run: as many as `factor` has place for."""
        steps = max(1, round(math.log(self.high / self.low) / math.log(self.factor)))
        found = [self.low * (self.high / self.low) ** (k / steps) for k in range(1, steps)]
        amounts = [round(amount) if self.is_whole else float(f"{amount:.2g}") for amount in found]
        return (self.low, *dict.fromkeys(amount for amount in amounts if self.low < amount < self.high), self.high)

    def share(self, amount: float) -> float:
        """An amount as a share of a full run."""
        return amount / self.high

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "low": self.low, "high": self.high, "factor": self.factor}

    def __str__(self) -> str:
        return (
            f"{self.low:g} to {self.high:g} {self.name}, with looks at {', '.join(f'{r:g}' for r in self.rungs[:-1])}"
        )
