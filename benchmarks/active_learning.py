"""What it costs a search that some of its trials go where they tell most of the whole space, and what that tells.

The first half of each search is the same for both; the second is gone through twice, with such trials and without, on
the same noise.  Regret is that of the recommended configuration (the one of which the model expects most), judged by
its true loss: 0 is the best known, 1 the median of random ones.  Problems are instances of drawn families.

  OMP_NUM_THREADS=1 python benchmarks/active_learning.py --instances 7    # 231 pairs, a quarter of an hour
  OMP_NUM_THREADS=1 python benchmarks/active_learning.py --shares --seeds 4  # largest errors of shares, both ways
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from kept import one_thread

FAMILIES = (
    "ackley5", "levy4", "rosenbrock4", "bowl6", "valley6", "styblinski4", "hartmann6", "branin2", "field3", "field5",
    "mixed10",
)  # fmt: skip
NOISES = ("0", "0.1", "0.3")
TRIALS = 100
RANDOM = 400  # configurations whose median loss has a regret of 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=7)
    parser.add_argument("--first", type=int, default=0, help="the first instance, or seed")
    parser.add_argument("--shares", action="store_true", help="how true shares are, instead of regret")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--only", nargs="*", default=[""], help="problems whose names begin so")
    parser.add_argument("--out", type=Path, default=Path("build/active-learning-runs.jsonl"), help="keeps the pairs")
    args = parser.parse_args()
    one_thread()
    if args.shares:
        shares(args)
        return
    kept = {run["problem"]: run for run in read(args.out)}
    for instance in range(args.first, args.first + args.instances):
        for noise in NOISES:
            for family in FAMILIES:
                name = f"drawn:{family}/{noise}/{instance}"
                if family.startswith(tuple(args.only)) and name not in kept:
                    kept[name] = {"problem": name, **pair(name, instance)}
                    args.out.parent.mkdir(parents=True, exist_ok=True)
                    with args.out.open("a") as file:
                        file.write(json.dumps(kept[name]) + "\n")
    table(list(kept.values()))


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def pair(name: str, instance: int) -> dict[str, Any]:
    """Regret without and with such trials, and how many there were."""
    import problems
    from problems import drawn

    from trialist.numerics.keys import Key
    from trialist.search.incumbent import incumbent

    problem = problems.get(name)
    best = drawn.optimum(problem)
    median = float(np.median([problem.loss(problem.space.draw(Key(0, number))) for number in range(RANDOM)]))
    first: list[Any] = []
    rng = np.random.default_rng([instance, 77])
    study = begun(problem.space, 500 + instance, [], False)
    go_on(study, first, TRIALS // 2, lambda params: problem.observed(params, rng)[0])
    found: dict[str, Any] = {}
    for which, is_learning in (("without", False), ("with", True)):
        rows, rng = list(first), np.random.default_rng([instance, 78])
        study = begun(problem.space, 500 + instance, rows, is_learning)
        go_on(study, rows, TRIALS, lambda params, rng=rng: problem.observed(params, rng)[0])
        chosen = incumbent(study.history)
        assert chosen is not None
        found[which] = (problem.loss(dict(chosen.params)) - best) / max(median - best, 1e-12)
        found["spent"] = sum("most is learnt" in record.reason for record in study.trials)
    return found


def begun(space: Any, seed: int, rows: list[Any], is_learning: bool) -> Any:
    """A study with these trials in it."""
    import trialist as tl
    from trialist.search import build
    from trialist.search.bayesian import Bayesian, Settings

    def gp(trials: int | None, within: Any) -> Any:
        return Bayesian(Settings(active_learning=is_learning), within=within)

    build._BUILDERS = {**build._BUILDERS, "gp": gp}
    study = tl.Study.create(
        space, minimize="loss", budget=TRIALS, strategy="gp", store="memory", name="bench", seed=seed
    )
    for number, (params, loss) in enumerate(rows):
        if number:  # the first is the default, which comes by itself
            study.enqueue(params)
        study.tell(study.ask(), loss)
    return study


def go_on(study: Any, rows: list[Any], trials: int, loss: Any) -> None:
    """Trials until there are so many, kept in rows."""
    while len(rows) < trials:
        trial = study.ask()
        rows.append((dict(trial.params), loss(dict(trial.params))))
        study.tell(trial, rows[-1][1])


def shares(args: argparse.Namespace) -> None:
    """The largest error of a run's shares, by function, the mean of all seeds."""
    from problems.decomposed import FUNCTIONS

    columns = ("without", "with")
    errors: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for name, problem in FUNCTIONS.items():
        if not name.startswith(tuple(args.only)):
            continue
        for seed in range(args.first, args.first + args.seeds):
            for which in columns:
                errors[name][which].append(largest_error(problem, seed, which == "with"))
        print(f"| {name} | " + " | ".join(f"{np.mean(errors[name][c]):.3f}" for c in columns) + " |", flush=True)
    every = {column: [error for of in errors.values() for error in of[column]] for column in columns}
    print("| all | " + " | ".join(f"{np.mean(every[c]):.3f}" for c in columns) + " |")


def largest_error(problem: Any, seed: int, is_learning: bool) -> float:
    """Of the shares after one search."""
    import importance
    from problems.decomposed import truth

    noise, rng = np.sqrt(problem.noise * truth(problem.name).variance), np.random.default_rng([seed, 3])
    rows: list[Any] = []
    go_on(
        begun(problem.space, seed, rows, is_learning),
        rows,
        TRIALS,
        lambda params: problem.loss(params) + noise * rng.standard_normal(),
    )
    return float(max(importance.judged(problem, seed, rows)["errors"]))


def table(runs: list[dict[str, Any]]) -> None:
    """By noise: mean regrets, their difference, and that of their logarithms, with standard errors."""
    print("| noise | pairs | spent | without | with | difference | of logs | better, worse |\n|" + " --- |" * 8)
    for noise in (*NOISES, "all"):
        some = [run for run in runs if noise in ("all", run["problem"].split("/")[1])]
        if not some:
            continue
        a, b = (np.array([run[which] for run in some]) for which in ("without", "with"))
        logs, root = np.log(np.maximum(b, 1e-3) / np.maximum(a, 1e-3)), np.sqrt(len(some))
        cells = [
            f"{np.mean([run['spent'] for run in some]):.0f}", f"{a.mean():.4f}", f"{b.mean():.4f}",
            f"{(b - a).mean():+.4f} ± {(b - a).std() / root:.4f}", f"{logs.mean():+.2f} ± {logs.std() / root:.2f}",
            f"{(b < a - 1e-4).sum()}, {(b > a + 1e-4).sum()}",
        ]  # fmt: skip
        print(f"| {noise} | {len(some)} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
