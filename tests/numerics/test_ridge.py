"""Ridge regression: closed forms, honest intervals, and slopes only where the data show them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from trialist.numerics.ridge import WORTH, fit


def test_without_features_the_next_value_follows_the_textbook_t() -> None:
    y = np.array([1.0, 2.0, 4.0, 3.5, 2.2])
    found = fit(np.zeros((5, 0)), y, guess=0.3)
    freedom = 5 - 1 + WORTH
    scale = np.sqrt((np.sum((y - y.mean()) ** 2) + WORTH * 0.3**2) / freedom)
    location, width = found.predict(np.zeros((1, 0)))
    assert location[0] == pytest.approx(y.mean())
    assert width[0] == pytest.approx(scale * np.sqrt(1 + 1 / 5))
    expected = stats.t(freedom, location[0], width[0]).ppf(0.9)
    assert found.quantile(np.zeros((1, 0)), 0.9)[0] == pytest.approx(expected)


def test_a_single_value_already_has_an_interval() -> None:
    found = fit(np.array([[0.2, 0.4]]), np.array([3.0]), guess=0.5)
    X = np.array([[0.9, 0.1]])
    assert found.quantile(X, 0.5)[0] == pytest.approx(3.0)
    assert 3.5 < found.quantile(X, 0.95)[0] < 6.0


def test_it_finds_slopes_that_are_there_and_none_in_noise() -> None:
    rng = np.random.default_rng(0)
    X = rng.random((60, 3))
    steep = fit(X, 2.0 * X[:, 0] + 0.1 * rng.standard_normal(60), guess=0.3)
    assert steep.slopes == pytest.approx([2.0, 0.0, 0.0], abs=0.2)
    flat = fit(X, rng.standard_normal(60), guess=0.3)
    assert np.abs(flat.slopes).max() < 0.5


def test_its_quantiles_are_exceeded_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    below = []
    for _ in range(400):
        slopes, X = rng.standard_normal(4), rng.random((15, 4))
        y = X @ slopes + 0.5 * rng.standard_normal(15)
        x = rng.random((1, 4))
        truth = (x @ slopes)[0] + 0.5 * rng.standard_normal()
        below.append(truth <= fit(X, y, guess=0.3).quantile(x, 0.9)[0])
    assert np.mean(below) == pytest.approx(0.9, abs=0.04)


def test_far_from_what_was_seen_it_is_less_sure() -> None:
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.random(20), np.full(20, 0.5)])  # the second feature never varied
    found = fit(X, X[:, 0] + 0.1 * rng.standard_normal(20), guess=0.3)
    _, here = found.predict(np.array([[0.5, 0.5]]))
    _, far = found.predict(np.array([[5.0, 0.5]]))
    _, unseen = found.predict(np.array([[0.5, 3.0]]))
    assert far[0] > here[0] and unseen[0] > here[0]
