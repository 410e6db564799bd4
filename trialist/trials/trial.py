"""One trial as it is kept: TrialRecord, its State with the one table of legal moves, Score, Failure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trialist.trials.foretold import Foretold
from trialist.trials.run import Run


class State(StrEnum):
    """Where a trial stands."""

    WAITING = "waiting"  # queued: by a user, or to be tried again
    RUNNING = "running"  # somebody holds its lease
    PAUSED = "paused"  # halted by a scheduler, may go on
    COMPLETE = "complete"  # scored
    STOPPED = "stopped"  # ended early by a scheduler; its reports count
    FAILED = "failed"  # no score; the failure says why

    @property
    def is_closed(self) -> bool:
        return self in _CLOSED


_CLOSED = frozenset({State.COMPLETE, State.STOPPED, State.FAILED})

# The one table of legal moves; the store checks it again in the transaction that moves. RUNNING to WAITING is a retry,
# PAUSED to RUNNING a promotion.
MOVES: Mapping[State, frozenset[State]] = {
    State.WAITING: frozenset({State.RUNNING, State.FAILED}),
    State.RUNNING: frozenset({State.COMPLETE, State.STOPPED, State.FAILED, State.PAUSED, State.WAITING}),
    State.PAUSED: frozenset({State.RUNNING}),
    State.COMPLETE: frozenset(),
    State.STOPPED: frozenset(),
    State.FAILED: frozenset(),
}


class Stage(StrEnum):
    """Which stage of the process opened a trial."""

    BASELINE = "baseline"
    SEARCH = "search"
    REFINE = "refine"
    SELECT = "select"  # a finalist scored again, on a fresh seed
    SWEEP = "sweep"  # a level of one dial round the incumbent, on seeds that all levels share

    @property
    def is_explored(self) -> bool:
        """Whether strategies learn from its trials, and one of them may be the best; else they have fresh seeds."""
        return self is not Stage.SELECT and self is not Stage.SWEEP


class Cause(StrEnum):
    """Why a trial failed."""

    OBJECTIVE = "objective"  # the objective raised, or its score is no finite number
    TIMEOUT = "timeout"  # longer than its limit
    MEMORY = "memory"  # more memory than its limit, or than there was
    KILLED = "killed"  # its process died by a signal, or vanished with its coordinator
    PREEMPTED = "preempted"  # interrupted by the user, or by the machine's owner
    INFRASTRUCTURE = "infrastructure"  # the worker could not start, or could not be reached
    BUDGET = "budget"  # the study's time or money was over before it was

    @property
    def retries(self) -> int:
        """How many more attempts such a failure earns: what the configuration is to blame for earns none."""
        return _RETRIES[self]

    @property
    def is_blameless(self) -> bool:
        """Whether it says nothing of the configuration; a killed process may have asked for too much memory."""
        return self in (Cause.PREEMPTED, Cause.INFRASTRUCTURE, Cause.BUDGET)


_RETRIES = {
    Cause.OBJECTIVE: 0,
    Cause.TIMEOUT: 0,
    Cause.MEMORY: 0,
    Cause.KILLED: 2,
    Cause.PREEMPTED: 20,
    Cause.INFRASTRUCTURE: 3,
    Cause.BUDGET: 0,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a trial, or one attempt at it, failed: `message` is for people, `traceback` for whoever repairs it.

    usage: (error class, field, problem, remedy) where the objective misused Trialist itself, which no other
    configuration would cure: the study stops and raises that error.
    """

    cause: Cause
    message: str
    traceback: str = ""
    usage: tuple[str, str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A metric of a trial: the mean of its replicates (seeds, folds, items), in the metric's own sign.

    overlap: of folds, rows held out over rows trained on.  Folds share training rows, so their mean is less certain
    than that of as many independent scores: its variance is (1/J + overlap) times that of one (Nadeau & Bengio 2003).

    >>> Score((0.2, 0.4)).stderr, Score((0.2, 0.4), overlap=0.5).stderr
    (0.1, 0.1414213562373095)
    """

    replicates: tuple[float, ...]
    overlap: float = 0.0

    @property
    def mean(self) -> float:
        n = len(self.replicates)
        try:
            return math.fsum(self.replicates) / n
        except OverflowError:  # near the largest float the sum has no room, but the mean has
            return math.fsum(x / n for x in self.replicates)

    @property
    def stderr(self) -> float | None:
        """Standard error of the mean; None with a single replicate, whose noise is unknown."""
        n = len(self.replicates)
        if n < 2:
            return None
        mean = self.mean
        sd = math.hypot(*(x - mean for x in self.replicates)) / math.sqrt(n - 1)
        return sd * math.sqrt(1 / n + self.overlap)


@dataclass(frozen=True, slots=True)
class Report:
    """A value of the first objective after `step` steps; other metrics beside it.

    A run at a lower fidelity that comes to its end reports at that fidelity: then `step` is in the plan's unit, and
    need not be whole.
    """

    step: float
    value: float
    metrics: Mapping[str, float] = field(default_factory=dict)


class Action(StrEnum):
    """What a scheduler lets a trial do."""

    GO_ON = "go on"
    PAUSE = "pause"
    STOP = "stop"
    RESUME = "resume"  # a paused one


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a running trial goes on, and why: shown to the user as it stands."""

    action: Action
    reason: str = ""


GO_ON = Decision(Action.GO_ON)


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision on a trial as it is kept: after how many steps, what, and why. GO_ON is kept only with a reason."""

    step: float
    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """What is known of one trial, frozen: the same type from worker to report.

    number: from 0 on; 0 is the baseline.  params: the active parameters.  reason: why it was proposed.
    metrics: Scores by metric name.  loss: of the first objective, smaller is better; None without a score.
    repeats: the number of the trial whose configuration is scored again (finalists, reruns), else None.
    seconds: run time of the last attempt.  opened_at, closed_at: wall clock, seconds since 1970, to show only.
    stop_reason: why a scheduler ended it early.  earlier: failures of earlier attempts.  revision: of the space.
    constraints: measured ones by name, satisfied where at most 0; NaN is not.
    fidelity: how far the last run was to go, in the plan's own unit; None for a full run of a plan without that dial.
    length: steps of a full run, where the objective told.  course: decisions of a scheduler on it, oldest first.
    inherits: the trial whose checkpoint it began with.  used: what all its runs went through so far, in the unit of
    its reports' steps; what was run anew counts each time.
    seconds, cost: of a trial that was paused, those of all its runs from pause to pause.
    runs: which worker ran it when, one for each attempt that was begun; none where an earlier Trialist kept it.
    foretold: what the model that proposed it expected of its score; None where no model did.
    """

    number: int
    state: State
    stage: Stage
    params: Mapping[str, Any]
    reason: str
    strategy: str
    seed: int
    attempt: int = 0
    repeats: int | None = None
    reports: tuple[Report, ...] = ()
    metrics: Mapping[str, Score] = field(default_factory=dict)
    loss: float | None = None
    cost: float | None = None
    seconds: float | None = None
    opened_at: float | None = None
    closed_at: float | None = None
    failure: Failure | None = None
    earlier: tuple[Failure, ...] = ()
    stop_reason: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 0
    constraints: Mapping[str, float] = field(default_factory=dict)
    fidelity: float | None = None
    length: int | None = None
    course: tuple[Taken, ...] = ()
    inherits: int | None = None
    used: float = 0.0
    runs: tuple[Run, ...] = ()
    foretold: Foretold | None = None

    @property
    def halted(self) -> Taken | None:
        """The decision by which it is to pause or to stop, or did; None while it goes on."""
        last = self.course[-1] if self.course else None
        return last if last is not None and last.action in (Action.PAUSE, Action.STOP) else None

    @property
    def worker(self) -> str:
        """Who runs it, or ran it last; empty where that is not known."""
        return self.runs[-1].worker if self.runs else ""

    def __str__(self) -> str:
        """In a line, for whoever prints it; its repr has all of it."""
        scores = ", ".join(f"{name} {score.mean:.6g}" for name, score in self.metrics.items())
        told = scores or (f"failed, {self.failure.cause.value}: {self.failure.message}" if self.failure else self.state)
        return f"trial {self.number}: {told}; {dict(self.params)}"

    @property
    def score(self) -> Score | None:
        """The first objective's Score, or None."""
        return next(iter(self.metrics.values()), None)

    @property
    def value(self) -> float | None:
        """The first objective's mean, in its own sign, or None."""
        return None if self.score is None else self.score.mean

    @property
    def is_scored(self) -> bool:
        """Complete, with a finite loss."""
        return self.state is State.COMPLETE and self.loss is not None

    @property
    def violated(self) -> tuple[str, ...]:
        """The measured constraints that are not satisfied, by name."""
        return tuple(name for name, value in self.constraints.items() if not value <= 0)

    @property
    def is_feasible(self) -> bool:
        """Every measured constraint is satisfied; so are all of a trial that measured none."""
        return not self.violated


@dataclass(frozen=True, slots=True)
class Proposal:
    """A configuration to try, and why: the reason is stored and shown.

    fidelity, foretold: as in TrialRecord.  inherits: the trial whose checkpoint this one begins with.
    """

    params: Mapping[str, Any]
    reason: str
    strategy: str
    stage: Stage = Stage.SEARCH
    seed: int | None = None  # None: keyed by the trial's number
    repeats: int | None = None
    fidelity: float | None = None
    inherits: int | None = None
    foretold: Foretold | None = None


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Nothing is left to propose, and why: "all 12 configurations were tried"."""

    reason: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """A paused trial is to go on, up to `fidelity` (None: to its end), and why."""

    number: int
    reason: str
    fidelity: float | None = None


def scored(values: Mapping[str, Sequence[float]], overlap: float = 0.0) -> dict[str, Score]:
    """Scores by metric of replicates by metric."""
    return {name: Score(tuple(replicates), overlap) for name, replicates in values.items()}
