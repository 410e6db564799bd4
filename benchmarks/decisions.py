"""What a scheduler costs: a decision on a report, beside many trials, and the question what is to go on.

Curves are power laws with noise. Of the trials before, a third ran in full and the others were halted on the way. Then
some trials run, and each of their reports is decided upon in a history of which one record has changed since the last
one, as in a study; making that history is not counted. Times are of the processor, so that a busy machine adds nothing.

  python benchmarks/decisions.py --trials 100 1000 --reports 50
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

from kept import one_thread

RUNS = 20  # measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--reports", type=int, default=50)
    args = parser.parse_args()
    one_thread()

    from search_tables import show

    from trialist.scheduling.schedulers import SCHEDULERS

    for trials in args.trials:
        rows = [[name, *measure(name, trials, args.reports)] for name in SCHEDULERS]
        show(
            f"{trials:,} trials, {args.reports} reports each: ms",
            ["scheduler", "decision, median", "99 %", "longest", "the first one", "what goes on, median"],
            rows,
        )


def measure(name: str, trials: int, reports: int) -> list[str]:
    import numpy as np

    from trialist.model.audit import MARK
    from trialist.numerics.keys import Key
    from trialist.scheduling.schedulers import scheduler_for
    from trialist.space.parameter import Float
    from trialist.space.space import Space
    from trialist.trials.budget import Budget
    from trialist.trials.history import History
    from trialist.trials.messages import Reported
    from trialist.trials.plan import Objective, Plan
    from trialist.trials.trial import Action, Report, Score, Stage, State, Taken, TrialRecord

    space = Space(x=Float(0.0, 1.0))
    plan = Plan("decisions", (Objective("loss"),), Budget(seconds=1e6))
    rng = np.random.default_rng(0)
    t = np.arange(1, reports + 1)

    def curve() -> list[float]:
        end, drop, b = rng.random(), rng.exponential(), np.exp(rng.normal(-0.7, 0.5))
        return list(end + drop * t**-b + 0.01 * rng.normal(size=reports))

    records = []
    for number in range(trials):
        values, full = curve(), number % 3 == 0
        upto = reports if full else int(rng.integers(2, reports))
        told = tuple(Report(int(step), value) for step, value in zip(t[:upto], values, strict=False))
        scores = {"loss": Score((values[-1],))} if full else {}
        state = State.COMPLETE if full else (State.PAUSED if number % 3 == 1 else State.STOPPED)
        loss = values[-1] if full else None
        record = TrialRecord(number, state, Stage.SEARCH, {"x": 0.5}, "", "", number, length=reports)
        checked = (Taken(1, Action.GO_ON, f"{MARK}one that ran to its end"),) if number == 9 else ()
        records.append(replace(record, reports=told, metrics=scores, loss=loss, course=checked))
    scheduler, took, further = scheduler_for(name), [], []
    for number in range(trials, trials + RUNS):
        records.append(TrialRecord(number, State.RUNNING, Stage.SEARCH, {"x": 0.5}, "", "", number, length=reports))
        for step, value in zip(t, curve(), strict=True):
            history, report = History(plan, space, tuple(records)), Reported(number, 0, int(step), value, of=reports)
            began = time.process_time()
            scheduler.decide(history, report)  # all reports are asked about, whatever was decided before
            took.append(1e3 * (time.process_time() - began))
            records[number] = replace(records[number], reports=(*records[number].reports, Report(int(step), value)))
        records[number] = replace(records[number], state=State.STOPPED)
        history, began = History(plan, space, tuple(records)), time.process_time()
        scheduler.resume(history, Key(0, number + 1))
        further.append(1e3 * (time.process_time() - began))
    first, later = took[0], np.array(took[1:])
    shown = [np.median(later), np.quantile(later, 0.99), later.max(), first, np.median(further)]
    return [f"{ms:.2f}" for ms in shown]


if __name__ == "__main__":
    main()
