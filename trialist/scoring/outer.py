"""Outer folds: all rows divided into parts, each sealed once in a split of its own, for nested evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np

from trialist.errors import PlanError
from trialist.numerics.keys import Key
from trialist.scoring.folds import How, Layout, check, divided
from trialist.scoring.material import rows_of, taken
from trialist.scoring.partition import coded, sortable
from trialist.scoring.split import Split
from trialist.trials.validation import Folds


def outer_splits(
    X: Any, y: Any, division: Folds, *, stratify: bool = False, groups: Any = None, time: Any = None, seed: int = 0
) -> list[Split]:
    """A split for each part of each division, in which its rows are sealed; made as a Split with these arguments is.

    In time, each part is later than all that is trained on: rows after it are left out.  Raises PlanError where rows,
    classes, groups or times are too few.

    >>> [split.sizes["test"] for split in outer_splits(list(range(10)), [0, 1] * 5, Folds(5), stratify=True)]
    [2, 2, 2, 2, 2]
    """
    n = rows_of("X", X)
    layout = _layout(n, y, stratify, groups, time)
    try:
        check(layout, division)
    except PlanError as error:
        raise PlanError("outer", error.problem.replace(" beside the test part", ""), error.remedy) from None
    splits = []
    for repeat in range(division.repeats):
        for train, held in divided(layout, division, Key(seed, repeat).generator("outer folds")):
            if layout.how is not How.BY_TIME:
                ways: dict[str, Any] = {"stratify": stratify, "groups": groups}
                splits.append(Split(X, y, test=np.sort(held), validation=0, seed=seed, **ways))
                continue
            seen = np.sort(np.concatenate([train, held]))
            parts = [taken(each, seen) for each in (X, y, time)]
            sealed = np.flatnonzero(np.isin(seen, held))
            splits.append(Split(parts[0], parts[1], test=sealed, validation=0, time=parts[2], seed=seed))
    return splits


def _layout(n: int, y: Any, stratify: bool, groups: Any, time: Any) -> Layout:
    if stratify:
        return Layout(How.STRATIFIED, n, *coded("y", y))
    if groups is not None:
        return Layout(How.GROUPED, n, *coded("groups", groups))
    if time is not None:
        return Layout(How.BY_TIME, n, sortable(time))
    return Layout(How.RANDOM, n)
