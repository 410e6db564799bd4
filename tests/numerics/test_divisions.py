"""What folds of divisions of the same rows have in common, learnt from their scores."""

from __future__ import annotations

import numpy as np
import pytest

from trialist.numerics.crossed import paired
from trialist.numerics.divisions import overlap_of

K = 5


def divided(losses: np.ndarray, divisions: int, rng: np.random.Generator) -> np.ndarray:
    """(k, divisions, K) mean losses of folds, where training does nothing: rows (k, n) have losses of their own."""
    n = losses.shape[1]
    parts = [rng.permutation(n).reshape(K, -1) for _ in range(divisions)]
    return np.stack([[losses[:, part].mean(axis=1) for part in each] for each in parts], axis=0).transpose(2, 0, 1)


def test_where_rows_alone_make_the_noise_further_divisions_bring_nothing() -> None:
    rng = np.random.default_rng(0)
    for divisions in (1, 2, 5):
        found = overlap_of(divided(rng.normal(size=(6, 100)), divisions, rng))
        assert found is not None
        # All divisions have the same mean, whose variance is that of one, and the allowance; of all scores together the
        # variance is smaller than within divisions, since what is between these does not vary.
        smaller = (K - 1) / (K - 1 / divisions)
        assert (1 / (K * divisions) + found) * smaller == pytest.approx(1.25 / K)


def test_where_the_division_alone_makes_the_noise_each_one_counts() -> None:
    rng = np.random.default_rng(1)
    one, five = (overlap_of(rng.normal(size=(60, divisions, K))) for divisions in (1, 5))
    assert one is not None and five is not None
    assert 1 / (5 * K) + five < 0.6 * (1 / K + one)


def test_it_does_not_change_with_unit_scale_or_order_and_missing_divisions_do_no_harm() -> None:
    rng = np.random.default_rng(2)
    D = rng.normal(size=(6, 3, K))
    found = overlap_of(D)
    assert found == pytest.approx(overlap_of(1e6 * D + 7.0))
    assert found == pytest.approx(overlap_of(D[::-1, ::-1, ::-1]))
    D[1, 2] = np.nan
    D[3] = np.nan
    assert overlap_of(D) is not None


def test_nothing_is_told_where_nothing_varies_or_is_there() -> None:
    assert overlap_of(np.zeros((4, 2, K))) is None
    assert overlap_of(np.full((4, 2, K), np.nan)) is None
    assert overlap_of(np.random.default_rng(0).normal(size=(4, 3, 1))) is None


def test_intervals_of_nearest_neighbours_by_folds_hold_as_often_as_they_say() -> None:
    """By the rule of thumb, 1 / (K - 1), they held in 98.4 %."""
    rng = np.random.default_rng(3)
    rows, counts, sweeps = np.arange(80), (1, 4, 7, 11, 25), 300
    found = []
    for _ in range(sweeps):
        X = rng.uniform(size=(80, 2))
        y = np.sin(4 * X[:, 0]) + X[:, 1] + 0.5 * rng.normal(size=80)
        distances = ((X[:, None] - X) ** 2).sum(axis=2)
        scores = np.empty((len(counts), 3, K))
        for r in range(3):
            for j, held in enumerate(np.array_split(rng.permutation(80), K)):
                train = np.setdiff1d(rows, held)
                near = y[train[np.argsort(distances[np.ix_(held, train)], axis=1)]]
                scores[:, r, j] = [((y[held] - near[:, :k].mean(axis=1)) ** 2).mean() for k in counts]
        found.append(np.delete(scores - scores[2], 2, axis=0))
    truth = np.mean(found, axis=(0, 2, 3))
    held_in, thumb = 0, 0
    for D in found:
        overlap = overlap_of(D)
        assert overlap is not None
        for counted, given in ((0, overlap), (1, 1 / (K - 1))):
            ends = [e.interval() for e in paired(D.reshape(len(D), -1), given) if e is not None]
            hits = sum(low <= true <= high for (low, high), true in zip(ends, truth, strict=True))
            held_in, thumb = (held_in, thumb + hits) if counted else (held_in + hits, thumb)
    assert 0.93 < held_in / (4 * sweeps) < 0.97 < thumb / (4 * sweeps)
