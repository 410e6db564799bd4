"""What became of early looks at trials, in words: which rungs say nothing of the end, how often halting was wrong."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from trialist.scheduling.schedulers import uses_rungs
from trialist.trials.history import History

if TYPE_CHECKING:
    from trialist.model.curves import Curves


def screening(history: History) -> str:
    """In words, what the audit of rungs found; an empty text where nothing was halted, switched off or checked."""
    if not (uses_rungs(history.plan) and any(record.reports for record in history)):
        return ""
    from trialist.model.audit import audit, wrong_stops

    return "; ".join(words for words in (audit(history).words, wrong_stops(history).words) if words)


class Rungs:
    """Watches which rungs are in use; `news` tells of each change once, since a rung in doubt may come and go."""

    def __init__(self) -> None:
        self._told: set[tuple[float, ...]] = set()

    def news(self, history: History) -> str:
        """In words, what is switched off now, where that was not told before; else an empty text."""
        if not uses_rungs(history.plan):
            return ""
        from trialist.model.audit import audit

        found = audit(history, self._curves)
        if found.active in self._told:
            return ""
        self._told.add(found.active)
        return found.words

    @cached_property
    def _curves(self) -> Curves:
        from trialist.model.curves import Curves

        return Curves()
