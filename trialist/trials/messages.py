"""What crosses a process border: an Assignment down, and up come Declared, Reported, Noted, then Finished or Failed.

Decided is the coordinator's own, for the store.

All are frozen and plain, so a process, a command, a remote actor or a test double speak alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trialist.space.parameter import Parameter
from trialist.trials.trial import Failure, Stage, State, Taken
from trialist.trials.validation import Validation

VERSION = 1  # raised when a field changes its meaning


@dataclass(frozen=True, slots=True)
class Assignment:
    """One trial to run.

    study_seed: keys the draws of dials that a define-by-run objective declares on the way.
    defaults: such dials take their defaults instead (the baseline).
    fidelity: how far to run, in the plan's unit; None where the plan has no such dial.
    reached, last: the step of the last report of earlier runs, where there were any, and its value: from there this
    run may go on, if a checkpoint was kept.
    directory: the trial's own folder, for its log, its metrics file and its checkpoint.
    objectives: metric names, the first one is what `trial.report` reports.
    prices: of a token by kind, for `trial.spend`.
    validation: the units that are to be scored, where the plan declares them.  units_seed: keys their splits and
    seeds; the same for all trials that share them.
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
    reached: float = 0.0
    last: float | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    validation: Validation | None = None
    units_seed: int = 0
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

    since: the step that this stretch began at: of the report before it, or where this run went on from.
    of: steps of a full run, where the objective told.  cost: money that this run has taken so far, where it told.
    """

    number: int
    attempt: int
    step: float
    value: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    of: int | None = None
    cost: float | None = None
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Decided:
    """What a scheduler ruled on a running trial: it goes on, is to pause, or is to stop.  Written with its report."""

    number: int
    attempt: int
    taken: Taken


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

    state: the loop makes it PAUSED or STOPPED where that is what a Decision, or a lower fidelity, comes to.
    constraints: measured ones by name, satisfied where at most 0.  since: as in Reported, of the stretch after the
    last report.  overlap: as in Score.
    """

    number: int
    attempt: int
    metrics: Mapping[str, tuple[float, ...]]
    seconds: float
    cost: float | None = None
    state: State = State.COMPLETE
    reason: str = ""
    constraints: Mapping[str, float] = field(default_factory=dict)
    since: float = 0.0
    overlap: float = 0.0


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
Entry = Message | Decided  # what a store is told of a trial
