"""Evidence: what a history says, as the arrays that processes are fitted to.

n scored trials in the order of their numbers, d dials, F feature columns, m objectives, p pending ones; smaller is
better.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np

from trialist.model.features import Features
from trialist.model.observed import Kind, Observed
from trialist.model.points import Points
from trialist.model.transfer import Source, sources
from trialist.numerics.gp import Array
from trialist.numerics.transform import crowding, half_rank
from trialist.trials.history import History
from trialist.trials.trial import TrialRecord


@dataclass(frozen=True, slots=True)
class Evidence:
    """A moment of a study.

    scored: points (n) with losses (n, m); trials that were stopped early are among them, as worse than most.
    failed, pending: points without.  records: of the scored ones.
    constraints: by name, (n,) measured values, NaN where there is none.  taken: what is not to be proposed again.
    sources: what earlier studies teach.
    """

    features: Features
    scored: Points
    losses: Array
    failed: Points
    pending: Points
    records: tuple[TrialRecord, ...]
    constraints: Mapping[str, Array]
    taken: set[Hashable]
    sources: tuple[Source, ...]

    @property
    def n(self) -> int:
        return len(self.losses)

    @property
    def is_feasible(self) -> Array:
        """(n,) bool: run to its end, and every constraint that was measured holds."""
        return np.array([record.is_feasible and record.is_scored for record in self.records], dtype=bool)


class Witness:
    """Reads evidence from histories; of a history that grew, only what is new."""

    def __init__(self) -> None:
        self._observed = Observed()
        self._features: Features | None = None
        self._known: tuple[tuple[History, ...], Features, tuple[Source, ...]] | None = None

    def evidence(self, history: History) -> Evidence:
        """What the history says, whichever was read before."""
        observed = self._observed
        observed.look(history)
        if self._features is None or self._features.cube is not observed.cube:
            self._features = Features(observed.cube)
        features, kind = self._features, observed.kind
        has_bounds = observed.losses.shape[1] == 1 and bool((kind == Kind.SCORED).any())
        places = np.flatnonzero((kind == Kind.SCORED) | ((kind == Kind.STOPPED) & has_bounds))
        records = tuple(observed.record(i) for i in places.tolist())
        names = sorted({name for record in records for name in record.constraints})
        return Evidence(
            features,
            Points.of(features, observed.U[places]),
            _with_bounds(observed.losses[places], records, history),
            self._points(features, kind == Kind.FAILED),
            self._points(features, kind == Kind.PENDING),
            records,
            {name: np.array([r.constraints.get(name, np.nan) for r in records]) for name in names},
            set(observed.cube.identities(observed.U[kind != Kind.SILENT])),
            self._sources(history.earlier, features),
        )

    def _sources(self, earlier: tuple[History, ...], features: Features) -> tuple[Source, ...]:
        if not earlier:
            return ()
        if self._known is None or self._known[0] is not earlier or self._known[1] is not features:
            self._known = earlier, features, sources(earlier, features)
        return self._known[2]

    def _points(self, features: Features, which: Array) -> Points:
        return Points.of(features, self._observed.U[which])


def _with_bounds(losses: Array, records: tuple[TrialRecord, ...], history: History) -> Array:
    """(n, m) losses; a trial that was stopped for being worse than most has its last report, or the median if higher.

    By how much it is worse does not matter: processes see the worse half by ranks.
    """
    stopped = np.array([not record.is_scored for record in records], dtype=bool)
    if not stopped.any():
        return losses
    losses, middle = losses.copy(), float(np.median(losses[~stopped, 0]))
    for i in np.flatnonzero(stopped).tolist():
        reports = records[i].reports
        last = history.plan.objective.loss(reports[-1].value) if reports else middle
        losses[i, 0] = max(last, middle) if np.isfinite(last) else middle
    return losses


def loss_values(losses: Array, X: Array) -> Array:
    """Losses for a process: the worse half by ranks, a cluster of trials counted about once."""
    return half_rank(losses, crowding(X))
