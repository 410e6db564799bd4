"""CMA-ES: its constants, its invariances, and that it finds optima at the rate the literature gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from trialist.numerics import cma
from trialist.numerics.folding import fold, unfold_near

Array = NDArray[np.float64]


def minimised(f: Callable[[Array], float], n: int, trials: int, seed: int = 0, stale: int = 0) -> float:
    """The best value after so many trials; stale: how many generations late offspring are told."""
    rng, rates = np.random.default_rng(seed), cma.rates(n, cma.offspring(n))
    state, best, waiting = cma.start(np.full(n, 0.5), 0.2), np.inf, []
    for _ in range(trials // len(rates.weights)):
        waiting.append([fold(state.at(rng.standard_normal(n))) for _ in rates.weights])
        if len(waiting) <= stale:
            continue
        X = np.array(sorted(waiting.pop(0), key=f))
        best = min(best, f(X[0]))
        state = cma.update(state, rates, unfold_near(X, state.mean + np.zeros_like(X)), rates.weights)
    return best


@pytest.mark.parametrize(("n", "population"), [(1, 4), (2, 6), (5, 8), (20, 12), (20, 200), (200, 19), (3, 2)])
def test_the_constants_keep_to_their_bounds(n: int, population: int) -> None:
    rates = cma.rates(n, population)
    positive = rates.weights[rates.weights > 0]
    assert positive.sum() == pytest.approx(1.0)
    assert rates.mu_eff == pytest.approx(1 / (positive**2).sum())
    assert (np.diff(rates.weights) <= 0).all()
    assert 0 < rates.c_1 + rates.c_mu <= 1
    assert 0 < rates.c_sigma < 1
    assert rates.d_sigma > 1
    # Eq. 53: with no more negative weight than this, C stays positive definite.
    assert -rates.weights[rates.weights < 0].sum() <= (1 - rates.c_1 - rates.c_mu) / (n * rates.c_mu) + 1e-12


def test_the_constants_are_those_of_the_tutorial() -> None:
    rates = cma.rates(10, 10)  # computed by hand from table 1 of Hansen 2016
    assert cma.offspring(10) == 10
    assert rates.mu_eff == pytest.approx(3.167299, abs=1e-6)
    assert rates.c_1 == pytest.approx(2 / (11.3**2 + 3.167299))
    assert rates.c_sigma == pytest.approx(5.167299 / 18.167299)


def test_equal_merits_share_their_weights() -> None:
    rates = cma.rates(5, 8)
    assert cma.weights_of(rates, list(range(8))) == pytest.approx(rates.weights)
    shared = cma.weights_of(rates, [0, 1, 1, 2, 2, 2, 2, 2])
    assert shared[1] == shared[2] == pytest.approx(rates.weights[1:3].mean())
    assert shared.sum() == pytest.approx(rates.weights.sum())
    assert np.ptp(cma.weights_of(rates, [3] * 8)) == 0.0


@pytest.mark.parametrize("n", [2, 5, 10])
def test_a_sphere_is_solved_at_the_known_rate(n: int) -> None:
    # Hansen 2016 and every implementation: some 150 n evaluations for ten digits at these sizes.
    assert minimised(lambda x: float(((x - 0.3) ** 2).sum()), n, 200 * n) < 1e-9


def test_a_rotated_ill_conditioned_bowl_is_solved() -> None:
    n = 5
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))[0]
    axes = 10 ** (3 * np.arange(n) / (n - 1))
    assert minimised(lambda x: float(((axes * (Q @ (x - 0.4))) ** 2).sum()), n, 3000) < 1e-9


def test_late_offspring_do_not_lead_astray() -> None:
    assert minimised(lambda x: float(((x - 0.3) ** 2).sum()), 5, 2000, stale=2) < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_only_ranks_count_and_no_axis_is_preferred(seed: int) -> None:
    rng, n = np.random.default_rng(seed), 4
    rates, Q = cma.rates(n, 8), np.linalg.qr(rng.standard_normal((n, n)))[0]
    plain = turned = cma.start(np.zeros(n), 0.01)
    for _ in range(10):
        X = plain.mean + plain.sigma * rng.standard_normal((8, n))
        plain = cma.update(plain, rates, X, rates.weights)
        turned = cma.update(turned, rates, X @ Q.T, rates.weights)
    assert turned.sigma == pytest.approx(plain.sigma)
    assert turned.mean == pytest.approx(Q @ plain.mean)
    assert pytest.approx(Q @ plain.C @ Q.T) == turned.C


def test_without_selection_the_distribution_stays_as_wide_on_average() -> None:
    rng, n = np.random.default_rng(0), 5
    rates, logs, traces = cma.rates(n, 8), [], []
    for _ in range(40):
        state = cma.start(np.full(n, 0.5), 1e-3)
        for _ in range(20):
            X = state.mean + state.sigma * ((rng.standard_normal((8, n)) * state.D) @ state.B.T)
            state = cma.update(state, rates, X, rates.weights)
        logs.append(np.log(state.sigma / 1e-3))
        traces.append(np.trace(state.C) / n)
    assert abs(np.mean(logs)) < 4 * np.std(logs) / np.sqrt(40) + 0.05
    assert 0.6 < np.mean(traces) < 1.6


def test_a_point_far_off_moves_the_mean_by_a_few_steps_only() -> None:
    rng, rates = np.random.default_rng(0), cma.rates(3, 8)
    state = cma.start(np.full(3, 0.5), 1e-4)
    X = 0.5 + 1e-4 * rng.standard_normal((8, 3))
    X[0] = 1.0
    after = cma.update(state, rates, X, rates.weights)
    assert np.linalg.norm(after.mean - 0.5) < 5e-4
    assert after.sigma < 3e-4


def test_the_step_never_outgrows_the_cube_and_numbers_stay_finite_on_a_plateau() -> None:
    rng, rates = np.random.default_rng(0), cma.rates(3, 8)
    state = cma.start(np.full(3, 0.5), 0.3)
    for _ in range(300):
        X = np.array([state.at(rng.standard_normal(3)) for _ in range(8)])
        state = cma.update(state, rates, X, cma.weights_of(rates, [0] * 8))
        assert state.deviations.max() <= cma.WIDEST * 1.0001
        assert np.isfinite(state.C).all()


def test_the_floor_widens_only_what_is_too_narrow() -> None:
    state = cma.start(np.full(3, 0.5), 1e-8).floored(np.array([0.0, 0.02, 1e-9]))
    assert state.deviations == pytest.approx([1e-8, 0.02, 1e-8])
    assert state.floored(np.zeros(3)).deviations == pytest.approx([1e-8] * 3)  # it is taken back where not needed


def test_a_warm_start_lies_round_the_good_points_as_they_do() -> None:
    rng = np.random.default_rng(0)
    good = 0.4 + rng.standard_normal((400, 2)) @ np.array([[0.2, 0.15], [0.0, 0.05]])
    state = cma.warm_start(good)
    assert state.mean == pytest.approx(good.mean(axis=0))
    wanted = 0.1**2 * np.eye(2) + np.cov(good.T, bias=True)
    assert state.sigma**2 * state.C == pytest.approx(wanted)
    assert np.linalg.det(state.C) == pytest.approx(1.0)
    assert cma.warm_start(good[:1]).deviations == pytest.approx([0.1, 0.1])


def test_a_density_tells_where_a_point_was_drawn() -> None:
    wide, tight = cma.start(np.full(2, 0.5), 0.3), cma.start(np.full(2, 0.2), 1e-3)
    assert tight.log_density(np.full(2, 0.2005)) > wide.log_density(np.full(2, 0.2005))
    assert tight.log_density(np.full(2, 0.3)) < wide.log_density(np.full(2, 0.3))
    # The density of N(m, σ² I) in two dimensions, less -ln 2π.
    assert wide.log_density(np.array([0.8, 0.5])) == pytest.approx(-0.5 - 2 * np.log(0.3))


def test_without_numbers_it_does_nothing() -> None:
    rates = cma.rates(0, 6)
    state = cma.start(np.empty(0), 0.3)
    for _ in range(5):
        state = cma.update(state, rates, np.empty((6, 0)), rates.weights)
    assert state.at(np.empty(0)).shape == (0,)
