"""Split: data as a train, a validation and a sealed test part, which opens only while a verdict is being reached."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialist.errors import PlanError, SealedError, shown
from trialist.numerics.keys import Key

if TYPE_CHECKING:
    import numpy as np

    from trialist.scoring.folds import Folded, Layout
    from trialist.scoring.partition import Parts
    from trialist.trials.validation import Folds, Holdout


class Split:
    """Rows of X and y in three parts: `.train`, `.validation`, and `.test`, which is sealed outside verification.

    X, y: anything with one entry per row: arrays, lists, pandas frames and series, sparse matrices, tensors.
    test, validation: a share of all rows (0.2), or a count of them (500). validation=0 makes no such part, for scores
    by cross-validation on `.train`.  test may also be the numbers of the rows to be sealed.
    stratify: True gives each class of y its share of every part.  groups: one label per row; no group straddles two
    parts.  time: one moment per row; the test part is the latest, validation the latest before it.  One of the three.
    seed: the same data and seed make the same parts, everywhere.

    Raises PlanError, naming the argument, for anything that cannot be split as asked.

    >>> split = Split([[1.0], [2.0], [3.0], [4.0], [5.0]], [0, 1, 0, 1, 0], test=0.2, validation=0.2)
    >>> split
    Split(5 rows: 3 train, 1 validation, 1 test (sealed); random, seed 0)
    >>> len(split.train[0])
    3
    """

    __slots__ = ("__X", "__groups", "__how", "__layout", "__test", "__time", "__train", "__validation", "__y", "seed")

    def __init__(
        self,
        X: Any,
        y: Any,
        *,
        test: float | Sequence[int] | np.ndarray[Any, Any] = 0.2,
        validation: float = 0.2,
        stratify: bool = False,
        groups: Any = None,
        time: Any = None,
        seed: int = 0,
    ) -> None:

        n = rows_of("X", X)
        _same_rows("y", y, n)
        if not isinstance(stratify, bool):
            raise PlanError(
                "stratify", f"{shown(stratify)} is not True or False", "Use stratify=True: the classes are y."
            )
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise PlanError("seed", f"{shown(seed)} is not a whole number", "Give a seed such as 0.")
        ways = [
            name
            for name, on in (("stratify", stratify), ("groups", groups is not None), ("time", time is not None))
            if on
        ]
        if len(ways) > 1:
            raise PlanError(ways[1], f"{' and '.join(ways)} cannot both rule one split", "Choose one of them.")
        sealed = _numbers(test, n)
        n_test = _size("test", test, n) if sealed is None else len(sealed)
        n_validation = _size("validation", validation, n)
        if n_test + n_validation >= n:
            raise PlanError(
                "test",
                f"{n_test} test and {n_validation} validation rows leave none of {n} to train on",
                "Give smaller parts, or more rows.",
            )
        for name, labels in (("groups", groups), ("time", time)):
            if labels is not None:
                _same_rows(name, labels, n)
        by = y if stratify else groups if groups is not None else time
        if sealed is None:
            parts = _parts(ways, by, n, n_validation, n_test, seed)
        else:
            parts = _beside(sealed, ways, by, n, n_validation, seed)
        # Names that Python mangles: nobody comes upon the sealed rows by accident.
        self.__X, self.__y, self.__groups, self.__time = X, y, groups, time
        self.__train, self.__validation, self.__test = parts
        self.__how = {"stratify": "stratified", "groups": "grouped", "time": "by time"}[ways[0]] if ways else "random"
        self.__layout: Layout | None = None
        self.seed = seed

    @property
    def train(self) -> tuple[Any, Any]:
        """(X, y) to train on during the search: fresh copies, so that no trial can spoil them for the next."""
        return self.__rows_of(self.__train)

    @property
    def validation(self) -> tuple[Any, Any]:
        """(X, y) to score on during the search.  Raises PlanError if the split was made without such a part."""
        if not len(self.__validation):
            raise PlanError(
                "validation",
                "this split has no validation part",
                "Give Split(validation=0.2), or cross-validate on .train.",
            )
        return self.__rows_of(self.__validation)

    @property
    def train_and_validation(self) -> tuple[Any, Any]:
        """(X, y) of all rows but the sealed ones: what the final models are trained on."""
        import numpy as np

        return self.__rows_of(np.concatenate([self.__train, self.__validation]))

    def __open(self) -> np.ndarray[Any, Any]:
        """The rows that are not sealed, as they stand in X."""
        import numpy as np

        return np.sort(np.concatenate([self.__train, self.__validation]))

    def __laid_out(self) -> Layout:
        """What folds are divided by; kept, since every trial asks."""
        if self.__layout is None:
            from trialist.scoring.folds import How, Layout
            from trialist.scoring.partition import coded, sortable

            how, rows = How(self.__how), self.__open()
            if how is How.BY_TIME:
                self.__layout = Layout(how, len(rows), sortable(self.__time)[rows])
            elif how is How.RANDOM:
                self.__layout = Layout(how, len(rows))
            else:
                field, values = ("y", self.__y) if how is How.STRATIFIED else ("groups", self.__groups)
                self.__layout = Layout(how, len(rows), *coded(field, taken(values, rows)))
        return self.__layout

    def folds(self, validation: Folds | Holdout, seed: int = 0) -> Folded:
        """The folds or draws of a validation over all rows but the sealed ones, in the order of its units.

        Each has `train` and `validation`, both (X, y), a `seed` to train with, an `index` from 1 on, and `sizes`.  They
        are made like the split itself: each class in its share, no group on both sides, or training rows always
        earlier.  The same data and seed give the same folds everywhere.  Raises PlanError where rows, classes, groups
        or times are too few.

        >>> from trialist import Folds
        >>> split = Split(list(range(12)), [0, 1] * 6, test=2, stratify=True)
        >>> [sorted(fold.validation[1]) for fold in split.folds(Folds(5))]
        [[0, 1], [0, 1], [0, 1], [0, 1], [0, 1]]
        """
        from trialist.scoring.folds import Folded

        open_rows = self.__open()
        return Folded(lambda rows: self.__rows_of(open_rows[rows]), self.__laid_out(), validation, seed)

    @property
    def how(self) -> str:
        """What rules the parts: "random", "stratified", "grouped" or "by time"."""
        return self.__how

    @property
    def classes(self) -> tuple[Any, ...] | None:
        """With stratify, the classes of y in the rows that are not sealed, in their sorted order; otherwise None."""
        if self.__how != "stratified":
            return None
        labels = self.__laid_out().labels
        try:
            return tuple(sorted(labels))
        except TypeError:  # labels of several types
            return tuple(labels)

    @property
    def test(self) -> tuple[Any, Any]:
        """(X, y) of the sealed part.  Raises SealedError outside verification."""
        opening = _opening.get()
        if opening is None:
            raise SealedError(
                "the test part of this split is sealed: only verification opens it. Score trials on split.validation; "
                "read split.test inside the function given as test= to tune() or study.verify()."
            )
        opening.record(self)
        return self.__rows_of(self.__test)

    @property
    def test_groups(self) -> np.ndarray[Any, Any] | None:
        """A label for each test row, where rows hang together: groups as given, or blocks of time; otherwise None."""
        if self.__groups is not None:
            from trialist.scoring.partition import coded

            return coded("groups", taken(self.__groups, self.__test))[0]
        if self.__how == "by time":
            from trialist.numerics.resampling import time_blocks

            return time_blocks(len(self.__test))
        return None

    @property
    def sizes(self) -> dict[str, int]:
        """Rows by part."""
        return {"train": len(self.__train), "validation": len(self.__validation), "test": len(self.__test)}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all data and of which rows are sealed; computed at each call, so that a changed row shows."""
        from trialist.scoring.fingerprint import fingerprint

        return fingerprint(self.__X, self.__y, self.__test)

    @property
    def sketch(self) -> str:
        """A sketch of the sealed rows, so that the ledger knows them in another split as well."""
        from trialist.scoring.fingerprint import sketch

        return sketch(self.__X, self.__y, self.__test)

    def _material(self) -> Material:
        """All of it, for checks that no trial sees; what they say of the sealed part is never a value of it."""
        import numpy as np

        open_rows = np.concatenate([self.__train, self.__validation])
        return Material(self.__X, self.__y, open_rows, self.__test, self.__how)

    def __rows_of(self, rows: np.ndarray[Any, Any]) -> tuple[Any, Any]:
        return taken(self.__X, rows), taken(self.__y, rows)

    def __repr__(self) -> str:
        train, validation, test = self.sizes.values()
        parts = f"{train:,} train, {validation:,} validation, {test:,} test (sealed)"
        return f"Split({train + validation + test:,} rows: {parts}; {self.__how}, seed {self.seed})"


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


