"""Evidence: what a history says, as the arrays that processes are fitted to.

n scored trials in the order of their numbers, d dials, F feature columns, m objectives, p pending ones; smaller is
better.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialist.model.curves import Curves
from trialist.model.features import Features
from trialist.model.looks import Looks, Seen, bounded, look_values, seen_early, with_bounds
from trialist.model.observed import Kind, Observed
from trialist.model.points import Points
from trialist.model.replicates import Scores, shared_units
from trialist.model.surrogate import Transform
from trialist.model.transfer import Source, sources
from trialist.numerics.gp import Array
from trialist.numerics.transform import crowding, half_rank
from trialist.space.cube import Cube
from trialist.trials.history import History
from trialist.trials.trial import TrialRecord

PAUSED_MOST = 50  # the latest of them stand for all: each costs as much as a trial that runs


@dataclass(frozen=True, slots=True)
class Raced:
    """Trials that were left off (r), by number, and losses (r, m) that they are expected to have come to.

    By racing, where their units tell of the mean of all; or as hopeless full runs, where nothing else was seen early.
    """

    points: Points
    number: NDArray[np.int64]
    losses: Array


@dataclass(frozen=True, slots=True)
class Evidence:
    """A moment of a study.

    scored: full runs (n) with losses (n, m).  failed, pending: points without.  records: of the scored ones.
    looks: what a process of the first objective learns from: the scored ones, and what was seen early; or first the
    scored ones and then what was left off, of which the score is foretold.
    constraints: by name, (n,) measured values, NaN where there is none.  taken: what is not to be proposed again.
    sources: what earlier studies teach.  raced: what was left off, None where nothing was.
    """

    features: Features
    scored: Points
    losses: Array
    looks: Looks
    failed: Points
    pending: Points
    records: tuple[TrialRecord, ...]
    constraints: Mapping[str, Array]
    taken: set[Hashable]
    sources: tuple[Source, ...]
    raced: Raced | None = None

    @property
    def n(self) -> int:
        return len(self.losses)

    @property
    def is_feasible(self) -> Array:
        """(n,) bool: every constraint that was measured holds."""
        return np.array([record.is_feasible for record in self.records], dtype=bool)

    @property
    def known_losses(self) -> Array:
        """(n + r, m): of the scored ones, then of what racing left off."""
        if self.raced is None:
            return self.losses
        found: Array = np.apply_along_axis(bounded, 0, np.concatenate([self.losses, self.raced.losses]))
        return found

    @property
    def of_full_runs(self) -> Evidence:
        """The same without what was seen early, whose errors a process would take for noise of the full runs."""
        if not self.looks.is_early:
            return self
        return replace(self, looks=_at_the_end(self.scored, self.losses[:, 0], self.records))

    @property
    def transform(self) -> Transform:
        """How the losses of its looks are transformed for a process."""
        return look_values if self.looks.is_early else loss_values


class Witness:
    """Reads evidence from histories; of a history that grew, only what is new."""

    def __init__(self) -> None:
        self._observed, self._curves, self._scores = Observed(), Curves(), Scores()
        self._features: Features | None = None
        self._known: tuple[tuple[History, ...], Features, tuple[Source, ...]] | None = None

    def evidence(self, history: History) -> Evidence:
        """What the history says, whichever was read before."""
        observed = self._observed
        observed.look(history)
        kind, m = observed.kind, observed.losses.shape[1]
        stopped = [(i, observed.record(i)) for i in np.flatnonzero(kind == Kind.STOPPED).tolist()]
        # What a trial scored on some folds is no early look at the mean of all, but a part of it.
        has_curves = history.plan.validation is None
        is_early = m == 1 and has_curves and (bool(stopped) or bool((kind == Kind.PAUSED).any()))
        seen = seen_early(history, self._curves) if is_early else None
        places = np.flatnonzero(kind == Kind.SCORED)
        if seen is not None:
            seen = with_bounds(seen, stopped, observed.losses[places, 0], history)
        told = seen if seen is not None and len(seen.losses) and (seen.earliness == 1.0).all() else None
        seen = None if told is not None else seen
        features = self._features_of(observed.cube, seen is not None and len(seen.losses) > 0)
        records = tuple(observed.record(i) for i in places.tolist())
        names = sorted({name for record in records for name in record.constraints})
        scored, losses = Points.of(features, observed.U[places]), observed.losses[places]
        looks = self._looks(features, scored, losses[:, 0], records, seen, bool(names))
        raced = self._raced(features, stopped, history) if told is None else self._ended(features, told)
        if raced is not None and m == 1:
            looks = _with_raced(looks, raced)
        return Evidence(
            features,
            scored,
            losses,
            looks,
            self._points(features, kind == Kind.FAILED),
            self._points(features, self._to_come(kind, m)),
            records,
            {name: np.array([r.constraints.get(name, np.nan) for r in records]) for name in names},
            set(observed.cube.identities(observed.U[kind != Kind.SILENT])),
            self._sources(history.earlier, features),
            raced,
        )

    def _to_come(self, kind: NDArray[np.int64], m: int) -> NDArray[np.intp]:
        """Rows whose results are still to come; of several objectives what was paused says nothing yet, but may go on.

        Else the same configurations would be proposed again and again.
        """
        running = np.flatnonzero(kind == Kind.PENDING)
        paused = np.flatnonzero(kind == Kind.PAUSED)[-PAUSED_MOST:] if m > 1 else running[:0]
        return np.concatenate([paused, running])

    def _features_of(self, cube: Cube, with_share: bool) -> Features:
        known = self._features
        if known is None or known.cube is not cube or known.with_share != with_share:
            known = self._features = Features(cube, with_share)
        return known

    def _looks(
        self,
        features: Features,
        scored: Points,
        losses: Array,
        records: tuple[TrialRecord, ...],
        seen: Seen | None,
        has_constraints: bool,
    ) -> Looks:
        whole = _at_the_end(scored, losses, records)
        if seen is None or not features.with_share:
            return whole
        early = Points.of(features, self._observed.U[seen.row])
        top = np.concatenate([early.X, scored.X])
        earliness = np.concatenate([seen.earliness, np.ones(len(losses))])
        return Looks(
            features.looked_at(top, earliness),
            top,
            np.concatenate([seen.losses, losses]),
            np.concatenate([early.rows, scored.rows]),
            np.concatenate([seen.number, whole.number]),
            np.concatenate([np.full(len(early), not has_constraints), whole.may_win]),
            is_early=True,
        )

    def _raced(self, features: Features, stopped: Sequence[tuple[int, TrialRecord]], history: History) -> Raced | None:
        """Those of the stopped trials, each with its place, that scored some of the units; None where none did."""
        if not stopped or not shared_units(history.plan):
            return None
        seen = self._scores.look(history)
        expected = dict(zip(seen.numbers.tolist(), seen.expected(), strict=True))
        told = [(place, r.number) for place, r in stopped if not np.isnan(expected.get(r.number, np.nan)).any()]
        if not told:
            return None
        places, numbers = (np.array(column) for column in zip(*told, strict=True))
        return Raced(self._points(features, places), numbers, np.array([expected[n] for n in numbers.tolist()]))

    def _ended(self, features: Features, told: Seen) -> Raced:
        """Those that were stopped so late, or so blindly, that they are like full runs of which the end is foretold."""
        return Raced(self._points(features, told.row), told.number, told.losses[:, None])

    def _sources(self, earlier: tuple[History, ...], features: Features) -> tuple[Source, ...]:
        if not earlier:
            return ()
        if self._known is None or self._known[0] is not earlier or self._known[1] is not features:
            self._known = earlier, features, sources(earlier, features)
        return self._known[2]

    def _points(self, features: Features, which: NDArray[Any]) -> Points:
        return Points.of(features, self._observed.U[which])


def _at_the_end(scored: Points, losses: Array, records: tuple[TrialRecord, ...]) -> Looks:
    """Full runs with losses (n,) as looks."""
    numbers = np.array([record.number for record in records], dtype=np.int64)
    feasible = np.array([record.is_feasible for record in records], dtype=bool)
    return Looks(scored.X, scored.X, losses, scored.rows, numbers, feasible, is_early=False)


def _with_raced(whole: Looks, raced: Raced) -> Looks:
    """Full runs, and after them what racing left off, which cannot win any more."""
    X = np.concatenate([whole.X, raced.points.X])
    return Looks(
        X,
        X,
        bounded(np.concatenate([whole.losses, raced.losses[:, 0]])),
        np.concatenate([whole.rows, raced.points.rows]),
        np.concatenate([whole.number, raced.number]),
        np.concatenate([whole.may_win, np.zeros(len(raced.number), dtype=bool)]),
        is_early=False,
    )


def loss_values(losses: Array, X: Array) -> Array:
    """Losses for a process: the worse half by ranks, a cluster of trials counted about once."""
    return half_rank(losses, crowding(X))


def signed_values(values: Array, X: Array) -> Array:
    """A constraint's values for a process: scaled and compressed, never shifted, so that 0 stays the limit."""
    scale = float(np.median(np.abs(values)))
    bounded: Array = np.arcsinh(np.clip(values, -1e300, 1e300) / (scale or 1.0))
    return bounded
