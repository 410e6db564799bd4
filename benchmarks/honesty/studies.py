"""Complete studies: what is selected, beside what the best cross-validation score would have been, at the same cost.

Each study has its own draw of rows (real) or its own surface (simulated), a model with scikit-learn's defaults as its
default configuration, and a budget of whole cross-validations, of which our selection is a part. Arms:

  ours    tl.tune as a user calls it: search by racing, finalists scored again on fresh splits, verification
  cv      the same without a selection: the whole budget is searched, the best cross-validation score wins
  random  random search, the best cross-validation score wins
  model   the trials of cv, of which the one is taken that a model of all scores expects most of

Trainings of the verification come on top: they choose nothing. What a configuration is worth in truth: see problems.py.

  python benchmarks/honest.py --only studies -- --jobs 2
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kept import Job, Run, add_options, completed, one_thread

ARMS = ("ours", "cv", "random")
BUDGETS = (20, 30, 40, 60, 100)
REAL, SIMULATED = 220, 120
CANDIDATES = 6  # trials of a run, best first, that are judged by the truth beside its choice: for the best one known


class Study(NamedTuple):
    """One complete study to be made."""

    problem: str
    seed: int
    budget: int


def studies(real: int, simulated: int, budgets: Sequence[int] = BUDGETS, first: int = 0) -> list[Study]:
    """Real ones and simulated ones, one of each problem in turn, the seed being the study's own, from `first` on."""
    from honesty import problems
    from honesty import simulated as surfaces

    found = []
    for names, number in ((problems.names(), real), (surfaces.names(), simulated)):
        found += [Study(names[i % len(names)], i, budgets[i % len(budgets)]) for i in range(first, first + number)]
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=int, default=REAL, help="studies on real data")
    parser.add_argument("--simulated", type=int, default=SIMULATED, help="studies whose truth is known")
    parser.add_argument("--first", type=int, default=0, help="seed of the first one: others than a rule was chosen on")
    parser.add_argument("--arms", default=",".join(ARMS), help="comma-separated")
    add_options(parser, "build/honest-runs.jsonl")
    args = parser.parse_args(argv)
    one_thread()
    arms = args.arms.split(",")
    jobs = [
        Job(arm, study.problem, study.seed, study.budget, tag_of(arm, args.tag))
        for study in studies(args.real, args.simulated, first=args.first)
        for arm in arms
    ]
    from honesty.figures import tables

    tables(completed(jobs, run, args.out, args.jobs))


def tag_of(arm: str, tag: str) -> str:
    """Random search does not change with our engine."""
    return "" if arm == "random" else tag


def run(job: Job) -> Run:
    """One arm of one study; all numbers are losses."""
    quiet()
    from honesty import problems

    started = time.perf_counter()
    case = problems.make(job.problem, job.seed)
    study = _tuned(case, job)
    spent = time.perf_counter() - started
    return {**told(case, study, job), "seconds": round(spent, 2)}


def quiet() -> None:
    import sklearn

    sklearn.set_config(assume_finite=True, skip_parameter_validation=True)


def _tuned(case: Any, job: Job) -> Any:
    import trialist as tl

    common: dict[str, Any] = {"minimize": "loss", "store": "memory", "seed": job.seed, "validation": case.validation}
    if job.optimizer == "ours":
        budget = tl.Budget(full_runs=job.budget)  # folds that racing saves are spent on other configurations
        return tl.tune(case.objective, case.space, budget=budget, test=case.test, progress=False, **common)
    if job.optimizer == "cv":  # every trial whole, as it is elsewhere
        common |= {"replicates": 0, "scheduler": "none"}
        return tl.tune(case.objective, case.space, budget=job.budget, progress=False, **common)
    study = tl.Study.create(case.space, budget=job.budget, strategy="random", scheduler="none", **common)
    study.optimize(case.objective, trials=job.budget)
    return study


def told(case: Any, study: Any, job: Job) -> Run:
    """What became of it."""
    from trialist.search.incumbent import incumbent
    from trialist.trials.trial import Stage

    truths: dict[int, Any] = {}
    history, best, baseline = study.history, study.best, study.baseline

    def truth(number: int) -> Any:
        if number not in truths:
            truths[number] = case.truth(history[number].params)
        return truths[number]

    def compared(record: Any) -> Mapping[str, Any]:
        gap, stderr = truth(record.number).behind(truth(baseline.number))
        if record.number == baseline.number or record.params == baseline.params:
            gap = stderr = 0.0
        return {
            "number": record.number, "true": truth(record.number).loss, "gap": gap, "gap_stderr": stderr,
            "search": list(record.score.replicates),
        }  # fmt: skip

    explored = sorted((r for r in history.explored if r.is_scored), key=lambda r: r.loss)
    again = [r for r in history if r.stage is Stage.SELECT and r.is_scored]
    finalists = {r.repeats: {**compared(history[r.repeats]), "fresh": []} for r in again}
    for r in again:
        finalists[r.repeats]["fresh"].append(list(r.score.replicates))
    fits = sum(len(r.score.replicates) for r in history if r.score is not None)
    found: Run = {"pick": compared(best), "default": compared(baseline), "runs": len(history), "fits": fits}
    found["finalists"] = list(finalists.values())
    for record in explored[:CANDIDATES]:
        truth(record.number)
    if job.optimizer == "cv":
        found["model"] = compared(incumbent(history))
    if job.optimizer == "ours":
        found["selection"] = study.selection.reason if study.selection else ""
        verdict = study.verdict
        found["verdict"] = {
            "outcome": str(verdict.outcome), "difference": verdict.difference, "interval": verdict.interval,
            "score": verdict.selected_score, "same": verdict.same_configuration,
        }  # fmt: skip
    found["best"] = min([t.loss for t in truths.values()] + ([case.best] if hasattr(case, "best") else []))
    return found
