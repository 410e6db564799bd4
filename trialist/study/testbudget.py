"""The budget of a verification: as many trainings as fit, and by all means one of each side.

Time and money are hard here too.  So until each side was trained once, a training may use up but half of what is left,
and then another seed is tried: where run times have heavy tails, to begin anew is the surest way to a verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from trialist.budget.pace import UNKNOWN, presumed
from trialist.budget.purse import Purse
from trialist.study.accounts import LATENCY, MOMENT, NEXT_STEP, latency, purses_of
from trialist.study.expectations import Expectations
from trialist.study.session import Session
from trialist.study.spending import left_of
from trialist.trials.messages import Failed, Finished, Reported
from trialist.trials.trial import GO_ON, Action, Decision, TrialRecord
from trialist.trials.validation import test_share

HOPE = 0.25  # of what a training likely takes: with less left it need not begin
PLENTY = 5.0  # times what the missing sides likely take
ANEW = 0.5  # of what is left, for another try
OVER = "the budget was used up before each side was trained once"


@dataclass(slots=True)
class _Training:
    """began: on the session's clock.  keeps: what it has to leave of each limit.

    told, step: money so far, at the moment `told_at`, and the largest step of it.
    """

    began: float
    keeps: dict[str, float]
    told_at: float
    told: float = 0.0
    step: float = 0.0
    is_cut: bool = False


class TestBudget:
    """Trainings are known by their index: 2 * seed + side, 0 for the default and 1 for the selected configuration.

    trained: the sides that are trained, one where both are the same configuration.
    is_bounded: the test keeps to the money itself and makes the most of what is left, however little that is.
    tells: a training tells what it costs, but for all that is known only at its end.
    """

    __test__ = False  # no test for pytest to collect

    def __init__(
        self,
        session: Session,
        sides: tuple[TrialRecord, TrialRecord],
        trained: tuple[int, ...],
        workers: int,
        can_kill: bool,
        is_bounded: bool = False,
        tells: bool = False,
    ) -> None:
        self._session, self._sides, self._trained = session, sides, trained
        self._lanes, self._can_kill, self._budget = workers, can_kill, session.plan.budget
        self._is_bounded, self._tells = is_bounded, tells and self._budget.per_second is None
        self._expected = Expectations(session.history)
        self._pace = self._expected.pace if self._tells and can_kill and self._budget.cost is not None else UNKNOWN
        self._purses = {purse.name: purse for purse in purses_of(self._budget) if purse.name != "full_runs"}
        for name, purse in self._purses.items():
            purse.spent = session.spent()[name]
        if self._tells and "cost" in self._purses:
            self._purses["cost"].spent += self._expected.untold
        self._presumed = presumed(session.history())
        kept = min(LATENCY, 0.01 * (self._budget.seconds or math.inf)) if can_kill else 0.0
        self._ends_at = session.clock() + left_of(session, "seconds") - kept
        self._running: dict[int, _Training] = {}
        self._done: set[int] = set()

    @property
    def running(self) -> int:
        """How many trainings run."""
        return len(self._running)

    @property
    def missing(self) -> list[int]:
        """The sides of which no training is done."""
        return [side for side in self._trained if not any(index % 2 == side for index in self._done)]

    def seeds(self) -> int:
        """As many as are expected to fit, one at least."""
        found = self._session.plan.test_seeds
        for name in ("seconds", *self._purses):
            each = self._share * math.fsum(
                self._expected.of(name, self._sides[side].params).mean for side in self._trained
            )
            lanes = self._lanes if name == "seconds" else 1
            if each > 0 and (left := self._left(name)) < math.inf:
                found = min(found, int(left * lanes / each))
        return max(found, 1)

    def may_begin(self, index: int) -> bool:
        """Whether a training is expected to fit; of a side that is missing, whether there is any hope.

        Where money is told at the end of a training alone, and seconds do not tell of it, hope is not enough.  Until no
        side is missing, others only begin where there is plenty.
        """
        missing = self.missing
        is_needed = index % 2 in missing and not any(other % 2 == index % 2 for other in self._running)
        for name in ("seconds", *self._purses):
            if is_needed and not self._can_kill and name != "cost":
                continue  # the time that is missing was lost where nothing could be ended; a verdict is worth more
            if is_needed and self._is_bounded and name == "cost":
                continue
            idle = name == "seconds" and self._lanes > len(missing)
            kept = 0.0 if idle else PLENTY * math.fsum(self._likely(name, side) for side in missing)
            least = HOPE * self._likely(name, index)
            if name == "cost" and self._tells and not self._pace:
                amount = self._expected.of(name, self._sides[index % 2].params)
                least = self._share * math.sqrt(amount.likely * amount.most)  # a verdict is worth some risk, not any
            if self._left(name) < (least if is_needed else kept + self._need(name, index)):
                return False
        return True

    def begin(self, index: int) -> None:
        """A training begins."""
        keeps = {name: self._keeps(name, index) for name in ("seconds", *self._purses)}
        now = self._session.clock()
        self._running[index] = _Training(now, keeps, now)
        for name, purse in self._purses.items():
            purse.take(index, self._need(name, index) if self._tells else self._likely(name, index))

    def end(self, message: Finished | Failed) -> bool:
        """A training is over, and what it took is spent; whether what it gave counts."""
        training = self._running.pop(message.number)
        money = (training.told if message.cost is None else message.cost) + self._price * message.seconds
        if training.is_cut:
            untold = self._pace.mean * max(message.seconds - (training.told_at - training.began), 0.0)
            self._presumed.append(untold)
            money += untold
        for name, purse in self._purses.items():
            purse.release(message.number)
            purse.spent += money if name == "cost" else message.seconds
        if self._purses:
            self._session.charge(message.seconds, money)
        if isinstance(message, Finished) and not training.is_cut:
            self._done.add(message.number)
        return not training.is_cut

    def judge(self, report: Reported) -> Decision:
        """A stop where the next step of a training would take more money than is left for it."""
        training, purse = self._running.get(report.number), self._purses.get("cost")
        if training is None or purse is None or report.cost is None:
            return GO_ON
        training.step = max(training.step, report.cost - training.told)
        training.told, training.told_at = report.cost, self._session.clock()
        if self._may_draw(purse, report.number, NEXT_STEP * training.step):
            return GO_ON
        training.is_cut = True
        return Decision(Action.STOP, OVER)

    def overdue(self) -> list[int]:
        """The trainings that have to be ended now."""
        late = [index for index, training in self._running.items() if not training.is_cut and self._is_late(index)]
        for index in late:
            self._running[index].is_cut = True
        return late

    def patience(self) -> float:
        """Seconds until one may have to be ended."""
        until = [math.inf]
        for index, training in self._running.items() if self._can_kill else ():
            if training.is_cut:
                continue
            until.append(self._ends_at - training.keeps["seconds"] - self._session.clock())
            for purse in self._purses.values():
                if rate := self._rate(purse):
                    until.append((purse.hold(index) - self._drawn(purse, index)) / rate - latency(purse, rate))
        return max(min(until), 0.001)

    def _is_late(self, index: int) -> bool:
        if not self._can_kill:
            return False
        if self._session.clock() >= self._ends_at - self._running[index].keeps["seconds"]:
            return True
        rated = [(purse, rate) for purse in self._purses.values() if (rate := self._rate(purse))]
        return any(not self._may_draw(purse, index, rate * (latency(purse, rate) + MOMENT)) for purse, rate in rated)

    def _may_draw(self, purse: Purse, index: int, more: float) -> bool:
        """Whether a training may draw so much more, and leave what it is to leave."""
        purse.ceiling = purse.limit - self._running[index].keeps[purse.name] - self._doubt(purse)
        return purse.raised(index, self._drawn(purse, index) + more)

    def _keeps(self, name: str, index: int) -> float:
        """What a training has to leave until no side is missing: for the other side, and for another try."""
        side, missing = index % 2, self.missing
        if side not in missing:
            return 0.0
        waits = [s for s in missing if s != side and not any(other % 2 == s for other in self._running)]
        others = 0.0 if name == "seconds" and self._lanes > 1 else math.fsum(self._likely(name, s) for s in waits)
        left, again = self._left(name), self._likely(name, index)
        return others + max(again, ANEW * (left - others)) if left >= others + 2 * again else others

    def _left(self, name: str) -> float:
        if name == "seconds":
            return self._ends_at - self._session.clock()
        purse = self._purses[name]
        return purse.limit - purse.spent - purse.held - self._doubt(purse)

    def _doubt(self, purse: Purse) -> float:
        """Of what was presumed to be spent, by how much it may have been more."""
        return 0.0 if purse.name != "cost" or purse.rate else self._pace.doubt(self._presumed)

    def _drawn(self, purse: Purse, index: int) -> float:
        training = self._running[index]
        now = self._session.clock()
        if purse.name == "cost" and not purse.rate:
            return training.told + self._pace.most * (now - training.told_at)
        return purse.rate * (now - training.began) + (training.told if purse.name == "cost" else 0.0)

    def _rate(self, purse: Purse) -> float:
        """What a training draws in a second by itself, as far as is known or presumed."""
        return purse.rate or (self._pace.most if purse.name == "cost" else 0.0)

    def _need(self, name: str, index: int) -> float:
        """What has to be left for a training that is not missing: at most, where money cannot be seen on the way."""
        amount = self._expected.of(name, self._sides[index % 2].params)
        is_seen = name != "cost" or self._purses[name].rate or self._pace
        found: float = amount.likely if is_seen else amount.surely
        return self._share * found

    def _likely(self, name: str, index: int) -> float:
        likely: float = self._expected.of(name, self._sides[index % 2].params).likely
        return self._share * likely

    @property
    def _share(self) -> float:
        """What a training of the verification takes, in trials."""
        return test_share(self._session.plan.validation)

    @property
    def _price(self) -> float:
        return self._budget.per_second or 0.0
