"""One line on where a study stands: the best against the default, never the best alone."""

from __future__ import annotations

from trialist.trials.history import History
from trialist.trials.trial import State


def best_against_default(history: History) -> str:
    """The best search score beside the default's, or why there is none."""
    objective, best, baseline = history.plan.objective, history.best, history.baseline
    closed = sum(1 for r in history.explored if r.state.is_closed)
    if best is None:
        failed = sum(1 for r in history.explored if r.state is State.FAILED)
        return f"no score after {closed} trials, {failed} of them failed"
    line = f"best {objective.name} {best.value:.4g} (trial {best.number}) after {closed} trials"
    if baseline is None:
        return f"{line}; the default has no score"
    if best.number == baseline.number:
        return f"{line}: the default itself"
    return f"{line}; default {baseline.value:.4g}"
