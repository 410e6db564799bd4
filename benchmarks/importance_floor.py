"""What a hundred trials can tell of importance at all: errors of shares where the process's hyperparameters are known.

Hyperparameters that MANY even trials of a function give (its noise included) are put to the hundred trials that
`importance.py` judges, and to a hundred even ones.  What is left of the errors is what these trials do not hold; what
the estimate has more is what it does not know of the hyperparameters.

  python benchmarks/importance_floor.py --seeds 5
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from importance import TRIALS, keep, read, searched
from kept import one_thread
from search_tables import show

MANY, SKETCHED = 500, 200
DRAWS = 60  # of each smoothness
SURELY = 10.0  # nats by which another scale is likelier, before it is taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", nargs="*", default=[""], help="functions whose names begin so")
    parser.add_argument("--out", type=Path, default=Path("build/importance-runs.jsonl"), help="keeps the trials")
    args = parser.parse_args()
    one_thread()
    warnings.filterwarnings("ignore")
    from problems.decomposed import FUNCTIONS, truth

    kept = {(r["problem"], r["seed"], r["trials"]): r["rows"] for r in read(args.out) if not r.get("even")}
    errors: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for name, problem in FUNCTIONS.items():
        if not any(name.startswith(each) for each in args.only):
            continue
        known = np.array([truth(name).main[dial] for dial in problem.space.names])
        oracle = Oracle(problem)
        for seed in range(args.first, args.first + args.seeds):
            key = (name, seed, TRIALS)
            if key not in kept:
                kept[key] = searched(problem, seed, TRIALS)
                keep(args.out, {"problem": name, "seed": seed, "trials": TRIALS, "rows": kept[key]})
            for which, told in (("search", oracle.of(kept[key])), ("even", even(problem, TRIALS, 1000 + seed))):
                errors[name][f"{which}, as told"].append(float(np.abs(as_told(oracle, told, seed) - known).max()))
                errors[name][f"{which}, known"].append(float(np.abs(oracle.shares(told) - known).max()))
            print(f"{name} seed {seed}", flush=True)
    columns = ["search, as told", "search, known", "even, as told", "even, known"]
    rows = [[name, *(f"{np.mean(of[column]):.3f}" for column in columns)] for name, of in errors.items()]
    rows.append(["all", *(f"{np.mean([e for of in errors.values() for e in of[c]]):.3f}" for c in columns)])
    show("Largest error of a run, mean, by what is known of the hyperparameters", ["function", *columns], rows)


class Oracle:
    """The processes of effects of a function at hyperparameters that many of its trials give."""

    def __init__(self, problem: Any) -> None:
        from trialist.effects import fitting
        from trialist.effects.ground import ground
        from trialist.numerics.warping import Warp

        self.problem, self.ground = problem, ground(problem.space)
        many = even(problem, MANY, 1)
        self.centre, self.unit = many.losses.mean(), many.losses.std()
        trials = fitting.Trials(self.ground, many.rows, many.active, (many.losses - self.centre) / self.unit)
        self.pairs, scales = fitting.sketched(trials.at(np.arange(SKETCHED)))
        fitted, fitting.FITTED = fitting.FITTED, MANY
        try:
            self.fitted = fitting.processes(trials, self.pairs, Warp(0, 0.0, 0.0, 1.0, -np.inf, np.inf))
            for scale in scales[:1]:
                other = fitting.processes(trials, self.pairs, scale)
                if min(each.value for each in other) + SURELY < min(each.value for each in self.fitted):
                    self.fitted = other
        finally:
            fitting.FITTED = fitted

    def of(self, rows: list[Any]) -> Any:
        """Trials that were kept."""
        from trialist.effects.told import Told

        names = self.problem.space.names
        X, _ = self.ground.cube.canonical(self.ground.cube.encode([params for params, _ in rows]))
        active = np.array([[name in params for name in names] for params, _ in rows])
        return Told(X, active, np.array([loss for _, loss in rows]), np.arange(len(rows)))

    def shares(self, told: Any) -> np.ndarray:
        """(d,) of the dials alone, by these trials."""
        from trialist.effects.fitting import SMOOTHNESS
        from trialist.effects.unwarped import points, unwarped
        from trialist.effects.variance import middle
        from trialist.numerics.effects import Effects, joined

        y, found = (told.losses - self.centre) / self.unit, []
        for smoothness, many in zip(SMOOTHNESS, self.fitted, strict=True):
            terms = self.ground.terms(told.rows, told.active, self.pairs, smoothness)
            terms, warp = replace(terms, weights=many.effects.terms.weights), many.warp
            # A trial beyond the end of a scale that other trials chose stands at that end.
            here = y if warp.is_plain else warp.end + warp.sign * np.maximum(warp.sign * (y - warp.end), 1e-6)
            process = Effects(terms, many.effects.theta, warp.forward(here))
            draws = process.draws(np.random.default_rng(1), DRAWS)
            if not warp.is_plain:
                F, pairs = self.ground.functions(*points(self.ground, 0), self.pairs)
                draws = unwarped(F, pairs, warp.back(draws.values(F, pairs) + process.rest_at(F)[:, None]))
            found.append(draws)
        together = np.array([self.ground.together[pair] for pair in self.pairs])
        of_dials, _, whole = joined(found).variances(self.ground.active, together)
        return middle(of_dials / whole)


def even(problem: Any, count: int, seed: int) -> Any:
    """So many trials, each drawn evenly over the space."""
    from problems.decomposed import truth

    from trialist.effects.told import Told
    from trialist.space.cube import Cube

    rng = np.random.default_rng([seed, 99])
    rows, active = Cube(problem.space).uniform(rng, count)
    noise = np.sqrt(problem.noise * truth(problem.name).variance)
    losses = problem.function(problem.columns(rows, active)) + noise * rng.standard_normal(count)
    return Told(rows, active, losses, np.arange(count))


def as_told(oracle: Oracle, told: Any, seed: int) -> np.ndarray:
    """(d,) shares as `study.effects` tells them."""
    from trialist.effects.learnt import Learnt
    from trialist.effects.variance import middle

    of_dials, _, whole = Learnt(told, oracle.ground, "value", seed).variances
    return middle(of_dials / whole)


if __name__ == "__main__":
    main()
