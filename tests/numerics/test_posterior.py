"""Draws of a posterior have its moments, from starts that lie apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from trialist.numerics.posterior import drawn


def test_a_normal_posterior_is_drawn_with_its_mean_and_covariance():
    covariance = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 4.0]])
    mean, precision = np.array([1.0, -2.0, 0.5]), np.linalg.inv(covariance)

    def energy(theta):
        return 0.5 * (theta - mean) @ precision @ (theta - mean), precision @ (theta - mean)

    found = np.array(drawn(energy, mean, np.linalg.cholesky(covariance), np.random.default_rng(0), 2000))
    # 4 standard errors of 2,000 draws, which are independent of each other but for the step.
    assert found.mean(axis=0) == pytest.approx(mean, abs=4 * 2.0 / np.sqrt(2000))
    assert np.cov(found.T) == pytest.approx(covariance, abs=4 * np.sqrt(2) * 4.0 / np.sqrt(2000))


def test_a_skewed_posterior_is_drawn_as_it_is_not_as_its_likeliest_place_has_it():
    """The log of a Gamma(1) variable: its mode is 0, its mean Euler's constant below."""

    def energy(theta):
        return float(np.exp(theta[0]) - theta[0]), np.exp(theta) - 1.0

    found = np.array(drawn(energy, np.zeros(1), np.eye(1), np.random.default_rng(1), 3000))
    assert found.mean() == pytest.approx(special.digamma(1.0), abs=0.1)
    assert found.std() == pytest.approx(np.sqrt(special.polygamma(1, 1.0)), abs=0.1)


def test_places_where_the_posterior_breaks_down_are_never_drawn():
    def energy(theta):
        return (0.5 * float(theta @ theta), theta) if theta[0] < 1.0 else (1e25, np.zeros_like(theta))

    found = np.array(drawn(energy, np.zeros(2), np.eye(2), np.random.default_rng(2), 500))
    assert found[:, 0].max() < 1.0
    assert found[:, 1].std() == pytest.approx(1.0, abs=0.15)


def test_the_same_key_draws_the_same():
    def energy(theta):
        return 0.5 * float(theta @ theta), theta

    one, other = (drawn(energy, np.zeros(2), np.eye(2), np.random.default_rng(7), 5) for _ in range(2))
    assert np.array_equal(one, other)
