"""Who is alive: a lease names its coordinator's process and the last beat of its machine's monotonic clock.

The wall clock decides nothing, so a clock that is an hour off harms nobody. Three ways to be dead:
  same machine, same process table: the process is gone, or its number was given to another one: dead at once;
  same boot of the same machine: no beat for `lease_seconds` of the clock that all its processes share;
  another machine, or an earlier boot: the count of beats stood still for `lease_seconds` of the reader's own clock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process so that it cannot be mistaken: boot of the machine, process table, number there, time of its start."""

    boot: str
    namespace: str
    pid: int
    start: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A coordinator's claim to its trials. started, beat: monotonic seconds of the process's machine."""

    token: str
    process: Process
    started: float
    beat: float
    beats: int
    lease_seconds: float
    describes: str


class Sightings:
    """What one reader saw of coordinators on other machines: count of beats, and since when it stands still."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def is_dead(self, lease: Lease) -> bool:
        """Whether the lease has run out by one of the three rules."""
        here, now = this_process(), time.monotonic()
        if lease.process.boot != here.boot:
            return self._stood_still(lease, now)
        if lease.process.namespace == here.namespace and not _is_alive(lease.process):
            return True
        return now - lease.beat > lease.lease_seconds

    def _stood_still(self, lease: Lease, now: float) -> bool:
        beats, since = self._seen.get(lease.token, (-1, now))
        if beats != lease.beats:
            self._seen[lease.token] = (lease.beats, now)
            return False
        return now - since > lease.lease_seconds


def seconds_alive(leases: Iterable[Lease]) -> float:
    """Seconds during which at least one coordinator was alive: the union of their spans on each machine's clock.

    Spans of different boots share no clock, and are added up.
    """
    total, end, boot = 0.0, 0.0, ""
    for lease in sorted(leases, key=lambda lease: (lease.process.boot, lease.started)):
        if lease.process.boot != boot:
            boot, end = lease.process.boot, float("-inf")
        total += max(0.0, lease.beat - max(end, lease.started))
        end = max(end, lease.beat)
    return total


def this_process() -> Process:
    """The calling process; a forked child is another one."""
    return _process(os.getpid())


@lru_cache(maxsize=4)
def _process(pid: int) -> Process:
    return Process(_boot(), _namespace(), pid, _start_of(pid) or "")


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        # No Linux: the time of the boot, which shifts where the clock is set; leases then end by standing still.
        import platform

        import psutil

        return f"{platform.node()} {psutil.boot_time():.0f}"


@lru_cache(maxsize=1)
def _namespace() -> str:
    """The process table: containers of one machine share its boot and its clock, but each has pids of its own."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _is_alive(process: Process) -> bool:
    return _start_of(process.pid) == process.start


def _start_of(pid: int) -> str | None:
    """When the process started, in its machine's own words; None where it is gone, or dead and not yet waited for."""
    if not _has_proc():
        return _start_by_psutil(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name before may hold spaces and brackets
    return None if fields[0] in (b"Z", b"X") else fields[19].decode()


@lru_cache(maxsize=1)
def _has_proc() -> bool:
    return os.path.exists("/proc/self/stat")


def _start_by_psutil(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None
