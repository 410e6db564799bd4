"""How good predictions were is told by what was foretold before and what came, not by what was learnt since."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import trialist as tl
from trialist.effects.effects import Effects
from trialist.effects.track import told_and_came
from trialist.testing.odd_studies import ODD
from trialist.trials.foretold import LEVELS, Foretold
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.run import Run
from trialist.trials.trial import Score, Stage, State, TrialRecord

Z = np.array([-1.959964, -0.674490, 0.0, 0.674490, 1.959964])  # the normal quantiles at LEVELS
SPACE = tl.Space(x=tl.Float(0.0, 1.0))


def studied(medians, sds, scores, *, maximize=False, **more):
    """Trial 0 is the default with a score of 0; each later one was foretold as normal."""
    direction = Direction.MAXIMIZE if maximize else Direction.MINIMIZE
    plan = Plan("told", (Objective("y", direction),))
    first = TrialRecord(0, State.COMPLETE, Stage.BASELINE, {"x": 0.5}, "", "baseline", 0, metrics={"y": Score((0.0,))})
    records = [replace(first, loss=0.0)]
    for number, (median, sd, score) in enumerate(zip(medians, sds, scores, strict=True), start=1):
        told = Foretold(number, {"y": tuple((median + sd * Z).tolist())})
        made = replace(first, number=number, stage=Stage.SEARCH, strategy="gp", foretold=told, **more)
        if score is None:
            records.append(replace(made, state=State.FAILED, metrics={}, loss=None))
        else:
            records.append(replace(made, metrics={"y": Score((float(score),))}, loss=direction.sign * float(score)))
    return History(plan, SPACE, tuple(records))


def drawn(n, *, seed=0, truth=1.0, bias=0.0):
    """Medians that tell something, of scores that scatter by `truth` round them where 1 is said."""
    rng = np.random.default_rng(seed)
    medians = 5.0 + 3.0 * rng.standard_normal(n)
    return medians, np.ones(n), medians + bias + truth * rng.standard_normal(n)


def test_levels_are_the_median_and_the_ends_of_the_intervals():
    assert LEVELS == (0.025, 0.25, 0.5, 0.75, 0.975)


def test_predictions_that_know_what_they_know_hold_as_often_as_they_say():
    found = Effects(studied(*drawn(1000))).foretold()
    assert found.enough and found.whole.trials == 1000
    # three standard errors of a share of 1,000
    assert found.whole.within95 == pytest.approx(0.95, abs=0.021) and not found.is_too_sure
    assert found.whole.within50 == pytest.approx(0.5, abs=0.048)
    assert found.widened == pytest.approx(1.0, abs=0.1)
    assert found.whole.r2 == pytest.approx(0.9, abs=0.03) and found.is_better
    assert "too sure" not in found.words and "About as many came better" in found.words


def test_a_model_that_is_too_sure_is_called_so_with_the_width_that_would_have_held():
    found = Effects(studied(*drawn(400, truth=3.0))).foretold()
    assert found.is_too_sure and found.whole.within95 < 0.6
    assert found.widened == pytest.approx(3.0, abs=0.3)
    assert f"too sure: {found.widened:.2g} times as wide they would have held" in found.words


@pytest.mark.parametrize("maximize", [False, True])
def test_scores_that_come_worse_than_hoped_are_told_in_the_metric_s_own_sign(maximize):
    worse = -0.8 if maximize else 0.8
    found = Effects(studied(*drawn(200, bias=worse), maximize=maximize)).foretold()
    assert found.whole.bias == pytest.approx(worse, abs=0.25)
    assert "came worse than foretold" in found.words


def test_medians_that_tell_nothing_are_no_better_than_the_median_so_far():
    rng = np.random.default_rng(1)
    scores = rng.standard_normal(200)
    found = Effects(studied(3.0 * rng.standard_normal(200), np.ones(200), scores)).foretold()
    assert not found.is_better and found.whole.nearer < 0.4
    assert "No better than the median so far" in found.words


def test_the_median_so_far_knows_the_scores_before_and_no_later_one():
    found = Effects(studied(np.zeros(10), np.ones(10), np.arange(1.0, 11.0))).foretold()
    assert [c.so_far for c in found.trials] == pytest.approx([(k - 1) / 2 for k in range(1, 11)])


def test_with_workers_the_median_so_far_knows_what_had_ended_when_a_trial_began():
    history = studied(np.zeros(10), np.ones(10), np.arange(1.0, 11.0))
    # Two at a time: trials 1 and 2 run from 1 to 2, trials 3 and 4 from 2 to 3, and so on.
    pair = [(r.number + 1) // 2 for r in history]
    records = tuple(
        replace(r, runs=(Run("w", float(at), at + 1.0),), opened_at=at + 0.5, closed_at=at + 1.0)
        for r, at in zip(history, pair, strict=True)
    )
    found = Effects(History(history.plan, SPACE, records)).foretold()
    assert [c.so_far for c in found.trials[:6]] == pytest.approx([0.0, 0.0, 1.0, 1.0, 2.0, 2.0])


def test_it_is_told_apart_for_the_older_and_the_newer_half():
    medians, sds, scores = drawn(40)
    scores[20:] = medians[20:]
    found = Effects(studied(medians, sds, scores)).foretold()
    assert (found.first.trials, found.last.trials) == (20, 20)
    assert found.last.r2 == 1.0 == found.last.within50 and found.last.bias == 0.0 and found.first.r2 < 1.0
    few = Effects(studied(*(each[:19] for each in drawn(19)))).foretold()
    assert few.enough and few.first is few.last is None


def test_trials_that_never_scored_are_counted_and_not_judged():
    medians, sds, scores = drawn(12)
    found = Effects(studied(medians, sds, [None, None, *scores[2:]])).foretold()
    assert (len(found.trials), found.unjudged) == (10, 2)
    assert "2 more have no score of a full run" in found.words


def test_with_few_scores_it_says_how_many_are_needed_and_without_any_why():
    few = Effects(studied(*(each[:5] for each in drawn(5)))).foretold()
    assert not few.enough and few.whole is None and "5 of the trials" in few.words and "8 are needed" in few.words
    none = Effects(studied([], [], [])).foretold()
    assert not none.enough and none.words.startswith("No trial was foretold")


def test_intervals_without_width_and_the_largest_floats_do_no_harm():
    zero = Effects(studied(np.full(10, 0.5), np.zeros(10), np.full(10, 0.75))).foretold()
    assert zero.whole.rank is None and zero.whole.r2 is None and zero.is_too_sure and zero.widened == float("inf")
    assert "inf" not in zero.words and zero.to_json()["widened"] is None
    huge = Effects(studied(np.linspace(1e307, 1.5e308, 12), np.ones(12), np.linspace(1.5e308, 1e307, 12))).foretold()
    assert huge.whole.rank == -1.0 and np.isfinite(huge.whole.error_so_far)


@pytest.mark.parametrize("name", ODD)
def test_every_odd_study_has_an_answer(name):
    with ODD[name]() as study:
        for objective in study.history.plan.objectives:
            found = Effects(study.history, metric=objective.name).foretold()
            assert found.words
            json.dumps(found.to_json(), allow_nan=False)


def test_one_trial_is_told_with_its_interval_and_what_came():
    history = studied([0.3, 0.3, 0.3], [0.1, 0.1, 0.1], [0.35, 0.9, None])
    lines = [told_and_came(r.foretold, "y", r) for r in history.records[1:]]
    assert lines == [
        "0.30 (0.10 to 0.50), came 0.35",
        "0.30 (0.10 to 0.50), came 0.90, outside",
        "0.30 (0.10 to 0.50)",
    ]
    assert told_and_came(history[1].foretold, "other", history[1]) is None


@pytest.mark.parametrize(
    ("came", "told"),
    [(0.00019, "0.00019, outside"), (-0.0021, "-0.0021, outside"), (0.0, "0, outside"), (12.3, "12.30, outside")],
)
def test_what_came_far_below_the_width_of_the_interval_is_no_zero(came, told):
    record = studied([0.3], [0.1], [came])[1]
    assert told_and_came(record.foretold, "y", record) == f"0.30 (0.10 to 0.50), came {told}"


def test_of_several_objectives_each_has_its_own_record():
    with tl.Study.create(
        SPACE, minimize=["a", "b"], budget=16, strategy="gp", stopping="none", store="memory", name="two", seed=2
    ) as study:
        study.optimize(lambda trial: {"a": trial["x"] ** 2, "b": 100.0 + (1.0 - trial["x"]) ** 2})
        a, b = (Effects(study.history, metric=name).foretold() for name in ("a", "b"))
        assert a.metric == "a" and study.effects.foretold() == a
        assert len(a.trials) == len(b.trials) >= 8
        assert all(c.came < 2.0 for c in a.trials) and all(c.came >= 100.0 for c in b.trials)


@pytest.mark.parametrize(
    ("quantiles", "told"),
    [
        ((0.05416, 0.07, 0.0813, 0.09, 0.1189), "0.081 (0.054 to 0.119)"),
        ((-812.0, -100.0, 3.25, 100.0, 1234.5), "3 (-812 to 1234)"),
        ((1e-9, 2e-9, 3e-9, 4e-9, 6e-9), "3e-09 (1e-09 to 6e-09)"),
        ((0.5, 0.5, 0.5, 0.5, 0.5), "0.5 (0.5 to 0.5)"),
    ],
)
def test_a_prediction_has_the_digits_that_its_interval_has(quantiles, told):
    record = studied([0.3], [0.1], [None])[1]
    assert told_and_came(Foretold(3, {"y": quantiles}), "y", record) == told
