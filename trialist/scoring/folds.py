"""Folds of a Split: which of its open rows each unit of a validation trains on, and which it is scored on.

Rows (n,) are those that are not sealed, train and validation part together.  A division tells the rows of each of its
parts apart; it is drawn from (seed, number of the division), so the same data and seed give the same folds everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from trialist.errors import PlanError, shown
from trialist.numerics.keys import Key
from trialist.scoring import partition
from trialist.scoring.partition import Rows
from trialist.trials.validation import Folds, Holdout, Unit

if TYPE_CHECKING:
    from numpy.random import Generator

JITTER = 0.25  # of a block: how far borders in time move from one division to the next


class How(StrEnum):
    """What rules the choice of rows."""

    RANDOM = "random"
    STRATIFIED = "stratified"
    GROUPED = "grouped"
    BY_TIME = "by time"


@dataclass(frozen=True, slots=True)
class Layout:
    """What n rows are divided by: codes (n,) of their classes or groups, named by labels, or their moments (n,)."""

    how: How
    n: int
    codes: NDArray[Any] | None = None
    labels: Sequence[Any] = ()

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows by class or group."""
        assert self.codes is not None
        return np.bincount(self.codes, minlength=len(self.labels))


@dataclass(frozen=True, slots=True)
class Fold:
    """One unit: rows to train on and rows to be scored on, taken when they are asked for.

    index: from 1 on.  seed: to train with, the same for all configurations that are scored on this fold.
    split, part, repeat, order: the how-manieth division of the rows, part of it, seed and order of the training rows on
    it; from 0 on.
    """

    index: int
    seed: int
    split: int
    part: int
    repeat: int
    order: int
    sizes: tuple[int, int]  # rows to train on, rows to be scored on
    _take: Callable[[Rows], tuple[Any, Any]]
    _rows: tuple[Rows, Rows]

    @property
    def train(self) -> tuple[Any, Any]:
        """(X, y) to train on, fresh copies."""
        return self._take(self._rows[0])

    @property
    def validation(self) -> tuple[Any, Any]:
        """(X, y) to be scored on, fresh copies."""
        return self._take(self._rows[1])

    def __repr__(self) -> str:
        return f"Fold({self.index}: {self.sizes[0]:,} rows to train on, {self.sizes[1]:,} to be scored on)"


class Folded(Sequence[Fold]):
    """The folds of a layout, in the order of the validation's units; PlanError where there can be none."""

    def __init__(
        self, take: Callable[[Rows], tuple[Any, Any]], layout: Layout, validation: Folds | Holdout, seed: int
    ) -> None:
        check(layout, validation)
        self._take, self._layout, self._validation, self._seed = take, layout, validation, seed
        self._units = validation.sampling
        self._divisions: dict[int, list[tuple[Rows, Rows]]] = {}

    def __len__(self) -> int:
        return len(self._units)

    @overload
    def __getitem__(self, place: int) -> Fold: ...

    @overload
    def __getitem__(self, place: slice) -> list[Fold]: ...

    def __getitem__(self, place: int | slice) -> Fold | list[Fold]:
        if isinstance(place, slice):
            return [self._fold(unit) for unit in self._units[place]]
        return self._fold(self._units[place])

    def _fold(self, unit: Unit) -> Fold:
        if unit.split not in self._divisions:
            rng = Key(self._seed, unit.split).generator("folds")
            self._divisions[unit.split] = divided(self._layout, self._validation, rng)
        train, held = self._divisions[unit.split][unit.part]
        seed = Key(self._seed, -1).child_seed(f"fold {unit.split} {unit.part} {unit.seed}")
        if unit.order:  # the first is as drawn
            train = Key(self._seed, unit.order).generator(f"order {unit.split} {unit.part}").permutation(train)
        sizes, place = (len(train), len(held)), (unit.split, unit.part, unit.seed, unit.order)
        return Fold(unit.index, seed, *place, sizes, self._take, (train, held))


def divided(layout: Layout, validation: Folds | Holdout, rng: Generator) -> list[tuple[Rows, Rows]]:
    """One division: for each part the rows to train on and the rows held out."""
    if layout.how is How.BY_TIME:
        return _forward(layout, validation, rng)
    if isinstance(validation, Holdout):
        return [_held_out(layout, _size(validation, layout.n), rng)]
    order = rng.permutation(layout.n)
    if layout.how is How.RANDOM:
        part = np.empty(layout.n, dtype=np.int64)
        part[order] = np.arange(layout.n) % validation.k
    elif layout.how is How.STRATIFIED:
        assert layout.codes is not None
        # Dealt class by class, one row to each part in turn: classes and parts are even, to a row.
        dealt = order[np.argsort(layout.codes[order], kind="stable")]
        part = np.empty(layout.n, dtype=np.int64)
        part[dealt] = rng.permutation(validation.k)[np.arange(layout.n) % validation.k]
    else:
        assert layout.codes is not None
        part = even_parts(layout.sizes, validation.k, rng)[layout.codes]
    # In the order drawn: a learner that takes rows as they come should not see them by class or by group.
    parted = part[order]
    return [(order[parted != j], order[parted == j]) for j in range(validation.k)]


def even_parts(sizes: NDArray[np.int64], k: int, rng: Generator) -> NDArray[np.int64]:
    """A part in [0, k) for each group, at random, with the parts' rows as even as moves and swaps can make them.

    sizes (g,): rows of each group, g >= k.  Groups of similar size are dealt at random; then of two parts the larger
    one gives a group to the smaller, or swaps one with it, as long as that brings any two closer.
    """
    g = len(sizes)
    ranked = rng.permutation(g)
    ranked = ranked[np.argsort(-sizes[ranked], kind="stable")]
    part = np.empty(g, dtype=np.int64)
    for start in range(0, g, k):
        dealt = ranked[start : start + k]
        part[dealt] = rng.permutation(k)[: len(dealt)]
    totals = np.bincount(part, weights=sizes, minlength=k).astype(np.int64)
    while _evened(part, sizes, totals):
        pass
    return part


