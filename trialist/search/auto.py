"""Auto: the strategy that suits the study as it stands, and why; further on it may be another one.

The first rule that applies decides:

| the study                                                          | strategy                               |
| ---                                                                | ---                                    |
| no dial is declared yet                                            | random                                 |
| finite, and the budget covers it                                   | grid                                   |
| all trials start before the first one is scored                    | sobol                                  |
| more than DIALS dials, or COLUMNS choices                          | tpe                                    |
| one objective, numbers mostly, and HORIZON trials or more in all,  | cmaes                                  |
|   FAST where they take less time than gp's proposals               |                                        |
| less than HORIZON trials yet (several objectives: FRONT)           | gp; where trials take less time than   |
|                                                                    | its proposals, for PATIENCE seconds    |
| later: several objectives                                          | evolution                              |
| later: MIXED of the dials, or more, are unordered or conditional   | tpe                                    |
| later: else                                                        | cmaes                                  |

What comes after gp goes on from what gp has found.  In mixed spaces that is much better than to begin without it; in
spaces of numbers cmaes alone reaches better basins in time (docs/plan.md has what was measured).

A decision is a function of plan, history and number of workers: what gp's proposals cost is declared here and not
clocked, and what trials take is on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from itertools import pairwise
from statistics import median

from trialist.numerics.keys import Key
from trialist.protocols import Strategy
from trialist.search.build import FOCUSED, NAMED, build
from trialist.search.refined import Refined
from trialist.search.refinement import Refinement
from trialist.search.stages import Stages, counted, runs_that_fit, split
from trialist.space.parameter import Categorical
from trialist.space.space import Space
from trialist.trials.amounts import duration
from trialist.trials.history import History
from trialist.trials.plan import Plan
from trialist.trials.trial import Exhausted, Proposal, Stage, TrialRecord

HORIZON, FAST = 1000, 500
FRONT = 300
DIALS, COLUMNS = 100, 300  # beyond, a process has more to learn than such searches can tell it
MIXED = 0.4
COSTS = ((0, 0.02), (100, 0.025), (300, 0.05), (1000, 0.05))  # (trials, seconds that gp's next proposal takes then)
PATIENCE = 10.0
PATIENT_SHARE = 0.1  # of a time budget, at most
WORTHWHILE = 2.0  # a search that gp does in so many times its patience is left to it: a change would pay little
STEP = 10  # trials, by which costs are added up
RECENT = 50  # trials, the last ones, whose time is looked at
_TURN, _END = "from here on ", ": "  # round the clause with which another strategy takes over, before its own reason
STAYING = 2.0  # times as slow must trials become for a way back to gp, lest it goes to and fro


@dataclass(frozen=True, slots=True)
class Course:
    """A strategy's name, and in a clause why it is the one."""

    strategy: str
    why: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the choice goes by.

    seconds: that a trial takes, None while unknown.
    """

    plan: Plan
    space: Space
    workers: int
    stages: Stages
    seconds: float | None

    @property
    def trials(self) -> int | None:
        """To be explored in all; None while unknown."""
        return self.stages.explored

    @property
    def horizon(self) -> int:
        """Trials for which gp is ahead, where time does not matter."""
        return HORIZON if len(self.plan.objectives) == 1 else FRONT

    @property
    def affordable(self) -> int:
        """Trials that gp is given: up to the horizon, fewer where waiting for it takes longer than it should."""
        if self.seconds is None:
            return self.horizon
        each, limit = self.seconds / self.workers, self.plan.budget.seconds
        patience = PATIENCE if limit is None else min(PATIENCE, PATIENT_SHARE * limit)
        end = self.horizon if self.trials is None else min(self.trials, self.horizon)
        found, spent = self.horizon, 0.0
        for n in range(0, end, STEP):
            cost = cost_of_proposal(n)
            if cost > each:
                spent += STEP * cost
            if spent > patience and found > n:
                found = n
        return found if spent > WORTHWHILE * patience else self.horizon


def cost_of_proposal(trials: int) -> float:
    """Seconds that gp's proposal takes after so many trials, on a common core: COSTS, straight in between."""
    for (n, low), (m, high) in pairwise(COSTS):
        if trials <= m:
            return low + (high - low) * (trials - n) / (m - n)
    return COSTS[-1][1]


def outlook(plan: Plan, space: Space, workers: int, seconds: float | None = None, fits: int | None = None) -> Outlook:
    """What is to be expected of a study.

    seconds: that a trial takes, where it is known.  Else a plan of so many trials in so much time tells it: it holds
    only if none takes longer than their quotient.  fits: runs, where more than the time limits them.
    """
    stages = split(space, plan, runs_that_fit(plan.budget, workers, seconds) if fits is None else fits)
    budget = plan.budget
    if seconds is None and budget.trials is not None and budget.seconds is not None:
        seconds = budget.seconds * workers / budget.trials
    return Outlook(plan, space, workers, stages, seconds)


