"""Parzen estimators: proper densities over mixed and conditional dials, draws that follow them, bandwidths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trialist.numerics.parzen import Candidates, Dials, Mixture, bandwidths

CELLS = 400  # of a continuum, for integrals by midpoints
# Shares of the finite dials' values: those of the integers are uneven, as on a log axis.
CHOICE, INTEGER = np.array([0.0, 1 / 3, 2 / 3, 1.0]), np.array([0.0, 0.4, 0.7, 0.9, 1.0])


def tree(prior: bool) -> Dials:
    """A choice; an integer; a number that is active under the first choice alone."""
    return Dials(
        counts=np.array([3, 4, 0]),
        unordered=np.array([True, False, False]),
        mean=np.array([0.5, 0.3, 0.8]),
        sd=np.array([np.inf, 0.2, 0.3]) if prior else np.full(3, np.inf),
        masses=(np.array([0.5, 0.2, 0.3]) if prior else None, None, None),
    )


def middles(edges: np.ndarray) -> np.ndarray:
    return (edges[1:] + edges[:-1]) / 2


def everything() -> tuple[Candidates, np.ndarray]:
    """All configurations of the tree, the continuum cut into cells, and the size of each one's cell."""
    rows = []
    for i, k in itertools.product(range(3), range(4)):
        for x in (np.arange(CELLS) + 0.5) / CELLS if i == 0 else [0.5]:
            rows.append([middles(CHOICE)[i], middles(INTEGER)[k], x, CHOICE[i], INTEGER[k], x, i == 0])
    table = np.array(rows, dtype=float)
    V, start = table[:, :3], table[:, 3:6]
    end = np.column_stack([start[:, 0] + 1 / 3, 2 * V[:, 1] - start[:, 1], V[:, 2]])
    A = np.column_stack([np.ones((len(V), 2), dtype=bool), table[:, 6] == 1])
    return Candidates(V, A, start, end), np.where(A[:, 2], 1 / CELLS, 1.0)


def observations(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    U = np.column_stack([rng.choice(middles(CHOICE), n), rng.choice(middles(INTEGER), n), rng.random(n)])
    K = np.column_stack([np.ones((n, 2), dtype=bool), np.isclose(U[:, 0], middles(CHOICE)[0])])
    return U, K, rng.random(n)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(0, 12), prior=st.booleans())
def test_all_configurations_together_have_probability_one(seed: int, n: int, prior: bool) -> None:
    at, size = everything()
    mixture = Mixture(tree(prior), *observations(seed, n))
    assert np.exp(mixture.log_density(at)) @ size == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("prior", [False, True])
def test_draws_follow_the_density(prior: bool) -> None:
    mixture = Mixture(tree(prior), *observations(3, 6))
    at, size = everything()
    count = 40_000
    drawn, origin = mixture.draw(np.random.default_rng(1), count)
    choice = np.minimum((drawn[:, 0] * 3).astype(int), 2)
    integer = np.clip(np.searchsorted(INTEGER, drawn[:, 1], side="right") - 1, 0, 3)
    half = np.where(choice == 0, (drawn[:, 2] > 0.5).astype(int), 0)
    seen = np.zeros((3, 4, 2))
    np.add.at(seen, (choice, integer, half), 1)
    expected = np.zeros((3, 4, 2))
    where = (at.V[:, 0] * 3).astype(int), np.searchsorted(INTEGER, at.V[:, 1]) - 1, (at.V[:, 2] > 0.5).astype(int)
    np.add.at(expected, where, np.exp(mixture.log_density(at)) * size * count)
    possible = expected > 0
    assert seen[~possible].sum() == 0
    assert (np.abs(seen - expected)[possible] < 5 * np.sqrt(expected[possible]) + 2).all()
    assert np.bincount(origin, minlength=7) == pytest.approx(mixture.weights * count, abs=5 * np.sqrt(count / 4))


def test_numbers_agree_with_truncated_normals_of_scipy() -> None:
    rng = np.random.default_rng(0)
    U, V, weights = rng.random((5, 3)), rng.random((7, 3)), rng.random(5)
    V[0], U[0] = 0.0, 1.0  # the corners
    free = np.full(3, np.inf)
    dials = Dials(np.zeros(3, dtype=int), np.zeros(3, dtype=bool), np.full(3, 0.5), free, (None,) * 3)
    mixture = Mixture(dials, U, np.ones((5, 3), dtype=bool), weights)
    h = mixture.h
    kernels = stats.truncnorm.pdf(V[:, None], (0 - U) / h, (1 - U) / h, loc=U, scale=h).prod(axis=2)  # (7, 5)
    expected = np.log((kernels @ weights + 1.0) / (weights.sum() + 1.0))
    everywhere = np.ones((7, 3), dtype=bool)
    assert mixture.log_density(Candidates(V, everywhere, V, V)) == pytest.approx(expected, rel=1e-9)


def test_what_stands_at_an_inactive_dial_makes_no_difference() -> None:
    U, K, weights = observations(5, 8)
    at, _ = everything()
    other = np.where(K, U, 0.123)
    assert not np.array_equal(U, other)
    here, there = (Mixture(tree(True), each, K, weights).log_density(at) for each in (U, other))
    assert here == pytest.approx(there, rel=1e-12)


@pytest.mark.parametrize(("mean", "sd"), [(0.5, 0.1), (-2.0, 0.1), (3.0, 0.1), (0.0, 5.0)])
def test_priors_are_drawn_and_weighed_as_truncated_normals(mean: float, sd: float) -> None:
    dials = Dials(np.array([0]), np.array([False]), np.array([mean]), np.array([sd]), (None,))
    law = stats.truncnorm((0 - mean) / sd, (1 - mean) / sd, loc=mean, scale=sd)
    u = np.linspace(0.01, 0.99, 9)[:, None]
    drawn = dials.draw(u)
    assert drawn == pytest.approx(law.ppf(u), rel=1e-5, abs=1e-9)
    at = Candidates(drawn, np.ones((9, 1), dtype=bool), drawn, drawn)
    assert dials.log_prior(at) == pytest.approx(law.logpdf(drawn), rel=1e-4, abs=1e-6)


def test_a_dial_on_which_observations_agree_gets_narrow_kernels() -> None:
    rng = np.random.default_rng(2)
    U = np.column_stack([0.7 + 0.01 * rng.standard_normal(20), rng.random(20)])
    dials = Dials(np.zeros(2, dtype=int), np.zeros(2, dtype=bool), np.full(2, 0.5), np.full(2, np.inf), (None, None))
    agreed, spread = bandwidths(dials, U, np.ones((20, 2), dtype=bool), np.ones(20))
    assert agreed < 0.5 * spread


def test_more_observations_make_kernels_narrower_but_never_narrower_than_neighbours_are_apart() -> None:
    dials = Dials(np.array([0, 4, 3]), np.array([False, False, True]), np.full(3, 0.5), np.full(3, np.inf), (None,) * 3)
    h = []
    for n in (10, 100, 10_000):
        U = np.random.default_rng(n).random((n, 3))
        h.append(bandwidths(dials, U, np.ones((n, 3), dtype=bool), np.ones(n)))
    assert (np.diff(np.array(h), axis=0) <= 0).all()
    assert h[-1][1] == 0.125
    same = np.full((10_000, 3), 0.4)
    assert bandwidths(dials, same, np.ones((10_000, 3), dtype=bool), np.ones(10_000))[0] == 0.01
