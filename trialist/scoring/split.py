"""Split: data as a train, a validation and a sealed test part, which opens only while a verdict is being reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trialist.errors import PlanError, SealedError, shown
from trialist.scoring.material import Material, check_rows, rows_of, taken
from trialist.scoring.parts import numbers_of, parts_beside, parts_of, size_of
from trialist.scoring.sealing import opening_now

if TYPE_CHECKING:
    import numpy as np

    from trialist.scoring.folds import Folded, Layout
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
        check_rows("y", y, n)
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
        sealed = numbers_of(test, n)
        n_test = size_of("test", test, n) if sealed is None else len(sealed)
        n_validation = size_of("validation", validation, n)
        if n_test + n_validation >= n:
            raise PlanError(
                "test",
                f"{n_test} test and {n_validation} validation rows leave none of {n} to train on",
                "Give smaller parts, or more rows.",
            )
        for name, labels in (("groups", groups), ("time", time)):
            if labels is not None:
                check_rows(name, labels, n)
        by = y if stratify else groups if groups is not None else time
        if sealed is None:
            parts = parts_of(ways, by, n, n_validation, n_test, seed)
        else:
            parts = parts_beside(sealed, ways, by, n, n_validation, seed)
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
        opening = opening_now()
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
