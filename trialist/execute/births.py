"""What the coordinator and its nursery say to each other: a child is asked for, it started, it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Start:
    """Asks for a child: a worker on the line that comes along, or a command writing to the files that come along.

    environment: of a command, beside the coordinator's own.  token: under which its orphans are known.
    """

    ticket: int
    argv: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The nursery can start children; else `failure` says why not, and whether the objective was not found."""

    failure: str = ""
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """The child runs."""

    ticket: int
    pid: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The child ended after `seconds`, by a signal or with an exit code; or it could not be started: `problem`."""

    ticket: int
    seconds: float = 0.0
    signal: int | None = None
    code: int | None = None
    problem: OSError | None = None


Event = Ready | Started | Ended
