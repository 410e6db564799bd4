"""What asynchronous workers cost in trials: W of them need how many to get where one gets with the whole budget?

Simulated: a worker that is free asks at once, while the others' trials are pending, and trials take random times
(log-normal, the same for every optimizer). Trials count when they end. The regret curves of search.py, averaged over
seeds and problems, are compared: the cost is the number of trials after which the mean curve of W workers has come to
the sequential one's value at the end of the budget, over that budget. The workers get twice the budget, for which both
searches plan.

  python benchmarks/parallel.py --strategy auto --workers 8
"""

from __future__ import annotations

import argparse
import heapq

from kept import Job, Run, add_options, completed, one_thread, tagged

TARGET = 1.2
MORE = 2.0  # trials of the parallel search over the sequential one's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategy", default="auto", help="of ours, comma-separated")
    parser.add_argument("--peers", default="none", help="comma-separated, such as optuna-tpe")
    parser.add_argument("--suite", default="synthetic", help="synthetic, trained or all")
    parser.add_argument("--only", nargs="*", default=[""], help="problems whose names begin so")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=int, default=100)
    add_options(parser, "parallel-runs.jsonl")
    args = parser.parse_args()
    one_thread()

    import regret
    from optimizers import available, ours_of
    from problems import references
    from search_tables import show

    tags = tagged(ours_of(args.strategy), available(args.peers.split(",")), args.tag)
    problems = [
        p for p in references() if args.suite in ("all", p.partition(":")[0]) and p.startswith(tuple(args.only))
    ]
    jobs = [
        Job(name, problem, seed, round(MORE * args.budget), tag, workers)
        for seed in range(args.seeds)
        for problem in problems
        for name, tag in tags.items()
        for workers in (1, args.workers)
    ]
    runs = completed(jobs, simulated, args.out, args.jobs)
    scale = {problem: (references()[problem]["best"], references()[problem]["median"]) for problem in problems}
    for name in tags:
        one, many = (
            averaged(regret.regrets([r for r in runs if r["workers"] == n], scale).get(name, {}))
            for n in (1, args.workers)
        )
        if not (one.keys() == many.keys() == scale.keys()):
            print(f"{name}: left out, since some runs failed")
            continue
        points = (args.budget // 2, args.budget)
        rows = [[p, *(f"{curve[n - 1]:.4f}" for n in points for curve in (one[p], many[p]))] for p in one]
        head = ["regret", *(f"{who} @{n}" for n in points for who in ("one", f"{args.workers} workers"))]
        show(f"{name}: {args.workers} asynchronous workers against one, {args.seeds} seeds", head, rows)
        conclude(list(one.values()), list(many.values()), args.budget)


def averaged(curves: dict) -> dict:
    """The mean curve over seeds of each problem."""
    import numpy as np

    return {problem: np.mean(list(seeds.values()), axis=0) for problem, seeds in curves.items()}


def conclude(one: list, many: list, budget: int) -> None:
    """Trials that the workers need over the budget, with its interval over problems, and the target."""
    import numpy as np
    import regret

    def cost(which: np.ndarray) -> float:
        target = np.mean([one[i][budget - 1] for i in which])
        reached = np.nonzero(np.mean([many[i] for i in which], axis=0) <= target + 1e-12)[0]
        return (reached[0] + 1) / budget if len(reached) else MORE

    found = regret.Estimate(cost(np.arange(len(one))), *regret.interval([cost(w) for w in regret.resampled(len(one))]))
    verdict = "met" if found.value <= TARGET else "missed"
    print(f"\ntrials needed, over the budget: {found.text(2)} ({MORE} is not at all), target <= {TARGET}: {verdict}")


def simulated(job: Job) -> Run:
    """Losses and true losses in the order in which trials ended."""
    import numpy as np
    from optimizers import make
    from problems import get

    problem = get(job.problem)
    noise, times = np.random.default_rng([job.seed, 77]), np.random.default_rng([job.seed, 78])
    optimizer = make(job.optimizer, problem.space, job.seed, job.budget)
    running: list[tuple[float, int, object, dict]] = []  # a heap: when it ends, number, token, configuration
    losses, trues, asked, now = [], [], 0, 0.0
    trials = job.budget if job.workers > 1 else round(job.budget / MORE)  # what comes after tells nothing
    while len(losses) < trials:
        while len(running) < job.workers and asked < trials:
            token, config = optimizer.ask()
            heapq.heappush(running, (now + times.lognormal(0.0, 0.5), asked, token, config))
            asked += 1
        now, _, token, config = heapq.heappop(running)
        observed, true = problem.observed(config, noise)
        optimizer.tell(token, config, observed)
        losses.append(observed)
        trues.append(true)
    optimizer.close()
    return {"losses": losses, "true": trues}


if __name__ == "__main__":
    main()
