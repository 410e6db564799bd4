"""A store in a SQL database: each call is one transaction. What a call does to a trial is in `moves`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Select

from trialist.errors import StateError, StudyExistsError, shown
from trialist.protocols import Changes, Look, Moment, Owner, Revision, StudyRecord
from trialist.space import plain
from trialist.space.space import Space
from trialist.store import faults, ledger, moves, statements
from trialist.store.coordinators import BEAT_SECONDS, CLOSING_BEAT_SECONDS, Coordinators
from trialist.store.looks import Looks
from trialist.store.moves import Held
from trialist.store.names import unknown_study
from trialist.store.records import record_of, records_of, report_of, text_of
from trialist.store.revisions import Revisions
from trialist.store.sqlite import Database
from trialist.store.trials import StudyRow, Trials
from trialist.trials.feasibility import ranked
from trialist.trials.instruction import Act, Instruction
from trialist.trials.messages import Entry
from trialist.trials.plan import Plan
from trialist.trials.trial import Exhausted, Promotion, Proposal, Report, State, TrialRecord


class SqlStore:
    """Studies in one SQLite file; see `trialist.protocols.Store` for what each call means."""

    def __init__(self, path: Path, create: bool = True) -> None:
        self.url = f"sqlite:///{path}"
        self._database = Database(path, create)
        self._coordinators = Coordinators(self._database)
        self._trials = Trials(self._database)
        self._revisions = Revisions(self._database)
        self._looks = Looks(self._database)
        self._last_seen: dict[str, tuple[int, int]] = {}  # study and revision by name

    # Studies

    def create_study(self, plan: Plan, space: Space, at: float) -> StudyRecord:
        with self._database.writing(durable=True):
            if self._database.row(statements.STUDY, the_name=plan.name) is not None:
                raise StudyExistsError(f"name: study {shown(plan.name)} exists. Choose another name, or load it.")
            row = {"name": plan.name, "created_at": at, "revision": 0, "trials": 0, "changes": 0}
            self._database.change(statements.ADD_STUDY, {**row, "closed": 0, "compute_seconds": 0.0, "cost": 0.0})
            study = self._study(plan.name)
            self._revisions.add(study.id, 0, plan, space, "declared", at)
        self._revisions.remember(study.id, 0, plan, space)
        return StudyRecord(plan, space, 0, at, 0)

    def studies(self) -> tuple[str, ...]:
        with self._database.reading():
            return self._names()

    def load_study(self, name: str) -> StudyRecord:
        with self._database.reading():
            return self._load(name)

    def revise(self, name: str, plan: Plan, space: Space, reason: str, at: float) -> StudyRecord:
        if plan.name != name:
            raise StateError(f"name: study {shown(name)} cannot become {shown(plan.name)}. Use the name that it has.")
        with self._database.writing(durable=True):
            study = self._study(name)
            self._revisions.follow(study, plan, space, reason, at)
            loaded = self._load(name)
        self._revisions.remember(study.id, study.revision + 1, plan, space)
        return replace(loaded, space=space)

    def revisions(self, name: str) -> tuple[Revision, ...]:
        with self._database.reading(), self._readable(name):
            return self._revisions.all(self._study(name))

    def delete_study(self, name: str) -> None:
        with self._database.writing(durable=True):
            study = self._study(name)
            for statement in statements.FORGET:
                self._database.change(statement, {"the_study": study.id})

    # Trials

    def enqueue(self, name: str, proposals: Sequence[Proposal], at: float) -> tuple[int, ...]:
        with self._database.writing(durable=True):
            study = self._study(name)
            plan, _ = self._revisions.of(study)
            numbers = range(study.trials, study.trials + len(proposals))
            for number, proposal in zip(numbers, proposals, strict=True):
                record = moves.opened(number, proposal, State.WAITING, plan, study.revision, at)
                self._trials.add(study, Held(record))
        return tuple(numbers)

    def open_trial(
        self,
        name: str,
        owner: Owner,
        propose: Callable[[int], Proposal | Promotion | Exhausted],
        at: float,
        worker: str = "",
    ) -> TrialRecord | Exhausted:
        with self._database.writing():
            study, waiting = self._study_and(name, statements.STUDY_TO_OPEN)
            beat = self._coordinators.keep(study.id, owner)
            if self._coordinators.is_time_to_look(study.id) and self._release(study, at):
                study, waiting = self._study_and(name, statements.STUDY_TO_OPEN)
            if waiting is not None:
                before = self._trials.find(study, waiting)
                record = moves.taken(before.record, at, worker)
                held = Held(record, owner.token, before.reported)
                changed = self._trials.keep(study, before, held)
            else:
                since = time.monotonic()
                proposal = propose(study.trials)
                self._coordinators.excuse(since)
                if isinstance(proposal, Exhausted):
                    return proposal
                plan, _ = self._revisions.of(study)
                if isinstance(proposal, Promotion):
                    before = self._trials.find(study, proposal.number)
                    record = moves.promoted(name, before.record, proposal, plan, at, worker)
                    held = Held(record, owner.token, before.reported)
                    changed = self._trials.keep(study, before, held)
                else:
                    record = moves.opened(study.trials, proposal, State.RUNNING, plan, study.revision, at, worker)
                    held = Held(record, owner.token)
                    changed = self._trials.add(study, held)
        self._coordinators.confirm(study.id, owner, beat)
        self._trials.remember(study, changed, held)
        return record

    def record(
        self, name: str, number: int, messages: Sequence[Entry], at: float, owner: Owner | None = None
    ) -> TrialRecord:
        closes = any(isinstance(message, moves.ENDS) for message in messages)
        token = None if owner is None else owner.token
        ahead = self._told_ahead(name, number, messages, token, at)
        beat = None
        with self._database.writing(durable=closes):
            study, last_change = self._study_and(name, statements.STUDY_TO_TELL, the_number=number)
            before = self._trials.known(study.id, number, last_change) or self._trials.find(study, number)
            plan, space = self._revisions.of(study)
            if ahead is not None and ahead[0] is before and ahead[1] == study.revision:
                held = ahead[2]
            else:
                held = moves.told(name, before, messages, token, plan, at)
            if held is before:
                return before.record
            space, grown = moves.grown(space, messages)
            if grown:
                self._revisions.follow(study, plan, space, f"trial {number} declared {', '.join(grown)}", at)
                held = replace(held, record=replace(held.record, revision=study.revision + 1))
            is_counted = closes and moves.is_counted(before.record)
            spent = (moves.compute_seconds(messages), moves.cost(messages)) if is_counted else (0.0, 0.0)
            changed = self._trials.keep(study, before, held, *spent)
            if owner is not None:
                beat = self._coordinators.keep(study.id, owner, CLOSING_BEAT_SECONDS if closes else BEAT_SECONDS)
        if owner is not None:
            self._coordinators.confirm(study.id, owner, beat)
        if grown:
            self._revisions.remember(study.id, study.revision + 1, plan, space)
        self._trials.remember(study, changed, held)
        return held.record

    def renew(self, owner: Owner) -> None:
        with self._database.writing():
            self._coordinators.renew(owner)

    def release_expired(self, name: str, at: float) -> tuple[TrialRecord, ...]:
        with self._database.reading():
            if not self._dead(self._study(name)):
                return ()
        with self._database.writing(durable=True):
            return self._release(self._study(name), at)

    def changes(self, name: str, since: int = 0, thin: bool = False) -> Changes:
        with self._database.reading(), self._readable(name):
            study = self._study(name)
            if since >= study.changes:
                return Changes(study.changes, ())
            if since <= 0:
                rows = self._database.each(statements.ALL, the_study=study.id)
                asked = statements.ALL_LAST_REPORTS if thin else statements.ALL_REPORTS
                reports = self._database.each(asked, the_study=study.id)
            else:
                rows = self._database.each(statements.CHANGED, the_study=study.id, the_since=since)
                asked = statements.CHANGED_LAST_REPORTS if thin else statements.CHANGED_REPORTS
                reports = self._database.each(asked, the_study=study.id, the_since=since)
            return Changes(study.changes, tuple(records_of(rows, reports)))

    def trial(self, name: str, number: int) -> TrialRecord:
        with self._database.reading(), self._readable(name):
            return self._trials.find(self._study(name), number).record

    def coordinators(self, name: str) -> tuple[str, ...]:
        with self._database.reading():
            return self._coordinators.alive(self._study(name).id)

    def curve(self, name: str, number: int, most: int) -> tuple[Report, ...]:
        with self._database.reading(), self._readable(name):
            study = self._study(name)
            self._check_number(study, number)
            values = {"the_study": study.id, "the_number": number, "the_most": max(most, 1)}
            return tuple(report_of(row) for row in self._database.each(statements.CURVE, **values))

    def reports(self, name: str, most: int) -> int:
        with self._database.reading():
            values = {"the_study": self._study(name).id, "the_most": max(most, 0)}
            counted: int = self._database.rows(statements.REPORTS, **values)[0][0]
            return counted

    def best(self, name: str) -> TrialRecord | None:
        with self._database.reading(), self._readable(name):
            study = self._study(name)
            row = self._database.row(statements.BEST, the_study=study.id)
            if row is not None:
                return record_of(row, self._trials.reports(study.id, row[0]))
            # How far a trial is from feasible shows only beside the others.
            rows = self._database.each(statements.INFEASIBLE, the_study=study.id)
            nearest = next(iter(ranked(record_of(row, ()) for row in rows)), None)
            return nearest and replace(nearest, reports=self._trials.reports(study.id, nearest.number))

    # What people ask

    def moment(self, name: str) -> Moment:
        with self._database.reading():
            row = self._database.row(statements.MOMENT, the_name=text_of(name))
            if row is None:
                raise unknown_study(name, self._names())
            return Moment(*row)

    def instruct(self, name: str, act: Act, who: str, words: str, at: float, trial: int | None = None) -> Instruction:
        who, words = text_of(who), text_of(words)
        with self._database.writing(durable=True):
            study = self._study(name)
            if trial is not None:
                self._check_number(study, trial)
            row = {"study": study.id, "at": at, "who": who, "act": act.value, "words": words, "trial": trial}
            ((number,),) = self._database.rows(statements.ADD_INSTRUCTION, **row)
        return Instruction(number, at, who, act, words, trial)

    def instructions(self, name: str, since: int = 0) -> tuple[Instruction, ...]:
        with self._database.reading(), self._readable(name):
            rows = self._database.rows(statements.INSTRUCTIONS, the_study=self._study(name).id, the_since=since)
            return tuple(Instruction(n, at, who, Act(act), words, trial) for n, at, who, act, words, trial in rows)

    # Stages, what was spent, the ledger

    def write_stage(self, name: str, stage: str, outcome: Mapping[str, Any], at: float, once: bool = False) -> bool:
        written = plain.dumps(dict(outcome))
        with self._database.writing(durable=True):
            study = self._study(name)
            if once and self._database.row(statements.STAGE, the_study=study.id, the_stage=stage) is not None:
                return False
            row = {"study": study.id, "name": stage, "at": at, "outcome_json": written}
            self._database.change(statements.ADD_STAGE, row)
        return True

    def spent(self, name: str) -> Mapping[str, float]:
        with self._database.reading():
            study = self._study(name)
            closed, compute_seconds, cost = self._database.rows(statements.SPENT, the_study=study.id)[0]
            seconds = self._coordinators.seconds(study.id)
        return {"trials": closed, "seconds": seconds, "compute_seconds": compute_seconds, "cost": cost}

    def open_look(self, name: str, fingerprint: str, who: str, what: str, at: float, sketch: str = "") -> Look:
        with self._database.writing(durable=True):
            self._study(name)
            self._looks.add(ledger.opening(self._looks.all(), name, fingerprint, who, what, at, sketch))
            return self._looks.all()[-1]

    def close_look(self, look: Look, outcome: Mapping[str, Any]) -> Look:
        with self._database.writing(durable=True):
            self._looks.add(ledger.closing(self._looks.all(), look, outcome))
            return next(kept for kept in self._looks.all() if kept.digest == look.digest)

    def looks(self, fingerprint: str | None = None, study: str | None = None) -> tuple[Look, ...]:
        with self._database.reading():
            return ledger.among(self._looks.all(), fingerprint, study)

    def close(self) -> None:
        self._database.close()

    def _told_ahead(
        self, name: str, number: int, messages: Sequence[Entry], token: str | None, at: float
    ) -> tuple[Held, int, Held] | None:
        """The trial before, the study's revision and the trial after, as far as this process knows.

        Worked out before the transaction, in which others wait; there it holds if nobody changed either meanwhile.
        """
        study, revision = self._last_seen.get(name, (-1, -1))
        before, known = self._trials.latest(study, number), self._revisions.known(study, revision)
        if before is None or known is None:
            return None
        try:
            return before, revision, moves.told(name, before, messages, token, known[0], at)
        except StateError:
            return None  # said in the transaction, where it is certain

    # Within a transaction

    def _names(self) -> tuple[str, ...]:
        return tuple(name for (name,) in self._database.rows(statements.NAMES))

    def _study(self, name: str) -> StudyRow:
        row = self._database.row(statements.STUDY, the_name=text_of(name))
        if row is None:
            raise unknown_study(name, self._names())
        return StudyRow(*row)

    def _study_and(self, name: str, statement: Select[Any], **values: Any) -> tuple[StudyRow, Any]:
        """The study, and the one thing more that the statement asks for."""
        row = self._database.row(statement, the_name=text_of(name), **values)
        if row is None:
            raise unknown_study(name, self._names())
        study = StudyRow(*row[:-1])
        self._last_seen[name] = study.id, study.revision
        return study, row[-1]

    def _check_number(self, study: StudyRow, number: int) -> None:
        if not 0 <= number < study.trials:
            raise moves.unknown_trial(study.name, number, study.trials)

    def _load(self, name: str) -> StudyRecord:
        study = self._study(name)
        plan, space = self._revisions.of(study)
        with self._readable(name):
            rows = self._database.rows(statements.STAGES, the_study=study.id)
            stages = {stage: plain.loads(outcome) for stage, outcome in rows}
        return StudyRecord(plan, space, study.revision, study.created_at, study.trials, stages)

    def _dead(self, study: StudyRow) -> dict[int, str]:
        """Running trials whose owner is dead, each with the owner's description."""
        running = self._database.rows(statements.RUNNING, the_study=study.id)
        dead = self._coordinators.dead(study.id, {owner for _, owner in running}) if running else {}
        return {number: dead[owner] for number, owner in running if owner in dead}

    def _release(self, study: StudyRow, at: float) -> tuple[TrialRecord, ...]:
        freed = []
        for number, describes in self._dead(study).items():
            before = self._trials.find(study, number)
            record = moves.vanished(before.record, describes, at)
            self._trials.keep(study, before, replace(before, record=record, owner=None))
            freed.append(record)
        return tuple(freed)

    def _readable(self, name: str) -> AbstractContextManager[None]:
        return faults.readable(self._database.path, f"study {shown(name)}")
