"""The schedulers by name, each imported when it is built, and the one that lets every trial run to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from trialist.errors import PlanError, shown
from trialist.protocols import Scheduler
from trialist.scheduling.auto import Auto
from trialist.scheduling.once import RunsOnce
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import GO_ON, Decision


@dataclass
class GoOn(RunsOnce):
    """Lets every trial run to its end; use it where scores are wanted of all, as for importances."""

    name = "none"

    def decide(self, history: History, report: Reported) -> Decision:
        return GO_ON


def _at_home(module: str, name: str) -> Callable[[], Scheduler]:
    return lambda: getattr(import_module(f"trialist.scheduling.{module}"), name)()


# When to use which, the docstring of each tells.
_BUILDERS: Mapping[str, Callable[[], Scheduler]] = {
    "auto": Auto,
    "none": GoOn,
    "median": _at_home("median", "MedianRule"),
    "halving": _at_home("halving", "Halving"),
    "hyperband": _at_home("halving", "Hyperband"),
    "promotion": _at_home("promotion", "ModelPromotion"),
    "patience": _at_home("patience", "Patience"),
    "curve": _at_home("curve", "CurveModel"),
    "racing": _at_home("racing", "Racing"),
    "knockout": _at_home("knockout", "Knockout"),
    "population": _at_home("population", "Population"),
}
SCHEDULERS = tuple(_BUILDERS)


def check_scheduler(plan: Plan) -> None:
    """PlanError where a scheduler reads curves, and reports are scores of folds or seeds, which are none."""
    name = plan.scheduler.partition("(")[0]
    if plan.validation is not None and name in _READ_CURVES:
        problem = f"{shown(name)} reads reports as a curve, and with {plan.validation} they are scores of their own"
        remedy = 'Use "auto", "racing" or "knockout", which compare trials score by score, or "none".'
        raise PlanError("scheduler", problem, remedy)


_READ_CURVES = {"median", "halving", "hyperband", "promotion", "patience", "curve", "population"} | {
    "MedianRule", "Halving", "Hyperband", "ModelPromotion", "Patience", "CurveModel", "Population"
}  # fmt: skip
_AT_RUNGS = {"halving", "hyperband", "promotion", "Halving", "Hyperband", "ModelPromotion"}


def uses_rungs(plan: Plan) -> bool:
    """Whether the scheduler that a plan names looks at trials at rungs, and audits them."""
    if plan.scheduler == "auto":
        return plan.fidelity is not None
    return plan.scheduler.partition("(")[0] in _AT_RUNGS


def scheduler_for(name: str) -> Scheduler:
    """The scheduler of that name.  PlanError names the nearest where there is none."""
    if name in _BUILDERS:
        return _BUILDERS[name]()
    from difflib import get_close_matches

    near = get_close_matches(str(name), SCHEDULERS, n=1, cutoff=0.5)
    use = f"Use {near[0]!r}; there are" if near else "Use one of"
    raise PlanError("scheduler", f"{shown(name)} is not a scheduler", f"{use} {', '.join(SCHEDULERS)}.")
