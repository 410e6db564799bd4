"""What asynchronous workers cost in trials: W of them need how many to get where one gets with the whole budget?

Simulated: a worker that is free asks at once, while the others' trials are pending, and trials take random times
(log-normal, the same for every optimizer). Trials count when they end. The target of a problem is the sequential
search's median regret over seeds at the end of its budget; the cost is the number of trials at which the median curve
of W workers reaches it, over the number at which the sequential median curve first did. The parallel search gets half
as many trials again, and both plan for as many; a problem whose target it misses counts twice the budget.

  python benchmarks/parallel.py --strategy auto --workers 8
"""

from __future__ import annotations

import argparse
import heapq
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

TARGET = 1.2
MORE = 1.5  # trials of the parallel search over the sequential one's
FLOOR = 1e-3  # regrets below are alike


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategy", default="auto", help="of ours, comma-separated")
    parser.add_argument("--peers", default="", help="comma-separated, such as optuna-tpe")
    parser.add_argument("--suite", default="synthetic", help="synthetic, trained or all")
    parser.add_argument("--only", nargs="*", default=[""], help="problems whose names begin so")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with one thread")
    args = parser.parse_args()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

    from optimizers import available, ours
    from problems import references
    from search_tables import show

    names = [*ours(args.strategy), *available([name for name in args.peers.split(",") if name])]
    problems = [
        p for p in references() if args.suite in ("all", p.partition(":")[0]) and p.startswith(tuple(args.only))
    ]
    more = round(MORE * args.budget)
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        runs = {
            (name, p): [
                [pool.submit(run, name, p, seed, trials, workers, more) for seed in range(args.seeds)]
                for trials, workers in ((args.budget, 1), (more, args.workers))
            ]
            for name in names
            for p in problems
        }
        for name in names:
            rows = [
                [p, *costs([[f.result() for f in side] for side in runs[name, p]], references()[p], args.budget)]
                for p in problems
            ]
            show(
                f"{name}: {args.workers} asynchronous workers against one, {args.seeds} seeds",
                [
                    "problem",
                    "regret: one",
                    f"{args.workers} workers",
                    "trials: one",
                    f"{args.workers} workers",
                    "ratio",
                ],
                [[p, f"{a:.4f}", f"{b:.4f}", m, n, f"{n / m:.2f}"] for p, a, b, m, n in rows],
            )
            conclude([row[4] / row[3] for row in rows])


def conclude(ratios: list[float]) -> None:
    """The geometric mean over problems and its target."""
    import numpy as np
    import regret

    found = regret.Estimate(*np.exp(regret.mean(np.log(ratios))))
    print(f"\ngeometric mean {found.text(2)}, target <= {TARGET}: {'met' if found.value <= TARGET else 'missed'}")


def costs(sides: list, scale: dict[str, float], budget: int) -> tuple[float, float, int, int]:
    """Median regrets after the budget, and the trials after which each side has the sequential one's."""
    import numpy as np

    one, many = (
        np.median([(np.array(curve) - scale["best"]) / (scale["median"] - scale["best"]) for curve in side], axis=0)
        for side in sides
    )
    target = max(one[-1], FLOOR) + 1e-12
    reached = np.nonzero(many <= target)[0]
    return (
        float(one[-1]),
        float(many[budget - 1]),
        int(np.argmax(one <= target)) + 1,
        int(reached[0]) + 1 if len(reached) else 2 * budget,
    )


def run(name: str, problem_name: str, seed: int, trials: int, workers: int, planned: int) -> list[float]:
    """True loss of the incumbent after each trial that ended."""
    import numpy as np
    import regret
    from optimizers import make
    from problems import get

    problem = get(problem_name)
    noise, times = np.random.default_rng([seed, 77]), np.random.default_rng([seed, 78])
    optimizer = make(name, problem.space, seed, planned)
    running: list[tuple[float, int, object, dict]] = []
    losses, trues, asked, now = [], [], 0, 0.0
    while len(losses) < trials:
        while len(running) < workers and asked < trials:
            token, config = optimizer.ask()
            heapq.heappush(running, (now + times.lognormal(0.0, 0.5), asked, token, config))
            asked += 1
        now, _, token, config = heapq.heappop(running)
        observed, true = problem.observed(config, noise)
        optimizer.tell(token, config, observed)
        losses.append(observed)
        trues.append(true)
    optimizer.close()
    return regret.incumbents({"losses": losses, "true": trues}).tolist()


if __name__ == "__main__":
    main()
