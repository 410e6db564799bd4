"""A sweep of one dial: its runs, within an allowance of their own, and what is kept of it.

Which runs are next is a function of design and history: after a crash, beside others, or with more seeds than before,
only what is missing is run.  A sweep looks at what was found, whatever the study's budget has left, and takes nothing
of it: its trials, their compute, money and time are counted apart.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from trialist.budget.purse import TOLERANCE
from trialist.effects.levels import LEAST, LEVELS, REPLICATES, Design, design, label_of, seeds
from trialist.effects.sweep import Cell, Sweep, missing, read, runs_of, stage_of
from trialist.errors import PlanError, SpaceError, StudyError, UnknownStudyError, shown
from trialist.numerics.keys import Key
from trialist.scheduling.schedulers import scheduler_for
from trialist.study.accounts import Accounts, purses_of
from trialist.study.beginning import begun
from trialist.study.checking import check_objective
from trialist.study.desk import Desk
from trialist.study.evaluation import check
from trialist.study.events import Event, StageEnded, StageStarted, Told, TrialClosed
from trialist.study.expectations import Expectations
from trialist.study.folders import prune_checkpoints
from trialist.study.interrupt import Interrupt
from trialist.study.loop import Goal, run, whole_baseline
from trialist.study.session import Session
from trialist.study.software import keep_software
from trialist.study.work import Work, executor_for, is_in_process
from trialist.trials.amounts import duration, whole
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.trial import Exhausted, Promotion, Proposal, Stage, State, TrialRecord

FEWEST = 3  # levels that a small budget leaves of a dial with more
Around = Mapping[str, Any] | int


def designed(
    session: Session,
    incumbent: TrialRecord | None,
    dial: str,
    levels: int | Sequence[Any] = LEVELS,
    replicates: int = REPLICATES,
    budget: Budget | None = None,
    around: Around | None = None,
) -> Design:
    """The design that is asked for, with fewer seeds, then fewer levels, where the budget has no room for all.

    around: values that replace the incumbent's, or a trial's number.
    Raises PlanError and SpaceError for what cannot be, and StudyError where there is nothing to look round.
    """
    if isinstance(levels, int):
        whole("levels", levels, at_least=LEAST)
    whole("replicates", replicates, at_least=LEAST)
    history, center = session.history(), _center(session, incumbent, around)
    found = design(session.space, dial, center, levels, replicates)
    limit = None if budget is None else budget.trials
    while limit is not None and len(missing(history, found)) > limit:
        if found.replicates > LEAST:
            found = replace(found, replicates=found.replicates - 1)
        elif isinstance(levels, int) and min(levels, len(found.values)) > FEWEST:
            levels = min(levels, len(found.values)) - 1
            found = design(session.space, dial, center, levels, found.replicates)
        else:
            needed = len(missing(history, found))
            problem = f"{limit} runs are too few for {len(found.values)} levels on {found.replicates} seeds"
            raise PlanError("budget", problem, f"Give {needed}, or fewer levels.")
    return found


def sweeping(
    session: Session, wanted: Design, work: Work, budget: Budget | None = None, workers: int = 1
) -> Iterator[Event]:
    """Run what is missing of a design, event by event, and keep what it shows.

    Raises StudyError where trials of the study itself wait or run: those come first.
    """
    check_objective(work, session.space)
    check(work, session.plan)
    session.release()
    _refuse_beside_others(session)
    yield from begun(session, work)
    sweep = _Sweeping(session, wanted, work, budget, workers)
    yield StageStarted(Stage.SWEEP.value, sweep.announced)
    try:
        yield from sweep.run()
    finally:
        found = sweep.keep()
    yield from (Told(words) for words in sweep.left)
    yield StageEnded(Stage.SWEEP.value, found.words)


def sweeps_of(session: Session) -> tuple[Sweep, ...]:
    """The last sweep of each dial, in the order in which they were begun; one that runs, as far as it came."""
    stages = session.store.load_study(session.name).stages
    kept = [stages[stage_of(dial)] for dial in session.space.names if stage_of(dial) in stages]
    found = []
    for each in sorted(kept, key=lambda each: float(each["at"])):
        if each["outcome"] is not None:
            found.append(Sweep.from_json(each["outcome"]))
            continue
        try:
            found.append(read(session.history(), Design.from_json(each["design"], session.space)))
        except SpaceError:  # the space grew before it was over: its runs are not what they would be now
            continue
    return tuple(found)


class _Missing:
    """Proposes the next run of a sweep that nobody has begun."""

    name = Stage.SWEEP.value

    def __init__(self, wanted: Design, configurations: tuple[Mapping[str, Any], ...]) -> None:
        self.design, self.configurations = wanted, configurations

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        cell = next(iter(missing(history, self.design)), None)
        return Exhausted("") if cell is None else self.proposal(history, cell)

    def proposal(self, history: History, cell: Cell) -> Proposal:
        level, place = cell
        told = f"{self.design.dial}={label_of(self.design.values[level])}"
        of = "the incumbent's own level" if level == self.design.middle else "all else as the incumbent"
        reason = f"{told}, {of}, on seed {place + 1} of {self.design.replicates}"
        seed = seeds(history.plan.seed, self.design.replicates)[place]
        return Proposal(self.configurations[level], reason, self.name, Stage.SWEEP, seed)


class _Sweeping:
    """One coordinator's run of a sweep, and the rule for what it may start."""

    def __init__(self, session: Session, wanted: Design, work: Work, budget: Budget | None, workers: int) -> None:
        self._session, self._design, self._work, self._workers = session, wanted, work, workers
        self._budget = budget or Budget()
        self._limits = _limits(self._budget)
        history = session.history()
        kept = session.stage(stage_of(wanted.dial)) or {}
        goes_on = kept.get("design") == _plain(wanted) and kept.get("outcome") is None
        self._at: float = kept["at"] if goes_on else time.time()
        self._first: int = kept["first"] if goes_on else len(history)
        self._before: float = kept["seconds"] if goes_on else 0.0  # of the allowance, by earlier calls
        self._began, self._told = session.clock(), self._counted()
        self._expected = Expectations(session.history)
        self._strategy = _Missing(wanted, tuple(wanted.configurations(session.space)))
        self._planned = len(missing(history, wanted))
        self._write(None)

    @property
    def announced(self) -> str:
        wanted = self._design
        of = f"{wanted.dial} at {len(wanted.values)} levels, {wanted.replicates} seeds that all of them share"
        if not self._planned:
            return f"{of}: all runs are there already"
        runs = f"{self._planned} run{'s' if self._planned != 1 else ''}"
        limit = "" if self._budget.is_unlimited else f" within {self._budget}"
        return f"{of}: {runs} at most{limit}, apart from the study's budget"

    @property
    def left(self) -> tuple[str, ...]:
        """What was not run, and why."""
        count = len(missing(self._session.history(), self._design))
        told = [f"{label} was left out: {why}" for label, why in self._design.left_out]
        if count:
            why = f" within {self._budget}" if not self._budget.is_unlimited else ""
            told.append(f"{count} of {self._design.runs} runs are not there{why}: the same again goes on")
        return tuple(told)

    def run(self) -> Iterator[Event]:
        session, limits = self._session, self._session.plan.limits
        here = is_in_process(self._work, self._workers, limits)
        with (
            Interrupt(here) as interrupt,
            closing(executor_for(self._work, self._workers, limits, lambda: session.space)) as executor,
        ):
            desk = Desk(session, scheduler_for("none"), interrupt)
            desk.accounts.can_kill = not here
            desk.accounts.purses = {purse.name: purse for purse in purses_of(self._budget)}
            keep_software(session)
            goal = Goal(
                may_start=self._may_start(desk.accounts),
                is_watched=self._limits != (),
                fits=lambda history, proposed: self._refusal(desk.accounts, history, proposed),
                needs=self._needs,
            )
            for event in run(session, executor, desk, lambda history: self._strategy, goal, interrupt):
                if isinstance(event, TrialClosed):
                    self._set_apart()
                    prune_checkpoints(session.folder, event.record.number, session.history)
                yield event
            keep_software(session)

    def keep(self) -> Sweep:
        """Write what there is; as the outcome where nothing is missing or more would not fit."""
        self._session.beat()
        self._set_apart()
        history = self._session.history()
        is_over = not any(not record.state.is_closed for record in runs_of(history, self._design))
        found = read(history, self._design, _depends(history, self._design.dial) if is_over else "")
        self._write(found if is_over else None)
        return found

    def _write(self, outcome: Sweep | None) -> None:
        used = self._before + self._session.clock() - self._began
        kept = {
            "design": _plain(self._design),
            "first": self._first,
            "budget": str(self._budget),
            "seconds": used,
            "at": self._at,
            "outcome": None if outcome is None else outcome.to_json(),
        }
        self._session.store.write_stage(self._session.name, stage_of(self._design.dial), kept, time.time())

    def _set_apart(self) -> None:
        now, opened = self._counted(), self._session.opened
        # Beside another coordinator's sweep the same time would be set apart twice: rather it counts as the study's.
        if not any(r.state is State.RUNNING and r.number not in opened for r in self._session.history().swept):
            self._session.set_apart(now - self._told)
        self._told = now

    def _counted(self) -> float:
        """Wall time of the study as the store counts it, sweeps included."""
        return self._session.store.spent(self._session.name)["seconds"]

    # The allowance

    def _may_start(self, accounts: Accounts) -> Callable[[History], str | None]:
        def rule(history: History) -> str | None:
            if why := self._fails(history):
                return why
            return self._refusal(accounts, history, None)

        return rule

    def _fails(self, history: History) -> str | None:
        """That the incumbent itself fails: then there is nothing to compare with."""
        middle = self._session.space.identity(self._strategy.configurations[self._design.middle])
        own = [r for r in self._runs(history) if history.space.identity(r.params) == middle and r.state.is_closed]
        lost = [
            r for r in own if r.state is State.FAILED and r.failure is not None and not r.failure.cause.is_blameless
        ]
        if not lost or any(r.is_scored for r in own):
            return None
        message = lost[-1].failure.message if lost[-1].failure is not None else ""
        return f"the incumbent itself fails, trial {lost[-1].number} so: {message}"

    def _refusal(self, accounts: Accounts, history: History, proposed: Proposal | Promotion | None) -> str | None:
        """Why another run would not fit into the sweep's own limits, or None."""
        params = proposed.params if isinstance(proposed, Proposal) else None
        runs = self._runs(history)
        for name, limit in self._limits:
            need = self._expected.of(name, params).likely
            if name == "seconds":
                used = self._before + self._session.clock() - self._began
                accounts.ends_at = accounts.time_ends_at = accounts.clock() + limit - used
            else:
                purse = accounts.purses[name]
                purse.spent = math.fsum(_taken(name, record) for record in runs if record.state.is_closed)
                used = purse.spent + purse.held
            if used + need > limit * (1 + TOLERANCE) or used >= limit:
                told = duration(limit) if name in ("seconds", "compute_seconds") else f"{limit:g}"
                return f"the sweep's allowance of {told}: another run would not fit"
        return None

    def _needs(self, history: History, record: TrialRecord) -> dict[str, float]:
        return {name: self._expected.of(name, record.params).likely for name, _ in self._limits if name != "seconds"}

    def _runs(self, history: History) -> list[TrialRecord]:
        """What this sweep ran itself."""
        return [record for record in runs_of(history, self._design) if record.number >= self._first]


