"""One coordinator's hold on a study: its lease and heartbeat, its view of the history, its folder."""

from __future__ import annotations

import getpass
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from trialist.errors import ExecutionError, StateError, StoreError
from trialist.protocols import Owner, Scheduler, Store, StudyRecord
from trialist.space.space import Space
from trialist.study import earlier
from trialist.study.folders import prepare_checkpoint, study_folder
from trialist.study.scheduling import scheduler_of
from trialist.trials.history import History, Records
from trialist.trials.messages import Assignment, Entry, Failed
from trialist.trials.plan import Plan
from trialist.trials.trial import Cause, Exhausted, Failure, Promotion, Proposal, Stage, State, TrialRecord

LEASE_SECONDS = 30.0
TESTS = "tests"  # the stage that keeps what trainings of the verification took
SWEPT = "swept"  # and the one that keeps for how long sweeps ran, whose time no budget of the study pays for


class Session:
    """Reads and writes one study in the name of one coordinator.

    The history is kept and only what changed is read again. A fork is another coordinator: it gets its own token.
    """

    def __init__(
        self,
        store: Store,
        study: StudyRecord,
        space: Space | None = None,
        lease_seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        thin: bool = False,
    ) -> None:
        """space: as declared in this process, for the sake of its callable constraints, which no store can keep.

        clock: seconds, by which budgets of time are kept.
        thin: of its reports each record holds the last alone; only for those who look on.
        """
        self.store, self.lease_seconds, self.clock = store, lease_seconds, clock
        self._declared = space
        self.given_scheduler: Scheduler | None = None  # an object, where the study was declared with one
        self.adopt(study)
        self._records: list[TrialRecord] = []  # by number: numbers have no gaps
        self._cursor = 0
        self._seen: Records = ()
        self._is_thin, self._reading = thin, threading.Lock()
        self._pid = -1
        self._heartbeat: _Heartbeat | None = None
        self._kept: dict[int, tuple[Entry, ...]] = {}
        self._earlier: tuple[History, ...] | None = None
        self._tests: Mapping[str, float] | None = None
        self._swept: float | None = None
        self._began: tuple[float, float] | None = None  # on the clock, and the seconds that were spent by then
        self.opened: set[int] = set()
        self._places: dict[int, int] = {}  # of the trials that run here: which of its workers has each

    @property
    def name(self) -> str:
        return self._study.plan.name

    @property
    def plan(self) -> Plan:
        return self._study.plan

    @property
    def space(self) -> Space:
        return self._study.space

    @property
    def revision(self) -> int:
        return self._study.revision

    @cached_property
    def folder(self) -> Path:
        """Of logs and checkpoints; a study keeps its name and its store."""
        return study_folder(self.store.url, self.name)

    @property
    def callables(self) -> tuple[Callable[..., object], ...]:
        """The functions among the space's constraints; stand-ins that raise where it came from the store alone."""
        return _functions(self.space)

    @property
    def scheduler(self) -> Scheduler:
        """The one that the plan names, or that this process gave."""
        return scheduler_of(self.plan, self.given_scheduler)

    def load(self) -> StudyRecord:
        """The study as it is kept now."""
        study = self.store.load_study(self.name)
        if study.revision != self.revision:
            self.adopt(study)
        return study

    def adopt(self, study: StudyRecord, space: Space | None = None) -> None:
        """Go on with a revised study; `space` where it was revised in this process."""
        self._declared = space or self._declared
        if self._declared is not None and _functions(self._declared):
            study = replace(study, space=Space.from_json(study.space.to_json(), _functions(self._declared)))
        self._study = study

    def history(self) -> History:
        """The study at this moment; nothing is read before somebody looks."""
        return History(self.plan, self.space, self._catch_up, self.earlier)

    @property
    def earlier(self) -> tuple[History, ...]:
        """What the studies of the warm start knew when this one was made; none where it has no warm start."""
        if self._earlier is None and self.plan.warm_start:
            kept = self.stage(earlier.STAGE)
            self._earlier = None if kept is None else earlier.histories(kept)
        return self._earlier or ()

    def stage(self, name: str) -> Mapping[str, Any] | None:
        """A stage's last outcome, as JSON, or None."""
        found: Mapping[str, Any] | None = self.store.load_study(self.name).stages.get(name)
        return found

    def open(self, propose: Callable[[int], Proposal | Promotion | Exhausted]) -> TrialRecord | Exhausted:
        """Take or open a trial, or go on with a paused one, leased to this coordinator."""
        place = self._free_place()
        owner = self.owner()
        opened = self.store.open_trial(self.name, owner, propose, time.time(), f"{owner.describes}/{place}")
        if isinstance(opened, TrialRecord):
            self.opened.add(opened.number)
            self._places[opened.number] = place
        return opened

    def _free_place(self) -> int:
        """The lowest number that none of the workers has which run something here."""
        self._places = {
            number: place
            for number, place in self._places.items()
            if number >= len(self._records) or not self._records[number].state.is_closed
        }
        return next(place for place in count(1) if place not in self._places.values())

    def record(self, number: int, messages: Sequence[Entry], foreign: bool = False) -> TrialRecord:
        """Write a trial's messages; `foreign` where the trial may be somebody else's."""
        record = self.store.record(self.name, number, messages, time.time(), None if foreign else self.owner())
        if record.state is not State.RUNNING:
            self._places.pop(number, None)
        return record

    def keep(self, number: int, messages: Sequence[Entry]) -> None:
        """A result that the store had no room for; `recover` writes it once there is."""
        self._kept[number] = tuple(messages)

    def recover(self) -> tuple[TrialRecord, ...]:
        """Write what was kept. StoreError where there is still no room."""
        return tuple(self._recovered(number) for number in tuple(self._kept))

    def _recovered(self, number: int) -> TrialRecord:
        record = self.record(number, self._kept[number])
        del self._kept[number]
        return record

    def release(self) -> tuple[TrialRecord, ...]:
        """Free what dead coordinators left."""
        return self.store.release_expired(self.name, time.time())

    def begun(self, record: TrialRecord) -> Assignment:
        """The assignment of a trial that begins now, whose folder holds the checkpoint that it is to go on from.

        ExecutionError where the folder cannot be made ready.
        """
        try:
            prepare_checkpoint(self.folder, record)
        except OSError as problem:
            raise ExecutionError(
                f"the checkpoint of trial {record.number} could not be made ready ({problem}). Make room, or give "
                f"yourself write access to {self.folder}, and run the same again."
            ) from problem
        return self.assignment(record)

    def assignment(self, record: TrialRecord) -> Assignment:
        """What a worker needs to know of a trial."""
        parent = None if record.inherits is None else self.history().get(record.inherits)
        reports = record.reports or (parent.reports if parent is not None else ())
        last = reports[-1] if reports else None
        return Assignment(
            number=record.number,
            attempt=record.attempt,
            params=record.params,
            seed=record.seed,
            stage=record.stage,
            study_seed=self.plan.seed,
            objectives=tuple(objective.name for objective in self.plan.objectives),
            directory=f"{self.folder}/{record.number:05d}",
            defaults=record.stage is Stage.BASELINE,
            fidelity=record.fidelity,
            reached=0.0 if last is None else last.step,
            last=None if last is None else last.value,
            prices=self.plan.budget.prices,
            validation=self.plan.validation,
            units_seed=units_seed(self.plan, record),
        )

    def owner(self) -> Owner:
        """This coordinator, with its heart beating."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._owner = Owner(uuid.uuid4().hex, self.lease_seconds, describe_self())
            self._heartbeat = _Heartbeat(self.store, self._owner)
        return self._owner

    def seconds(self) -> float:
        """Wall time of the study: while any coordinator was alive, and from the first call on while this one is."""
        if self._began is None or self._pid != os.getpid():
            self.beat()
            self._began = self.clock(), self.store.spent(self.name)["seconds"]
        return self._began[1] + self.clock() - self._began[0] - self._seconds_of_sweeps()

    def spent(self) -> dict[str, float]:
        """What is used of each limit of a Budget; the verification's trainings count as compute and money as well."""
        spent, tests = self.store.spent(self.name), self._taken_by_tests()
        return {
            **spent,
            "seconds": max(spent["seconds"] - self._seconds_of_sweeps(), 0.0),
            "compute_seconds": spent["compute_seconds"] + tests.get("compute_seconds", 0.0),
            "cost": spent["cost"] + tests.get("cost", 0.0),
            "full_runs": self.history().full_runs_used,
        }

    @property
    def tested(self) -> Mapping[str, float] | None:
        """What the trainings of the verification took, where there is a verdict and nothing goes on."""
        return None if self.stage("verdict") is None or self.history().pending else self._taken_by_tests()

    def charge(self, seconds: float, cost: float) -> None:
        """Count a training of the verification, which is no trial, as spent."""
        tests = self._taken_by_tests()
        spent = {"compute_seconds": tests.get("compute_seconds", 0.0) + seconds, "cost": tests.get("cost", 0.0) + cost}
        self.store.write_stage(self.name, TESTS, spent, time.time())
        self._tests = spent

    def set_apart(self, seconds: float) -> None:
        """Count wall time of a sweep, which has an allowance of its own, as not spent."""
        total = self._seconds_of_sweeps() + seconds
        self.store.write_stage(self.name, SWEPT, {"seconds": total}, time.time())
        self._swept = total

    def _seconds_of_sweeps(self) -> float:
        if self._swept is None:  # read once: as with the verification, only this coordinator's own sweeps change it
            self._swept = float((self.stage(SWEPT) or {}).get("seconds", 0.0))
        return self._swept

    def _taken_by_tests(self) -> Mapping[str, float]:
        # Read once: it is asked for before each trial, and only this coordinator's own verification changes it. Who
        # opens none looks on while others verify.
        if self._tests is None or not self.opened:
            self._tests = dict(self.stage(TESTS) or {})
        return self._tests

    def beat(self) -> None:
        """Say that this coordinator lives; wall time counts as spent up to here."""
        self.store.renew(self.owner())

    def close(self) -> None:
        """Give back what is held: trials that were asked for and not told go back to the queue."""
        if self._pid == os.getpid():
            held = [r for r in self.history() if r.number in self.opened and r.state is State.RUNNING]
            for record in held:
                left = Failure(Cause.PREEMPTED, "its study was closed before it was told")
                # Somebody else may hold it by now; and without room to write, its lease ends with this process.
                with suppress(StateError, StoreError):
                    self.record(record.number, [Failed(record.number, record.attempt, left, 0.0, retry=True)])
        if self._heartbeat is not None and self._pid == os.getpid():
            self._heartbeat.stop()
        self._pid = -1

    def _catch_up(self) -> Records:
        with self._reading:  # threads of a dashboard ask at the same time
            changes = self.store.changes(self.name, self._cursor, self._is_thin)
            if changes.records:
                self._cursor = changes.cursor
                for record in sorted(changes.records, key=lambda r: r.number):
                    if record.number < len(self._records):
                        self._records[record.number] = record
                    else:
                        self._records.append(record)
                self._seen = tuple(self._records)
            seen = self._seen
        if changes.records and max(record.revision for record in changes.records) > self.revision:
            self.load()  # another worker's objective declared a dial
        return seen


