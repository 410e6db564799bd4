"""What runs spend in a second, where money follows time: so money that a run tells only at its end is known on the way.

ln (money / seconds) varies from run to run by Student's t, as costs do.  Where even a run at a high pace spends hardly
more than others in the same time, a running one is presumed to spend at that high pace: most of them spend less.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trialist.trials.history import History
from trialist.trials.trial import Cause, State

GUESS = 0.13  # standard deviation of ln pace, before any was seen
SURE = 0.99  # chance that a run spends no more in a second than `most`; then the highest pace seen counts as well
STEADY = 2.5  # times the typical pace: where the most is beyond, seconds do not tell of money
PROVEN = 3  # runs: two may agree by chance
NEWEST = 100  # runs that are learnt from


@dataclass(frozen=True, slots=True)
class Pace:
    """Money in a second: on average, and at most, as so many runs tell."""

    mean: float = 0.0
    most: float = 0.0
    runs: int = 0

    def __bool__(self) -> bool:
        return self.most > 0.0

    @property
    def is_proven(self) -> bool:
        """Whether enough runs agree that money follows time; of one or two that is presumed."""
        return self.runs >= PROVEN

    def doubt(self, presumed: Iterable[float]) -> float:
        """By how much runs may have cost more in all than they are presumed to: their paces vary independently."""
        return (self.most / self.mean - 1.0) * math.hypot(*presumed) if self else 0.0


UNKNOWN = Pace()


def pace_of(history: History) -> Pace:
    """The pace of one more run; unknown where none told both money and seconds, or time does not tell of money.

    Only runs that came to their end, or to a pause, at their first attempt: what others cost may be presumed itself.
    """
    import numpy as np

    from trialist.numerics.ridge import fit

    ended = (record for record in reversed(history.records) if record.state in (State.COMPLETE, State.PAUSED))
    told = []
    for record in ended:
        if record.earlier or record.cost is None or not record.seconds:
            continue
        if record.cost <= 0.0:
            return UNKNOWN  # some cost nothing however long they take
        told.append(math.log(record.cost / record.seconds))
        if len(told) == NEWEST:
            break
    if not told:
        return UNKNOWN
    found = fit(np.zeros((len(told), 0)), np.array(told), GUESS)
    high = max(float(found.quantile(np.zeros((1, 0)), SURE)[0]), max(told))
    if high - found.level > math.log(STEADY):
        return UNKNOWN
    return Pace(math.exp(found.level + found.scale**2 / 2), math.exp(high), len(told))


def presumed(history: History) -> list[float]:
    """What runs cost that did not come to tell it, as it is presumed: those that were ended, or whose process died."""
    failed = (
        record for record in history if record.failure is not None and record.failure.cause is not Cause.OBJECTIVE
    )
    return [record.cost for record in failed if record.cost]
