"""The schedulers by name, and the one that lets every trial run to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trialist.errors import PlanError, shown
from trialist.protocols import Scheduler
from trialist.schedule.median import MedianRule
from trialist.schedule.once import RunsOnce
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Decision


class GoOn(RunsOnce):
    """Lets every trial run to its end."""

    name = "none"

    def decide(self, history: History, report: Reported) -> Decision:
        return GO_ON


_BUILDERS: Mapping[str, Callable[[], Scheduler]] = {"auto": MedianRule, "median": MedianRule, "none": GoOn}
SCHEDULERS = tuple(_BUILDERS)


def scheduler_for(name: str) -> Scheduler:
    """The scheduler of that name; "auto" is the median rule.  PlanError names the nearest where there is none."""
    if name in _BUILDERS:
        return _BUILDERS[name]()
    from difflib import get_close_matches

    near = get_close_matches(str(name), SCHEDULERS, n=1, cutoff=0.5)
    use = f"Use {near[0]!r}; there are" if near else "Use one of"
    raise PlanError("scheduler", f"{shown(name)} is not a scheduler", f"{use} {', '.join(SCHEDULERS)}.")
