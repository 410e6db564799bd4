"""The seal: the one block in which sealed parts can be read, and the record of what was opened there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from trialist.scoring.split import Split


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

    >>> from trialist.scoring.split import Split
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


def opening_now() -> Opening | None:
    """What is being opened where this is called; None outside of every block."""
    return _opening.get()
