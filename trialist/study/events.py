"""What the process tells while it goes on: each event is yielded once, when it is already stored."""

from __future__ import annotations

from dataclasses import dataclass

from trialist.trials.trial import TrialRecord


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage begins: "plan", "search", "refine", "select" or "verify"; the text is a sentence for people."""

    stage: str
    text: str


@dataclass(frozen=True, slots=True)
class StageEnded:
    """A stage is over, and what came of it."""

    stage: str
    text: str


@dataclass(frozen=True, slots=True)
class TrialOpened:
    record: TrialRecord


@dataclass(frozen=True, slots=True)
class TrialReported:
    number: int
    step: float
    value: float


@dataclass(frozen=True, slots=True)
class TrialClosed:
    """Complete, stopped or failed, and stored for good."""

    record: TrialRecord


@dataclass(frozen=True, slots=True)
class TrialPaused:
    """It came to the end of a lower fidelity, or a scheduler halted it; it may go on. `record.stop_reason` says why."""

    record: TrialRecord


@dataclass(frozen=True, slots=True)
class TrialRetried:
    """An attempt failed by no fault of its configuration; it is queued again. `record.earlier[-1]` says why."""

    record: TrialRecord


@dataclass(frozen=True, slots=True)
class TestRan:
    """One of the trainings of verification is done."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Told:
    """Anything else that deserves a line."""

    text: str


Event = (
    StageStarted | StageEnded | TrialOpened | TrialReported | TrialClosed | TrialPaused | TrialRetried | TestRan | Told
)
