"""Evaluation: folds, scores and the sealed test of an estimator, and a whole study from one declaration."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, make_classification, make_regression
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import trialist as tl
from trialist.errors import PlanError, ResultError, SealedError
from trialist.execute.worker import run_assignment
from trialist.scoring.metrics import metric_of
from trialist.scoring.sealing import unsealed
from trialist.scoring.split import Split
from trialist.study.evaluation import Evaluation, completed
from trialist.study.events import Told
from trialist.study.work import default_name, describe
from trialist.trials.messages import Assignment, Failed, Finished
from trialist.trials.trial import GO_ON
from trialist.trials.validation import Folds, Holdout, Seeds, Validation

X, Y = make_classification(200, 6, n_informative=4, flip_y=0.1, random_state=0)
SPLIT = Split(X, Y, test=0.3, validation=0, stratify=True)
IRIS = Split(*load_iris(return_X_y=True), test=0.3, validation=0, stratify=True)


def tree(params: dict[str, Any], seed: int) -> Any:
    return DecisionTreeClassifier(max_depth=params["depth"], random_state=seed)


def outcome(evaluation: Evaluation, params: dict[str, Any], validation: Validation, seed: int = 3) -> Any:
    """The last message of a trial that runs it, and the seeds of the units are keyed by `seed`."""
    messages: list[Any] = []
    names = (evaluation.metric.name,)
    assignment = Assignment(0, 0, params, 1, tl.Stage.SEARCH, 0, names, ".", validation=validation, units_seed=seed)

    def channel(message: Any) -> Any:
        messages.append(message)
        return GO_ON

    run_assignment(evaluation, assignment, channel)
    return messages[-1]


def finished(*given: Any, **more: Any) -> Finished:
    found = outcome(*given, **more)
    assert isinstance(found, Finished), found
    return found


def test_a_trial_is_scored_on_each_fold_by_the_metric_and_the_others_beside_it() -> None:
    evaluation = Evaluation(tree, SPLIT, metric="log_loss", metrics=("accuracy", "roc_auc"))
    found = finished(evaluation, {"depth": 3}, Folds(4))
    expected: dict[str, list[float]] = {"log_loss": [], "accuracy": [], "roc_auc": []}
    for fold in SPLIT.folds(Folds(4), 3):
        model = tree({"depth": 3}, fold.seed).fit(*fold.train)
        held, truth = fold.validation
        P = model.predict_proba(held)
        expected["log_loss"].append(log_loss(truth, P))
        expected["accuracy"].append(model.score(held, truth))
        expected["roc_auc"].append(roc_auc_score(truth, P[:, 1]))
    assert list(found.metrics) == list(expected)
    for name, values in expected.items():
        assert found.metrics[name] == pytest.approx(values), name


def test_make_gets_a_seed_where_it_asks_for_one() -> None:
    seen: list[Any] = []

    def by_name(params: Any, seed: int = 7) -> Any:
        seen.append(seed)
        return GaussianNB()

    def other_default(params: Any, depth: int = 7) -> Any:
        seen.append(depth)
        return GaussianNB()

    def two(params: Any, random_state: int) -> Any:
        seen.append(random_state)
        return GaussianNB()

    seeds = [fold.seed for fold in SPLIT.folds(Folds(2), 3)]
    for make, expected in ((by_name, seeds), (other_default, [7, 7]), (two, seeds), (lambda params: GaussianNB(), [])):
        seen.clear()
        finished(Evaluation(make, SPLIT), {}, Folds(2))
        assert seen == expected


def test_the_sealed_part_opens_in_verification_alone_and_gives_a_value_for_each_row() -> None:
    split = Split(X, Y, test=0.3, validation=0.4, stratify=True)
    evaluation = Evaluation(tree, split)
    with pytest.raises(SealedError):
        evaluation.test({"depth": 3}, 5)
    with unsealed() as opening:
        values = evaluation.test({"depth": 3}, 5)
        model = tree({"depth": 3}, 5).fit(*split.train_and_validation)
        held, truth = split.test
        assert np.array_equal(values, model.predict(held) == truth)
        assert not np.array_equal(values, tree({"depth": 3}, 5).fit(*split.train).predict(held) == truth)
    assert opening.splits == [split]


def test_a_metric_that_is_no_mean_gives_predictions_that_score_the_same() -> None:
    evaluation = Evaluation(tree, SPLIT, metric="roc_auc")
    with unsealed():
        found = evaluation.test({"depth": 3}, 5)
        held, truth = SPLIT.test
        P = tree({"depth": 3}, 5).fit(*SPLIT.train_and_validation).predict_proba(held)
    assert isinstance(found, tl.Predictions)
    assert metric_of(found.metric).score(found.y, found.output) == pytest.approx(roc_auc_score(truth, P[:, 1]))


@pytest.mark.parametrize("metric", ["accuracy", "f1_macro", "log_loss", "roc_auc", "brier", "ece"])
def test_classes_may_be_texts_and_more_than_two(metric: str) -> None:
    data, codes = load_iris(return_X_y=True)
    names = np.array(["virginica", "setosa", "lily"])[codes]
    order = np.argsort(["virginica", "setosa", "lily"])
    for y in (names, pd.Series(names), pd.Series(names, dtype="category")):
        split = Split(data, y, stratify=True)
        found = finished(Evaluation(lambda params: LogisticRegression(), split, metric), {}, Folds(3))
        expected = []
        for fold in split.folds(Folds(3), 3):
            model = LogisticRegression().fit(*fold.train)
            held, truth = fold.validation
            ranks = np.searchsorted(np.array(["virginica", "setosa", "lily"])[order], np.asarray(truth))
            m = metric_of(metric)
            if m.needs.value == "predict":
                expected.append(m.score(np.asarray(truth), model.predict(held)))
            else:
                method = model.predict_proba if m.needs.value == "predict_proba" else model.decision_function
                expected.append(m.score(ranks, method(held)))
        assert found.metrics[metric_of(metric).name] == pytest.approx(expected)


def test_a_class_that_no_training_row_has_has_probability_nought() -> None:
    y = np.array(["a"] * 20 + ["c"] * 20 + ["b"])  # in the middle, so that columns after it move
    split = Split(np.random.default_rng(0).normal(size=(41, 2)), y, test=0.1, validation=0, seed=1)
    losses = finished(Evaluation(lambda params: GaussianNB(), split, "log_loss"), {}, Folds(37)).metrics["log_loss"]
    rare = [fold.index - 1 for fold in split.folds(Folds(37), 3) if "b" in fold.validation[1]]
    assert [i for i, loss in enumerate(losses) if loss > 30] == rare and len(rare) == 1
    kept = split.folds(Folds(37), 3)[rare[0]]
    first = GaussianNB().fit(*kept.train)  # on this fold alone it knows two classes; elsewhere all three
    assert list(first.classes_) == ["a", "c"]


def test_numbers_are_regressed() -> None:
    data = make_regression(80, 4, noise=10, random_state=0)
    evaluation = Evaluation(lambda params: Ridge(params["alpha"]), Split(*data), "rmse", ("r2", "pinball 0.9"))
    found = finished(evaluation, {"alpha": 1.0}, Holdout(0.3, repeats=2))
    assert all(5 < loss < 40 for loss in found.metrics["rmse"])
    assert (evaluation.minimize, evaluation.maximize) == ("rmse", None)
    assert list(found.metrics) == ["rmse", "r2", "pinball 0.9"]


def test_squared_errors_are_verified_as_such_and_absolute_ones_by_their_values() -> None:
    """A verdict compares mean squares on a scale of their own, with or without the root."""
    split = Split(*make_regression(300, 4, noise=10, random_state=0))
    for metric, squares in (("mse", 1.0), ("rmse", 0.5), ("mae", None)):
        evaluation = Evaluation(lambda params: Ridge(params["alpha"]), split, metric)
        with unsealed():
            found = evaluation.test({"alpha": 1.0}, 5)
        assert isinstance(found, tl.Predictions) is (squares is not None)
        assert squares is None or found.per_example().squares == squares
    space = {"alpha": tl.Float(1e-2, 1e3, log=True, default=1e3)}
    mse = Evaluation(lambda params: Ridge(params["alpha"]), split, "mse")
    study = tl.tune(mse, space, budget=8, test_seeds=1, store="memory", name="squares", progress=False)
    alike = Evaluation(lambda params: Ridge(params["alpha"]), split, "rmse")
    rooted = tl.tune(alike, space, budget=8, test_seeds=1, store="memory", name="roots", progress=False)
    assert study.verdict is not None and rooted.verdict is not None
    assert study.verdict.metric == "mse" and study.verdict.examples == rooted.verdict.examples == 60
    assert study.verdict.baseline_score == pytest.approx(rooted.verdict.baseline_score**2)
    assert study.verdict.outcome is rooted.verdict.outcome is tl.Outcome.IMPROVED


def test_a_decision_function_ranks_where_there_are_no_probabilities() -> None:
    found = finished(Evaluation(lambda params: RidgeClassifier(), SPLIT, "roc_auc"), {}, Folds(3))
    expected = [
        roc_auc_score(f.validation[1], RidgeClassifier().fit(*f.train).decision_function(f.validation[0]))
        for f in SPLIT.folds(Folds(3), 3)
    ]
    assert found.metrics["roc_auc"] == pytest.approx(expected)


def worst_error(y: Any, output: Any) -> float:
    return float(np.max(np.abs(np.asarray(y) - output)))


def test_any_function_of_truth_and_output_is_a_metric() -> None:
    data = make_regression(60, 3, random_state=0)
    evaluation = Evaluation(lambda params: Ridge(), Split(*data), worst_error)
    assert (evaluation.minimize, evaluation.metric.name) == ("worst_error", "worst_error")
    assert all(x > 0 for x in finished(evaluation, {}, Folds(3)).metrics["worst_error"])


@pytest.mark.parametrize(
    ("make", "metric", "words"),
    [
        (lambda params: SVC(), "log_loss", "needs predict_proba, SVC has none"),
        (lambda params: None, "accuracy", "None has no method fit"),
        (lambda params: GaussianNB(), "f1", "none is known as the positive one"),
    ],
)
def test_what_no_configuration_would_cure_ends_the_study_and_says_the_remedy(
    make: Any, metric: str, words: str
) -> None:
    found = outcome(Evaluation(make, IRIS, metric), {}, Folds(3))
    assert isinstance(found, Failed) and words in found.failure.message
    assert found.failure.usage is not None and found.failure.usage[0] == ResultError.__name__


def test_a_fold_of_one_class_is_told_as_such() -> None:
    split = Split(X[:40], Y[:40] * 0 + (np.arange(40) < 3), test=0.2, validation=0)
    found = outcome(Evaluation(lambda params: GaussianNB(), split, "roc_auc"), {}, Folds(8))
    assert isinstance(found, Failed) and "rows are of 1 of 2 classes. Use Split(stratify=True)" in found.failure.message


@pytest.mark.parametrize(
    ("n", "given", "expected"),
    [
        (150, {"stratify": True}, Folds(5, repeats=2)),
        (5_000, {}, Folds(5)),
        (20_000, {}, Holdout(0.2)),
        (500, {"time": True}, Folds(5)),
        (12, {"groups": 4}, Folds(3, repeats=2)),
    ],
)
def test_validation_is_chosen_by_rows_and_told(n: int, given: dict[str, Any], expected: Validation) -> None:
    how = dict(given)
    if "time" in how:
        how["time"] = np.arange(n)
    if "groups" in how:
        how["groups"] = np.arange(n) % how["groups"]
    evaluation = Evaluation(tree, Split(np.zeros((n, 1)), np.arange(n) % 2, test=0.2, validation=0, **how))
    assert evaluation.validation == expected
    open_rows = sum(evaluation.split.sizes[part] for part in ("train", "validation"))
    assert evaluation.reason.startswith(f"{open_rows:,} rows beside the test part")


def test_a_study_takes_direction_test_and_validation_from_it_unless_they_are_given() -> None:
    evaluation = Evaluation(tree, SPLIT, "log_loss", metrics=("accuracy",))
    found = completed(evaluation)
    assert (found.minimize, found.maximize, found.validation) == ("log_loss", None, Folds(5, repeats=2))
    assert found.test == evaluation.test

    def test(params: Any, seed: int) -> float:
        return 0.0

    mine = completed(evaluation, "log_loss", "accuracy", test, Holdout(0.2))
    assert mine == ("log_loss", "accuracy", test, Holdout(0.2))
    assert completed(tree, "loss", None, None, Seeds(2)) == ("loss", None, None, Seeds(2))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"maximize": "log_loss"}, "maximize='log_loss' is not what this Evaluation measures"),
        ({"minimize": "loss"}, "minimize='loss' is not what"),
        ({"maximize": "accuracy"}, "accuracy would be the first objective"),
        ({"validation": Seeds(3)}, "3 seeds divide no rows"),
        ({"validation": Folds(71)}, "too few for 71-fold"),
    ],
)
def test_what_does_not_go_with_it_is_refused_before_any_work(given: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        completed(Evaluation(tree, SPLIT, "log_loss", metrics=("accuracy",)), **given)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"minimize": "log_loss"}, "the study declares no folds"),
        ({"maximize": "accuracy", "validation": Folds(3)}, "accuracy would be the first objective"),
        ({"minimize": "log_loss", "validation": Folds(71)}, "too few for 71-fold"),
    ],
)
def test_a_study_that_was_declared_for_something_else_refuses_it(declared: dict[str, Any], words: str) -> None:
    study = tl.Study.create({"depth": tl.Int(1, 5)}, store="memory", **declared)
    with pytest.raises(PlanError, match=words):
        study.optimize(Evaluation(tree, SPLIT, "log_loss", metrics=("accuracy",)), trials=3)
    assert not study.trials


@pytest.mark.parametrize(
    ("validation", "words"),
    [(Folds(5, repeats=2), "140 rows beside the test part are few"), (Folds(3), "the same folds for every")],
)
def test_how_trials_are_scored_is_told_once_and_why(validation: Validation, words: str) -> None:
    evaluation = Evaluation(tree, SPLIT, "log_loss")
    space = {"depth": tl.Int(1, 5)}
    study = tl.Study.create(space, minimize="log_loss", budget=2, validation=validation, store="memory")

    def told() -> list[str]:
        return [e.text for e in study.process(evaluation) if isinstance(e, Told) and e.text.startswith("scored by")]

    first, second = told(), told()
    assert len(first) == 1 and first[0].startswith(f"scored by {validation}: {words}")
    assert second == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"make": "SVC"}, "'SVC' cannot be called"),
        ({"make": lambda: None}, "does not take"),
        ({"make": lambda a, b, c: None}, "does not take"),
        ({"split": (X, Y)}, "is no Split"),
        ({"metric": "acuracy"}, "Did you mean accuracy"),
        ({"metrics": ["f1", "accuracy"]}, "'accuracy' is named twice"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_at_once(given: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        Evaluation(**{"make": tree, "split": SPLIT, **given})


def test_it_crosses_process_borders_and_names_the_study_after_what_it_makes() -> None:
    evaluation = Evaluation(tree, SPLIT, metrics="log_loss")
    copy = pickle.loads(pickle.dumps(evaluation))
    assert (copy.metric, copy.metrics, copy.split.fingerprint) == (
        evaluation.metric,
        evaluation.metrics,
        SPLIT.fingerprint,
    )
    other = replace(evaluation, split=IRIS)
    assert (other.split, other.make, other.metrics) == (IRIS, tree, evaluation.metrics)
    assert (default_name(evaluation), describe(evaluation.test)) == ("tree", "sealed test of tree")


def neighbours(params: dict[str, Any]) -> Any:
    return KNeighborsClassifier(params["k"], weights=params["weights"])


SPACE = {"k": tl.Int(1, 40, log=True, default=5), "weights": tl.Categorical(["uniform", "distance"], default="uniform")}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_whole_study_from_one_declaration(workers: int, tmp_path: Path) -> None:
    evaluation = Evaluation(neighbours, SPLIT, metrics=("roc_auc",))
    study = tl.tune(
        evaluation, SPACE, budget=12, test_seeds=1, workers=workers, store=tmp_path / "e.db", progress=False
    )
    assert study.name == "neighbours"
    assert study.declared.validation == evaluation.validation
    assert study.verdict is not None and study.verdict.examples == SPLIT.sizes["test"]
    assert study.verdict.fingerprint == SPLIT.fingerprint
    scored = [record for record in study.trials if record.is_scored]
    assert scored and all(len(record.metrics["accuracy"].replicates) == 10 for record in scored)
    assert all(record.metrics["accuracy"].overlap == 0.25 for record in scored)
    assert "roc_auc" in scored[0].metrics


def test_it_runs_in_workers_from_a_script_that_no_process_could_import(tmp_path: Path) -> None:
    script = """
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier
import trialist as tl
split = tl.Split(*load_iris(return_X_y=True), test=0.3, validation=0, stratify=True)
evaluation = tl.Evaluation(lambda params, seed: DecisionTreeClassifier(max_depth=params["depth"]), split)
study = tl.tune(evaluation, {"depth": tl.Int(1, 5, default=3)}, budget=5, workers=2, test_seeds=1, store="memory",
                progress=False)
print(study.verdict.examples)
"""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-"], input=script, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "45", done.stderr


@pytest.mark.slow
def test_the_example_on_small_data_says_what_it_cannot_show_and_why(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "small_data.py"
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, example], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    lines = {line[:20].strip(): line[20:] for line in done.stdout.splitlines()}
    assert lines["verdict"].startswith("no difference shown")
    least = float(lines["why"].split("about ")[1].split()[0])
    gain = float(lines["the truth"].split(", ")[1])
    assert abs(gain) < least
