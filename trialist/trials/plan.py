"""What a trialist declares beforehand: objectives, budget, limits, seed, validation. Fixed before trial 0."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from trialist.errors import PlanError, shown
from trialist.trials.amounts import check_name, positive, whole
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.trials.stopping import Stopping
from trialist.trials.validation import Validation, checked, validation_of

PREFERENCES = ("better", "cheaper")
_LEAST_MEMORY = 2**20  # bytes
_LONG, _BEFORE = 60, 20  # characters of a text, and of what stands before the first difference in it


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
            memory = int(positive("trial_memory", self.memory_bytes))
            if memory < _LEAST_MEMORY:  # 512 is meant as megabytes, and would end every trial, or the quick ones never
                remedy = 'Give bytes: 512 * 2**20; or, in a command or a study file, text: "512MB".'
                raise PlanError("trial_memory", f"{memory} bytes are fewer than any process takes", remedy)
            object.__setattr__(self, "memory_bytes", memory)
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
            f"{name}: {before} is now {now}"
            for name in mine
            if mine[name] != theirs[name]
            for before, now in [_both_told(mine[name], theirs[name])]
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


def _both_told(mine: object, theirs: object) -> tuple[str, str]:
    """Two values in words; of long texts that begin alike, from shortly before where they differ."""
    if isinstance(mine, str) and isinstance(theirs, str) and max(len(mine), len(theirs)) > _LONG:
        both = enumerate(zip(mine, theirs, strict=False))
        alike = next((i for i, (a, b) in both if a != b), min(len(mine), len(theirs)))
        begin = max(0, alike - _BEFORE)
        cut = "..." if begin else ""
        mine, theirs = (f"{cut}{text[begin:]}" for text in (mine, theirs))
    return _told(mine), _told(theirs)


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
