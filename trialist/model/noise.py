"""The noise of a score: by how much the same configuration would score differently.

From the plainest evidence that there is: configurations that were scored again; else the replicates of a trial; else
what the process cannot explain.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from scipy import special

from trialist.model.replicates import shared_units
from trialist.numerics.gp import Array
from trialist.trials.history import History
from trialist.trials.validation import unit_of

REPEATS = 3  # scores of configurations that were scored before: fewer say too little
TRIALS = 5  # with replicates
SIGNIFICANT = 0.01


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviation of a score in the metric's unit, and what it was taken from."""

    sd: float
    source: str


def noise_of(history: History, unexplained: float) -> Noise:
    """The noise of the scores of the first objective; unexplained: what a process takes for noise."""
    # On folds that all configurations share, and with their seeds, the same configuration scores alike again: that is
    # no sign of a score without noise.
    repeated = None if shared_units(history.plan) else _of_repeats(history)
    return repeated or _of_replicates(history) or Noise(unexplained, "as the model sees it")


def _of_repeats(history: History) -> Noise | None:
    """Pooled over configurations that were scored more than once; 0 where they always scored alike."""
    losses: dict[object, list[float]] = defaultdict(list)
    for record in history.scored:
        if record.loss is not None:
            losses[history.space.identity(record.params)].append(record.loss)
    again = [np.array(group) for group in losses.values() if len(group) > 1]
    freedom = sum(len(group) - 1 for group in again)
    apart = math.hypot(*(x - float(group.mean()) for group in again for x in group.tolist()))
    if freedom < REPEATS and (apart > 0 or not freedom):  # one that scored alike to the last digit says enough
        return None
    return Noise(apart / math.sqrt(freedom), f"from {freedom} repeated score{'s' if freedom > 1 else ''}")


def _of_replicates(history: History) -> Noise | None:
    """Of a mean of k replicates, pooled over the better half of the trials that have as many as the last one."""
    scores = [(record.loss, record.score.replicates) for record in history.scored if record.score]
    k = len(scores[-1][1]) if scores else 0
    same = sorted(each for each in scores if each[0] is not None and len(each[1]) == k)
    if k < 2 or len(same) < TRIALS:
        return None
    R = np.array([replicates for _, replicates in same[: max(TRIALS, len(same) // 2)]])  # (t, k)
    unit = float(np.abs(R).max()) or 1.0  # or squares would have no room
    R = R / unit
    sd = unit * math.sqrt(float(R.var(axis=1, ddof=1).mean()))
    # Folds share training data: the mean of k is less certain than 1 / k (Nadeau & Bengio 2003, eq. 8).
    validation = history.plan.validation
    if validation is not None and validation.units == k:
        return Noise(math.sqrt(1 / k + validation.overlap) * sd, f"from {k} {unit_of(validation)}s")
    if are_folds(R):
        return Noise(math.sqrt(1 / k + 1 / (k - 1)) * sd, f"from {k} folds")
    return Noise(sd / math.sqrt(k), f"from {k} replicates")


def are_folds(R: Array) -> bool:
    """Whether replicates (t, k) are the same k folds in each of t trials: some are harder than others in all of them.

    By the F test of the effect of the replicate in a two-way layout.
    """
    t, k = len(R), R.shape[1]
    columns = R.mean(axis=0) - R.mean()
    rest = R - R.mean(axis=1, keepdims=True) - columns
    within = float((rest**2).sum()) / ((t - 1) * (k - 1))
    between = float(t * (columns**2).sum() / (k - 1))
    if within <= 0.0:
        return between > 0.0
    chance = float(special.fdtrc(k - 1, (t - 1) * (k - 1), between / within))
    return chance < SIGNIFICANT
