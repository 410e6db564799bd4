"""The incumbent: the configuration chosen now, by what a model expects of it rather than by one lucky score.

The best of many noisy scores is the luckiest one.  A process fitted to all of them shrinks each towards what its
neighbours say, by as much as the noise that it finds; without noise the order of the scores stays.
"""

from __future__ import annotations

import math

import numpy as np

from trialist.model.belief import LEAST, expected
from trialist.model.evidence import Witness
from trialist.model.surrogate import Surrogate
from trialist.numerics.threads import one_thread
from trialist.search.preferences import EVEN_ODDS, constraints
from trialist.trials.history import History
from trialist.trials.trial import TrialRecord


def incumbent(history: History) -> TrialRecord | None:
    """The feasible trial of the lowest expected loss; None before any score."""
    losses = expected_losses(history)
    feasible = {record.number for record in history.feasible} & losses.keys()
    if not feasible:
        return history.best
    return history[min(feasible, key=lambda number: (losses[number], number))]


def expected_losses(history: History) -> dict[int, float]:
    """By number of a scored trial, the expected loss of its configuration on a scale of its own: to compare them by.

    The losses themselves (of the first objective) where they are few, where there are several objectives, or where the
    same configuration scores alike again.
    """
    scored = history.scored
    plain = {record.number: record.loss for record in scored if record.loss is not None}
    if len(scored) < LEAST or len(history.plan.objectives) > 1 or not len(history.space) or _is_deterministic(history):
        return plain
    with one_thread():
        evidence, surrogate = Witness().evidence(history).of_full_runs, Surrogate()
        means = expected(evidence, surrogate)[0]
        holds = sum((term.value(evidence.scored) for term in constraints(evidence, surrogate)), np.zeros(evidence.n))
    # What has satisfied a noisy constraint by luck comes after what is expected to satisfy it.
    means = np.where(holds < math.log(EVEN_ODDS), means + np.ptp(means) + 1.0, means)
    found = zip(evidence.records, means, strict=True)
    return {record.number: round(float(mean), 9) for record, mean in found}


def _is_deterministic(history: History) -> bool:
    """Whether a configuration was scored twice, to the same last digit."""
    seen: dict[object, float | None] = {}
    for record in history.scored:
        identity = history.space.identity(record.params)
        if identity in seen and seen[identity] == record.loss:
            return True
        seen[identity] = record.loss
    return False
