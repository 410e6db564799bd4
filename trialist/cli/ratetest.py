"""Runs of a command for a learning-rate range test: a short one at each rate, or one that raises its rate itself."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from trialist.errors import ExecutionError
from trialist.execute.command import Command
from trialist.execute.commands import Commands
from trialist.rates.bounds import has_broken
from trialist.rates.range_test import RangeTest
from trialist.trials.messages import Assignment, Failed, Finished, Message, Reported
from trialist.trials.plan import Limits
from trialist.trials.trial import GO_ON, Action, Decision, Stage

_TURN = 0.5  # seconds between two looks at the clock
SMOOTHING = 0.8  # of a run that raises its rate itself; runs of their own need none


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured: the loss is sign · metric.  seconds: nothing starts after that many."""

    command: Command
    metric: str
    sign: int
    seed: int
    limits: Limits
    workers: int = 1
    seconds: float = math.inf


@dataclass(slots=True)
class Measured:
    """What came of it: losses by rate, NaN where a run failed, and the message of the first that did."""

    test: RangeTest
    runs: int
    failure: str = ""


def run_at_each(
    asked: Asked, rates: Sequence[float], params: Callable[[float], Mapping[str, Any]], tell: Callable[[str], None]
) -> Measured:
    """A run of the command at each rate, with the same seed; ExecutionError where too few of them came to an end.

    Rates lie ever closer together as more runs are made, so that the budget may end it at any moment. Above a rate at
    which a run failed or had no finite loss, none is started.
    """
    runs = _Runs(asked, [rates[i] for i in _coarse_first(len(rates))], params, tell)
    with tempfile.TemporaryDirectory(prefix="trialist-lr-find-") as folder:
        executor = Commands(asked.command, asked.workers, asked.limits)
        started = time.monotonic()
        try:
            while True:
                in_time = time.monotonic() - started < asked.seconds
                while in_time and executor.free and (assignment := runs.next(folder)) is not None:
                    executor.submit(assignment)
                if not runs.running:
                    break
                executor.poll(runs.take, _TURN)
        finally:
            executor.close()
    if runs.failure and not any(math.isfinite(loss) for loss in runs.losses.values()):
        raise ExecutionError(f"no run of the command had a finite {asked.metric}: {runs.failure}")
    if len(runs.losses) < 3:
        raise ExecutionError(f"{len(runs.losses)} runs fitted into the budget, and at least 3 are needed")
    return Measured(RangeTest.of(list(runs.losses), list(runs.losses.values())), len(runs.losses), runs.failure)


def run_once(asked: Asked, dial: str) -> Measured:
    """One run of a command that raises its rate itself, and tells it by name beside each loss.

    It is ended when training breaks.  ExecutionError where fewer than three lines told both.
    """
    rates: list[float] = []
    losses: list[float] = []
    failures: list[str] = []
    ended: list[bool] = []

    def take(message: Message) -> Decision:
        if isinstance(message, Reported) and 0 < message.metrics.get(dial, math.nan) < math.inf:
            rates.append(message.metrics[dial])
            losses.append(asked.sign * message.value)
            return Decision(Action.STOP, "training broke") if has_broken(losses) else GO_ON
        if isinstance(message, Failed):
            failures.append(message.failure.message)
        if isinstance(message, (Failed, Finished)):
            ended.append(True)
        return GO_ON

    with tempfile.TemporaryDirectory(prefix="trialist-lr-find-") as folder:
        executor = Commands(asked.command, 1, asked.limits)
        try:
            executor.submit(_assignment(asked, 0, {}, folder))
            while not ended:
                executor.poll(take, _TURN)
        finally:
            executor.close()
    if len(rates) < 3:
        told = f"; it failed: {failures[0]}" if failures else ""
        needed = f"step=1 {dial}=1e-06 {asked.metric}=2.3"
        raise ExecutionError(
            f"the command told {len(rates)} rates, in lines such as {needed!r}; 3 are needed{told}. Write '{{{dial}}}' "
            "into the command where its rate goes, or let it raise the rate itself and print such lines."
        )
    return Measured(RangeTest.of(rates, losses, SMOOTHING), 1, failures[0] if failures else "")


@dataclass(slots=True)
class _Runs:
    """The runs that are under way and those that came to an end."""

    asked: Asked
    waiting: list[float]
    params: Callable[[float], Mapping[str, Any]]
    tell: Callable[[str], None]
    losses: dict[float, float] = field(default_factory=dict)
    running: dict[int, float] = field(default_factory=dict)
    failure: str = ""
    numbers: count[int] = field(default_factory=count)

    def next(self, folder: str) -> Assignment | None:
        broken = min((rate for rate, loss in self.losses.items() if not math.isfinite(loss)), default=math.inf)
        self.waiting = [rate for rate in self.waiting if rate < broken]
        if not self.waiting:
            return None
        rate, number = self.waiting.pop(0), next(self.numbers)
        self.running[number] = rate
        return _assignment(self.asked, number, self.params(rate), folder)

    def take(self, message: Message) -> Decision:
        if not isinstance(message, (Finished, Failed)):
            return GO_ON
        rate = self.running.pop(message.number)
        if isinstance(message, Finished):
            self.losses[rate] = self.asked.sign * math.fsum(message.metrics[self.asked.metric])
            self.tell(f"{rate:.2g}: {self.asked.metric} {self.asked.sign * self.losses[rate]:.4g}")
        else:
            self.losses[rate] = math.nan
            self.failure = self.failure or message.failure.message
            self.tell(f"{rate:.2g}: failed, {message.failure.message}")
        return GO_ON


def _assignment(asked: Asked, number: int, params: Mapping[str, Any], folder: str) -> Assignment:
    # One seed for all, so that runs differ by their rate alone.
    return Assignment(
        number=number,
        attempt=0,
        params=params,
        seed=asked.seed,
        stage=Stage.SEARCH,
        study_seed=asked.seed,
        objectives=(asked.metric,),
        directory=str(Path(folder, str(number))),
    )


def _coarse_first(n: int) -> list[int]:
    """0 to n - 1 with the bits of each reversed: any beginning of it is spread evenly.

    >>> _coarse_first(6)
    [0, 4, 2, 1, 5, 3]
    """
    bits = max((n - 1).bit_length(), 1)
    return sorted(range(n), key=lambda i: int(f"{i:0{bits}b}"[::-1], 2))
