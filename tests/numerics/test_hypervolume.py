"""Hypervolumes against counting, expected improvements against their definition, and both at the extremes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate

from trialist.numerics.hypervolume import hypervolume, reference_point
from trialist.numerics.improvement import ehvi, log_ehvi, log_ehvi_gradient, undominated

GRID = 5  # coordinates are whole, so a volume is a number of unit cells
sets = st.integers(1, 5).flatmap(
    lambda m: hnp.arrays(float, st.tuples(st.integers(0, 7), st.just(m)), elements=st.integers(0, GRID).map(float))
)


def counted(Y: np.ndarray, m: int) -> int:
    """Unit cells up to GRID whose lower corner a row of Y dominates."""
    cells = np.stack(np.meshgrid(*[np.arange(GRID)] * m), axis=-1).reshape(-1, m)
    return int(sum((cells >= y).all(axis=1) for y in Y).astype(bool).sum()) if len(Y) else 0


@given(sets)
def test_a_hypervolume_is_the_number_of_dominated_cells(Y: np.ndarray) -> None:
    m = Y.shape[1]
    assert hypervolume(Y, np.full(m, GRID)) == pytest.approx(counted(Y, m), abs=1e-9)


def test_points_beyond_the_reference_or_not_measured_count_for_nothing() -> None:
    Y = np.array([[1.0, 1.0], [0.0, 3.0], [5.0, 0.0], [math.nan, 0.0]])
    assert hypervolume(Y, [3.0, 3.0]) == 4.0


def test_the_reference_lies_a_tenth_beyond_the_front_whatever_is_dominated() -> None:
    front = np.array([[0.0, 40.0], [10.0, 20.0]])
    assert reference_point(front).tolist() == [11.0, 42.0]
    assert reference_point(np.vstack([front, [[1e9, 1e9], [math.inf, 0.0]]])).tolist() == [11.0, 42.0]


@pytest.mark.parametrize("Y", [[[2.0, 3.0]], [[0.0, 0.0]], [[1.0, 5.0], [2.0, 5.0]]])
def test_a_front_without_range_still_has_a_reference_beyond_it(Y: list[list[float]]) -> None:
    assert (reference_point(Y) > np.array(Y)[0]).all()
    assert hypervolume(Y, reference_point(Y)) > 0


def test_a_reference_without_points_is_refused() -> None:
    with pytest.raises(ValueError, match="finite point"):
        reference_point(np.empty((0, 2)))


@given(sets.filter(lambda Y: Y.shape[1] <= 3))
def test_the_boxes_hold_what_the_front_leaves(Y: np.ndarray) -> None:
    """With hardly any spread the expected improvement is the improvement itself, everywhere on the grid."""
    m = Y.shape[1]
    reference, before = np.full(m, float(GRID)), hypervolume(Y, np.full(m, GRID))
    cells = np.stack(np.meshgrid(*[np.arange(GRID + 1.0)] * m), axis=-1).reshape(-1, m)
    gained = [hypervolume(np.vstack([Y, cell]), reference) - before for cell in cells]
    expected = ehvi(cells, np.full(cells.shape, 1e-12), undominated(Y, reference))
    np.testing.assert_allclose(expected, gained, atol=1e-6)


@pytest.mark.parametrize("m", [1, 2, 3])
def test_the_expected_improvement_is_the_mean_over_the_model(m: int) -> None:
    rng = np.random.default_rng(m)
    Y, reference = rng.random((6, m)), np.full(m, 1.1)
    mu, sd = rng.random((3, m)), rng.uniform(0.1, 0.4, (3, m))
    expected = ehvi(mu, sd, undominated(Y, reference))
    before = hypervolume(Y, reference)
    for i in range(3):
        drawn = mu[i] + sd[i] * rng.standard_normal((4000, m))
        gains = np.array([hypervolume(np.vstack([Y, y]), reference) - before for y in drawn])
        assert abs(gains.mean() - expected[i]) < 4 * gains.std() / math.sqrt(len(gains)) + 1e-9


def test_one_objective_gives_expected_improvement_by_quadrature() -> None:
    boxes = undominated([[0.3], [0.7]], [1.0])

    def gain(y: float, mu: float, sd: float) -> float:
        return (0.3 - y) * math.exp(-0.5 * ((y - mu) / sd) ** 2) / sd / math.sqrt(2 * math.pi)

    for mu, sd in ((0.2, 0.1), (0.5, 0.05), (0.9, 0.1)):
        wanted, _ = integrate.quad(gain, -2.0, 0.3, args=(mu, sd), points=[mu - sd], epsabs=1e-14)
        assert ehvi(np.array([[mu]]), np.array([[sd]]), boxes)[0] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("m", [2, 3])
def test_far_behind_the_front_nearer_is_still_better(m: int) -> None:
    boxes = undominated(np.random.default_rng(0).random((10, m)), np.full(m, 1.1))
    distance = np.concatenate([np.linspace(1, 59, 200), np.geomspace(60, 1e8, 200)])
    mu = np.broadcast_to(distance[:, None], (400, m))
    log = log_ehvi(mu, np.full((400, m), 0.1), boxes)
    assert np.isfinite(log).all()
    assert (np.diff(log) < 0).all()
    assert ehvi(mu[-1:], np.full((1, m), 0.1), boxes) == 0.0


@pytest.mark.parametrize("m", [2, 3])
def test_the_two_ways_to_the_logarithm_agree(m: int) -> None:
    """Where nothing underflows, the plain value's logarithm is what the sum of logarithms gives."""
    rng = np.random.default_rng(m)
    boxes = undominated(rng.random((10, m)), np.full(m, 1.1))
    mu, sd = rng.uniform(-1, 3, (300, m)), 10.0 ** rng.uniform(-1, 2, (300, m))
    in_logs, _, _ = log_ehvi_gradient(mu, sd, boxes)
    np.testing.assert_allclose(log_ehvi(mu, sd, boxes), in_logs, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("shift", [-2.0, 0.0, 8.0])
def test_the_gradient_is_that_of_finite_differences(m: int, shift: float) -> None:
    rng = np.random.default_rng(m)
    boxes = undominated(rng.random((7, m)), np.full(m, 1.1))
    mu, sd = rng.random((4, m)) + shift, rng.uniform(0.1, 0.5, (4, m))
    _, by_mu, by_sd = log_ehvi_gradient(mu, sd, boxes)
    for j in range(m):
        step = np.eye(m)[j] * 1e-6
        np.testing.assert_allclose(
            (log_ehvi(mu + step, sd, boxes) - log_ehvi(mu - step, sd, boxes)) / 2e-6, by_mu[:, j], rtol=1e-4, atol=1e-7
        )
        np.testing.assert_allclose(
            (log_ehvi(mu, sd + step, boxes) - log_ehvi(mu, sd - step, boxes)) / 2e-6, by_sd[:, j], rtol=1e-4, atol=1e-7
        )


@given(
    hnp.arrays(float, (4, 3), elements=st.floats(-1e12, 1e12)),
    hnp.arrays(float, (4, 3), elements=st.floats(0, 1e12)),
    hnp.arrays(float, (5, 3), elements=st.floats(-1e6, 1e6)),
)
@example(np.ones((4, 3)), np.diag([0.0, 2.0, 0.0, 0.0])[:, :3], np.array([[0.0] * 3] * 4 + [[-1.0, 5e-324, 0.0]]))
def test_no_input_gives_what_is_not_a_number(mu: np.ndarray, sd: np.ndarray, Y: np.ndarray) -> None:
    boxes = undominated(Y, reference_point(Y))
    assert (ehvi(mu, sd, boxes) >= 0).all()
    assert np.isfinite(log_ehvi(mu, sd, boxes)).all()


def test_four_objectives_have_no_closed_form() -> None:
    with pytest.raises(ValueError, match="at most 3"):
        undominated(np.zeros((1, 4)), np.ones(4))
