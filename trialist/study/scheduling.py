"""The scheduler of a study: one that is known by name, or an object that its user gave."""

from __future__ import annotations

from trialist.errors import PlanError, shown
from trialist.numerics.keys import Key
from trialist.protocols import Scheduler
from trialist.scheduling.schedulers import scheduler_for
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import Decision, Promotion, Proposal


def text_of(scheduler: str | Scheduler) -> str:
    """What a plan says of a scheduler: its name, or how the object writes itself.  PlanError for what is neither."""
    if isinstance(scheduler, str):
        scheduler_for(scheduler)
        return scheduler
    if missing := [method for method in ("decide", "resume", "start") if not hasattr(scheduler, method)]:
        problem = f"{shown(scheduler)} has no {missing[0]}()"
        raise PlanError("scheduler", problem, "Give a name, or an object with decide, resume and start.")
    # An object that does not say how it is set is called by its class: its address would differ in each process.
    is_told = type(scheduler).__repr__ is not object.__repr__
    return repr(scheduler) if is_told else type(scheduler).__qualname__


def scheduler_of(plan: Plan, given: Scheduler | None = None) -> Scheduler:
    """The scheduler that a plan names: `given`, where it was declared as an object.

    Without that object the study can be looked at; PlanError where a decision is asked for.
    """
    if given is not None:
        return given
    try:
        return scheduler_for(plan.scheduler)
    except PlanError:
        return _Absent(plan.scheduler)


class _Absent:
    """Stands for an object that only the process that declared it has."""

    def __init__(self, name: str) -> None:
        self.name = name

    def decide(self, history: History, report: Reported) -> Decision:
        raise self._missing()

    def resume(self, history: History, key: Key) -> Promotion | Proposal | None:
        raise self._missing()

    def start(self, history: History, key: Key) -> float | None:
        raise self._missing()

    def _missing(self) -> PlanError:
        problem = f"{shown(self.name)} is an object, which no store can keep"
        return PlanError("scheduler", problem, "Pass it again: Study.load(..., scheduler=...), or run the script anew.")
