"""Workers that train with checkpoints, simulated: who is how far when, and what an optimizer made of it.

An optimizer, of whatever library, has
  ask() -> (token, configuration, upto) | None   train it up to epoch `upto`; None: nothing to do before the next tell
  report(token, epoch, loss) -> bool             after each epoch; False ends the job
  tell(token, epoch, loss)                       the job ended there: it came to `upto`, or was ended
A configuration that is asked for again goes on from the epoch that it had reached: only further epochs are paid. One
has one curve, so a training that is asked for twice is the same training.
"""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

TRIES = 1000  # asks for what is trained already, one after another, before an optimizer counts as stuck


class Curve(NamedTuple):
    """A training, epoch by epoch, each (epochs,): what an optimizer is told, what is true, and how long it took."""

    observed: np.ndarray
    true: np.ndarray
    seconds: np.ndarray


@dataclass(slots=True)
class _Training:
    curve: Curve
    reached: int = 0
    is_running: bool = False

    @property
    def final(self) -> float:
        return float(self.curve.true[-1])

    @property
    def is_full(self) -> bool:
        return self.reached == len(self.curve.true)


class _Timed:
    """Calls an optimizer and adds up what that takes."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.seconds = 0.0
        self._optimizer = self._call(make)

    def ask(self) -> Any:
        return self._call(self._optimizer.ask)

    def report(self, *what: Any) -> bool:
        return bool(self._call(self._optimizer.report, *what))

    def tell(self, *what: Any) -> None:
        self._call(self._optimizer.tell, *what)

    def _call(self, function: Callable[..., Any], *what: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*what)
        finally:
            self.seconds += time.perf_counter() - started


def simulate(
    make: Callable[[], Any], curve: Callable[[dict[str, Any]], Curve], limit: int, workers: int
) -> dict[str, Any]:
    """A run of `limit` epochs over all workers, or until the optimizer has nothing more.

    trace: [epochs, clock, true loss] whenever another checkpoint is the best: that of the lowest observed loss so far.
    configs, jobs, full: trainings begun, jobs asked for, trainings that came to their end.
    left, wrong, missed: trainings that were ended or paused on the way; those of them that would have ended below every
    full one; by how much the best of them would have (None where nothing came to its end).
    epochs, clock, overhead_s: spent; seconds of the simulated clock, and real ones inside the optimizer.
    """
    optimizer = _Timed(make)
    trainings: dict[str, _Training] = {}
    running: list[tuple[float, int, Any, _Training, int]] = []  # when its epoch ends, a tie-breaker, token, ..., upto
    trace: list[list[float]] = []
    clock, epochs, jobs, serial, lowest = 0.0, 0, 0, 0, float("inf")

    def go_on(token: Any, training: _Training, upto: int) -> None:
        nonlocal serial
        serial += 1
        ends = clock + max(float(training.curve.seconds[training.reached]), 1e-6)
        heapq.heappush(running, (ends, serial, token, training, upto))

    def start() -> bool:
        """Gives a free worker a job; False where there is none now."""
        nonlocal jobs
        for _ in range(TRIES):
            asked = optimizer.ask()
            if asked is None:
                return False
            token, config, upto = asked
            training = _training(trainings, config, curve)
            upto = min(max(round(upto), 1), len(training.curve.true))
            jobs += 1
            if training.reached < upto:
                training.is_running = True
                go_on(token, training, upto)
                return True
            loss = float(training.curve.observed[upto - 1])  # paid for already: answered at once
            optimizer.report(token, upto, loss)
            optimizer.tell(token, upto, loss)
        raise RuntimeError(f"{TRIES} times in a row the optimizer asked for what is trained already")

    free = workers
    while epochs < limit:
        while free and start():
            free -= 1
        if not running:
            break
        clock, _, token, training, upto = heapq.heappop(running)
        training.reached += 1
        epochs += 1
        loss = float(training.curve.observed[training.reached - 1])
        if loss < lowest:
            lowest = loss
            trace.append([epochs, round(clock, 3), float(f"{training.curve.true[training.reached - 1]:.6g}")])
        if optimizer.report(token, training.reached, loss) and training.reached < upto:
            go_on(token, training, upto)
        else:
            training.is_running = False
            optimizer.tell(token, training.reached, loss)
            free += 1
    return {
        "max_fidelity": max((len(t.curve.true) for t in trainings.values()), default=0),
        "configs": len(trainings),
        "jobs": jobs,
        **_ends(list(trainings.values())),
        "epochs": epochs,
        "clock": round(clock, 2),
        "overhead_s": round(optimizer.seconds, 3),
        "trace": trace,
    }


def _training(
    trainings: dict[str, _Training], config: dict[str, Any], curve: Callable[[dict[str, Any]], Curve]
) -> _Training:
    name = json.dumps(config, sort_keys=True, default=str)
    if name not in trainings:
        trainings[name] = _Training(curve(config))
    return trainings[name]


def _ends(trainings: list[_Training]) -> dict[str, Any]:
    full = [t.final for t in trainings if t.is_full]
    left = [t.final for t in trainings if not t.is_full and not t.is_running]
    if not full:
        return {"full": 0, "left": len(left), "wrong": None, "missed": None}
    best = min(full)
    missed = max(0.0, best - min(left, default=best))
    return {"full": len(full), "left": len(left), "wrong": sum(final < best for final in left), "missed": missed}
