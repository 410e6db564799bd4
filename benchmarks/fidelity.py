"""What cheap looks are worth: our schedulers beside others that train in part, with the same number of epochs.

  python benchmarks/fidelity.py --jobs 2                           our own problems: misleading ones, others, and peers
  python benchmarks/fidelity.py --harness FOLDER --tag v2 --jobs 2   a harness's multi-fidelity problems and peers too

What is simulated: simulation.py.  What the tables mean: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kept import Job, Run, add_options, completed, one_thread, read, tagged

FAMILIES = ("lcbench", "nb301", "taskset")  # of a harness, those whose fidelity is epochs
PEERS = "random,asha,top10@3,top10@6,optuna,smac_,dehb_,syne_:BOHB,syne_:ASHABORE"
HARNESS_OPTUNA = "optuna_:tpe+hyperband"
ONE_WORKER = ("smac_", "dehb_")  # the harness's adapters of these ask and tell in turn


def main() -> None:
    args = arguments()
    one_thread()
    import fidelity_tables
    from fidelity_optimizers import OURS, missing

    ours = [OURS + name for name in args.ours.split(",")]
    peers = [name for name in args.peers.split(",") if name != "none"]
    own, foreign = own_suite(args), harness_suite(args)
    stored = stored_runs(args, foreign)
    runs = stored
    for suite, run in ((own, run_own), (foreign, partial(run_in_harness, harness=args.harness))):
        able = [name for name in for_suite(peers, suite is foreign) if not missing(name)]
        jobs = jobs_of(args, suite, tagged(ours, able, args.tag))
        there = {cell(kept) for kept in stored}
        runs += completed([job for job in jobs if cell(job._asdict()) not in there], run, args.out, args.jobs)
    if not runs:
        raise SystemExit("no runs: see --only, --ours, --peers")
    every = [
        run for run in [*stored, *read(args.out)] if run.get("mode") == "mf" and run["problem"] in {*own, *foreign}
    ]
    print(f"\n{args.full_runs} full trainings{f', tag {args.tag}' if args.tag else ''}")
    fidelity_tables.report(runs, every, references_of(args, own, foreign), args.seeds)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--harness", help="folder of a harness, whose multi-fidelity problems are run too")
    parser.add_argument("--suite", default="dev", help="of the harness")
    parser.add_argument("--stored", nargs="*", type=Path, help="kept runs of peers (default: FOLDER/results/mf*.jsonl)")
    parser.add_argument("--only", nargs="*", default=[""], help="problems whose names begin so")
    parser.add_argument("--ours", default="auto,none", help="our schedulers, comma-separated; 'none' trains in full")
    parser.add_argument("--peers", default=PEERS, help="comma-separated; 'none' runs nothing but ours")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--price-seeds", type=int, default=12, help="of ours where early epochs mislead: the price is small"
    )
    parser.add_argument("--full-runs", type=int, default=20, help="budget of a run, in full trainings")
    add_options(parser, "fidelity-runs.jsonl")
    return parser.parse_args()


def jobs_of(args: argparse.Namespace, suite: Sequence[str], tags: dict[str, str]) -> list[Job]:
    from fidelity_optimizers import OURS

    def seeds(problem: str, optimizer: str) -> int:
        """More of them for what screening costs where it can only lose: a tenth, which three seeds do not show."""
        is_priced = problem.startswith("misleading:") and optimizer.startswith(OURS)
        return max(args.seeds, args.price_seeds) if is_priced else args.seeds

    return [
        Job(optimizer, problem, seed, args.full_runs, tag, workers)
        for seed in range(max(args.seeds, args.price_seeds))  # outermost, so that a part of the runs is balanced
        for workers in args.workers
        for problem in suite
        for optimizer, tag in tags.items()
        if seed < seeds(problem, optimizer) and (workers == 1 or optimizer not in ONE_WORKER)
    ]


# Problems, peers and what a harness kept


def own_suite(args: argparse.Namespace) -> list[str]:
    from problems.learning import NAMES

    return [name for name in NAMES if name.startswith(tuple(args.only))]


def harness_suite(args: argparse.Namespace) -> list[str]:
    if not args.harness:
        return []
    names = json.loads((Path(args.harness) / f"suite_{args.suite}.json").read_text())["problems"]
    return [name for name in names if name.partition(":")[0] in FAMILIES and name.startswith(tuple(args.only))]


def for_suite(peers: Sequence[str], in_harness: bool) -> list[str]:
    """The peers that can run there: a harness's problems have its own adapters, ours have ours."""
    if in_harness:
        return [HARNESS_OPTUNA if name == "optuna" else name for name in peers]
    return [name for name in peers if not is_adapter(name)]