def course(now: Outlook, done: int) -> Course:
    """The strategy once `done` trials are explored, by the rules at the head of this file."""
    space, trials = now.space, now.trials
    if not len(space):
        return Course("random", "the dials are known once the objective has declared them")
    size = space.size
    if size is not None and trials is not None and size <= trials:
        return Course("grid", f"with the baseline they complete all {counted(size, 'configuration')}")
    if trials is not None and now.workers > 1 and now.workers >= trials - 1:
        return Course("sobol", "all trials start before the first one is scored, so they are spread evenly")
    choices = sum(len(dial.choices) for _, dial in space.items() if isinstance(dial, Categorical))
    if len(space) > DIALS or choices > COLUMNS:
        many = f"{len(space):,} dials" if len(space) > DIALS else f"{choices:,} choices"
        return Course("tpe", f"{many} are more than a Gaussian process can learn about")
    affordable = now.affordable
    name, suits = _for_many(now)
    if name == "cmaes" and trials is not None and trials >= (HORIZON if affordable == now.horizon else FAST):
        return Course(name, f"in {trials:,} trials its restarts reach better basins than a model that settles; {suits}")
    if done < affordable:
        return Course("gp", _why_gp(now))
    if affordable < now.horizon:
        took = duration(sum(map(cost_of_proposal, range(affordable))))
        return Course(name, f"trials are faster than gp's proposals, which have taken some {took} by now; {suits}")
    return Course(name, f"beyond {now.horizon:,} trials gp gains little more; {suits}")


def main_course(now: Outlook) -> Course:
    """The strategy of most of the trials, and what goes before it."""
    first, trials = course(now, 0), now.trials
    if trials is None or first.strategy != "gp":
        return first
    later, until = course(now, trials - 1), min(now.affordable, trials)
    if later.strategy == "gp":
        return first
    if trials < 2 * until:
        return Course("gp", f"{first.why}; after {until:,} trials {later.strategy} goes on")
    return Course(
        later.strategy, f"after {counted(until, 'trial')} of gp, round the best of which it begins: {later.why}"
    )


def _why_gp(now: Outlook) -> str:
    if len(now.plan.objectives) > 1:
        return "a Gaussian process of each objective pushes the front outwards in the fewest trials"
    return "a Gaussian process makes most of each trial"


def _for_many(now: Outlook) -> tuple[str, str]:
    """The strategy for many trials, and what it is good for."""
    space = now.space
    if len(now.plan.objectives) > 1:
        return "evolution", "a population covers a front of any number of trials at a millisecond each"
    unordered = [isinstance(dial, Categorical) and not dial.ordered for _, dial in space.items()]
    mixed = sum(a or bool(dial.when) for a, (_, dial) in zip(unordered, space.items(), strict=True))
    if mixed >= MIXED * len(space):
        return "tpe", f"with {mixed} of {len(space)} dials unordered or conditional, each is best modelled on its own"
    return "cmaes", "a normal distribution over the numbers follows the best trials at a fraction of a millisecond each"


class Auto:
    """Delegates each trial to the strategy of the moment, which signs it.

    refinement: the part of the space to keep to, where there is one.
    """

    name = "auto"
    names = NAMED

    def __init__(self, workers: int = 1, refinement: Refinement | None = None) -> None:
        self.workers, self.refinement = workers, refinement
        self._delegates: dict[tuple[str, int | None], Strategy] = {}

    def course(self, history: History) -> Course:
        """The strategy of the next trial, and why."""
        return self._course(history, _newest(history))

    def _course(self, history: History, newest: Sequence[TrialRecord]) -> Course:
        times = [r.seconds for r in newest if r.seconds is not None and r.is_scored]
        seconds = median(times) if times else None
        before = _latest(newest)
        if seconds is not None and before is not None and before.strategy != "gp":
            seconds /= STAYING
        return course(outlook(history.plan, history.space, self.workers, seconds), len(history))

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        newest = _newest(history)
        now = self._course(history, newest)
        proposal = self._delegate(now.strategy, history.space).propose(history, key)
        if isinstance(proposal, Exhausted):
            return proposal
        before = _latest(newest)
        if before is not None and before.strategy != now.strategy == proposal.strategy:
            proposal = replace(proposal, reason=f"{_TURN}{now.strategy}, since {now.why}{_END}{proposal.reason}")
        return proposal if self.refinement is None else replace(proposal, stage=Stage.REFINE)

    def _delegate(self, name: str, space: Space) -> Strategy:
        points = space.size if name == "grid" else None
        if (name, points) not in self._delegates:
            self._delegates[name, points] = self._made(name, points)
        return self._delegates[name, points]

    def _made(self, name: str, points: int | None) -> Strategy:
        if self.refinement is None:
            return build(name, points)
        return build(name, within=self.refinement.space) if name in FOCUSED else Refined(self.refinement)


def turn(record: TrialRecord) -> str | None:
    """The sentence with which another strategy took over at that trial; None where the same went on."""
    if record.strategy not in NAMED or not record.reason.startswith(_TURN):
        return None
    return record.reason.partition(_END)[0]


def _newest(history: History) -> Sequence[TrialRecord]:
    """The last trials, the very last one first; looked for among all only where they do not stand at the end."""
    records = history.records
    last = records[: -RECENT - 1 : -1]
    if any(record.number != len(records) - 1 - i for i, record in enumerate(last)):
        return nlargest(RECENT, records, key=lambda record: record.number)
    return last


def _latest(newest: Sequence[TrialRecord]) -> TrialRecord | None:
    """The last of the trials that a strategy proposed."""
    return next((record for record in newest if record.strategy in NAMED), None)
