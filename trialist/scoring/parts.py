"""The parts of a split as they are asked for: shares and counts as counts, row numbers, and how rows are divided."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trialist.errors import PlanError, shown
from trialist.numerics.keys import Key
from trialist.scoring.material import taken

if TYPE_CHECKING:
    import numpy as np

    from trialist.scoring.partition import Parts


def size_of(name: str, size: Any, n: int) -> int:
    """A share or a count of n rows as a count."""
    remedy = "Give a share such as 0.2, or a count of rows such as 500."
    try:
        number = math.nan if isinstance(size, (bool, str)) else float(size)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0) or (number >= 1 and number != int(number)):
        raise PlanError(name, f"{shown(size)} is neither a share of the rows nor a count of them", remedy)
    if isinstance(size, float) and number == 1:
        raise PlanError(name, "1.0 is all rows, or a single one", remedy)
    if number == 0:
        if name == "test":
            raise PlanError(name, f"{shown(size)} leaves no test part, and no verdict", remedy)
        return 0
    return max(1, round(number * n)) if number < 1 else int(number)


def numbers_of(test: Any, n: int) -> np.ndarray[Any, Any] | None:
    """Row numbers, where these are given; PlanError unless they are distinct rows of n, some but not all."""
    if isinstance(test, (str, bytes)) or not hasattr(test, "__len__"):
        return None
    import numpy as np

    rows: np.ndarray[Any, Any] = np.asarray(test)
    remedy = f"Give distinct numbers from 0 to {n - 1}, or a share such as 0.2."
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu":
        raise PlanError("test", f"{shown(test)} is neither a size nor numbers of rows", remedy)
    if rows.min() < 0 or rows.max() >= n or len(np.unique(rows)) < len(rows) or len(rows) == n:
        raise PlanError("test", f"{shown(test)} are not rows of {n} that leave some to train on", remedy)
    return rows.astype(np.int64)


def parts_of(ways: list[str], by: Any, n: int, validation: int, test: int, seed: int) -> Parts:
    """Rows of train, validation and test, by what rules the split, of which `by` has a value for each row."""
    from trialist.scoring import partition

    rng = Key(seed, -1).generator("split")
    if ways == ["stratify"]:
        return partition.by_class(by, validation, test, rng)
    if ways == ["groups"]:
        return partition.by_group(by, validation, test, rng)
    if ways == ["time"]:
        return partition.by_time(by, validation, test)
    return partition.at_random(n, validation, test, rng)


def parts_beside(sealed: np.ndarray[Any, Any], ways: list[str], by: Any, n: int, validation: int, seed: int) -> Parts:
    """The same where the rows of the test part are given."""
    import numpy as np

    rest = np.setdiff1d(np.arange(n), sealed)
    if not validation:
        return rest, rest[:0], sealed
    train, _, held = parts_of(ways, None if by is None else taken(by, rest), len(rest), 0, validation, seed)
    return rest[train], rest[held], sealed
