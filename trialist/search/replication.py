"""Replication: to measure the incumbent again is an action of its own, taken where that is worth more than a new point.

Worth is what the choice is expected to gain.  A measurement of a point whose mean is known to +- s moves that mean by a
normal amount of deviation s^2 / sqrt(s^2 + noise).  That pays where it lets a new point turn out better than the best
one, or, at the best one itself, another trial: the knowledge gradient (Frazier 2009), for one point at a time.
"""

from __future__ import annotations

import math

import numpy as np

from trialist.model.evidence import Evidence
from trialist.numerics.gp import Array
from trialist.numerics.improvement import log_h
from trialist.search.improvement import Aim

APART = 0.02  # in root mean square over the features: nearer trials are the same configuration for the choice
SHARE = 0.2  # of the trials, at most


def is_worth_more(evidence: Evidence, goal: Aim, row: Array) -> bool:
    """Whether the choice is expected to gain more from the incumbent, measured again, than from a new row (d,)."""
    if goal.term is None or goal.incumbent is None or evidence.losses.shape[1] > 1 or len(evidence.looks) > evidence.n:
        return False  # where runs are looked at early, one more full run costs as much as many looks
    if not _may_replicate(evidence, goal.incumbent):
        return False
    fitted = goal.models[0]
    X = evidence.scored.X[fitted.rows]
    mean, variance = fitted.posterior.predict(X)
    mean = np.where(evidence.is_feasible[fitted.rows], mean, np.inf)
    at = int(np.argmax(fitted.rows == goal.incumbent))
    others = (((X - X[at]) ** 2).mean(axis=1) > APART**2) & np.isfinite(mean)
    if not others.any():
        return False
    new = evidence.features(*evidence.features.cube.canonical(row[None]))
    new_mean, new_variance = (float(a[0]) for a in fitted.posterior.predict(new))
    noise = fitted.posterior.fit.noise
    again = _log_gain(float(variance[at]), noise, float(mean[others].min() - mean[at]))
    return again > _log_gain(new_variance, noise, new_mean - float(mean[at]))


def _log_gain(variance: float, noise: float, behind: float) -> float:
    """The log of the expected gain from a point whose rival is better, or worse, by `behind`."""
    moves = variance / math.sqrt(variance + noise)
    return math.log(moves) + float(log_h(np.array([-behind / moves]))[0][0])


def _may_replicate(evidence: Evidence, incumbent: int) -> bool:
    """Not while it is being measured, not too often, and never where the same configuration gave the same score."""
    identities = evidence.features.cube.identities(evidence.scored.rows)
    seen: dict[object, float] = {}
    repeats = 0
    for identity, loss in zip(identities, evidence.losses[:, 0].tolist(), strict=True):
        if identity in seen:
            repeats += 1
            if seen[identity] == loss:
                return False
        seen[identity] = loss
    running = evidence.features.cube.identities(evidence.pending.rows)
    return repeats < SHARE * evidence.n and identities[incumbent] not in running
