"""Beside scikit-learn's RandomizedSearchCV and Optuna's TPE: the score that each tool reports, and what is true.

All have the same rows, the same 5 folds and the same number of trainings in the search (ours: finalists scored again
included). The others report the best cross-validation score; ours reports the fresh score of what it selected, and at
the end the one on sealed rows, which none of them has seen.

  python benchmarks/honest.py --only beside -- --jobs 2
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from kept import Job, Run, add_options, completed, one_thread

from honesty import studies

TOOLS = ("ours", "sklearn", "optuna")
NAMES = {
    "search": "Trialist, search score",
    "fresh": "Trialist, fresh score",
    "verified": "Trialist, verified score",
    "sklearn": "RandomizedSearchCV, best_score_",
    "optuna": "Optuna TPE, best_value",
}
STUDIES = 100


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=int, default=STUDIES, help="studies, on real data")
    add_options(parser, "build/honest-runs.jsonl")
    args = parser.parse_args(argv)
    one_thread()
    from optimizers import available

    tools = [tool for tool in TOOLS if tool != "optuna" or available(["optuna-tpe"])]
    jobs = [
        Job(tool, study.problem, study.seed, study.budget, args.tag if tool == "ours" else "")
        for study in studies.studies(args.beside, 0)
        for tool in tools
    ]
    table(completed(jobs, run, args.out, args.jobs))


def run(job: Job) -> Run:
    """One tool on one study."""
    if job.optimizer == "ours":
        return studies.run(job)
    studies.quiet()
    from honesty import problems

    case = problems.make(job.problem, job.seed)
    config, losses = (_sklearn if job.optimizer == "sklearn" else _optuna)(case, job)
    truth, default = case.truth(config), case.truth(case.space.complete({}))
    gap, stderr = truth.behind(default)
    return {
        "pick": {"number": None, "true": truth.loss, "gap": gap, "gap_stderr": stderr, "search": losses},
        "default": {"number": 0, "true": default.loss, "gap": 0.0, "gap_stderr": 0.0},
        "best": min(truth.loss, default.loss),
        "fits": job.budget * case.validation.units,
    }


def _sklearn(case: Any, job: Job) -> tuple[dict[str, Any], list[float]]:
    """What RandomizedSearchCV chooses, and its score on each fold.

    It is handed the numbers of the folds as its rows, so that it has the very folds of the others.
    """
    from sklearn.model_selection import RandomizedSearchCV

    folds = case.folds()
    each, numbers = range(len(folds)), np.arange(len(folds)).reshape(-1, 1)
    search = RandomizedSearchCV(
        _estimator(case, folds),
        _distributions(case.space),
        n_iter=job.budget,
        cv=[([k], [k]) for k in each],
        refit=False,
        random_state=job.seed,
        error_score="raise",
    ).fit(numbers)
    losses = [-float(search.cv_results_[f"split{k}_test_score"][search.best_index_]) for k in each]
    return case.space.complete(search.best_params_), losses


def _estimator(case: Any, folds: Sequence[Any]) -> Any:
    from sklearn.base import BaseEstimator

    class OnFold(BaseEstimator):  # type: ignore[misc]
        """Trained and scored on the fold of that number."""

        def __sklearn_clone__(self) -> OnFold:
            return OnFold().set_params(**self.get_params())

        def set_params(self, **params: Any) -> OnFold:
            self.__dict__.update(params)
            return self

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            return {name: self.__dict__.get(name) for name in case.space}

        def fit(self, numbers: Any, y: Any = None) -> OnFold:
            return self

        def score(self, numbers: Any, y: Any = None) -> float:
            return -float(case.score(case.space.complete(self.get_params()), folds[int(numbers[0][0])]))

    return OnFold()


class _Whole:
    """Whole numbers on a log scale, in the form of a scipy distribution."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def rvs(self, random_state: Any = None) -> int:
        return round(float(np.exp(random_state.uniform(np.log(self.low), np.log(self.high)))))


def _distributions(space: Any) -> dict[str, Any]:
    from scipy import stats

    import trialist as tl

    found: dict[str, Any] = {}
    for name, dial in space.items():
        if isinstance(dial, tl.Categorical):
            found[name] = list(dial.choices)
        elif isinstance(dial, tl.Int):
            found[name] = _Whole(dial.low, dial.high) if dial.log else stats.randint(dial.low, dial.high + 1)
        else:
            found[name] = (
                stats.loguniform(dial.low, dial.high) if dial.log else stats.uniform(dial.low, dial.high - dial.low)
            )
    return found


def _optuna(case: Any, job: Job) -> tuple[dict[str, Any], list[float]]:
    from optimizers import Optuna

    optimizer, folds, found = Optuna(case.space, job.seed, "tpe"), case.folds(), []
    for _ in range(job.budget):
        token, config = optimizer.ask()
        losses = [case.score(config, fold) for fold in folds]
        optimizer.tell(token, config, float(np.mean(losses)))
        found.append((float(np.mean(losses)), config, losses))
    return min(found, key=lambda each: each[0])[1:]


def reported(run: Run) -> dict[str, float]:
    """The losses that a tool reports, by name."""
    search = float(np.mean(run["pick"]["search"]))
    if run["optimizer"] != "ours":
        return {run["optimizer"]: search}
    own = next((f for f in run["finalists"] if f["number"] == run["pick"]["number"]), None)
    fresh = {"fresh": float(np.mean([np.mean(each) for each in own["fresh"]]))} if own else {}
    return {"search": search, **fresh, "verified": run["verdict"]["score"]}


def table(runs: Sequence[Mapping[str, Any]]) -> None:
    """Means over all studies, each loss as a share of the defaults' mean one by its metric, then by metric.

    Optimism: by how much the reported score is better than the true one.
    """
    from honesty.figures import key_of

    found: dict[str, dict[Any, np.ndarray]] = {name: {} for name in NAMES}
    defaults: dict[str, dict[Any, float]] = {}
    for run in runs:
        key = key_of(run)
        defaults.setdefault(_metric(key), {})[key] = run["default"]["true"]
        for name, loss in reported(run).items():
            found[name][key] = np.array([loss, run["pick"]["true"], run["pick"]["gap"]])
    found = {name: of for name, of in found.items() if of}
    whole = sorted(set.intersection(*(set(of) for of in found.values())))
    unit = {metric: float(np.mean(list(of.values()))) for metric, of in defaults.items()}
    _show("all metrics", {name: np.array([of[k] / unit[_metric(k)] for k in whole]) for name, of in found.items()})
    for metric in sorted({_metric(k) for k in whole}):
        keys = [k for k in whole if _metric(k) == metric]
        _show(metric, {name: np.array([of[k] for k in keys]) for name, of in found.items()})


def _show(title: str, found: Mapping[str, np.ndarray]) -> None:
    """found: by name, (studies, 3): reported, true, behind the default."""
    from search_tables import show

    from honesty.figures import interval

    rows = []
    for name, of in found.items():
        told, true, gap = of.T
        low, high = interval(true - told)
        row = [NAMES[name], f"{told.mean():.4f}", f"{true.mean():.4f}"]
        rows.append([*row, f"{(true - told).mean():+.4f} ({low:+.4f}–{high:+.4f})", f"{np.mean(gap > 1e-12):.0%}"])
    number = len(next(iter(found.values())))
    show(f"{title}: {number} studies", ["score", "reported", "true", "optimism", "worse than the default"], rows)


def _metric(key: tuple[str, int, int]) -> str:
    return key[0].split("/")[2]
