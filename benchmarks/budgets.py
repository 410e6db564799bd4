"""Whether budgets are hard: simulated studies whose costs have heavy tails, through the process itself.

    python benchmarks/budgets.py [--studies 200] [--seed 0]

Time is virtual: an executor of this file's own moves a clock from event to event, and everything else is the product:
stages, loop, desk, budgets, selection, verification.  What a study spent is summed by the simulator, not by the study.

Each study draws its costs (log-normal or Pareto; of each run anew, or of each configuration with a tenth of noise;
growing with a dial or not), its budget (8 to 60 trials of the mean cost), one or four workers, how often trials fail,
and a kind of budget:

    price    money at a price per second; a trial is ended at any moment, half a second late
    reports  money told with each of ten reports
    end      money told at the end alone, which follows the seconds: by half of the worlds' runs alike, else by 20 %
    apart    money told at the end alone, which has nothing to do with the seconds
    time     wall time
    compute  run time summed over workers
    silent   wall time, and trials that report nothing on the way

Overspending has to be 0 in all kinds but the last: there nothing can end a trial in time, and what remains is not to
start what may not fit.  A run that is ended, or dies, tells nothing more of its money than it told before.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import trialist as tl
from trialist.study import process as processing
from trialist.study import trainings
from trialist.study.declaring import plan_of
from trialist.trials.messages import Assignment, Failed, Finished, Message, Reported
from trialist.trials.trial import Action, Cause, Decision, Failure

KINDS = ("price", "reports", "end", "apart", "time", "compute", "silent")
TOLD = ("reports", "end", "apart")
KILL_SECONDS = 0.5  # that a process lives on once it is to be ended
TYPICAL = 60.0  # seconds of a median trial
WIDTHS = (9, 6, 11, 8, 8, 6, 9, 10)
SPACE = tl.Space(
    x=tl.Float(0.0, 1.0, default=0.3), width=tl.Int(8, 128, log=True, default=32), k=tl.Categorical(["a", "b", "c"])
)


@dataclass(frozen=True)
class World:
    """What a study meets: its costs, its failures."""

    kind: str
    tail: str
    grows: bool
    is_noise: bool
    failing: float
    price: float = 0.01
    uneven: float = 0.0  # standard deviation of the logarithm of what a second costs, from run to run

    def money(self, params: dict[str, object], seed: int, seconds: float) -> float:
        """What a whole run of so many seconds costs, where that is told."""
        if self.kind == "apart":
            return self.price * self.seconds(params, seed, " money")
        return self.price * seconds * math.exp(self.uneven * random.Random(f"{seed} pace").gauss(0.0, 1.0))

    def seconds(self, params: dict[str, object], seed: int, what: str = "") -> float:
        rng = random.Random(f"{seed if self.is_noise else 0} {params['x']} {params['width']} {self.tail}{what}")
        noise = rng.lognormvariate(0.0, 0.8) if self.tail == "lognormal" else 0.5 * rng.paretovariate(1.5)
        if not self.is_noise:
            noise *= random.Random(f"{seed} jitter{what}").lognormvariate(0.0, 0.1)
        return TYPICAL * noise * (float(params["width"]) / 32 if self.grows else 1.0)  # type: ignore[arg-type]

    def loss(self, params: dict[str, object], seed: int) -> float:
        rng = random.Random(f"{seed} loss")
        bad = {"a": 0.0, "b": 0.2, "c": 0.5}[str(params["k"])]
        return (float(params["x"]) - 0.7) ** 2 + bad + 2.0 / float(params["width"]) + rng.gauss(0.0, 0.05)  # type: ignore[arg-type]


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Books:
    """What was really spent."""

    seconds: float = 0.0
    money: float = 0.0


@dataclass
class Run:
    assignment: Assignment
    began: float
    seconds: float
    money: float  # of the whole run
    ending: Failure | None
    events: list[tuple[float, float]]  # when, share of the whole
    told: float = 0.0
    ends_at: float = math.inf  # where it was cancelled
    steps: int = 0


@dataclass
class Simulated:
    """An executor in virtual time."""

    world: World
    clock: Clock
    books: Books
    workers: int
    runs: list[Run] = field(default_factory=list)
    note: str = ""

    @property
    def free(self) -> int:
        return self.workers - len(self.runs)

    def submit(self, assignment: Assignment) -> None:
        params, rng = dict(assignment.params), random.Random(f"{assignment.number} {assignment.attempt} fate")
        seconds = self.world.seconds(params, assignment.seed)
        money, whole, ending = self.world.money(params, assignment.seed, seconds), seconds, None
        is_test = "verify" in assignment.directory  # which fails for other reasons than a search
        if rng.random() < self.world.failing and not is_test:
            seconds *= rng.random()
            cause = Cause.KILLED if rng.random() < 0.3 else Cause.OBJECTIVE
            ending = Failure(cause, "as it was to be")
        count = 0 if self.world.kind in ("silent", "end", "apart") else 10
        events = [(self.clock.now + seconds * i / count, i / count) for i in range(1, count + 1)]
        self.runs.append(Run(assignment, self.clock.now, seconds, money * seconds / whole, ending, events))

    def poll(self, answer: Callable[[Message], Decision], timeout: float) -> int:
        if not self.runs:
            raise RuntimeError("polled without a run: real time would pass")
        coming = [(self._next(run), i) for i, run in enumerate(self.runs)]
        at, i = min(coming)
        if at > self.clock.now + timeout:
            self.clock.now += timeout
            return 0
        self.clock.now, run = max(at, self.clock.now), self.runs[i]
        if at < run.ends_at and run.events and at == run.events[0][0]:
            self._report(run, answer)
        else:
            failure = run.ending if run.ends_at > at else self._cancelled[id(run)]
            self._end(run, answer, failure)
        return 1

    _cancelled: dict[int, Failure] = field(default_factory=dict)

    def cancel(self, number: int, failure: Failure) -> None:
        for run in self.runs:
            if run.assignment.number == number and run.ends_at == math.inf:
                run.ends_at = self.clock.now + KILL_SECONDS
                self._cancelled[id(run)] = failure

    def close(self) -> None:
        self.runs.clear()

    def _next(self, run: Run) -> float:
        return min(run.events[0][0] if run.events else math.inf, run.began + run.seconds, run.ends_at)

    def _report(self, run: Run, answer: Callable[[Message], Decision]) -> None:
        _, share = run.events.pop(0)
        run.steps += 1
        a = run.assignment
        run.told = run.money * share if self.world.kind == "reports" else 0.0
        told = run.told if self.world.kind == "reports" else None
        value = self.world.loss(dict(a.params), a.seed) + 1.0 - share
        decision = answer(Reported(a.number, a.attempt, run.steps, value, cost=told))
        if decision.action is not Action.GO_ON:
            self._end(run, answer, None, value)

    def _end(
        self, run: Run, answer: Callable[[Message], Decision], failure: Failure | None, value: float | None = None
    ) -> None:
        self.runs.remove(run)
        a, seconds = run.assignment, self.clock.now - run.began
        share = min(seconds / run.seconds, 1.0) if run.seconds else 1.0
        money = run.money * share if self.world.kind in TOLD else 0.0
        self.books.seconds += seconds
        self.books.money += money + (self.world.price * seconds if self.world.kind == "price" else 0.0)
        told = money if self.world.kind in TOLD else None
        if failure is not None and failure.cause is not Cause.OBJECTIVE:
            told = run.told or None  # a process that dies cannot say what it spent since then
        if failure is not None:
            answer(Failed(a.number, a.attempt, failure, seconds, cost=told))
            return
        loss = self.world.loss(dict(a.params), a.seed) if value is None else value
        answer(Finished(a.number, a.attempt, {a.objectives[0]: (loss,)}, seconds, told))


@dataclass(frozen=True)
class Outcome:
    kind: str
    workers: int
    limit: float
    used: float
    has_verdict: bool
    trials: int
    selected: bool
    cut: int


def study(number: int, seed: int) -> Outcome:
    """One simulated study."""
    rng = random.Random(f"{seed} {number}")
    kind = KINDS[number % len(KINDS)]
    world = World(
        kind, rng.choice(["lognormal", "pareto"]), rng.random() < 0.5, rng.random() < 0.5, rng.choice([0.0, 0.1])
    )
    workers, runs = rng.choice([1, 4]), math.exp(rng.uniform(math.log(8), math.log(60)))
    mean = TYPICAL * 1.45
    limit = runs * mean * (1.0 if kind == "compute" else world.price if kind in ("price", *TOLD) else 1 / workers)
    world = replace(world, uneven=rng.choice([0.0, 0.2]) if kind == "end" else 0.0)
    budget = {
        "price": lambda: tl.Budget(cost=limit, per_second=world.price),
        "reports": lambda: tl.Budget(cost=limit),
        "end": lambda: tl.Budget(cost=limit),
        "apart": lambda: tl.Budget(cost=limit),
        "compute": lambda: tl.Budget(compute_seconds=limit),
        "time": lambda: tl.Budget(seconds=limit),
        "silent": lambda: tl.Budget(seconds=limit),
    }[kind]()
    clock, books = Clock(), Books()
    command = tl.Command(("simulated", "{x}", "{width}", "{k}"))
    plan = plan_of(
        minimize="loss", maximize=None, budget=budget, trial_seconds=None, trial_memory=None, strategy="random",
        scheduler="none", stopping="auto", name=f"s{number}", seed=number, source=str(command), test="simulated",
    )  # fmt: skip

    def simulated(*_: object) -> Simulated:
        return Simulated(world, clock, books, workers)

    processing.executor_for = trainings.executor_for = simulated  # type: ignore[assignment]
    with tl.Study.open(plan, SPACE, "memory") as found:
        found._session.clock = clock
        for _ in found.process(command, command, workers=workers):
            pass
        used = {"time": clock.now, "silent": clock.now, "compute": books.seconds}.get(kind, books.money)
        selection = found.selection
        fresh = selection is not None and any(row.fresh is not None for row in selection.table)
        cut = sum(r.state is tl.State.STOPPED or bool(r.failure and r.failure.cause == "budget") for r in found.trials)
        return Outcome(kind, workers, limit, used, found.verdict is not None, len(found.trials), fresh, cut)


def table(outcomes: list[Outcome]) -> Iterator[str]:
    heads = ("studies", "over", "most over", "used", "trials", "cut", "verdict", "selected")
    yield f"{'budget':<9}" + "".join(f"{head:>{width}}" for head, width in zip(heads, WIDTHS, strict=True))
    for kind in (*KINDS, "all"):
        rows = [o for o in outcomes if kind in (o.kind, "all")]
        if not rows:
            continue
        over = [o for o in rows if o.used > o.limit * (1 + 1e-9)]
        worst = max(o.used / o.limit - 1.0 for o in rows)
        used = statistics.mean(min(o.used / o.limit, 1.0) for o in rows)
        cells = (
            f"{len(rows)}",
            f"{len(over)}",
            f"{max(worst, 0.0):.2%}",
            f"{used:.0%}",
            f"{statistics.mean(o.trials for o in rows):.1f}",
            f"{statistics.mean(o.cut for o in rows):.1f}",
            f"{statistics.mean(o.has_verdict for o in rows):.0%}",
            f"{statistics.mean(o.selected for o in rows):.0%}",
        )
        yield f"{kind:<9}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    began, outcomes = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number in range(given.studies):
            outcomes.append(study(number, given.seed))
            if given.verbose:
                print(number, outcomes[-1])
    print("\n".join(table(outcomes)))
    print(f"{given.studies} studies in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
