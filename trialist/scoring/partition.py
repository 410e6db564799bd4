"""Which rows go to train, validation and test: at random, by class, by whole groups, or by time.

Every function returns (train, validation, test): arrays of row numbers that share no row and leave none out.
`rng` is the only source of chance. Sizes are counts of rows; validation may be 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trialist.errors import PlanError, shown

if TYPE_CHECKING:
    from numpy.random import Generator

Rows = NDArray[np.int64]
Parts = tuple[Rows, Rows, Rows]


def at_random(n: int, validation: int, test: int, rng: Generator) -> Parts:
    """Every row has the same chance of every part."""
    order = rng.permutation(n)
    return order[test + validation :], order[test : test + validation], order[:test]


def by_class(y: Any, validation: int, test: int, rng: Generator) -> Parts:
    """Each class has its share of every part, to a row, and at least one row in each.

    Raises PlanError where a class has fewer members than there are parts, or a part fewer rows than there are classes.
    """
    codes, labels = coded("y", y)
    sizes = np.bincount(codes)
    parts = 3 if validation else 2
    rare = int(sizes.argmin())
    if sizes[rare] < parts:
        raise PlanError(
            "stratify",
            f"class {shown(labels[rare])} has {sizes[rare]} of {len(codes)} rows, fewer than the {parts} parts",
            "Use stratify=False (y may be a quantity rather than a class), or give more rows of that class.",
        )
    for part, size in (("test", test), ("validation", validation), ("train", len(codes) - test - validation)):
        if 0 < size < len(sizes):
            raise PlanError(
                "stratify",
                f"the {part} part has {size} rows for {len(sizes)} classes",
                f"Give a larger {part} part, or use stratify=False.",
            )
    in_test = _apportion(test, sizes, sizes - (parts - 1))
    in_validation = _apportion(validation, sizes, sizes - in_test - 1) if validation else np.zeros_like(sizes)
    chosen: tuple[list[Rows], list[Rows], list[Rows]] = ([], [], [])
    for code, (u, v) in enumerate(zip(in_test, in_validation, strict=True)):
        members = rng.permutation(np.flatnonzero(codes == code))
        for share, rows in zip(chosen, (members[u + v :], members[u : u + v], members[:u]), strict=True):
            share.append(rows)
    train, held, sealed = (rng.permutation(np.concatenate(rows)) for rows in chosen)
    return train, held, sealed


def by_group(groups: Any, validation: int, test: int, rng: Generator) -> Parts:
    """No group straddles two parts; sizes are met as nearly as the groups allow.

    Raises PlanError where there are fewer groups than parts.
    """
    codes, labels = coded("groups", groups)
    parts = 3 if validation else 2
    if len(labels) < parts:
        raise PlanError(
            "groups",
            f"{len(labels)} distinct groups cannot fill {parts} parts",
            f"Give at least {parts} groups, or leave groups out.",
        )
    sizes = np.bincount(codes)
    order = rng.permutation(len(labels))
    in_test, order = _fill(test, sizes, order, keep=parts - 1)
    in_validation, order = _fill(validation, sizes, order, keep=1) if validation else (order[:0], order)
    train, held, sealed = (
        rng.permutation(np.flatnonzero(np.isin(codes, part))) for part in (order, in_validation, in_test)
    )
    return train, held, sealed


def by_time(time: Any, validation: int, test: int) -> Parts:
    """The test part is the latest, validation the latest before it; rows of one moment stay on one side.

    Where many rows share the moment at a border, the border moves to that end of them which is nearer to the size
    asked for. Rows stand in the order of time.
    Raises PlanError where there are fewer distinct moments than parts, or where times cannot be ordered.
    """
    moments = sortable(time)
    order = np.argsort(moments, kind="stable")
    later = moments[order]
    borders = np.flatnonzero(later[1:] != later[:-1]) + 1  # row counts at which the moment changes
    parts = 3 if validation else 2
    if len(borders) < parts - 1:
        raise PlanError(
            "time",
            f"{len(borders) + 1} distinct times cannot fill {parts} parts",
            f"Give at least {parts} distinct times, or leave time out.",
        )
    first = borders[1:] if validation else borders  # leave a border for validation to start at
    cut = int(first[np.abs(first - (len(order) - test)).argmin()])
    before = borders[borders < cut]
    start = int(before[np.abs(before - (cut - validation)).argmin()]) if validation else cut
    return order[:start], order[start:cut], order[cut:]


def coded(field: str, values: Any) -> tuple[NDArray[np.int64], Sequence[Any]]:
    """Values as whole numbers in the order of their first row, and the distinct values themselves."""
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    seen: dict[Any, int] = {}
    codes = np.empty(len(listed), dtype=np.int64)
    for row, value in enumerate(listed):
        if _is_missing(value):
            raise PlanError(field, f"{shown(value)} in row {row} is missing", "Remove that row, or give it a value.")
        try:
            codes[row] = seen.setdefault(value, len(seen))
        except TypeError:
            raise PlanError(
                field, f"{shown(value)} in row {row} is not a plain value", "Give one number or text for each row."
            ) from None
    return codes, list(seen)


def _is_missing(value: Any) -> bool:
    """None, NaN, NaT and pandas' NA: what does not equal itself."""
    if value is None:
        return True
    equal = value == value
    return type(value).__name__ == "NAType" or (isinstance(equal, (bool, np.bool_)) and not equal)


