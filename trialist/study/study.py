"""Study: what users hold. A plan in a store, and the stages of the process as methods.

What is known of it stands in known.py, what may be asked of it while it runs in steered.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialist.errors import StudyError, UnknownStudyError
from trialist.execute.worker import Trial
from trialist.protocols import Scheduler, Store
from trialist.scoring.selection import Selection
from trialist.scoring.verdict import Verdict
from trialist.search.refinement import Refinement
from trialist.space.space import Space
from trialist.study.beginning import begun
from trialist.study.byhand import ByHand
from trialist.study.checking import check_end, check_test
from trialist.study.declaring import DEFAULT_STORE, created, opened, plan_of, space_of, store_of
from trialist.study.earlier import Earlier, listed
from trialist.study.events import Event, Told
from trialist.study.process import Process
from trialist.study.session import LEASE_SECONDS, Session
from trialist.study.steered import Steered
from trialist.study.trainings import Test
from trialist.study.verification import verify
from trialist.study.work import Work
from trialist.trials.amounts import positive, whole
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.trials.plan import Plan
from trialist.trials.stopping import Stops, Worth
from trialist.trials.trial import Stage, TrialRecord
from trialist.trials.validation import Validation

if TYPE_CHECKING:
    from trialist.effects.sweep import Sweep


class Study(Steered):
    """A plan in a store: create, load or open one, run its stages, look at what is known.

    >>> study = Study.create(minimize="loss", store="memory", name="parabola")
    >>> study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, trials=5)
    >>> len(study.trials), study.trials[0].params       # the middle of the scale is the baseline
    (5, {'x': 0.0})
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._by_hand = ByHand(session)

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

    # Step by step

    def ask(self) -> Trial:
        """The next trial, to be run by the caller and told by `tell`. Its lease lasts while this process lives."""
        return self._by_hand.ask()

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
        return self._by_hand.tell(trial, value, cost, constraints, state)

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
        if trials is None and timeout is None:
            check_end(self._session.plan, "trials=40 or timeout=600")
        return chain(begun(self._session, work), Process(self._session, work, workers).search_only(trials, timeout))

    def process(
        self, work: Work, test: Test | None = None, *, workers: int = 1, again: bool = False
    ) -> Iterator[Event]:
        """All stages, told event by event: search, refine, select, and verify where there is a test."""
        before = len(self.history)
        process = Process(self._session, work, workers)
        if test is not None:
            check_test(test, self._session.space)
        check_end(self._session.plan)
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

    def refine(self) -> Refinement | None:
        """Where the next trials should be drawn: the space narrowed round the best few. None before any score."""
        from trialist.search.refinement import refine

        return None if self.history.best is None else refine(self.history)

    def work(self, place: str | None = None) -> Work:
        """The objective, found again: a command, or a function where the study saw in which file it stands.

        place: where it stands now, "train.py:objective".  PlanError, saying what to do, where it cannot be found.
        """
        from trialist.study.objective import work_of

        return work_of(self._session, place)

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

    def close(self) -> None:
        """Let go of leases and files; safe to call twice."""
        self._session.close()
        self._session.store.close()

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _with(scheduler: str | Scheduler | None, session: Session) -> Session:
    if scheduler is not None and not isinstance(scheduler, str):
        session.given_scheduler = scheduler
    return session
