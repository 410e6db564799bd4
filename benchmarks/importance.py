"""How true importance is after a search: shares beside functions whose variance is known, ranks beside Optuna's.

Each function of problems/decomposed.py is searched by our `auto` strategy, 100 trials, so that trials crowd round the
best as they do in use. From these trials, the same for all:

  shares   main effects and their 95 % intervals beside the truth
  ranks    Spearman's correlation of the dials' order with the truth, ours and Optuna's evaluators
  pairs    how often a pair that interacts is called real, and one that does not

  python benchmarks/importance.py --seeds 5
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
ADDITIVE = ("additive",)  # no two dials of it interact
SLACK = 0.005  # an interval is said to hold a truth that it misses by less


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--only", nargs="*", default=[""], help="functions whose names begin so")
    parser.add_argument("--out", type=Path, default=Path("build/importance-runs.jsonl"), help="keeps the trials")
    args = parser.parse_args()
    one_thread()
    warnings.filterwarnings("ignore")
    from problems.decomposed import FUNCTIONS

    kept = {(r["problem"], r["seed"], r["trials"]): r["rows"] for r in read(args.out)}
    rows_of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in FUNCTIONS:
        if not any(name.startswith(each) for each in args.only):
            continue
        for seed in range(args.seeds):
            key = (name, seed, args.trials)
            if key not in kept:
                kept[key] = searched(FUNCTIONS[name], seed, args.trials)
                keep(args.out, {"problem": name, "seed": seed, "trials": args.trials, "rows": kept[key]})
            rows_of[name].append(judged(FUNCTIONS[name], seed, kept[key]))
            print(f"{name} seed {seed}", flush=True)
    tables(rows_of)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(path: Path, run: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(run) + "\n")


def searched(problem: Any, seed: int, trials: int) -> list[Any]:
    """[params, loss] of each trial of a search."""
    from problems.decomposed import truth

    import trialist as tl

    noise = np.sqrt(problem.noise * truth(problem.name).variance)
    rng = np.random.default_rng([seed, 3])
    study = tl.Study.create(problem.space, minimize="loss", budget=trials, store="memory", name=problem.name, seed=seed)
    for _ in range(trials):
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
    total = np.array([known.main[d] + known.interacting[d] for d in order])
    ranks = {"ours": correlation([shares[d].share + shares[d].interacting for d in order], total)} if shares else {}
    ranks |= {name: correlation(values, total) for name, values in optunas(problem, rows, order, seed).items()}
    interacts = {d for d in order if known.interacting[d] > 0.02}
    return {
        "errors": [abs(shares[d].share - known.main[d]) for d in order] if shares else [float("nan")],
        "held": [
            shares[d].low - SLACK <= known.main[d] <= shares[d].high + SLACK for d in order
        ] if shares else [],
        "explained": found.explained,
        "ranks": ranks,
        "false": sum(bool(p.is_real) and not {p.a, p.b} <= interacts for p in pairs.pairs),
        "true": any(bool(p.is_real) for p in pairs.pairs if {p.a, p.b} <= interacts),
        "interacts": len(interacts) > 1,
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
        held = [each for run in runs for each in run["held"]]
        rows.append([name, len(runs), f"{np.nanmean(errors):.3f}", f"{np.nanmean(largest):.3f}",
                     f"{np.nanmax(largest):.3f}", f"{np.mean(held):.0%}",
                     f"{np.mean([run['explained'] for run in runs]):.2f}"])  # fmt: skip
    columns = ["function", "runs", "mean error", "largest, mean", "largest, worst", "held", "explained"]
    show("Shares of main effects beside the truth, after a search", columns, rows)
    rows = []
    for name, runs in every:
        names = ["ours", "fANOVA", "impurity", "PED-ANOVA"]
        rows.append([name, *(f"{np.mean([run['ranks'].get(each, 0.0) for run in runs]):.2f}" for each in names)])
    show(
        "Rank correlation of total effects with the truth",
        ["function", "ours", "fANOVA", "impurity", "PED-ANOVA"],
        rows,
    )
    rows = []
    for name, runs in rows_of.items():
        hit = f"{np.mean([run['true'] for run in runs]):.0%}" if runs[0]["interacts"] else ""
        rows.append([name, hit, f"{np.mean([run['false'] > 0 for run in runs]):.0%}"])
    show("Interactions", ["function", "a true one is shown", "runs with a false one"], rows)


if __name__ == "__main__":
    main()
