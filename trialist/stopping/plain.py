"""Rules that need no model: a target that is reached, and a plateau."""

from __future__ import annotations

from trialist.stopping.ending import Ending
from trialist.trials.history import History
from trialist.trials.plan import Objective
from trialist.trials.stopping import Plateau, Target
from trialist.trials.trial import TrialRecord

LEAST = 10  # full runs before a plateau is one


def target(rule: Target, history: History, since: int) -> Ending | None:
    """Fires once as many feasible full runs as asked reach every level; not where that was so before run `since`."""
    levels = [(_objective(history, metric), level) for metric, level in rule.levels]
    reached_by = [i for i, record in enumerate(history.scored) if _reaches(record, levels)]
    if len(reached_by) < rule.trials or reached_by[rule.trials - 1] < since:
        return None
    record = history.scored[reached_by[rule.trials - 1]]
    (objective, level), *_ = levels
    reached = ", ".join(f"{o.name} {record.metrics[o.name].mean:.4g}" for o, _ in levels)
    asked = ", ".join(f"{value:.4g}" for _, value in levels)
    nth = "" if rule.trials == 1 else f", the {_nth(rule.trials)} to do so,"
    reason = f"trial {record.number}{nth} reached the target: {reached}, where {asked} was asked for"
    return Ending(rule.name, record.metrics[objective.name].mean, level, reason, len(history.scored))


def plateau(rule: Plateau, history: History, since: int) -> Ending | None:
    """Fires when the last runs improved the best by no more than was asked for; those before `since` do not count."""
    n = len(history.scored)
    if n < LEAST or n - since < rule.trials or n == rule.trials:
        return None
    several = len(history.plan.objectives) > 1
    gained = gained_since(history, n - rule.trials)
    if gained is None or gained > rule.delta:
        return None
    what = "the volume that the front dominates" if several else f"the best {history.plan.objective.name}"
    by = f"{100 * gained:.2g} %" if several else f"{gained:.3g}"
    most = (
        ""
        if rule.delta == 0
        else f", no more than {100 * rule.delta:g} %"
        if several
        else f", no more than {rule.delta:g}"
    )
    happened = f"improved {what} by {by}{most}" if gained > 0 else f"did not improve {what}"
    return Ending(rule.name, gained, rule.delta, f"the last {rule.trials} trials {happened}", n)


def gained_since(history: History, before: int) -> float | None:
    """What the full runs after so many gained: of the best loss, with several objectives a share of the volume."""
    return (_volume_gained if len(history.plan.objectives) > 1 else _gained)(history, before)


def best_of(history: History, objective: Objective) -> float | None:
    """The best value of an objective among feasible full runs; None where there is none."""
    values = [record.metrics[objective.name].mean for record in history.feasible]
    return min(values, key=objective.loss, default=None)


def _nth(count: int) -> str:
    return {2: "second", 3: "third"}.get(count, f"{count}th")


def _objective(history: History, metric: str) -> Objective:
    return next(o for o in history.plan.objectives if not metric or o.name == metric)


def _reaches(record: TrialRecord, levels: list[tuple[Objective, float]]) -> bool:
    return record.is_feasible and all(o.loss(record.metrics[o.name].mean) <= o.loss(level) for o, level in levels)


def _gained(history: History, before: int) -> float | None:
    """By how much the best feasible loss fell after so many runs; None where there was none."""
    losses = [record.loss for record in history.scored[:before] if record.is_feasible and record.loss is not None]
    later = [record.loss for record in history.scored if record.is_feasible and record.loss is not None]
    return min(losses) - min(later) if losses else None


def _volume_gained(history: History, before: int) -> float | None:
    """The share of the dominated volume that was not dominated after so many runs."""
    import numpy as np

    from trialist.numerics.hypervolume import hypervolume, reference_point

    feasible = np.array([record.is_feasible for record in history.scored], dtype=bool)
    losses, is_early = history.losses[feasible], np.flatnonzero(feasible) < before
    if not is_early.any():
        return None
    losses = losses / np.maximum(np.abs(losses).max(axis=0), 1e-300)  # shares have no unit, and volumes would overflow
    reference = reference_point(losses)
    whole = hypervolume(losses, reference)
    # Points are summed in another order, so that the whole may be less by rounding.
    return max(1.0 - hypervolume(losses[is_early], reference) / whole, 0.0) if whole > 0 else 0.0
