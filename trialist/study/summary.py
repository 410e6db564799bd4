"""One line on where a study stands: the best against the default, never the best alone."""

from __future__ import annotations

from trialist.study.prose import counted
from trialist.trials.feasibility import violations
from trialist.trials.history import History
from trialist.trials.trial import State, TrialRecord
from trialist.trials.validation import Folds, Holdout, Items, Seeds, Validation


def best_against_default(history: History) -> str:
    """The best search score beside the default's, or why there is none."""
    objective, best, baseline = history.plan.objective, history.best, history.baseline
    closed = sum(1 for r in history.explored if r.state.is_closed) + len(history.paused)
    if best is None:
        failed = sum(1 for r in history.explored if r.state is State.FAILED)
        return f"no score after {counted(closed, 'trial')}, {failed} of them failed"
    if not best.is_feasible:
        return (
            f"no trial of {closed} satisfies the measured constraints; trial {best.number} comes nearest, with "
            f"{objective.name} {best.value:.4g}: it {violations(best)}"
        )
    cheap = f", {len(history.scored)} of them in full" if history.paused else ""
    line = f"best {objective.name} {best.value:.4g} (trial {best.number}) after {counted(closed, 'trial')}{cheap}"
    if baseline is None:
        return f"{line}; the default has no score"
    if best.number == baseline.number:
        return f"{line}: the default itself"
    violated = "" if baseline.is_feasible else f", which {violations(baseline)}"
    return f"{line}; default {baseline.value:.4g}{violated}"


def constraint_note(baseline: TrialRecord | None, best: TrialRecord | None) -> str:
    """What the two compared trials violate, in words; an empty text where nothing is to be said."""
    if best is not None and not best.is_feasible:
        return f"trial {best.number} {violations(best)}: no trial satisfies every measured constraint"
    if best is not None and baseline is not None and not baseline.is_feasible:
        return f"the default {violations(baseline)}; trial {best.number} satisfies every measured constraint"
    return ""


def unit_noun(validation: Validation) -> str:
    """What the units of a whole trial are called.

    >>> unit_noun(Folds(5)), unit_noun(Holdout()), unit_noun(Seeds(3)), unit_noun(Items(8))
    ('folds', 'draws', 'seeds', 'blocks')
    """
    return {Folds: "folds", Holdout: "draws", Seeds: "seeds", Items: "blocks"}[type(validation)]
