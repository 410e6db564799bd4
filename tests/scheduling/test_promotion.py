"""Promotion by a model: who goes on, when the default is run in full, and what is checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trialist.model.audit import MARK, was_audited
from trialist.numerics.keys import Key
from trialist.scheduling.finishing import unfinished
from trialist.scheduling.promotion import CALIBRATION, ModelPromotion
from trialist.space.parameter import Float
from trialist.space.space import Space
from trialist.study.study import Study
from trialist.testing.strategies import PLAN
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.plan import Objective
from trialist.trials.trial import Action, Report, Score, Stage, State, TrialRecord

SQUARE = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
EPOCHS = replace(PLAN, fidelity=Fidelity("epochs", 1, 27), budget=Budget(trials=1000))
KEY = Key(0, 30)


def trial(number: int, place: tuple[float, float], upto: int, state: State | None = None) -> TrialRecord:
    """A trial that came that far; the nearer to (0.3, 0.3), the better at every step."""
    x, y = place
    bad = (x - 0.3) ** 2 + (y - 0.3) ** 2
    reports = tuple(Report(step, bad + 0.1 / step) for step in (1, 3, 9, 27) if step <= upto)
    state = state or (State.COMPLETE if upto == 27 else State.PAUSED)
    stage = Stage.BASELINE if number == 0 else Stage.SEARCH
    record = TrialRecord(number, state, stage, {"x": x, "y": y}, "", "test", 0, reports=reports, fidelity=upto)
    last = bad + 0.1 / 27
    return replace(record, loss=last, metrics={"loss": Score((last,))}) if state is State.COMPLETE else record


def history(*records: TrialRecord) -> History:
    return History(EPOCHS, SQUARE, records)


PLACES = [(0.5, 0.5), *((float(x), float(y)) for x, y in np.random.default_rng(0).random((24, 2)))]
CHEAP = tuple(trial(n, place, 1) for n, place in enumerate(PLACES))


def closest(records: tuple[TrialRecord, ...]) -> int:
    return min(records, key=lambda r: (r.params["x"] - 0.3) ** 2 + (r.params["y"] - 0.3) ** 2).number


def test_the_best_of_enough_trials_goes_on_to_the_next_rung_and_says_why() -> None:
    found = ModelPromotion().resume(history(*CHEAP), KEY)
    assert found is not None and (found.number, found.fidelity) == (closest(CHEAP), 3)
    assert found.reason.startswith(
        "rank 1 of 25 at epochs = 1, by what is expected of a full run: goes on to epochs = 3"
    )


def test_nobody_goes_on_among_a_few() -> None:
    assert ModelPromotion().resume(history(*CHEAP[: CALIBRATION - 1]), KEY) is None


def test_a_part_of_each_rung_goes_on() -> None:
    went, records = [], list(CHEAP)
    while (found := ModelPromotion().resume(history(*records), KEY)) and found.fidelity == 3 and len(went) < 9:
        went.append(found.number)
        records[found.number] = trial(found.number, PLACES[found.number], 3)
    # Of 25 a fourth may go on; but once four of them did, the best one goes on first.
    assert len(went) == 4 and found is not None and (found.number, found.fidelity) == (closest(CHEAP), 9)
    nearest = sorted(CHEAP, key=lambda r: (r.params["x"] - 0.3) ** 2 + (r.params["y"] - 0.3) ** 2)
    assert set(went) <= {record.number for record in nearest[:6]}


def test_the_default_is_run_in_full_once_three_others_were() -> None:
    for full in ((3,), (3, 4), (3, 4, 5)):
        records = [trial(n, place, 27 if n in full else 1) for n, place in enumerate(PLACES)]
        found = ModelPromotion().resume(history(*records), KEY)
        assert found is not None and (found.number == 0) == (len(full) == 3)
    assert found.fidelity is None and found.reason.startswith(MARK)


def test_the_default_is_run_in_full_by_who_is_free_while_the_first_promoted_one_runs_to_its_end() -> None:
    for upto in (9, 27):
        records = [trial(n, place, 1) for n, place in enumerate(PLACES)]
        records[3] = replace(trial(3, PLACES[3], 9, State.RUNNING), fidelity=upto)
        found = ModelPromotion().resume(history(*records), KEY)
        assert found is not None and (found.number == 0) == (upto == 27)


def test_the_default_is_run_in_full_at_once_while_two_others_look_on() -> None:
    for others in (1, 2):
        records = list(CHEAP[: CALIBRATION + 2])
        for n in range(7, 7 + others):
            records[n] = trial(n, PLACES[n], 1, State.RUNNING)
        found = ModelPromotion().resume(history(*records), KEY)
        assert found is not None and found.reason.startswith(MARK) == (others == 2)
    assert (found.number, found.fidelity) == (0, None)


def test_the_default_is_run_in_full_as_soon_as_a_full_run_makes_rungs_doubtful() -> None:
    def late(n: int) -> TrialRecord:
        """What it looked like early lay far above its end."""
        record = trial(n, PLACES[n], 27)
        return replace(record, reports=tuple(replace(r, value=r.value + 0.6 * (r.step < 27)) for r in record.reports))

    for first, is_due in ((trial(3, PLACES[3], 27), False), (late(3), True)):
        records = [first if n == 3 else trial(n, place, 1) for n, place in enumerate(PLACES)]
        found = ModelPromotion().resume(history(*records), KEY)
        assert found is not None and (found.number == 0) == is_due


def test_the_default_is_run_in_full_at_the_latest_when_half_of_the_budget_is_used() -> None:
    spent = replace(EPOCHS, budget=Budget(trials=2 * len(CHEAP)))
    found = ModelPromotion().resume(History(spent, SQUARE, CHEAP), KEY)
    assert found is not None and found.number == 0


def test_now_and_then_one_that_was_left_behind_is_run_to_its_end() -> None:
    full = {0, 3, 4, 5, 6, 7, 8, 9}
    records = tuple(trial(n, place, 27 if n in full else 1) for n, place in enumerate(PLACES))
    found = ModelPromotion().resume(history(*records), KEY)
    assert found is not None and found.reason.startswith(f"{MARK}left behind") and found.fidelity is None
    paused = [r for r in records if r.state is State.PAUSED]
    losses = sorted(r.reports[-1].value for r in paused)
    assert records[found.number].reports[-1].value >= losses[len(losses) // 2]


def test_the_first_trials_begin_one_rung_higher_so_that_the_first_one_can_be_audited() -> None:
    empty = history()
    starts = [ModelPromotion().start(empty, Key(0, n)) for n in (0, CALIBRATION - 1, CALIBRATION)]
    assert starts == [3, 3, 1]


def test_where_every_rung_misleads_trials_run_in_full() -> None:
    rng = np.random.default_rng(0)
    records = []
    for n, quality in enumerate(rng.random(20)):
        record = trial(n, PLACES[n], 27)
        reports = (*(Report(step, 2 - quality) for step in (1, 3, 9)), Report(27, quality))
        records.append(replace(record, reports=reports, loss=quality, metrics={"loss": Score((quality,))}))
    assert ModelPromotion().start(history(*records), KEY) is None


def refuted(full: int) -> History:
    """Trials that began at step 3, then so many full runs, of which the early order is the reverse of the final one."""
    records = [trial(n, PLACES[n], 3) for n in range(CALIBRATION + 3)]
    for n in range(CALIBRATION + 3, CALIBRATION + 3 + full):
        quality = n / 100
        reports = (*(Report(step, 2 - 10 * quality) for step in (1, 3, 9)), Report(27, quality))
        records.append(
            replace(trial(n, PLACES[n], 27), reports=reports, loss=quality, metrics={"loss": Score((quality,))})
        )
    records[0] = trial(0, PLACES[0], 27)
    return history(*records)


def test_where_every_rung_misleads_the_even_points_are_run_in_full_first() -> None:
    found = ModelPromotion().resume(refuted(5), KEY)
    assert found is not None and (found.number, found.fidelity) == (1, None) and "even points" in found.reason
    assert ModelPromotion().resume(refuted(CALIBRATION - 1), KEY) is None  # with the default there are as many


def test_past_rungs_at_which_runs_stand_still_a_promoted_trial_runs_to_its_end() -> None:
    records = []
    for n in range(CALIBRATION + 1):
        record = trial(n, PLACES[n], 3)
        begun = record.reports[0].value
        records.append(replace(record, reports=tuple(replace(r, value=begun) for r in record.reports)))
    found = ModelPromotion().resume(history(*records), KEY)
    assert found is not None and found.fidelity is None
    assert found.reason.endswith("goes on to epochs = 27, since runs stand still on the way")


def test_a_whole_study_measures_its_default_and_ends_with_a_full_run_as_its_choice() -> None:
    def objective(trial):  # type: ignore[no-untyped-def]
        for epoch in trial.steps():
            trial.report((trial["x"] - 0.3) ** 2 + (trial["y"] - 0.3) ** 2 + 1 / epoch)

    study = Study.create(
        SQUARE, minimize="loss", budget=16, fidelity=EPOCHS.fidelity, store="memory", name="promoted", finalists=0
    )
    for _ in study.process(objective):
        pass
    assert study.baseline is not None and study.best is not None
    assert study.best.is_scored and study.best.fidelity == 27 and study.best.number != 0
    assert study.best.loss is not None and study.baseline.loss is not None and study.best.loss < study.baseline.loss
    assert was_audited(study.trials[0])
    assert all(t.reason for r in study.trials for t in r.course if t.action is not Action.GO_ON)


def test_before_a_choice_the_best_expected_trial_runs_to_its_end() -> None:
    best = closest(CHEAP)
    found = unfinished(history(*CHEAP))
    assert found is not None and (found.number, found.fidelity) == (best, None)
    done = tuple(trial(n, place, 27 if n == best else 1) for n, place in enumerate(PLACES))
    assert unfinished(history(*done)) is None
    running = tuple(trial(n, p, 3, State.RUNNING) if n == best else trial(n, p, 1) for n, p in enumerate(PLACES))
    assert unfinished(history(*running)) is None


def test_with_several_objectives_one_trial_beside_the_default_runs_to_its_end() -> None:
    plan = replace(EPOCHS, objectives=(Objective("loss"), Objective("size")))
    records = (trial(0, PLACES[0], 27), *(trial(n, p, 3 if n < 4 else 1) for n, p in enumerate(PLACES) if n))
    found = unfinished(History(plan, SQUARE, records))
    assert found is not None and found.number == closest(records[1:4])
    assert unfinished(History(plan, SQUARE, (trial(0, PLACES[0], 27), trial(1, PLACES[1], 27), *records[2:]))) is None
