"""Stored trials per second, fairness, utilisation, opening a long study, command trials: beside Optuna, in turn.

python benchmarks/store.py [--rounds 3] [--seconds 4] [--trials 10000] [--folder DIR]     BENCH_QUICK=1 shortens all
Studies are SQLite files in --folder (default: a temporary one beside this file, on a real disk on purpose: a file
system in memory would hide what a full sync costs). The strategy is random, with five dials.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import command_overhead
from beside import Line, in_turn, median, require_optuna, show
from systems import SYSTEMS, Make, TrialistStudy

WORK = 0.05  # seconds of a trial in the utilisation lines
PROCESSES = 8
numbers = itertools.count()


def main() -> None:
    quick = bool(os.environ.get("BENCH_QUICK"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="medians are over so many rounds")
    parser.add_argument("--seconds", type=float, default=1.5 if quick else 4, help="of each throughput run")
    parser.add_argument("--trials", type=int, default=2_000 if quick else 10_000, help="of the long study")
    parser.add_argument("--work", type=int, default=160 if quick else 400, help="trials of 50 ms in all")
    parser.add_argument("--folder", help="where the studies are kept while they are measured")
    given = parser.parse_args()
    require_optuna()
    folder = tempfile.mkdtemp(prefix="_bench", dir=given.folder or Path(__file__).parent)
    try:
        for make in SYSTEMS:  # libraries and drivers are loaded before anything is timed
            warm(make, path(folder))
        throughput(folder, given.rounds, given.seconds)
        utilisation(folder, given.rounds, given.work)
        long_study(folder, given.rounds, given.trials)
        show("Command trials", command_overhead.measure(folder, given.rounds, 10 if quick else 20))
    finally:
        shutil.rmtree(folder)


def throughput(folder: str, rounds: int, seconds: float) -> None:
    lines = []
    for processes, target in ((1, 30), (PROCESSES, 50)):
        ours, theirs = in_turn(rounds, *(partial(race, make, folder, processes, seconds) for make in SYSTEMS))
        rates = [median([rate for rate, _ in results]) for results in (ours, theirs)]
        lines.append(Line(f"trials/s, {named(processes)}", "", *rates, target=target, least=True))
    spread = [median([unfairness for _, unfairness in results]) for results in (ours, theirs)]
    lines.append(Line(f"  busiest : idlest of {PROCESSES}", "", spread[0], None, target=4))
    lines.append(Line("    the same, Optuna", "", spread[1], None))
    lines.append(Line("syncs/s of this disk, just now", "", syncs_per_second(folder), None))
    show(f"Trials without work, {seconds:g} s each, medians of {rounds} rounds in turn", lines)


def race(make: Make, folder: str, processes: int, seconds: float) -> tuple[float, float]:
    """Trials per second of so many processes on one study, and busiest : idlest of them."""
    file = path(folder)
    in_process(partial(created, make, file))
    begin = time.monotonic() + 1.0
    counts, ends = zip(*together(processes, partial(stored_until, make, file, begin, begin + seconds)), strict=True)
    return sum(counts) / max(ends), max(counts) / max(1, min(counts))


def stored_until(make: Make, file: str, begin: float, end: float) -> tuple[int, float]:
    """Trials that this process stored, and seconds from `begin` to the last of them: it may pass `end` by far."""
    system, trials = opened(make, file), 0
    time.sleep(max(0.0, begin - time.monotonic()))
    while time.monotonic() < end:
        system.one()
        trials += 1
    return trials, time.monotonic() - begin


def syncs_per_second(folder: str, seconds: float = 0.5) -> float:
    """Pages written and synced: the yardstick of durable rates. It may change tenfold while others use the disk."""
    with open(path(folder), "wb", buffering=0) as file:
        begin, syncs = time.monotonic(), 0
        while time.monotonic() < begin + seconds:
            file.write(bytes(4096))
            os.fsync(file.fileno())
            syncs += 1
        return syncs / (time.monotonic() - begin)


def utilisation(folder: str, rounds: int, trials: int) -> None:
    each = trials // PROCESSES
    runs: list[Callable[[], float]] = [partial(own_loops, make, folder, each) for make in SYSTEMS]
    ours, theirs, workers = in_turn(rounds, *runs, partial(own_workers, folder, each * PROCESSES))
    show(
        f"{PROCESSES} workers, {each * PROCESSES} trials of {1e3 * WORK:.0f} ms: share of the ideal throughput",
        [
            Line(f"{PROCESSES} processes, each with a loop", "%", median(ours), None, target=95, least=True),
            Line("  the same, Optuna", "%", median(theirs), None),
            Line(f"one loop with {PROCESSES} worker processes", "%", median(workers), None, target=95, least=True),
            Line("syncs/s of this disk, just now", "", syncs_per_second(folder), None),
        ],
    )


def own_loops(make: Make, folder: str, each: int) -> float:
    file = path(folder)
    in_process(partial(created, make, file))
    begin = time.monotonic() + 2.0
    took = max(together(PROCESSES, partial(loop_from, make, file, begin, each)))
    return 100 * each * WORK / took


def loop_from(make: Make, file: str, begin: float, trials: int) -> float:
    """Seconds from `begin` to the last stored result of this process."""
    system = opened(make, file)
    time.sleep(max(0.0, begin - time.monotonic()))
    system.loop(WORK, trials)
    return time.monotonic() - begin


def own_workers(folder: str, trials: int) -> float:
    return float(in_process(partial(coordinated, path(folder), trials)))


def coordinated(file: str, trials: int) -> float:
    """Share of the ideal with one coordinator; the clock runs from the first trial after every worker is warm."""
    from trialist.study.events import TrialClosed

    system = TrialistStudy()
    system.create(file)
    warm_up = 4 * PROCESSES
    closed = [
        time.monotonic()
        for event in system.study.run(sleeper, workers=PROCESSES, trials=trials + warm_up)
        if isinstance(event, TrialClosed)
    ]
    took = closed[-1] - closed[warm_up - 1]
    return 100 * (len(closed) - warm_up) * WORK / (PROCESSES * took)


def sleeper(trial: Any) -> float:
    time.sleep(WORK)
    return float(trial.params["a"])


def long_study(folder: str, rounds: int, trials: int) -> None:
    files = [path(folder) for _ in SYSTEMS]
    for make, file in zip(SYSTEMS, files, strict=True):
        in_process(partial(filled, make, file, trials))
    ours, theirs = in_turn(
        rounds, *(partial(read_afresh, make, file, folder) for make, file in zip(SYSTEMS, files, strict=True))
    )
    first, whole, grown, further = (
        [median([result[at] for result in results]) for results in (ours, theirs)] for at in range(4)
    )
    show(
        f"A study of {trials:,} trials, by a fresh process, medians of {rounds}",
        [
            Line("open it, and its best", "ms", *first, target=0.1),
            Line("all its trials as objects", "ms", *whole, target=0.2),
            Line("  memory that this takes", "MiB", *grown, target=1 / 3),
            Line("a further trial, without work", "ms", *further),
        ],
    )


def read_afresh(make: Make, file: str, folder: str) -> list[float]:
    """`read` by an interpreter of its own: a forked one would pay for each page that it first touches."""
    call = f"store.read(systems.{make.__name__}, {file!r}, {path(folder)!r})"
    here = Path(__file__).parent
    run = subprocess.run(
        [sys.executable, "-c", f"import json, store, systems; print(json.dumps({call}))"],
        cwd=here,
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(value) for value in json.loads(run.stdout)]


def read(make: Make, file: str, spare: str) -> tuple[float, float, float, float]:
    """Milliseconds to open and find the best, to read all, MiB of growth over both; milliseconds of a further trial.

    The libraries are loaded and used once before, on a spare study.
    """
    warm(make, spare)
    before, started = resident(), time.perf_counter()
    system = opened(make, file)
    system.best()
    best = time.perf_counter()
    system.all()
    done, grown = time.perf_counter(), resident() - before
    return 1e3 * (best - started), 1e3 * (done - best), grown, median([timed(system.one) for _ in range(20)])


def timed(work: Callable[[], Any]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - started)


def resident() -> float:
    """MiB of this process in memory."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def created(make: Make, file: str) -> None:
    system = make()
    system.create(file)
    system.close()


