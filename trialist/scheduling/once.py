"""Schedulers under which a trial runs once: it may be ended early, but it never goes on later."""

from __future__ import annotations

from trialist.numerics.keys import Key
from trialist.trials.history import History


class RunsOnce:
    """The half of a scheduler that is the same for all of them: each trial is opened as a full run, none is resumed."""

    def resume(self, history: History, key: Key) -> None:
        return None

    def start(self, history: History, key: Key) -> None:
        return None
