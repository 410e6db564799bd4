"""Validation: how each configuration is scored during the search, declared beforehand.

A whole trial is a number of units: on one split of the rows, one part of it held out, one seed to train with; or of
items that need no training, one block of them.  Each unit gives a score; the same units for all configurations make
their scores comparable one by one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trialist.errors import PlanError, shown

AUTO = "auto"
Reshuffle = bool | str


@dataclass(frozen=True, slots=True)
class Unit:
    """One score of a trial.

    index: from 1 on, in the order in which units are run.  split: which division of the rows, part: which of its parts
    is held out, seed: the how-manieth seed on these rows, order: the how-manieth order in which they are trained on;
    all from 0 on.
    """

    index: int
    split: int
    part: int
    seed: int
    order: int = 0


class _Divided:
    """Rows are divided into those trained on and those scored on: once for all configurations, or anew for each."""

    __slots__ = ()
    reshuffle: Reshuffle

    @property
    def is_shared(self) -> bool:
        """Whether all configurations are scored on the same rows."""
        return self.reshuffle is not True


class _Undivided:
    """Nothing is held out: the same units for all configurations, which share no rows that could make them alike."""

    __slots__ = ()
    overlap = 0.0
    is_shared = True
    _units, _unit = "", ""  # in words

    @property
    def reason(self) -> str:
        """Why units are shared."""
        return (
            f"the same {self._units} for every configuration, so that two of them differ {self._unit} by {self._unit}"
        )


@dataclass(frozen=True, slots=True)
class Folds(_Divided):
    """k-fold cross-validation: each part of the rows is held out once.

    repeats: divisions into k parts, each drawn anew.  seeds: trainings on each fold, each with a seed of its own.
    orders: and each with the training rows in so many orders.  reshuffle: whether each configuration has divisions of
    its own.  "auto": all share the same ones, so that two configurations differ fold by fold, and hopeless ones can be
    told after a few.

    >>> Folds(5, repeats=2).units
    10
    """

    k: int = 5
    repeats: int = 1
    seeds: int = 1
    reshuffle: Reshuffle = AUTO
    orders: int = 1

    def __post_init__(self) -> None:
        _count("folds", self.k, 2)
        _check(self)

    @property
    def units(self) -> int:
        """Scores of a whole trial."""
        return self.k * self.repeats * self.seeds * self.orders

    @property
    def overlap(self) -> float:
        """Rows held out over rows trained on: what scores of one trial share makes their mean less certain."""
        return 1 / (self.k - 1)

    @property
    def sampling(self) -> tuple[Unit, ...]:
        """The units in the order in which they are run: all folds of one division and seed before the next."""
        return _sampling(self, self.k)

    @property
    def reason(self) -> str:
        """Why divisions are shared, or not."""
        if self.is_shared:
            return "the same folds for every configuration, so that two of them differ fold by fold"
        return "each configuration has folds of its own"

    def to_json(self) -> dict[str, Any]:
        return {"kind": "folds", **asdict(self)}

    def __str__(self) -> str:
        return f"{self.k}-fold cross-validation{_times(self.repeats, 'division')}{_more(self)}"


@dataclass(frozen=True, slots=True)
class Holdout(_Divided):
    """A share of the rows is held out; the others are trained on.

    repeats: draws of that share.  seeds, orders: as of Folds.  reshuffle: whether each configuration has draws of its
    own.  "auto": all share one.  Own draws keep the search from favouring what suits one draw by chance (Nagler et al.
    2024, "Reshuffling resampling splits can improve generalization of hyperparameter optimization"), but make scores
    noisier beside each other; here finalists are scored again on fresh draws in any case, and shared ones chose
    better or as well in each of five comparisons (docs/scoring.md).

    >>> Holdout(0.2).overlap
    0.25
    """

    share: float = 0.25
    repeats: int = 1
    seeds: int = 1
    reshuffle: Reshuffle = AUTO
    orders: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.share, bool) or not isinstance(self.share, (int, float)) or not 0 < self.share < 1:
            raise PlanError("validation.share", f"{shown(self.share)} is no share", "Give a number between 0 and 1.")
        _check(self)

    @property
    def units(self) -> int:
        """Scores of a whole trial."""
        return self.repeats * self.seeds * self.orders

    @property
    def overlap(self) -> float:
        """Rows held out over rows trained on."""
        return self.share / (1 - self.share)

    @property
    def sampling(self) -> tuple[Unit, ...]:
        """The units in the order in which they are run."""
        return _sampling(self, 1)

    @property
    def reason(self) -> str:
        """Why draws are shared, or not."""
        if self.is_shared:
            return "the same rows are held out for every configuration, so that two of them differ row by row"
        return "each configuration is scored on rows drawn anew, so that none is favoured for suiting one draw"

    def to_json(self) -> dict[str, Any]:
        return {"kind": "holdout", **asdict(self)}

    def __str__(self) -> str:
        return f"{self.share:.0%} held out{_times(self.repeats, 'draw')}{_more(self)}"


@dataclass(frozen=True, slots=True)
class Seeds(_Undivided):
    """The same run with n seeds: for objectives whose chance is not in the rows, such as simulations.

    Seeds are shared by all configurations, so that two of them differ seed by seed.

    >>> Seeds(5).units
    5
    """

    _units, _unit = "seeds", "seed"
    n: int = 3

    def __post_init__(self) -> None:
        _count("seeds", self.n, 1)

    @property
    def units(self) -> int:
        """Scores of a whole trial."""
        return self.n

    @property
    def sampling(self) -> tuple[Unit, ...]:
        """The units in the order in which they are run."""
        return tuple(Unit(i, 0, 0, i - 1) for i in range(1, self.n + 1))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "seeds", **asdict(self)}

    def __str__(self) -> str:
        return f"{self.n} seed{'s' if self.n > 1 else ''}"


@dataclass(frozen=True, slots=True)
class Items(_Undivided):
    """Items that are answered, not trained on, in blocks: those of a suite for a language model, say.

    All configurations are scored on the same blocks in the same order, so that two of them differ block by block, and
    hopeless ones can be told after a few.  blocks: how many.  size: items in one of them, about.  sealed: items of the
    test, None where they are not known: what a test will take is told by that.  best: the best score that a block can
    have, such as 1.0 for a share of right answers: who cannot reach the best trial with it any more need not go on.

    >>> Items(8, size=25).units
    8
    """

    _units, _unit = "blocks of items", "block"
    blocks: int = 10
    size: int = 1
    sealed: int | None = None
    best: float | None = None

    def __post_init__(self) -> None:
        _count("blocks", self.blocks, 1)
        _count("size", self.size, 1)
        if self.sealed is not None:
            _count("sealed", self.sealed, 1)
        if self.best is not None and not math.isfinite(self.best):
            raise PlanError("validation.best", f"{shown(self.best)} is not a finite number", "Give one such as 1.0.")

    @property
    def units(self) -> int:
        """Scores of a whole trial."""
        return self.blocks

    @property
    def sampling(self) -> tuple[Unit, ...]:
        """The units in the order in which they are run."""
        return tuple(Unit(i, 0, i - 1, 0) for i in range(1, self.blocks + 1))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "items", **asdict(self)}

    def __str__(self) -> str:
        return f"{self.blocks} block{'s' if self.blocks > 1 else ''} of about {self.size} items"


Validation = Folds | Holdout | Seeds | Items
_KINDS: Mapping[str, type[Validation]] = {"folds": Folds, "holdout": Holdout, "seeds": Seeds, "items": Items}


def unit_of(validation: Validation) -> str:
    """What one of its units is called.

    >>> unit_of(Folds(5)), unit_of(Holdout()), unit_of(Seeds(3)), unit_of(Items(8))
    ('fold', 'draw', 'seed', 'block')
    """
    return {Folds: "fold", Holdout: "draw", Seeds: "seed", Items: "block"}[type(validation)]


def test_share(validation: Validation | None) -> float:
    """What one run of the test takes, in whole trials: known by the number of items, else one is like the other.

    >>> test_share(Items(10, size=14, sealed=70)), test_share(Folds(5))
    (0.5, 1.0)
    """
    if not isinstance(validation, Items) or validation.sealed is None:
        return 1.0
    return validation.sealed / (validation.blocks * validation.size)


def validation_of(obj: Mapping[str, Any] | None) -> Validation | None:
    """What `to_json` wrote."""
    if obj is None:
        return None
    given = dict(obj)
    return _KINDS[given.pop("kind")](**given)


def checked(value: object) -> Validation | None:
    """A validation as it is, or None; PlanError for anything else.

    >>> checked(Folds(3)).k
    3
    """
    if value is None or isinstance(value, (Folds, Holdout, Seeds, Items)):
        return value
    remedy = "Give tl.Folds(5), tl.Holdout(0.25), tl.Seeds(3) or tl.Items(10), or leave it out."
    raise PlanError("validation", f"{shown(value)} is no way to score a configuration", remedy)


def _check(given: Folds | Holdout) -> None:
    _count("repeats", given.repeats, 1)
    _count("seeds", given.seeds, 1)
    _count("orders", given.orders, 1)
    if given.reshuffle not in (True, False, AUTO):
        raise PlanError("validation.reshuffle", f"{shown(given.reshuffle)} is no answer", 'Give True, False or "auto".')


def _count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise PlanError(f"validation.{name}", f"{shown(value)} is no number of {name}", f"Give {least} or more.")


def _sampling(given: Folds | Holdout, parts: int) -> tuple[Unit, ...]:
    trainings = [(r, o) for r in range(given.seeds) for o in range(given.orders)]
    order = [(s, p, r, o) for r, o in trainings for s in range(given.repeats) for p in range(parts)]
    return tuple(Unit(i, *each) for i, each in enumerate(order, start=1))


def _more(given: Folds | Holdout) -> str:
    return f"{_times(given.seeds, 'seed')}{_times(given.orders, 'order')}"


def _times(count: int, noun: str) -> str:
    return f", {count} {noun}s" if count > 1 else ""
