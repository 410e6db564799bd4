"""Leaks: what the checks before a search find of planted ones, and what they say of clean data.

Every set is split with several seeds. A planted leak is found where a finding of its kind is told; on clean data every
finding, remarks included, is a false alarm. The planted leaks stand on the same data as the clean ones.

python -m honesty.leaks --seeds 5          # in benchmarks/
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import trialist as tl

Found = tuple[Any, ...]
Case = Callable[[int], Found]
CLEAN: dict[str, Case] = {}
PLANTED: dict[str, tuple[str, Case]] = {}


def clean(name: str) -> Callable[[Callable[[int], tl.Split]], None]:
    def add(make: Callable[[int], tl.Split]) -> None:
        CLEAN[name] = lambda seed: tl.check_leaks(make(seed))

    return add


def planted(kind: str, name: str) -> Callable[[Callable[[int], tl.Split | Found]], None]:
    def add(make: Callable[[int], tl.Split | Found]) -> None:
        def found(seed: int) -> Found:
            made = make(seed)
            return tl.check_leaks(made) if isinstance(made, tl.Split) else made

        PLANTED[name] = kind, found

    return add


def frame(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    return loaded.data, loaded.target.to_numpy()


def plain_diabetes() -> tuple[pd.DataFrame, np.ndarray]:
    loaded = datasets.load_diabetes(as_frame=True, scaled=False)
    return loaded.data, loaded.target.to_numpy()


# Clean: scikit-learn's bundled sets, whole and in part, in every form that a split takes


@clean("iris, array")
def _(seed: int) -> tl.Split:
    return tl.Split(*datasets.load_iris(return_X_y=True), stratify=True, seed=seed)


@clean("iris, 60 rows, lists")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_iris(return_X_y=True)
    rows = np.random.default_rng(seed).choice(150, 60, replace=False)
    return tl.Split(X[rows].tolist(), y[rows].tolist(), seed=seed)


@clean("iris, one species or not (petals alone tell)")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_iris(return_X_y=True)
    return tl.Split(X, y == 0, stratify=True, seed=seed)


@clean("wine, frame")
def _(seed: int) -> tl.Split:
    return tl.Split(*frame("wine"), stratify=True, seed=seed)


@clean("wine, whole amounts as numbers of names")
def _(seed: int) -> tl.Split:
    X, y = frame("wine")
    return tl.Split(X.round().astype(int), np.array(["barolo", "grignolino", "barbera"])[y], seed=seed)


@clean("breast cancer, frame")
def _(seed: int) -> tl.Split:
    return tl.Split(*frame("breast_cancer"), seed=seed)


@clean("breast cancer, 100 rows")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_breast_cancer(return_X_y=True)
    rows = np.random.default_rng(seed).choice(len(y), 100, replace=False)
    return tl.Split(X[rows], y[rows], seed=seed)


@clean("breast cancer, four features in grades, by name")
def _(seed: int) -> tl.Split:
    X, y = frame("breast_cancer")
    grades = X.iloc[:, :4].apply(lambda c: pd.qcut(c, 4, labels=["low", "mild", "high", "top"]))
    return tl.Split(grades, y, seed=seed)


@clean("breast cancer, all features above their median or not")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return tl.Split((np.median(X, axis=0) < X).astype(np.int8), y, seed=seed)


@clean("digits, array")
def _(seed: int) -> tl.Split:
    return tl.Split(*datasets.load_digits(return_X_y=True), stratify=True, seed=seed)


@clean("digits, images of bytes, 500 rows")
def _(seed: int) -> tl.Split:
    loaded = datasets.load_digits()
    rows = np.random.default_rng(seed).choice(1797, 500, replace=False)
    return tl.Split(loaded.images[rows].astype(np.uint8), loaded.target[rows], seed=seed)


@clean("digits, 0 or 1, sparse")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_digits(return_X_y=True)
    return tl.Split(scipy.sparse.csr_matrix(X[y < 2]), y[y < 2], seed=seed)


@clean("diabetes, array (centred by its makers)")
def _(seed: int) -> tl.Split:
    return tl.Split(*datasets.load_diabetes(return_X_y=True), seed=seed)


@clean("diabetes, frame, as measured")
def _(seed: int) -> tl.Split:
    return tl.Split(*plain_diabetes(), seed=seed)


@clean("diabetes with a row number, and a day of birth")
def _(seed: int) -> tl.Split:
    X, y = plain_diabetes()
    born = pd.Timestamp("2000-01-01") - pd.to_timedelta(X["age"] * 365.25, unit="D")
    return tl.Split(X.assign(id=np.arange(len(y)), birth_date=born), y, seed=seed)


@clean("diabetes with days of visits that say nothing")
def _(seed: int) -> tl.Split:
    X, y = plain_diabetes()
    days = np.random.default_rng(seed).integers(0, 900, len(y))
    return tl.Split(X.assign(visit=pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D")), y, seed=seed)


@clean("linnerud, three targets, 20 rows")
def _(seed: int) -> tl.Split:
    return tl.Split(*datasets.load_linnerud(return_X_y=True), seed=seed)


@clean("wine, several bottles of a maker, split by maker")
def _(seed: int) -> tl.Split:
    X, y, maker = repeated(*frame("wine"), times=3, noise=0.05, seed=seed)
    return tl.Split(X.assign(maker_id=maker), y, groups=maker, seed=seed)


@clean("a series with its days, split by time")
def _(seed: int) -> tl.Split:
    X, y = series(seed)
    return tl.Split(X, y, time=X["day"], seed=seed)


@clean("a series that is prepared on its training rows")
def _(seed: int) -> tl.Split:
    X, y = frame("wine")
    rows = tl.Split(np.arange(len(y)), y, seed=seed).train[0]
    return tl.Split(StandardScaler().fit(X.iloc[rows]).transform(X), y, seed=seed)


@clean("made: classes, half of them noise")
def _(seed: int) -> tl.Split:
    return tl.Split(*datasets.make_classification(500, 20, n_informative=4, random_state=seed), seed=seed)


@clean("made: far blobs (an easy task)")
def _(seed: int) -> tl.Split:
    return tl.Split(*datasets.make_blobs(300, 5, centers=3, random_state=seed)[:2], seed=seed)


@clean("made: linear, no noise")
def _(seed: int) -> tl.Split:
    return tl.Split(*datasets.make_regression(400, 10, n_informative=5, random_state=seed), seed=seed)


@clean("made: Friedman's first, dense in two of its columns")
def _(seed: int) -> tl.Split:
    X, y = datasets.make_friedman1(5000, random_state=seed)
    return tl.Split(np.round(X[:, :2], 3), y, seed=seed)


@clean("made: moons, 10,000 rows")
def _(seed: int) -> tl.Split:
    return tl.Split(*datasets.make_moons(10_000, noise=0.2, random_state=seed), seed=seed)


@clean("made: rare words, sparse counts")
def _(seed: int) -> tl.Split:
    X, y = datasets.make_multilabel_classification(600, 300, length=40, sparse=True, random_state=seed)
    return tl.Split(X, np.asarray(y)[:, 0], seed=seed)


@clean("made: a column along one curve, in five forms")
def _(seed: int) -> tl.Split:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, 2000)
    X = np.column_stack([age, age**2, np.sqrt(age), age // 10, np.log(age)])
    return tl.Split(X, age + rng.normal(0, 10, 2000), seed=seed)


def repeated(
    X: pd.DataFrame, y: np.ndarray, times: int, noise: float, seed: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Each row measured several times: the noise in standard deviations; and which rows are of one thing."""
    which = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(y)), times))
    error = np.random.default_rng(seed + 1).normal(0, noise, (len(which), X.shape[1])) * X.std().to_numpy()
    return pd.DataFrame(X.to_numpy()[which] + error, columns=X.columns), y[which], which


