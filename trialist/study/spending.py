"""What is spent, and what is expected to fit: budgets are hard, and keep a reserve for the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from trialist.search.stages import Stages
from trialist.stopping.over import should_end
from trialist.study.session import Session
from trialist.trials.history import History
from trialist.trials.plan import duration
from trialist.trials.trial import TrialRecord

CAUTION = 0.75  # quantile of the trials seen so far that the next one is expected not to exceed
VERIFICATION_SHARE = 0.4  # of a limit, at most


def seconds_per_trial(history: History) -> float | None:
    """Seconds that a whole trial is expected to take at most; None before the first."""
    return _expected(history, lambda record: record.seconds)


def may_start(
    session: Session, workers: int, stages: Callable[[], Stages], share: Callable[[Stages], float], since: int = 0
) -> Callable[[History], str | None]:
    """A rule for the loop: None while another trial is expected to fit into a share of the budget, else why not.

    stages, share: asked anew each time, since they follow from what trials take. Of time and money, what verification
    is expected to need is set aside first.
    since: failures of earlier trials do not count; what broke them may be repaired, that is why it is run again.
    """

    def rule(history: History) -> str | None:
        ended = should_end(history, session.plan, since)
        if ended or not history.scored:  # the baseline always runs
            return ended
        for limit, spent, each, lanes, words in _limits(session, history, workers):
            now = stages()
            if each > share(now) * (limit - _set_aside(now.test_seeds, limit, each, lanes)) - spent:
                return words
        return None

    return rule


def affordable(session: Session, stages: Stages, workers: int) -> Stages:
    """The stages with as many replicates, then finalists, as time and money still allow before the verification."""
    for limit, spent, each, lanes, _ in _limits(session, session.history(), workers):
        left = limit - _set_aside(stages.test_seeds, limit, each, lanes) - spent
        while stages.select * each > max(left, 0.0) * lanes:
            if stages.replicates > 1:
                stages = replace(stages, replicates=stages.replicates - 1)
            elif stages.finalists > 2:
                stages = replace(stages, finalists=stages.finalists - 1)
            else:
                stages = replace(stages, finalists=0, replicates=0)
    return stages


def affordable_seeds(session: Session, workers: int) -> int:
    """Seeds of verification: as planned, fewer where the time that is left asks for it, but two, for an interval."""
    planned = session.plan.test_seeds
    for limit, spent, each, lanes, _ in _limits(session, session.history(), workers):
        if each > 0 and limit != session.plan.budget.cost:
            planned = min(planned, max(min(planned, 2), int((limit - spent) * lanes / each / 2)))
    return planned


def _set_aside(test_seeds: int, limit: float, each: float, lanes: int) -> float:
    """What verification is expected to need, but never so much that nothing is left to search with."""
    return min(2 * test_seeds * each / lanes, VERIFICATION_SHARE * limit)


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
