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
    """Watches which rungs are in use; `news` tells once when that has changed."""

    def __init__(self) -> None:
        self._active: tuple[float, ...] | None = None

    def news(self, history: History) -> str:
        """In words, what is switched off now and was not when this was last asked; an empty text if nothing is."""
        if not uses_rungs(history.plan):
            return ""
        from trialist.model.audit import audit

        found = audit(history, self._curves)
        before, self._active = self._active, found.active
        if before == found.active or (before is not None and len(found.active) > len(before)):
            return ""
        return found.words

    @cached_property
    def _curves(self) -> Curves:
        from trialist.model.curves import Curves

        return Curves()
