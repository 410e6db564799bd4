"""Expected best by budget: against enumeration, against known distributions, and what is said of adaptive searches."""

from __future__ import annotations

import math
from statistics import fmean

import pytest

from trialist.scoring.expected_best import Kind, expected_best
from trialist.space.parameter import Float
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import Cause, Failure, Score, Stage, State, TrialRecord


def trial(number, value=None, strategy="random", stage=Stage.SEARCH, sign=1, **more):
    values = value if isinstance(value, list) else [value]
    metrics = {} if value is None else {"m": Score(tuple(values))}
    failure = Failure(Cause.OBJECTIVE, "no") if value is None else None
    more.setdefault("state", State.FAILED if value is None else State.COMPLETE)
    loss = None if value is None else sign * fmean(values)
    return TrialRecord(
        number, stage=stage, params={"x": 0.1}, reason="", strategy=strategy, seed=0, metrics=metrics, loss=loss,
        failure=failure, **more,
    )  # fmt: skip


def history(*records, direction=Direction.MINIMIZE):
    return History(Plan("s", (Objective("m", direction),)), Space(x=Float(0, 1)), tuple(records))


def test_draws_give_a_curve_without_the_default_and_without_finalists():
    found = expected_best(
        history(
            trial(0, 0.0, "baseline", Stage.BASELINE), *(trial(n, float(n)) for n in range(1, 6)), trial(6),
            trial(7, 0.5, "refine", Stage.REFINE), trial(8, 0.1, "select", Stage.SELECT, repeats=1),
        )
    )  # fmt: skip
    assert found is not None
    assert (found.kind, found.trials, found.scored) == (Kind.DRAWS, 6, 5)
    assert found.expected[-1] == 1.0
    assert "1 of which has no score" in found.words


def test_a_metric_that_is_maximized_rises():
    records = [trial(n, value, sign=-1) for n, value in enumerate([0.5, 0.9, 0.7, 0.6], 1)]
    found = expected_best(history(*records, direction=Direction.MAXIMIZE))
    assert found is not None
    assert list(found.expected) == sorted(found.expected)
    assert found.expected[-1] == 0.9
    assert all(a <= b for a, b in zip(found.worst, found.luckiest, strict=True) if a is not None and b is not None)


def test_an_adaptive_search_is_a_path_and_says_so():
    values = [[0.5, 0.7], [0.8, 0.9], None, [0.2, 0.4], [0.3, 0.5]]
    records = [trial(n, value, "gp") for n, value in enumerate(values)]
    found = expected_best(history(*records))
    assert found is not None
    assert found.kind is Kind.PATH
    assert found.expected == pytest.approx((0.6, 0.6, 0.6, 0.3, 0.3))
    # Two replicates at distance 0.2: standard error 0.1, and Student's t of one degree of freedom.
    assert found.worst[-1] == pytest.approx(0.3 + 12.706 * 0.1, abs=1e-3)
    assert "another run of the search" in found.words


def test_one_blind_trial_among_model_based_ones_makes_no_draws_of_them():
    records = [trial(n, float(n), "random" if n < 4 else "tpe") for n in range(1, 9)]
    assert expected_best(history(*records)).kind is Kind.PATH


def test_several_runs_of_a_search_have_a_mean_and_its_interval():
    runs = [history(*(trial(n, start - n / 10, "gp") for n in range(4))) for start in (1.0, 1.2, 1.4)]
    found = expected_best(runs[0], runs[1:])
    assert found is not None
    assert (found.kind, found.runs, found.trials) == (Kind.RUNS, 3, 12)
    assert found.expected == pytest.approx((1.2, 1.1, 1.0, 0.9))
    assert found.worst[0] == pytest.approx(1.2 + 4.3027 * 0.2 / math.sqrt(3), abs=1e-4)


def test_too_few_scores_give_no_curve():
    assert expected_best(history(trial(0, 1.0, "gp"), trial(1, 2.0, "gp"))) is None
    assert expected_best(history(trial(1, 1.0), trial(2, 2.0), trial(3))) is None
    assert expected_best(history()) is None


def test_it_goes_into_json_and_says_the_same():
    found = expected_best(history(*(trial(n, float(n)) for n in range(1, 30))))
    assert found is not None
    told = found.to_json()
    assert told["budgets"] == list(range(1, 30))
    assert len(told["expected"]) == len(told["worst"]) == len(told["luckiest"]) == 29
    assert told["kind"] == "draws"


def test_a_long_search_has_a_short_curve():
    found = expected_best(history(*(trial(n, 1.0 / n) for n in range(1, 3001))))
    assert found is not None
    assert len(found.budgets) == len(found.expected) <= 200
    assert (found.budgets[0], found.budgets[-1]) == (1, 3000)
    assert found.expected[-1] == pytest.approx(1 / 3000)
