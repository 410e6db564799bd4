"""The budget of a verification: as many trainings as fit, and one of each side in any case.

Money is hard: what is priced by the second ends when none is left.  Time is over at its end too, but not before each
side was trained once: a study that is a little late is worth more than one without a verdict.
"""

from __future__ import annotations

import math

from trialist.study.accounts import LATENCY, Accounts
from trialist.study.session import Session
from trialist.study.spending import Expectations, Spending
from trialist.trials.messages import Failed, Finished
from trialist.trials.trial import TrialRecord

OVER = "the budget was used up before each side was trained once"


class TestBudget:
    """Trainings are known by their index: 2 * seed + side, 0 for the default and 1 for the selected configuration."""

    __test__ = False  # no test for pytest to collect

    def __init__(self, session: Session, sides: tuple[TrialRecord, TrialRecord], workers: int, can_kill: bool) -> None:
        self._session, self._sides, self._can_kill = session, sides, can_kill
        self._accounts = Accounts(session.plan, session.clock)
        self._expected = Expectations(session)
        self._spending = Spending(session, self._accounts, self._expected, workers)
        self._began: dict[int, float] = {}
        self._budget = session.plan.budget
        self._left = {name: self._spending.left(name) for name in self._accounts.purses if name != "full_runs"}
        self._ends_at = session.clock() + self._spending.left("seconds")

    @property
    def running(self) -> int:
        """How many trainings run."""
        return len(self._began)

    def seeds(self) -> int:
        """As many as planned, or as are expected to fit; one at least."""
        return self._spending.test_seeds(self._sides)

    def may_begin(self, index: int) -> bool:
        """Whether a training is expected to fit; one of each side always does."""
        if index < 2:
            return True
        likely = self._likely("seconds", index)
        if self._session.clock() + likely > self._ends_at:
            return False
        free = {name: left - self._drawn(name) - self._held(name) for name, left in self._left.items()}
        return all(room >= self._likely(name, index) for name, room in free.items())

    def begin(self, index: int) -> None:
        """A training begins."""
        self._began[index] = self._session.clock()

    def end(self, message: Finished | Failed) -> None:
        """A training is over: what it took is spent."""
        self._began.pop(message.number, None)
        money = (message.cost or 0.0) + (self._budget.per_second or 0.0) * message.seconds
        for name, amount in (("compute_seconds", message.seconds), ("cost", money)):
            if name in self._left:
                self._left[name] -= amount
        if self._left:
            self._session.charge(message.seconds, money)

    def overdue(self) -> list[int]:
        """The trainings that have to be ended now."""
        if not self._can_kill:
            return []
        if any(left <= self._drawn(name) + self._margin(name) for name, left in self._left.items() if self._rate(name)):
            return list(self._began)
        return [index for index in self._began if index > 1 and self._session.clock() >= self._ends_at - LATENCY]

    def patience(self) -> float:
        """Seconds until one may have to be ended."""
        if not self._can_kill or not self._began:
            return math.inf
        until = [self._ends_at - LATENCY - self._session.clock()] if max(self._began) > 1 else []
        for name, left in self._left.items():
            if rate := self._rate(name) * self.running:
                until.append((left - self._drawn(name) - self._margin(name)) / rate)
        return max(min(until, default=math.inf), 0.0)

    def _rate(self, name: str) -> float:
        return self._accounts.purses[name].rate

    def _margin(self, name: str) -> float:
        return min(LATENCY * self._rate(name) * self.running, 0.05 * self._accounts.purses[name].limit)

    def _drawn(self, name: str) -> float:
        """By the trainings that run, as far as time tells."""
        now = self._session.clock()
        return self._rate(name) * math.fsum(now - began for began in self._began.values())

    def _held(self, name: str) -> float:
        """What those that run are still expected to take."""
        now, rate = self._session.clock(), self._rate(name)
        each = (self._likely(name, index) - rate * (now - began) for index, began in self._began.items())
        return math.fsum(max(amount, 0.0) for amount in each)

    def _likely(self, name: str, index: int) -> float:
        return self._expected.of(name, self._sides[index % 2].params).likely
