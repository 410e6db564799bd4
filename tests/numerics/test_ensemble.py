"""Ensembles: what several posteriors say together is what each of them says alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from trialist.numerics.ensemble import Ensemble
from trialist.numerics.gp import Fit, Layout, Posterior
from trialist.numerics.threads import one_thread

# A number, a choice of two in one-hot columns, another number.
PLAIN = Layout(np.array([0, 1, 1, 2]), np.array([], dtype=np.intp))
WARPED = Layout(np.array([0, 1, 1, 2]), np.array([0, 3]))
CASES = pytest.mark.parametrize("layout", [PLAIN, WARPED], ids=["plain", "warped"])
SMOOTHNESS = pytest.mark.parametrize("smoothness", [1.5, 2.5])
NAMES = ("means", "variances", "slopes of means", "slopes of variances")


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """As in a proposal."""
    with one_thread():
        yield


def points(n: int, rng: np.random.Generator) -> np.ndarray:
    X = rng.random((n, 4))
    X[:, 1:3] = np.eye(2)[rng.integers(2, size=n)] / np.sqrt(2.0)
    return X


def members(layout: Layout, smoothness: float, rng: np.random.Generator, size: int = 4) -> list[Fit]:
    """Fits with lengthscales, signal and noise of their own, and one warp."""
    layout = Layout(layout.group, layout.warped, smoothness)
    warp = rng.normal(0.0, 0.4, 2 * len(layout.warped))
    own = [[*rng.normal(-0.5, 0.5, layout.lengths), rng.normal(0.0, 0.5), rng.normal(-4.0, 1.0)] for _ in range(size)]
    return [Fit(np.array([*each, *warp]), 0.0, layout) for each in own]


def made(layout: Layout, smoothness: float) -> tuple[Ensemble, list[Posterior], np.random.Generator]:
    rng = np.random.default_rng(5)
    X, y = points(17, rng), rng.standard_normal(17)
    fits = members(layout, smoothness, rng)
    return Ensemble(fits, X, y), [Posterior(fit, X, y) for fit in fits], rng


def check(ensemble: Ensemble, posteriors: list[Posterior], X: np.ndarray) -> None:
    together = ensemble.predict_with_slopes(X)
    for name, parts, *each in zip(NAMES, together, *(p.predict_with_slopes(X) for p in posteriors), strict=True):
        assert parts.shape[:2] == (len(posteriors), len(X))
        np.testing.assert_allclose(parts, np.stack(each), rtol=1e-7, atol=1e-9, err_msg=name)
    for parts, again in zip(ensemble.predict(X), together, strict=False):
        np.testing.assert_allclose(parts, again, rtol=1e-12)
    assert np.ptp(together[0], axis=0).max() > 0.05  # the members do differ


@CASES
@SMOOTHNESS
def test_the_members_predict_as_they_do_alone(layout: Layout, smoothness: float) -> None:
    ensemble, posteriors, rng = made(layout, smoothness)
    assert ensemble.size == len(posteriors)
    check(ensemble, posteriors, points(9, rng))


@CASES
@SMOOTHNESS
def test_points_that_run_shrink_variances_alone_as_they_do_for_each_member(layout: Layout, smoothness: float) -> None:
    ensemble, posteriors, rng = made(layout, smoothness)
    running, X = points(3, rng), points(9, rng)
    more = ensemble.conditioned(running)
    check(more, [posterior.conditioned(running) for posterior in posteriors], X)
    np.testing.assert_allclose(more.predict(X)[0], ensemble.predict(X)[0], rtol=1e-9)
    assert (more.predict(running)[1] < 0.9 * ensemble.predict(running)[1]).all()
    twice = ensemble.conditioned(running[:1]).conditioned(running[1:])
    np.testing.assert_allclose(twice.predict(X)[1], more.predict(X)[1], rtol=1e-7, atol=1e-9)
    assert ensemble.conditioned(X[:0]) is ensemble


@CASES
@SMOOTHNESS
def test_slopes_are_derivatives(layout: Layout, smoothness: float) -> None:
    ensemble, _, rng = made(layout, smoothness)
    ensemble = ensemble.conditioned(points(2, rng))
    X, step = 0.1 + 0.8 * points(5, rng), 1e-5
    _, _, d_mean, d_variance = ensemble.predict_with_slopes(X)
    for column in range(X.shape[1]):
        aside = step * np.eye(X.shape[1])[column]
        high, low = ensemble.predict(X + aside), ensemble.predict(X - aside)
        for slopes, above, below in zip((d_mean, d_variance), high, low, strict=True):
            np.testing.assert_allclose(slopes[:, :, column], (above - below) / (2.0 * step), rtol=1e-4, atol=1e-6)
