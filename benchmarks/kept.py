"""Runs that are made once: appended to a file of JSON lines, and not made again where they are there already."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

Run = dict[str, Any]


class Job(NamedTuple):
    """One run to make. tag: the version of our engine, "" for peers, which do not change with it."""

    optimizer: str
    problem: str
    seed: int
    budget: int
    tag: str
    workers: int = 1


def add_options(parser: ArgumentParser, out: str) -> None:
    parser.add_argument("--tag", default="", help="names the version of our engine: runs of another tag are kept apart")
    parser.add_argument("--out", type=Path, default=Path(out), help="JSON lines; what is there is not run again")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with one thread")


def one_thread() -> None:
    """For this process and those that it starts; to be called before NumPy is loaded."""
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))


def tagged(ours: Sequence[str], peers: Sequence[str], tag: str) -> dict[str, str]:
    """The tag of each optimizer's jobs."""
    return dict.fromkeys(ours, tag) | dict.fromkeys(peers, "")


def read(path: Path) -> list[Run]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def completed(jobs: Sequence[Job], run: Callable[[Job], Run], out: Path, processes: int) -> list[Run]:
    """The runs of these jobs; those that `out` does not hold are made, and one that fails is told and left out."""
    done = {job_of(kept) for kept in read(out)}
    todo = [job for job in jobs if job not in done]
    if todo:
        print(f"{len(todo)} runs to make, {len(jobs) - len(todo)} are there", file=sys.stderr)
        _make(todo, run, out, processes)
    wanted = set(jobs)
    return [kept for kept in read(out) if job_of(kept) in wanted]


def job_of(run: Run) -> Job:
    return Job(*(run[field] for field in Job._fields))


def _make(todo: Sequence[Job], run: Callable[[Job], Run], out: Path, processes: int) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    started = time.time()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool, out.open("a") as file:
        waiting = {pool.submit(run, job): job for job in todo}
        for number, future in enumerate(as_completed(waiting), start=1):
            job, error = waiting[future], future.exception()
            if error is None:
                file.write(json.dumps({**future.result(), **job._asdict()}, separators=(",", ":")) + "\n")
                file.flush()
            end = "" if error is None else f" FAILED: {error!r}"
            head = f"[{number}/{len(todo)}, {time.time() - started:.0f} s]"
            print(f"{head} {job.optimizer} {job.problem} seed {job.seed}{end}", file=sys.stderr)