def units_seed(plan: Plan, record: TrialRecord) -> int:
    """Keys the splits of a trial: the study's seed where all configurations share them, else the trial's own.

    Finalists and sweeps are scored on fresh ones, by a seed that all of them have which are compared.
    """
    is_shared = plan.validation is not None and plan.validation.is_shared and record.stage.is_explored
    return plan.seed if is_shared else record.seed


def _functions(space: Space) -> tuple[Callable[..., object], ...]:
    return tuple(constraint.test for constraint in space.constraints if constraint.is_callable)


class _Heartbeat(threading.Thread):
    """Renews the leases while the coordinator lives, also while an objective holds its main thread."""

    def __init__(self, store: Store, owner: Owner) -> None:
        super().__init__(name="trialist-heartbeat", daemon=True)
        self._store, self._owner = store, owner
        self._stopped = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._stopped.wait(self._owner.lease_seconds / 3):
            try:
                self._store.renew(self._owner)
            except StoreError:
                continue  # a full disk, say: the next beat may pass, and the main thread tells the user

    def stop(self) -> None:
        self._stopped.set()
        self.join(timeout=5.0)


def describe_self() -> str:
    """user@host:pid."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        user = f"uid{os.getuid()}"
    return f"{user}@{platform.node()}:{os.getpid()}"
