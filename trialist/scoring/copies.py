"""Sealed rows that are copies of others, exact ones or up to rounding, beyond what chance makes of such data.

Symbols: r (m,), distance of a sealed row to the nearest open one; features are scaled to about one, names differ by
sqrt(2). Where rows are a sample of something continuous of k dimensions, (r / s)^k is exponential, so that both k and
s are told by those rows that have no copy, and they tell how many should be found within a small distance by chance.
Where values repeat (counts, grades, names), points stand on a grid, and chance is judged at a step of it, unless hardly
a row differs from its nearest in less than HOLE columns: where nothing is a step or two apart, nothing is the same by
chance. A Poisson test compares: copies stand out, coincidences of coarse data do not.
Source of the law of r: nearest neighbours of a Poisson process, as in Facco et al. 2017 (TwoNN).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trialist.numerics.keys import Key
from trialist.scoring.leaks import Kind, Leak, Severity
from trialist.scoring.rows import Column, Scale, hashes_of
from trialist.scoring.table import Rows, Table, is_numbering, sampled

Floats = NDArray[np.float64]

SEALED, OPENED = 400, 20_000  # rows that are compared
FEWEST, SHARE = 2, 0.01  # copies that deserve a word
TAIL = 1e-4  # so unlikely by chance
ROUNDING = 1e-5, 3e-3  # distance in a column: single precision; a few digits
HOLE = 5  # columns
_DIMENSIONS = 8  # of the vector that stands for a name


def copies(table: Table) -> Iterator[Leak]:
    """At most one finding."""
    columns = [column for column in table.X if not is_numbering(column)]
    if not columns or len(table.opened) < 10:
        return
    hashes = hashes_of(columns)
    sealed = sampled(table.sealed, SEALED, "sealed rows")
    # The open ones that are copies of these are among those that are compared, however few the others.
    twins = table.opened[np.isin(hashes[table.opened], hashes[sealed])]
    others = sampled(table.opened, OPENED, "open rows")
    opened = np.union1d(others, sampled(twins, OPENED, "copies"))
    here, there, starts, step = _points(columns, sealed, opened)
    nearest, differ = _nearest(here, there, starts)
    for words, rounding in zip(("copies", "copies up to rounding"), ROUNDING, strict=True):
        close = rounding * np.sqrt(len(columns))
        count = int((nearest <= close).sum())
        within = max(close, _reach(nearest, differ, nearest > close, step))
        expected = _expected(nearest, close, within, len(table.opened) / len(others))
        if count >= max(FEWEST, SHARE * len(sealed)) and _is_beyond(count, expected):
            many = f"{count:,} of {len(sealed):,} sealed rows"
            if len(sealed) < len(table.sealed):
                many += " that were looked at"
            yield Leak(
                Kind.COPIES,
                f"{many} ({100 * count / len(sealed):.0f} %) are {words} of training or validation rows; "
                f"chance makes {_number(expected)} of such data. Remove the copies before splitting, or give the same "
                "group to all of one row: Split(groups=...)",
                "rows",
                Severity.LEAK,
            )
            return


def _points(columns: list[Column], sealed: Rows, opened: Rows) -> tuple[Floats, Floats, Rows, float]:
    """Sealed (m, d) and open (n, d) rows as points; where each column starts; the step of a grid, 0 without one."""
    rng = Key(0, -1).generator("leaks names")
    rows = np.concatenate([sealed, opened])
    parts: list[Floats] = []
    steps = 0.0
    for column in columns:
        values = column.values[rows]
        if column.scale is Scale.NAME:
            signs = rng.choice([-1.0, 1.0], (len(column.labels) + 1, _DIMENSIONS)) / np.sqrt(_DIMENSIONS)
            parts.append(signs[values.astype(int)])
            steps += 2.0 if len(column.labels) < len(values) / 2 else 0.0
            continue
        scaled = _scaled(values, values[len(sealed) :])
        steps += _step(scaled) ** 2
        parts.append(scaled[:, None])
    points = np.concatenate(parts, axis=1)
    starts = np.cumsum([0, *(part.shape[1] for part in parts[:-1])])
    return points[: len(sealed)], points[len(sealed) :], starts, float(np.sqrt(steps / len(columns)))


def _scaled(values: Floats, opened: Floats) -> Floats:
    """Numbers about 0 with a spread of about 1, the far ones drawn in; missing ones stand apart."""
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.where(np.isfinite(values), values, np.nan)
        known = opened[np.isfinite(opened)]
        if not len(known):
            return np.where(np.isnan(finite), -4.0, 0.0)
        low, middle, high = np.quantile(known, [0.16, 0.5, 0.84])
        spread = (high - low) / 2 or known.std() or 1.0
        return np.where(np.isnan(finite), -4.0, np.arcsinh((finite - middle) / spread))


def _step(scaled: Floats) -> float:
    """The usual distance of neighbouring values where they repeat, as on a grid; 0 where they hardly do."""
    distinct = np.unique(scaled)
    return float(np.median(np.diff(distinct))) if 1 < len(distinct) < len(scaled) else 0.0


def _nearest(sealed: Floats, opened: Floats, starts: Rows) -> tuple[Floats, Floats]:
    """(m,) the distance of each sealed point to its nearest open one, and in how many columns they differ."""
    squares = (opened**2).sum(axis=1)
    found, differ = np.empty(len(sealed)), np.empty(len(sealed))
    for start in range(0, len(sealed), 64):
        here = sealed[start : start + 64]
        best = (squares - 2 * here @ opened.T).argmin(axis=1)  # up to the squares of `here`, which change no order
        # Of near points the difference of large numbers says little: the nearest is measured itself.
        apart = here - opened[best]
        found[start : start + 64] = np.sqrt((apart**2).sum(axis=1))
        differ[start : start + 64] = np.logical_or.reduceat(np.abs(apart) > ROUNDING[1], starts, axis=1).sum(axis=1)
    return found, differ


def _reach(nearest: Floats, differ: Floats, is_other: NDArray[np.bool_], step: float) -> float:
    """Up to which distance another row is as good as the same, for all that a grid can tell; 0 without one."""
    if step < 0.05 or is_other.sum() < 8:
        return step
    low, columns = np.quantile(nearest[is_other], 0.05), np.quantile(differ[is_other], 0.01, method="lower")
    return 0.0 if columns >= HOLE else float(max(np.sqrt(2) * step, low))


def _expected(nearest: Floats, close: float, within: float, density: float) -> float:
    """Rows that would have another within that distance by chance, judged by those that have none so close."""
    others = nearest[nearest > close]
    if len(others) < 8:
        return float(len(nearest))  # nothing to judge by
    low, middle, high = np.quantile(others, [0.25, 0.5, 0.75])
    if low < 3 * close:  # near ones go over into far ones: dense data
        return float(len(nearest))
    k = float(np.clip(np.log(np.log(4) / np.log(4 / 3)) / np.log(max(high / low, 1 + 1e-9)), 0.5, 50))
    s = middle / np.log(2) ** (1 / k)
    return float(len(nearest) * -np.expm1(-density * (within / s) ** k))


def _is_beyond(count: int, expected: float) -> bool:
    from scipy.special import gammainc

    return count > 3 * expected and float(gammainc(count, max(expected, 1e-12))) < TAIL


def _number(expected: float) -> str:
    return "next to none" if expected < 0.5 else f"about {expected:.0f}"
