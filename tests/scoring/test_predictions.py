"""Predictions become values per example whose mean is the metric, whatever the metric is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trialist.errors import PlanError, ResultError
from trialist.scoring.judging import judge
from trialist.scoring.metrics import Metric
from trialist.scoring.predictions import Predictions

rng = np.random.default_rng(0)
Y = (rng.random(120) < 0.35).astype(int)
SCORES = rng.normal(size=120) + Y
CHANCES = 1 / (1 + np.exp(-SCORES))
THREE = rng.integers(0, 3, 120)
PROBABILITIES = rng.dirichlet([1, 1, 1], 120)
NUMBERS, TOLD = rng.normal(size=120), rng.normal(size=120)


def middle(y: Any, output: Any) -> float:
    return float(np.median(np.abs(np.asarray(y) - np.asarray(output))))


@pytest.mark.parametrize(
    ("y", "output", "metric", "by"),
    [
        (Y, SCORES, "roc_auc", "DeLong's placements"),
        (Y, np.column_stack([1 - CHANCES, CHANCES]), "roc_auc", "DeLong's placements"),
        (np.where(Y, "yes", "no"), SCORES, "roc_auc", "DeLong's placements"),
        (THREE, PROBABILITIES, "roc_auc", "the jackknife"),
        (NUMBERS, TOLD, "rmse", "the delta method"),
        (NUMBERS, TOLD, "neg_root_mean_squared_error", "the delta method"),
        (NUMBERS, TOLD, "r2", "the jackknife"),
        (NUMBERS, TOLD, Metric("middle", "minimize", middle), "the jackknife"),
        (Y, (SCORES > 0.5).astype(int), "f1", "the jackknife"),
        (Y, CHANCES, "expected_calibration_error", "the jackknife"),
        (Y, CHANCES, "log_loss", ""),
        (Y, (SCORES > 0.5).astype(int), "accuracy", ""),
        (NUMBERS, TOLD, "pinball 0.9", ""),
    ],
)
def test_values_per_example_average_to_the_metric(y: Any, output: Any, metric: Any, by: str) -> None:
    predictions = Predictions(y, output, metric)
    told = predictions.per_example()
    assert told.by == by
    assert len(told.values) == len(predictions) == 120
    assert np.mean(told.values) == pytest.approx(predictions.score, abs=1e-12)
    assert (told.groups is not None) is (by == "the jackknife")
    assert (told.strata is not None) is by.startswith("DeLong")


def test_the_positive_class_is_the_second_of_the_labels() -> None:
    forward = Predictions(Y, SCORES, "roc_auc", labels=[0, 1])
    backward = Predictions(Y, SCORES, "roc_auc", labels=[1, 0])
    assert np.mean(backward.per_example().values) == pytest.approx(1 - forward.score)
    assert backward.score == pytest.approx(1 - forward.score)


@pytest.mark.parametrize(("metric", "output"), [("roc_auc", SCORES), ("log_loss", CHANCES), ("f1", SCORES > 0)])
def test_groups_stay_whole(metric: str, output: Any) -> None:
    labels = np.array([f"patient {i // 4}" for i in range(120)])
    told = Predictions(Y, np.asarray(output, dtype=float), metric).per_example(labels)
    assert told.groups is not None and told.strata is None
    assert all(len({told.groups[i] for i in range(k, k + 4)}) == 1 for k in range(0, 120, 4))


def test_a_better_ranking_is_judged_improved_and_its_error_is_delongs() -> None:
    of = [Predictions(Y, SCORES + k * rng.normal(size=120), "roc_auc").per_example() for k in (3.0, 0.0)]
    verdict = judge(
        metric="roc_auc",
        direction=of[0].direction,
        baseline=[of[0].values],
        selected=[of[1].values],
        strata=of[0].strata,
        by=of[0].by,
    )
    assert verdict.outcome == "improved"
    assert verdict.method == ("paired over 120 examples, for this one seed alone, by DeLong's placements")


def test_squared_errors_and_their_root_are_judged_alike() -> None:
    """MSE and RMSE order two models alike, so that a verdict on one is about as sure as on the other."""
    noise, sure = np.random.default_rng(3), []
    for metric, power in (("rmse", 0.5), ("mse", 1.0), ("neg_mean_squared_error", 1.0)):
        of = [Predictions(NUMBERS, NUMBERS * k, metric).per_example() for k in (0.7, 0.6)]
        assert [each.squares for each in of] == [power, power]
        verdict = judge(metric=metric, direction=of[0].direction, baseline=[of[1].values], selected=[of[0].values],
                        squares=power)  # fmt: skip
        assert verdict.outcome == "improved" and verdict.interval is not None
        sure.append(verdict.interval[0] / verdict.difference)
    assert sure[1] == pytest.approx(sure[2], rel=1e-9)
    assert sure[0] == pytest.approx(sure[1], rel=0.1)
    plain = [Predictions(NUMBERS, NUMBERS + noise.normal(size=120), name).per_example() for name in ("mae", "r2")]
    assert [each.squares for each in plain] == [None, None]


def test_a_metric_that_is_not_defined_names_the_remedy() -> None:
    for y in (np.ones(5), np.zeros(5)):
        with pytest.raises(ResultError, match="stratify"):
            Predictions(y, SCORES[:5], "roc_auc").per_example()
    with pytest.raises(ResultError, match="not defined"):
        Predictions([0, 1, 1], [0.1, np.nan, 0.3], "roc_auc").per_example()


def test_what_does_not_match_is_refused_at_once() -> None:
    with pytest.raises(ResultError, match="3 outputs do not match 2 labels"):
        Predictions([0, 1], [0.1, 0.2, 0.3], "roc_auc")
    with pytest.raises(PlanError, match="roc_auc"):
        Predictions([0, 1], [0.1, 0.2], "rok_auc")
