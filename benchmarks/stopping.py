"""How good the stopping rules are: simulated studies, each run once to its end, then replayed trial by trial.

  python benchmarks/stopping.py --jobs 2

A rule that fires says what is probably left. The realised regret is what the rest of the budget did gain: the true loss
of the incumbent when the rule fired, less that of the incumbent after the last trial, or 0. It is to lie within the
bound that was told with it in nine studies of ten; and the rule is to fire
neither before 10 trials nor never.

Studies have `--budget` trials of six minutes, whose functions are drawn anew for each seed; an hour is worth a share of
the function's own standard deviation over random points. The rules were calibrated on some families of functions; the
others tell how they do on what nobody looked at. What the columns mean: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kept import Job, Run, add_options, completed, one_thread

CALIBRATED = ("ackley3", "ackley6", "rosenbrock2", "rosenbrock4", "bowl2", "bowl5", "bowl8", "mixed10")
HELD_OUT = ("levy2", "levy5", "hartmann6", "styblinski4", "branin2", "valley3", "valley6", "field2", "field4")
NOISE = ("0", "0.1", "0.3")  # in standard deviations of the function over random points
TARGET, WORTH = 0.05, 0.01  # above the optimum, and per hour: in the same unit
SECONDS = 360.0  # of a trial
LEAST = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--budget", type=int, default=150)
    parser.add_argument(
        "--replays", type=Path, default=Path("build/stopping-replays.jsonl"), help="what the rules said"
    )
    add_options(parser, "build/stopping-runs.jsonl")
    args = parser.parse_args()
    one_thread()
    jobs = [
        Job("trialist:auto", f"drawn:{function}/{noise}/{seed}", seed, args.budget, args.tag)
        for seed in range(args.seeds)
        for function in (*CALIBRATED, *HELD_OUT)
        for noise in NOISE
    ]
    completed(jobs, run, args.out, args.jobs)
    found = completed(jobs, partial(replayed, kept=args.out), args.replays, args.jobs)
    for title, families in (("calibrated on", CALIBRATED), ("held out", HELD_OUT), ("all", CALIBRATED + HELD_OUT)):
        show(title, [each for each in found if family_of(each) in families])
    for title, noises in (("all, without noise", NOISE[:1]), ("all, with noise", NOISE[1:])):
        show(title, [each for each in found if each["problem"].split("/")[1] in noises])


def run(job: Job) -> Run:
    """A study to its end: configurations, losses as observed, true losses."""
    import numpy as np
    from optimizers import make
    from problems import get

    problem, rng = get(job.problem), np.random.default_rng([job.seed, 77])
    optimizer = make(job.optimizer, problem.space, job.seed, job.budget)
    configs, losses, trues = [], [], []
    for _ in range(job.budget):
        token, config = optimizer.ask()
        observed, true = problem.observed(config, rng)
        optimizer.tell(token, config, observed)
        configs.append(config)
        losses.append(observed)
        trues.append(true)
    optimizer.close()
    return {"configs": configs, "losses": losses, "true": trues}


def replayed(job: Job, kept: Path) -> Run:
    """When each rule fired in that study, what it said, and what was left: in units of the function's deviation."""
    import time
    from dataclasses import replace

    from problems import get
    from problems.drawn import optimum
    from problems.synthetic import spread

    from trialist.stopping.prospects import Prospects
    from trialist.stopping.rules import Rules
    from trialist.trials.budget import Budget
    from trialist.trials.history import History
    from trialist.trials.plan import Objective, Plan
    from trialist.trials.stopping import Plateau, Stopping, Target, Worth

    study = next(line for line in map(json.loads, kept.open()) if (line["problem"], line["tag"]) == job[1:5:3])
    problem = get(job.problem)
    unit, lowest, true = spread(problem.space, problem.loss), optimum(problem), study["true"]
    records = [record(i, *each) for i, each in enumerate(zip(study["configs"], study["losses"], strict=True))]
    rules = {
        "target": Target(lowest + TARGET * unit),
        "plateau": Plateau(20),
        "regret": "regret",
        "emmr": "emmr",
        "worth": Worth(WORTH * unit, per="hour"),
    }
    plan = Plan("simulated", (Objective("loss"),), Budget(trials=job.budget))
    plans = {name: replace(plan, stopping=Stopping.of(rule)) for name, rule in rules.items()}
    asked, prospects = Rules(), Prospects()

    def incumbent(n: int) -> int:
        seen = prospects.at(History(plan, problem.space, tuple(records[:n])), n)
        return min(range(n), key=lambda i: records[i].loss) if seen is None else seen.incumbent

    final, said, seconds = true[incumbent(job.budget)], {}, []
    for n in range(1, job.budget):
        started = time.perf_counter()
        for name in plans.keys() - said.keys():
            history = History(plans[name], problem.space, tuple(records[:n]))
            if (ending := asked.ending(history)) is not None:
                here = incumbent(n)
                gain, most = max(true[here] - final, 0.0), ending.left.most if ending.left else None
                kept_own = {
                    "target": true[n - 1] <= rules["target"].levels[0][1] + 2 * problem.noise,
                    "regret": gain <= ending.threshold,
                }
                said[name] = {
                    **ending.to_json(),
                    "gain": gain / unit,
                    "regret": (true[here] - lowest) / unit,
                    "most": None if most is None else most / unit,
                    "kept_own": kept_own.get(name),
                }
        seconds.append(time.perf_counter() - started)
    return {"said": said, "ask_ms": 1e3 * sum(seconds) / len(seconds), "slowest_ms": 1e3 * max(seconds)}


def record(number: int, config: dict[str, Any], loss: float) -> Any:
    from trialist.trials.trial import Score, Stage, State, TrialRecord

    return TrialRecord(
        number, State.COMPLETE, Stage.SEARCH, config, "", "gp", 0, metrics={"loss": Score((loss,))}, loss=loss,
        seconds=SECONDS,
    )  # fmt: skip


def family_of(replay: Run) -> str:
    return str(replay["problem"].partition(":")[2].partition("/")[0])


def show(title: str, replays: Sequence[Run]) -> None:
    """A line for each rule."""
    import numpy as np
    from search_tables import show as table

    rows = []
    for name in ("target", "plateau", "regret", "emmr", "worth"):
        fired = [replay["said"][name] for replay in replays if name in replay["said"]]
        row = [name, f"{len(fired) / max(len(replays), 1):.0%}"]
        if fired:
            trials, gain, regret = (np.array([each[key] for each in fired]) for key in ("trials", "gain", "regret"))
            told = np.array([each["gain"] <= each["most"] + 1e-12 for each in fired if each["most"] is not None])
            most = [each["most"] for each in fired if each["most"] is not None]
            own = [each["kept_own"] for each in fired if each["kept_own"] is not None]
            row += [f"{np.median(trials):.0f} ({trials.min()}–{trials.max()})", f"{np.mean(trials < LEAST):.0%}"]
            row += [f"{gain.mean():.4f}", f"{np.median(gain):.4f}", f"{np.median(most):.4f}", f"{told.mean():.0%}"]
            row += [f"{np.mean(own):.0%}" if own else "", f"{np.median(regret):.4f}"]
        rows.append(row + [""] * (10 - len(row)))
    heads = ["rule", "fired", "trial (range)", "before 10", "gain left, mean", "median", "told at most", "within"]
    table(f"{title}: {len(replays)} studies", [*heads, "own bound kept", "regret, median"], rows)


if __name__ == "__main__":
    main()
