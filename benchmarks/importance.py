"""How true importance is after a search: shares beside functions whose variance is known, ranks beside Optuna's.

Each function of problems/decomposed.py is searched by our `auto` strategy, 100 trials, so that trials crowd round the
best as they do in use. From these trials, the same for all:

  shares   main effects and their 95 % intervals beside the truth
  ranks    Spearman's correlation of the dials' order with the truth, ours and Optuna's evaluators: of their total
           effects, and of their main effects alone, which is what Optuna's fANOVA is an estimate of
  pairs    how many pairs that act together are called real, and how many that do not

  python benchmarks/importance.py --seeds 5
  python benchmarks/importance.py --even 20    the last 20 of the 100 drawn evenly, whatever the search wants
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from kept import one_thread
from search_tables import show

TRIALS = 100
SLACK = 0.005  # an interval is said to hold a truth that it misses by less
FELT = 0.02  # the main effect from which a dial counts among those that have one
APART, TOGETHER = 1e-6, 0.01  # the share of all effects with two dials in them: not at all together; clearly so


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--even", type=int, default=0, help="so many of the trials, the last ones, are drawn evenly")
    parser.add_argument("--only", nargs="*", default=[""], help="functions whose names begin so")
    parser.add_argument("--out", type=Path, default=Path("build/importance-runs.jsonl"), help="keeps the trials")
    args = parser.parse_args()
    one_thread()
    warnings.filterwarnings("ignore")
    from problems.decomposed import FUNCTIONS

    kept = {(r["problem"], r["seed"], r["trials"], r.get("even", 0)): r["rows"] for r in read(args.out)}
    rows_of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in FUNCTIONS:
        if not any(name.startswith(each) for each in args.only):
            continue
        for seed in range(args.first, args.first + args.seeds):
            key = (name, seed, args.trials, args.even)
            if key not in kept:
                kept[key] = searched(FUNCTIONS[name], seed, args.trials, args.even)
                run = {"problem": name, "seed": seed, "trials": args.trials, "even": args.even, "rows": kept[key]}
                keep(args.out, run)
            rows_of[name].append(judged(FUNCTIONS[name], seed, kept[key]))
            print(f"{name} seed {seed}", flush=True)
    tables(rows_of)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(path: Path, run: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(run) + "\n")


def searched(problem: Any, seed: int, trials: int, even: int = 0) -> list[Any]:
    """[params, loss] of each trial of a search, the last `even` of which are drawn evenly instead."""
    from problems.decomposed import truth

    import trialist as tl

    noise = np.sqrt(problem.noise * truth(problem.name).variance)
    rng = np.random.default_rng([seed, 3])
    study = tl.Study.create(problem.space, minimize="loss", budget=trials, store="memory", name=problem.name, seed=seed)
    for number in range(trials):
        if number >= trials - even:
            study.enqueue(problem.space.decode(list(rng.random(len(problem.space)))))
        trial = study.ask()
        study.tell(trial, problem.loss(trial.params) + noise * rng.standard_normal())
    return [[dict(r.params), r.loss] for r in study.trials if r.loss is not None]


def judged(problem: Any, seed: int, rows: list[Any]) -> dict[str, Any]:
    """What is said of these trials, beside the truth."""
    from problems.decomposed import truth

    import trialist as tl

    known = truth(problem.name)
    study = tl.Study.create(problem.space, minimize="loss", budget=len(rows), store="memory", name="told", seed=seed)
    for number, (params, loss) in enumerate(rows):
        if number:  # the first is the default, which comes by itself
            study.enqueue(params)
        trial = study.ask()
        assert dict(trial.params) == params, (trial.params, params)
        study.tell(trial, loss)
    effects = tl.Effects(study.history, scale="value")
    found, pairs = effects.importance(), effects.interactions()
    shares = {share.dial: share for share in found.shares}
    order = list(problem.space.names)
    main = np.array([known.main[d] for d in order])
    total = main + np.array([known.interacting[d] for d in order])
    peers = optunas(problem, rows, order, seed)
    ranks = {name: correlation(values, total) for name, values in peers.items()}
    main_ranks = {name: correlation(values, main) for name, values in peers.items()}
    if shares:
        ranks["ours"] = correlation([shares[d].share + shares[d].interacting for d in order], total)
        main_ranks["ours"] = correlation([shares[d].share for d in order], main)
    called = {frozenset((p.a, p.b)): bool(p.is_real) for p in pairs.pairs}
    # A dial and the one that decides whether it is active are no pair: its main effect is told where it is active.
    apart = [called[pair] for pair, share in known.together.items() if pair in called and share < APART]
    together = [called[pair] for pair, share in known.together.items() if pair in called and share >= TOGETHER]
    return {
        "told": found.enough,
        "errors": [abs(shares[d].share - known.main[d]) for d in order] if shares else [float("nan")],
        "held": [
            shares[d].low - SLACK <= known.main[d] <= shares[d].high + SLACK for d in order
        ] if shares else [],
        "felt_held": [
            shares[d].low <= known.main[d] <= shares[d].high for d in order if known.main[d] >= FELT
        ] if shares else [],
        "felt_width": [shares[d].high - shares[d].low for d in order if known.main[d] >= FELT] if shares else [],
        "explained": found.explained,
        "ranks": ranks,
        "main_ranks": main_ranks,
        "apart": apart,
        "together": together,
    }  # fmt: skip


def optunas(problem: Any, rows: list[Any], order: list[str], seed: int) -> dict[str, list[float]]:
    """By evaluator, the importance of each dial; 0 for those that it leaves out, as it does with conditional ones."""
    import optuna
    from optuna.importance import (
        FanovaImportanceEvaluator,
        MeanDecreaseImpurityImportanceEvaluator,
        PedAnovaImportanceEvaluator,
    )

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    for params, loss in rows:
        there = {name: distribution(problem.space[name]) for name in params}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=there, value=loss))
    evaluators = {
        "fANOVA": FanovaImportanceEvaluator(seed=seed),
        "impurity": MeanDecreaseImpurityImportanceEvaluator(seed=seed),
        "PED-ANOVA": PedAnovaImportanceEvaluator(),
    }
    found = {}
    for name, evaluator in evaluators.items():
        told = optuna.importance.get_param_importances(study, evaluator=evaluator)
        found[name] = [told.get(dial, 0.0) for dial in order]
    return found


def distribution(dial: Any) -> Any:
    import optuna.distributions as od

    import trialist as tl

    if isinstance(dial, tl.Categorical):
        return od.CategoricalDistribution(tuple(dial.choices))
    kind = od.IntDistribution if isinstance(dial, tl.Int) else od.FloatDistribution
    return kind(dial.low, dial.high, log=dial.log)


def correlation(values: Any, truth: Any) -> float:
    """Spearman's; 0 where all values are the same."""
    from scipy.stats import spearmanr

    return 0.0 if len(set(values)) < 2 else float(spearmanr(values, np.round(truth, 4)).statistic)


