"""Rows of any kind of data: as columns of numbers or codes, and as one hash each.

A hash goes by what is written in a row, not by how it is kept: the same row of an array, a list, a frame or a sparse
matrix has the same one, also after it went through single precision, and -0.0 is 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_MISSING = np.uint64(0x5851F42D4C957F2D)
_ISO = re.compile(r"\d{4}-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?)?(Z|[+-]\d\d:?\d\d)?")
_DATES_TOLD_BY = 50  # texts that are read before a column is taken for dates


class Scale(Enum):
    """What the values of a column are."""

    NUMBER = "number"
    DATE = "date"  # as seconds since 1970
    NAME = "name"  # texts and other objects: equal or not


@dataclass(frozen=True, slots=True)
class Column:
    """One column. values (n,): numbers, NaN where missing; for names their codes, by first occurrence, -1 if missing.

    labels: the name of each code.
    """

    name: str
    scale: Scale
    values: NDArray[np.float64]
    labels: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_whole(self) -> bool:
        """Numbers without fractions, or names."""
        known = self.values[np.isfinite(self.values)]
        return bool(self.scale is not Scale.DATE and np.all(known == np.rint(known)))

    @property
    def codes(self) -> NDArray[np.int64]:
        """Equal values by equal whole numbers; missing ones are a value of their own."""
        found: NDArray[np.int64] = np.unique(self.values, return_inverse=True, equal_nan=True)[1].reshape(-1)
        return found


def columns_of(data: Any, most: int | None = None, name: str = "column") -> tuple[Column, ...]:
    """The columns of arrays, frames, lists, sparse matrices; at most `most` of them, evenly spread.

    An array of more than two axes is a row of all its numbers each; of a sparse matrix the fullest columns are taken.
    """
    if hasattr(data, "tocsr"):
        return _of_sparse(data.tocsc(), most)
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        places = _spread(data.shape[1], most)
        return tuple(_column(str(data.columns[place]), _of_pandas(data.iloc[:, place])) for place in places)
    if hasattr(data, "iloc"):
        return (_column(name if getattr(data, "name", None) is None else str(data.name), _of_pandas(data)),)
    if hasattr(data, "shape"):
        return _of_array(np.asarray(data), most, name)
    return _of_list(list(data), most, name)


def hashes_of(columns: Sequence[Column], first: int = 0) -> Hashes:
    """One hash for each row, (n,): the sum of a hash for each value that is not 0, by the place of its column.

    first: the place of the first column.
    """
    total = np.zeros(len(columns[0].values) if columns else 0, dtype=np.uint64)
    for place, column in enumerate(columns, start=first):
        bits = _bits(column)
        total += np.where(bits == 0, np.uint64(0), _mixed(bits ^ np.uint64((place + 1) * _GOLDEN & 0xFFFFFFFFFFFFFFFF)))
    return total


def row_hashes(data: Any, first: int = 0) -> Hashes:
    """`hashes_of` all columns, where sparse data stay sparse."""
    if not hasattr(data, "tocsr"):
        return hashes_of(columns_of(data), first)
    rows = data.tocsr(copy=True)
    rows.sum_duplicates()
    bits = _bits(Column("", Scale.NUMBER, np.asarray(rows.data, dtype=float)))
    places = (rows.indices.astype(np.uint64) + np.uint64(first + 1)) * np.uint64(_GOLDEN)
    parts = np.where(bits == 0, np.uint64(0), _mixed(bits ^ places))
    ends = np.concatenate([[np.uint64(0)], np.cumsum(parts, dtype=np.uint64)])  # wraps round, and so do differences
    found: Hashes = ends[rows.indptr[1:]] - ends[rows.indptr[:-1]]
    return found


def _bits(column: Column) -> Hashes:
    """(n,): each value as 64 bits; 0 for 0."""
    if column.scale is Scale.NAME:
        texts = [int.from_bytes(blake2b(_utf8(label), digest_size=8).digest(), "big") for label in column.labels]
        known = np.array([*texts, int(_MISSING)], dtype=np.uint64)
        return known[column.values.astype(np.int64)]  # -1, missing, is the last
    values = column.values
    with np.errstate(over="ignore", invalid="ignore"):
        is_whole = (values == np.rint(values)) & (np.abs(values) < 2.0**53)
        whole = np.where(is_whole, values, 0).astype(np.int64).view(np.uint64)
        single = values.astype(np.float32).view(np.uint32).astype(np.uint64) | np.uint64(1 << 63)
    found: Hashes = np.where(np.isnan(values), _MISSING, np.where(is_whole, whole, single))
    return found


def _mixed(bits: Hashes) -> Hashes:
    """SplitMix64's finalizer: every bit of the result depends on every bit given.  Source: Steele et al. 2014."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _of_sparse(data: Any, most: int | None) -> tuple[Column, ...]:
    fullness = np.diff(data.indptr)
    places = np.arange(data.shape[1])
    if most is not None and len(places) > most:
        places = np.sort(np.argsort(-fullness, kind="stable")[:most])
    return tuple(
        Column(f"column {place}", Scale.NUMBER, np.asarray(data[:, [place]].todense(), dtype=float).reshape(-1))
        for place in places.tolist()
    )


