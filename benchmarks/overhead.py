"""What a suggestion costs: ask + tell against the number of trials and of dials, and memory, beside Optuna.

Each figure is from a process of its own with one thread: a study filled with random trials, then a first ask + tell,
in which a model is built from nothing as after a resumption, then the median of the ones that follow. Half of the
dials are floats, the others in turn log floats, integers and categories. An optimizer that took longer than --limit
for one suggestion is not tried on more trials of that dimension.

  python benchmarks/overhead.py --strategy auto,gp,tpe --trials 10 100 1000
"""

from __future__ import annotations

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from kept import one_thread

MEASURED = 9  # suggestions after the first one
WARM = 20  # trials, enough for every optimizer to have a model
MOST = {"optuna-gp": 2000}  # trials: its matrices grow with their square, to tens of gigabytes at 10,000
SECONDS = 30.0  # after which no more are measured


class Cost(NamedTuple):
    """Milliseconds of the first ask + tell and of those that follow; MiB by which the process grew, and that it has."""

    first: float
    later: float
    memory: float
    resident: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategy", default="auto,gp,tpe,cmaes,evolution", help="of ours, comma-separated")
    parser.add_argument("--peers", default="optuna-tpe,optuna-gp", help="comma-separated")
    parser.add_argument("--trials", type=int, nargs="*", default=[10, 100, 1000, 10_000])
    parser.add_argument("--dials", type=int, nargs="*", default=[2, 7, 13, 30])
    parser.add_argument("--limit", type=float, default=5.0, help="seconds of one suggestion")
    args = parser.parse_args()
    one_thread()

    from optimizers import available, ours_of
    from search_tables import show

    head = ["optimizer", *(f"{trials:,} trials" for trials in args.trials), f"MiB @{args.trials[-1]:,}"]
    for dials in args.dials:
        rows = []
        for name in [*ours_of(args.strategy), *available(args.peers.split(","))]:
            costs: list[Cost | None] = []
            for trials in args.trials:
                too_slow = bool(costs) and (costs[-1] is None or costs[-1].later > 1e3 * args.limit)
                too_slow |= trials > MOST.get(name, trials)
                costs.append(None if too_slow else alone(name, dials, trials))
            last = costs[-1]
            cells = ["-" if c is None else f"{c.later:.1f} ({c.first:.0f})" for c in costs]
            rows.append([name, *cells, "-" if last is None else f"{last.memory:.0f} of {last.resident:.0f}"])
        show(f"{dials} dials: ms of ask + tell, median (the first one)", head, rows)


def alone(name: str, dials: int, trials: int) -> Cost | None:
    """The cost, measured in a fresh process; None, with a line, where it failed."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        future = pool.submit(measure, name, dials, trials)
        if future.exception() is not None:
            print(f"{name}, {dials} dials, {trials} trials FAILED: {future.exception()!r}")
            return None
        return future.result()


def measure(name: str, dials: int, trials: int) -> Cost:
    import numpy as np
    from optimizers import make

    from trialist.numerics.keys import Key

    space = space_of(dials)
    rng, optimum = np.random.default_rng(0), np.random.default_rng(1).random(dials)

    def loss(config: dict[str, Any]) -> float:
        distance = np.array(space.encode(config)) - optimum
        return float(distance @ distance + 0.1 * rng.standard_normal())

    def filled(trials: int) -> Any:
        optimizer = make(name, space, 0, trials + MEASURED + 2)
        optimizer.fill([(config, loss(config)) for config in (space.draw(Key(0, n)) for n in range(trials))])
        return optimizer

    warm = filled(WARM)  # loads what a model needs, so that neither the time nor the memory of that counts
    warm.ask()
    warm.close()
    before = resident()
    optimizer = filled(trials)
    seconds: list[float] = []
    while len(seconds) <= MEASURED and sum(seconds) < SECONDS:
        started = time.perf_counter()
        token, config = optimizer.ask()
        asked = time.perf_counter()
        value = loss(config)
        evaluated = time.perf_counter()
        optimizer.tell(token, config, value)
        seconds.append(time.perf_counter() - evaluated + asked - started)
    total = resident()
    optimizer.close()
    return Cost(1e3 * seconds[0], 1e3 * float(np.median(seconds[1:] or seconds)), total - before, total)


def space_of(dials: int) -> Any:
    import trialist as tl

    kinds = (
        lambda: tl.Float(-1.0, 1.0),
        lambda: tl.Float(1e-5, 1.0, log=True),
        lambda: tl.Float(0.0, 10.0),
        lambda: tl.Int(1, 100),
        lambda: tl.Float(0.0, 1.0),
        lambda: tl.Categorical(["a", "b", "c"]),
    )
    return tl.Space({f"x{i}": kinds[i % len(kinds)]() for i in range(dials)})


def resident() -> float:
    """MiB of the process in memory now; where the system does not say, at its peak."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main()
