"""How good predictions are before a trial, and looking back: formulas with and without noise, searched by the process.

Each trial's score against what was foretold of it before it ran (`study.effects.foretold()`), and against what a model
of all the other trials says of it (`study.effects.calibration()`), which knows what came later. One table, a row for
each problem, over all trials of all seeds.

  OMP_NUM_THREADS=1 python benchmarks/foretold.py --seeds 10
"""

from __future__ import annotations

import argparse
from typing import Any

PROBLEMS = (
    "branin",
    "hartmann6",
    "ackley6",
    "mixed",
    "noisy_branin",
    "noisy_hartmann6",
    "noisy_ackley6",
    "noisy_mixed",
)
HEAD = ("problem", "trials", "50 %", "95 %", "first half", "second half", "widened", "nearer", "rank", "looking back")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--only", nargs="*", default=[""], help="problems whose names begin so")
    args = parser.parse_args()

    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD))
    for problem in PROBLEMS:
        if problem.startswith(tuple(args.only)):
            cells = row([searched(problem, args.trials, seed) for seed in range(args.seeds)])
            print(f"| {problem} | " + " | ".join(cells) + " |", flush=True)


def searched(problem: str, trials: int, seed: int) -> tuple[Any, Any]:
    """One study: what was foretold, and leave-one-out predictions of the same trials."""
    import numpy as np
    from problems import get

    import trialist as tl

    found, rng = get(f"synthetic:{problem}"), np.random.default_rng(seed)
    with tl.Study.create(
        found.space,
        minimize="loss",
        budget=trials,
        strategy="gp",
        stopping="none",
        store="memory",
        name=problem,
        seed=seed,
    ) as study:
        study.optimize(lambda trial: found.observed(dict(trial.params), rng)[0])
        return study.effects.foretold(), study.effects.calibration()


def row(studies: list[tuple[Any, Any]]) -> list[str]:
    """Shares over the trials of all studies; of widths and rank correlations the median over studies."""
    from statistics import mean, median

    track = [before for before, _ in studies if before.enough]
    came = [trial for before in track for trial in before.trials]
    halves = [[trial for before in track for trial in half(before.trials, k)] for k in (0, 1)]
    return [
        str(len(came)),
        f"{mean(t.lower <= t.came <= t.upper for t in came):.0%}",
        *(f"{mean(t.is_within for t in part):.0%}" for part in (came, *halves)),
        f"{median(before.widened for before in track):.1f}",
        f"{mean(abs(t.came - t.median) < abs(t.came - t.so_far) for t in came):.0%}",
        f"{median(before.whole.rank or 0.0 for before in track):.2f}",
        f"{mean(after.coverage for _, after in studies):.0%}",
    ]


def half(trials: tuple[Any, ...], k: int) -> tuple[Any, ...]:
    middle = len(trials) // 2
    return trials[middle:] if k else trials[:middle]


if __name__ == "__main__":
    main()
