"""A purse: what is summed over trials and limited, of which each running trial holds a part.

As a bank holds a deposit: a trial begins with what it is likely to take, and holds more as it goes on while something
is left that nobody holds.  What is spent and held together never exceeds the ceiling, so a purse is not overspent by
any trial that ends when its hold does, however wrong the expectation was.
"""

from __future__ import annotations

import math

TOLERANCE = 1e-9  # of the limit: rounding of sums is no overspending


class Purse:
    """limit: in all.  rate: what a running trial draws in a second by itself, 0 where only its reports tell.

    ceiling: what may be spent and held now, at most the limit; the rest is reserved.  spent: by runs that are over.
    elsewhere: what trials of other coordinators are expected to take.
    """

    def __init__(self, name: str, limit: float, rate: float = 0.0) -> None:
        self.name, self.limit, self.rate = name, limit, rate
        self.ceiling, self.spent, self.elsewhere = limit, 0.0, 0.0
        self._holds: dict[int, float] = {}

    @property
    def held(self) -> float:
        """By the trials that run here."""
        return math.fsum(self._holds.values())

    @property
    def room(self) -> float:
        """What nobody spent or holds below the ceiling; negative where the ceiling came down."""
        return self.ceiling - self.spent - self.elsewhere - self.held

    def hold(self, number: int) -> float:
        """What a trial may draw."""
        return self._holds.get(number, 0.0)

    def take(self, number: int, amount: float) -> None:
        """A trial begins, and holds that much or what is left."""
        self._holds[number] = min(amount, max(self.room, 0.0))

    def raised(self, number: int, to: float) -> bool:
        """Whether the trial may draw as much as `to`; it then holds it, and a quarter more where there is room."""
        more = to - self.hold(number)
        if more <= 0:
            return True
        if more > self.room + TOLERANCE * self.limit:
            return False
        self._holds[number] = to + max(0.0, min(0.25 * to, self.room - more))
        return True

    def drawn(self, number: int, amount: float) -> None:
        """So much of what a trial holds is spent already, and counted there."""
        self._holds[number] = max(0.0, self.hold(number) - amount)

    def release(self, number: int) -> None:
        """The trial is over: what it took is among what is spent."""
        self._holds.pop(number, None)
