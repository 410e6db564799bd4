"""What noise does to the choice: the true loss of the configuration that each tool recommends after a noisy search.

Formulas with normal noise of 30 % of their standard deviation over random points. The recommendation is what a user
would take: our `study.incumbent`, Optuna's `best_params`. "tried" is the best true loss among all that was tried, which
no tool can know; the distance to it is what the choice lost. Values are normalised regrets, as in search.py.

  python benchmarks/noise.py --strategy auto --seeds 10
"""

from __future__ import annotations

import argparse

from kept import Job, Run, add_options, completed, one_thread, tagged

PROBLEMS = [f"synthetic:noisy_{f}" for f in ("branin", "hartmann6", "ackley6", "levy6", "mixed")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategy", default="auto", help="of ours, comma-separated")
    parser.add_argument("--peers", default="optuna-tpe,optuna-gp", help="comma-separated")
    parser.add_argument("--only", nargs="*", default=[""], help="problems whose names begin so")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=100)
    add_options(parser, "noise-runs.jsonl")
    args = parser.parse_args()
    one_thread()

    import numpy as np
    import regret
    from optimizers import available, ours_of
    from problems import references
    from search_tables import show

    tags = tagged(ours_of(args.strategy), available(args.peers.split(",")), args.tag)
    problems = [name for name in PROBLEMS if name.startswith(tuple(args.only))]
    jobs = [
        Job(name, p, s, args.budget, tag) for s in range(args.seeds) for p in problems for name, tag in tags.items()
    ]
    found = {(r["optimizer"], r["problem"], r["seed"]): r for r in completed(jobs, run, args.out, args.jobs)}

    def regrets(name: str, what: str) -> np.ndarray:
        """Mean over seeds, by problem; nan where a run failed."""
        means = []
        for problem, scale in ((p, references()[p]) for p in problems):
            losses = [found.get((name, problem, seed), {}).get(what, np.nan) for seed in range(args.seeds)]
            means.append((np.mean(losses) - scale["best"]) / (scale["median"] - scale["best"]))
        return np.array(means)

    names = list(tags)
    first = names[0]
    rows = []
    for name in names:
        chosen, tried = regrets(name, "chosen"), regrets(name, "tried")
        ratio = "" if name == first else regret.ratio(regrets(first, "chosen"), chosen).text(2)
        rows.append([name, *(f"{c:.3f} ({t:.3f})" for c, t in zip(chosen, tried, strict=True))])
        rows[-1] += [f"{chosen.mean():.3f} ({tried.mean():.3f})", ratio]
    short = [p.removeprefix("synthetic:noisy_") for p in problems]
    title = f"True regret of what is recommended after {args.budget} trials (best tried), {args.seeds} seeds"
    show(title, ["optimizer", *short, "mean", f"{first} / it"], rows)


def run(job: Job) -> Run:
    """chosen: true loss of the recommendation; tried: best true loss."""
    import numpy as np
    from optimizers import make
    from problems import get

    problem, rng = get(job.problem), np.random.default_rng([job.seed, 77])
    optimizer, trues = make(job.optimizer, problem.space, job.seed, job.budget), []
    for _ in range(job.budget):
        token, config = optimizer.ask()
        observed, true = problem.observed(config, rng)
        optimizer.tell(token, config, observed)
        trues.append(true)
    chosen = problem.loss(optimizer.chosen())
    optimizer.close()
    return {"chosen": chosen, "tried": min(trues)}


if __name__ == "__main__":
    main()
