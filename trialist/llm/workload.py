"""How much a study of settings asks, by what its budget pays for: items, a preflight, answers to sealed items.

A call is the unit of work: one request sent once.  `each` is what a call takes, in the unit of the budget, and `limit`
what may be spent in all, in that unit; None is no limit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from trialist.llm.preflight import Effort

# Where a budget pays for fewer settings, each is asked fewer items: a look at more settings finds more than a long look
# at few, and finalists are asked the others.
_SETTINGS, _FEWEST_ITEMS = 16, 24
_SHARE_OF_PREFLIGHT = 0.15  # of the budget; where a thorough look at each dial could take more, a short one is taken


@dataclass(frozen=True, slots=True)
class SealedWork:
    """What is asked in a verification: so many answers to each of so many items, by so many sides."""

    answers: int
    items: int
    sides: int = 2


@dataclass(frozen=True, slots=True)
class Workload:
    """items, sealed: of the suite's parts, to search with and to verify on.  settings: in the space; None is many.

    replicates, sealed_replicates: answers to each of them.  votes: calls for one answer, at most.
    """

    items: int
    sealed: int
    settings: int | None = None
    replicates: int = 1
    sealed_replicates: int = 1
    votes: int = 1

    def calls_of_trial(self, asked: int) -> int:
        """Of one setting that is asked so many items."""
        return asked * self.replicates * self.votes

    @property
    def calls_of_test(self) -> int:
        """Of a verification: default and selected are asked every sealed item."""
        return self.calls_of_answer * self.sealed_replicates

    @property
    def calls_of_answer(self) -> int:
        """Of a verification with a single answer to each sealed item."""
        return 2 * self.sealed * self.votes

    def payable(self, limit: float | None, spent: float, each: float) -> int:
        """Items that so many settings can be asked before the verification; a few at least, all at most.

        >>> work = Workload(items=70, sealed=30, sealed_replicates=2)
        >>> [work.payable(limit, 0, 1) for limit in (None, 3000, 800, 100)]
        [70, 70, 42, 24]
        """
        if limit is None or not each:
            return self.items
        free = (limit - spent) / each - self.calls_of_test
        count = int(free / (min(_SETTINGS, self.settings or _SETTINGS) * self.calls_of_trial(1)))
        return min(self.items, max(_FEWEST_ITEMS, count))

    def preflight(self, dials: int, limit: float | None, each: float) -> Effort | None:
        """How much of so many dials is asked beforehand; None where nothing would be left to choose and verify with.

        >>> work = Workload(items=70, sealed=30)
        >>> [None if (e := work.preflight(4, limit, 1)) is None else e.looks for limit in (None, 3000, 400, 150)]
        [(3, 8), (3, 8), (3,), None]
        """
        whole = Effort()
        if limit is None or whole.calls(dials) * each <= _SHARE_OF_PREFLIGHT * limit:
            return whole
        short = replace(whole, looks=whole.looks[:1])
        least = 2 * self.calls_of_trial(min(self.items, _FEWEST_ITEMS)) + self.calls_of_answer
        return short if (short.calls(dials) + least) * each <= limit else None

    def kept_for_preflight(self, dials: int, limit: float | None) -> float:
        """Calls that a preflight of so many dials may take of a budget of calls."""
        effort = self.preflight(dials, limit, 1.0) if dials else None
        if limit is None or effort is None:
            return 0.0
        return max(_SHARE_OF_PREFLIGHT * limit, 0.0 if effort == Effort() else float(effort.calls(dials)))

    def sealed_for(self, left: float, each: float, sides: int = 2) -> SealedWork:
        """As much of the verification as is left to pay for, two items at least. each: what an answer takes.

        >>> work = Workload(items=70, sealed=30, sealed_replicates=5)
        >>> [work.sealed_for(left, each=1) for left in (200, 50)]
        [SealedWork(answers=3, items=30, sides=2), SealedWork(answers=1, items=25, sides=2)]
        """
        answers = left / (each * sides)
        if answers < self.sealed:
            return SealedWork(1, max(2, int(answers)), sides)
        return SealedWork(min(self.sealed_replicates, int(answers / self.sealed)), self.sealed, sides)
