"""The runs of a trial: which worker ran it, from when until when. One for each attempt; only to show."""

from __future__ import annotations

from dataclasses import dataclass, replace

Runs = tuple["Run", ...]


@dataclass(frozen=True, slots=True)
class Run:
    """worker: its name, "ann@host:4711/2": a coordinator's second place; empty where it was not told.

    began, ended: wall clock, seconds since 1970; None while it goes on, and for good where its process vanished.
    """

    worker: str
    began: float
    ended: float | None = None

    @property
    def coordinator(self) -> str:
        """Who handed the trial to the worker, "ann@host:4711"."""
        return self.worker.rpartition("/")[0]

    @property
    def place(self) -> int:
        """The how-manieth worker of its coordinator, from 1 on; 0 where its name does not tell."""
        text = self.worker.rpartition("/")[2]
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def begun(runs: Runs, worker: str, at: float) -> Runs:
    """The runs, and one that begins now."""
    return (*runs, Run(worker, at))


def ended(runs: Runs, at: float) -> Runs:
    """The runs, the last of which ends now."""
    return (*runs[:-1], replace(runs[-1], ended=at)) if runs and runs[-1].ended is None else runs
