"""By hand: trials handed out to a caller, who runs them and tells their results, instead of to an objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialist.errors import StudyError, UnknownStudyError
from trialist.execute.worker import Trial
from trialist.study.desk import Desk
from trialist.study.interrupt import Interrupt
from trialist.study.loop import propose
from trialist.study.process import Process
from trialist.study.session import Session
from trialist.study.told import told
from trialist.trials.amounts import whole
from trialist.trials.trial import Exhausted, TrialRecord


class ByHand:
    """One coordinator's trials that are asked for and told."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._desk = Desk(session, session.scheduler, Interrupt())
        self._process = Process(session, _nothing, 1)

    def ask(self) -> Trial:
        """The next trial; StudyError where nothing is left to ask for."""
        session, desk, process = self._session, self._desk, self._process
        session.recover()
        got = session.open(lambda number: propose(session, desk.scheduler, process.strategy, number))
        if isinstance(got, Exhausted):
            raise StudyError(f"{session.name}: nothing is left to ask for" + (f": {got.reason}" if got.reason else ""))
        desk.admit(got)
        return Trial(session.begun(got), desk.answer, session.space)

    def tell(
        self,
        trial: Trial | int,
        value: Any,
        cost: float | None,
        constraints: Mapping[str, float] | None,
        state: str | None,
    ) -> TrialRecord:
        """The result of a trial, by handle or by number, as `Study.tell` says."""
        session = self._session
        number = trial.number if isinstance(trial, Trial) else whole("number", trial, at_least=0)
        record = self._desk.running.get(number) if value is not None else None  # without reading the history
        record = record or session.history().get(number)
        if record is None:
            last = len(session.history()) - 1
            has = f"has trials 0 to {last}" if last >= 0 else "has no trial yet"
            raise UnknownStudyError(f"number: {session.name!r} has no trial {number}; it {has}. Give one of those.")
        since = None
        if isinstance(trial, Trial):
            since, cost = trial.since, trial.cost if cost is None else cost
            constraints = trial.constraints if constraints is None else constraints
        message = told(session.plan, record, value, cost, state, constraints, since)
        with self._desk.shielded():
            closed = self._desk.close(record, message, foreign=number not in session.opened)
        self._desk.events.clear()
        return closed


def _nothing(trial: Trial) -> None:
    """No objective yet: the study is only asked and told."""
