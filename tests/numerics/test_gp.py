"""Gaussian processes: gradients by differences, data that break naive ones, algebra that agrees with its definition."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from trialist.numerics.gp import (
    Fit,
    Layout,
    Posterior,
    Prior,
    cholesky,
    fit,
    matern,
    matern_with_slope,
    neg_log_posterior,
    spread,
)
from trialist.numerics.threads import one_thread
from trialist.numerics.transform import half_rank

SMOOTHNESS = (1.5, 2.5)
NUMBERS = Layout(np.array([0, 1]), np.array([], dtype=np.intp))
WARPED = Layout(np.array([0, 1, 2]), np.array([0, 2]))
# A number, a choice of three in one-hot columns, a number, and whether something is active.
MIXED = Layout(np.array([0, 1, 1, 1, 2, 3]), np.array([0, 4]))
LAYOUTS = {"numbers": NUMBERS, "warped": WARPED, "mixed": MIXED}


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """As in a proposal."""
    with one_thread():
        yield


def layout_of(name: str, smoothness: float) -> Layout:
    return Layout(LAYOUTS[name].group, LAYOUTS[name].warped, smoothness)


def points(layout: Layout, n: int, rng: np.random.Generator) -> np.ndarray:
    X = rng.random((n, len(layout.group)))
    if len(layout.group) == len(MIXED.group):
        X[:, 1:4] = np.eye(3)[rng.integers(3, size=n)] / np.sqrt(2.0)
        X[:, 5] = rng.integers(2, size=n)
    return X


def theta_of(layout: Layout, rng: np.random.Generator) -> np.ndarray:
    D, W = layout.lengths, len(layout.warped)
    return np.concatenate(
        [rng.normal(-0.5, 0.5, D), rng.normal(0.0, 0.5, 1), rng.normal(-4.0, 1.0, 1), rng.normal(0.0, 0.4, 2 * W)]
    )


def differences(f: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """The gradient by central differences of the fourth order."""
    gradient = np.empty(len(x))
    for i in range(len(x)):
        e = np.zeros(len(x))
        e[i] = step
        gradient[i] = (8.0 * (f(x + e) - f(x - e)) - (f(x + 2.0 * e) - f(x - 2.0 * e))) / (12.0 * step)
    return gradient


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(found - expected).max() <= 1e-5 * max(np.abs(expected).max(), 1e-3)


@pytest.mark.parametrize("smoothness", SMOOTHNESS)
@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_of_the_posterior_is_its_derivative(name: str, smoothness: float, seed: int) -> None:
    rng, layout = np.random.default_rng(seed), layout_of(name, smoothness)
    X, theta = points(layout, 14, rng), theta_of(layout, rng)
    y = rng.standard_normal(14) + 5.0  # far from 0: the mean is profiled out
    means, sds = Prior().arrays(layout)

    def value(at: np.ndarray) -> float:
        return neg_log_posterior(at, X, y, layout, means, sds)[0]

    assert_close(neg_log_posterior(theta, X, y, layout, means, sds)[1], differences(value, theta, 1e-4))


@pytest.mark.parametrize("smoothness", SMOOTHNESS)
def test_the_objective_is_likelihood_times_prior(smoothness: float) -> None:
    rng, layout = np.random.default_rng(0), layout_of("numbers", smoothness)
    X, y, theta = points(layout, 9, rng), rng.standard_normal(9), theta_of(layout, rng)
    means, sds = Prior().arrays(layout)
    process = Fit(theta, 0.0, layout)
    K = process.noise * np.eye(9)
    for i, a in enumerate(X):
        for j, b in enumerate(X):
            r2 = np.array((((a - b) / process.lengthscales) ** 2).sum())
            K[i, j] += process.signal * float(matern(r2, smoothness))
    inverse = np.linalg.inv(K)
    m = inverse.sum(0) @ y / inverse.sum()
    expected = (
        0.5 * (y - m) @ inverse @ (y - m) + 0.5 * np.linalg.slogdet(K)[1] + 0.5 * (((theta - means) / sds) ** 2).sum()
    )
    assert neg_log_posterior(theta, X, y, layout, means, sds)[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothness", SMOOTHNESS)
def test_a_kernel_is_one_where_points_coincide_and_its_slope_is_finite_there(smoothness: float) -> None:
    k, slope = matern_with_slope(np.array([0.0, 0.3, 1.0, 400.0]), smoothness)
    assert k[0] == 1.0 and np.isfinite(slope).all() and (slope < 0.0).all()
    assert (np.diff(k) < 0.0).all() and k[-1] < 1e-6
    assert k == pytest.approx(matern(np.array([0.0, 0.3, 1.0, 400.0]), smoothness), rel=1e-14)


@pytest.mark.parametrize("smoothness", SMOOTHNESS)
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_slopes_of_predictions_are_their_derivatives(name: str, smoothness: float) -> None:
    rng, layout = np.random.default_rng(1), layout_of(name, smoothness)
    X, theta, at = points(layout, 12, rng), theta_of(layout, rng), points(layout, 5, rng)
    at = np.clip(at, 0.01, 0.99)
    posterior = Posterior(Fit(theta, 0.0, layout), X, rng.standard_normal(12))
    mean, variance, d_mean, d_variance = posterior.predict_with_slopes(at)
    assert mean == pytest.approx(posterior.predict(at)[0], rel=1e-12)
    assert variance == pytest.approx(posterior.predict(at)[1], rel=1e-12)
    for i, x in enumerate(at):
        assert_close(d_mean[i], differences(lambda u: float(posterior.predict(u[None])[0][0]), x))
        assert_close(d_variance[i], differences(lambda u: float(posterior.predict(u[None])[1][0]), x))


def worst_data() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(2)
    X, y = rng.random((12, 3)), rng.standard_normal(12)
    near = np.concatenate([X, X + 1e-9, X + 1e-13])
    return {
        "duplicates": (np.repeat(X, 3, axis=0), rng.standard_normal(36)),
        "near duplicates": (near, rng.standard_normal(36)),
        "one place": (np.full((20, 3), 0.5), rng.standard_normal(20)),
        "constant": (X, np.full(12, 3.7)),
        "one": (X[:1], y[:1]),
        "two": (X[:2], y[:2]),
        "huge": (X, 1e30 * y),
        "largest": (X, 1.7e308 * np.tanh(y)),
        "tiny spread": (X, 1.0 + 1e-12 * y),
        "an outlier": (X, np.append(y[:-1], 1e300)),
        "corners": (np.round(X), y),
    }


@pytest.mark.parametrize("smoothness", SMOOTHNESS)
@pytest.mark.parametrize("case", worst_data())
def test_no_data_breaks_a_process(case: str, smoothness: float) -> None:
    X, losses = worst_data()[case]
    layout = layout_of("warped", smoothness)
    at = np.concatenate([X, np.random.default_rng(3).random((30, 3)), np.zeros((1, 3)), np.ones((1, 3))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = half_rank(losses)
        process = fit(X, y, layout)
        posterior = Posterior(process, X, y)
        mean, variance, *slopes = posterior.predict_with_slopes(at)
        S = spread(process, X, y)
    assert all(np.isfinite(a).all() for a in (process.theta, mean, variance, *slopes, S))
    assert (variance > 0.0).all() and (variance <= process.signal * (1.0 + 1e-6)).all()
    assert np.abs(mean).max() < 10.0 * max(1.0, np.abs(y).max())


def test_a_covariance_that_is_not_positive_is_made_so_with_jitter() -> None:
    K = np.ones((5, 5))
    K[0, 1] = K[1, 0] = 1.0 + 1e-7
    L = cholesky(K, 1.0)
    assert np.abs(L @ L.T - K).max() < 1e-4


def test_points_that_are_added_give_what_a_new_factor_gives() -> None:
    rng, layout = np.random.default_rng(4), layout_of("mixed", 2.5)
    X, y, at = points(layout, 15, rng), rng.standard_normal(15), points(layout, 6, rng)
    process = Fit(theta_of(layout, rng), 0.0, layout)
    grown = Posterior(process, X[:10], y[:10]).conditioned(X[10:12]).conditioned(X[12:]).told(y)
    for found, expected in zip(grown.predict(at), Posterior(process, X, y).predict(at), strict=True):
        assert found == pytest.approx(expected, abs=1e-9)


def test_pending_points_leave_the_mean_and_shrink_the_variance() -> None:
    rng, layout = np.random.default_rng(5), layout_of("numbers", 2.5)
    X, y, at = rng.random((8, 2)), rng.standard_normal(8), rng.random((20, 2))
    posterior = Posterior(Fit(theta_of(layout, rng), 0.0, layout), X, y)
    pending = posterior.conditioned(at[:3])
    assert pending.predict(at)[0] == pytest.approx(posterior.predict(at)[0], abs=1e-9)
    assert (pending.predict(at)[1] <= posterior.predict(at)[1] + 1e-12).all()
    assert (pending.predict(at[:3])[1] < 1.01 * posterior.fit.noise).all()


def test_left_out_predictions_are_those_of_a_process_without_the_point() -> None:
    rng, layout = np.random.default_rng(6), layout_of("numbers", 1.5)
    X, y = rng.random((9, 2)), rng.standard_normal(9)
    process = Fit(theta_of(layout, rng), 0.0, layout)
    posterior = Posterior(process, X, y)
    mean, variance = posterior.left_out(y)
    for i in range(9):
        rest = np.arange(9) != i
        K = process.signal * matern((((X[:, None] - X) / process.lengthscales) ** 2).sum(-1), 1.5)
        K += (process.noise + 1e-8 * process.signal) * np.eye(9)
        weights = np.linalg.solve(K[np.ix_(rest, rest)], K[rest, i])
        assert mean[i] == pytest.approx(posterior.mean + weights @ (y[rest] - posterior.mean), abs=1e-6)
        assert variance[i] == pytest.approx(K[i, i] - weights @ K[rest, i], rel=1e-6)


def test_the_covariance_is_that_of_its_variances_and_of_white_noise_once_whitened() -> None:
    rng, layout = np.random.default_rng(7), layout_of("numbers", 2.5)
    X, at = rng.random((10, 2)), rng.random((7, 2))
    posterior = Posterior(Fit(theta_of(layout, rng), 0.0, layout), X, rng.standard_normal(10))
    mean, covariance = posterior.covariance(at)
    assert mean == pytest.approx(posterior.predict(at)[0], abs=1e-12)
    assert np.diag(covariance) == pytest.approx(posterior.predict(at)[1], abs=1e-9)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    assert posterior.between(at[:3], at[3:]) == pytest.approx(covariance[:3, 3:], abs=1e-9)
    K = posterior.fit.signal * matern((((X[:, None] - X) / posterior.fit.lengthscales) ** 2).sum(-1), 2.5)
    W = posterior.whitened(np.eye(10))
    assert W @ (K + posterior.fit.noise * np.eye(10)) @ W.T == pytest.approx(np.eye(10), abs=1e-5)


def test_a_fit_finds_the_dial_that_matters_and_the_noise() -> None:
    rng, layout = np.random.default_rng(8), layout_of("numbers", 2.5)
    X = rng.random((60, 2))
    smooth = np.sin(6.0 * X[:, 0])
    for noise in (0.0, 0.3):
        y = smooth + noise * rng.standard_normal(60)
        process = fit(X, (y - y.mean()) / y.std(), layout)
        assert process.lengthscales[1] > 3.0 * process.lengthscales[0]
        assert (process.noise < 1e-3) if noise == 0.0 else (0.04 < process.noise < 0.4)


def test_a_fit_does_not_depend_on_the_order_of_the_data() -> None:
    rng, layout = np.random.default_rng(9), layout_of("warped", 2.5)
    X, y = rng.random((25, 3)), rng.standard_normal(25)
    turned = rng.permutation(25)
    assert fit(X, y, layout).theta == pytest.approx(fit(X[turned], y[turned], layout).theta, abs=2e-3)


def test_hyperparameters_that_the_data_say_nothing_of_are_as_uncertain_as_their_priors() -> None:
    rng, layout = np.random.default_rng(10), layout_of("numbers", 2.5)
    X = np.column_stack([rng.random(40), np.full(40, 0.5)])  # the second dial never moves
    y = np.sin(8.0 * X[:, 0])
    process = fit(X, (y - y.mean()) / y.std(), layout)
    S = spread(process, X, (y - y.mean()) / y.std())
    sd = np.sqrt((S * S).sum(axis=1))
    assert sd[1] == pytest.approx(Prior().length[1], rel=0.02)
    assert sd[0] < 0.5 * Prior().length[1]
