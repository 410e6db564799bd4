"""A fingerprint of data: the same values of the same types give the same digest, in every process and on every day."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Set
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from trialist.errors import PlanError, shown

if TYPE_CHECKING:
    import numpy as np


def fingerprint(*parts: Any) -> str:
    """The SHA-256, in hexadecimal, of arrays, lists, pandas frames and series, sparse matrices and plain values.

    The type, the dtype and the shape count, the index of a frame does not (the same rows, filtered another way, are
    the same data).  Raises PlanError for values that have no stable form, such as open files.

    >>> fingerprint([1, 2]) == fingerprint([1, 2]) != fingerprint([1.0, 2.0])
    True
    """
    digest = sha256()
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()


def sketch(X: Any, y: Any, sealed: np.ndarray[Any, Any]) -> str:
    """A sketch of the sealed rows of X and y, by what is written in them: neither order nor other rows count.

    Rows that occur more than once in the data name none of them and are left out; where most of the sealed ones do,
    as among a few categories, only the very same rows are recognised.  Source of the form: trialist.numerics.sketch.
    """
    import numpy as np

    from trialist.numerics.sketch import Sketch
    from trialist.scoring.rows import row_hashes

    hashes = row_hashes(X) + row_hashes(y, first=_TARGETS)
    _, places, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    is_alone = counts[places.reshape(-1)[sealed]] == 1
    known = hashes[sealed][is_alone] if is_alone.mean() >= 0.5 else hashes[:0]
    whole = f"{int(hashes[sealed].sum(dtype=np.uint64)):016x}{len(sealed):x}"
    return Sketch.of(known.tolist(), whole).text()


_TARGETS = 2**20  # the place of y's first column, beyond those of X


def _feed(digest: Any, value: Any) -> None:
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        text = repr(value)
        digest.update(f"{type(value).__name__}:{len(text)}:{text};".encode("utf-8", "surrogatepass"))
    elif hasattr(value, "tocsr"):
        _feed_sparse(digest, value)
    elif hasattr(value, "iloc"):
        _feed_pandas(digest, value)
    elif hasattr(value, "__array__"):
        _feed_array(digest, value)
    elif isinstance(value, Mapping):
        _feed_all(digest, "mapping", [item for pair in value.items() for item in pair])
    elif isinstance(value, Set):
        _feed_all(digest, "set", sorted(fingerprint(item) for item in value))
    elif isinstance(value, (list, tuple)):
        _feed_all(digest, type(value).__name__, value)
    else:
        _feed_other(digest, value)


def _feed_all(digest: Any, kind: str, items: Iterable[Any]) -> None:
    listed = list(items)
    digest.update(f"{kind}:{len(listed)};".encode())
    for item in listed:
        _feed(digest, item)


def _feed_array(digest: Any, value: Any) -> None:
    import numpy as np

    array: np.ndarray[Any, Any] = np.asarray(value)
    digest.update(f"array:{array.dtype.str}:{array.shape};".encode())
    if array.dtype.hasobject:
        _feed_all(digest, "items", array.ravel().tolist())
    else:
        digest.update(np.ascontiguousarray(array).tobytes())


def _feed_sparse(digest: Any, value: Any) -> None:
    rows = value.tocsr(copy=True)
    rows.sum_duplicates()  # one form for all orders in which the entries may be stored
    _feed_all(digest, "sparse", [rows.shape, rows.data, rows.indices.astype("int64"), rows.indptr.astype("int64")])


def _feed_pandas(digest: Any, value: Any) -> None:
    if hasattr(value, "columns"):
        columns = [value.iloc[:, place] for place in range(value.shape[1])]
        _feed_all(
            digest,
            "frame",
            [item for name, column in zip(value.columns, columns, strict=True) for item in (name, column)],
        )
        return
    digest.update(f"series:{value.dtype};".encode())
    # Extension types (categories, nullable integers, strings) have no bytes of their own to rely on.
    _feed_array(digest, value.to_numpy() if hasattr(value.dtype, "str") else value.to_numpy(dtype=object))


def _feed_other(digest: Any, value: Any) -> None:
    """Dates, decimals, enums and other small objects, by the bytes that pickle gives them."""
    try:
        data = pickle.dumps(value, protocol=4)
    except Exception as problem:
        raise PlanError(
            "X",
            f"{shown(value)} has no stable form to fingerprint ({type(problem).__name__})",
            "Give arrays, lists, data frames or plain values.",
        ) from problem
    digest.update(f"{type(value).__name__}:{len(data)};".encode() + data)