def _evened(part: NDArray[np.int64], sizes: NDArray[np.int64], totals: NDArray[np.int64]) -> bool:
    """Bring two parts closer, in place, those farthest apart first; False where no two can be."""
    order = np.argsort(totals, kind="stable").tolist()
    pairs = sorted(
        ((int(totals[a] - totals[b]), a, b) for a in order for b in order if totals[a] - totals[b] > 1), reverse=True
    )
    for gap, most, least in pairs:
        givers, takers = np.flatnonzero(part == most), np.flatnonzero(part == least)
        give, take, moved = _best_exchange(sizes[givers], sizes[takers], gap)
        if 0 < moved < gap:
            part[givers[give]] = least
            if take is not None:
                part[takers[take]] = most
            totals[most] -= moved
            totals[least] += moved
            return True
    return False


def _best_exchange(large: NDArray[np.int64], small: NDArray[np.int64], gap: int) -> tuple[int, int | None, int]:
    """Which group goes over, which comes back if any, and the rows moved: as near to half the gap as can be."""
    order = np.argsort(small, kind="stable")
    back = np.concatenate([[0], small[order]])  # 0: nothing comes back
    wanted = large - gap / 2  # what should come back for each group that goes
    place = np.clip(np.searchsorted(back, wanted), 1, len(back) - 1) if len(back) > 1 else np.zeros(len(large), int)
    nearest = np.where(np.abs(back[place] - wanted) < np.abs(back[place - 1] - wanted), place, np.maximum(place - 1, 0))
    moved = large - back[nearest]
    give = int(np.abs(moved - gap / 2).argmin())
    chosen = int(nearest[give])
    return give, None if chosen == 0 else int(order[chosen - 1]), int(moved[give])


def _held_out(layout: Layout, size: int, rng: Generator) -> tuple[Rows, Rows]:
    if layout.how is How.STRATIFIED:
        train, _, held = partition.by_class(layout.codes, 0, size, rng)
    elif layout.how is How.GROUPED:
        train, _, held = partition.by_group(layout.codes, 0, size, rng)
    else:
        train, _, held = partition.at_random(layout.n, 0, size, rng)
    return train, held


def _forward(layout: Layout, validation: Folds | Holdout, rng: Generator) -> list[tuple[Rows, Rows]]:
    """Each part is later than all rows trained on; the first block is trained on only (an expanding window).

    Borders move by up to a quarter of a block from one division to the next, since there is but one order in time, and
    another division would else be the same one.  Rows of one moment stay on one side.
    """
    assert layout.codes is not None
    order = np.argsort(layout.codes, kind="stable")
    later = layout.codes[order]
    borders = np.flatnonzero(later[1:] != later[:-1]) + 1
    k = validation.k if isinstance(validation, Folds) else 1
    block = layout.n / (k + 1) if isinstance(validation, Folds) else _size(validation, layout.n)
    cuts: list[int] = []
    least = 0
    for j in range(k):
        ideal = layout.n - (k - j) * block + block * rng.uniform(-JITTER, JITTER)
        nearest = int(np.abs(borders - ideal).argmin())
        chosen = min(max(nearest, least), len(borders) - (k - j))  # the others need a border each
        cuts.append(int(borders[chosen]))
        least = chosen + 1
    ends = [*cuts[1:], layout.n]
    return [(order[:start], order[start:end]) for start, end in zip(cuts, ends, strict=True)]


def check(layout: Layout, validation: Folds | Holdout) -> None:
    """PlanError where rows, classes, groups or moments are too few for the validation."""
    k = validation.k if isinstance(validation, Folds) else 2
    what = str(validation).split(",")[0]
    field = "validation"
    if layout.n < k:
        raise PlanError(field, f"{what} needs {k} rows, there are {layout.n} beside the test part", "Give more rows.")
    fewer = "Use fewer folds" if isinstance(validation, Folds) and k > 2 else "Use Split(stratify=False)"
    if layout.how is How.STRATIFIED:
        sizes = layout.sizes
        rare = int(sizes.argmin())
        if sizes[rare] < k:
            rows = f"{sizes[rare]} row{'s' if sizes[rare] != 1 else ''} beside the test part"
            problem = f"class {shown(layout.labels[rare])} has {rows}, too few for {what}"
            raise PlanError(field, problem, f"{fewer}, or give more rows of that class.")
        size = _size(validation, layout.n) if isinstance(validation, Holdout) else layout.n
        if min(size, layout.n - size or size) < len(sizes):
            problem = f"{size} of {layout.n} rows held out leave no room for {len(sizes)} classes on both sides"
            raise PlanError(field, problem, "Hold out another share, or use Split(stratify=False).")
    elif layout.how is How.GROUPED and len(layout.labels) < k:
        problem = f"{len(layout.labels)} groups beside the test part are too few for {what}"
        raise PlanError(field, problem, "Use fewer folds, or give more groups.")
    elif layout.how is How.BY_TIME:
        moments = len(np.unique(layout.codes)) if layout.codes is not None else 0
        least = k + 1 if isinstance(validation, Folds) else 2
        if moments < least:
            problem = f"{moments} distinct times beside the test part are too few for {what}, which needs {least}"
            raise PlanError(field, problem, "Use fewer folds, or give finer times.")


def _size(validation: Holdout, n: int) -> int:
    """Rows held out: the share, one at least, and one left to train on."""
    return min(max(1, round(validation.share * n)), n - 1)
