"""Leaks of five kinds are found, named and told with a remedy; honest data, repeated values and all, raise no alarm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from trialist.errors import PlanError
from trialist.scoring.leaks import Kind, Leak, Severity, check_leaks
from trialist.scoring.rows import row_hashes
from trialist.scoring.split import Split

SETS = ("iris", "wine", "breast_cancer", "digits", "diabetes", "linnerud")
WINE, MAKERS = datasets.load_wine(return_X_y=True)
CANCER, DIAGNOSES = datasets.load_breast_cancer(return_X_y=True)
SUGAR, PROGRESS = datasets.load_diabetes(return_X_y=True, scaled=False)


def found(X: Any, y: Any, seed: int = 0, **how: Any) -> tuple[Leak, ...]:
    return check_leaks(Split(X, y, seed=seed, **how))


def kinds(*given: Any, **how: Any) -> set[Kind]:
    return {leak.kind for leak in found(*given, **how)}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("form", ["array", "frame", "list", "sparse", "single precision"])
def test_bundled_sets_are_clean_in_every_form(name: str, form: str) -> None:
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    made = {"array": np.asarray, "frame": pd.DataFrame, "list": lambda X: X.tolist(), "sparse": scipy.sparse.coo_matrix,
            "single precision": np.float32}[form](X)  # fmt: skip
    for seed in range(2):
        assert found(made, y, seed) == ()


@pytest.mark.parametrize("levels", [2, 3, 5])
@pytest.mark.parametrize("columns", [1, 3, 10])
def test_rows_that_repeat_in_coarse_data_are_no_copies(levels: int, columns: int) -> None:
    ranks = CANCER.argsort(axis=0).argsort(axis=0)[:, :columns]
    coarse = ranks * levels // len(CANCER)
    assert columns > 3 or len(np.unique(coarse, axis=0)) < len(coarse) / 2
    names = np.array(["low", "mild", "high", "higher", "top"])[coarse]
    for X in (coarse, names, pd.get_dummies(pd.DataFrame(names))):
        assert found(X, DIAGNOSES) == ()


@pytest.mark.parametrize("form", [np.float64, np.float32, lambda rows: rows.round(2), lambda rows: 0.0 - (0.0 - rows)])
def test_copies_are_found_also_after_rounding(form: Any) -> None:
    again = np.random.default_rng(0).choice(len(WINE), 20, replace=False)
    (leak,) = found(np.vstack([WINE, form(WINE[again])]), np.append(MAKERS, MAKERS[again]))
    assert (leak.kind, leak.severity, leak.where) == (Kind.COPIES, Severity.LEAK, "rows")
    assert "sealed rows" in leak.words and "Split(groups=...)" in leak.words


def test_copies_that_the_groups_keep_on_one_side_are_none() -> None:
    rows = np.repeat(np.arange(len(WINE)), 2)
    assert Kind.COPIES in kinds(WINE[rows], MAKERS[rows])
    assert kinds(WINE[rows], MAKERS[rows], groups=rows) == set()


def test_a_row_whose_columns_are_in_another_order_is_no_copy() -> None:
    X = np.random.default_rng(0).normal(size=(300, 6))
    assert found(np.vstack([X, X[:, ::-1]]), np.arange(600) % 2) == ()


def visits(times: int, noise: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Several noisy measurements of each person, in no order; and who is who."""
    rng = np.random.default_rng(1)
    who = rng.permutation(np.repeat(np.arange(len(PROGRESS)), times))
    X = SUGAR[who] + rng.normal(0, noise, (len(who), SUGAR.shape[1])) * SUGAR.std(axis=0)
    return pd.DataFrame(X).add_prefix("x"), PROGRESS[who] + rng.normal(0, 1, len(who)), who


@pytest.mark.parametrize("name", ["patient_id", "PatientID", "subject", "User ID"])
def test_a_column_that_names_persons_shows_that_they_straddle(name: str) -> None:
    X, y, who = visits(3, noise=0.8)
    (leak,) = found(X.assign(**{name: who}), y)
    assert (leak.kind, leak.where) == (Kind.GROUPS, name)


