"""The process of effects: its gradient, and its functions."""

from __future__ import annotations

import numpy as np
import pytest

from trialist.effects.ground import ground
from trialist.numerics.anova import neg_log_posterior, prior, unbounded, within
from trialist.numerics.orthonormal import choices, covariances, numbers
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space

SPACE = Space(x=Float(0, 1), n=Int(1, 5), c=Categorical(["a", "b", "d"]))


def test_functions_of_a_dial_have_mean_nought_and_variance_one_and_are_apart():
    for basis in ground(SPACE).dials:
        gram = (basis.table * basis.weights[:, None]).T @ basis.table
        assert basis.weights @ basis.table == pytest.approx(np.zeros(basis.size), abs=1e-9)
        assert gram == pytest.approx(np.eye(basis.size), abs=1e-9)


def test_uneven_weights_change_none_of_that():
    weights = np.array([0.1, 0.6, 0.3])
    for basis in (choices(np.array([0.0, 0.5, 1.0]), weights), numbers(np.array([0.1, 0.5, 0.8]), weights, True)):
        assert (basis.table * weights[:, None]).T @ basis.table == pytest.approx(np.eye(2), abs=1e-9)


def test_covariances_have_variance_one_at_every_length():
    for basis in ground(SPACE).dials:
        assert np.trace(covariances(basis, 2.5), axis1=1, axis2=2) == pytest.approx(1.0)


def test_the_gradient_is_that_of_finite_differences():
    made, rng = ground(SPACE), np.random.default_rng(0)
    rows, active = made.cube.uniform(rng, 25)
    terms = made.terms(rows, active, made.candidates, 2.5)
    y = rng.standard_normal(25)
    means, sds = prior(terms)
    theta = np.clip(means + 0.3 * rng.standard_normal(len(means)), -5.0, 1.0)
    theta[-2] = -13.0  # the rest is left out of the gradient of lengthscales: it must not show
    _, gradient = neg_log_posterior(theta, terms, y, means, sds)
    for i in range(len(theta)):
        step = np.zeros_like(theta)
        step[i] = 1e-5
        up, down = (neg_log_posterior(theta + s * step, terms, y, means, sds)[0] for s in (1, -1))
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=2e-3, abs=2e-3)


def test_beyond_a_bound_the_likelihood_stands_still_and_the_prior_goes_on():
    made, rng = ground(SPACE), np.random.default_rng(0)
    rows, active = made.cube.uniform(rng, 25)
    terms = made.terms(rows, active, made.candidates, 2.5)
    y = rng.standard_normal(25)
    means, sds = prior(terms)
    theta = means.copy()
    assert unbounded(theta, terms, y, means, sds)[0] == neg_log_posterior(theta, terms, y, means, sds)[0]
    theta[-1] = -20.0  # the noise
    at_bound = within(terms, theta)
    assert at_bound[-1] > theta[-1]
    value, gradient = unbounded(theta, terms, y, means, sds)
    unlikelier = 0.5 * (((theta - means) / sds) ** 2 - ((at_bound - means) / sds) ** 2)[-1]
    assert value == pytest.approx(neg_log_posterior(at_bound, terms, y, means, sds)[0] + unlikelier)
    assert gradient[-1] == pytest.approx((theta[-1] - means[-1]) / sds[-1] ** 2)