def series(seed: int, n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    """A level that wanders slowly, two readings of it, and the days."""
    rng = np.random.default_rng(seed)
    level = np.zeros(n)
    for day in range(1, n):
        level[day] = 0.95 * level[day - 1] + rng.normal()
    days = pd.date_range("2023-01-01", periods=n)
    X = pd.DataFrame({"day": days, "a": level + rng.normal(0, 1, n), "b": rng.normal(0, 1, n)})
    return X, np.roll(level, -1) + rng.normal(0, 0.5, n)


# Planted


@planted("copies", "breast cancer, 5 % of the rows once more")
def _(seed: int) -> tl.Split:
    X, y = frame("breast_cancer")
    again = np.random.default_rng(seed).choice(len(y), len(y) // 20, replace=False)
    return tl.Split(pd.concat([X, X.iloc[again]]), np.concatenate([y, y[again]]), seed=seed)


@planted("copies", "digits, a class sampled up before the split")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_digits(return_X_y=True)
    rare = np.flatnonzero(y == 3)
    rows = np.concatenate([np.flatnonzero(y != 3), rare[:40], rare[:40], rare[:40]])
    return tl.Split(X[rows], y[rows], seed=seed)


@planted("copies", "wine, a second export, rounded to single precision")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_wine(return_X_y=True)
    again = np.random.default_rng(seed).choice(len(y), 25, replace=False)
    return tl.Split(np.vstack([X, X[again].astype(np.float32)]), np.concatenate([y, y[again]]), seed=seed)


@planted("copies", "diabetes, rows once more with rounding, lists")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_diabetes(return_X_y=True)
    again = np.random.default_rng(seed).choice(len(y), 50, replace=False)
    return tl.Split(np.vstack([X, X[again].round(4)]).tolist(), np.concatenate([y, y[again]]).tolist(), seed=seed)


@planted("groups", "breast cancer, three slides of a patient")
def _(seed: int) -> tl.Split:
    X, y, who = repeated(*frame("breast_cancer"), times=3, noise=0.2, seed=seed)
    return tl.Split(X.assign(PatientID=who), y, seed=seed)


@planted("groups", "wine, four bottles of a maker, numbers without a name")
def _(seed: int) -> tl.Split:
    X, y, maker = repeated(*frame("wine"), times=4, noise=0.2, seed=seed)
    codes = np.random.default_rng(seed).permutation(10_000)[maker]
    return tl.Split(np.column_stack([codes, X]), y, seed=seed)


@planted("groups", "diabetes, five visits of a person, texts")
def _(seed: int) -> tl.Split:
    X, y, who = repeated(*plain_diabetes(), times=5, noise=0.3, seed=seed)
    codes = np.random.default_rng(seed).permutation(10_000)[who]
    return tl.Split(X.assign(record=[f"R{code:05d}" for code in codes]), y, seed=seed)


@planted("groups", "digits, by writers that are named beside")
def _(seed: int) -> Found:
    X, y = datasets.load_digits(return_X_y=True)
    return tl.check_leaks(tl.Split(X, y, seed=seed), groups=np.arange(len(y)) // 42)


@planted("time", "a series with its days, split at random")
def _(seed: int) -> tl.Split:
    return tl.Split(*series(seed), seed=seed)


@planted("time", "the same in lists, days as text")
def _(seed: int) -> tl.Split:
    X, y = series(seed)
    return tl.Split([[str(day.date()), a, b] for day, a, b in X.itertuples(index=False)], y.tolist(), seed=seed)


@planted("time", "the same shuffled, seconds as numbers")
def _(seed: int) -> tl.Split:
    X, y = series(seed)
    rows = np.random.default_rng(seed).permutation(len(y))
    seconds = (X["day"] - pd.Timestamp("1970-01-01")).dt.total_seconds()
    return tl.Split(X.drop(columns="day").assign(timestamp=seconds).iloc[rows], y[rows], seed=seed)


@planted("time", "diabetes, by years that are named beside")
def _(seed: int) -> Found:
    X, y = plain_diabetes()
    return tl.check_leaks(tl.Split(X, y, seed=seed), time=np.random.default_rng(seed).integers(1990, 2020, len(y)))


@planted("target", "iris, the species under another number")
def _(seed: int) -> tl.Split:
    X, y = frame("iris")
    return tl.Split(X.assign(code=np.array([30, 10, 20])[y]), y, seed=seed)


@planted("target", "breast cancer, the diagnosis with noise")
def _(seed: int) -> tl.Split:
    X, y = frame("breast_cancer")
    return tl.Split(X.assign(risk=y + np.random.default_rng(seed).normal(0, 0.05, len(y))), y, seed=seed)


@planted("target", "diabetes, the logarithm of the target")
def _(seed: int) -> tl.Split:
    X, y = plain_diabetes()
    return tl.Split(X.assign(index=np.log(y)), y, seed=seed)


@planted("target", "wine, one column for each class")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_wine(return_X_y=True)
    return tl.Split(np.column_stack([X, np.eye(3)[y]]), y, stratify=True, seed=seed)


@planted("preparation", "wine, standardised before the split")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_wine(return_X_y=True)
    return tl.Split(StandardScaler().fit_transform(X), y, seed=seed)


@planted("preparation", "breast cancer, scaled to its range")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return tl.Split(MinMaxScaler().fit_transform(X), y, seed=seed)


@planted("preparation", "digits, principal components")
def _(seed: int) -> tl.Split:
    X, y = datasets.load_digits(return_X_y=True)
    return tl.Split(PCA(10).fit_transform(X), y, seed=seed)


@planted("preparation", "diabetes, gaps filled with the mean; a town by its mean target")
def _(seed: int) -> tl.Split:
    X, y = plain_diabetes()
    rng = np.random.default_rng(seed)
    holes = X.mask(rng.random(X.shape) < 0.05)
    if seed % 2:
        return tl.Split(SimpleImputer().fit_transform(holes), y, seed=seed)
    town = pd.Series(rng.integers(0, 20, len(y)))
    return tl.Split(X.assign(town=pd.Series(y).groupby(town).transform("mean")), y, seed=seed)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="splits of each set [5]")
    args = parser.parse_args(argv)
    warnings.filterwarnings("error", module="trialist")
    print("\n".join(table(args.seeds)))


def table(seeds: int = 5) -> list[str]:
    """The lines: planted leaks, then clean sets, then how long it takes."""
    return [*_planted(seeds), "", *_clean(seeds), "", *_times()]


def _planted(seeds: int) -> Iterator[str]:
    yield f"{'planted leak':<64} {'kind':<12} found"
    found = whole = 0
    for name, (kind, make) in PLANTED.items():
        hits = sum(any(leak.kind == kind for leak in make(seed)) for seed in range(seeds))
        found, whole = found + hits, whole + (hits == seeds)
        yield f"{name:<64} {kind:<12} {hits} of {seeds}"
    yield f"found at every seed: {whole} of {len(PLANTED)}; splits: {found} of {seeds * len(PLANTED)}"


def _clean(seeds: int) -> Iterator[str]:
    yield f"{'clean set':<64} {'':<12} alarms"
    alarms = without = 0
    for name, make in CLEAN.items():
        told = [make(seed) for seed in range(seeds)]
        false = sum(map(bool, told))
        alarms, without = alarms + false, without + (not false)
        yield f"{name:<64} {'':<12} {false} of {seeds}"
        yield from (f"    {leak}" for leaks in told for leak in leaks)
    yield f"without any alarm: {without} of {len(CLEAN)}; false alarms: {alarms} of {seeds * len(CLEAN)} splits"


def _times() -> Iterator[str]:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100_000, 100)), rng.integers(0, 2, 100_000)
    for name, data in (("100,000 x 100, array", X), ("100,000 x 100, frame", pd.DataFrame(X))):
        split = tl.Split(data, y)
        since = time.perf_counter()
        tl.check_leaks(split)
        yield f"{name:<64} {'':<12} {time.perf_counter() - since:.1f} s"


if __name__ == "__main__":
    main()
