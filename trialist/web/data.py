"""What a report is made of: one moment of a study, gathered before the first line is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trialist.protocols import Look
from trialist.scoring.fresh import fresh_score
from trialist.space.space import Space
from trialist.study.closing import leaks, luck
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Score, Stage, State, TrialRecord

if TYPE_CHECKING:
    from trialist.budget.forecast import Outlay
    from trialist.effects.effects import Effects
    from trialist.effects.sweep import Sweep
    from trialist.scoring.components import Components
    from trialist.scoring.expected_best import ExpectedBest
    from trialist.scoring.optimism import Optimism
    from trialist.scoring.selection import Selection
    from trialist.scoring.verdict import Verdict
    from trialist.search.refinement import Refinement
    from trialist.stopping.standing import Standing
    from trialist.study.study import Study


@dataclass(frozen=True, slots=True)
class ReportData:
    """One moment of a study. records: by number.  best: the selected trial, or the best of the search so far.

    plan_lines: strategy, reason and stages in words.  spent: "trials", "seconds", "compute_seconds", "cost".
    written_at, created_at: wall clock, seconds since 1970.  verified: the trial that the verdict is on.
    doubt: why the verdict proves nothing; then no look is shown.
    curve: the best by budget.  optimism: how lucky the best score was.  noise: where it comes from.  leaks: what was
    found between the parts of the data.  statement: the paragraph for a paper.
    asked: the account of a study of a model's settings.  alone: effects of its dials one at a time.
    outlays: what is spent and foreseen of time and money.  standings: of the stopping rules.  effects: of the dials,
    on the objective that `aim` names, by default the first; effects_on: on each of several objectives.
    sweeps: of single dials, as they were run.
    panels_at: the address under which the charts' data are served; empty where they stand in the page.
    """

    plan: Plan
    space: Space
    records: tuple[TrialRecord, ...]
    best: TrialRecord | None
    written_at: float
    created_at: float | None = None
    plan_lines: tuple[str, ...] = ()
    refinement: Refinement | None = None
    selection: Selection | None = None
    verdict: Verdict | None = None
    ledger: tuple[Look, ...] = ()
    doubt: str = ""
    spent: Mapping[str, float] = field(default_factory=dict)
    screening: str = ""
    stopping: str = ""
    store: str = ""
    verified: int | None = None
    curve: ExpectedBest | None = None
    optimism: Optimism | None = None
    noise: Components | None = None
    leaks: tuple[str, ...] = ()
    statement: str = ""
    asked: Mapping[str, Any] | None = None
    alone: Mapping[str, Any] | None = None
    panels_at: str = ""
    outlays: tuple[Outlay, ...] = ()
    standings: tuple[Standing, ...] = ()
    effects: Effects | None = None
    effects_on: Mapping[str, Effects] = field(default_factory=dict)
    aim: str = ""
    sweeps: tuple[Sweep, ...] = ()

    @classmethod
    def of(cls, study: Study, at: float) -> ReportData:
        """The study as it is now; `at` is the wall clock to show."""
        return cls.read(study, at).computed(study)

    @classmethod
    def read(cls, study: Study, at: float) -> ReportData:
        """What only has to be read, in milliseconds; `computed` adds what models and resampling say."""
        created_at = study.created_at
        return cls(
            records=study.trials,
            plan=study.declared,
            space=study.space,
            best=study.best,
            written_at=at,
            created_at=created_at,
            refinement=study.refinement,
            selection=study.selection,
            verdict=study.verdict,
            ledger=() if (doubt := study.doubt) else study.ledger,
            doubt=doubt,
            spent=study.spent,
            stopping=study.stopping,
            store=study.store.url,
            verified=(study.stage("verified") or {}).get("trial"),
            leaks=leaks(study),
            asked=study.stage("llm"),
            alone=study.stage("one_at_a_time"),
            sweeps=study.sweeps,
        )

    def computed(self, study: Study) -> ReportData:
        """The same with all that takes seconds where a study is long."""
        from trialist.scoring.components import components
        from trialist.stopping.standing import standings

        return replace(
            self,
            outlays=study.forecast().outlays,
            standings=standings(study.history),
            effects=study.effects,
            effects_on=_effects_on(study),
            plan_lines=tuple(study.plan.lines()),
            screening=study.screening,
            curve=study.expected_best(),
            optimism=luck(study),
            noise=components(study.history),
            statement=study.statement().text,
        )

    @property
    def history(self) -> History:
        """The same moment as strategies see it."""
        return History(self.plan, self.space, self.records)

    @property
    def objective(self) -> Objective:
        return self.plan.objective

    @property
    def aimed(self) -> Objective:
        """The objective that the effects are told of."""
        return next((each for each in self.plan.objectives if each.name == self.aim), self.plan.objective)

    def on(self, metric: str) -> ReportData:
        """The same with the effects on another objective."""
        return replace(self, aim=metric, effects=self.effects_on.get(metric, self.effects))

    @property
    def baseline(self) -> TrialRecord | None:
        """Trial 0, scored or not."""
        return next((record for record in self.records if record.number == 0), None)

    @property
    def failed(self) -> tuple[TrialRecord, ...]:
        return tuple(record for record in self.records if record.state is State.FAILED)

    def fresh(self, number: int) -> Score | None:
        """A finalist's score on fresh seeds, of the first objective."""
        return fresh_score(self.records, number, self.objective.name)

    @property
    def finalists(self) -> tuple[TrialRecord, ...]:
        """The trials that were scored again, by number."""
        numbers = {record.repeats for record in self.records if record.stage is Stage.SELECT}
        return tuple(record for record in self.records if record.number in numbers)


def _effects_on(study: Study) -> dict[str, Effects]:
    """Of each of several objectives; nothing is computed before somebody asks for it."""
    from trialist.effects.effects import Effects

    names = [objective.name for objective in study.declared.objectives]
    best, history = study.best, study.history
    around = None if best is None else best.params
    return {name: Effects(history, around, metric=name) for name in names} if len(names) > 1 else {}
