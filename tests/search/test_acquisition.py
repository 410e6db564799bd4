"""Acquisitions: logarithms against references to many digits, slopes against differences, limits that make sense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.model.features import Features
from trialist.numerics.gp import Fit, Posterior
from trialist.numerics.improvement import log_h, undominated
from trialist.search.acquisition import (
    Acquisition,
    LogBelow,
    LogCost,
    LogEHVI,
    LogEI,
    LogPrior,
    Points,
    Term,
)
from trialist.space.cube import Cube
from trialist.space.parameter import Categorical, Float, Normal
from trialist.space.space import Space

SPACE = Space(
    x=Float(0.0, 1.0),
    kind=Categorical(["a", "b", "c"]),
    y=Float(0.0, 1.0),
    z=Float(1e-3, 1.0, log=True, when={"kind": ["a", "b"]}),
)
FEATURES = Features(Cube(SPACE))

# z, ln h(z), Phi(z) / h(z): computed with 60 digits by mpmath 1.3, below -30 by Mills' ratio's asymptotic series.
REFERENCE = [
    (-1e6, -500000000028.54995965, 1000000.000002),
    (-2e4, -200000020.72591364578, 20000.000099999999),
    (-1.0001e4, -50010019.839819297152, 10001.000199979996),
    (-9999.0, -49990019.839419297162, 9999.000200019996),
    (-1000.0, -500014.73445209115845, 1000.001999994),
    (-100.0, -5010.1295788002497923, 100.01999400419587),
    (-30.5, -472.88260479123593452, 30.565363873696237),
    (-10.0, -55.553122036122355927, 10.194383033412553),
    (-5.0, -16.744301162660990143, 5.3618162412880885),
    (-1.5, -3.5299359208057098515, 2.2795806941564462),
    (-1.0000001, -2.4851212161397682796, 1.9042713055274621),
    (-1.0, -2.4851210257126413368, 1.9042712333296918),
    (-0.9999999, -2.4851208352855216137, 1.9042711611319228),
    (-0.5, -1.6205162643873199193, 1.5598731483480797),
    (0.0, -0.91893853320467274178, 1.2533141373155003),
    (0.5, -0.35982768374506381859, 0.99092271800410996),
    (3.0, 1.0987396653277077727, 0.33284096845179524),
    (10.0, 2.302585092994045684, 0.1),
    (40.0, 3.6888794541139363029, 0.025),
]


def processes(smoothness: float, count: int, seed: int = 0) -> list[Posterior]:
    rng, layout = np.random.default_rng(seed), FEATURES.layout(smoothness)
    made = []
    for _ in range(count):
        theta = rng.normal(0.0, 0.3, layout.size)
        theta[layout.lengths + 1] = -3.0
        X = Points.of(FEATURES, rng.random((10, 4))).X
        made.append(Posterior(Fit(theta, 0.0, layout), X, rng.standard_normal(10)))
    return made


def front(m: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1.0, 0.5, (4, m))


TERMS: dict[str, Callable[[float], Term]] = {
    "LogEI": lambda nu: LogEI([(process, np.array([-0.7])) for process in processes(nu, 3)]),
    "LogEI far away": lambda nu: LogEI([(process, np.array([-30.0])) for process in processes(nu, 2)]),
    "LogEHVI of 2": lambda nu: LogEHVI(processes(nu, 2), undominated(front(2), [1.0, 1.0])),
    "LogEHVI of 3": lambda nu: LogEHVI(processes(nu, 3), undominated(front(3), [1.0, 1.0, 1.0])),
    "LogBelow": lambda nu: LogBelow(processes(nu, 1)[0]),
    "LogBelow at least": lambda nu: LogBelow(processes(nu, 1)[0], least=0.02, noisy=True),
    "LogCost": lambda nu: LogCost(processes(nu, 1)[0], 0.7),
}


@pytest.mark.parametrize(("z", "log", "ratio"), REFERENCE)
def test_the_log_of_the_improvement_has_nine_digits_everywhere(z: float, log: float, ratio: float) -> None:
    found = log_h(np.array([z]))
    assert found[0][0] == pytest.approx(log, rel=1e-13, abs=2e-8)
    assert found[1][0] == pytest.approx(ratio, rel=3e-8)


@given(st.floats(-1e6, 40.0), st.floats(1e-3, 1e3))
def test_the_log_of_the_improvement_grows(z: float, step: float) -> None:
    (low, high), ratio = log_h(np.array([z, min(z + step, 41.0)]))
    assert low < high and (ratio > 0.0).all()


def test_the_log_of_the_improvement_is_a_number_however_far_away() -> None:
    with np.errstate(all="raise", under="ignore"):
        value, ratio = log_h(np.array([-1e160, -np.inf]))
    assert -np.inf < value[0] < -1e12 and value[1] == -np.inf and np.isfinite(ratio).all()


@pytest.mark.parametrize("smoothness", [1.5, 2.5])
@pytest.mark.parametrize("name", TERMS)
def test_slopes_are_derivatives(name: str, smoothness: float) -> None:
    term = TERMS[name](smoothness)
    acquisition = Acquisition(FEATURES, [term, LogCost(processes(smoothness, 1, seed=9)[0], 0.2)])
    points = Points.of(FEATURES, np.random.default_rng(5).uniform(0.05, 0.95, (8, 4)))
    value, slopes = acquisition.slopes(points)
    assert value == pytest.approx(acquisition.value(points), rel=1e-9)
    assert (slopes[:, 1] == 0.0).all() and (slopes[~points.active] == 0.0).all()
    for j in (0, 2, 3):
        moved = []
        for steps in (1, -1, 2, -2):
            rows = points.rows.copy()
            rows[:, j] += steps * 1e-4
            moved.append(acquisition.value(Points(rows, points.active, FEATURES(rows, points.active))))
        by_differences = (8.0 * (moved[0] - moved[1]) - (moved[2] - moved[3])) / 12e-4
        here = points.active[:, j]
        error = np.abs(slopes[here, j] - by_differences[here])
        assert (error <= 1e-5 * np.maximum(np.abs(slopes[here]).max(axis=1), 1e-3)).all()


@pytest.mark.parametrize("smoothness", [1.5, 2.5])
def test_the_expected_improvement_is_that_of_many_draws(smoothness: float) -> None:
    process = processes(smoothness, 1)[0]
    points = Points.of(FEATURES, np.random.default_rng(6).random((5, 4)))
    mean, variance = process.predict(points.X)
    draws = mean + np.sqrt(variance) * np.random.default_rng(7).standard_normal((200_000, 5))
    expected = np.maximum(-0.2 - draws, 0.0).mean(axis=0)
    assert np.exp(LogEI([(process, np.array([-0.2]))]).value(points)) == pytest.approx(expected, rel=0.03, abs=1e-3)


def test_an_average_of_processes_is_one_of_improvements() -> None:
    several = [(process, np.array([-0.4])) for process in processes(2.5, 3)]
    points = Points.of(FEATURES, np.random.default_rng(8).random((6, 4)))
    alone = [np.exp(LogEI([one]).value(points)) for one in several]
    assert np.exp(LogEI(several).value(points)) == pytest.approx(np.mean(alone, axis=0), rel=1e-9)


def test_the_probability_below_zero_is_never_less_than_what_is_left_to_it() -> None:
    process = processes(2.5, 1)[0]
    above = process.told(np.full(10, 50.0))
    points = Points.of(FEATURES, np.random.default_rng(8).random((6, 4)))
    assert LogBelow(above, least=0.02).value(points) == pytest.approx(np.log(0.02), abs=0.02)
    assert (LogBelow(above).value(points) < -100.0).all()
    below = process.told(np.full(10, -50.0))
    assert LogBelow(below).value(points) == pytest.approx(0.0, abs=1e-6)


def test_a_prior_counts_by_its_weight_and_has_a_floor() -> None:
    cube = Cube(Space(x=Float(0.0, 1.0, prior=Normal(0.9, 0.05))))
    points = Points.of(Features(cube), np.array([[0.9], [0.85], [0.0]]))
    assert LogPrior(cube, 2.0).value(points) == pytest.approx([0.0, -1.0, 2.0 * np.log(0.05)])
    assert not LogPrior(cube, 2.0).slopes(points)[1].any()
