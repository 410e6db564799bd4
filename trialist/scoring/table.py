"""A split as a table to be checked: its columns, and which rows are sealed. Of large data a part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialist.numerics.keys import Key
from trialist.scoring.material import Material
from trialist.scoring.rows import Column, Scale, columns_of

ROWS = 200_000
COLUMNS = 300
CELLS = 20_000_000  # of numbers in arrays; lists and texts are read twenty times slower
SLOW_CELLS = 1_000_000

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Table:
    """X: columns of features, without those that do not vary.  y: columns of the target.

    is_sealed (n,).  how: the split was made, as in Material.  is_whole: all rows are here.
    """

    X: tuple[Column, ...]
    y: tuple[Column, ...]
    is_sealed: NDArray[np.bool_]
    how: str
    is_whole: bool

    @property
    def opened(self) -> Rows:
        return np.flatnonzero(~self.is_sealed)

    @property
    def sealed(self) -> Rows:
        return np.flatnonzero(self.is_sealed)


def table_of(material: Material) -> Table:
    """The rows of a split in the order of the data, or a random part of them."""
    n = len(material.opened) + len(material.sealed)
    is_sealed = np.zeros(n, dtype=bool)
    is_sealed[material.sealed] = True
    is_fast = hasattr(material.X, "shape") and not getattr(getattr(material.X, "dtype", None), "hasobject", False)
    rows = np.arange(n)
    limit = ROWS if is_fast else ROWS // 4
    X, y = material.X, material.y
    if n > limit:
        rows = np.sort(Key(0, -1).generator("leaks").choice(n, limit, replace=False))
        X, y = material.taken(rows)
    most = max(1, min(COLUMNS, (CELLS if is_fast else SLOW_CELLS) // len(rows)))
    columns = tuple(column for column in columns_of(X, most) if varies(column))
    return Table(columns, columns_of(y, 3, "target"), is_sealed[rows], material.how, len(rows) == n)


def varies(column: Column) -> bool:
    """Whether not all rows have the same value."""
    values = column.values
    return bool(len(values) and np.any((values != values[0]) & ~(np.isnan(values) & np.isnan(values[0]))))


def is_numbering(column: Column) -> bool:
    """A number, or a text, of its own for every row: it names the row and says nothing of it."""
    some = column.values[:1000]
    if column.scale is Scale.DATE or np.any(some != np.rint(some)) or len(np.unique(some)) < len(some):
        return False
    distinct = np.unique(column.values)
    if len(distinct) < len(column.values) or not column.is_whole:
        return False
    # Numbers with wide gaps are amounts: all may differ without being names.
    return column.scale is Scale.NAME or bool(distinct[-1] - distinct[0] < 2 * len(distinct))


def sampled(rows: Rows, most: int, name: str) -> Rows:
    """At most so many of the rows, drawn at random, in order."""
    if len(rows) <= most:
        return rows
    return np.sort(Key(0, -1).generator(f"leaks {name}").choice(rows, most, replace=False))
