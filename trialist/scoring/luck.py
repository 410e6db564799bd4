"""Luck: how much too good the best score of a search is expected to be, as a model of all scores tells it.

That is the expected loss of the best-scored configuration less its score.  It needs the noise of a score: from runs of
the same configuration, from replicates, or, where there are scores enough, from what the model cannot explain.  A
parametric bootstrap (scores drawn round the expected losses, the best one picked) was further from the truth in
simulations: it forgets which score it was.  docs/select.md has the figures.  Smaller is better.
"""

from __future__ import annotations

import math

import numpy as np

from trialist.model.belief import LEAST, Belief, belief_of
from trialist.model.noise import are_folds, noise_of
from trialist.model.replicates import shared_units
from trialist.numerics.blocks import Array, blocks
from trialist.numerics.threads import one_thread
from trialist.scoring.optimism import BY_MODEL
from trialist.trials.history import History
from trialist.trials.trial import Stage

ENOUGH = 40  # scores from which on the model's own word on the noise is taken
FREEDOM = 3  # of runs scored again: fewer do not tell the noise


def expected_luck(history: History, number: int) -> tuple[float | None, str]:
    """How much too good the score of that trial, the best one, is expected to be, and what the noise was told by.

    None where the noise of a score is not known.
    """
    found = belief_of(history)
    if found is None:
        return None, "too few scores, or the better ones are all the same"
    with one_thread():
        noise, source = _noise(history, found)
        if noise is None:
            return None, source
        mean = found.of([number], noise)[0][0]
    return max(0.0, float(mean - found.losses[found.place[number]])), source


def _noise(history: History, found: Belief) -> tuple[float | None, str]:
    """By how much one configuration would score differently beside others: what all share makes none of them lucky."""
    R, overlap = _replicates(history)
    if R is not None:
        rest = blocks(R, overlap)
        J = R.shape[1]
        if rest.variance is not None:
            return math.sqrt(rest.variance * (1 / J + overlap)), f"on {J} units that all trials share"
    told = noise_of(history, math.nan)
    if not math.isnan(told.sd):
        return told.sd, told.source
    again = _runs_again(history)
    if again is not None:
        return again, "between runs on fresh seeds"
    if len(found.losses) >= ENOUGH:
        return found.noise, BY_MODEL
    return None, "the noise of a score is not known yet"


def _replicates(history: History) -> tuple[Array | None, float]:
    """(t, J) scores of the whole trials on units that all share, declared or found to be such, and their overlap."""
    J = shared_units(history.plan)
    scores = [record.score for record in history.scored if record.score]
    if not J and scores:
        J = len(scores[-1].replicates)
    same = [score for score in scores if len(score.replicates) == J]
    if J < 2 or len(same) < LEAST:
        return None, 0.0
    R = np.array([score.replicates for score in same])
    if not shared_units(history.plan) and not are_folds(R):
        return None, 0.0
    return R, max(score.overlap for score in same)


def _runs_again(history: History) -> float | None:
    """By the finalists on fresh seeds; None where these are too few.

    What a seed adds to all finalists is noise of the search as well, unless all of its trials shared their units.
    """
    runs: dict[int, dict[int, float]] = {}
    for record in history:
        if record.stage is Stage.SELECT and record.is_scored and record.repeats is not None and record.loss is not None:
            runs.setdefault(record.repeats, {})[record.seed] = record.loss
    seeds = list(dict.fromkeys(seed for of in runs.values() for seed in of))
    if shared_units(history.plan):
        rest = blocks(np.array([[of.get(seed, math.nan) for seed in seeds] for of in runs.values()]))
        return math.sqrt(rest.variance or 0.0) if rest.freedom >= FREEDOM else None
    groups = [np.array(list(of.values())) for of in runs.values()]
    freedom = sum(len(group) - 1 for group in groups)
    squares = math.fsum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    return math.sqrt(squares / freedom) if freedom >= FREEDOM else None
