"""Designs: configurations that do not depend on any score. The baseline, random draws, Sobol points, a grid.

Each is a function of (history, key). Only where a configuration could repeat an earlier one, that is where all of its
active dials are discrete, does a design read the history; elsewhere it costs the same however long the study is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialist.errors import PlanError, SpaceError
from trialist.numerics.keys import Key
from trialist.numerics.sobol import point
from trialist.space.parameter import Categorical
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.trial import Exhausted, Proposal, Stage

Configuration = Mapping[str, Any]

ATTEMPTS = 64  # points of a design before random draws; as many draws before what is left is listed
LISTED = 100_000  # configurations that are enumerated to choose evenly among them
GRID_POINTS = 1_000  # a grid's size where no number of trials limits it
_UNDECLARED = "no dial is known yet: the objective declares them as it runs"


def baseline(space: Space) -> Proposal:
    """The default configuration, to be measured before all others."""
    reason = "the default configuration, measured first as the baseline"
    missing = space.undeclared_defaults
    if missing:
        have = "has" if len(missing) == 1 else "have"
        reason += f" ({_listed(missing)} {have} no default: {_stand_in(space, missing)})"
    return Proposal(space.baseline(), reason, "baseline", Stage.BASELINE)


def _stand_in(space: Space, missing: Sequence[str]) -> str:
    choices = sum(isinstance(space[name], Categorical) for name in missing)
    if choices == 0:
        return f"the middle of {'its' if len(missing) == 1 else 'their'} scale stands in"
    if choices == len(missing):
        return "its first choice stands in" if len(missing) == 1 else "their first choices stand in"
    return "the middle of a scale or the first choice stands in"


class Random:
    """Independent draws from the priors, without repeats in a discrete space."""

    name = "random"

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        space = history.space
        return first_new(
            self.name, history, space, key, lambda attempt: space.draw(_again(key, attempt)), "drawn at random"
        )


class Sobol:
    """Scrambled Sobol points pushed through the priors: dials, and most pairs of them, are covered evenly.

    Trial n is point n.  Where that breaks a constraint or repeats an earlier configuration, its further attempts are
    the points n of other scramblings, one for each attempt: no other trial's points, and as even as the first.  (Points
    far down the same sequence would not do: in the first dimension they lie where the first ones do.)  A categorical
    dial cuts its axis into equal shares, or by its weights: its choices come up evenly in every block of 2**k trials.
    """

    name = "sobol"

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        return sobol_proposal(self.name, history, history.space, key, f"Sobol point {key.number}")


def sobol_proposal(strategy: str, history: History, space: Space, key: Key, reason: str) -> Proposal | Exhausted:
    """The trial's Sobol point within `space`, which may be a part of the history's own."""

    def draw(attempt: int) -> Configuration | None:
        seed = key.seed if attempt == 0 else Key(key.seed, -1).bits("sobol attempt", attempt)
        params = space.from_prior(point(key.number, len(space), seed))
        return params if space.allows(params) else None

    return first_new(strategy, history, space, key, draw, reason)


class Grid:
    """Every combination of levels, in a keyed order, so that an interrupted grid is spread out as well.

    points: how many trials it may take after the baseline; the levels of numeric dials are as many as fit.
    """

    name = "grid"

    def __init__(self, points: int | None = None) -> None:
        self.points = GRID_POINTS if points is None else points
        self._laid: _Laid | None = None

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        space = history.space
        if not len(space):
            return Proposal({}, _UNDECLARED, self.name)
        if self._laid is None or (self._laid.space, self._laid.seed) != (space, key.seed):
            self._laid = _laid(space, self.points, key.seed)
        taken, points = _taken(history, space), self._laid.points
        left = [params for identity, params in points if identity not in taken]
        if not left:
            return Exhausted(f"all {len(points):,} grid points were tried")
        place = f"grid point {len(points) - len(left) + 1:,} of {len(points):,}"
        return Proposal(dict(left[0]), f"{place}: {self._laid.levels}", self.name)


@dataclass(frozen=True, slots=True)
class _Laid:
    """A grid in its keyed order, each point with its identity."""

    space: Space
    seed: int
    points: tuple[tuple[Hashable, Configuration], ...]
    levels: str


def _laid(space: Space, points: int, seed: int) -> _Laid:
    configurations, levels = grid_of(space, points)
    key = Key(seed, -1)
    identified = [(space.identity(params), params) for params in configurations]
    identified.sort(key=lambda point: key.bits(f"grid {point[0]}"))
    return _Laid(space, seed, tuple(identified), levels)


def grid_of(space: Space, points: int) -> tuple[Sequence[Configuration], str]:
    """A grid of at most `points` configurations if two levels of each numeric dial fit; and its levels in words.

    A finite space that fits is the grid, whole.  Otherwise all numeric dials get the same number of levels, as many as
    fit, then one more each, in the order of declaration, while it still fits.
    """
    size = space.size
    if size is not None and size <= points + 1:  # its baseline is measured already
        return list(space.configurations()), f"all values of {_listed(space.names)}"
    points = min(points, LISTED)
    best = _grid(space, levels_of(space, 2))
    if best is None:
        raise PlanError(
            "strategy",
            f"'grid' would need more than {LISTED:,} configurations at two levels of each numeric dial",
            "Use 'sobol' or 'random', which take any number of trials.",
        )
    fits, fails = 2, None
    while len(best) <= points and fails != fits + 1 and levels_of(space, fits + 1) != levels_of(space, fits):
        # Growth by a quarter until one fails, then bisection: few grids are laid, none much larger than the budget.
        trial = max(fits + 1, fits * 5 // 4) if fails is None else (fits + fails) // 2
        grid = _grid(space, levels_of(space, trial))
        if grid is not None and len(grid) <= points:
            fits, best = trial, grid
        else:
            fails = trial
    levels = levels_of(space, fits)
    for name in space.names if len(best) <= points else ():
        more = {**levels, name: levels_of(space, fits + 1)[name]}
        grid = _grid(space, more) if more != levels else None
        if grid is not None and len(grid) <= points:
            levels, best = more, grid
    return best, _in_words(levels)


def levels_of(space: Space, levels: int) -> dict[str, int]:
    """How many levels each dial has in a grid of at most that many for each number; a categorical dial has all."""
    return {
        name: len(dial.choices) if isinstance(dial, Categorical) else min(levels, dial.size or levels)
        for name, dial in space.items()
    }


def _grid(space: Space, levels: Mapping[str, int]) -> list[dict[str, Any]] | None:
    """The grid, or None where it is too large to be listed."""
    if not space.has_conditions and not space.constraints and math.prod(levels.values()) > LISTED:
        return None
    try:
        grid = space.grid(levels)
    except SpaceError:  # a million and more
        return None
    return grid if len(grid) <= LISTED else None


def _in_words(levels: Mapping[str, int]) -> str:
    told = tuple(f"{name} at {count:,} level{'s' if count > 1 else ''}" for name, count in levels.items())
    return _listed(told)


def first_new(
    strategy: str,
    history: History,
    space: Space,
    key: Key,
    draw: Callable[[int], Configuration | None],
    reason: str,
) -> Proposal | Exhausted:
    """The first of `draw(0), draw(1), ...` that is allowed and new; when none is, one of those left over."""
    if not len(space):
        return Proposal({}, _UNDECLARED, strategy)
    taken: set[Hashable] | None = None
    for attempt in range(2 * ATTEMPTS):
        # Where a design's own points keep breaking a constraint, the space's exact rejection takes over.
        params = draw(attempt) if attempt < ATTEMPTS else space.draw(_again(key, attempt))
        if params is None:
            continue
        if _can_repeat(space, params):
            if taken is None:
                taken = _taken(history, space)
            if space.identity(params) in taken:
                continue
        passed = "" if attempt == 0 else f", after {attempt} that broke a constraint or came up before"
        return Proposal(params, (reason if attempt < ATTEMPTS else "drawn at random") + passed, strategy)
    if all(space[name].size is not None for name in space.names):
        return _one_left(strategy, _taken(history, space), space, key)
    return Proposal(space.draw(key), f"a repeat: {2 * ATTEMPTS} draws gave nothing new", strategy)


def _one_left(strategy: str, taken: set[Hashable], space: Space, key: Key) -> Proposal | Exhausted:
    left = (params for params in space.configurations() if space.identity(params) not in taken)
    some = _at_most(LISTED, left)
    if not some:
        size = space.size
        return Exhausted(f"all {len(taken) if size is None else size:,} configurations were tried")
    count = f"{len(some):,}" if len(some) < LISTED else f"{LISTED:,} or more"
    return Proposal(some[key.integer("left", len(some))], f"one of the {count} configurations left", strategy)


def _at_most(count: int, items: Iterator[Configuration]) -> list[Configuration]:
    return [item for _, item in zip(range(count), items, strict=False)]


def _can_repeat(space: Space, params: Configuration) -> bool:
    return all(space[name].size is not None for name in params)


def _taken(history: History, space: Space) -> set[Hashable]:
    return {space.identity(record.params) for record in history.explored}


def _again(key: Key, attempt: int) -> Key:
    """A key for a further attempt at the same trial."""
    return key if attempt == 0 else Key(key.bits("again", attempt), key.number)


def _listed(names: tuple[str, ...], at_most: int = 4) -> str:
    more = [f"{len(names) - at_most} more"] if len(names) > at_most else []
    return ", ".join([*names[:at_most], *more])
