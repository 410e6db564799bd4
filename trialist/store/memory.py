"""A store in this process's memory, for store="memory" and for tests: the same behaviour, gone with the process."""

from __future__ import annotations

import threading
import time
from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trialist.errors import StateError, StudyExistsError, shown
from trialist.protocols import Changes, Look, Moment, Owner, Revision, StudyRecord
from trialist.space import plain
from trialist.space.space import Space
from trialist.store import ledger, moves
from trialist.store.leases import Lease, Sightings, seconds_alive, this_process
from trialist.store.moves import ENDS, Held
from trialist.store.names import unknown_study
from trialist.store.records import text_of
from trialist.trials.feasibility import ranked
from trialist.trials.instruction import Act, Instruction
from trialist.trials.messages import Entry
from trialist.trials.plan import Plan
from trialist.trials.trial import Exhausted, Promotion, Proposal, Report, State, TrialRecord

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class _Study:
    """changes: the number of each trial that changed, in order; its length is the cursor.  best: of feasible trials."""

    revisions: list[Revision]
    trials: list[Held] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    stages: dict[str, Any] = field(default_factory=dict)
    written: int = 0  # outcomes of stages, earlier ones included
    instructions: list[Instruction] = field(default_factory=list)
    leases: dict[str, Lease] = field(default_factory=dict)
    best: TrialRecord | None = None
    closed: int = 0
    compute_seconds: float = 0.0
    cost: float = 0.0
    looked: float = float("-inf")

    @property
    def plan(self) -> Plan:
        return self.revisions[-1].plan


