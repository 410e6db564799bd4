"""A store in a SQL database: each call is one transaction. What a call does to a trial is in `moves`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from trialist.errors import StateError, StudyExistsError, shown
from trialist.protocols import Changes, Look, Owner, Revision, StudyRecord
from trialist.space import plain
from trialist.space.space import Space
from trialist.store import faults, ledger, moves, statements
from trialist.store.coordinators import Coordinators
from trialist.store.moves import Held
from trialist.store.names import unknown_study
from trialist.store.records import COLUMNS, move_of, record_of, records_of, report_of, report_row, row_of, space_of
from trialist.store.records import text_of, words_of
from trialist.store.sqlite import Database
from trialist.trials.messages import Message
from trialist.trials.plan import Plan
from trialist.trials.trial import Exhausted, Proposal, Report, State, TrialRecord


class SqlStore:
    """Studies in one SQLite file; see `trialist.protocols.Store` for what each call means."""

    def __init__(self, path: Path, create: bool = True) -> None:
        self.url = f"sqlite:///{path}"
        self._database = Database(path, create)
        self._coordinators = Coordinators(self._database)
        # Revisions never change, so they are kept by (study, revision); open trials by what they looked like when
        # they last passed through here, good as long as nobody changed them since.
        self._revisions: dict[tuple[int, int], tuple[Plan, Space]] = {}
        self._held: dict[tuple[int, int], tuple[int, Held]] = {}

    # Studies

    def create_study(self, plan: Plan, space: Space, at: float) -> StudyRecord:
        with self._database.writing(durable=True):
            if self._database.row(statements.STUDY, the_name=plan.name) is not None:
                raise StudyExistsError(f"name: study {shown(plan.name)} exists. Choose another name, or load it.")
            row = {"name": plan.name, "created_at": at, "revision": 0, "trials": 0, "changes": 0}
            self._database.change(statements.ADD_STUDY, {**row, "closed": 0, "compute_seconds": 0.0, "cost": 0.0})
            study = self._study(plan.name)
            self._add_revision(study.id, 0, plan, space, "declared", at)
        self._revisions[study.id, 0] = plan, space
        return StudyRecord(plan, space, 0, at, 0)

    def studies(self) -> tuple[str, ...]:
        with self._database.reading():
            return tuple(name for (name,) in self._database.rows(statements.NAMES))

    def load_study(self, name: str) -> StudyRecord:
        with self._database.reading():
            return self._load(name)

    def revise(self, name: str, plan: Plan, space: Space, reason: str, at: float) -> StudyRecord:
        if plan.name != name:
            raise StateError(f"name: study {shown(name)} cannot become {shown(plan.name)}. Use the name that it has.")
        with self._database.writing(durable=True):
            study = self._study(name)
            self._revise(study, plan, space, reason, at)
            loaded = self._load(name)
        self._revisions[study.id, study.revision + 1] = plan, space
        return replace(loaded, space=space)

    def revisions(self, name: str) -> tuple[Revision, ...]:
        with self._database.reading(), self._readable(f"study {shown(name)}"):
            return tuple(
                Revision(number, at, reason, Plan.from_json(json.loads(plan)), space_of(space))
                for _, number, at, reason, plan, space in (
                    self._database.rows(statements.REVISIONS, the_study=self._study(name).id)
                )
            )

    def delete_study(self, name: str) -> None:
        with self._database.writing(durable=True):
            study = self._study(name)
            for statement in statements.FORGET:
                self._database.change(statement, {"the_study": study.id})

    # Trials

    def enqueue(self, name: str, proposals: Sequence[Proposal], at: float) -> tuple[int, ...]:
        with self._database.writing(durable=True):
            study = self._study(name)
            plan, _ = self._revision(study)
            numbers = range(study.trials, study.trials + len(proposals))
            for number, proposal in zip(numbers, proposals, strict=True):
                self._add(name, Held(moves.opened(number, proposal, State.WAITING, plan, study.revision, at)))
        return tuple(numbers)

    def open_trial(
        self,
        name: str,
        owner: Owner,
        propose: Callable[[int], Proposal | Exhausted],
        at: float,
        limit: int | None = None,
    ) -> TrialRecord | Exhausted | None:
        with self._database.writing():
            study = self._study(name)
            if self._coordinators.is_time_to_look(study.id):
                self._release(name, study, at)
            beat = self._coordinators.keep(study.id, owner)
            waiting = self._database.row(statements.WAITING, the_study=study.id)
            if waiting is not None:
                before = self._find(name, study, waiting[0])
                record = replace(before.record, state=State.RUNNING, opened_at=at)
                held = Held(record, owner.token, before.reported)
                changed = self._keep(name, study, before, held)
            elif limit is not None and study.trials >= limit:
                return None
            else:
                proposal = propose(study.trials)
                if isinstance(proposal, Exhausted):
                    return proposal
                plan, _ = self._revision(study)
                record = moves.opened(study.trials, proposal, State.RUNNING, plan, study.revision, at)
                held = Held(record, owner.token)
                changed = self._add(name, held)
        self._coordinators.confirm(study.id, owner, beat)
        self._held[study.id, record.number] = changed, held
        return record

    def record(
        self, name: str, number: int, messages: Sequence[Message], at: float, owner: Owner | None = None
    ) -> TrialRecord:
        closes = any(isinstance(message, moves.ENDS) for message in messages)
        beat = None
        with self._database.writing(durable=closes):
            study = self._study(name)
            before = self._find(name, study, number)
            plan, space = self._revision(study)
            held = moves.told(name, before, messages, None if owner is None else owner.token, plan, at)
            if held is before:
                return before.record
            space, grown = moves.grown(space, messages)
            if grown:
                self._revise(study, plan, space, f"trial {number} declared {', '.join(grown)}", at)
                held = replace(held, record=replace(held.record, revision=study.revision + 1))
            changed = self._keep(name, study, before, held)
            if closes:
                self._add_spent(study.id, held.record, moves.compute_seconds(messages))
            if owner is not None:
                beat = self._coordinators.keep(study.id, owner, always=closes)
        if owner is not None:
            self._coordinators.confirm(study.id, owner, beat)
        if grown:
            self._revisions[study.id, study.revision + 1] = plan, space
        self._remember(study.id, changed, held)
        return held.record

    def renew(self, owner: Owner) -> None:
        with self._database.writing():
            self._coordinators.renew(owner)

    def release_expired(self, name: str, at: float) -> tuple[TrialRecord, ...]:
        with self._database.reading():
            if not self._dead(self._study(name)):
                return ()
        with self._database.writing(durable=True):
            return self._release(name, self._study(name), at)

    def changes(self, name: str, since: int = 0) -> Changes:
        with self._database.reading(), self._readable(f"study {shown(name)}"):
            study = self._study(name)
            if since >= study.changes:
                return Changes(study.changes, ())
            if since <= 0:
                rows = self._database.rows(statements.ALL, the_study=study.id)
                reports = self._database.rows(statements.ALL_REPORTS, the_study=study.id)
            else:
                rows = self._database.rows(statements.CHANGED, the_study=study.id, the_since=since)
                reports = self._database.rows(statements.CHANGED_REPORTS, the_study=study.id, the_since=since)
            return Changes(study.changes, tuple(records_of(rows, reports)))

    def best(self, name: str) -> TrialRecord | None:
        with self._database.reading(), self._readable(f"study {shown(name)}"):
            study = self._study(name)
            row = self._database.row(statements.BEST, the_study=study.id)
            return None if row is None else record_of(row, self._reports(study.id, row[0]))

    # Stages and what was spent

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
            _, closed, compute_seconds, cost = self._database.rows(statements.SPENT, the_name=name)[0]
            seconds = self._coordinators.seconds(study.id)
        return {"trials": closed, "seconds": seconds, "compute_seconds": compute_seconds, "cost": cost}

    # The ledger

    def open_look(self, name: str, fingerprint: str, who: str, what: str, at: float) -> Look:
        with self._database.writing(durable=True):
            self._study(name)
            content = ledger.opening(self._looks(), name, fingerprint, who, what, at)
            self._add_line(content)
            return self._looks()[-1]

    def close_look(self, look: Look, outcome: Mapping[str, Any]) -> Look:
        with self._database.writing(durable=True):
            self._add_line(ledger.closing(self._looks(), look, outcome))
            return next(kept for kept in self._looks() if kept.digest == look.digest)

    def looks(self, fingerprint: str | None = None, study: str | None = None) -> tuple[Look, ...]:
        with self._database.reading():
            return ledger.among(self._looks(), fingerprint, study)

    def close(self) -> None:
        self._database.close()

    # Within a transaction

    def _study(self, name: str) -> _Study:
        row = self._database.row(statements.STUDY, the_name=name)
        if row is None:
            raise unknown_study(name, [known for (known,) in self._database.rows(statements.NAMES)])
        return _Study(*row)

    def _load(self, name: str) -> StudyRecord:
        with self._readable(f"study {shown(name)}"):
            study = self._study(name)
            plan, space = self._revision(study)
            created_at = self._database.rows(statements.STUDY_ROW, the_name=name)[0][2]
            stages = {
                stage: plain.loads(outcome)
                for stage, outcome in self._database.rows(statements.STAGES, the_study=study.id)
            }
        return StudyRecord(plan, space, study.revision, created_at, study.trials, stages)

    def _revision(self, study: _Study) -> tuple[Plan, Space]:
        known = self._revisions.get((study.id, study.revision))
        if known is None:
            with self._readable("its plan"):
                found = self._database.rows(statements.REVISION, the_study=study.id, the_number=study.revision)
                *_, plan, space = found[0]
                known = Plan.from_json(json.loads(plan)), space_of(space)
            self._revisions[study.id, study.revision] = known
        return known

    def _revise(self, study: _Study, plan: Plan, space: Space, reason: str, at: float) -> None:
        number = study.revision + 1
        self._add_revision(study.id, number, plan, space, reason, at)
        self._database.change(statements.SET_REVISION, {"the_study": study.id, "the_revision": number})

    def _add_revision(self, study: int, number: int, plan: Plan, space: Space, reason: str, at: float) -> None:
        row = {"study": study, "number": number, "at": at, "reason": text_of(reason)}
        written = {"plan_json": json.dumps(plan.to_json()), "space_json": json.dumps(space.to_json())}
        self._database.change(statements.ADD_REVISION, {**row, **written})

    def _find(self, name: str, study: _Study, number: int) -> Held:
        if not 0 <= number < study.trials:
            raise moves.unknown_trial(name, number, study.trials)
        values = {"the_study": study.id, "the_number": number}
        known = self._held.get((study.id, number))
        if known is not None and self._database.rows(statements.TRIAL_CHANGED, **values) == [(known[0],)]:
            return known[1]
        with self._readable(f"trial {number} of {shown(name)}"):
            row = self._database.rows(statements.TRIAL, **values)[0]
            owner, reported, _ = row[len(COLUMNS) :]
            return Held(record_of(row[: len(COLUMNS)], self._reports(study.id, number)), owner, reported)

    def _reports(self, study: int, number: int) -> tuple[Report, ...]:
        rows = self._database.rows(statements.TRIAL_REPORTS, the_study=study, the_number=number)
        return tuple(report_of(row) for row in rows)

    def _add(self, name: str, held: Held) -> int:
        """A new trial; the study's change that it is."""
        study = _Study(*self._database.rows(statements.ADVANCE, the_name=name, the_opened=1)[0])
        row = {"study": study.id, "owner": held.owner, "reported": held.reported, "changed": study.changes}
        self._database.change(statements.ADD_TRIAL, {**row, **row_of(held.record)})
        return study.changes

    def _keep(self, name: str, study: _Study, before: Held, after: Held) -> int:
        """A trial's next state; the study's change that it is."""
        changed = _Study(*self._database.rows(statements.ADVANCE, the_name=name, the_opened=0)[0]).changes
        was, now = before.record, after.record
        trial = {"the_study": study.id, "the_number": now.number}
        if now.reports is not was.reports:
            self._keep_reports(study.id, was, now)
        if now.params is not was.params or now.notes is not was.notes:
            self._database.change(statements.NOTE, {**trial, **words_of(now)})
        marks = {"reported": after.reported, "changed": changed}
        if now.state is was.state and after.owner == before.owner:
            self._database.change(statements.TOUCH, {**trial, "the_reported": after.reported, "the_changed": changed})
            return changed
        values = {**trial, "the_state": was.state.value, "owner": after.owner, **marks, **move_of(now)}
        if self._database.change(statements.MOVE, values) != 1:
            raise StateError(f"trial {now.number} of {shown(name)} is not {was.state} any more. Load it again.")
        return changed

    def _keep_reports(self, study: int, was: TrialRecord, now: TrialRecord) -> None:
        old, new = {id(report) for report in was.reports}, {id(report) for report in now.reports}
        for report in was.reports:
            if id(report) not in new:
                values = {"the_study": study, "the_number": now.number, "the_step": report.step}
                self._database.change(statements.DROP_REPORT, values)
        for report in now.reports:
            if id(report) not in old:
                self._database.change(
                    statements.ADD_REPORT, {"study": study, "trial": now.number, **report_row(report)}
                )

    def _add_spent(self, study: int, record: TrialRecord, compute_seconds: float) -> None:
        values = {"the_study": study, "the_closed": int(record.state.is_closed), "the_seconds": compute_seconds}
        self._database.change(statements.ADD_SPENT, {**values, "the_cost": record.cost or 0.0})

    def _dead(self, study: _Study) -> dict[int, str]:
        """Running trials whose owner is dead, each with the owner's description."""
        running = self._database.rows(statements.RUNNING, the_study=study.id)
        dead = self._coordinators.dead(study.id, {owner for _, owner in running}) if running else {}
        return {number: dead[owner] for number, owner in running if owner in dead}

    def _release(self, name: str, study: _Study, at: float) -> tuple[TrialRecord, ...]:
        freed = []
        for number, describes in self._dead(study).items():
            before = self._find(name, study, number)
            record = moves.vanished(before.record, describes, at)
            self._keep(name, study, before, replace(before, record=record, owner=None))
            if record.state.is_closed:
                self._add_spent(study.id, record, 0.0)
            freed.append(record)
        return tuple(freed)

    def _remember(self, study: int, changed: int, held: Held) -> None:
        if held.record.state is State.RUNNING:
            self._held[study, held.record.number] = changed, held
        else:
            self._held.pop((study, held.record.number), None)

    def _looks(self) -> tuple[Look, ...]:
        head = self._database.rows(statements.LEDGER_HEAD)[0][0]
        return ledger.looks_of(self._database.rows(statements.LEDGER), head, str(self._database.path))

    def _add_line(self, content: str) -> None:
        previous = self._database.rows(statements.LEDGER_HEAD)[0][0]
        line = 1 + self._database.rows(statements.LEDGER_LENGTH)[0][0]
        digest = ledger.digest_of(previous, content)
        self._database.change(statements.ADD_LINE, {"line": line, "content_json": content, "digest": digest})
        self._database.change(statements.SET_LEDGER_HEAD, {"the_digest": digest})

    @contextmanager
    def _readable(self, what: str) -> Iterator[None]:
        """Say which part of the file holds what no store ever wrote."""
        try:
            yield
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as problem:
            raise faults.damaged(self._database.path, what, problem) from problem


class _Study(NamedTuple):
    id: int
    revision: int
    trials: int
    changes: int
