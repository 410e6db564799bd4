"""Study: what users hold. A plan in a store, its trials, and the stages of the process as methods."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialist.errors import PlanError, StateError, StudyError, UnknownStudyError, shown
from trialist.execute.worker import Trial
from trialist.protocols import Look, Scheduler, Store
from trialist.scoring import front as fronts
from trialist.scoring.selection import Selection
from trialist.scoring.verdict import Verdict
from trialist.search.choose import Choice, choose
from trialist.search.design import baseline
from trialist.search.refinement import Refinement
from trialist.search.stages import Stages
from trialist.space.revision import grown
from trialist.space.space import Space
from trialist.stopping.ending import Ending
from trialist.study import selection as selecting
from trialist.study.beginning import begun
from trialist.study.declaring import DEFAULT_STORE, created, opened, plan_of, space_of, store_of
from trialist.study.desk import Desk
from trialist.study.earlier import Earlier, listed
from trialist.study.events import Event, Told
from trialist.study.interrupt import Interrupt
from trialist.study.loop import propose
from trialist.study.process import Process
from trialist.study.screening import screening
from trialist.study.session import LEASE_SECONDS, Session, describe_self
from trialist.study.spending import Expectations
from trialist.study.told import told
from trialist.study.verification import Test, verify
from trialist.study.watch import ADVICE, LEFT, STOPPED, Watch, current
from trialist.study.work import Work
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.instruction import Act, Instruction, pause_of
from trialist.trials.plan import Budget, Plan, positive, whole
from trialist.trials.stopping import Stops, Worth
from trialist.trials.trial import Exhausted, Proposal, Stage, State, TrialRecord
from trialist.trials.validation import Validation

if TYPE_CHECKING:
    from pandas import DataFrame

    from trialist.effects.effects import Effects
    from trialist.effects.sweep import Sweep
    from trialist.scoring.expected_best import ExpectedBest
    from trialist.study.forecast import Forecast
    from trialist.study.statement import Statement


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """How the budget will be used: the strategy and its reason, what each stage gets, how many runs fit."""

    strategy: str
    reason: str
    stages: Stages
    fits: int | None
    budget: Budget
    warm_start: tuple[str, ...] = ()
    fidelity: Fidelity | None = None
    expected: str = ""  # what it will take in all, as far as trials of this study or of earlier ones tell

    def lines(self) -> list[str]:
        fit = "not known before the first trials" if self.fits is None else f"{self.fits:,} runs of the objective"
        warm = [f"warm start: from {', '.join(self.warm_start)}"] if self.warm_start else []
        dial = [] if self.fidelity is None else [f"fidelity: {self.fidelity}"]
        expected = [f"expected: {self.expected}"] if self.expected else []
        return [self.reason, f"budget: {self.budget}; fits {fit}", *expected, *dial, *warm, *self.stages.words]

    def __str__(self) -> str:
        return "\n".join(self.lines())


class Study:
    """A plan in a store: create, load or open one, run its stages, look at what is known.

    >>> study = Study.create(minimize="loss", store="memory", name="parabola")
    >>> study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, trials=5)
    >>> len(study.trials), study.trials[0].params       # the middle of the scale is the baseline
    (5, {'x': 0.0})
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._desk = Desk(session, session.scheduler, Interrupt())
        self._process = Process(session, _nothing, 1)
        self._watch = Watch(session, 1)

    @classmethod
    def create(
        cls,
        space: Space | Mapping[str, Any] | None = None,
        *,
        minimize: str | list[str] | None = None,
        maximize: str | list[str] | None = None,
        budget: Budget | int | None = None,
        name: str = "study",
        store: str | Path | Store = DEFAULT_STORE,
        seed: int = 0,
        strategy: str = "auto",
        scheduler: str | Scheduler = "auto",
        stopping: Stops = "auto",
        worth: Worth | str | None = None,
        trial_seconds: float | None = None,
        trial_memory: int | None = None,
        trial_cost: float | None = None,
        source: str = "",
        test: str | None = None,
        finalists: int | None = None,
        replicates: int | None = None,
        test_seeds: int = 5,
        warm_start: Earlier | Sequence[Earlier] | None = None,
        fidelity: Fidelity | None = None,
        validation: Validation | None = None,
        prefer: str = "better",
        matters: float | None = None,
    ) -> Study:
        """A new study; StudyExistsError where the name is taken. Without a space, the objective declares its dials.

        trial_seconds, trial_memory (bytes), trial_cost: limits of one trial.  source, test: in words, what is tuned
        and what verifies it.  finalists, replicates, test_seeds: see Plan.
        warm_start: earlier studies to learn from: each a Study, a name in the same store, or (name, store).
        fidelity: the dial of cost, where runs may be cheaper than full ones: trials begin cheap, and the scheduler
        says which of them go on.  scheduler: a name, or an object with the methods of one.
        validation: Folds, Holdout, Seeds or Items, for objectives that run `trial.folds`, `trial.seeds` or
        `trial.blocks`.
        prefer, matters: see Plan.
        """
        known = listed(warm_start)
        plan = plan_of(
            minimize=minimize, maximize=maximize, budget=budget, name=name, seed=seed, strategy=strategy,
            scheduler=scheduler, stopping=stopping, worth=worth, trial_seconds=trial_seconds, trial_memory=trial_memory,
            trial_cost=trial_cost, source=source, test=test, finalists=finalists, replicates=replicates,
            test_seeds=test_seeds, warm_start=known, store=store, fidelity=fidelity, validation=validation,
            prefer=prefer, matters=matters,
        )  # fmt: skip
        return cls(_with(scheduler, created(plan, space_of(space), store_of(store), known)))

    @classmethod
    def load(
        cls,
        name: str | None = None,
        store: str | Path | Store = DEFAULT_STORE,
        *,
        space: Space | None = None,
        scheduler: Scheduler | None = None,
        lease_seconds: float = LEASE_SECONDS,
        thin: bool = False,
    ) -> Study:
        """A study that is there; without a name the only one of the store. UnknownStudyError names the nearest.

        space: only where constraints are functions, and scheduler only where it is an object: no store can keep them.
        thin: only to look at a long one: of its reports each record holds the last alone.
        """
        kept = store_of(store, create=False)
        if name is None:
            names = kept.studies()
            if len(names) != 1:
                have = f"it has {', '.join(map(repr, names))}: name one" if names else "it has none yet: run one first"
                raise UnknownStudyError(f"{kept.url}: which study? {have}")
            name = names[0]
        session = Session(kept, kept.load_study(name), space, positive("lease_seconds", lease_seconds), thin=thin)
        return cls(_with(scheduler, session))

    @classmethod
    def open(
        cls,
        plan: Plan,
        space: Space,
        store: str | Path | Store = DEFAULT_STORE,
        warm_start: Sequence[Earlier] = (),
        scheduler: Scheduler | None = None,
    ) -> Study:
        """The study of that plan: created, or resumed where the same plan and space were declared before.

        warm_start: the earlier studies that the plan names; read when the study is made, and never again.
        scheduler: where it is an object, which the plan only has a text of.
        PlanChangedError lists the differences where the name has another plan or space.
        """
        return cls(_with(scheduler, opened(plan, space, store_of(store), warm_start)))

    # What is known

    @property
    def name(self) -> str:
        return self._session.name

    @property
    def store(self) -> Store:
        return self._session.store

    @property
    def directory(self) -> Path:
        """The folder of logs and checkpoints, one folder in it per trial; it may not be there yet."""
        return self._session.folder

    @property
    def declared(self) -> Plan:
        """The plan as declared, or as last revised."""
        return self._session.plan

    @property
    def space(self) -> Space:
        return self._session.space

    @property
    def created_at(self) -> float:
        """Wall clock, seconds since 1970."""
        return self._session.load().created_at

    @property
    def history(self) -> History:
        """All that is known now."""
        return self._session.history()

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        return self.history.records

    @property
    def baseline(self) -> TrialRecord | None:
        """Trial 0, the default configuration, once it is scored."""
        return self.history.baseline

    @property
    def best(self) -> TrialRecord | None:
        """The selected trial; before a selection, the one with the best search score, which is partly luck."""
        chosen = self.selection
        return self._session.store.best(self.name) if chosen is None else self.history[chosen.number]

    @property
    def incumbent(self) -> TrialRecord | None:
        """The selected trial; before a selection, the one of which a model of all scores expects most.

        With noise it is a better choice than `best`, whose score is the luckiest; without, it is the same trial.
        """
        from trialist.search.incumbent import incumbent

        chosen = self.selection
        return incumbent(self.history) if chosen is None else self.history[chosen.number]

    @property
    def front(self) -> tuple[TrialRecord, ...]:
        """With several objectives: the feasible trials that no other beats in all of them, by the first objective."""
        return fronts.front(self.history)

    @property
    def knee(self) -> TrialRecord | None:
        """Where the front bends most, so that more of one objective costs much of another; None where it does not."""
        return fronts.knee(self.history)

    def pick(self, wanted: Mapping[str, float] | None = None, /, **levels: float) -> TrialRecord:
        """The trial of the front that comes nearest to the levels wanted: pick(val_loss=0.1, latency_ms=20).

        A dict for names that are no Python names.  Levels that some trials meet are met, and the best of those is
        given.  PlanError for a metric that is no objective, StudyError where no trial is scored.
        """
        return fronts.pick(self.history, {**(wanted or {}), **levels})

    @property
    def effects(self) -> Effects:
        """What the dials do: importance, interactions, slices, how good the model's predictions are."""
        from trialist.effects.effects import Effects

        best = self.best
        return Effects(self.history, None if best is None else best.params)

    @property
    def plan(self) -> StudyPlan:
        """The strategy with its reason, and what each stage gets."""
        return self.planned()

    def planned(self, workers: int = 1) -> StudyPlan:
        """The plan for that many workers."""
        kept = self._session.stage("plan")
        if kept is not None and self.trials and kept.get("budget") == str(self.declared.budget):
            choice = Choice.from_json(kept)
        else:
            seconds, cost = (Expectations(self._session).typical(name) for name in ("seconds", "cost"))
            choice = choose(self.space, self.declared, workers, seconds, cost_per_trial=cost)
        plan, expected = self.declared, self.forecast(workers, choice.stages).words
        return StudyPlan(
            choice.strategy, choice.reason, choice.stages, choice.fits, plan.budget, plan.warm_start, plan.fidelity,
            expected,
        )  # fmt: skip

    def forecast(self, workers: int = 1, stages: Stages | None = None) -> Forecast:
        """What is spent, what runs, and what will be spent in all, of time and money, with an interval."""
        from trialist.study.forecast import forecast_of

        stages = self.planned(workers).stages if stages is None else stages
        return forecast_of(self.history, stages, self.spent, workers, time.time())

    def stage(self, name: str) -> Mapping[str, Any] | None:
        """A stage's stored outcome as JSON, or None."""
        return self._session.stage(name)

    @property
    def refinement(self) -> Refinement | None:
        kept = self._session.stage("refine")
        return None if kept is None else Refinement.from_json(kept, self._session.callables)

    @property
    def selection(self) -> Selection | None:
        kept = self._session.stage("select")
        return None if kept is None else selecting.from_json(kept)

    @property
    def stopped(self) -> Ending | None:
        """What a stopping rule said when it ended the search under the present budget; None where none did."""
        kept = current(self._session, STOPPED)
        return None if kept is None else Ending.from_json(kept)

    @property
    def stopping(self) -> str:
        """In words: which rule stopped the search, else what more of it would probably gain; empty while unknown."""
        found = (current(self._session, stage) for stage in (STOPPED, LEFT, ADVICE))
        return next((str(kept["words"]) for kept in found if kept is not None), "")

    @property
    def screening(self) -> str:
        """In words: which early looks at trials say nothing of the end, and how often halting was wrong; or empty."""
        return screening(self._session.history())

    @property
    def advice(self) -> Ending | None:
        """What models of the scores say if they would end the search here, whatever rules the plan has; else None."""
        return self._watch.advice()

    @property
    def verdict(self) -> Verdict | None:
        """The last verification, or None."""
        kept = self._session.stage("verdict")
        return None if kept is None else Verdict.from_json(dict(kept))

    @property
    def ledger(self) -> tuple[Look, ...]:
        """Every look at sealed data by this study, oldest first."""
        return self._session.store.looks(study=self.name)

    @property
    def spent(self) -> Mapping[str, float]:
        """What is used up: "trials", "seconds", "compute_seconds", "cost", "full_runs"; sweeps are left out."""
        return self._session.spent()

    def dataframe(self) -> DataFrame:
        """The trials as a pandas frame, a row each; MissingExtraError without pandas."""
        from trialist.study.table import dataframe

        return dataframe(self.history)

    # Step by step

    def ask(self) -> Trial:
        """The next trial, to be run by the caller and told by `tell`. Its lease lasts while this process lives."""
        self._session.recover()
        got = self._session.open(
            lambda number: propose(self._session, self._desk.scheduler, self._process.strategy, number)
        )
        if isinstance(got, Exhausted):
            raise StudyError(f"{self.name}: nothing is left to ask for" + (f": {got.reason}" if got.reason else ""))
        self._desk.admit(got)
        return Trial(self._session.begun(got), self._desk.answer, self.space)

    def tell(
        self,
        trial: Trial | int,
        value: Any = None,
        *,
        cost: float | None = None,
        constraints: Mapping[str, float] | None = None,
        state: str | None = None,
    ) -> TrialRecord:
        """The result of a trial, by handle or by number, from any process. Telling twice is a StateError.

        value: a number, a list of replicates, or a dict of metrics; without one, the last report counts.
        constraints: measured ones by name, satisfied where at most 0.  These and the cost are the handle's where they
        are not given.
        state: "failed" for a trial that gave none.  ResultError, and nothing is changed, for a value of a wrong type.
        """
        number = trial.number if isinstance(trial, Trial) else whole("number", trial, at_least=0)
        record = self._desk.running.get(number) if value is not None else None  # without reading the history
        record = record or self.history.get(number)
        if record is None:
            last = len(self.history) - 1
            has = f"has trials 0 to {last}" if last >= 0 else "has no trial yet"
            raise UnknownStudyError(f"number: {self.name!r} has no trial {number}; it {has}. Give one of those.")
        if isinstance(trial, Trial):
            cost = trial.cost if cost is None else cost
            constraints = trial.constraints if constraints is None else constraints
        since = trial.since if isinstance(trial, Trial) else None
        message = told(self.declared, record, value, cost, state, constraints, since)
        with self._desk.shielded():
            closed = self._desk.close(record, message, foreign=number not in self._session.opened)
        self._desk.events.clear()
        return closed

    def enqueue(self, params: Mapping[str, Any], reason: str = "asked for by the user") -> int:
        """A configuration to try next, after the default; missing dials take their defaults. Its trial number.

        SpaceError for one outside the space.
        """
        proposals = [Proposal(self.space.complete(params), reason, "enqueued")]
        if not self._session.load().trials:
            proposals.insert(0, baseline(self.space))  # trial 0 is the default, whatever else is asked for
        return self._session.store.enqueue(self.name, proposals, time.time())[-1]

    def rerun_failed(self) -> tuple[int, ...]:
        """Queue the configurations of failed trials again, as new trials; their numbers."""
        history = self.history
        again = {r.repeats for r in history if r.repeats is not None and r.stage is not Stage.SELECT}
        failed = [
            r for r in history if r.state is State.FAILED and r.stage is not Stage.SWEEP and r.number not in again
        ]  # that a level of a sweep fails is what it shows
        proposals = [_again(record) for record in failed]
        return self._session.store.enqueue(self.name, proposals, time.time()) if proposals else ()

    def extend(self, budget: Budget | int, reason: str = "", *, who: str | None = None) -> None:
        """Go on under another budget, recorded as a revision of the plan; who runs the study now takes it up."""
        before = self._session.load().plan.budget
        plan = replace(self.declared, budget=Budget.of(budget))
        changed = f"budget {before} is now {plan.budget}"
        self._session.adopt(self._session.store.revise(self.name, plan, self.space, reason or changed, time.time()))
        self._instruct(Act.EXTEND, f"{changed}: {reason}" if reason else changed, who)

    def stop(self, number: int, reason: str = "", *, who: str | None = None) -> Instruction:
        """Ask that a trial be stopped, wherever it runs; what it reported counts. One in the queue is never begun.

        Whoever runs the study does so within a second, or at the next report where the objective runs in its process.
        StateError for a trial that is neither running nor waiting.
        """
        record = self.history.get(whole("number", number, at_least=0))
        if record is not None and record.state not in (State.RUNNING, State.WAITING):
            remedy = "Only running and waiting trials can be stopped."
            raise StateError(f"trial {number} of {self.name!r} is {record.state}. {remedy}")
        return self._instruct(Act.STOP, reason, who, number)

    def pause(self, reason: str = "", *, who: str | None = None) -> Instruction:
        """Ask that nothing new be started: what runs goes on, then whoever runs the study waits for `resume`.

        Waiting counts as wall time of the budget.  Verification, once begun, goes on to its end.
        """
        return self._instruct(Act.PAUSE, reason, who)

    def resume(self, reason: str = "", *, who: str | None = None) -> Instruction:
        """Ask that a paused study go on; where nobody runs it any more, run it again."""
        return self._instruct(Act.RESUME, reason, who)

    def note(self, text: str, number: int | None = None, *, who: str | None = None) -> Instruction:
        """Keep a remark on the study, or on one of its trials, with who made it and when."""
        if not text.strip():
            raise PlanError("text", f"{shown(text)} says nothing", "Give the note's words.")
        return self._instruct(Act.NOTE, text, who, number)

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """What people asked of the study and noted on it, oldest first."""
        return self._session.store.instructions(self.name)

    @property
    def paused(self) -> Instruction | None:
        """The pause that holds now, or None."""
        return pause_of(self.instructions)

    def _instruct(self, act: Act, words: str, who: str | None, number: int | None = None) -> Instruction:
        return self._session.store.instruct(self.name, act, who or describe_self(), words, time.time(), number)

    def grow(self, space: Space, reason: str = "") -> tuple[str, ...]:
        """Go on in a larger space: wider bounds, more choices, new dials. Old trials stay evidence.

        Gives the changes in words; SpaceError where it is no growth.
        """
        changes = grown(self.space, space)
        if changes:
            why = reason or "; ".join(changes)
            self._session.adopt(self._session.store.revise(self.name, self.declared, space, why, time.time()), space)
        return changes

    # Stages

    def optimize(
        self, objective: Work, *, trials: int | None = None, timeout: float | None = None, workers: int = 1
    ) -> None:
        """Search, going on where it stopped: `trials` more, or for `timeout` seconds, within the budget.

        A trial that fails only fails itself. KeyboardInterrupt ends the search in good order.
        """
        for _ in self.run(objective, trials=trials, timeout=timeout, workers=workers):
            pass

    def run(
        self, work: Work, *, trials: int | None = None, timeout: float | None = None, workers: int = 1
    ) -> Iterator[Event]:
        """`optimize`, told event by event; each event is stored before it is told."""
        if trials is not None:
            whole("trials", trials, at_least=1)
        if timeout is not None:
            positive("timeout", timeout)
        if trials is None and timeout is None and self.declared.budget.is_unlimited:
            raise PlanError("trials", "None, and the study has no budget", "Give trials=, timeout=, or a budget.")
        return chain(begun(self._session, work), Process(self._session, work, workers).search_only(trials, timeout))

    def process(
        self, work: Work, test: Test | None = None, *, workers: int = 1, again: bool = False
    ) -> Iterator[Event]:
        """All stages, told event by event: search, refine, select, and verify where there is a test."""
        before = len(self.history)
        process = Process(self._session, work, workers)
        yield from begun(self._session, work, test)
        yield from process.stages()
        if process.is_cut:
            return
        best = self.best
        if best is not None and len(self.history) == before:
            yield Told(
                f"nothing is left to run under the budget of {self.declared.budget}: trial {best.number} is selected"
            )
        if test is None or best is None:
            return
        if not best.is_feasible and not again:
            yield Told("no trial satisfies the measured constraints: nothing is verified, the test data stay sealed")
            return
        verified = self.stage("verified")
        if verified is None or again:
            yield from self.verification(test, workers=workers, again=again)
        elif verified["trial"] != best.number:
            yield Told(
                f"the verdict is on trial {verified['trial']}; trial {best.number} is selected now, and not verified"
            )

    def charge(self, cost: float, seconds: float = 0.0) -> None:
        """Count money, and compute time, that was spent for the study outside its trials, as part of its budget."""
        self._session.charge(seconds, cost)

    def refine(self) -> Refinement | None:
        """Where the next trials should be drawn: the space narrowed round the best few. None before any score."""
        from trialist.search.refinement import refine

        return None if self.history.best is None else refine(self.history)

    def sweep(
        self,
        dial: str,
        objective: Work | None = None,
        *,
        levels: int | Sequence[Any] = 7,
        replicates: int = 3,
        budget: Budget | int | None = None,
        around: Mapping[str, Any] | int | None = None,
        workers: int = 1,
    ) -> Sweep:
        """One dial at several levels round the incumbent, each on the same fresh seeds: what it does, and its shape.

        objective: the study's own is found again where it is a command, or stands in a file by a name.
        levels: how many, over the dial's range, or which values.  replicates: seeds that all levels share.
        budget: of the sweep alone, apart from the study's; a number of runs, or a Budget.
        around: values that replace the incumbent's, or the number of a trial to look round.

        What was run already is not run again; the trials teach no strategy, and none of them is `best`.
        SpaceError where the dial does nothing there, StudyError where the study itself has still trials to run.
        """
        for _ in self.sweeping(
            dial, objective, levels=levels, replicates=replicates, budget=budget, around=around, workers=workers
        ):
            pass
        return next(sweep for sweep in self.sweeps if sweep.dial == dial)

    def sweeping(
        self,
        dial: str,
        objective: Work | None = None,
        *,
        levels: int | Sequence[Any] = 7,
        replicates: int = 3,
        budget: Budget | int | None = None,
        around: Mapping[str, Any] | int | None = None,
        workers: int = 1,
    ) -> Iterator[Event]:
        """`sweep`, told event by event; `sweeps` has what it showed."""
        from trialist.study.sweep import designed, sweeping

        within = None if budget is None else Budget.of(budget)
        wanted = designed(self._session, self.incumbent, dial, levels, replicates, within, around)
        return sweeping(self._session, wanted, self.work() if objective is None else objective, within, workers)

    @property
    def sweeps(self) -> tuple[Sweep, ...]:
        """The last sweep of each dial, in the order in which they were begun."""
        from trialist.study.sweep import sweeps_of

        return sweeps_of(self._session)

    def work(self, place: str | None = None) -> Work:
        """The objective, found again: a command, or a function where the study saw in which file it stands.

        place: where it stands now, "train.py:objective".  PlanError, saying what to do, where it cannot be found.
        """
        from trialist.study.objective import work_of

        return work_of(self._session, place)

    def select(self, objective: Work, *, workers: int = 1) -> Selection:
        """Score the finalists again on fresh seeds, and choose by those scores."""
        for _ in Process(self._session, objective, workers).selection_only():
            pass
        chosen = self.selection
        if chosen is None:
            raise StudyError(f"{self.name}: no trial has a score, so there is nothing to select")
        return chosen

    def verify(self, test: Test, *, again: bool = False, workers: int = 1) -> Verdict:
        """Open the sealed data once: default against selected, trained anew. SealedError for a second look unasked."""
        for _ in self.verification(test, workers=workers, again=again):
            pass
        verdict = self.verdict
        if verdict is None:
            raise StudyError(f"{self.name}: verification ended without a verdict")
        return verdict

    def verification(self, test: Test, *, again: bool = False, workers: int = 1) -> Iterator[Event]:
        """`verify`, told event by event."""
        history, best = self.history, self.best
        baseline = next((r for r in history if r.stage is Stage.BASELINE), None)
        if best is None or baseline is None:
            raise StudyError(f"{self.name}: no trial has a score, so there is nothing to verify")
        yield from verify(self._session, baseline, best, test, workers, again)

    def summary(self) -> str:
        """What the chosen trial's scores are worth, in a few lines: search, fresh seeds, test, and luck."""
        from trialist.study.closing import closing

        return closing(self)

    def statement(self) -> Statement:
        """What a paper has to say of this study: `.text` is one paragraph, `.to_json()` the same for machines."""
        from trialist.study.statement import statement_of

        return statement_of(self)

    def expected_best(self, *others: Study) -> ExpectedBest | None:
        """The best score by number of trials; `others` are runs of the same search with other seeds.

        None where fewer than three trials have a score.
        """
        from trialist.scoring.expected_best import expected_best

        return expected_best(self.history, [other.history for other in others])

    def report(self, path: str | Path = "report.html") -> Path:
        """Write the report, one offline HTML file; its path."""
        from importlib.metadata import entry_points

        for found in entry_points(group="trialist.reports", name="html"):
            written: Path = found.load()(self, Path(path))
            return written
        raise StudyError("no report writer is installed: install Trialist itself, pip install trialist")

    @property
    def plot(self) -> Any:
        """Pictures by matplotlib: `study.plot.history()`, `.importance()` and others, each giving back its axes.

        MissingExtraError, with the install line, from the first of them where matplotlib is not there.
        """
        from importlib.metadata import entry_points

        for found in entry_points(group="trialist.plots", name="matplotlib"):
            return found.load()(self)
        raise StudyError("no plots are installed: install Trialist itself, pip install 'trialist[plots]'")

    def close(self) -> None:
        """Let go of leases and files; safe to call twice."""
        self._session.close()
        self._session.store.close()

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repr_html_(self) -> str:
        """For notebooks: a small table with a sparkline of the best so far."""
        from trialist.study.card import card

        return card(self)

    def __repr__(self) -> str:
        return f"Study({self.name!r}, {self._session.store.url!r}, {len(self.history)} trials)"


def _with(scheduler: str | Scheduler | None, session: Session) -> Session:
    if scheduler is not None and not isinstance(scheduler, str):
        session.given_scheduler = scheduler
    return session


def _again(record: TrialRecord) -> Proposal:
    cause = record.failure.cause if record.failure else "unknown"
    # A finalist keeps its seed and what it repeats: the choice pairs by them.
    is_finalist = record.stage is Stage.SELECT
    return Proposal(
        record.params,
        f"trial {record.number} again, which failed ({cause})",
        "rerun",
        record.stage,
        record.seed if is_finalist else None,
        record.repeats if is_finalist else record.number,
    )


def _nothing(trial: Trial) -> None:
    """No objective yet: the study is only asked and told."""
