"""What a study may spend: trials, time, money, fidelity; what money is counted by, and the shares of stages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from trialist.errors import PlanError, shown
from trialist.trials.amounts import check_name, duration, positive

LIMITS = ("trials", "seconds", "compute_seconds", "cost", "full_runs")  # of a Budget; the rest of it says how
STAGES = ("search", "refine", "select", "verify")  # that may have a share of their own
TOKENS = "tokens"  # the kind where there is only one

Pairs = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, init=False)
class Budget:
    """What a study may spend, in all: trials, time, compute time, money, fidelity. All are hard.

    seconds, minutes, hours: wall clock.  compute_seconds: of run time, summed over workers.
    cost: money, in any unit: what objectives tell (`trial.cost`, `trial.spend`), and what the prices say.
    per_second: the price of a second of run time.  per_token: of a token, or prices by kind of token, for
    `trial.spend(prompt=900, completion=150)`.
    full_runs: fidelity in all, in full runs: 20 of 81 epochs are 1,620 epochs, however they are spread.
    stages: the most that a stage may use of each of them, as shares: {"search": 0.6, "select": 0.2, "verify": 0.1}.

    >>> Budget(trials=60, minutes=10)
    Budget(trials=60, seconds=600.0)
    >>> Budget(cost=5, per_token={"prompt": 3e-06, "completion": 1.5e-05}).prices["completion"]
    1.5e-05
    """

    trials: int | None = None
    seconds: float | None = None
    compute_seconds: float | None = None
    cost: float | None = None
    full_runs: float | None = None
    per_second: float | None = None
    per_token: tuple[tuple[str, float], ...] | None = None
    stages: tuple[tuple[str, float], ...] | None = None

    def __init__(
        self,
        trials: int | None = None,
        *,
        seconds: float | None = None,
        minutes: float | None = None,
        hours: float | None = None,
        compute_seconds: float | None = None,
        cost: float | None = None,
        full_runs: float | None = None,
        per_second: float | None = None,
        per_token: float | Mapping[str, float] | Pairs | None = None,
        stages: Mapping[str, float] | Pairs | None = None,
    ) -> None:
        if trials is not None and (isinstance(trials, bool) or not isinstance(trials, int) or trials < 1):
            raise PlanError(
                "budget.trials", f"{shown(trials)} is not a number of trials", "Give a whole number, at least 1."
            )
        given = {"seconds": (seconds, 1.0), "minutes": (minutes, 60.0), "hours": (hours, 3600.0)}
        times = [positive(f"budget.{name}", value) * unit for name, (value, unit) in given.items() if value is not None]
        object.__setattr__(self, "trials", trials)
        object.__setattr__(self, "seconds", sum(times) if times else None)
        amounts = {"compute_seconds": compute_seconds, "cost": cost, "full_runs": full_runs, "per_second": per_second}
        for name, value in amounts.items():
            object.__setattr__(self, name, None if value is None else positive(f"budget.{name}", value))
        if isinstance(per_token, (int, float)):
            per_token = {TOKENS: per_token}
        object.__setattr__(self, "per_token", None if per_token is None else _by_name("budget.per_token", per_token))
        object.__setattr__(self, "stages", None if stages is None else _shares(_by_name("budget.stages", stages)))
        for name in ("per_second", "per_token"):
            if getattr(self, name) is not None and self.cost is None:
                remedy = "Give cost= as well: the money that may be spent in all."
                raise PlanError(f"budget.{name}", "a price without a budget of money limits nothing", remedy)

    @classmethod
    def of(cls, value: Budget | int | None) -> Budget:
        """A Budget as it is, a bare int as trials, None as no limit at all."""
        if value is None:
            return cls()
        return value if isinstance(value, Budget) else cls(trials=value)

    @property
    def is_unlimited(self) -> bool:
        return all(getattr(self, name) is None for name in LIMITS)

    @property
    def prices(self) -> dict[str, float]:
        """The price of a token by kind; "tokens" where there is one kind."""
        return dict(self.per_token or ())

    def share(self, stage: str, otherwise: float) -> float:
        """What a stage may use of each limit: as declared, or else."""
        return dict(self.stages or ()).get(stage, otherwise)

    def __repr__(self) -> str:
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        shown_as = {name: dict(value) if isinstance(value, tuple) else value for name, value in given.items()}
        return f"Budget({', '.join(f'{name}={value!r}' for name, value in shown_as.items() if value is not None)})"

    def __str__(self) -> str:
        parts = []
        if self.trials is not None:
            parts.append(f"{self.trials} trials")
        if self.seconds is not None:
            parts.append(duration(self.seconds))
        if self.compute_seconds is not None:
            parts.append(f"{duration(self.compute_seconds)} of compute")
        if self.cost is not None:
            parts.append(f"cost {self.cost:g}{''.join(_priced(self))}")
        if self.full_runs is not None:
            parts.append(f"{self.full_runs:g} full runs")
        if self.stages is not None:
            parts.append("at most " + " and ".join(f"{share:.0%} for {stage}" for stage, share in self.stages))
        return ", ".join(parts) or "no limit"


def _priced(budget: Budget) -> Iterator[str]:
    if budget.per_second is not None:
        yield f" at {budget.per_second:g} a second"
    for kind, price in budget.per_token or ():
        yield f" at {price:g} a token" if kind == TOKENS else f" at {price:g} a token of {kind}"


def _by_name(field_name: str, given: object) -> tuple[tuple[str, float], ...]:
    """Positive numbers by name, given as a mapping or as pairs."""
    if not isinstance(given, (Mapping, tuple, list)):
        raise PlanError(field_name, f"{shown(given)} gives no numbers by name", 'Give a dict, as {"prompt": 3e-6}.')
    listed = dict(given)
    return tuple(
        (check_name(field_name, name), positive(f"{field_name}.{name}", each)) for name, each in listed.items()
    )


def _shares(given: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    for stage, share in given:
        if stage not in STAGES:
            raise PlanError("budget.stages", f"{shown(stage)} is not a stage", f"Use {', '.join(STAGES)}.")
        if share > 1:
            raise PlanError(f"budget.stages.{stage}", f"{share:g} is no share", "Give a number up to 1.")
    if (total := math.fsum(share for _, share in given)) > 1 + 1e-9:
        raise PlanError("budget.stages", f"the shares add up to {total:g}", "Give shares of 1 in all at most.")
    return given