def tables(rows_of: dict[str, list[dict[str, Any]]]) -> None:
    every = [*rows_of.items(), ("all", [run for some in rows_of.values() for run in some])]
    rows = []
    for name, runs in every:
        errors = [error for run in runs for error in run["errors"]]
        largest = [max(run["errors"]) for run in runs]
        rows.append([name, f"{sum(run['told'] for run in runs)} of {len(runs)}", f"{np.nanmean(errors):.3f}",
                     f"{np.nanmean(largest):.3f}", f"{np.nanmax(largest):.3f}", *_rates(runs, "held", "felt_held"),
                     f"{np.mean([width for run in runs for width in run['felt_width']]):.2f}",
                     f"{np.mean([run['explained'] for run in runs]):.2f}"])  # fmt: skip
    columns = [
        "function",
        "told",
        "mean error",
        "largest, mean",
        "largest, worst",
        "held",
        "of dials felt",
        "their width",
        "explained",
    ]
    show("Shares of main effects beside the truth, after a search", columns, rows)
    names = ["ours", "fANOVA", "impurity", "PED-ANOVA"]
    for what, key in (("total", "ranks"), ("main", "main_ranks")):
        rows = [
            [name, *(f"{np.mean([run[key].get(each, 0.0) for run in runs]):.2f}" for each in names)]
            for name, runs in every
        ]
        show(f"Rank correlation with the truth: {what} effects", ["function", *names], rows)
    rows = []
    for name, runs in every:
        counts = [each for key in ("together", "apart") for each in (
            sum(map(sum, (run[key] for run in runs))), sum(len(run[key]) for run in runs)
        )]  # fmt: skip
        false = sum(any(run["apart"]) for run in runs)
        with_some = sum(bool(run["apart"]) for run in runs)
        rows.append([name, "{} of {}".format(*counts[:2]), "{} of {}".format(*counts[2:]), f"{false} of {with_some}"])
    columns = ["function", "pairs that act together: shown", "that do not: shown", "runs with such a one"]
    show("Interactions", columns, rows)


def _rates(runs: list[dict[str, Any]], *keys: str) -> list[str]:
    found = [[each for run in runs for each in run[key]] for key in keys]
    return [f"{np.mean(some):.0%}" if some else "" for some in found]


if __name__ == "__main__":
    main()
