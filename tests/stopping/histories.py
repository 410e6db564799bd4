"""Histories to ask stopping rules about: simple functions, searched as a good strategy would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from trialist.space.parameter import Float
from trialist.space.space import Space
from trialist.testing.strategies import PLAN
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.stopping import Stopping
from trialist.trials.trial import Score, Stage, State, TrialRecord

SQUARE = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
ONE = replace(PLAN, budget=Budget())


def record(number: int, loss: float | Sequence[float], x: float = 0.5, y: float = 0.5, **more: object) -> TrialRecord:
    """A full run; several losses are replicates."""
    score = Score((loss,) if isinstance(loss, float) else tuple(loss))
    given = {"metrics": {"loss": score}, "loss": score.mean, "seconds": 60.0, "cost": 0.5, **more}
    return TrialRecord(number, State.COMPLETE, Stage.SEARCH, {"x": x, "y": y}, "", "test", 0, **given)


def history(records: Sequence[TrialRecord], plan: Plan = ONE, stopping: object = "auto") -> History:
    return History(replace(plan, stopping=Stopping.of(stopping)), SQUARE, tuple(records))


def losses(*values: float, plan: Plan = ONE, stopping: object = "auto") -> History:
    return history([record(i, float(value)) for i, value in enumerate(values)], plan, stopping)


def searched(
    n: int, noise: float = 0.0, scale: float = 1.0, seed: int = 0, loss: Callable[[float, float], float] | None = None
) -> list[TrialRecord]:
    """n trials of a bowl with its optimum of 0 at (0.3, 0.6): a third anywhere, the others ever nearer to the best."""
    rng = np.random.default_rng(seed)
    bowl = loss or (lambda x, y: (x - 0.3) ** 2 + 2 * (y - 0.6) ** 2)
    found: list[TrialRecord] = []
    for i in range(n):
        best = min(found, key=lambda r: r.loss or 0.0).params if found and i % 3 else None
        step = 0.3 * 0.93**i
        x, y = rng.random(2) if best is None else np.clip([best["x"], best["y"]] + step * rng.standard_normal(2), 0, 1)
        value = scale * (bowl(x, y) + noise * float(rng.standard_normal()))
        found.append(record(i, value, float(x), float(y)))
    return found


def flipped(records: Sequence[TrialRecord], plan: Plan = ONE) -> tuple[list[TrialRecord], Plan]:
    """The same study of a metric of which more is better."""
    turned = [
        replace(r, metrics={"loss": Score(tuple(-v for v in r.metrics["loss"].replicates))}, loss=r.loss)
        for r in records
    ]
    return turned, replace(plan, objectives=(Objective("loss", Direction.MAXIMIZE),))
