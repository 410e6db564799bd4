"""Effects: what the dials of a study do, as a function of its history.

One Gaussian process whose effects are apart from each other is fitted to the trials (`learnt`); importance, pairs and
slices are read off it, with the uncertainty of its draws.  A fit is a function of what was measured: it is kept, and
whoever asks again shares it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from trialist.effects.along import along, places
from trialist.effects.findings import (
    Best,
    BestAt,
    Calibration,
    Importance,
    Interactions,
    Local,
    Slice,
    TrackRecord,
)
from trialist.effects.ground import Ground, ground
from trialist.effects.learnt import Learnt
from trialist.effects.nearby import local
from trialist.effects.told import Told, told
from trialist.effects.track import track_record
from trialist.effects.variance import importance, interactions
from trialist.effects.words import (
    best_at_words,
    calibration_words,
    slice_words,
)
from trialist.errors import PlanError, SpaceError, shown
from trialist.numerics.orthonormal import Array
from trialist.space.parameter import Categorical
from trialist.trials.history import History

SCALES = ("robust", "value")
TRIALS, PER_DIAL = 10, 2  # that are needed before effects are told: so many, and so many for each dial more
SKILL = 0.1  # R^2 of predictions of each trial by the others, below which they are not told
_GIVEN = (0.1, 0.3, 0.5, 0.7, 0.9)  # places of a continuum at which another dial's best value is told
_KEPT = 8  # spaces
# Fits are shared by all who ask for one while anybody has it; the last ones also when nobody does.
_FITS: WeakValueDictionary[bytes, Learnt] = WeakValueDictionary()
_LATEST: deque[Learnt] = deque(maxlen=3)
_GROUNDS: dict[Any, Ground] = {}


class Effects:
    """What the dials do, as far as the trials of a history tell.

    around: the configuration that `local` looks round, by default the best one.  metric: of several objectives the one
    to be told of, by default the first.
    scale: "robust", losses that are hopelessly far away count as less bad, so that not all that matters is how a run
    can be ruined; or "value", as they are.

    Raises PlanError for a metric or a scale that there is not.
    """

    def __init__(
        self,
        history: History,
        around: Mapping[str, Any] | None = None,
        *,
        metric: str | None = None,
        scale: str = "robust",
    ) -> None:
        if scale not in SCALES:
            raise PlanError("scale", f"{shown(scale)} is no scale of losses", 'Give "robust" or "value".')
        names = [objective.name for objective in history.plan.objectives]
        if metric is not None and metric not in names:
            raise PlanError("metric", f"{shown(metric)} is no objective", f"Give one of {', '.join(map(repr, names))}.")
        self._history, self._around, self._scale = history, around, scale
        self._at = 0 if metric is None else names.index(metric)
        self._objective = history.plan.objectives[self._at]

    def importance(self) -> Importance:
        """How much of the metric's variance over the declared space each dial causes, alone and with others.

        Functional ANOVA (Sobol 1993; Hutter et al. 2014) of the process, with 95 % intervals by its draws; beside it
        PED-ANOVA for the best tenth, and what shuffling a dial's values costs the predictions.
        """
        name, missing = self._objective.name, self._missing
        if missing:
            return Importance(name, "anova", self._count, False, missing, 0.0, 0, ())
        return importance(self._learnt, self._told, name)

    def interactions(self) -> Interactions:
        """How much of the variance each two dials cause only together, and whether that is more than chance.

        Each pair that is felt is tested by its likelihood ratio, with Holm's correction for all pairs.  Where it is
        not shown, its interval reaches down to nothing.
        """
        name, dials, missing = self._objective.name, self._ground.names, self._missing
        if missing or len(dials) < 2:
            return Interactions(name, dials, (), False, missing or "With one dial nothing can interact.")
        return interactions(self._learnt, name)

    def slice(self, dial: str, given: Mapping[str, Any] | None = None) -> Slice:
        """What is expected along a dial, over all values of the others, or with some of them `given`.

        Raises SpaceError for a dial that there is not, or a value that is none of its.
        """
        j = self._index(dial)
        held = {self._index(name): self._place(name, value) for name, value in (given or {}).items()}
        kind = "choice" if isinstance(self._history.space[dial], Categorical) else "number"
        points = self._points(dial)
        missing = self._missing
        at = None if missing else places(self._learnt, j)
        drawn = None if at is None else along(self._learnt, j, at, held)
        if at is None or drawn is None:
            words = missing or f"{dial} is not active there."
            return Slice(dial, kind, (), (), (), (), points, given, False, words)
        values = tuple(self._history.space[dial].decode(float(u)) for u in at)
        mean, low, high = self._band(drawn)
        words = slice_words(dial, values, mean, low, high, self._objective)
        return Slice(dial, kind, values, mean, low, high, points, given, True, words)

    def best_at(self, dial: str, by: str) -> BestAt:
        """The best value of a dial at each value of another, say the best learning rate at each batch size."""
        j, k = self._index(dial), self._index(by)
        missing = self._missing
        rows = []
        if not missing and j != k:
            basis, space = self._ground.dials[k], self._history.space
            at = places(self._learnt, j)
            for u in basis.levels if basis.is_finite else _GIVEN:
                drawn = along(self._learnt, j, at, {k: float(u)})
                if drawn is None:
                    continue
                best = at[np.argmin(drawn, axis=0)]  # (S,)
                mean = drawn.mean(axis=1)
                value, low, high = (space[dial].decode(float(x)) for x in (at[np.argmin(mean)], *_ends(best)))
                expected = self._objective.direction.sign * float(mean.min())
                rows.append(Best(space[by].decode(float(u)), value, low, high, expected))
        words = missing or best_at_words(dial, by, rows)
        return BestAt(dial, by, tuple(rows), bool(rows), words)

    def local(self) -> Local:
        """How much each dial matters round one configuration, moved alone, and how far it can be moved unharmed.

        Source: Biedenkapp et al. 2018, "CAVE" (local hyperparameter importance).
        """
        name, missing = self._objective.name, self._missing
        best = self._history.best
        around = self._around if self._around is not None else (None if best is None else best.params)
        if missing or around is None:
            return Local(name, around or {}, 0.0, (), False, missing or "No trial has a score yet.")
        return local(self._learnt, self._history.space, around, name)

    def calibration(self) -> Calibration:
        """How good the model's predictions are: each trial as foretold by all the others (leave-one-out)."""
        name, sign = self._objective.name, self._objective.direction.sign
        learnt = self._learnt
        if learnt.is_flat or self._count < TRIALS:
            words = self._missing or "All trials score alike."
            return Calibration(name, (), 0.0, 0.0, 0.0, False, words)
        means, variances = learnt.left_out
        z = (learnt.y - means) / np.sqrt(variances)
        predicted, sds = learnt.centre + learnt.unit * means, learnt.unit * np.sqrt(variances)
        points = tuple(
            (int(number), sign * float(p), float(sd), sign * float(actual))
            for number, p, sd, actual in zip(learnt.told.numbers, predicted, sds, learnt.losses, strict=True)
        )
        coverage, spread = float((np.abs(z) <= 1.96).mean()), float(np.sqrt(np.mean(z**2)))
        words = calibration_words(coverage, learnt.explained, len(points))
        return Calibration(name, points, coverage, learnt.explained, spread, True, words)

    def foretold(self) -> TrackRecord:
        """How good the predictions were that the search's model made of each trial before it ran."""
        return track_record(self._history, self._objective)

    # What they are read off

    @cached_property
    def _space_key(self) -> str:
        """What is kept of a space is kept with it, so that no other function has the same id meanwhile."""
        space = self._history.space
        return f"{space.to_json()} {[id(each.test) for each in space.constraints if each.is_callable]}"

    @cached_property
    def _ground(self) -> Ground:
        space, key = self._history.space, self._space_key
        if key not in _GROUNDS:
            while len(_GROUNDS) >= _KEPT:
                _GROUNDS.pop(next(iter(_GROUNDS)), None)
            _GROUNDS[key] = ground(space)
        return _GROUNDS[key]

    @cached_property
    def _told(self) -> Told:
        d = len(self._history.space)
        if not self._history.scored or not d:
            return Told(np.zeros((0, d)), np.zeros((0, d), dtype=bool), np.zeros(0), np.zeros(0, dtype=np.int64))
        return told(self._history, self._at, self._ground)

    @property
    def _count(self) -> int:
        return len(self._told)

    @cached_property
    def _learnt(self) -> Learnt:
        told, seed = self._told, self._history.plan.seed
        what = f"{self._space_key} {self._scale} {seed}"
        key = blake2b(told.rows.tobytes() + told.active.tobytes() + told.losses.tobytes() + what.encode()).digest()
        found = _FITS.get(key)
        if found is None:
            found = _FITS[key] = Learnt(told, self._ground, self._scale, seed)
            _LATEST.append(found)
        return found

    @cached_property
    def _missing(self) -> str:
        """What is missing before effects can be told, in words; empty for nothing."""
        d = len(self._history.space)
        if not d:
            return "No dial is known yet."
        needed = TRIALS + PER_DIAL * d
        if self._count < needed:
            return f"Not enough data: {self._count} scored trials, and {needed} are needed for {d} dial{'s' * (d > 1)}."
        if self._learnt.is_flat:
            return "All trials score alike, so no dial can be told from another."
        if self._learnt.explained < SKILL and not self._learnt.orders:
            skill = max(self._learnt.explained, 0.0)
            return (
                f"Not enough data: a model of the {self._count} trials foretells {skill:.0%} of how their scores "
                f"differ, and {SKILL:.0%} is asked."
            )
        return ""

    def _index(self, dial: str) -> int:
        names = self._ground.names
        if dial not in names:
            known = ", ".join(map(repr, names[:12])) or "none yet"
            raise SpaceError("dial", f"{shown(dial)} is no dial of the study", f"Its dials are {known}.")
        return names.index(dial)

    def _place(self, dial: str, value: Any) -> float:
        return float(self._history.space[dial].encode(value))

    def _points(self, dial: str) -> tuple[tuple[int, Any, float], ...]:
        sign = self._objective.direction.sign
        found = []
        for number, loss in zip(self._told.numbers.tolist(), self._told.losses.tolist(), strict=True):
            params = self._history[number].params
            if dial in params:
                found.append((number, params[dial], sign * loss))
        return tuple(found)

    def _band(self, drawn: Array) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
        """Of drawn losses (L, S): mean and 95 % band in the metric's own sign."""
        signed = self._objective.direction.sign * drawn
        low, high = np.quantile(signed, [0.025, 0.975], axis=1)
        return tuple(signed.mean(axis=1).tolist()), tuple(low.tolist()), tuple(high.tolist())


def _ends(positions: Array) -> tuple[float, float]:
    low, high = np.quantile(positions, [0.025, 0.975], method="nearest")
    return float(low), float(high)