@dataclass(slots=True)
class Opening:
    """What was opened in one `unsealed()` block."""

    splits: list[Split] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=list)

    def record(self, split: Split) -> None:
        """Notes a split at its first opening."""
        if not any(split is seen for seen in self.splits):
            self.splits.append(split)
            self.fingerprints.append(split.fingerprint)

    def groups(self, examples: int) -> np.ndarray[Any, Any] | None:
        """The test groups of the one split that was opened, if its test part has that many rows."""
        if len(self.splits) == 1 and self.splits[0].sizes["test"] == examples:
            return self.splits[0].test_groups
        return None


_opening: ContextVar[Opening | None] = ContextVar("trialist_unsealed", default=None)


@contextmanager
def unsealed() -> Iterator[Opening]:
    """Opens the test parts of all splits in this block, for verification alone, and records which were looked at.

    >>> split = Split([1, 2, 3, 4, 5], [0, 1, 0, 1, 0])
    >>> with unsealed() as opening:
    ...     X, y = split.test
    >>> opening.fingerprints == [split.fingerprint]
    True
    """
    opening = Opening()
    token = _opening.set(opening)
    try:
        yield opening
    finally:
        _opening.reset(token)


def rows_of(name: str, data: Any) -> int:
    """How many rows `data` has, or PlanError where it is not made of rows."""
    shape = getattr(data, "shape", None)
    if shape is not None and len(shape) > 0:
        return int(shape[0])
    if shape is None and isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return len(data)
    raise PlanError(name, f"{shown(data)} is not a table of rows", "Give an array, a list or a data frame.")


def _same_rows(name: str, data: Any, n: int) -> None:
    rows = rows_of(name, data)
    if rows != n:
        raise PlanError(name, f"{rows} rows do not match the {n} of X", f"Give one entry of {name} for each row of X.")


def _parts(ways: list[str], by: Any, n: int, validation: int, test: int, seed: int) -> Parts:
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


def _beside(sealed: np.ndarray[Any, Any], ways: list[str], by: Any, n: int, validation: int, seed: int) -> Parts:
    """The same where the rows of the test part are given."""
    import numpy as np

    rest = np.setdiff1d(np.arange(n), sealed)
    if not validation:
        return rest, rest[:0], sealed
    train, _, held = _parts(ways, None if by is None else taken(by, rest), len(rest), 0, validation, seed)
    return rest[train], rest[held], sealed


def _numbers(test: Any, n: int) -> np.ndarray[Any, Any] | None:
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


def _size(name: str, size: Any, n: int) -> int:
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
