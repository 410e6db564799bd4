"""What crosses a process border: an Assignment down, and up come Declared, Reported, Noted, then Finished or Failed.

All are frozen and plain, so a process, a command, a remote actor or a test double speak alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trialist.space.parameter import Parameter
from trialist.trials.trial import Failure, Stage, State

VERSION = 1  # raised when a field changes its meaning


@dataclass(frozen=True, slots=True)
class Assignment:
    """One trial to run.

    study_seed: keys the draws of dials that a define-by-run objective declares on the way.
    defaults: such dials take their defaults instead (the baseline).
    directory: the trial's own folder, for its log, its metrics file and its checkpoint.
    objectives: metric names, the first one is what `trial.report` reports.
    prices: of a token by kind, for `trial.spend`.
    """

    number: int
    attempt: int
    params: Mapping[str, Any]
    seed: int
    stage: Stage
    study_seed: int
    objectives: tuple[str, ...]
    directory: str
    defaults: bool = False
    fidelity: float | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Declared:
    """A define-by-run objective met a dial for the first time, and drew this value."""

    number: int
    attempt: int
    name: str
    parameter: Parameter
    value: Any


@dataclass(frozen=True, slots=True)
class Reported:
    """A value of the first objective after `step` steps, others beside it; answered by a Decision.

    of: steps of a full run, where the objective told.  cost: money that this run has taken so far, where it told.
    """

    number: int
    attempt: int
    step: float
    value: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    of: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """A user's own note on a trial; the last one of a key counts."""

    number: int
    attempt: int
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Finished:
    """The objective came to its end: replicates by metric, the first objective first; the objectives' are finite.

    constraints: measured ones by name, satisfied where at most 0.
    """

    number: int
    attempt: int
    metrics: Mapping[str, tuple[float, ...]]
    seconds: float
    cost: float | None = None
    state: State = State.COMPLETE  # the loop makes it STOPPED where its Decision was to stop
    reason: str = ""
    constraints: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed; `retry` is the loop's ruling, by the cause's rule.  cost: money that it took all the same."""

    number: int
    attempt: int
    failure: Failure
    seconds: float
    retry: bool = False
    cost: float | None = None


Message = Declared | Reported | Noted | Finished | Failed
