"""Surrogates: how often hyperparameters are fitted, which trials a process knows, and that what is kept is a cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from trialist.model.surrogate import ACTIVE, EACH, MOST_BETWEEN, Surrogate, active_set, refit_count
from trialist.numerics.gp import Array, Fit, Layout
from trialist.numerics.threads import one_thread
from trialist.numerics.transform import half_rank

LAYOUT = Layout(np.array([0, 1]), np.array([0, 1]))


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """As in a proposal."""
    with one_thread():
        yield


def transform(values: Array, X: Array) -> Array:
    return half_rank(values)


class Counting(Surrogate):
    """Counts fits, and the points of each."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def fit(self, X: Array, y: Array, layout: Layout) -> Fit:
        self.sizes.append(len(y))
        return super().fit(X, y, layout)


def data(n: int, seed: int = 0) -> tuple[Array, Array]:
    X = np.random.default_rng(seed).random((n, 2))
    return X, ((X - 0.3) ** 2).sum(axis=1)


def test_fits_lie_ever_farther_apart() -> None:
    counts = sorted({refit_count(n) for n in range(1, 5001)})
    assert counts[:EACH] == list(range(1, EACH + 1))
    gaps = np.diff(counts)
    assert gaps.max() == MOST_BETWEEN and (np.diff(gaps) >= 0).all()
    late = [c for c in counts if EACH < c <= 1000]
    assert all(gap <= max(1, c // 20) for c, gap in zip(late, np.diff(late), strict=False))
    for n in range(1, 2000):
        assert refit_count(n) <= n and refit_count(refit_count(n)) == refit_count(n)


def test_between_two_fits_no_hyperparameter_is_fitted() -> None:
    X, y = data(70)
    surrogate = Counting()
    for n in range(3, 71):
        surrogate.fitted(X[:n], y[:n], LAYOUT, transform)
        surrogate.fitted(X[:n], y[:n], LAYOUT, transform)
    assert surrogate.sizes == sorted({refit_count(n) for n in range(3, 71)})


def test_a_fit_looks_at_a_bounded_number_of_trials() -> None:
    X, y = data(900)
    surrogate = Counting()
    fitted = surrogate.fitted(X, y, LAYOUT, transform)
    assert len(surrogate.sizes) == 1 and surrogate.sizes[0] <= ACTIVE
    assert ACTIVE <= len(fitted.rows) <= ACTIVE + MOST_BETWEEN
    assert fitted.rows[np.argmin(fitted.y)] == np.argmin(y)


@pytest.mark.parametrize("n", [39, 46, 320])
def test_a_fresh_one_agrees_with_one_that_saw_every_trial(n: int) -> None:
    X, y = data(n)
    at = np.random.default_rng(1).random((20, 2))
    long_lived = Surrogate()
    for count in range(max(3, n - 12), n):
        long_lived.fitted(X[:count], y[:count], LAYOUT, transform)
    ours, fresh = (s.fitted(X, y, LAYOUT, transform) for s in (long_lived, Surrogate()))
    assert np.array_equal(ours.rows, fresh.rows)
    for a, b in zip(ours.posterior.predict(at), fresh.posterior.predict(at), strict=True):
        assert np.array_equal(a, b)


def test_the_latest_trials_are_known_between_fits() -> None:
    X, y = data(62)
    assert refit_count(62) < 62
    posterior = Surrogate().fitted(X, y, LAYOUT, transform).posterior
    _, variance = posterior.predict(X[-1:])
    assert variance[0] < 1.01 * posterior.fit.noise + 1e-6


def test_values_are_told_by_their_own_transform_and_layout() -> None:
    X, y = data(20)
    surrogate = Surrogate()
    first = surrogate.fitted(X, y, LAYOUT, transform).posterior.predict(X)[0]
    rough = surrogate.fitted(X, y, Layout(LAYOUT.group, LAYOUT.warped, 1.5), transform).posterior.predict(X)[0]
    turned = surrogate.fitted(X, -y, LAYOUT, transform).posterior.predict(X)[0]
    assert not np.array_equal(first, rough)
    assert np.corrcoef(first, y)[0, 1] > 0.9 > -0.9 > np.corrcoef(turned, y)[0, 1]


def test_the_active_set_holds_the_best_the_nearest_and_an_even_share() -> None:
    X, y = data(2000)
    rows = active_set(X, y)
    assert len(rows) == ACTIVE and (np.diff(rows) > 0).all()
    order, distance = np.argsort(y), ((X - X[np.argmin(y)]) ** 2).sum(axis=1)
    assert set(order[: int(0.4 * ACTIVE)]) <= set(rows)
    assert set(np.argsort(distance)[: int(0.3 * ACTIVE)]) <= set(rows)
    assert np.histogram(rows, bins=10, range=(0, 2000))[0].min() > 5
    corners = [((X[rows] - corner) ** 2).sum(axis=1).min() for corner in ((0, 1), (1, 0), (1, 1))]
    assert max(corners) < 0.1  # also far from the best something is known
    assert np.array_equal(active_set(X[:ACTIVE], y[:ACTIVE]), np.arange(ACTIVE))


def test_near_a_trial_only_its_surroundings_count() -> None:
    X, y = data(1000)
    rows = active_set(X, y, near=X[7])
    distance = ((X - X[7]) ** 2).sum(axis=1)
    assert set(rows) == set(np.argsort(distance)[:ACTIVE])


def test_the_trial_that_is_looked_round_may_be_newer_than_the_last_fit() -> None:
    n = ACTIVE + 60
    X, y = data(n)
    assert refit_count(n) < n
    fitted = Surrogate().fitted(X, y, LAYOUT, transform, near=n - 1)
    assert n - 1 in fitted.rows
