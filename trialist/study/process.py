"""The process before verification, stage by stage: search, refine, select. Each is stored, and can be resumed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count

from trialist.numerics.keys import Key
from trialist.protocols import Executor, Strategy
from trialist.scheduling.finishing import Finishing, unfinished
from trialist.scheduling.schedulers import scheduler_for
from trialist.scoring.optimism import optimism
from trialist.search.auto import turn
from trialist.search.choose import Choice, choose, refiner_for, strategy_for
from trialist.search.refinement import Refinement, refine
from trialist.search.stages import Stages
from trialist.stopping.over import fails
from trialist.study import earlier, selection
from trialist.study.checking import check_objective
from trialist.study.desk import Desk
from trialist.study.evaluation import check, scored_by
from trialist.study.events import Event, StageEnded, StageStarted, Told, TrialClosed, TrialOpened, TrialPaused
from trialist.study.expectations import Expectations
from trialist.study.folders import prune_checkpoints
from trialist.study.interrupt import Interrupt
from trialist.study.loop import PEER_SECONDS, Goal, run, whole_baseline
from trialist.study.screening import screening
from trialist.study.session import Session
from trialist.study.software import keep_software
from trialist.study.spending import ALL, DEFAULT, REFINE, SEARCH, SELECT, Marks, Spending
from trialist.study.summary import best_against_default
from trialist.study.watch import Watch
from trialist.study.work import Work, executor_for, is_in_process
from trialist.trials.history import History
from trialist.trials.trial import Exhausted, Proposal, Stage


class Process:
    """One run of the stages before verification, by one coordinator."""

    def __init__(self, session: Session, work: Work, workers: int) -> None:
        self._since = session.load().trials
        check_objective(work, session.space)
        check(work, session.plan)
        self._session, self._work, self._workers = session, work, workers
        self._strategies: dict[tuple[int, bool], Strategy] = {}
        self._budget = session.plan.budget
        self._expected = Expectations(session.history)
        self._watch = Watch(session, workers)

    def stages(self) -> Iterator[Event]:
        """Search, refine and select, each from where it stands; planned anew where the budget is changed meanwhile."""
        told = (*earlier.words(self._session.earlier), scored_by(self._work, self._session.plan))
        while True:
            yield self._planned()
            yield from (Told(line) for line in told if line and not self._since)
            with self._running() as parts:
                for stage in (self._search, self._refine, self._conclude, self._select):
                    yield from stage(*parts)
                    if self.is_cut:
                        return
                    if self._is_extended:
                        break
                else:
                    return
            told = ()

    @property
    def _is_extended(self) -> bool:
        return self._budget != self._session.plan.budget

    @property
    def is_cut(self) -> bool:
        """Ended before its time: trial after trial failed. Run again, it goes on."""
        return fails(self._session.history(), self._session.plan, self._since) is not None

    def search_only(self, trials: int | None, timeout: float | None) -> Iterator[Event]:
        """The search alone, for those who go step by step: `trials` more, or until `timeout` seconds are over."""
        session = self._session
        ends, new = None if timeout is None else time.monotonic() + timeout, 0
        while True:
            with self._running() as (executor, desk, interrupt):
                limit = session.plan.budget.trials
                within = self._goal(desk, None if limit is None else limit + len(session.history().swept), ALL)

                def rule(history: History) -> str | None:
                    if ends is not None and time.monotonic() >= ends:
                        return "the time that this call was given is over"
                    return within.may_start(history)  # noqa: B023

                watched, more = ends is not None or within.is_watched, None if trials is None else trials - new
                goal = self._watch.over(replace(within, more=more, may_start=rule, is_watched=watched))
                for event in self._tidied(run(session, executor, desk, self.strategy, goal, interrupt)):
                    new += isinstance(event, TrialOpened) and event.record.attempt == 0
                    yield event
            if not self._is_extended:
                return

    def selection_only(self) -> Iterator[Event]:
        """Select from what was searched so far."""
        with self._running() as parts:
            yield from self._select(*parts)

    @contextmanager
    def _running(self) -> Iterator[tuple[Executor, Desk, Interrupt]]:
        """Workers, the desk that they report to, and an ear for Ctrl-C."""
        session, limits = self._session, self._session.plan.limits
        with (
            Interrupt(is_in_process(self._work, self._workers, limits)) as interrupt,
            closing(executor_for(self._work, self._workers, limits, lambda: session.space)) as executor,
        ):
            desk = Desk(session, session.scheduler, interrupt)
            desk.accounts.can_kill = not is_in_process(self._work, self._workers, limits)
            keep_software(session)
            self._budget = session.plan.budget
            yield executor, desk, interrupt
            keep_software(session)  # by now an objective has imported what it needs

    def _planned(self) -> Event:
        choice = self._choice()
        kept = {**choice.to_json(), "budget": str(self._session.plan.budget)}
        self._session.store.write_stage(self._session.name, "plan", kept, time.time())
        return StageStarted("plan", choice.reason)

    def _choice(self) -> Choice:
        history = self._session.history()
        seconds, cost = (self._expected.typical(name) for name in ("seconds", "cost"))
        return choose(history.space, self._session.plan, self._workers, seconds, cost_per_trial=cost)

    def _search(self, executor: Executor, desk: Desk, interrupt: Interrupt) -> Iterator[Event]:
        stages = self._choice().stages
        if self._is_past("search"):
            return
        yield StageStarted("search", f"{_runs(stages.search)} after the default, {self._choice().strategy}")
        number = self._number(stages.search, stages.select + (stages.refine or 0))
        goal = self._watch.over(self._goal(desk, number, SEARCH))
        yield from self._tidied(run(self._session, executor, desk, self.strategy, goal, interrupt))
        yield self._ended("search")

    def _refine(self, executor: Executor, desk: Desk, interrupt: Interrupt) -> Iterator[Event]:
        session, stages = self._session, self._choice().stages
        both = None if stages.search is None or stages.refine is None else stages.search + stages.refine
        if stages.refine == 0 or session.history().best is None or self._is_past("refined") or self._watch.has_stopped:
            return
        kept = session.stage("refine")
        if kept is None or kept["budget"] != str(session.plan.budget):
            found = {**refine(session.history()).to_json(), "budget": str(session.plan.budget)}
            session.store.write_stage(session.name, "refine", found, time.time())
            kept = session.stage("refine") or found
        refinement = Refinement.from_json(kept, session.callables)
        yield StageStarted("refine", refinement.reason)
        for line in refinement.edges:
            yield Told(line)
        narrowed = refiner_for(session.plan.strategy, refinement, self._workers)
        goal = self._watch.over(self._goal(desk, self._number(both, stages.select), REFINE))
        yield from self._tidied(run(session, executor, desk, lambda history: narrowed, goal, interrupt))
        yield self._ended("refined")

    def _conclude(self, executor: Executor, desk: Desk, interrupt: Interrupt) -> Iterator[Event]:
        """What early looks were worth, and what is probably left: said before the choice is made."""
        if words := screening(self._session.history()):
            yield Told(f"screening: {words}")
        yield from self._watch.concluded()

    def _select(self, executor: Executor, desk: Desk, interrupt: Interrupt) -> Iterator[Event]:
        session = self._session
        if whole_baseline(session.history()) or unfinished(session.history()):
            desk.scheduler = Finishing()
            goal = self._goal(desk, None, DEFAULT)
            yield from self._tidied(run(session, executor, desk, _nothing_new, goal, interrupt))
            if self._is_extended:
                return
        desk.scheduler = scheduler_for("none")  # finalists run in full, and no paused trial goes on beside them
        stages = self._spending(desk).affordable(self._choice().stages, selection.most_runs)
        history = session.history()
        explored = len(history.explored) - len(history.paused)
        kept = session.stage("select")
        if history.best is None or (kept is not None and kept["explored"] == explored and not history.pending):
            return
        now = selection.rescoring(history, stages.finalists, stages.replicates)
        if now.next or _is_rescored(history):
            yield StageStarted("select", selection.announced(history, now))
            luck = optimism(history)
            if luck is not None and luck.expected is not None and luck.seen is None:
                yield Told(f"select: {luck.sentence}")
        while now.next or _is_rescored(session.history()):
            self._enqueue_finalists(stages, explored)
            goal = self._goal(desk, None, SELECT)
            yield from self._tidied(run(session, executor, desk, _nothing_new, goal, interrupt))
            if self._is_extended:
                return
            if _is_rescored(session.history()):  # no more may be run
                break
            before, now = now, selection.rescoring(session.history(), stages.finalists, stages.replicates)
            if words := selection.fell_behind(session.history(), before, now):
                yield Told(words)
        history = session.history()
        chosen = selection.selected(history, stages.finalists, stages.replicates)
        session.store.write_stage(session.name, "select", selection.to_json(chosen, explored), time.time())
        if chosen.optimism is not None and chosen.optimism.seen is not None:
            yield Told(f"select: {chosen.optimism.sentence}")
        yield StageEnded("select", chosen.reason)

    def _enqueue_finalists(self, stages: Stages, explored: int) -> None:
        """Queue the runs that the choice needs: one coordinator of several does, the next if that one died over it."""
        session = self._session
        for attempt in count():
            now = selection.rescoring(session.history(), stages.finalists, stages.replicates)
            mark = f"finalists of {explored} trials, {sum(map(len, now.done.values()))} runs, {attempt}"
            if not now.next:
                return
            if session.store.write_stage(session.name, mark, {}, time.time(), once=True):
                session.store.enqueue(session.name, now.next, time.time())
                return
            time.sleep(PEER_SECONDS)  # whoever wrote the mark queues them in milliseconds, if it lives

    def strategy(self, history: History) -> Strategy:
        """Chosen anew when the space grew, since a define-by-run objective shows its dials on the way; and when a first
        trial has told how many the time allows.
        """
        moment = self._session.revision, bool(history.scored)
        if moment not in self._strategies:
            strategy = strategy_for(history.plan.strategy, self._choice().stages.search, self._workers)
            if history.earlier:
                from trialist.search.warm_start import WarmStarted

                strategy = WarmStarted(strategy)
            self._strategies = {moment: strategy}
        return self._strategies[moment]

    def _spending(self, desk: Desk) -> Spending:
        accounts, stages = desk.accounts, lambda: self._choice().stages
        return Spending(self._session, accounts, self._expected, self._workers, stages, self._since)

    def _goal(self, desk: Desk, trials: int | None, marks: Marks) -> Goal:
        """A stage's end: so many trials in all, or what its marks leave it of other limits."""
        spending = self._spending(desk)
        return Goal(
            trials,
            None,
            spending.may_start(marks),
            spending.is_watched,
            spending.fits(marks),
            spending.needs,
        )

    def _number(self, trials: int | None, later: int) -> int | None:
        """The trials that there are once so many are explored after the baseline; `later` ones have room after them.

        Where something else than trials is likely used up first, their number is a guess that ends nothing: what a
        stage may take of that ends it.
        """
        history, limit = self._session.history(), self._session.plan.budget.trials
        if limit is None:
            return None
        limit += len(history.swept)
        if (self._choice().fits or limit) < limit:
            return limit - later
        again = len(history) - len(history.explored)
        return min(limit - later, limit if trials is None else 1 + trials + again)

    def _is_past(self, stage: str) -> bool:
        """The stage ended under this budget, and nothing waits or runs."""
        ended = self._session.stage(stage)
        return (
            ended is not None
            and ended["budget"] == str(self._session.plan.budget)
            and not self._session.history().pending
        )

    def _ended(self, stage: str) -> Event:
        session = self._session
        if not self.is_cut and not self._is_extended:
            session.store.write_stage(session.name, stage, {"budget": str(session.plan.budget)}, time.time())
        return StageEnded("refine" if stage == "refined" else stage, best_against_default(session.history()))

    def _tidied(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events as they are; a change of course is told, and checkpoints that are worth nothing any more go."""
        for event in events:
            if isinstance(event, TrialOpened) and (why := turn(event.record)):
                yield Told(why)
            if isinstance(event, (TrialClosed, TrialPaused)):
                prune_checkpoints(self._session.folder, event.record.number, self._session.history)
            yield event
            yield from self._watch.heard(event)


def _is_rescored(history: History) -> bool:
    """Whether finalists wait to be scored again, or are."""
    return any(record.stage is Stage.SELECT and not record.state.is_closed for record in history)


class _Queue:
    """Proposes nothing of its own: what waits in the queue is run."""

    name = "queue"

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        return Exhausted("")


def _nothing_new(history: History) -> Strategy:
    return _Queue()


def _runs(trials: int | None) -> str:
    return "trials" if trials is None else f"{trials} trial{'s' if trials != 1 else ''}"
