"""`trialist.report`: how a script that runs as a command says how it goes. It needs nothing heavy."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from trialist.errors import ResultError, shown
from trialist.trials.outcome import constraints_of, number


def report(
    step: int | None = None, *, of: int | None = None, constraints: Mapping[str, Any] | None = None, **metrics: Any
) -> None:
    """Tell metrics by name, after `step` steps; without a step, the result at the end.

    of: how many steps a full run has, so that runs of different lengths are compared at equal shares of theirs.
    constraints: measured ones by name, each satisfied where its value is at most 0.  A metric named trial_cost is what
    the trial cost, in the budget's unit of money.
    Goes into the file that TRIALIST_METRICS names, which a study sets; without one it is printed, as a line of JSON.
    Raises ResultError for a metric or constraint that is no number, a step or length that is no whole number from 0 on,
    or where nothing is told.

    >>> report(3, val_loss=0.41)
    {"step": 3, "val_loss": 0.41}
    >>> report(constraints={"latency": 57 - 50}, trial_cost=0.12)
    {"trial_cost": 0.12, "constraints": {"latency": 7.0}}
    """
    measured = constraints_of(constraints)
    if not metrics and not measured:
        raise ResultError("report", f"{shown(step)} comes with no metric", "Give at least one, such as val_loss=0.41.")
    values: dict[str, Any] = {}
    for name, count in (("step", step), ("of", of)):
        if count is None:
            continue
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ResultError(name, f"{shown(count)} is no number of steps", "Give a whole number, at least 0.")
        values[name] = count
    values |= {name: number(name, value) for name, value in metrics.items()}
    if measured:
        values["constraints"] = measured
    line = json.dumps(values)
    path = os.environ.get("TRIALIST_METRICS")
    if path is None:
        print(line, flush=True)
        return
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")
