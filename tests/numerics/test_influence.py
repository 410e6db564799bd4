"""Pseudo-values average to the metric, and spread as the metric does from sample to sample."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng
from sklearn.metrics import roc_auc_score

from trialist.numerics.influence import area, counted_twice, root_of_mean
from trialist.numerics.resampling import bundles_of, jackknife


def delong(positive: np.ndarray, scores: np.ndarray) -> float:
    """The variance of the area by the double sum over pairs that DeLong et al. 1988 give."""
    x, y = scores[positive], scores[~positive]
    psi = (x[:, None] > y).astype(float) + 0.5 * (x[:, None] == y)
    return float(psi.mean(1).var(ddof=1) / len(x) + psi.mean(0).var(ddof=1) / len(y))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_placements_average_to_the_area_in_each_class(rows: list[tuple[bool, int]]) -> None:
    positive, scores = np.array([p for p, _ in rows]), np.array([float(s) for _, s in rows])
    values = area(positive, scores)
    if positive.all() or not positive.any():
        assert np.isnan(values).all()
        return
    whole = roc_auc_score(positive, scores)
    assert values.mean() == pytest.approx(whole)
    assert values[positive].mean() == pytest.approx(whole)


def test_placements_have_delongs_variance() -> None:
    rng = default_rng(0)
    positive = rng.random(90) < 0.3
    scores = np.round(rng.normal(size=90) + positive, 1)
    values, n = area(positive, scores), 90
    shares = [((m := int(c.sum())) / n) ** 2 * values[c].var(ddof=1) / m for c in (positive, ~positive)]
    assert sum(shares) == pytest.approx(delong(positive, scores))


def interaction(positive: np.ndarray, arms: list[np.ndarray]) -> float:
    """By all pairs: what is left of them once rows and columns are taken off, over their number."""
    first, second = (
        np.mean([(x[positive][:, None] > x[~positive]) + 0.5 * (x[positive][:, None] == x[~positive]) for x in arm], 0)
        for arm in arms
    )
    K = first - second
    own = K - K.mean(1, keepdims=True) - K.mean(0) + K.mean()
    return float((own**2).sum() / ((K.shape[0] - 1) * (K.shape[1] - 1)) / K.size)


@given(seeds=st.tuples(st.integers(1, 3), st.integers(1, 3)), n=st.integers(6, 40), state=st.integers(0, 99))
def test_what_is_counted_twice_is_told_by_placements_as_by_all_pairs(
    seeds: tuple[int, int], n: int, state: int
) -> None:
    rng = default_rng(state)
    positive = rng.permutation(n) < max(2, n // 4)
    arms = [rng.normal(size=(s, n)) + positive for s in seeds]
    a, b = (np.stack([area(positive, row) for row in arm]) for arm in arms)
    wanted = interaction(positive, arms)
    for x, y in ((a, b), (1 - a, 1 - b), (-a, -b), (b, a)):
        assert counted_twice(x, y, positive) == pytest.approx(wanted, rel=1e-6, abs=1e-12)


def test_without_what_is_counted_twice_the_variance_of_a_difference_is_that_of_many_samples() -> None:
    rng, positive = default_rng(4), np.arange(60) < 6
    found, plain, less = [], [], []
    for _ in range(4_000):
        shared = rng.normal(size=60)
        a, b = (area(positive, 1.2 * positive + shared + 0.3 * rng.normal(size=60)) for _ in range(2))
        d = a - b
        found.append(d.mean())
        plain.append(sum(d[c].var(ddof=1) * c.sum() / 60**2 for c in (positive, ~positive)))
        less.append(plain[-1] - counted_twice(a[None], b[None], positive))
    true = np.var(found)  # 4,000 samples: sd 2.2 % and more, for tails
    assert np.mean(less) == pytest.approx(true, rel=0.07)
    assert np.mean(plain) > 1.08 * np.mean(less)


def test_nothing_is_counted_twice_of_what_is_no_placement_or_hardly_matters() -> None:
    rng = default_rng(5)
    positive = np.arange(1200) < 600
    a, b = (area(positive, rng.normal(size=1200) + positive)[None] for _ in range(2))
    assert counted_twice(a, b, positive) == 0.0  # too many pairs for it to matter
    few = positive[::60]
    assert counted_twice(rng.random((1, 20)), rng.random((1, 20)), few) == 0.0
    assert counted_twice(a[:, :5], b[:, :5], np.arange(5) < 1) == 0.0


def test_the_root_of_a_mean_varies_by_the_delta_method() -> None:
    rng = default_rng(1)
    squares = rng.chisquare(3, size=(4_000, 200))
    told = np.mean([root_of_mean(row).std(ddof=1) / math.sqrt(200) for row in squares])
    assert told == pytest.approx(np.sqrt(squares.mean(axis=1)).std(), rel=0.05)  # 4,000 samples: sd 1.1 %
    assert root_of_mean(squares[0]).mean() == pytest.approx(math.sqrt(squares[0].mean()))
    assert root_of_mean(np.zeros(3)).tolist() == [0.0, 0.0, 0.0]


def test_the_jackknife_of_a_mean_gives_its_bundles_means() -> None:
    rng = default_rng(2)
    x, bundles = rng.normal(size=50), np.repeat(np.arange(10), 5)
    values = jackknife(lambda rows: float(x[rows].mean()), bundles)
    assert values.reshape(10, 5)[:, 0] == pytest.approx(x.reshape(10, 5).mean(axis=1))
    assert values.mean() == pytest.approx(x.mean())


@pytest.mark.parametrize(
    ("score", "factor"),
    [(lambda x: float(np.median(x)), 1.2533), (lambda x: float(np.std(x)), 0.7071)],
    ids=["median", "sd"],
)
def test_the_jackknife_over_bundles_knows_the_error_of_a_statistic(
    score: Callable[[np.ndarray], float], factor: float
) -> None:
    """Of normal samples; deleting single rows would not do for a median (Shao & Wu 1989)."""
    rng, told = default_rng(3), []
    for _ in range(150):
        x = rng.normal(size=400)
        bundles = bundles_of(400, rng)
        values = jackknife(lambda rows, x=x: score(x[rows]), bundles)
        each = np.array([values[bundles == k][0] for k in range(40)])
        told.append(each.var(ddof=1) / 40)
    assert math.sqrt(np.mean(told)) == pytest.approx(factor / 20, rel=0.15)


def test_bundles_keep_groups_whole_and_are_about_even() -> None:
    groups = np.repeat(np.arange(100), 3)
    bundles = bundles_of(300, default_rng(0), groups)
    assert len(np.unique(bundles)) == 40
    assert all(len(set(bundles[groups == g])) == 1 for g in range(100))
    assert set(np.bincount(bundles_of(400, default_rng(0)))) == {10}
    assert sorted(bundles_of(7, default_rng(0))) == list(range(7))