class MemoryStore:
    """Studies in memory, for the threads of one process; see `trialist.protocols.Store` for what each call means."""

    url = "memory"

    def __init__(self) -> None:
        self._studies: dict[str, _Study] = {}
        self._lines: list[tuple[str, str]] = []
        self._sightings = Sightings()
        self._lock = threading.RLock()
        self._is_writing = False
        self._asked = 0  # instructions so far, of all studies

    # Studies

    def create_study(self, plan: Plan, space: Space, at: float) -> StudyRecord:
        with self._writing():
            if plan.name in self._studies:
                raise StudyExistsError(f"name: study {shown(plan.name)} exists. Choose another name, or load it.")
            self._studies[plan.name] = _Study([Revision(0, at, "declared", plan, space)])
            return self.load_study(plan.name)

    def studies(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._studies)

    def load_study(self, name: str) -> StudyRecord:
        with self._lock:
            study = self._study(name)
            now, first = study.revisions[-1], study.revisions[0]
            return StudyRecord(now.plan, now.space, now.number, first.at, len(study.trials), dict(study.stages))

    def revise(self, name: str, plan: Plan, space: Space, reason: str, at: float) -> StudyRecord:
        if plan.name != name:
            raise StateError(f"name: study {shown(name)} cannot become {shown(plan.name)}. Use the name that it has.")
        with self._writing():
            revisions = self._study(name).revisions
            revisions.append(Revision(len(revisions), at, reason, plan, space))
            return self.load_study(name)

    def revisions(self, name: str) -> tuple[Revision, ...]:
        with self._lock:
            return tuple(self._study(name).revisions)

    def delete_study(self, name: str) -> None:
        with self._writing():
            self._study(name)
            del self._studies[name]

    # Trials

    def enqueue(self, name: str, proposals: Sequence[Proposal], at: float) -> tuple[int, ...]:
        with self._writing():
            study = self._study(name)
            revision, first = study.revisions[-1].number, len(study.trials)
            for number, proposal in enumerate(proposals, start=first):
                record = moves.opened(number, proposal, State.WAITING, study.plan, revision, at)
                _add(study, Held(record))
            return tuple(range(first, len(study.trials)))

    def open_trial(
        self,
        name: str,
        owner: Owner,
        propose: Callable[[int], Proposal | Promotion | Exhausted],
        at: float,
        worker: str = "",
    ) -> TrialRecord | Exhausted:
        with self._writing():
            study = self._study(name)
            now = time.monotonic()
            _beat(study, owner, now)
            if now - study.looked >= 1.0:
                study.looked = now
                self._release(study, at)
            if study.waiting:
                before = study.trials[study.waiting[0]]
                record = moves.taken(before.record, at, worker)
                _keep(study, Held(record, owner.token, before.reported))
                return record
            proposal = propose(len(study.trials))
            _excuse(study, now)
            if isinstance(proposal, Exhausted):
                return proposal
            if isinstance(proposal, Promotion):
                before = _find(name, study, proposal.number)
                record = moves.promoted(name, before.record, proposal, study.plan, at, worker)
                _keep(study, Held(record, owner.token, before.reported))
                return record
            revision = study.revisions[-1].number
            record = moves.opened(len(study.trials), proposal, State.RUNNING, study.plan, revision, at, worker)
            _add(study, Held(record, owner.token))
            return record

    def record(
        self, name: str, number: int, messages: Sequence[Entry], at: float, owner: Owner | None = None
    ) -> TrialRecord:
        with self._writing():
            study = self._study(name)
            before, now = _find(name, study, number), study.revisions[-1]
            held = moves.told(name, before, messages, None if owner is None else owner.token, now.plan, at)
            if held is before:
                return before.record
            space, grown = moves.grown(now.space, messages)
            if grown:
                reason = f"trial {number} declared {', '.join(grown)}"
                study.revisions.append(Revision(now.number + 1, at, reason, now.plan, space))
                held = replace(held, record=replace(held.record, revision=now.number + 1))
            _keep(study, held)
            if moves.is_counted(held.record) and any(isinstance(message, ENDS) for message in messages):
                study.compute_seconds += moves.compute_seconds(messages)
                study.cost += moves.cost(messages)
            if owner is not None:
                _beat(study, owner, time.monotonic())
            return held.record

    def renew(self, owner: Owner) -> None:
        with self._writing():
            for study in self._studies.values():
                if owner.token in study.leases:
                    _beat(study, owner, time.monotonic())

    def release_expired(self, name: str, at: float) -> tuple[TrialRecord, ...]:
        with self._writing():
            return self._release(self._study(name), at)

    def changes(self, name: str, since: int = 0, thin: bool = False) -> Changes:
        with self._lock:
            study = self._study(name)
            numbers = range(len(study.trials)) if since <= 0 else sorted(set(study.changes[since:]))
            records = (study.trials[number].record for number in numbers)
            if thin:
                records = (replace(record, reports=record.reports[-1:]) for record in records)
            return Changes(len(study.changes), tuple(records))

    def trial(self, name: str, number: int) -> TrialRecord:
        with self._lock:
            return _find(name, self._study(name), number).record

    def coordinators(self, name: str) -> tuple[str, ...]:
        with self._lock:
            leases = self._study(name).leases.values()
            held = [lease for lease in leases if not self._sightings.is_dead(lease)]
            return tuple(lease.describes for lease in sorted(held, key=lambda lease: (lease.started, lease.token)))

    def curve(self, name: str, number: int, most: int) -> tuple[Report, ...]:
        with self._lock:
            reports = _find(name, self._study(name), number).record.reports
            stride = max(1, -(-len(reports) // max(most, 1)))
            return tuple(r for i, r in enumerate(reports) if i % stride == 0 or i == len(reports) - 1)

    def reports(self, name: str, most: int) -> int:
        with self._lock:
            return min(sum(len(held.record.reports) for held in self._study(name).trials), max(most, 0))

    def best(self, name: str) -> TrialRecord | None:
        with self._lock:
            study = self._study(name)
            if study.best is not None:
                return study.best
            scored = [held.record for held in study.trials if moves.is_explored(held.record)]
            return next(iter(ranked(scored)), None)

    # What people ask

    def moment(self, name: str) -> Moment:
        with self._lock:
            study = self._study(name)
            last = study.instructions[-1].number if study.instructions else 0
            now, first = study.revisions[-1], study.revisions[0]
            return Moment(first.at, len(study.changes), now.number, study.written, last)

    def instruct(self, name: str, act: Act, who: str, words: str, at: float, trial: int | None = None) -> Instruction:
        with self._writing():
            study = self._study(name)
            if trial is not None:
                _find(name, study, trial)
            self._asked += 1
            study.instructions.append(Instruction(self._asked, at, text_of(who), act, text_of(words), trial))
            return study.instructions[-1]

    def instructions(self, name: str, since: int = 0) -> tuple[Instruction, ...]:
        with self._lock:
            return tuple(each for each in self._study(name).instructions if each.number > since)

    # Stages, what was spent, the ledger

    def write_stage(self, name: str, stage: str, outcome: Mapping[str, Any], at: float, once: bool = False) -> bool:
        kept = plain.loads(plain.dumps(dict(outcome)))  # apart from what the caller does with it later
        with self._writing():
            study = self._study(name)
            if once and stage in study.stages:
                return False
            study.stages[stage] = kept
            study.written += 1
            return True

    def spent(self, name: str) -> Mapping[str, float]:
        with self._lock:
            study = self._study(name)
            seconds = seconds_alive(study.leases.values())
            used = {"compute_seconds": study.compute_seconds, "cost": study.cost}
            return {"trials": study.closed, "seconds": seconds, **used}

    def open_look(self, name: str, fingerprint: str, who: str, what: str, at: float, sketch: str = "") -> Look:
        with self._writing():
            self._study(name)
            self._add_line(ledger.opening(self.looks(), name, fingerprint, who, what, at, sketch))
            return self.looks()[-1]

    def close_look(self, look: Look, outcome: Mapping[str, Any]) -> Look:
        with self._writing():
            self._add_line(ledger.closing(self.looks(), look, outcome))
            return next(kept for kept in self.looks() if kept.digest == look.digest)

    def looks(self, fingerprint: str | None = None, study: str | None = None) -> tuple[Look, ...]:
        with self._lock:
            head = self._lines[-1][1] if self._lines else ""
            lines = ((number, *line) for number, line in enumerate(self._lines, start=1))
            return ledger.among(ledger.looks_of(lines, head, self.url), fingerprint, study)

    def close(self) -> None:
        """Nothing is held but memory."""

    # Helpers

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            if self._is_writing:
                raise StateError("the store was asked to write within a transaction. Only read while proposing.")
            self._is_writing = True
            try:
                yield
            finally:
                self._is_writing = False

    def _study(self, name: str) -> _Study:
        study = self._studies.get(name)
        if study is None:
            raise unknown_study(name, list(self._studies))
        return study

    def _release(self, study: _Study, at: float) -> tuple[TrialRecord, ...]:
        dead = {token: lease.describes for token, lease in study.leases.items() if self._sightings.is_dead(lease)}
        freed = []
        for held in [held for held in study.trials if held.owner in dead] if dead else []:
            if held.record.state is State.RUNNING and held.owner is not None:
                record = moves.vanished(held.record, dead[held.owner], at)
                _keep(study, replace(held, record=record, owner=None))
                freed.append(record)
        return tuple(freed)

    def _add_line(self, content: str) -> None:
        previous = self._lines[-1][1] if self._lines else ""
        self._lines.append((content, ledger.digest_of(previous, content)))


def _find(name: str, study: _Study, number: int) -> Held:
    if not 0 <= number < len(study.trials):
        raise moves.unknown_trial(name, number, len(study.trials))
    return study.trials[number]


def _add(study: _Study, held: Held) -> None:
    number = len(study.trials)
    study.trials.append(held)
    study.changes.append(number)
    if held.record.state is State.WAITING:
        study.waiting.append(number)


def _keep(study: _Study, held: Held) -> None:
    record = held.record
    was = study.trials[record.number].record
    study.trials[record.number] = held
    study.changes.append(record.number)
    if was.state is State.WAITING is not record.state:
        study.waiting.remove(record.number)
    elif record.state is State.WAITING is not was.state:
        insort(study.waiting, record.number)
    if record.state.is_closed and moves.is_counted(record):
        study.closed += 1
    if moves.is_explored(record) and record.is_feasible:
        study.best = record if study.best is None else ranked((study.best, record))[0]


def _beat(study: _Study, owner: Owner, now: float) -> None:
    lease = study.leases.get(owner.token)
    if lease is None:
        lease = Lease(owner.token, this_process(), now, now, 1, owner.lease_seconds, owner.describes)
    study.leases[owner.token] = replace(lease, beat=now, beats=lease.beats + 1)


def _excuse(study: _Study, since: float) -> None:
    """Nobody could renew a lease since then, for the store was held: that silence does not count."""
    held = time.monotonic() - since
    for token, lease in study.leases.items() if held > 1.0 else ():
        study.leases[token] = replace(lease, beat=lease.beat + held)