def is_adapter(optimizer: str) -> bool:
    """Whether that is a module of a harness's folder of multi-fidelity optimizers, with or without a variant."""
    return optimizer.partition(":")[0].endswith("_") or optimizer.startswith("basic:")


def stored_runs(args: argparse.Namespace, suite: Sequence[str]) -> list[Run]:
    """The harness's kept multi-fidelity runs of this length, as runs of ours are."""
    if not args.harness:
        return []
    files = args.stored if args.stored is not None else sorted((Path(args.harness) / "results").glob("mf*.jsonl"))
    runs = {cell(run): run for path in files for run in read(path) if run.get("mode") == "mf"}
    return [
        run
        for run in runs.values()
        if run["problem"] in suite and run["budget"] == args.full_runs and run["workers"] in (1, *args.workers)
    ]


def cell(run: Run) -> tuple[Any, ...]:
    return run["optimizer"], run["problem"], run["seed"], run["budget"], run["workers"]


def references_of(args: argparse.Namespace, own: Sequence[str], foreign: Sequence[str]) -> dict[str, Any]:
    """{problem: {"best": lowest loss known, "median": median final loss of random configurations}}."""
    found: dict[str, Any] = {name: {"best": 0.0, "median": 1.0} for name in own}
    if foreign:
        known = json.loads((Path(args.harness) / "reference.json").read_text())
        found |= {problem: known[problem] for problem in foreign}
    return found


# Runs.  Two functions, each in processes of its own: a harness has modules of the same names as ours.


def run_own(job: Job) -> Run:
    from fidelity_optimizers import make
    from problems.learning import training
    from simulation import simulate

    problem = training(job.problem)
    # Problems of one formula end alike: with one seed a search of full trainings would do the same on each of them.
    seed = zlib.crc32(f"{job.problem}/{job.seed}".encode())
    optimizer = partial(make, job.optimizer, problem.space, seed, problem.epochs, job.workers, job.budget)
    return {"mode": "mf", **simulate(optimizer, problem.curve, job.budget * problem.epochs, job.workers)}


def run_in_harness(job: Job, harness: str) -> Run:
    import warnings
    from importlib import import_module

    import numpy as np
    from fidelity_optimizers import make
    from harness_trialist import space_of
    from simulation import Curve, simulate

    warnings.filterwarnings("ignore")
    if (folder := str(Path(harness).resolve())) not in sys.path:
        sys.path.insert(0, folder)
    problem = import_module("problems").get(job.problem)
    high = int(problem.fidelity[2])

    def curve(config: dict[str, Any]) -> Curve:
        losses, seconds = problem.curve(config, range(1, high + 1))
        return Curve(losses, losses, np.diff(np.maximum.accumulate(seconds), prepend=0.0))

    if is_adapter(job.optimizer):
        module, _, variant = job.optimizer.partition(":")
        named = {"variant": variant} if variant else {}
        build = import_module(f"optimizers_mf.{module}").make
        optimizer = partial(build, problem.space, job.seed, high, job.workers, **named)
    else:
        space = space_of(problem.space)
        optimizer = partial(make, job.optimizer, space, job.seed, high, job.workers, job.budget)
    return {"mode": "mf", **simulate(optimizer, curve, job.budget * high, job.workers)}


if __name__ == "__main__":
    main()
