"""From what a user declares to a session: plans, spaces and stores from arguments; created, or resumed if the same."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trialist.errors import PlanChangedError, StudyExistsError
from trialist.protocols import Revision, Store
from trialist.schedule.schedulers import scheduler_for
from trialist.schedule.stopping import check_stopping
from trialist.search.choose import check_strategy
from trialist.space.revision import differences
from trialist.space.space import Space
from trialist.store import open_store
from trialist.study.session import Session
from trialist.trials.plan import Budget, Limits, Plan, objectives_of

DEFAULT_STORE = "trialist.db"


def opened(plan: Plan, space: Space, store: Store) -> Session:
    """The study of that plan: created, or resumed where the same plan and space were declared before.

    PlanChangedError lists the differences where the name has another plan or space.
    """
    try:
        return Session(store, store.create_study(plan, space, time.time()), space)
    except StudyExistsError:
        study = store.load_study(plan.name)
    found: tuple[str, ...] = ()
    for revision in (*store.revisions(plan.name), Revision(0, 0.0, "", study.plan, study.space)):
        # Without dials, the objective declares them as it runs: nothing to compare.
        spaces = differences(revision.space, space) if len(space) else ()
        found = (*revision.plan.differences(plan), *spaces)
        if not found:
            return Session(store, study, space)
    listed = "; ".join(found)
    raise PlanChangedError(
        f"study {plan.name!r} in {store.url} was declared with another plan: {listed}. "
        "Give another name, extend the budget (trialist extend, study.extend), or grow the space (study.grow)."
    )


def plan_of(
    *,
    minimize: str | list[str] | None,
    maximize: str | list[str] | None,
    budget: Budget | int | None,
    trial_seconds: float | None,
    trial_memory: int | None,
    strategy: str,
    scheduler: str,
    stopping: str,
    **rest: Any,
) -> Plan:
    """A Plan from the arguments of `Study.create` and `tune`, all names checked."""
    check_strategy(strategy), scheduler_for(scheduler), check_stopping(stopping)
    return Plan(
        objectives=objectives_of(minimize, maximize),
        budget=Budget.of(budget),
        limits=Limits(trial_seconds, trial_memory),
        strategy=strategy,
        scheduler=scheduler,
        stopping=stopping,
        **rest,
    )


def space_of(space: Space | Mapping[str, Any] | None) -> Space:
    """A Space as it is, a dict of parameters as one, None as one without dials yet."""
    return space if isinstance(space, Space) else Space({} if space is None else space)


def store_of(store: str | Path | Store, create: bool = True) -> Store:
    """A store as it is, a path or URL opened."""
    return open_store(store, create=create) if isinstance(store, (str, Path)) else store
