"""The trials of a SQL store: found, added and moved on, within the caller's transaction."""

from __future__ import annotations

from typing import NamedTuple

from trialist.errors import StateError, shown
from trialist.store import faults, moves, statements
from trialist.store.moves import Held
from trialist.store.records import move_of, record_of, report_of, report_row, row_of, words_of
from trialist.store.sqlite import Database
from trialist.trials.trial import Report, State, TrialRecord


class StudyRow(NamedTuple):
    """What each call asks first of its study."""

    id: int
    name: str
    created_at: float
    revision: int
    trials: int
    changes: int


class Trials:
    """Trials as held by this process and as rows.

    Running trials are kept as they last passed through here, good as long as nobody changed their rows since: a trial
    that reports a thousand times is not read a thousand times.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[tuple[int, int], tuple[int, Held]] = {}

    def latest(self, study: int, number: int) -> Held | None:
        """The trial as it last passed through here, whatever others did to it since."""
        held = self._held.get((study, number))
        return None if held is None else held[1]

    def known(self, study: int, number: int, changed: int | None) -> Held | None:
        """The trial as it last passed through here, if `changed` is still its last change."""
        held = self._held.get((study, number))
        return held[1] if held is not None and held[0] == changed else None

    def find(self, study: StudyRow, number: int) -> Held:
        """A trial by number; UnknownStudyError names the range."""
        if not 0 <= number < study.trials:
            raise moves.unknown_trial(study.name, number, study.trials)
        values = {"the_study": study.id, "the_number": number}
        with faults.readable(self._database.path, f"trial {number} of {shown(study.name)}"):
            *row, owner, reported = self._database.rows(statements.TRIAL, **values)[0]
            return Held(record_of(row, self.reports(study.id, number)), owner, reported)

    def reports(self, study: int, number: int) -> tuple[Report, ...]:
        rows = self._database.rows(statements.TRIAL_REPORTS, the_study=study, the_number=number)
        return tuple(report_of(row) for row in rows)

    def add(self, study: StudyRow, held: Held) -> int:
        """Write a new trial; the study's change that it is."""
        changed = self._advance(study, opened=1)
        row = {"study": study.id, "owner": held.owner, "reported": held.reported, "changed": changed}
        self._database.change(statements.ADD_TRIAL, {**row, **row_of(held.record)})
        return changed

    def keep(self, study: StudyRow, before: Held, after: Held, compute_seconds: float = 0.0, cost: float = 0.0) -> int:
        """Write what is different after a move, which took so much computing and money; the study's change it is."""
        was, now = before.record, after.record
        changed = self._advance(study, 0, int(now.state.is_closed and moves.is_counted(now)), compute_seconds, cost)
        trial = {"the_study": study.id, "the_number": now.number}
        if now.reports is not was.reports:
            self._keep_reports(study.id, was, now)
        if now.params is not was.params or now.notes is not was.notes or now.course is not was.course:
            self._database.change(statements.NOTE, {**trial, **words_of(now)})
        if now.state is was.state and after.owner == before.owner:
            values = {**trial, "reported": after.reported, "changed": changed, "length": now.length, "used": now.used}
            self._database.change(statements.TOUCH, values)
            return changed
        marks = {"the_state": was.state.value, "owner": after.owner, "reported": after.reported, "changed": changed}
        if self._database.change(statements.MOVE, {**trial, **marks, **move_of(now)}) != 1:
            raise StateError(f"trial {now.number} of {shown(study.name)} is not {was.state} any more. Load it again.")
        return changed

    def remember(self, study: StudyRow, changed: int, held: Held) -> None:
        """Once the transaction is committed: keep the trial at hand while it runs."""
        if held.record.state is State.RUNNING:
            self._held[study.id, held.record.number] = changed, held
        else:
            self._held.pop((study.id, held.record.number), None)

    def _advance(
        self, study: StudyRow, opened: int, closed: int = 0, compute_seconds: float = 0.0, cost: float = 0.0
    ) -> int:
        spent = {"the_closed": closed, "the_seconds": compute_seconds, "the_cost": cost}
        values = {"the_study": study.id, "the_opened": opened, **spent}
        changed: int = self._database.rows(statements.ADVANCE, **values)[0][0]
        return changed

    def _keep_reports(self, study: int, was: TrialRecord, now: TrialRecord) -> None:
        # Nearly always the old ones stand and new ones follow; then only the new ones need a look.
        n = len(was.reports)
        common = n if n and len(now.reports) > n and now.reports[n - 1] is was.reports[-1] else 0
        kept = {id(report) for report in was.reports[common:]} & {id(report) for report in now.reports[common:]}
        for report in was.reports[common:]:
            if id(report) not in kept:
                values = {"the_study": study, "the_number": now.number, "the_step": report.step}
                self._database.change(statements.DROP_REPORT, values)
        for report in now.reports[common:]:
            if id(report) not in kept:
                row = {"study": study, "trial": now.number, **report_row(report)}
                self._database.change(statements.ADD_REPORT, row)
