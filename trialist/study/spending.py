"""What is spent, and whether another trial is expected to fit: budgets are hard, and keep a reserve for the verdict."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from trialist.schedule.stopping import should_end
from trialist.search.choose import Stages
from trialist.study.session import Session
from trialist.trials.history import History
from trialist.trials.plan import duration


def seconds_per_trial(history: History) -> float | None:
    """The median run time of closed trials; None before the first."""
    times = [r.seconds for r in history.explored if r.state.is_closed and r.seconds is not None]
    return median(times) if times else None


def may_start(session: Session, stages: Stages, workers: int, share: float) -> Callable[[History], str | None]:
    """A rule for the loop: None while another trial is expected to fit into `share` of the budget, else why not.

    From time and money, what the later stages are expected to need is set aside first.
    """
    budget = session.plan.budget
    limited = budget.seconds is not None or budget.compute_seconds is not None or budget.cost is not None

    def rule(history: History) -> str | None:
        ended = should_end(history, session.plan)
        if ended or not limited or len(history) == 0:       # the baseline always runs
            return ended
        spent = session.store.spent(session.name)
        each = seconds_per_trial(history) or 0.0
        later = stages.select + 2 * stages.test_seeds
        if budget.seconds is not None:
            left = share * max(budget.seconds - later * each / workers, 0.0) - spent["seconds"]
            if each > left or left <= 0:
                return f"{duration(budget.seconds)} of time: another trial of about {duration(each)} would not fit"
        if budget.compute_seconds is not None:
            left = share * max(budget.compute_seconds - later * each, 0.0) - spent["compute_seconds"]
            if each > left or left <= 0:
                return f"{duration(budget.compute_seconds)} of compute: another trial of about {duration(each)} would not fit"
        if budget.cost is not None:
            costs = [r.cost for r in history if r.cost is not None]
            mean = sum(costs) / len(costs) if costs else 0.0
            left = share * max(budget.cost - stages.select * mean, 0.0) - spent["cost"]
            if mean > left or left <= 0:
                return f"a budget of {budget.cost:g}: another trial of about {mean:g} would not fit"
        return None

    return rule
