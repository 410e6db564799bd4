"""Scores by unit as evidence: what some folds tell of all, and that they are no learning curve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import trialist as tl
from trialist.model.evidence import Witness
from trialist.model.replicates import Scores, shared_units
from trialist.numerics.keys import Key
from trialist.search.bayesian import Bayesian
from trialist.search.incumbent import incumbent
from trialist.space.parameter import Float
from trialist.space.space import Space
from trialist.testing.strategies import PLAN
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import Proposal, Report, Score, Stage, State, TrialRecord
from trialist.trials.validation import Validation

J = 5
FOLDED = replace(PLAN, validation=tl.Folds(J))
LINE = Space(x=Float(0.0, 1.0))
LEVELS = np.array([4.0, 0.0, 1.0, -1.0, 2.0])


def trial(number: int, mean: float, ran: int = J, x: float | None = None, **more: object) -> TrialRecord:
    values = tuple((mean + LEVELS[:ran]).tolist())
    reports = tuple(Report(step, value) for step, value in enumerate(values, start=1))
    state = State.COMPLETE if ran == J else State.STOPPED
    at = {"x": (number + 0.5) / 12 if x is None else x}
    record = TrialRecord(number, state, Stage.SEARCH, at, "", "test", 0, reports=reports, length=J)
    if ran == J:
        record = replace(record, loss=float(np.mean(values)), metrics={"loss": Score(values)})
    return replace(record, **more)  # type: ignore[arg-type]


def history(records: list[TrialRecord], plan: Plan = FOLDED) -> History:
    return History(plan, LINE, tuple(records))


def test_some_folds_tell_the_mean_of_all_where_folds_differ_by_a_level_each() -> None:
    means, ran = [0.1, 0.4, 0.2, 0.8, 0.9, 0.5], [5, 5, 5, 1, 3, 2]
    seen = Scores().look(history([trial(i, means[i], ran[i]) for i in range(6)]))
    assert seen.expected()[:, 0] == pytest.approx(np.array(means) + LEVELS.mean())
    assert seen.ran.tolist() == ran
    # The plain mean of what ran would say otherwise: the first fold is a hard one.
    assert np.nanmean(seen.losses[3]) == pytest.approx(0.8 + 4.0)


def test_levels_are_learnt_from_whole_trials_whatever_racing_left_off() -> None:
    whole = [trial(i, 0.1 * i) for i in range(4)]
    bad = [trial(4, 3.0, 1), trial(5, 3.0, 2)]
    assert Scores().look(history([*whole, *bad])).effects == pytest.approx((LEVELS - LEVELS.mean())[:, None])
    assert not Scores().look(history(bad)).effects.any()


def test_maximized_scores_are_losses_inside() -> None:
    plan = replace(FOLDED, objectives=(Objective("loss", Direction.MAXIMIZE),))
    seen = Scores().look(history([trial(0, 1.0), trial(1, 2.0, 2)], plan))
    assert seen.expected()[:, 0] == pytest.approx([-1.0 - LEVELS.mean(), -2.0 - LEVELS.mean()])


def test_finalists_and_repeats_are_left_out_and_cheats_are_no_measure() -> None:
    records = [
        trial(0, 0.1),
        trial(1, 0.2, constraints={"ms": 1.0}),
        trial(2, 0.1, stage=Stage.SELECT),
        trial(3, 0.1, repeats=0),
    ]
    seen = Scores().look(history(records))
    assert seen.numbers.tolist() == [0, 1]
    assert seen.may_measure.tolist() == [True, False]


def test_a_long_lived_reader_agrees_with_a_fresh_one() -> None:
    reader, records = Scores(), [trial(i, 0.1 * i) for i in range(3)]
    running = trial(3, 0.9, 2, state=State.RUNNING)
    for step in (records, [*records, running], [*records, trial(3, 0.9, 4, state=State.RUNNING)], records[:2]):
        ours, fresh = reader.look(history(step)), Scores().look(history(step))
        assert np.array_equal(ours.losses, fresh.losses, equal_nan=True)
        assert np.array_equal(ours.numbers, fresh.numbers)


def test_only_shared_units_of_which_there_are_several_can_be_compared() -> None:
    shared: dict[Validation, int] = {
        tl.Folds(J): J,
        tl.Folds(J, repeats=2): 2 * J,
        tl.Folds(J, reshuffle=True): 0,
        tl.Holdout(0.25, repeats=3, reshuffle=True): 0,
        tl.Holdout(0.25, repeats=3): 3,
        tl.Holdout(0.25): 0,
        tl.Seeds(3): 3,
        tl.Seeds(1): 0,
    }
    assert {each: shared_units(replace(PLAN, validation=each)) for each in shared} == shared
    assert shared_units(PLAN) == 0


RACED = [
    *(trial(i, abs(i - 4.2) / 10) for i in range(8)),
    *(trial(8 + i, 0.6 + i / 10, 1 + i) for i in range(3)),
]


def test_a_process_learns_the_mean_that_the_folds_of_a_stopped_trial_tell() -> None:
    evidence = Witness().evidence(history(RACED))
    assert evidence.n == 8
    assert evidence.looks.number.tolist() == list(range(11))
    assert not evidence.looks.is_early
    assert evidence.looks.losses[8:] == pytest.approx(0.6 + np.arange(3) / 10 + LEVELS.mean())
    assert evidence.looks.may_win.tolist() == [True] * 8 + [False] * 3
    assert evidence.of_full_runs is evidence


def test_what_was_stopped_on_the_way_is_no_incumbent() -> None:
    lucky = trial(11, -5.0, 2, x=0.99)
    found = incumbent(history([*RACED, lucky]))
    assert found is not None
    assert found.number == 4


def test_the_search_goes_on_by_the_model_and_measures_nothing_twice_on_the_same_folds() -> None:
    for number in range(11, 19):
        got = Bayesian().propose(history(RACED), Key(3, number))
        assert isinstance(got, Proposal)
        assert got.repeats is None
        assert "Sobol" not in got.reason


def test_a_reshuffled_holdout_has_no_partial_scores() -> None:
    plan = replace(PLAN, validation=tl.Holdout(0.25, repeats=J, reshuffle=True))
    evidence = Witness().evidence(history(RACED, plan))
    assert len(evidence.looks) == evidence.n == 8


def test_a_diverged_stopped_trial_is_worse_than_all_others() -> None:
    diverged = trial(11, 0.0, 1, reports=(Report(1, float("nan")),))
    losses = Witness().evidence(history([*RACED, diverged])).looks.losses
    assert np.isfinite(losses).all()
    assert losses.argmax() == len(losses) - 1


def test_with_several_objectives_the_front_is_searched_by_what_was_stopped_too() -> None:
    plan = replace(FOLDED, objectives=(*PLAN.objectives, Objective("ms", Direction.MINIMIZE)))

    def both(record: TrialRecord) -> TrialRecord:
        """The second objective falls where the first one rises."""
        other = 1.0 - record.params["x"]
        if record.is_scored:
            return replace(record, metrics={**record.metrics, "ms": Score((other,) * J)})
        return replace(record, reports=tuple(replace(r, metrics={"ms": other}) for r in record.reports))

    raced = history([both(record) for record in RACED], plan)
    evidence = Witness().evidence(raced)
    assert evidence.raced is not None
    assert evidence.raced.number.tolist() == [8, 9, 10]
    expected = [[0.6 + i / 10 + LEVELS.mean(), 1.0 - (8.5 + i) / 12] for i in range(3)]
    assert evidence.raced.losses == pytest.approx(np.array(expected))
    assert evidence.known_losses[:8] == pytest.approx(evidence.losses)
    for number in range(11, 15):
        got = Bayesian().propose(raced, Key(3, number))
        assert isinstance(got, Proposal)
        assert "may push the front outwards" in got.reason
    untold = history([*raced.records[:8], *RACED[8:]], plan)  # the second objective was not reported
    assert Witness().evidence(untold).raced is None
