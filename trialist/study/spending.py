"""What is spent, and what is expected to fit: budgets are hard, and keep a reserve for the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from trialist.schedule.stopping import should_end
from trialist.search.choose import Stages
from trialist.study.session import Session
from trialist.trials.history import History
from trialist.trials.plan import duration
from trialist.trials.trial import TrialRecord

CAUTION = 0.75  # quantile of the trials seen so far that the next one is expected not to exceed


def seconds_per_trial(history: History) -> float | None:
    """Seconds that a whole trial is expected to take at most; None before the first."""
    return _expected(history, lambda record: record.seconds)


def may_start(
    session: Session, stages: Stages, workers: int, share: float, since: int = 0
) -> Callable[[History], str | None]:
    """A rule for the loop: None while another trial is expected to fit into `share` of the budget, else why not.

    Of time and money, what the later stages are expected to need is left untouched.
    since: failures of earlier trials do not count; what broke them may be repaired, that is why it is run again.
    """

    def rule(history: History) -> str | None:
        ended = should_end(history, session.plan, since)
        if ended or not history.scored:  # the baseline always runs
            return ended
        for limit, spent, each, lanes, words in _limits(session, history, workers):
            reserve = (stages.select + 2 * stages.test_seeds) * each / lanes
            left = min(share * limit, limit - reserve) - spent
            if each > left:
                return words
        return None

    return rule


def affordable(session: Session, stages: Stages, workers: int) -> Stages:
    """The stages with as many replicates, then finalists, as time and money still allow before the verification."""
    history = session.history()
    for limit, spent, each, lanes, _ in _limits(session, history, workers):
        runs = (limit - spent) * lanes / each - 2 * stages.test_seeds if each > 0 else float("inf")
        while stages.select > max(runs, 0.0):
            if stages.replicates > 1:
                stages = replace(stages, replicates=stages.replicates - 1)
            elif stages.finalists > 2:
                stages = replace(stages, finalists=stages.finalists - 1)
            else:
                stages = replace(stages, finalists=0, replicates=0)
    return stages


def _limits(session: Session, history: History, workers: int) -> Iterator[tuple[float, float, float, int, str]]:
    """Each limit but trials: (limit, spent, one trial's expected share, how many run at once, the reason to stop)."""
    budget = session.plan.budget
    if budget.seconds is budget.compute_seconds is budget.cost is None:
        return  # nothing to read
    spent = session.store.spent(session.name)
    each = seconds_per_trial(history) or 0.0
    told = f"another trial of about {duration(each)} would not fit"
    if budget.seconds is not None:
        yield budget.seconds, spent["seconds"], each, workers, f"{duration(budget.seconds)} of time: {told}"
    if budget.compute_seconds is not None:
        words = f"{duration(budget.compute_seconds)} of compute: {told}"
        yield budget.compute_seconds, spent["compute_seconds"], each, 1, words
    if budget.cost is not None:
        cost = _expected(history, lambda record: record.cost) or 0.0
        words = f"a budget of {budget.cost:g}: another trial of about {cost:.3g} would not fit"
        yield budget.cost, spent["cost"], cost, 1, words


def _expected(history: History, measure: Callable[[TrialRecord], float | None]) -> float | None:
    """A cautious guess from the trials that ran to their end; from the others where there are none."""
    for records in (history.scored, history.records):
        seen = sorted(value for record in records if (value := measure(record)) is not None)
        if seen:
            return seen[min(int(CAUTION * len(seen)), len(seen) - 1)]
    return None
