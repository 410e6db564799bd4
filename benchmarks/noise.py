"""What noise does to the choice: the true loss of the configuration that each tool recommends after a noisy search.

Formulas with normal noise of 30 % of their standard deviation over random points. The recommendation is what a user
would take: our `study.best`, Optuna's `best_params`. "tried" is the best true loss among all that was tried, which no
tool can know; the distance to it is what the choice lost. Values are normalised regrets, as in search.py.

  python benchmarks/noise.py --strategy auto --seeds 10
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

PROBLEMS = [f"synthetic:noisy_{f}" for f in ("branin", "hartmann6", "ackley6", "levy6", "mixed")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategy", default="auto", help="of ours, comma-separated")
    parser.add_argument("--peers", default="optuna-tpe,optuna-gp", help="comma-separated")
    parser.add_argument("--only", nargs="*", default=[""], help="problems whose names begin so")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with one thread")
    args = parser.parse_args()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

    import numpy as np
    import regret
    from optimizers import available, ours
    from problems import references
    from search_tables import show

    names = [*ours(args.strategy), *available(args.peers.split(","))]
    problems = [name for name in PROBLEMS if name.startswith(tuple(args.only))]
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        losses = {
            name: [[pool.submit(run, name, p, s, args.budget) for s in range(args.seeds)] for p in problems]
            for name in names
        }
        found = {name: np.array([[f.result() for f in row] for row in rows]) for name, rows in losses.items()}

    scales = [references()[p] for p in problems]
    best = np.array([s["best"] for s in scales])[:, None, None]
    width = np.array([s["median"] for s in scales])[:, None, None] - best
    regrets = {name: (values - best) / width for name, values in found.items()}  # (problems, seeds, 2)
    first = names[0]
    rows = []
    for name in names:
        chosen, tried = regrets[name][..., 0].mean(axis=1), regrets[name][..., 1].mean(axis=1)
        ratio = "" if name == first else regret.ratio(regrets[first][..., 0].mean(axis=1), chosen).text(2)
        rows.append([name, *(f"{c:.3f} ({t:.3f})" for c, t in zip(chosen, tried, strict=True))])
        rows[-1] += [f"{chosen.mean():.3f} ({tried.mean():.3f})", ratio]
    short = [p.removeprefix("synthetic:noisy_") for p in problems]
    title = f"True regret of what is recommended after {args.budget} trials (best tried), {args.seeds} seeds"
    show(title, ["optimizer", *short, "mean", f"{first} / it"], rows)


def run(name: str, problem_name: str, seed: int, budget: int) -> tuple[float, float]:
    """(true loss of the recommendation, best true loss tried)."""
    import numpy as np
    from optimizers import make
    from problems import get

    problem, rng = get(problem_name), np.random.default_rng([seed, 77])
    optimizer, trues = make(name, problem.space, seed, budget), []
    for _ in range(budget):
        token, config = optimizer.ask()
        observed, true = problem.observed(config, rng)
        optimizer.tell(token, config, observed)
        trues.append(true)
    chosen = problem.loss(optimizer.chosen())
    optimizer.close()
    return chosen, min(trues)


if __name__ == "__main__":
    main()
