"""What any scheduler must hold, as claims: functions that raise AssertionError where one is broken.

```python
@pytest.mark.parametrize("claim", SCHEDULER_CLAIMS, ids=lambda claim: claim.__name__)
def test_my_scheduler(claim):
    claim(MyScheduler)                  # anything that makes a fresh scheduler
```

Each plays small studies: with a fidelity, where cheap runs pause and go on, and with steps inside of full runs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from trialist.numerics.keys import Key
from trialist.protocols import Scheduler
from trialist.study.study import Study
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import (
    Action,
    Decision,
    Promotion,
    Proposal,
    Report,
    Score,
    Stage,
    State,
    TrialRecord,
)

SchedulerMaker = Callable[[], Scheduler]

EPOCHS = Fidelity("epochs", 1, 9)
SHARES = Fidelity("share of data", 0.1, 1.0)
STEPS = 9  # of a full run where nothing else says how long it is
TRIALS = 30


def every_decision_says_why(make: SchedulerMaker) -> None:
    scheduler = make()
    for record in CURVES:
        for report in record.reports:
            decision = scheduler.decide(curves(record.number, report.step), _reported(record, report))
            assert decision.action is Action.GO_ON or decision.reason.strip(), f"no reason at step {report.step}"
    for watched, history in _all_screened(make):
        for taken in (taken for record in history for taken in record.course):
            assert taken.reason.strip(), f"{taken} has no reason"
        for further in watched.further:
            assert further.reason.strip(), f"no reason is given for {further}"


def a_fresh_one_agrees_with_a_long_lived_one(make: SchedulerMaker) -> None:
    long_lived = make()
    for record in CURVES:
        for report in record.reports:
            history, message = curves(record.number, report.step), _reported(record, report)
            assert long_lived.decide(history, message) == make().decide(history, message), f"they differ on {message}"
    _all_screened(make)  # which compares the two at each step


def a_scheduler_may_move_between_studies(make: SchedulerMaker) -> None:
    scheduler = make()
    for fidelity in (EPOCHS, None, EPOCHS, SHARES):
        _, history = screened(make, fidelity)
        key = Key(PLAN.seed, len(history))
        assert scheduler.resume(history, key) == make().resume(history, key), "it carries something over"
        assert scheduler.start(history, key) == make().start(history, key), "it carries something over"


def baseline_and_finalists_run_to_their_end(make: SchedulerMaker) -> None:
    worst = CURVES[-1]
    for stage in (Stage.BASELINE, Stage.SELECT):
        for report in worst.reports:
            decision = make().decide(curves(worst.number, report.step, stage), _reported(worst, report))
            assert decision.action is Action.GO_ON, f"a trial of stage {stage} was halted: {decision.reason}"
    for _, history in _all_screened(make):
        assert history[0].state is State.COMPLETE, f"the baseline is {history[0].state}"


def the_best_trial_runs_to_its_end(make: SchedulerMaker) -> None:
    best = CURVES[0]
    for report in best.reports:
        decision = make().decide(curves(best.number, report.step), _reported(best, report))
        assert decision.action is not Action.STOP, f"the best of all was stopped: {decision.reason}"


def new_trials_begin_within_the_fidelity(make: SchedulerMaker) -> None:
    for watched, history in _all_screened(make):
        fidelity = history.plan.fidelity
        for amount in watched.starts:
            if fidelity is None:
                assert amount is None, f"a plan without fidelity cannot start at {amount}"
            else:
                assert amount is None or fidelity.low <= amount <= fidelity.high, f"{amount} is not within {fidelity}"


def only_paused_trials_go_on_and_only_further(make: SchedulerMaker) -> None:
    for watched, history in _all_screened(make):
        full = history.plan.fidelity
        for before, further in zip(watched.before, watched.further, strict=True):
            if not isinstance(further, Promotion):
                continue
            record = before[further.number]
            assert record.state is State.PAUSED, f"trial {further.number} is {record.state} and was promoted"
            if full is not None:
                amount = full.high if further.fidelity is None else further.fidelity
                reached = record.reports[-1].step
                assert reached < amount <= full.high, f"promoted from {reached} to {amount} of {full}"


def what_inherits_is_legal_and_has_a_parent(make: SchedulerMaker) -> None:
    for watched, history in _all_screened(make):
        for before, further in zip(watched.before, watched.further, strict=True):
            if isinstance(further, Proposal):
                assert history.space.check(further.params) == dict(further.params), f"{further.params} is not legal"
                assert further.inherits is None or before.get(further.inherits), f"{further} inherits from nobody"


def a_study_comes_to_its_end_with_full_runs(make: SchedulerMaker) -> None:
    """Played without an end of its own: a scheduler that promotes for ever would hang here."""
    for _, history in _all_screened(make):
        assert not history.pending, f"{len(history.pending)} trials were left behind"
        # The baseline runs in full whatever the scheduler says, and one that is finished before the choice.
        assert len(history.scored) > 2, "nobody was promoted to a full run"


SCHEDULER_CLAIMS: Sequence[Callable[[SchedulerMaker], None]] = (
    every_decision_says_why,
    a_fresh_one_agrees_with_a_long_lived_one,
    a_scheduler_may_move_between_studies,
    baseline_and_finalists_run_to_their_end,
    the_best_trial_runs_to_its_end,
    new_trials_begin_within_the_fidelity,
    only_paused_trials_go_on_and_only_further,
    what_inherits_is_legal_and_has_a_parent,
    a_study_comes_to_its_end_with_full_runs,
)


@dataclass
class Watched:
    """A scheduler under watch: each answer is compared with that of a fresh one, and kept.

    before, further: the histories in which something was to go on, and what.  starts: where new trials began.
    """

    make: SchedulerMaker
    before: list[History] = field(default_factory=list)
    further: list[Promotion | Proposal] = field(default_factory=list)
    starts: list[float | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._long_lived = self.make()
        self.name = self._long_lived.name

    def decide(self, history: History, report: Reported) -> Decision:
        decision = self._long_lived.decide(history, report)
        assert decision == self.make().decide(history, report), f"a fresh one differs on {report}"
        return decision

    def resume(self, history: History, key: Key) -> Promotion | Proposal | None:
        further = self._long_lived.resume(history, key)
        assert further == self.make().resume(history, key), f"a fresh one differs at {key}"
        if further is not None:
            self.before.append(history)
            self.further.append(further)
            assert len(self.further) < 20 * TRIALS, "it goes on for ever"
        return further

    def start(self, history: History, key: Key) -> float | None:
        amount = self._long_lived.start(history, key)
        assert amount == self.make().start(history, key), f"a fresh one differs at {key}"
        self.starts.append(amount)
        return amount


@cache
def screened(make: SchedulerMaker, fidelity: Fidelity | None) -> tuple[Watched, History]:
    """A study under the scheduler, run in memory to its end, once for each maker; runs that go on begin anew."""
    from trialist.execute.worker import Trial

    def objective(trial: Trial) -> float | None:
        quality = sum((u - 0.3) ** 2 for u in MIXED.encode(trial.params))
        if fidelity is SHARES:
            assert trial.fidelity is not None
            return quality + 0.1 / trial.fidelity
        for step in trial.steps(STEPS if fidelity is None else None):
            trial.report(quality + 1 / step)
        return trial.last

    watched = Watched(make)
    with Study.create(
        MIXED, minimize="loss", strategy="random", scheduler=watched, fidelity=fidelity, store="memory", seed=PLAN.seed
    ) as study:
        study.optimize(objective, trials=TRIALS)
        return watched, study.history


def curves(number: int, step: float, stage: Stage = Stage.SEARCH) -> History:
    """Twelve scored curves, the lower numbers the better ones; trial `number` still runs, and is before `step`."""
    running = replace(CURVES[number], state=State.RUNNING, stage=stage, metrics={}, loss=None)
    running = replace(running, reports=tuple(r for r in running.reports if r.step < step))
    return History(PLAN, MIXED, tuple(running if r.number == number else r for r in CURVES))


def _all_screened(make: SchedulerMaker) -> list[tuple[Watched, History]]:
    return [screened(make, fidelity) for fidelity in (EPOCHS, SHARES, None)]


def _curve(number: int) -> TrialRecord:
    reports = tuple(Report(step, number + 1.0 / step) for step in range(1, STEPS + 1))
    loss = reports[-1].value
    return TrialRecord(
        number=number,
        state=State.COMPLETE,
        stage=Stage.SEARCH,
        params=MIXED.baseline(),
        reason="a learning curve",
        strategy="contract",
        seed=number,
        reports=reports,
        metrics={"loss": Score((loss,))},
        loss=loss,
        length=STEPS,
        used=STEPS,
    )


def _reported(record: TrialRecord, report: Report) -> Reported:
    return Reported(record.number, record.attempt, report.step, report.value, of=STEPS, since=report.step - 1)


CURVES = tuple(_curve(number) for number in range(12))
