"""Replication: to measure the incumbent again is an action of its own, taken where that is worth more than a new point.

Worth is what the choice is expected to gain.  One more measurement of the incumbent, whose mean is known to +- s, moves
that mean by a normal amount of deviation s^2 / sqrt(s^2 + noise); it pays where this lets another trial, whose mean is
worse by some amount, turn out the better one: the knowledge gradient (Frazier 2009), for one point.
"""

from __future__ import annotations

import math

import numpy as np

from trialist.search.acquisition import log_h
from trialist.search.evidence import Evidence
from trialist.search.improvement import Aim

APART = 0.02  # in root mean square over the features: nearer trials are the same configuration for the choice
SHARE = 0.2  # of the trials, at most


def worth_of_replication(evidence: Evidence, goal: Aim) -> float:
    """The log of what the choice is expected to gain from measuring the incumbent again; -inf where nothing."""
    fitted = goal.models[0]
    X = evidence.scored.X[fitted.rows]
    mean, variance = fitted.posterior.predict(X)
    mean = np.where(evidence.is_feasible[fitted.rows], mean, np.inf)
    at = int(np.argmax(fitted.rows == goal.incumbent))
    others = ((X - X[at]) ** 2).mean(axis=1) > APART**2
    if not others.any() or not _may_replicate(evidence, goal.incumbent):
        return -math.inf
    behind = max(float(mean[others].min() - mean[at]), 0.0)
    moves = float(variance[at]) / math.sqrt(float(variance[at]) + fitted.posterior.fit.noise)
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
