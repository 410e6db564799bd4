"""Whether a running trial is beyond its limits."""

from __future__ import annotations

import math
import time

from trialist.execute.killing import resident_bytes
from trialist.trials.amounts import duration
from trialist.trials.plan import Limits
from trialist.trials.trial import Cause, Failure

_LOOK = 0.2  # seconds between two looks at the memory of a process tree


class Watch:
    """Watches over one trial after another of one worker; `begin` starts the clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._began = self._looked = -math.inf

    def begin(self) -> None:
        """A trial starts now."""
        self._began = self._looked = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the trial started."""
        return time.monotonic() - self._began

    @property
    def patience(self) -> float:
        """Seconds until it is worth looking again."""
        patience = math.inf
        if self._limits.seconds is not None:
            patience = self._limits.seconds - self.seconds
        if self._limits.memory_bytes is not None:
            patience = min(patience, self._looked + _LOOK - time.monotonic())
        return max(0.0, patience)

    def failure(self, pid: int | None) -> Failure | None:
        """What the trial whose process tree starts at `pid` fails by, if it is beyond a limit now."""
        limit, most = self._limits.seconds, self._limits.memory_bytes
        if limit is not None and self.seconds >= limit:
            return Failure(Cause.TIMEOUT, f"longer than its limit of {duration(limit)}")
        now = time.monotonic()
        if most is not None and pid is not None and now >= self._looked + _LOOK:
            self._looked = now
            used = resident_bytes(pid)
            if used > most:
                return Failure(Cause.MEMORY, f"used {_size(used)} of memory, more than its limit of {_size(most)}")
        return None


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
