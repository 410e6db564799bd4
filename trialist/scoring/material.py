"""Data of any make with a row for each example: how many rows, some of them, and all that a split is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialist.errors import PlanError, shown

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Material:
    """What a split is made of.  opened, sealed: row numbers.  how: random, stratified, grouped or by time."""

    X: Any
    y: Any
    opened: np.ndarray[Any, Any]
    sealed: np.ndarray[Any, Any]
    how: str

    def taken(self, rows: np.ndarray[Any, Any]) -> tuple[Any, Any]:
        """X and y of those rows, in their own types."""
        return taken(self.X, rows), taken(self.y, rows)


def rows_of(name: str, data: Any) -> int:
    """How many rows `data` has, or PlanError where it is not made of rows."""
    shape = getattr(data, "shape", None)
    if shape is not None and len(shape) > 0:
        return int(shape[0])
    if shape is None and isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return len(data)
    raise PlanError(name, f"{shown(data)} is not a table of rows", "Give an array, a list or a data frame.")


def check_rows(name: str, data: Any, n: int) -> None:
    """PlanError unless the data have n rows."""
    rows = rows_of(name, data)
    if rows != n:
        raise PlanError(name, f"{rows} rows do not match the {n} of X", f"Give one entry of {name} for each row of X.")


def taken(data: Any, rows: np.ndarray[Any, Any]) -> Any:
    """Those rows of `data`, in its own type."""
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    if hasattr(data, "tocsr"):
        return data.tocsr()[rows]  # of the sparse formats, coo and dia have no rows to index
    if hasattr(data, "shape"):
        return data[rows]
    picked = [data[row] for row in rows.tolist()]
    return tuple(picked) if isinstance(data, tuple) else picked
