"""Racing: which share of the folds of 10-fold cross-validation it saves, and what that costs the final choice.

Each study is made four times, with the same data, folds and number of trials: with our own search and with random
search, raced and not.  Nothing is scored again at the end: the best score of all folds is the choice.  What racing has
stopped is then run on its other folds too, to see who would have won after all.

  python benchmarks/honest.py --only racing -- --jobs 2
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from kept import Job, Run, add_options, completed, one_thread

SEARCHES = ("auto", "random")
SCHEDULERS = ("racing", "none")
FOLDS = 10
BUDGET = 50
REAL, SIMULATED = 120, 80
FIRST = 64  # studies before were looked at when the test was chosen
RESAMPLES = 4000

Key = tuple[str, int]  # problem, seed


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=int, default=REAL, help="studies on real data")
    parser.add_argument("--simulated", type=int, default=SIMULATED, help="studies whose truth is known")
    parser.add_argument("--searches", default=",".join(SEARCHES), help="comma-separated")
    parser.add_argument("--levels", default="0.33", help="of the test, comma-separated")
    add_options(parser, "build/racing-runs.jsonl")
    args = parser.parse_args(argv)
    one_thread()
    levels = args.levels.split(",")
    arms = [
        f"{search}+{rule}" for search in args.searches.split(",") for rule in (*(f"racing:{x}" for x in levels), "none")
    ]
    jobs = [
        Job(arm, study.problem, study.seed, BUDGET, args.tag)
        for study in _held_out(args.real, args.simulated)
        for arm in arms
    ]
    runs = completed(jobs, run, args.out, args.jobs)
    from honesty.races import alternatives

    for line in (*table(runs), "", *alternatives(runs)):
        print(line)


def _held_out(real: int, simulated: int) -> list[Any]:
    from honesty import studies

    found = studies.studies(FIRST + real, 0)[FIRST:] if real else []
    return found + (studies.studies(0, FIRST + simulated)[FIRST:] if simulated else [])


def run(job: Job) -> Run:
    """One arm of one study; losses are smaller-is-better."""
    import trialist as tl
    from honesty import problems, studies
    from trialist.scheduling.racing import Racing
    from trialist.trials.trial import State

    studies.quiet()
    search, _, rule = job.optimizer.partition("+")
    case: Any = replace(problems.make(job.problem, job.seed), validation=tl.Folds(FOLDS))
    scheduler: Any = "none" if rule == "none" else Racing(level=float(rule.partition(":")[2]))
    started = time.perf_counter()
    study = tl.Study.create(
        case.space, minimize="loss", budget=job.budget, strategy=search, scheduler=scheduler, seed=job.seed,
        store="memory", name="raced", validation=case.validation, stopping="none",
    )  # fmt: skip
    study.optimize(case.objective, trials=job.budget)
    seconds = time.perf_counter() - started
    history = study.history
    folds = case.folds()
    ran = [len(record.reports) for record in history]
    scores = [
        [*(report.value for report in record.reports), *(case.score(dict(record.params), f) for f in folds[n:])]
        for record, n in zip(history, ran, strict=True)
    ]
    stopped = [record.state is State.STOPPED for record in history]
    chosen, baseline = history.best, history[0]
    truth, default = case.truth(chosen.params), case.truth(baseline.params)
    return {
        "true": truth.loss, "default": default.loss, "score": chosen.loss, "ran": ran,
        "scores": [[round(each, 9) for each in row] for row in scores], "params": [dict(r.params) for r in history],
        "stopped": stopped, "seconds": round(seconds, 2),
    }  # fmt: skip


def table(runs: Sequence[Run]) -> list[str]:
    """By search and kind of data: folds used, what truth it cost, and who was stopped though it would have won."""
    by_arm: dict[str, dict[Key, Run]] = {}
    for each in runs:
        by_arm.setdefault(each["optimizer"], {})[each["problem"], each["seed"]] = each
    lines = [
        "| search, level | data | studies | folds used | true loss added | same choice | winners stopped | best too |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for arm, raced in sorted(by_arm.items()):
        search, _, rule = arm.partition("+")
        whole = by_arm.get(f"{search}+none", {})
        if rule == "none":
            continue
        for data in ("real", "simulated"):
            keys = [k for k in raced if k in whole and k[0].startswith(data)]
            if keys:
                lines.append(_row(f"{search}, {rule.partition(':')[2]}", data, keys, raced, whole))
    return lines


def _row(name: str, data: str, keys: Sequence[Key], raced: dict[Key, Run], whole: dict[Key, Run]) -> str:
    used = np.array([sum(raced[k]["ran"]) / sum(whole[k]["ran"]) for k in keys])
    lost = np.array([(raced[k]["true"] - whole[k]["true"]) / _unit(whole[k]) for k in keys])
    same = np.mean([raced[k]["true"] == whole[k]["true"] for k in keys])
    winners, wrong, best = (sum(column) for column in zip(*(_wrong(raced[k]) for k in keys), strict=True))
    return (
        f"| {name} | {data} | {len(keys)} | {used.mean():.1%} | {_interval(lost)} | {same:.0%} | "
        f"{wrong} of {winners} ({wrong / max(winners, 1):.1%}) | {best} of {len(keys)} |"
    )


def _unit(run: Run) -> float:
    """A true loss of the default; simulated ones have a standard deviation of 1 by themselves."""
    return 1.0 if run["problem"].startswith("simulated") else max(run["default"], 1e-9)


def _wrong(run: Run) -> tuple[int, int, int]:
    """Trials that beat, or would have beaten, the best whole one before them; those of them that were stopped.

    And 1 where the best of all was stopped.
    """
    best, winners, wrong = np.inf, 0, 0
    means = [float(np.mean(row)) for row in run["scores"]]
    for number, (mean, is_stopped) in enumerate(zip(means, run["stopped"], strict=True)):
        if mean < best and number:
            winners += 1
            wrong += is_stopped
        if not is_stopped:
            best = min(best, mean)
    return winners, wrong, int(run["stopped"][int(np.argmin(means))])


def _interval(values: np.ndarray) -> str:
    """The mean, with a 95 % bootstrap interval over studies."""
    draws = np.random.default_rng(0).choice(values, (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{values.mean():+.4f} ({low:+.4f} to {high:+.4f})"
