"""Watching whether another trial is worth it: the plan's rules end a search, models advise, and both are kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Any

from trialist.study.events import Event, Told, TrialClosed
from trialist.study.loop import Goal
from trialist.study.session import Session
from trialist.trials.history import History

if TYPE_CHECKING:
    from trialist.stopping.ending import Ending
    from trialist.stopping.rules import Rules

STOPPED, ADVICE, LEFT = "stopped", "advice", "left"  # the stages under which they are kept
AHEAD = 20  # trials of a larger budget
ADVISED_FROM = 1.0  # seconds of a trial: quicker ones would wait for the models that advise
RECENT = 5  # trials by which that is judged


class Watch:
    """What one coordinator asks the stopping rules; what they say holds under the budget that it was said under."""

    def __init__(self, session: Session, workers: int) -> None:
        self._session, self._workers = session, workers

    @cached_property
    def _rules(self) -> Rules:
        # Loaded only where a study is asked: the models would cost others their start.
        from trialist.stopping.rules import Rules

        return Rules(self._workers)

    @property
    def has_stopped(self) -> bool:
        """A rule ended the search under this budget."""
        return self._kept(STOPPED) is not None

    def advice(self) -> Ending | None:
        """What models say if they would end the search here."""
        return self._rules.advice(self._session.history(), self._since)

    def over(self, goal: Goal) -> Goal:
        """The goal, reached as well once a rule of the plan fires."""
        if not self._session.plan.stopping.rules:
            return goal

        def may_start(history: History) -> str | None:
            return goal.may_start(history) or self._stopped(history)

        return replace(goal, may_start=may_start, is_watched=True)

    def heard(self, event: Event) -> Iterator[Event]:
        """What models advise after a trial, where trials take their time; once under a budget."""
        session = self._session
        if not (session.plan.stopping.advises and isinstance(event, TrialClosed) and event.record.is_scored):
            return
        if not event.record.stage.is_explored:
            return
        history = session.history()
        times = [record.seconds for record in history.scored[-RECENT:] if record.seconds is not None]
        if not times or fmean(times) < ADVISED_FROM or self._kept(ADVICE) is not None:
            return
        if (advice := self._rules.advice(history, self._since)) is not None:
            words = f"advice: this would be a time to stop ({advice.rule}): {advice}"
            self._keep(ADVICE, {**advice.to_json(), "words": words})
            yield Told(words)

    def concluded(self) -> Iterator[Event]:
        """At the end of a search: what a larger budget would probably gain."""
        session = self._session
        if not session.plan.stopping.advises or self.has_stopped:
            return
        history, kept = session.history(), self._kept(LEFT)
        if kept is not None and kept["trials"] == len(history.scored):
            return  # it was said before
        left, advice = self._rules.left(history, AHEAD), self._rules.advice(history, self._since)
        words = str(left or "")
        if advice is not None:
            words = f"a larger budget is hardly worth it: {advice.reason}; {words}"
        self._keep(LEFT, {"trials": len(history.scored), "words": words})
        if words:
            yield Told(words)

    def _stopped(self, history: History) -> str | None:
        kept = self._kept(STOPPED)
        if kept is not None:  # by another coordinator, or before an interruption
            return str(kept["words"])
        ending = self._rules.ending(history, self._since)
        if ending is None:
            return None
        self._keep(STOPPED, {**ending.to_json(), "words": f"stopped by {ending.rule}: {ending}"})
        return f"stopped by {ending.rule}: {ending}"

    @property
    def _since(self) -> int:
        """Full runs after which the study was extended; then its rules count anew."""
        earlier = self._session.stage(STOPPED)
        return 0 if earlier is None else int(earlier["trials"])

    def _kept(self, name: str) -> Mapping[str, Any] | None:
        return current(self._session, name)

    def _keep(self, name: str, outcome: Mapping[str, Any]) -> None:
        kept = {**outcome, "budget": str(self._session.plan.budget)}
        self._session.store.write_stage(self._session.name, name, kept, time.time())


def current(session: Session, name: str) -> Mapping[str, Any] | None:
    """That stage's outcome, where it is from under the present budget."""
    kept = session.stage(name)
    return kept if kept is not None and kept["budget"] == str(session.plan.budget) else None