def _of_pandas(series: Any) -> Any:
    """A series as an array that NumPy knows, or a list of objects."""
    kind = getattr(series.dtype, "kind", "O")
    if kind in "biufM" and hasattr(series.dtype, "str"):
        return series.to_numpy()
    return [None if missing else value for value, missing in zip(series.astype(object), series.isna(), strict=True)]


def _of_array(array: NDArray[Any], most: int | None, name: str) -> tuple[Column, ...]:
    if array.dtype.names:
        return tuple(_column(each, array[each]) for each in array.dtype.names)
    if array.ndim == 1:
        return (_column(name, array.tolist() if array.dtype.hasobject else array),)
    table = array.reshape(len(array), -1)
    return tuple(
        _column(f"{name} {place}", table[:, place].tolist() if array.dtype.hasobject else table[:, place])
        for place in _spread(table.shape[1], most)
    )


def _of_list(rows: list[Any], most: int | None, name: str) -> tuple[Column, ...]:
    if rows and all(isinstance(row, Mapping) for row in rows):
        names = dict.fromkeys(key for row in rows for key in row)
        places = [list(names)[place] for place in _spread(len(names), most)]
        return tuple(_column(str(key), [row.get(key) for row in rows]) for key in places)
    if rows and all(hasattr(row, "__len__") and not isinstance(row, (str, bytes)) for row in rows):
        if len({len(row) for row in rows}) == 1 and all(isinstance(row, (list, tuple)) for row in rows):
            listed = [_column(f"{name} {i}", [row[i] for row in rows]) for i in _spread(len(rows[0]), most)]
            if not any(label[:1] in "[(" for column in listed for label in column.labels[:1]):
                return tuple(listed)
        try:
            return _of_array(np.asarray(rows, dtype=float), most, name)
        except (TypeError, ValueError):  # ragged rows: each is one thing
            return (_column(name, [repr(row) for row in rows]),)
    return (_column(name, rows),)


def _column(name: str, values: Any) -> Column:
    """An array of numbers or dates, or a list of anything, as a column."""
    if isinstance(values, np.ndarray):
        if values.dtype.kind in "biuf":
            return Column(name, Scale.NUMBER, values.astype(np.float64))
        if values.dtype.kind in "Mm":
            return Column(name, Scale.DATE, _seconds(values))
        values = values.tolist()
    known = [value for value in values if value is not None]
    if all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in known):
        return Column(name, Scale.NUMBER, np.array([np.nan if v is None else _number(v) for v in values], dtype=float))
    if known and _are_dates(known):
        try:
            return Column(name, Scale.DATE, _dates(values))
        except ValueError:  # what looked like dates is none
            pass
    codes: dict[str, int] = {}
    coded = [-1 if value is None else codes.setdefault(_text(value), len(codes)) for value in values]
    return Column(name, Scale.NAME, np.array(coded, dtype=float), tuple(codes))


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return float("inf") if value > 0 else float("-inf")


def _are_dates(known: list[Any]) -> bool:
    if all(isinstance(value, (date, np.datetime64)) for value in known):
        return True
    first = known[:_DATES_TOLD_BY]
    return all(isinstance(value, str) and _ISO.fullmatch(value.strip()) for value in first)


def _dates(values: list[Any]) -> NDArray[np.float64]:
    """Seconds since 1970, whatever zone a date is written in; NaN where missing."""
    plain = []
    for value in values:
        if isinstance(value, str):
            text = value.strip().replace("Z", "+00:00")
            value = datetime.fromisoformat(text if len(text) > 7 else f"{text}-01")
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = value.replace(tzinfo=None) - (value.utcoffset() or (value - value))
        plain.append("NaT" if value is None else value)
    return _seconds(np.array(plain, dtype="datetime64[us]"))


def _seconds(moments: NDArray[Any]) -> NDArray[np.float64]:
    whole = moments.astype(f"{'datetime64' if moments.dtype.kind == 'M' else 'timedelta64'}[us]")
    found: NDArray[np.float64] = np.where(np.isnat(whole), np.nan, whole.astype(np.int64) / 1e6)
    return found


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    return repr(value)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _spread(count: int, most: int | None) -> list[int]:
    """At most `most` of `count` places, evenly spread."""
    if most is None or count <= most:
        return list(range(count))
    return [int(place) for place in np.unique(np.linspace(0, count - 1, most).round())]
