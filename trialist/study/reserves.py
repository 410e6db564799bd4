"""What is kept aside of a budget: what no trial of the search may take, how much, and why.

The later stages need some of each limit, and money that was not told may have been spent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from trialist.budget.forecast import WORTH, Kept
from trialist.budget.pace import presumed
from trialist.search.stages import Stages
from trialist.study.expectations import Expectations
from trialist.study.loop import whole_baseline
from trialist.study.prose import counted
from trialist.trials.history import History
from trialist.trials.trial import Action, Stage, State, TrialRecord
from trialist.trials.validation import test_share

VERIFICATION_SHARE = 0.4  # of a limit, at most


def for_verification(
    name: str,
    limit: float,
    history: History,
    stages: Stages,
    expected: Expectations,
    lanes: int = 1,
    *,
    can_end: bool = True,
    start: float = 0.0,
    aside: float = 1.0,
) -> float:
    """What the verification is expected to need of a limit, but never so much that nothing is left to search with.

    lanes: workers that share it.  can_end: a training can be ended before it takes more than it may.  start: what it
    takes before any begins.  aside: see `spending.Marks`.
    """
    if not stages.test_seeds or name == "full_runs":
        return 0.0
    sides = sides_of(history)
    amounts = [expected.of(name, record.params) for record in sides] or [expected.of(name, None)] * 2
    share = test_share(history.plan.validation)
    whole = share * aside * stages.test_seeds * math.fsum(amount.likely for amount in amounts) / lanes
    least = max if lanes > 1 else math.fsum
    most = history.plan.budget.share("verify", VERIFICATION_SHARE) * limit
    pair = share * least([amount.most if aside == 1.0 else amount.likely for amount in amounts])
    if not can_end:  # it has to fit for sure; hardly ever are both dearer than is likely
        likely = math.fsum(amount.likely for amount in amounts)
        pair = share * (likely + max(amount.most - amount.likely for amount in amounts))
    return min(start + max(whole, pair), most)


def rest_of_default(name: str, history: History, expected: Expectations) -> float:
    """What the default still needs to be measured in full."""
    if whole_baseline(history) is None:
        return 0.0
    return expected.of(name, history[0].params, share_of(history, None, history[0])).likely


def kept_of(
    history: History,
    stages: Stages,
    expected: Expectations,
    spent: Mapping[str, float],
    workers: int = 1,
    tested: Mapping[str, float] | None = None,
) -> dict[str, tuple[Kept, ...]]:
    """By the names of Budget: what is kept aside of it now, as far as that is known; nothing before a trial has told.

    tested: what the trainings of the verification told, where it is over: of what was kept for it they may have left
    money, which nobody told of.
    """
    budget, found = history.plan.budget, {}
    for name, limit in (
        ("seconds", budget.seconds),
        ("compute_seconds", budget.compute_seconds),
        ("cost", budget.cost),
    ):
        if limit is None or not expected.costs(name):
            continue
        told = _untold(history, expected) if name == "cost" and budget.per_second is None else []
        room = max(limit - spent.get(name, 0.0) - math.fsum(kept.amount for kept in told), 0.0)
        need = for_verification(name, limit, history, stages, expected, workers if name == "seconds" else 1)
        if tested is None:
            default = rest_of_default(name, history, expected)
            told = [
                Kept(min(need, room), "is kept for the verification"),
                Kept(min(default, max(room - need, 0.0)), "is kept for the default, to be run to its end"),
                *told,
            ]
        elif name == "cost" and not tested.get("cost"):
            told = [Kept(min(need, room), "was kept for the verification, and what that took it did not tell"), *told]
        found[name] = tuple(kept for kept in told if kept.amount >= WORTH * limit)
    return found


def _untold(history: History, expected: Expectations) -> list[Kept]:
    """Money that runs may have spent beyond what they told."""
    silent, ended = counted(len(expected.silent), "run"), presumed(history)
    doubt = expected.pace.doubt(ended)
    return [
        Kept(expected.untold, f"counts as spent by {silent} that failed and told no cost"),
        Kept(doubt, f"is kept in case {counted(len(ended), 'run')} that had to be ended cost more than is presumed"),
    ]


def sides_of(history: History) -> tuple[TrialRecord, ...]:
    """What a verification would train now: the default and the best, once where they are the same."""
    baseline = next((record for record in history if record.stage is Stage.BASELINE), None)
    found = {record.number: record for record in (baseline, history.best) if record is not None}
    return tuple(found.values())


def share_of(history: History, fidelity: float | None, before: TrialRecord | None = None) -> float:
    """What a run to that fidelity goes through, of a full one.

    before: the trial as far as it came; that is spared where trials that went on began at their checkpoints.
    """
    dial = history.plan.fidelity
    if dial is None:
        return 1.0
    amount = dial.high if fidelity is None else fidelity
    if before is None or not before.reports or not _resumes(history):
        return dial.share(amount)
    return dial.share(max(amount - before.reports[-1].step, 0.0))


def _resumes(history: History) -> bool:
    """Whether the last trial that went on after a pause began where it had been."""
    went_on = (r for r in reversed(history.records) if r.reports and any(t.action is Action.RESUME for t in r.course))
    last = next((record for record in went_on if record.state is not State.RUNNING), None)
    return last is not None and last.used <= last.reports[-1].step
