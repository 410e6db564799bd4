"""The ledger, in lines that fit the terminal: every look at sealed test data, and what had been seen before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trialist.cli.format import (
    safe,
    wrapped,
)
from trialist.cli.table import Column, table

if TYPE_CHECKING:
    from trialist.protocols import Look
    from trialist.study.study import Study


def ledger_lines(study: Study, looks: Sequence[Look], room: int) -> list[str]:
    """Every look at sealed test data."""
    if not looks:
        return wrapped(f"the test data of study {safe(study.name)} were never opened", room)
    heads = [Column("look", right=True), Column("at"), Column("by", flexible=True), Column("what", flexible=True)]
    heads += [Column("data"), Column("outcome", flexible=True)]
    rows = [
        [
            str(look.number),
            datetime.fromtimestamp(look.at).strftime("%d %b %y %H:%M"),
            safe(look.who),
            safe(look.what),
            look.fingerprint[:8],
            _outcome(look),
        ]
        for look in looks
    ]
    return table(heads, rows, room) + [line for look in looks for line in wrapped(_seen_before(look), room)]


def _seen_before(look: Look) -> str:
    """Where a look is not the first at its rows: how much of them was seen, and by whom."""
    if look.number == 1:
        return ""
    part = "all rows" if look.overlap >= 1 else f"{100 * look.overlap:.0f} % of the rows"
    others = f"; {look.elsewhere} of the looks before in other studies" if look.elsewhere else ""
    return f"look {look.number} at {look.fingerprint[:8]}: {part} had been looked at before{others}"


def _outcome(look: Look) -> str:
    if look.outcome is None:
        return "open: broken off half-way"
    if "failed" in look.outcome:
        return f"failed: {safe(str(look.outcome['failed']))}"
    return safe(str(look.outcome.get("outcome", "")))