def _limits(budget: Budget) -> tuple[tuple[str, float], ...]:
    """All but the number of runs, which the design keeps to."""
    told = ("seconds", "compute_seconds", "cost", "full_runs")
    return tuple((name, float(value)) for name in told if (value := getattr(budget, name)) is not None)


def _taken(name: str, record: TrialRecord) -> float:
    if name == "full_runs":
        return 1.0
    return (record.cost if name == "cost" else record.seconds) or 0.0


def _center(session: Session, incumbent: TrialRecord | None, around: Around | None) -> dict[str, Any]:
    """The configuration to look round."""
    history, space = session.history(), session.space
    if isinstance(around, int) and not isinstance(around, bool):
        record = history.get(around)
        if record is None:
            raise UnknownStudyError(f"around: {session.name!r} has no trial {around}. Give one of its {len(history)}.")
        return space.complete(record.params)
    if around is not None and not isinstance(around, Mapping):
        raise PlanError("around", f"{shown(around)} is no configuration", "Give a dict of dials, or a trial's number.")
    if incumbent is None and around is None:
        raise StudyError(f"{session.name}: no trial has a score, so there is nothing to look round. Run it first.")
    wanted = {**(incumbent.params if incumbent is not None else {}), **(around or {})}
    for name in around or {}:
        space[name]  # SpaceError names the nearest
    return space.complete({name: value for name, value in wanted.items() if name in space.active(wanted)})


