"""What an objective may return, and what that means: a number, a list of replicates, or a dict of metrics."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from trialist.errors import ResultError, shown
from trialist.space.plain import check_plain
from trialist.trials.trial import Cause, Failure

_REMEDY = "Give a number, a list of numbers (replicates), or a dict of metrics by name."


def outcome(value: Any, objectives: Sequence[str]) -> dict[str, tuple[float, ...]] | Failure:
    """Replicates by metric, the first objective first; or the Failure that a missing or non-finite score is.

    Raises ResultError where the value is of a wrong type, which no other configuration would cure.
    """
    if value is None:
        return Failure(
            Cause.OBJECTIVE,
            "the objective returned None, and no value was reported: return a number, or use trial.report(value)",
        )
    if isinstance(value, Mapping):
        missing = [name for name in objectives if name not in value]
        if missing:
            raise ResultError(
                "value", f"the returned dict {shown(value)} has no {missing[0]!r}", f"Give the metric {missing[0]!r}."
            )
        given = {name: value[name] for name in (*objectives, *(k for k in value if k not in objectives))}
    elif len(objectives) > 1:
        raise ResultError(
            "value",
            f"{shown(value)} is one result for {len(objectives)} objectives",
            "Return a dict of metrics by name.",
        )
    else:
        given = {objectives[0]: value}
    metrics = {}
    for name, item in given.items():
        if not isinstance(name, str):
            raise ResultError(
                "value", f"the returned dict has the key {shown(name)}", "Use text for the names of metrics."
            )
        replicates = _replicates(name, item)
        bad = [x for x in replicates if not math.isfinite(x)]
        if bad and name in objectives:
            return Failure(Cause.OBJECTIVE, _non_finite(name, bad[0]))
        metrics[name] = replicates
    return metrics


def number(field: str, value: Any) -> float:
    """A real number as float (NumPy scalars and 0-d arrays too), or ResultError naming `field`."""
    if isinstance(value, (bool, str, bytes)) or value is None:
        raise ResultError(field, f"{shown(value)} is not a number ({type(value).__name__})", _REMEDY)
    if isinstance(value, numbers.Real):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value == abs(value) else -math.inf  # only whole numbers are too long for a float
    if getattr(value, "shape", None) == () and hasattr(value, "item"):  # NumPy or PyTorch, 0-d
        return number(field, value.item())
    raise ResultError(field, f"{shown(value)} is not a number ({type(value).__name__})", _REMEDY)


def cost(value: Any) -> float:
    """What a trial cost, in the budget's unit of money; ResultError unless it is a finite number from 0 on."""
    found = number("cost", value)
    if not 0 <= found < math.inf:
        raise ResultError("cost", f"{shown(value)} is not a cost", "Give a finite number, at least 0.")
    return found


def constraint(name: Any, value: Any) -> tuple[str, float]:
    """A measured constraint; ResultError for a name that is no text, or a value that is no number (NaN is one)."""
    if not isinstance(name, str) or not name:
        raise ResultError("constrain", f"{shown(name)} is not a name", "Give a non-empty text as name.")
    check_plain("constrain", name)
    return name, number(name, value)


def constraints_of(given: Any) -> dict[str, float]:
    """Measured constraints, given as a mapping of values by name or as None; ResultError for anything else."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ResultError(
            "constraints", f"{shown(given)} gives no values by name", 'Give a dict, as {"latency": -3.5}.'
        )
    return dict(constraint(name, value) for name, value in given.items())


def _replicates(name: str, item: Any) -> tuple[float, ...]:
    if isinstance(item, list) or getattr(item, "ndim", 0) == 1:
        listed = list(item)
        if not listed:
            raise ResultError("value", f"{name} is an empty list {shown(item)}", _REMEDY)
        return tuple(number("value", x) for x in listed)
    return (number("value", item),)


def _non_finite(name: str, value: float) -> str:
    what = "NaN" if math.isnan(value) else ("infinity" if value > 0 else "minus infinity")
    return f"{name} is {what}: the run diverged, or its score is not defined for this configuration"
