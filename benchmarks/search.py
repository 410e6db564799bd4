"""How good the search is: Trialist's strategies beside other optimizers on the same problems, by normalised regret.

  python benchmarks/search.py                                      our own problems, beside Optuna and random search
  python benchmarks/search.py --harness FOLDER --tag v2 --jobs 2   a library-neutral harness's, beside its kept results

Runs are appended to --out as JSON lines, and those already there are not run again: stop and go on as you like.
What the tables mean: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple


class Job(NamedTuple):
    """One run to make. tag: of our engine, "" for peers, which do not change with it."""

    optimizer: str
    problem: str
    seed: int
    budget: int
    tag: str


def main() -> None:
    args = arguments()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # before NumPy is loaded, here and in the processes that run
    import search_tables
    from optimizers import ours as ours_of

    ours = ours_of(args.strategy)
    tags = dict.fromkeys(ours, args.tag) | dict.fromkeys([] if args.harness else peers_here(args.peers), "")
    suite = suite_of(args)
    jobs = [
        Job(optimizer, problem, seed, args.budget, tag)
        for seed in range(args.seeds)  # outermost, so that a part of the runs is balanced
        for problem in suite
        for optimizer, tag in tags.items()
    ]
    run_all(jobs, args)

    every = kept(args.out)
    runs = [run for run in every if job_of(run) in set(jobs)]
    if args.harness:
        stored = kept_peers(args, suite)
        every += stored
        runs += [run for run in stored if is_asked(run, args.peers)]
    every = [run for run in every if run["problem"] in suite]
    print(f"\n{len(suite)} problems, budget {args.budget}{f', tag {args.tag}' if args.tag else ''}")
    search_tables.report(runs, ours, search_tables.scales(every, references_of(args), suite), args.budget)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--harness", help="folder of the harness; without it our own problems are run")
    parser.add_argument("--suite", default="dev", help="of the harness; of ours: synthetic, trained, or all of them")
    parser.add_argument("--core", action="store_true", help="only the core problems of the harness's suite")
    parser.add_argument("--only", nargs="*", default=[""], help="problems whose names begin so")
    parser.add_argument("--strategy", default="auto", help="of ours, comma-separated; 'none' runs nothing of ours")
    parser.add_argument("--peers", help="comma-separated; default: optuna-tpe,random, with a harness all that it kept")
    parser.add_argument("--results", type=Path, help="the harness's kept runs (default: FOLDER/results)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--tag", default="", help="names the version of our engine: runs of another tag are kept apart")
    parser.add_argument("--out", type=Path, default=Path("search-runs.jsonl"))
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with one thread")
    return parser.parse_args()


# Problems and what is kept


def suite_of(args: argparse.Namespace) -> list[str]:
    """Names of the problems, in order."""
    if args.harness:
        found = json.loads((Path(args.harness) / f"suite_{args.suite}.json").read_text())
        names = found["core" if args.core else "problems"]
    else:
        import problems

        names = [n for n in problems.references() if args.suite in ("dev", "all", n.partition(":")[0])]
    return [name for name in names if name.startswith(tuple(args.only))]


def references_of(args: argparse.Namespace) -> dict[str, Any]:
    """{problem: {"best": lowest loss known, "median": median loss of random configurations}}."""
    if args.harness:
        found: dict[str, Any] = json.loads((Path(args.harness) / "reference.json").read_text())
        return found
    import problems

    return problems.references()


def peers_here(asked: str | None) -> list[str]:
    from optimizers import available

    return available((asked or "optuna-tpe,random").split(","))


def kept(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def kept_peers(args: argparse.Namespace, suite: Sequence[str]) -> list[dict[str, Any]]:
    """The harness's kept runs at full fidelity; `file` is the name by which --peers may ask for them too."""
    folder = args.results or Path(args.harness) / "results"
    runs = [
        {**run, "file": path.name.split(".")[0]} for path in sorted(folder.glob("*.jsonl")) for run in kept(path)
    ]  # fmt: skip
    return [run for run in runs if run.get("mode", "full") == "full" and run["problem"] in suite]


def is_asked(run: dict[str, Any], peers: str | None) -> bool:
    """Whether a kept run is one of the peers; prototypes are none unless asked for by name."""
    if peers is None:
        return not run["optimizer"].startswith("proto")
    return not {run["optimizer"], run["file"]}.isdisjoint(peers.split(","))


# Runs


def run_all(jobs: Sequence[Job], args: argparse.Namespace) -> None:
    """Make the runs that --out does not hold yet."""
    done = {job_of(run) for run in kept(args.out)}
    todo = [job for job in jobs if job not in done]
    if not todo:
        return
    print(f"{len(todo)} runs to make, {len(jobs) - len(todo)} are there", file=sys.stderr)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    started = time.time()
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool, args.out.open("a") as out:
        waiting = {pool.submit(run_one, job, args.harness): job for job in todo}
        for number, future in enumerate(as_completed(waiting), start=1):
            job = waiting[future]
            head = f"[{number}/{len(todo)}, {time.time() - started:.0f} s] {job.optimizer} {job.problem} {job.seed}"
            if future.exception() is not None:
                print(f"{head} FAILED: {future.exception()!r}", file=sys.stderr)
                continue
            run = future.result()
            out.write(json.dumps({**run, **job._asdict()}, separators=(",", ":")) + "\n")
            out.flush()
            print(
                f"{head}: {min(run['losses']):.5g}, {sum(run['overhead_ms']) / 1e3:.1f} s of its own", file=sys.stderr
            )


def job_of(run: dict[str, Any]) -> Job:
    return Job(*(run[field] for field in Job._fields))


def run_one(job: Job, harness: str | None) -> dict[str, Any]:
    """A whole run: losses (and true ones, where they differ) and ask + tell in milliseconds, by trial."""
    if harness is not None:
        return run_in_harness(job, harness)
    import numpy as np
    import problems
    from optimizers import make

    problem, rng = problems.get(job.problem), np.random.default_rng([job.seed, 77])
    losses, trues, overhead = [], [], []
    optimizer = make(job.optimizer, problem.space, job.seed, job.budget)
    for _ in range(job.budget):
        started = time.perf_counter()
        token, config = optimizer.ask()
        asked = time.perf_counter()
        observed, true = problem.observed(config, rng)
        evaluated = time.perf_counter()
        optimizer.tell(token, config, observed)
        overhead.append(round(1e3 * (time.perf_counter() - evaluated + asked - started), 3))
        losses.append(observed)
        trues.append(true)
    optimizer.close()
    return {"losses": losses, "overhead_ms": overhead, **({"true": trues} if problem.noise else {})}


def run_in_harness(job: Job, harness: str) -> dict[str, Any]:
    """The harness's own loop with our adapter in it, as its command line would run it."""
    import warnings
    from importlib import import_module

    from harness_trialist import make

    warnings.filterwarnings("ignore")
    sys.path.insert(0, str(Path(harness).resolve()))
    loop, problems = import_module("run"), import_module("problems")
    run: dict[str, Any] = loop.run_one(
        lambda space, seed, budget: make(space, seed, budget, job.optimizer.removeprefix("trialist:")),
        problems.get(job.problem),
        job.seed,
        job.budget,
        time_limit=float("inf"),
    )
    return run


if __name__ == "__main__":
    main()
