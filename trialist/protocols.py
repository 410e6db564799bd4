"""The seams, on one page: Strategy, Scheduler, Executor, Store. Any object with the methods will do.

`trialist.testing` holds a contract kit for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from trialist.numerics.keys import Key
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.instruction import Act, Instruction
from trialist.trials.messages import Assignment, Entry, Message, Reported
from trialist.trials.plan import Plan
from trialist.trials.trial import Decision, Exhausted, Failure, Promotion, Proposal, Report, TrialRecord


class Strategy(Protocol):
    """What to try next: a function of (history, key); what it keeps is a cache."""

    name: str

    def propose(self, history: History, key: Key) -> Proposal | Exhausted: ...


class Scheduler(Protocol):
    """How far trials run: functions of the history; what a scheduler keeps is a cache."""

    name: str

    def decide(self, history: History, report: Reported) -> Decision:
        """Whether a running trial goes on, after this report; the history holds its earlier ones."""
        ...

    def resume(self, history: History, key: Key) -> Promotion | Proposal | None:
        """What is to run before the strategy is asked: a paused trial that goes on, or one that inherits a checkpoint.

        None where neither is worth more than a new trial.
        """
        ...

    def start(self, history: History, key: Key) -> float | None:
        """The fidelity that a new trial runs to; None for a full run, or where the plan has no such dial.

        Asked of the baseline too, as number 0: where that begins cheap, it runs in full before anything is chosen.
        """
        ...


class Executor(Protocol):
    """Where trials run. It only carries messages; what they mean is the loop's business."""

    @property
    def free(self) -> int:
        """How many more assignments it takes now."""
        ...

    @property
    def note(self) -> str:
        """What a user should know of how trials run here, or an empty text."""
        ...

    def submit(self, assignment: Assignment) -> None:
        """Start a trial; ExecutionError where no worker is left to run it."""
        ...

    def poll(self, answer: Callable[[Message], Decision], timeout: float) -> int:
        """Wait up to `timeout` seconds for messages, hand each to `answer`, carry its Decision back; their number.

        Exactly one Finished or Failed comes for each assignment, whatever happens to its process.
        """
        ...

    def cancel(self, number: int, failure: Failure) -> None:
        """End a running trial now, with its whole process tree; its Failed carries `failure`."""
        ...

    def close(self) -> None:
        """End everything that still runs, leave no process behind; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """A study as the store keeps it. `revision` counts its spaces: each is kept, with its reason.

    stages: the last outcome of each stage of the process by name ("plan", "refine", "select", "verdict", ...), as JSON.
    """

    plan: Plan
    space: Space
    revision: int
    created_at: float
    trials: int  # how many there are, of any state
    stages: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Revision:
    """A change of plan or space after trial 0: what is now, since when, and why."""

    number: int
    at: float
    reason: str
    plan: Plan
    space: Space


@dataclass(frozen=True, slots=True)
class Owner:
    """A coordinator that holds leases: unique `token`; a lease lasts `lease_seconds` beyond its last renewal."""

    token: str
    lease_seconds: float
    describes: str = ""  # user@host:pid, for people


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened since a cursor: the records that changed, by number, and the cursor to ask with next time."""

    cursor: int
    records: tuple[TrialRecord, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a study has come, as counters that only grow: whoever knows them sees whether anything is new.

    changes: of trials, the cursor of `Store.changes`.  revision: of plan and space.  stages: outcomes written.
    instructions: the number of the last one.  created_at tells another study of the same name.
    """

    created_at: float
    changes: int
    revision: int
    stages: int
    instructions: int


@dataclass(frozen=True, slots=True)
class Look:
    """A line of the ledger: who looked at which sealed data, when, at what, as the how-manieth.

    digest chains the lines: a removed or altered one shows.  outcome is None until the look is over.
    sketch: of the sealed rows, so that they are known again in another split; empty where there is none.
    overlap: the largest share of these rows that one look before had seen.  elsewhere: looks before, in other studies.
    """

    number: int  # of the looks at these rows, or at a good part of them, over all studies of the store, from 1
    study: str
    fingerprint: str
    at: float
    who: str
    what: str
    digest: str
    outcome: Mapping[str, Any] | None = None
    sketch: str = ""
    overlap: float = 0.0
    elsewhere: int = 0


class Store(Protocol):
    """Where studies live. Each call is one transaction; every failure of the place itself is a typed StoreError.

    Writes that change no row raise. A closed trial never changes.
    """

    url: str

    def create_study(self, plan: Plan, space: Space, at: float) -> StudyRecord:
        """Keep a new study; StudyExistsError where the name is taken."""
        ...

    def studies(self) -> tuple[str, ...]:
        """Names, oldest first."""
        ...

    def load_study(self, name: str) -> StudyRecord:
        """A study by name; UnknownStudyError names the nearest."""
        ...

    def revise(self, name: str, plan: Plan, space: Space, reason: str, at: float) -> StudyRecord:
        """Keep another plan or space from now on; the earlier one stays as a Revision."""
        ...

    def revisions(self, name: str) -> tuple[Revision, ...]:
        """All plans and spaces so far, the first one being number 0."""
        ...

    def delete_study(self, name: str) -> None:
        """Remove a study and its trials. The ledger stays."""
        ...

    def enqueue(self, name: str, proposals: Sequence[Proposal], at: float) -> tuple[int, ...]:
        """Keep proposals as waiting trials, taken before anything else is proposed; their numbers."""
        ...

    def open_trial(
        self,
        name: str,
        owner: Owner,
        propose: Callable[[int], Proposal | Promotion | Exhausted],
        at: float,
        worker: str = "",
    ) -> TrialRecord | Exhausted:
        """Take the oldest waiting trial, else open a new one with what `propose(number)` says; lease it to `owner`.

        A Promotion opens no new trial: the paused one runs again, as its next attempt and up to another fidelity.
        worker: the name of who is to run it, kept with the run.

        `propose` is called inside the transaction, when the number is certain and all that others opened is visible
        to `changes` on the same thread: so no two coordinators ever open the same configuration unawares, or more
        trials than a budget allows.
        """
        ...

    def record(
        self, name: str, number: int, messages: Sequence[Entry], at: float, owner: Owner | None = None
    ) -> TrialRecord:
        """Apply a trial's messages in one transaction, and give the trial back as it is now.

        Declared grows the study's space; Finished and Failed close it (Failed with retry puts it back in the queue,
        Finished may pause it: what all of its runs took adds up from there on).
        Without an owner anybody may tell a running trial its result; with one, only the lease's holder.
        Telling the same Finished twice by the same owner is fine; anything else to a closed trial is a StateError.
        """
        ...

    def renew(self, owner: Owner) -> None:
        """Keep the owner's leases alive."""
        ...

    def release_expired(self, name: str, at: float) -> tuple[TrialRecord, ...]:
        """Free trials whose owner is dead or silent: queued again while the cause's rule allows, else failed."""
        ...

    def changes(self, name: str, since: int = 0, thin: bool = False) -> Changes:
        """Records that changed after cursor `since`; 0 gives all.  thin: of its reports each holds the last alone."""
        ...

    def trial(self, name: str, number: int) -> TrialRecord:
        """One trial, with all of its reports; UnknownStudyError where the study has no such one."""
        ...

    def coordinators(self, name: str) -> tuple[str, ...]:
        """Who works on the study now, as far as leases tell, in words."""
        ...

    def curve(self, name: str, number: int, most: int) -> tuple[Report, ...]:
        """A trial's reports, thinned to about `most`, evenly, the first and the last among them."""
        ...

    def reports(self, name: str, most: int) -> int:
        """How many reports the trials of a study have, counted up to `most`."""
        ...

    def moment(self, name: str) -> Moment:
        """How far the study has come, without reading it."""
        ...

    def instruct(self, name: str, act: Act, who: str, words: str, at: float, trial: int | None = None) -> Instruction:
        """Keep what somebody asked of the study, or noted; UnknownStudyError where it has no such trial."""
        ...

    def instructions(self, name: str, since: int = 0) -> tuple[Instruction, ...]:
        """What was asked of the study after that number, oldest first."""
        ...

    def best(self, name: str) -> TrialRecord | None:
        """The explored trial of lowest loss among the feasible, without reading the others; else as `ranked` tells."""
        ...

    def write_stage(self, name: str, stage: str, outcome: Mapping[str, Any], at: float, once: bool = False) -> bool:
        """Keep a stage's outcome under its name; earlier ones stay in the file.

        With `once`, False and nothing is written where that stage has an outcome: the first coordinator's stands.
        """
        ...

    def spent(self, name: str) -> Mapping[str, float]:
        """What is used: "trials", "seconds" (wall, while coordinators were alive), "compute_seconds", "cost".

        Trials of sweeps, and what they took of compute and money, are left out: they have an allowance of their own.
        """
        ...

    def open_look(self, name: str, fingerprint: str, who: str, what: str, at: float, sketch: str = "") -> Look:
        """Append a look to the ledger, before the test data are opened."""
        ...

    def close_look(self, look: Look, outcome: Mapping[str, Any]) -> Look:
        """Write what the look showed; only once."""
        ...

    def looks(self, fingerprint: str | None = None, study: str | None = None) -> tuple[Look, ...]:
        """The ledger, oldest first; StoreDamagedError where its chain is broken."""
        ...

    def close(self) -> None:
        """Let go of every file, lock and connection; safe to call twice."""
        ...
