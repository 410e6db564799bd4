"""What a trialist declares beforehand: objectives, budget, limits, seed, validation. Fixed before trial 0."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from trialist.errors import PlanError, shown
from trialist.trials.fidelity import Fidelity
from trialist.trials.stopping import Stopping
from trialist.trials.validation import Validation, checked, validation_of

MAX_NAME = 1_000  # characters; longer names break every table, and are a mistake
LIMITS = ("trials", "seconds", "compute_seconds", "cost", "full_runs")  # of a Budget; the rest of it says how
STAGES = ("search", "refine", "select", "verify")  # that may have a share of their own
TOKENS = "tokens"  # the kind where there is only one
PREFERENCES = ("better", "cheaper")

Pairs = tuple[tuple[str, float], ...]


class Direction(StrEnum):
    """Which way is better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    @property
    def sign(self) -> int:
        """+1 or -1: loss = sign * value, so that smaller is better inside."""
        return 1 if self is Direction.MINIMIZE else -1


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric by name, and which way is better."""

    name: str
    direction: Direction = Direction.MINIMIZE

    def __post_init__(self) -> None:
        check_name("minimize/maximize", self.name)

    def loss(self, value: float) -> float:
        """The value with smaller as better."""
        return self.direction.sign * value


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


@dataclass(frozen=True, slots=True)
class Limits:
    """What one trial may use, and how often it is tried again by cause of failure.

    seconds: wall clock; memory_bytes: resident memory of its whole process tree; cost: money. None means no limit.
    """

    seconds: float | None = None
    memory_bytes: int | None = None
    cost: float | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None:
            object.__setattr__(self, "seconds", positive("trial_seconds", self.seconds))
        if self.memory_bytes is not None:
            object.__setattr__(self, "memory_bytes", int(positive("trial_memory", self.memory_bytes)))
        if self.cost is not None:
            object.__setattr__(self, "cost", positive("trial_cost", self.cost))

    @property
    def needs_process(self) -> bool:
        """Only a process of its own can be ended from outside."""
        return self.seconds is not None or self.memory_bytes is not None


@dataclass(frozen=True, slots=True)
class Plan:
    """What was declared before trial 0; a revision is a new row with a reason.

    source and test say in words what is tuned and what verifies it: a function's name, or a command.
    finalists, replicates: how many configurations are re-scored on how many fresh seeds; None leaves it to the budget.
    test_seeds: trainings of each side in verification.
    fidelity: the dial of cost, where whole runs have one.  stopping: what ends the study before its budget.
    validation: how each configuration is scored, where Trialist sees to it.  prefer: which of the finalists that no
    fresh score tells apart is chosen: the "better" mean, or the "cheaper" one.
    matters: the least difference that is of practical use, in the first objective's unit.
    warm_start: the earlier studies that are learnt from, each by name, or name@place where its store is another one.
    """

    name: str
    objectives: tuple[Objective, ...]
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    strategy: str = "auto"
    scheduler: str = "auto"
    stopping: Stopping = field(default_factory=Stopping)
    limits: Limits = field(default_factory=Limits)
    source: str = ""
    test: str | None = None
    finalists: int | None = None
    replicates: int | None = None
    test_seeds: int = 5
    warm_start: tuple[str, ...] = ()
    fidelity: Fidelity | None = None
    validation: Validation | None = None
    prefer: str = PREFERENCES[0]
    matters: float | None = None

    def __post_init__(self) -> None:
        check_name("name", self.name)
        if not self.objectives:
            raise PlanError(
                "minimize/maximize", "no metric is named", 'Give minimize="val_loss", or maximize="accuracy".'
            )
        names = [objective.name for objective in self.objectives]
        for name in names:
            if names.count(name) > 1:
                raise PlanError("minimize/maximize", f"{shown(name)} is named twice", "Give each metric one direction.")
        self.stopping.check(names)
        whole("seed", self.seed, at_least=0)
        for name in ("finalists", "replicates"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), at_least=0)
        whole("test_seeds", self.test_seeds, at_least=1)
        if self.prefer not in PREFERENCES:
            raise PlanError("prefer", f"{shown(self.prefer)} is no preference", f"Use {' or '.join(PREFERENCES)}.")
        if self.matters is not None:
            object.__setattr__(self, "matters", positive("matters", self.matters))
        if checked(self.validation) is not None and self.fidelity is not None:
            problem = "folds and a fidelity cannot both say how far a trial runs"
            remedy = "Leave one of them out; an objective with a fidelity may return a list of fold scores by itself."
            raise PlanError("validation", problem, remedy)
        for name in self.warm_start:
            if self.warm_start.count(name) > 1:
                raise PlanError("warm_start", f"{shown(name)} is named twice", "Name each earlier study once.")

    @property
    def objective(self) -> Objective:
        """The first objective: the one that single-objective stages go by."""
        return self.objectives[0]

    def differences(self, other: Plan) -> tuple[str, ...]:
        """In words, what `other` declares differently: "seed: 0 is now 1"."""
        mine, theirs = self.to_json(), other.to_json()
        return tuple(
            f"{name}: {_told(mine[name])} is now {_told(theirs[name])}" for name in mine if mine[name] != theirs[name]
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "objectives": [[o.name, o.direction.value] for o in self.objectives],
            "budget": {f.name: getattr(self.budget, f.name) for f in fields(self.budget)},
            "limits": {f.name: getattr(self.limits, f.name) for f in fields(self.limits)},
            **{name: getattr(self, name) for name in _PLAIN},
            "warm_start": list(self.warm_start),
            "fidelity": None if self.fidelity is None else self.fidelity.to_json(),
            "stopping": self.stopping.to_json(),
            "validation": None if self.validation is None else self.validation.to_json(),
        }

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Plan:
        return cls(
            name=obj["name"],
            objectives=tuple(Objective(name, Direction(direction)) for name, direction in obj["objectives"]),
            budget=Budget(**obj["budget"]),
            limits=Limits(**obj["limits"]),
            warm_start=tuple(obj.get("warm_start", ())),
            fidelity=None if obj.get("fidelity") is None else Fidelity(**obj["fidelity"]),
            stopping=Stopping.of(obj.get("stopping", "auto")),
            validation=validation_of(obj.get("validation")),
            **{name: obj[name] for name in _PLAIN if name in obj},
        )


_PLAIN = (
    "seed", "strategy", "scheduler", "source", "test", "finalists", "replicates", "test_seeds", "prefer", "matters"
)  # fmt: skip


def objectives_of(minimize: str | list[str] | None, maximize: str | list[str] | None) -> tuple[Objective, ...]:
    """The objectives of `minimize=` and `maximize=`, in that order; each a name or a list of names."""
    found = []
    for argument, names, direction in (
        ("minimize", minimize, Direction.MINIMIZE),
        ("maximize", maximize, Direction.MAXIMIZE),
    ):
        if names is None:
            continue
        if not isinstance(names, (str, list, tuple)):
            raise PlanError(argument, f"{shown(names)} is not a metric's name", 'Give a name such as "val_loss".')
        listed = [names] if isinstance(names, str) else names
        for name in listed:
            check_name(argument, name)
            found.append(Objective(name, direction))
    return tuple(found)


def check_name(field_name: str, name: object) -> str:
    """A name as it is: non-empty text of at most 1,000 characters, or PlanError."""
    if not isinstance(name, str):
        raise PlanError(field_name, f"{shown(name)} is not a name", "Give text.")
    if not name.strip():
        raise PlanError(field_name, f"{shown(name)} is empty", "Give a name of at least one letter.")
    if len(name) > MAX_NAME:
        raise PlanError(field_name, f"{shown(name)} is too long", f"Give at most {MAX_NAME} characters.")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise PlanError(
            field_name, f"{shown(name)} is not valid Unicode", "Give a name without lone surrogates."
        ) from None
    return name


def positive(field_name: str, value: object) -> float:
    """A finite number above 0 as float, or PlanError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise PlanError(field_name, f"{shown(value)} is not a positive number", "Give a finite number above 0.")
    return float(value)


def whole(field_name: str, value: object, at_least: int) -> int:
    """A whole number from `at_least` on, or PlanError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise PlanError(
            field_name, f"{shown(value)} is not a whole number from {at_least} on", f"Give at least {at_least}."
        )
    return value


def duration(seconds: float) -> str:
    """A duration as people say it.

    >>> [duration(s) for s in (0.004, 7.25, 90, 5400)]
    ['4 ms', '7.2 s', '1 min 30 s', '1 h 30 min']
    """
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 3599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _told(value: object) -> str:
    if isinstance(value, dict):
        given = ", ".join(f"{name} {_amount(item)}" for name, item in value.items() if item is not None)
        return given or "no limit"
    if isinstance(value, list):
        return ", ".join(item if isinstance(item, str) else f"{item[1]} {item[0]}" for item in value) or "(none)"
    return shown(value)


def _amount(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return " and ".join(f"{name} {item:g}" for name, item in value)
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