@pytest.mark.parametrize("as_text", [True, False])
def test_persons_are_known_without_a_name_by_how_alike_their_rows_are(as_text: bool) -> None:
    X, y, who = visits(4, noise=0.2)
    codes = np.random.default_rng(2).permutation(9999)[who]
    X.insert(0, "z", [f"p{code}" for code in codes] if as_text else codes)
    (leak,) = found(X, y)
    assert (leak.kind, leak.where) == (Kind.GROUPS, "z")
    assert found(X, y, groups=who) == ()


def test_amounts_in_whole_numbers_and_what_is_made_of_them_are_no_groups() -> None:
    rng = np.random.default_rng(0)
    age = rng.integers(18, 90, 1000)
    X = np.column_stack([age, age**2, age // 10, rng.poisson(20, 1000), rng.integers(0, 50, 1000)])
    assert found(X, age + rng.normal(0, 10, 1000)) == ()


def test_groups_and_times_that_are_named_beside_are_checked_to_the_row() -> None:
    split = Split(SUGAR, PROGRESS, seed=0)
    groups, time = np.arange(len(PROGRESS)) // 2, np.arange(len(PROGRESS))
    assert {leak.kind for leak in check_leaks(split, groups=groups, time=time)} == {Kind.GROUPS, Kind.TIME}
    assert check_leaks(Split(SUGAR, PROGRESS, groups=groups), groups=groups) == ()
    assert check_leaks(Split(SUGAR, PROGRESS, time=time), time=time) == ()
    with pytest.raises(PlanError, match="groups: 3 rows do not match the 442"):
        check_leaks(split, groups=[1, 2, 3])


def series(n: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    """A level that wanders, what is read of it, and the days."""
    rng = np.random.default_rng(0)
    level = np.zeros(n)
    for day in range(1, n):
        level[day] = 0.9 * level[day - 1] + rng.normal()
    days = pd.date_range("2024-01-01", periods=n)
    return pd.DataFrame({"day": days, "a": level + rng.normal(size=n), "b": rng.normal(size=n)}), level


@pytest.mark.parametrize("form", ["dates", "texts", "seconds"])
def test_a_series_split_at_random_is_found_and_by_time_it_is_not(form: str) -> None:
    X, y = series()
    days = X["day"]
    seconds = (days - pd.Timestamp("1970-01-01")).dt.total_seconds()
    X["timestamp"] = {"dates": days, "texts": days.astype(str), "seconds": seconds}[form]
    X = X.drop(columns="day")
    (leak,) = found(X, y)
    assert (leak.kind, leak.where) == (Kind.TIME, "timestamp")
    assert found(X, y, time=days) == ()


def test_dates_by_which_nothing_goes_on_are_no_time() -> None:
    X, y = series()
    rng = np.random.default_rng(1)
    assert found(X.assign(day=rng.permutation(X["day"])), rng.permutation(y)) == ()
    assert found(X.rename(columns={"day": "date_of_birth"}), y) == ()


@pytest.mark.parametrize(
    "column",
    [
        lambda y: np.array([7, 3, 5])[y],
        lambda y: np.array(["b", "c", "a"])[y],
        lambda y: y + np.random.default_rng(0).normal(0, 0.02, len(y)),
        lambda y: np.eye(3)[y],
    ],
    ids=["another number", "names", "with noise", "one column for each class"],
)
def test_the_classes_among_the_features_are_found(column: Any) -> None:
    extra = pd.DataFrame(column(MAKERS)).add_prefix("extra ")
    (leak,) = found(pd.concat([pd.DataFrame(WINE), extra], axis=1), MAKERS, stratify=True)
    assert leak.kind is Kind.TARGET and set(leak.where.split(", ")) == set(extra.columns)


@pytest.mark.parametrize("form", [np.log, np.negative, lambda y: y + np.random.default_rng(0).normal(0, 0.1, len(y))])
def test_an_amount_in_the_target_s_order_is_found(form: Any) -> None:
    (leak,) = found(np.column_stack([SUGAR, form(PROGRESS)]), PROGRESS)
    assert (leak.kind, leak.where) == (Kind.TARGET, "column 10")


def test_a_value_that_only_one_class_has_is_found() -> None:
    paid = np.where(DIAGNOSES == 1, np.nan, CANCER[:, 0])
    (leak,) = found(np.column_stack([CANCER[:, 5:], paid]), DIAGNOSES)
    assert (leak.kind, leak.where) == (Kind.TARGET, "column 25")


def test_a_row_number_of_rows_that_stand_by_class_is_found() -> None:
    X, y = datasets.load_iris(return_X_y=True)
    (leak,) = found(pd.DataFrame(X).assign(number=np.arange(150)), y, stratify=True)
    assert (leak.kind, leak.where) == (Kind.TARGET, "number")


def test_features_that_honestly_tell_all_are_no_target() -> None:
    X, y = datasets.load_iris(return_X_y=True)
    assert found(X, y == 0) == ()  # petals alone tell
    feathers = (y == 0).astype(float)
    assert found(np.column_stack([X, feathers]), y) == ()  # a matter of one class of three
    for seed in range(5):
        assert found(*datasets.make_blobs(300, 5, centers=3, random_state=seed)[:2]) == ()


@pytest.mark.parametrize(
    "prepare",
    [
        StandardScaler(),
        MinMaxScaler(),
        PCA(5),
        lambda X: SimpleImputer().fit_transform(np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)),
    ],
    ids=["standardised", "range", "components", "filled"],
)
@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_preparation_fitted_on_all_rows_is_remarked_and_on_the_open_ones_is_not(prepare: Any, precision: Any) -> None:
    fit = getattr(prepare, "fit_transform", prepare)
    (leak,) = found(fit(CANCER).astype(precision), DIAGNOSES)
    assert (leak.kind, leak.severity) == (Kind.PREPARATION, Severity.REMARK)
    if hasattr(prepare, "fit"):
        rows, _ = Split(np.arange(len(DIAGNOSES)), DIAGNOSES).train
        assert found(prepare.fit(CANCER[rows]).transform(CANCER), DIAGNOSES) == ()


def test_means_of_the_target_over_all_rows_are_a_leak_and_over_the_open_ones_are_none() -> None:
    town = np.random.default_rng(0).integers(0, 20, len(PROGRESS))
    opened = np.isin(np.arange(len(PROGRESS)), np.concatenate(Split(np.arange(442), PROGRESS).train_and_validation[:1]))
    for rows, leaks in ((np.ones(442, dtype=bool), 1), (opened, 0)):
        means = np.array([PROGRESS[rows & (town == t)].mean() for t in range(20)])[town]
        told = found(np.column_stack([SUGAR, means]), PROGRESS)
        assert [(leak.kind, leak.severity) for leak in told] == leaks * [(Kind.PREPARATION, Severity.LEAK)]


@pytest.mark.parametrize(
    "X",
    [
        list(range(40)),
        [f"word {i}" for i in range(40)],
        [[1, [2, 3]]] * 40,
        [{"a": i, "b": None} for i in range(40)],
        np.array([object() for _ in range(40)]),
        np.zeros((40, 0)),
        np.full((40, 2), np.nan),
        np.array([[np.inf, -np.inf, 1e308, -1e308]] * 20 + [[0.0, 1.0, 2.0, np.nan]] * 20),
        pd.DataFrame({"a": pd.array([1, None] * 20, dtype="Int64"), "b": pd.Categorical(["x", None] * 20)}),
        pd.DataFrame({"when": pd.date_range("2020-01-01", periods=40, tz="Europe/Berlin")}),
        np.random.default_rng(0).random((40, 3, 3)),
    ],
    ids=lambda X: f"{type(X).__name__}",
)
def test_data_of_any_make_can_be_checked(X: Any) -> None:
    for y in (list(range(40)), ["a", "b"] * 20, [None, 1.0] * 20):
        check_leaks(Split(X, y))


def test_the_same_row_has_the_same_hash_in_every_form() -> None:
    X = np.random.default_rng(0).normal(size=(50, 4)).round(3)
    X[::3, 1] = 0.0
    wanted = row_hashes(X).tolist()
    for other in (
        X.tolist(),
        pd.DataFrame(X),
        scipy.sparse.csc_matrix(X),
        X.astype(np.float32),
        X.astype(object),
    ):
        assert row_hashes(other).tolist() == wanted
    assert len(set(wanted)) == 50 and row_hashes(X[:, ::-1]).tolist() != wanted
