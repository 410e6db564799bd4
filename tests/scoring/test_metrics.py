"""Metrics by name are scikit-learn's, in its sign; those that are means are the means of their values by example."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from trialist.errors import PlanError, ResultError
from trialist.scoring.metrics import Metric, Needs, metric_of
from trialist.trials.plan import Direction

LABELS: dict[str, Callable[..., float]] = {
    "accuracy": reference.accuracy_score,
    "zero_one_loss": reference.zero_one_loss,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "matthews_corrcoef": reference.matthews_corrcoef,
    "f1_macro": partial(reference.f1_score, average="macro"),
    "f1_weighted": partial(reference.f1_score, average="weighted"),
}
BINARY: dict[str, Callable[..., float]] = {
    "precision": partial(reference.precision_score, zero_division=0),
    "recall": partial(reference.recall_score, zero_division=0),
    "f1": partial(reference.f1_score, zero_division=0),
}
NUMBERS: dict[str, Callable[..., float]] = {
    "mean_squared_error": reference.mean_squared_error,
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "median_absolute_error": reference.median_absolute_error,
    "mape": reference.mean_absolute_percentage_error,
    "pinball 0.9": partial(reference.mean_pinball_loss, alpha=0.9),
    "mean_pinball_loss": reference.mean_pinball_loss,
    "r2": reference.r2_score,
}


def probabilities(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    logits = rng.normal(0, 2, (n, k)).round(1)  # rounded, so that there are ties
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def close(found: float, expected: float) -> bool:
    return found == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(st.integers(2, 60), st.integers(2, 5), st.integers(0, 10**6))
def test_metrics_of_labels_are_those_of_scikit_learn(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = np.array(["setosa", "virginica", "versicolor", "lily", "rose"])
    y, p = names[rng.integers(0, k, n)], names[rng.integers(0, k, n)]
    for name, expected in LABELS.items():
        if name == "balanced_accuracy" and not set(p) <= set(y):
            continue  # scikit-learn warns there; the next test holds it to its definition
        assert close(metric_of(name).score(y, p), expected(y, p)), name


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_are_there() -> None:
    assert metric_of("balanced_accuracy").score([0, 0, 0, 1], [0, 0, 2, 1]) == pytest.approx((2 / 3 + 1) / 2)


@given(st.integers(1, 60), st.integers(0, 10**6), st.sampled_from([(0, 1), (-1, 1), (False, True)]))
def test_metrics_of_two_classes_are_those_of_scikit_learn(n: int, seed: int, classes: tuple[Any, Any]) -> None:
    rng = np.random.default_rng(seed)
    y, p = np.array(classes)[rng.integers(0, 2, n)], np.array(classes)[rng.integers(0, 2, n)]
    for name, expected in BINARY.items():
        assert close(metric_of(name).score(y, p), expected(y, p)), name
    scores = rng.normal(size=n).round(1)
    if len(set(y)) == 2:
        assert close(metric_of("roc_auc").score(y, scores), reference.roc_auc_score(y, scores))
        assert close(metric_of("average_precision").score(y, scores), reference.average_precision_score(y, scores))


@given(st.integers(2, 60), st.integers(2, 5), st.integers(0, 10**6))
def test_metrics_of_probabilities_are_those_of_scikit_learn(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, P = np.append(np.arange(k), rng.integers(0, k, n)), probabilities(rng, n + k, k)
    assert close(metric_of("log_loss").score(y, P), reference.log_loss(y, P))
    assert close(metric_of("neg_log_loss").score(y, P), -reference.log_loss(y, P))
    one_hot = np.eye(k)[y]
    squares = ((P - one_hot) ** 2).sum(axis=1).mean()
    assert close(metric_of("brier").score(y, P), squares / 2 if k == 2 else squares)
    if k == 2:
        assert close(metric_of("brier").score(y, P[:, 1]), reference.brier_score_loss(y, P[:, 1]))
        assert close(metric_of("roc_auc").score(y, P), reference.roc_auc_score(y, P[:, 1]))
    else:
        expected = reference.roc_auc_score(y, P, multi_class="ovr", average="macro")
        assert close(metric_of("roc_auc_ovr").score(y, P), expected)
        assert close(metric_of("average_precision").score(y, P), reference.average_precision_score(one_hot, P))


@given(st.integers(2, 60), st.integers(0, 10**6))
def test_metrics_of_numbers_are_those_of_scikit_learn(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, p = rng.normal(size=n), rng.normal(size=n)
    for name, expected in NUMBERS.items():
        assert close(metric_of(name).score(y, p), expected(y, p)), name


def test_the_calibration_error_is_the_gap_of_confidence_and_hits_by_bins() -> None:
    p = np.repeat([0.95, 0.75], [60, 40])
    y = np.array([1] * 51 + [0] * 9 + [1] * 32 + [0] * 8)  # 85 % and 80 % right
    assert metric_of("ece").score(y, p) == pytest.approx(0.6 * 0.10 + 0.4 * 0.05)
    assert metric_of("ece").score(y, np.column_stack([1 - p, p])) == pytest.approx(0.08)
    assert metric_of("ece").score(1 - y, 1 - p) == pytest.approx(0.08)  # which class is the positive one does not count


def test_the_calibration_error_of_true_probabilities_falls_with_the_rows() -> None:
    rng = np.random.default_rng(0)
    found = []
    for n in (100, 10_000):
        P = probabilities(rng, n, 3)
        y = (P.cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1)
        found.append(metric_of("expected_calibration_error").score(y, P))
    assert found[1] < 0.02 < found[0]


@pytest.mark.parametrize(
    "name", ["accuracy", "zero_one_loss", "log_loss", "brier", "mse", "mae", "mape", "pinball 0.2"]
)
def test_a_mean_is_the_mean_of_its_values_by_example_negated_or_not(name: str) -> None:
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 30), rng.uniform(size=30)
    values = metric_of(name).per_example(y, p)
    assert values is not None and values.shape == (30,)
    assert values.mean() == metric_of(name).score(y, p)
    if name not in ("accuracy", "pinball 0.2"):
        negated = metric_of(f"neg_{name}")
        assert np.array_equal(np.asarray(negated.per_example(y, p)), -values)
        assert (metric_of(name).direction, negated.direction) == (Direction.MINIMIZE, Direction.MAXIMIZE)


@pytest.mark.parametrize("name", ["rmse", "roc_auc", "f1", "r2", "ece", "balanced_accuracy", "average_precision"])
def test_what_is_no_mean_has_no_values_by_example(name: str) -> None:
    assert metric_of(name).per_example([0, 1, 1], [0.0, 1.0, 0.0]) is None
    assert not metric_of(name).is_mean


def test_every_scorer_of_scikit_learn_that_is_known_has_its_name_and_sign() -> None:
    for name in reference.get_scorer_names():
        try:
            metric = metric_of(name)
        except PlanError:
            continue
        scorer = reference.get_scorer(name)
        assert metric.direction is Direction.MAXIMIZE, name  # scorers are maximised, all of them
        assert (metric.sign == scorer._sign) or metric.measure in ("roc_auc",), name


def test_a_name_that_is_not_known_brings_the_nearest_ones() -> None:
    with pytest.raises(PlanError, match=r"'acuracy' is not known. Did you mean accuracy"):
        metric_of("acuracy")
    for wrong in ("neg_accuracy", "neg_roc_auc", "", "rmse 3", "pinball 1.5", "pinball low", 7, None):
        with pytest.raises(PlanError):
            metric_of(wrong)  # type: ignore[arg-type]


def cost_loss(y: Any, output: Any) -> float:
    return float(np.mean(5 * (np.asarray(y) > output) + (np.asarray(y) < output)))


def test_functions_are_metrics_and_their_name_or_a_declaration_says_which_way_is_better() -> None:
    metric = metric_of(cost_loss)
    assert (metric.name, metric.direction, metric.per_example([1], [0])) == ("cost_loss", Direction.MINIMIZE, None)
    assert metric.score([1, 0], [0, 0]) == 2.5
    assert metric_of(reference.accuracy_score).direction is Direction.MAXIMIZE
    assert metric_of(reference.log_loss).needs is Needs.PROBA
    assert metric_of(reference.roc_auc_score).needs is Needs.DECISION
    assert metric_of(reference.mean_absolute_error).needs is Needs.PREDICT
    with pytest.raises(PlanError, match="cannot be told"):
        metric_of(max)
    with pytest.raises(PlanError, match="is a scorer"):
        metric_of(reference.get_scorer("accuracy"))
    declared = Metric("worst", "minimize", max, needs="predict_proba")  # type: ignore[arg-type]
    assert metric_of(declared) is declared and declared.needs is Needs.PROBA
    for wrong in ({"direction": "less"}, {"needs": "fit"}, {"measure": 3}, {"name": ""}):
        given_all: dict[str, Any] = {"name": "worst", "direction": "minimize", "measure": max, **wrong}
        with pytest.raises(PlanError):
            Metric(**given_all)


@pytest.mark.parametrize("name", ["accuracy_score", "log_loss", "roc_auc_score", "f1_score", "r2_score", "max_error"])
def test_functions_of_scikit_learn_give_its_numbers_and_values_by_example_where_there_are_any(name: str) -> None:
    rng = np.random.default_rng(3)
    y, p = rng.integers(0, 2, 40), rng.uniform(size=40)
    function = getattr(reference, name)
    output = p if name not in ("accuracy_score", "f1_score") else (p > 0.5).astype(int)
    metric = metric_of(function)
    assert (metric.name, metric.is_mean) == (name, name in ("accuracy_score", "log_loss"))
    assert close(metric.score(y, output), function(y, output))


def test_a_part_of_a_function_is_computed_as_it_was_given() -> None:
    y, p = np.array([1.0, 2.0, 4.0]), np.array([2.0, 1.0, 1.0])
    low = metric_of(partial(reference.mean_pinball_loss, alpha=0.1))
    assert close(low.score(y, p), reference.mean_pinball_loss(y, p, alpha=0.1))
    assert not close(low.score(y, p), metric_of("mean_pinball_loss").score(y, p))
    beta = metric_of(partial(reference.fbeta_score, beta=2))
    assert (beta.name, beta.direction, beta.needs) == ("fbeta_score", Direction.MAXIMIZE, Needs.PREDICT)
    assert metric_of(partial(reference.log_loss, labels=[0, 1])).needs is Needs.PROBA


def test_classes_and_columns_are_matched_by_labels_and_refused_where_they_cannot_be() -> None:
    P = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]])
    with pytest.raises(ResultError, match="y has 2 classes, the output 3"):
        metric_of("log_loss").score(["b", "a"], P)
    found = metric_of("log_loss", labels=["c", "b", "a"]).per_example(["b", "a"], P)
    assert np.allclose(found, -np.log([0.2, 0.3]))
    with pytest.raises(ResultError, match="'d' in y is none of the classes"):
        metric_of("log_loss", labels=["c", "b", "a"]).score(["b", "d"], P)
    with pytest.raises(ResultError, match="none is known as the positive one"):
        metric_of("f1").score(["ham", "spam"], ["ham", "ham"])
    with pytest.raises(ResultError, match="none is known as the positive one"):
        metric_of("average_precision").score(["ham", "spam"], [0.1, 0.2])


@pytest.mark.parametrize(
    ("name", "y", "output"),
    [
        ("accuracy", [1, 0], [1]),
        ("accuracy", [], []),
        ("accuracy", [[1, 0], [0, 1]], [[1, 0], [0, 1]]),
        ("f1", [1, 0], [[0.2, 0.8], [0.1, 0.9]]),
        ("rmse", ["a", "b"], [1.0, 2.0]),
        ("rmse", [1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]]),
        ("log_loss", [1, 0], [1.2, 0.3]),
        ("log_loss", [1, 0], [float("nan"), 0.3]),
    ],
)
def test_outputs_of_a_wrong_kind_are_refused(name: str, y: Any, output: Any) -> None:
    with pytest.raises(ResultError):
        metric_of(name).score(y, output)


def test_what_is_not_defined_is_not_a_number() -> None:
    assert np.isnan(metric_of("roc_auc").score([1, 1], [0.2, 0.3]))
    assert np.isnan(metric_of("average_precision").score([0, 0], [0.2, 0.3]))
    assert np.isnan(metric_of("r2").score([1.0], [0.2]))


def test_frames_columns_and_booleans_are_read_as_they_are() -> None:
    y = pd.Series([True, False, True], index=[7, 8, 9])
    assert metric_of("accuracy").score(y, np.array([[1], [0], [0]])) == pytest.approx(2 / 3)
    assert metric_of("roc_auc").score(y, pd.DataFrame({"p": [0.9, 0.1, 0.8]})) == 1.0


def test_metrics_cross_process_borders_and_load_no_numpy_before_they_are_used() -> None:
    metric = metric_of("pinball 0.9")
    assert pickle.loads(pickle.dumps(metric)) == metric
    script = "import sys; from trialist.scoring.metrics import metric_of as m; m('f1'); print('numpy' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "False"
