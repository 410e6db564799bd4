"""Fidelity: the dial of cost. A run at less of it is cheaper, and says less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trialist.errors import PlanError, shown


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How much of a full run a trial may spend: epochs, steps, a share of the data, folds, items.

    low: the least that says anything.  high: a full run; only full runs are compared with each other and chosen from.
    factor: between two rungs, where trials are looked at.  Whole numbers where both ends are.

    >>> Fidelity("epochs", 1, 81).rungs
    (1, 3, 9, 27, 81)
    >>> Fidelity("share of data", 0.1, 1.0).rungs
    (0.1, 0.3, 1.0)
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
        """Amounts at which trials are looked at: `low`, `factor` times as much, ... and a full run.

        The last but one is left out where it would be nearly a full run.
        """
        found: list[float] = []
        while (amount := self.low * self.factor ** (len(found) + 1)) < self.high / self.factor**0.5:
            found.append(round(amount) if self.is_whole else float(f"{amount:.6g}"))
        return (*dict.fromkeys([self.low, *found]), self.high)

    def share(self, amount: float) -> float:
        """An amount as a share of a full run."""
        return amount / self.high

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "low": self.low, "high": self.high, "factor": self.factor}

    def __str__(self) -> str:
        return (
            f"{self.low:g} to {self.high:g} {self.name}, with looks at {', '.join(f'{r:g}' for r in self.rungs[:-1])}"
        )