def opened(make: Make, file: str) -> Any:
    system = make()
    system.open(file)
    return system


def filled(make: Make, file: str, trials: int) -> None:
    system = make()
    system.create(file)
    system.fill(trials)
    system.close()


def named(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


def path(folder: str) -> str:
    return f"{folder}/{next(numbers)}.db"


def in_process(work: Callable[[], Any]) -> Any:
    """The work's result, from a process of its own, so that no open study crosses a fork."""
    return together(1, work)[0]


def together(processes: int, work: Callable[[], Any]) -> list[Any]:
    """The work's results from so many processes at once; any that fails ends the benchmark with its traceback."""
    reading, writing = os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            os.close(reading)
            status = 1
            try:
                result = work()
                os.write(writing, (json.dumps(result) + "\n").encode())
                status = 0
            except BaseException:  # noqa: BLE001 - a forked child must never run on into the parent's code
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        results = [json.loads(line) for line in pipe]
    failed = [os.waitpid(child, 0)[1] for child in children]
    if any(failed):
        raise SystemExit(f"{sum(map(bool, failed))} of {processes} processes failed")
    return results


def warm(make: Make, file: str) -> None:
    system = make()
    system.create(file)
    system.one()
    system.best()
    system.all()
    system.close()


if __name__ == "__main__":
    main()