def _refuse_beside_others(session: Session) -> None:
    history = session.history()
    others = [r for r in history if r.stage is not Stage.SWEEP and r.state in (State.WAITING, State.RUNNING)]
    if others:
        count = f"{len(others)} trial{'s' if len(others) > 1 else ''}"
        raise StudyError(
            f"{session.name}: {count} of the study itself wait or run. Let the study come to its end first."
        )
    if whole_baseline(history) is not None:
        raise StudyError(
            f"{session.name}: the default is not measured in full yet. Let the study come to its end first."
        )


def _depends(history: History, dial: str) -> str:
    """Which other dials decide what this one does, by the trials of the search; empty where none is shown to."""
    from trialist.effects.effects import Effects  # a model: loaded where it is used

    pairs = [pair for pair in Effects(history).interactions().pairs if pair.is_real and dial in (pair.a, pair.b)]
    others = [pair.b if pair.a == dial else pair.a for pair in pairs]
    if not others:
        return ""
    those = "that" if len(others) == 1 else "those"
    return f"what it does depends on {' and '.join(others[:2])}: sweep it at other values of {those} too"


def _plain(wanted: Design) -> Any:
    """As it is kept, so that it can be compared with what was."""
    from trialist.space import plain

    return plain.loads(plain.dumps(wanted.to_json()))
