"""From what a user declares to a session: plans, spaces and stores from arguments; created, or resumed if the same."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trialist.errors import PlanChangedError, PlanError, StudyExistsError, shown
from trialist.protocols import Revision, Scheduler, Store
from trialist.scheduling.schedulers import check_scheduler
from trialist.search.choose import check_strategy
from trialist.space.revision import differences
from trialist.space.space import Space
from trialist.store import open_store
from trialist.study import earlier
from trialist.study.earlier import Earlier
from trialist.study.scheduling import text_of
from trialist.study.session import Session
from trialist.trials.budget import Budget
from trialist.trials.plan import Limits, Plan, objectives_of
from trialist.trials.stopping import Stopping, Stops, Worth

DEFAULT_STORE = "trialist.db"


def created(plan: Plan, space: Space, store: Store, warm_start: Sequence[Earlier] = ()) -> Session:
    """A new study, with what its earlier studies know; StudyExistsError where the name is taken."""
    known = earlier.snapshot(warm_start, plan, store) if warm_start and plan.name not in store.studies() else None
    study = store.create_study(plan, space, time.time())
    if known is not None:
        store.write_stage(plan.name, earlier.STAGE, known, time.time(), once=True)
    return Session(store, study, space)


def opened(plan: Plan, space: Space, store: Store, warm_start: Sequence[Earlier] = ()) -> Session:
    """The study of that plan: created, or resumed where the same plan and space were declared before.

    warm_start: the earlier studies that the plan names; they are not looked at where they have been already.
    PlanChangedError lists the differences where the name has another plan or space.
    """
    try:
        return created(plan, space, store, warm_start)
    except StudyExistsError:
        study = store.load_study(plan.name)
    found: tuple[str, ...] = ()
    for revision in (*store.revisions(plan.name), Revision(0, 0.0, "", study.plan, study.space)):
        # Without dials, the objective declares them as it runs: nothing to compare.
        spaces = differences(revision.space, space) if len(space) else ()
        found = (*revision.plan.differences(plan), *spaces)
        if not found:
            if warm_start and earlier.STAGE not in study.stages:  # whoever created it died before it was kept
                known = earlier.snapshot(warm_start, plan, store)
                store.write_stage(plan.name, earlier.STAGE, known, time.time(), once=True)
            return Session(store, study, space)
    place = store.url.removeprefix("sqlite:///")
    listed, remedy = "; ".join(found), _remedy(plan.differences(study.plan), spaces)
    raise PlanChangedError(f"study {plan.name!r} in {place} was declared with another plan: {listed}. {remedy}")


def _remedy(of_plan: Sequence[str], of_space: Sequence[str]) -> str:
    """What leads on, by what is declared differently: a budget and a space may change, all else is another study."""
    budgets = [words for words in of_plan if words.startswith("budget: ")]
    if len(budgets) == len(of_plan) and not of_space:
        return "Extend its budget (trialist extend --budget, study.extend), or give another name (--name, name=)."
    if not of_plan:
        return "Give another name (--name, name=), or grow the space where it only becomes larger (study.grow)."
    also = "; a budget alone is extended (trialist extend --budget, study.extend)" if budgets else ""
    return f"Give another name (--name, name=), or ask for what was declared before{also}."


def plan_of(
    *,
    minimize: str | list[str] | None,
    maximize: str | list[str] | None,
    budget: Budget | int | None,
    trial_seconds: float | None,
    trial_memory: int | None,
    trial_cost: float | None = None,
    strategy: str,
    scheduler: str | Scheduler,
    stopping: Stops,
    worth: Worth | str | None = None,
    warm_start: Sequence[Earlier] = (),
    store: str | Path | Store = DEFAULT_STORE,
    **rest: Any,
) -> Plan:
    """A Plan from the arguments of `Study.create` and `tune`, all names checked.

    store: where the study will be, so that the earlier ones of its warm start are named as seen from there.
    """
    check_strategy(strategy)
    _check_store(store)
    plan = Plan(
        objectives=objectives_of(minimize, maximize),
        budget=Budget.of(budget),
        limits=Limits(trial_seconds, trial_memory, trial_cost),
        strategy=strategy,
        scheduler=text_of(scheduler),
        stopping=Stopping.of(stopping, worth),
        warm_start=earlier.named(warm_start, store),
        **rest,
    )
    check_scheduler(plan)
    return plan


def space_of(space: Space | Mapping[str, Any] | None) -> Space:
    """A Space as it is, a dict of parameters as one, None as one without dials yet."""
    return space if isinstance(space, Space) else Space({} if space is None else space)


def store_of(store: str | Path | Store, create: bool = True) -> Store:
    """A store as it is, a path or URL opened."""
    if isinstance(store, (str, Path)):
        return open_store(store, create=create)
    _check_store(store)
    return store


def _check_store(store: object) -> None:
    if not isinstance(store, (str, Path)) and not hasattr(store, "create_study"):
        remedy = "Give a path such as 'trialist.db', 'memory', or an object with the methods of a Store."
        raise PlanError("store", f"{shown(store)} is no place where studies are kept", remedy)
