"""Leaks: ways in which test rows are known before they are tested. Looked for before a search, in a second or two.

Every check is of the kind "more than these data would show by themselves", so that repeated values, strong features
and sorted rows of honest data raise no alarm. No check says a value of a sealed row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialist.scoring.split import Split
    from trialist.scoring.table import Table


class Kind(StrEnum):
    """What leaks."""

    COPIES = "copies"  # the same rows on both sides
    GROUPS = "groups"  # rows that hang together on both sides
    TIME = "time"  # what comes later trains for what came before
    TARGET = "target"  # the target is among the features
    PREPARATION = "preparation"  # fitted on all rows, the sealed ones included


class Severity(StrEnum):
    """How bad: a leak flatters every score; a remark is mostly harmless, and easily put right."""

    LEAK = "leak"
    REMARK = "remark"


@dataclass(frozen=True, slots=True)
class Leak:
    """One finding: what leaks, in words with the remedy; `where` names the columns, or "rows"."""

    kind: Kind
    words: str
    where: str
    severity: Severity

    def __str__(self) -> str:
        return f"{self.severity}, {self.kind} ({self.where}): {self.words}"

    def to_json(self) -> dict[str, str]:
        kind, severity = self.kind.value, self.severity.value
        return {"kind": kind, "words": self.words, "where": self.where, "severity": severity}


def check_leaks(split: Split, *, groups: Any = None, time: Any = None) -> tuple[Leak, ...]:
    """What leaks from the sealed rows of a split into the others, or from the target into the features; () if nothing.

    groups: one label per row, where the split was made without them: rows of one label should not be on both sides.
    time: one moment per row, likewise: no sealed row should be older than the newest of the others.

    Of large data a sample is looked at. Raises PlanError for groups or times that do not match the rows.

    >>> from trialist.scoring.split import Split
    >>> check_leaks(Split([[0.1], [0.7], [0.4], [0.9], [0.2]], [1, 0, 1, 0, 1]))
    ()
    """
    import numpy as np

    from trialist.scoring.belonging import given_groups, given_times, groups_astride, times_mixed
    from trialist.scoring.copies import copies
    from trialist.scoring.preparation import preparation
    from trialist.scoring.table import table_of
    from trialist.scoring.target import target_among_features

    material = split._material()
    with np.errstate(all="ignore"):  # of numbers near the largest there is
        table: Table = table_of(material)
        found = [*given_groups(material, groups), *given_times(material, time), *copies(table)]
        if groups is None:
            found += groups_astride(table)
        if time is None:
            found += times_mixed(table)
        return (*found, *target_among_features(table), *preparation(table))
