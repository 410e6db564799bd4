"""Known: all that is known of a study, read from its store: its plan, its trials, what each stage came to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialist.errors import StudyError
from trialist.protocols import Look, Store
from trialist.scoring import front as fronts
from trialist.scoring.selection import Selection
from trialist.scoring.verdict import Verdict
from trialist.search.refinement import Refinement
from trialist.search.stages import Stages
from trialist.space.space import Space
from trialist.stopping.ending import Ending
from trialist.study import selection as selecting
from trialist.study.planned import StudyPlan, planned
from trialist.study.screening import screening
from trialist.study.session import Session
from trialist.study.watch import ADVICE, LEFT, STOPPED, Watch, current
from trialist.trials.history import History
from trialist.trials.instruction import Instruction, pause_of
from trialist.trials.plan import Plan
from trialist.trials.trial import TrialRecord

if TYPE_CHECKING:
    from pandas import DataFrame

    from trialist.effects.effects import Effects
    from trialist.effects.sweep import Sweep
    from trialist.scoring.expected_best import ExpectedBest
    from trialist.study.forecast import Forecast
    from trialist.study.statement import Statement


class Known:
    """A study as those see it who look on. `Steered` adds what may be asked of it, `Study` runs it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._watch = Watch(session, 1)

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
        return planned(self._session, self.history, workers)

    def forecast(self, workers: int = 1, stages: Stages | None = None) -> Forecast:
        """What is spent, what runs, and what will be spent in all, of time and money, with an interval."""
        from trialist.study.forecast import forecast_of

        stages = self.planned(workers).stages if stages is None else stages
        return forecast_of(self.history, stages, self.spent, workers, time.time(), self._session.tested)

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
    def doubt(self) -> str:
        """Why verdicts prove nothing: the ledger of looks is broken, or lacks that of the verdict; empty else."""
        from trialist.study.doubt import doubt

        return doubt(self._session)

    @property
    def ledger(self) -> tuple[Look, ...]:
        """Every look at sealed data by this study, oldest first."""
        return self._session.store.looks(study=self.name)

    @property
    def spent(self) -> Mapping[str, float]:
        """What is used up: "trials", "seconds", "compute_seconds", "cost", "full_runs"; sweeps are left out."""
        return self._session.spent()

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """What people asked of the study and noted on it, oldest first."""
        return self._session.store.instructions(self.name)

    @property
    def paused(self) -> Instruction | None:
        """The pause that holds now, or None."""
        return pause_of(self.instructions)

    @property
    def sweeps(self) -> tuple[Sweep, ...]:
        """The last sweep of each dial, in the order in which they were begun."""
        from trialist.study.sweep import sweeps_of

        return sweeps_of(self._session)

    def dataframe(self) -> DataFrame:
        """The trials as a pandas frame, a row each; MissingExtraError without pandas."""
        from trialist.study.table import dataframe

        return dataframe(self.history)

    def summary(self) -> str:
        """What the chosen trial's scores are worth, in a few lines: search, fresh seeds, test, and luck."""
        from trialist.study.closing import closing

        return closing(self)

    def statement(self) -> Statement:
        """What a paper has to say of this study: `.text` is one paragraph, `.to_json()` the same for machines."""
        from trialist.study.statement import statement_of

        return statement_of(self)

    def expected_best(self, *others: Known) -> ExpectedBest | None:
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

    def _repr_html_(self) -> str:
        """For notebooks: a small table with a sparkline of the best so far."""
        from trialist.study.card import card

        return card(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.store.url!r}, {len(self.history)} trials)"
