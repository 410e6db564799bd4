"""Preparation that was fitted on all rows, the sealed ones included: told by what comes out exact over all rows alone.

Columns standardised on all rows have a mean of exactly 0 and a standard deviation of exactly 1 over all rows; fitted
on the training rows alone they have not. The same of ranges, principal components, filled-in means and target means.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trialist.scoring.leaks import Kind, Leak, Severity
from trialist.scoring.rows import Column, Scale
from trialist.scoring.table import Table

Floats = NDArray[np.float64]

EXACT = 1e-6  # of what is 0 or 1 up to rounding, also in single precision
APART = 1e-4  # by which it differs over the open rows
FINE = 50  # values from which on a column counts as continuous
SOME = 2_000  # values by which a column is judged before all of a large one are sorted
_HARMLESS = "Features alone leak little this way; still, fit it on split.train, within the objective"


def preparation(table: Table) -> Iterator[Leak]:
    """Remarks on features that were prepared with the sealed rows, and a leak where the sealed targets were used."""
    if not table.is_whole or len(table.opened) < 10:
        return
    fine = [column for column in table.X if _is_fine(column)]
    for words, found in (
        ("are standardised by mean and standard deviation of all rows", [c for c in fine if _standardised(c, table)]),
        ("are scaled to the range of all rows", _ranged(fine, table)),
        ("are principal components of all rows", _components(fine, table)),
        ("have gaps that were filled with the mean of all rows", [c for c in table.X if _filled(c, table)]),
    ):
        if found:
            yield Leak(
                Kind.PREPARATION, f"these columns {words}, the sealed ones included. {_HARMLESS}", _names(found),
                Severity.REMARK,
            )  # fmt: skip
            return
    if encoded := [column for column in table.X if _encoded(column, table)]:
        yield Leak(
            Kind.PREPARATION,
            "these columns hold means of the target over all rows, the sealed ones included. Take the means over "
            "split.train alone, within the objective",
            _names(encoded),
            Severity.LEAK,
        )


def _is_fine(column: Column) -> bool:
    values = column.values
    if column.scale is not Scale.NUMBER or not np.all(np.isfinite(values)):
        return False
    return len(np.unique(_some(values))) >= min(FINE, len(values) / 2) or len(np.unique(values)) >= FINE


def _standardised(column: Column, table: Table) -> bool:
    values = column.values
    spread = any(abs(values.std(ddof=ddof) - 1) <= EXACT for ddof in (0, 1))
    return bool(spread and abs(values.mean()) <= EXACT and abs(values[table.opened].mean()) >= APART)


def _ranged(fine: list[Column], table: Table) -> list[Column]:
    """All of them reach from 0 to 1, or from -1 to 1, and not by their open rows alone."""
    if len(fine) < 3:
        return []
    for low in (0.0, -1.0):
        ends = [(c.values.min() == low, abs(c.values.max() - 1) <= 1e-12) for c in fine]
        if all(both == (True, True) for both in ends):
            opened = [c.values[table.opened] for c in fine]
            return fine if any(v.min() > low or v.max() < 1 - 1e-12 for v in opened) else []
    return []


def _components(fine: list[Column], table: Table) -> list[Column]:
    """All of them are centred, and none correlates with another over all rows."""
    some = fine[:50]
    if len(some) < 3 or len(table.is_sealed) <= len(some) + 1:
        return []
    values = np.stack([c.values for c in some])  # (d, n)
    if np.any(np.abs(values.mean(axis=1)) > EXACT * values.std(axis=1)):
        return []
    over_all, over_open = (np.abs(np.corrcoef(v) - np.eye(len(some))).max() for v in (values, values[:, table.opened]))
    return fine if over_all <= EXACT and over_open >= APART else []


def _filled(column: Column, table: Table) -> bool:
    """One value of an otherwise continuous column is repeated, and is the mean of the others."""
    if column.scale is not Scale.NUMBER or not np.all(np.isfinite(column.values)):
        return False
    if len(column.values) > SOME and np.unique(_some(column.values), return_counts=True)[1].max() < 0.005 * SOME:
        return False
    values, counts = np.unique(column.values, return_counts=True)
    most = int(counts.argmax())
    if counts[most] < max(3, 0.01 * len(column.values)) or len(values) < max(FINE, len(column.values) / 4):
        return False
    others = column.values != values[most]
    spread = column.values[others].std()
    of_open = column.values[others & ~table.is_sealed].mean()
    of_all = column.values[others].mean()
    return bool(abs(of_all - values[most]) <= EXACT * spread and abs(of_open - values[most]) >= APART * spread)


def _encoded(column: Column, table: Table) -> bool:
    """Each value is the mean of the target over all rows that have it, and not over the open ones."""
    if column.scale is not Scale.NUMBER or not np.all(np.isfinite(column.values)) or column.is_whole:
        return False
    if len(column.values) > SOME and len(np.unique(_some(column.values))) > 0.9 * SOME:
        return False
    values, codes, counts = np.unique(column.values, return_inverse=True, return_counts=True)
    codes = codes.reshape(-1)
    if not 3 <= len(values) <= len(codes) / 4:
        return False
    for target in table.y:
        ys = [target.values] if target.scale is Scale.NUMBER else [target.values, 1 - target.values]
        for y in ys:
            spread = y.std()
            over_all = np.bincount(codes, y) / counts
            rows = table.opened
            over_open = np.bincount(codes[rows], y[rows], len(values)) / np.maximum(
                1, np.bincount(codes[rows], minlength=len(values))
            )
            is_all = np.abs(over_all - values)[codes] <= EXACT * spread
            is_open = np.abs(over_open - values)[codes] <= EXACT * spread
            if spread > 0 and is_all.mean() >= 0.99 and is_open.mean() <= 0.9:
                return True
    return False


def _some(values: Floats) -> Floats:
    """Enough of them to see whether they repeat, from all over."""
    return values[:: max(1, len(values) // SOME)][:SOME]


def _names(columns: list[Column]) -> str:
    names = [column.name for column in columns]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