def sortable(time: Any) -> NDArray[Any]:
    """Times as an array that sorts: numbers or dates; text must be ISO dates, because text puts "10" before "9"."""
    moments: NDArray[Any] = np.asarray(time)
    if moments.ndim != 1:
        raise PlanError("time", f"an array of shape {moments.shape} is not one time for each row", "Give one column.")
    listed = moments.tolist() if hasattr(time, "dtype") else list(time)
    for row, value in enumerate(listed if moments.dtype.kind in "OU" else ()):
        if _is_missing(value):
            raise PlanError("time", f"{shown(value)} in row {row} is missing", "Remove that row, or give its time.")
    texts = [value for value in listed if isinstance(value, str)]
    try:
        if len(texts) == len(listed):
            moments = np.array(texts, dtype="datetime64")
        elif texts:
            raise TypeError(f"{shown(texts[0])} is text, others are not")
        np.sort(moments)
    except (TypeError, ValueError) as problem:
        raise PlanError(
            "time", f"the times cannot be ordered: {problem}", "Give numbers or ISO dates only."
        ) from problem
    absent = np.flatnonzero(moments != moments)
    if len(absent):
        raise PlanError(
            "time", f"{moments[absent[0]]} in row {absent[0]} is missing", "Remove that row, or give its time."
        )
    return moments


def _apportion(total: int, sizes: NDArray[np.int64], most: NDArray[np.int64]) -> NDArray[np.int64]:
    """`total` rows shared among classes in proportion to `sizes`, each at least 1 and at most `most`."""
    exact = total * sizes / sizes.sum()
    counts: NDArray[np.int64] = np.clip(np.floor(exact).astype(np.int64), 1, most)
    while counts.sum() < total:
        counts[np.where(counts < most, exact - counts, -np.inf).argmax()] += 1
    while counts.sum() > total:
        counts[np.where(counts > 1, counts - exact, -np.inf).argmax()] -= 1
    return counts


def _fill(size: int, sizes: NDArray[np.int64], order: Rows, keep: int) -> tuple[Rows, Rows]:
    """Groups taken in `order` while each brings the part nearer to `size`, and the others; `keep` are left at least."""
    taken: list[int] = []
    total = 0
    for group in order.tolist():
        if len(order) - len(taken) > keep and abs(total + sizes[group] - size) < abs(total - size):
            taken.append(group)
            total += int(sizes[group])
    if not taken:  # every group is more than twice the part
        taken = [int(order[sizes[order].argmin()])]
    return np.array(taken, dtype=np.int64), order[~np.isin(order, taken)]
