"""How good the search is: Trialist's strategies beside other optimizers on the same problems, by normalised regret.

  python benchmarks/search.py                                      our own problems, beside Optuna and random search
  python benchmarks/search.py --harness FOLDER --tag v2 --jobs 2   a library-neutral harness's, beside its kept results

What the tables mean: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kept import Job, Run, add_options, completed, one_thread, read, tagged


def main() -> None:
    args = arguments()
    one_thread()
    import search_tables
    from optimizers import available, ours_of

    ours = ours_of(args.strategy)
    peers = [] if args.harness else available((args.peers or "optuna-tpe,random").split(","))
    suite = suite_of(args)
    jobs = [
        Job(optimizer, problem, seed, args.budget, tag)
        for seed in range(args.seeds)  # outermost, so that a part of the runs is balanced
        for problem in suite
        for optimizer, tag in tagged(ours, peers, args.tag).items()
    ]
    runs = completed(jobs, partial(run_one, harness=args.harness), args.out, args.jobs)

    every = read(args.out)
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
    add_options(parser, "search-runs.jsonl")
    return parser.parse_args()


# Problems and what a harness kept


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


def kept_peers(args: argparse.Namespace, suite: Sequence[str]) -> list[Run]:
    """The harness's kept runs at full fidelity; `file` is the name by which --peers may ask for them too."""
    folder = args.results or Path(args.harness) / "results"
    runs = [{**run, "file": path.name.split(".")[0]} for path in sorted(folder.glob("*.jsonl")) for run in read(path)]
    return [run for run in runs if run.get("mode", "full") == "full" and run["problem"] in suite]


def is_asked(run: Run, peers: str | None) -> bool:
    """Whether a kept run is one of the peers; prototypes are none unless asked for by name."""
    if peers is None:
        return not run["optimizer"].startswith("proto")
    return not {run["optimizer"], run["file"]}.isdisjoint(peers.split(","))


# Runs


def run_one(job: Job, harness: str | None) -> Run:
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


def run_in_harness(job: Job, harness: str) -> Run:
    """The harness's own loop with our adapter in it, as its command line would run it."""
    import warnings
    from importlib import import_module

    from harness_trialist import make

    warnings.filterwarnings("ignore")
    sys.path.insert(0, str(Path(harness).resolve()))
    loop, problems = import_module("run"), import_module("problems")
    run: Run = loop.run_one(
        lambda space, seed, budget: make(space, seed, budget, job.optimizer.removeprefix("trialist:")),
        problems.get(job.problem),
        job.seed,
        job.budget,
        time_limit=float("inf"),
    )
    return run


if __name__ == "__main__":
    main()
