"""What people ask of a running study, as its coordinator reads it: stop that trial, pause, go on, a larger budget."""

from __future__ import annotations

import time

from trialist.study.session import Session
from trialist.trials.instruction import Act, Instruction, pause_of, stops_of

LOOK_SECONDS = 0.5  # between two looks; a look without news takes a tenth of a millisecond


class Steering:
    """Reads the instructions of a study, at most twice a second; the budget is that under which the work began."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._budget = session.plan.budget
        self._looked = float("-inf")
        self._read: list[Instruction] = []
        self._stops: dict[int, Instruction] = {}

    def look(self) -> None:
        """Read what is new, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        since = self._read[-1].number if self._read else 0
        new = self._session.store.instructions(self._session.name, since)
        self._read += new
        self._stops = {**stops_of(new), **self._stops}
        if any(each.act is Act.EXTEND for each in new):
            self._session.load()

    @property
    def pause(self) -> Instruction | None:
        """The pause that holds, if one does."""
        return pause_of(self._read)

    @property
    def is_extended(self) -> bool:
        """The budget is another one than when the work began: what was planned by that has to be planned anew."""
        return self._session.plan.budget != self._budget

    @property
    def held(self) -> str:
        """Why nothing new may start, or an empty text."""
        if self.is_extended:
            return f"the budget is {self._session.plan.budget} now, it was {self._budget}"
        return "" if (pause := self.pause) is None else f"{pause}; to go on: trialist resume"

    def stop_of(self, number: int) -> str:
        """Who asked, and why, that this trial be stopped; an empty text where nobody did."""
        asked = self._stops.get(number)
        return "" if asked is None else str(asked)
