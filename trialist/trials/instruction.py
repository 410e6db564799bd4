"""What people ask of a study that is there: to stop a trial, to pause, to go on; and what they note beside it.

Each is kept for good, with who asked, when and why. The coordinators that run the study read and honour them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """What is asked, or was done."""

    STOP = "stop"  # a trial, waiting or running; its reports count
    PAUSE = "pause"  # the study: what runs goes on, nothing new starts
    RESUME = "resume"  # the study
    NOTE = "note"  # on a trial, or on the study
    ENQUEUE = "enqueue"  # done: a configuration was queued, as that trial
    EXTEND = "extend"  # done: the budget was changed, by a revision of the plan


@dataclass(frozen=True, slots=True)
class Instruction:
    """One of them: number in the order of its store, from 1 on.  trial: None where it is of the study.

    at: wall clock, seconds since 1970, to show only.  who: user@host, for people.  words: why, or the note itself.
    """

    number: int
    at: float
    who: str
    act: Act
    words: str = ""
    trial: int | None = None

    def __str__(self) -> str:
        what = {Act.STOP: "stopped", Act.PAUSE: "paused", Act.RESUME: "resumed", Act.NOTE: "noted"}.get(self.act)
        return f"{what or self.act} by {self.who}" + (f": {self.words}" if self.words else "")


def pause_of(instructions: Iterable[Instruction]) -> Instruction | None:
    """The pause that holds now, given instructions in their order; None while the study may go on."""
    last = None
    for each in instructions:
        if each.act in (Act.PAUSE, Act.RESUME):
            last = each
    return last if last is not None and last.act is Act.PAUSE else None


def stops_of(instructions: Iterable[Instruction]) -> dict[int, Instruction]:
    """The first request to stop each trial, by its number."""
    found: dict[int, Instruction] = {}
    for each in instructions:
        if each.act is Act.STOP and each.trial is not None:
            found.setdefault(each.trial, each)
    return found
