"""The accounts of the trials that run here: what each has taken so far, and when it has to end for want of budget.

Time and what is priced by the second are known at every moment; what an objective tells of its cost is known when it
reports.  So a trial in a process of its own is ended at the moment, one in this process at its next report.  Of one
that tells its cost only at its end an account is kept on the way where money follows time: it is presumed to spend, for
each second since it last told, what runs spend at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from trialist.budget.pace import UNKNOWN
from trialist.budget.purse import Purse
from trialist.trials.amounts import duration
from trialist.trials.budget import Budget
from trialist.trials.messages import Failed, Finished, Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import GO_ON, Action, Cause, Decision, Failure

LATENCY = 0.6  # seconds from the moment that a trial is to be ended until its processes are gone
MOMENT = 0.05  # seconds
NEXT_STEP = 1.5  # times the largest step so far is what the next one may take


TIME_IS_OVER = "the time is over"
UNVERIFIABLE = "it took so much that what is left could not verify it"
AGAIN = 1.1  # times what a trial took is what it may take when it is verified
Clock = Callable[[], float]


@dataclass(slots=True)
class _Running:
    """began: on the session's clock.  told: money that the run told of so far, at the moment `told_at`.

    drawn, step: by purse, what was drawn at the last report, and the most between two of them.
    """

    began: float
    told_at: float
    told: float = 0.0
    drawn: dict[str, float] = field(default_factory=dict)
    step: dict[str, float] = field(default_factory=dict)
    is_ending: bool = False


@dataclass(frozen=True, slots=True)
class Overdue:
    """A trial that has to be ended now.  is_its_fault: beyond its own limit, whatever is left for the others."""

    number: int
    reason: str
    is_its_fault: bool = False

    @property
    def failure(self) -> Failure:
        """What it fails by, if it has reported nothing."""
        return Failure(Cause.TIMEOUT if self.is_its_fault else Cause.BUDGET, self.reason)


class Accounts:
    """One coordinator's; without purses it only prices, and keeps to the limit of a trial.

    purses: by the name of their limit, as in Budget.  ends_at: when what runs has to be over, on the session's clock;
    time_ends_at: when all has to be.  can_kill: trials run in processes of their own.  tells: some objective told of
    money before its end.
    pace: money that a run spends in a second, where it is told and seconds tell of it.
    default: by limit, what a training of the default likely takes, where there is a verification: a trial may not take
    so much that what is left could not verify it.
    """

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._budget, self._limit, self._fidelity, self.clock = plan.budget, plan.limits.cost, plan.fidelity, clock
        self.purses: Mapping[str, Purse] = {}
        self.ends_at = self.time_ends_at = math.inf
        self.default: Mapping[str, float] = {}
        self.can_kill = self.tells = False
        self.pace = UNKNOWN
        self._running: dict[int, _Running] = {}

    @property
    def running(self) -> Collection[int]:
        """The numbers of the trials that run here."""
        return self._running.keys()

    def admit(self, number: int, needs: Mapping[str, float]) -> None:
        """A trial begins, and holds of each purse what it likely needs."""
        now = self.clock()
        self._running[number] = _Running(now, now)
        for name, purse in self.purses.items():
            purse.take(number, needs.get(name, 0.0))

    def leave(self, number: int) -> None:
        """The trial is over."""
        self._running.pop(number, None)
        for purse in self.purses.values():
            purse.release(number)

    def priced(self, message: Finished | Failed) -> Finished | Failed:
        """A message by which a run is over, with all that it cost.

        Of a worker that died that is what it told last, and what it is presumed to have spent since then.
        """
        run, cost, rate = self._running.get(message.number), message.cost, self._budget.per_second
        if cost is None and run is not None and run.told:
            cost = run.told
        is_cut = isinstance(message, Failed) and (message.cost is None or message.failure.cause is not Cause.OBJECTIVE)
        if is_cut and self.pace and rate is None and run is not None:
            cost = (cost or 0.0) + self.pace.mean * max(message.seconds - (run.told_at - run.began), 0.0)
        return replace(message, cost=cost if rate is None else (cost or 0.0) + rate * message.seconds)

    def judge(self, report: Reported, is_last: bool) -> Decision:
        """A stop where the next step would take more than is left, of the budget or of the trial's own limit."""
        run = self._running.get(report.number)
        if run is None:
            return GO_ON
        if report.cost is not None:
            self.tells, run.told, run.told_at = True, report.cost, self.clock()
        stop = GO_ON
        if self._limit is not None and self._next(run, "cost", self._money(run), is_last) > self._limit:
            stop = Decision(Action.STOP, self._too_dear(run))
        for name, purse in self.purses.items():
            if name == "full_runs":
                full = report.of if self._fidelity is None else self._fidelity.high
                purse.drawn(report.number, (report.step - report.since) / full if full else 0.0)
                continue
            drawn = self._drawn(purse, run)
            needed = self._next(run, name, drawn, is_last)
            if self.can_kill and not (name == "cost" and self.tells):
                needed = drawn  # it can be ended at any moment
            if not purse.raised(report.number, needed):
                stop = Decision(Action.STOP, _out_of(purse))
        if self._is_beyond_verifying(report.number, run):
            stop = Decision(Action.STOP, UNVERIFIABLE)
        if self.clock() >= self.ends_at:
            stop = Decision(Action.STOP, TIME_IS_OVER)
        return GO_ON if is_last else stop

    def overdue(self) -> list[Overdue]:
        """The trials that have to be ended now, as far as they can be."""
        running = [number for number, run in self._running.items() if self.can_kill and not run.is_ending]
        found = [late for number in running if (late := self._overdue(number)) is not None]
        for late in found:
            self._running[late.number].is_ending = True
        return found

    def patience(self) -> float:
        """Seconds until one of them may have to be ended."""
        running = {number: run for number, run in self._running.items() if self.can_kill and not run.is_ending}
        until = self.ends_at - self.clock() if running else math.inf
        for number, run in running.items():
            for purse in self.purses.values():
                if rate := self._rate(purse):
                    until = min(until, (purse.hold(number) - self._drawn(purse, run)) / rate - latency(purse, rate))
            for name, slack in self._slack(number, run):
                rate = 1.0 if name == "seconds" else self._rate(self.purses[name])
                until = min(until, slack / (rate * (1 + AGAIN)) if rate else math.inf)
            if self._limit is not None and self._budget.per_second is not None:
                until = min(until, (self._limit - self._money(run)) / self._budget.per_second)
        return max(until, 0.001)

    def _overdue(self, number: int) -> Overdue | None:
        run = self._running[number]
        if self.clock() >= self.ends_at:
            return Overdue(number, TIME_IS_OVER)
        if self._limit is not None and self._money(run) > self._limit:
            return Overdue(number, self._too_dear(run), is_its_fault=True)
        if self._is_beyond_verifying(number, run):
            return Overdue(number, UNVERIFIABLE)
        for purse in self.purses.values():
            if not (rate := self._rate(purse)):
                continue
            # Held until it is gone, and a moment more, lest it be asked again at once.
            ahead = rate * (latency(purse, rate) + MOMENT)
            if not purse.raised(number, self._drawn(purse, run) + ahead):
                return Overdue(number, _out_of(purse))
        return None

    def _is_beyond_verifying(self, number: int, run: _Running) -> bool:
        return any(slack < 0 for _, slack in self._slack(number, run))

    def _slack(self, number: int, run: _Running) -> Iterator[tuple[str, float]]:
        """By limit, what is left when the trial and the default were trained again; time may pass for both at once."""
        for name, default in self.default.items():
            if name == "seconds":
                drawn, left = self.clock() - run.began, self.time_ends_at - self.clock()
            else:
                purse = self.purses[name]
                drawn = self._drawn(purse, run)
                left = purse.limit - purse.spent - purse.elsewhere - (purse.held - purse.hold(number)) - drawn
            yield name, left - default - AGAIN * drawn

    def _next(self, run: _Running, name: str, drawn: float, is_last: bool) -> float:
        """What will have been drawn at the next report, going by the largest step so far."""
        before = run.drawn.get(name, 0.0)
        run.step[name] = max(run.step.get(name, 0.0), drawn - before)
        run.drawn[name] = drawn
        return drawn if is_last else drawn + NEXT_STEP * run.step[name]

    def _rate(self, purse: Purse) -> float:
        """What a running trial draws in a second by itself, as far as is known or presumed."""
        return purse.rate or (self.pace.most if purse.name == "cost" else 0.0)

    def _drawn(self, purse: Purse, run: _Running) -> float:
        if purse.name != "cost":
            return purse.rate * (self.clock() - run.began)
        return self._money(run) + (0.0 if purse.rate else self.pace.most * (self.clock() - run.told_at))

    def _money(self, run: _Running) -> float:
        return run.told + (self._budget.per_second or 0.0) * (self.clock() - run.began)

    def _too_dear(self, run: _Running) -> str:
        return f"it cost {self._money(run):.3g} so far, and the limit of a trial is {self._limit:g}"


def latency(purse: Purse, rate: float) -> float:
    """Seconds that are kept for ending a trial that draws so much in each; of a small purse less."""
    return min(LATENCY, 0.05 * purse.limit / rate)


def purses_of(budget: Budget) -> Iterator[Purse]:
    """Those of a budget: what it limits in sum over trials."""
    if budget.compute_seconds is not None:
        yield Purse("compute_seconds", budget.compute_seconds, 1.0)
    if budget.cost is not None:
        yield Purse("cost", budget.cost, budget.per_second or 0.0)
    if budget.full_runs is not None:
        yield Purse("full_runs", budget.full_runs)


def _out_of(purse: Purse) -> str:
    if purse.name == "compute_seconds":
        return f"no more is left of {duration(purse.limit)} of compute"
    return f"no more is left of the budget of {purse.limit:g}"
