"""The target among the features: a column that tells it all by itself, far beyond what the others can.

Strong features are common and honest: petals tell two irises apart. So a column counts only where it has no life of its
own beside the target (its values within a class are all but the same; its order is the target's order), or where no
other column comes near. Only open rows are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trialist.numerics.keys import Key
from trialist.scoring.leaks import Kind, Leak, Severity
from trialist.scoring.rows import Column, Scale
from trialist.scoring.table import Table, is_numbering, sampled

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

ROWS = 4_000
CLASSES = 20  # a target of whole numbers or names with at most so many values is one of classes
BINS = 50
TELLS = 0.99  # the share of errors, or of the variance of ranks, that a column takes away
NO_LIFE, NO_NOISE = 0.985, 0.9999  # the share of a column's variance that lies between the classes
NEAR = 0.85  # what the next best column tells at most, beside a copy with noise
APART = 4.0  # standard deviations within a class between the means of two, in a copy
BEYOND, FAR = 0.9, 0.5  # the same, where every other column tells at most half
NEXT = 0.9  # where ranks are concerned, what the next best may tell at most
ORDER = 0.999  # Spearman's correlation from which on two columns have one order


def target_among_features(table: Table) -> Iterator[Leak]:
    """One finding for each column of the target that is among the features, by whatever columns."""
    if len(table.X) < 2:  # where there is but one feature, nothing says that it tells too much
        return
    rows = sampled(table.opened, ROWS, "target")
    for target in table.y:
        y = target.values[rows]
        if len(rows) < 10 or len(np.unique(y)) < 2 or not np.all(np.isfinite(y)):
            continue
        found = _classes(table, target, rows) if _is_of_classes(target, y) else _amount(table, y, rows)
        # Where most columns tell all, the task is easy; nobody puts the target in half of the columns.
        if found and len(found) <= max(1, len(table.X) / 2):
            names = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
            one = len(found) == 1
            yield Leak(
                Kind.TARGET,
                f"{'this column tells' if one else 'each of these columns tells'} the target by itself, as a copy of "
                f"it does. Remove {'it' if one else 'them'}, unless {'it is' if one else 'they are'} known before the "
                "target is",
                names,
                Severity.LEAK,
            )


def _is_of_classes(target: Column, y: Floats) -> bool:
    return target.scale is Scale.NAME or (target.is_whole and len(np.unique(y)) <= CLASSES)


def _classes(table: Table, target: Column, rows: NDArray[np.int64]) -> list[str]:
    codes: Codes = np.unique(target.values[rows], return_inverse=True)[1].reshape(-1)
    told = [_told_classes(column, column.values[rows], codes) for column in table.X]
    found = _one_for_each(table, codes, rows)
    for place, column in enumerate(table.X):
        x = column.values[rows]
        if column.name in found:
            continue
        others = max((t for i, t in enumerate(told) if i != place and t < TELLS), default=0.0)
        tells_all = told[place] >= TELLS and (
            _is_constant_in_one(x, codes)
            or (column.scale is not Scale.NAME and _between(x, codes) >= BEYOND and others <= FAR)
        )
        tells_all = tells_all or (is_numbering(column) and _stand_by_class(x, codes))
        if tells_all or _is_copy(column, x, codes, others <= NEAR):
            found.append(column.name)
    return found


def _is_copy(column: Column, x: Floats, codes: Codes, is_alone: bool) -> bool:
    """Whether the column is nothing but the class; with noise only where no other column tells as much."""
    if column.scale is Scale.NAME:
        pairs = np.unique(np.stack([x, codes]), axis=1)
        values = len(np.unique(x))
        return pairs.shape[1] == values and codes.max() < values <= 3 * (codes.max() + 1) and values < len(x) / 4
    share = _between(x, codes)
    if share < (NO_LIFE if is_alone else NO_NOISE):
        return False
    means = np.sort([float(np.nanmean(x[codes == c])) for c in range(codes.max() + 1)])
    within = float(np.nanstd(x)) * np.sqrt(max(0.0, 1 - share))
    return bool(np.diff(means).min() > max(APART * within, 1e-9 * np.nanstd(x)))  # else two classes look alike


def _one_for_each(table: Table, codes: Codes, rows: NDArray[np.int64]) -> list[str]:
    """Columns that are whether it is a certain class, where there is one for each of more than two, but for the last.

    One alone is no leak: feathers are a matter of birds.
    """
    classes = codes.max() + 1
    if not 2 < classes <= CLASSES:
        return []
    of_class: dict[int, list[str]] = {}
    for column in table.X:
        x = column.values[rows]
        if column.scale is not Scale.NAME and len(np.unique(x[:200])) <= CLASSES:
            for c in range(classes):
                if _between(x, (codes == c).astype(np.int64)) >= NO_LIFE:
                    of_class.setdefault(c, []).append(column.name)
    return [name for names in of_class.values() for name in names] if len(of_class) >= classes - 1 else []


def _is_constant_in_one(x: Floats, codes: Codes) -> bool:
    """Of two classes one has always the same value, or none at all, and the other never has."""
    if codes.max() != 1:
        return False
    values, counts = np.unique(x, return_counts=True, equal_nan=True)
    usual = values[counts.argmax()]
    has = np.isnan(x) if np.isnan(usual) else x == usual
    shares = [has[codes == c].mean() for c in (0, 1)]
    return bool(max(shares) >= 0.99 and min(shares) <= 0.01)


def _stand_by_class(x: Floats, codes: Codes) -> bool:
    """Whether in the order of x the rows of a class stand together: then a row number tells the class."""
    changes = int(np.count_nonzero(np.diff(codes[np.argsort(x)])))
    return bool(changes <= 2 * codes.max() and len(codes) >= 10 * (codes.max() + 1))


def _between(x: Floats, codes: Codes) -> float:
    """The share of the variance of x that lies between the classes."""
    known = np.isfinite(x)
    if known.sum() < 10 or known.mean() < 0.9:
        return 0.0
    x, codes = x[known], codes[known]
    counts = np.bincount(codes)
    means = np.bincount(codes, x) / np.maximum(counts, 1)
    total = float(np.sum((x - x.mean()) ** 2))
    if not (np.isfinite(total) and total > 0):
        return 0.0
    return 1 - float(np.sum((x - means[codes]) ** 2)) / total


def _told_classes(column: Column, x: Floats, codes: Codes) -> float:
    """The share of errors of always the largest class that a table of this column takes away, on unseen rows."""
    bins, parts = _binned(column, x), _halves(len(x))
    classes = codes.max() + 1
    wrong = plain = 0
    for fit, judge in (parts, parts[::-1]):
        table = np.zeros((bins.max() + 1, classes))
        np.add.at(table, (bins[fit], codes[fit]), 1.0)
        usual = int(table.sum(axis=0).argmax())
        guess = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), usual)
        wrong += int((guess[bins[judge]] != codes[judge]).sum())
        plain += int((codes[judge] != usual).sum())
    return 1 - wrong / plain if plain else 0.0


def _amount(table: Table, y: Floats, rows: NDArray[np.int64]) -> list[str]:
    ranks = _ranks(y)
    told = [_told_ranks(column, column.values[rows], ranks) for column in table.X]
    one_order = [
        column.scale is not Scale.NAME and abs(_correlation(_ranks(column.values[rows]), ranks)) >= ORDER
        for column in table.X
    ]
    is_found = [order or share >= TELLS for order, share in zip(one_order, told, strict=True)]
    others = max((share for share, found in zip(told, is_found, strict=True) if not found), default=0.0)
    if others > NEXT:
        return []
    return [column.name for column, found in zip(table.X, is_found, strict=True) if found]


def _told_ranks(column: Column, x: Floats, ranks: Floats) -> float:
    """The share of the variance of the target's ranks that means within bins take away, on rows they have not seen."""
    bins, parts = _binned(column, x), _halves(len(x))
    left = total = 0.0
    for fit, judge in (parts, parts[::-1]):
        counts = np.bincount(bins[fit], minlength=bins.max() + 1)
        sums = np.bincount(bins[fit], ranks[fit], minlength=bins.max() + 1)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), ranks[fit].mean())
        left += float(np.sum((ranks[judge] - means[bins[judge]]) ** 2))
        total += float(np.sum((ranks[judge] - ranks[fit].mean()) ** 2))
    return 1 - left / total if total else 0.0


def _binned(column: Column, x: Floats) -> Codes:
    """Values as numbers of bins: each its own where they are few or names, else by quantiles; missing ones last."""
    distinct: Codes = np.unique(x, return_inverse=True, equal_nan=True)[1].reshape(-1)
    if column.scale is Scale.NAME or distinct.max() < BINS:
        return distinct
    known = x[~np.isnan(x)]
    edges = np.unique(
        np.quantile(known, np.linspace(0, 1, min(BINS, max(2, len(known) // 16)) + 1)[1:-1], method="nearest")
    )
    return np.where(np.isnan(x), len(edges) + 1, np.searchsorted(edges, x, side="left"))


def _halves(n: int) -> tuple[Codes, Codes]:
    order = Key(0, -1).generator("leaks halves").permutation(n)
    return order[: n // 2], order[n // 2 :]


def _ranks(values: Floats) -> Floats:
    from trialist.numerics.transform import ranks

    return ranks(np.where(np.isnan(values), -np.inf, values))


def _correlation(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0
