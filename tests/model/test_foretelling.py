"""What processes foretell of a score: quantiles on the metric's scale, as often right as they say at fresh points."""

from __future__ import annotations

import numpy as np
import pytest

from trialist.model.evidence import loss_values
from trialist.model.foretelling import foretold, losses_at
from trialist.model.surrogate import Fitted, Surrogate
from trialist.numerics.gp import Array, Layout
from trialist.numerics.threads import one_thread
from trialist.numerics.transform import half_rank
from trialist.trials.plan import Direction, Objective

LAYOUT = Layout(np.array([0, 1]), np.array([0, 1]))
LOSS, ACCURACY = Objective("loss"), Objective("accuracy", Direction.MAXIMIZE)
NOISE = 0.1


def bowl(X: Array) -> Array:
    return np.asarray(4.0 * ((X - 0.4) ** 2).sum(axis=1))


def noisy(n: int, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.random((n, 2))
    return X, bowl(X) + NOISE * rng.standard_normal(n)


def process(X: Array, losses: Array) -> Fitted:
    return Surrogate().fitted(X, losses, LAYOUT, loss_values)


def test_a_loss_that_was_seen_stands_where_it_stands_for_a_process() -> None:
    losses = np.array([3.0, 1.0, 700.0, 2.0, 1.5, 9e9, 4.0, 2.5])
    y = half_rank(losses)
    assert losses_at(y, y, losses) == pytest.approx(losses, rel=1e-12)


def test_beyond_the_best_and_the_worst_the_scale_goes_on_along_a_line() -> None:
    losses = np.arange(12.0)
    y = half_rank(losses)
    ends = losses_at(np.array([y[0] - 1.0, y[0] - 2.0, y[-1] + 1.0, y[-1] + 2.0]), y, losses)
    slope = 3.0 / (y[3] - y[0])  # of the better half, which is transformed by a line
    assert ends[:2] == pytest.approx([-slope, -2 * slope])
    assert ends[2] > losses[-1] and ends[3] - ends[2] == pytest.approx(ends[2] - losses[-1])


def test_where_all_losses_are_alike_so_is_what_is_expected() -> None:
    assert losses_at(np.array([-3.0, 0.0, 3.0]), np.zeros(5), np.full(5, 0.25)).tolist() == [0.25] * 3


def test_intervals_hold_as_often_as_they_say_where_points_are_not_chosen_for_hope() -> None:
    inside, middle, count = 0, 0, 0
    with one_thread():
        for seed in range(20):
            X, losses = noisy(40, seed)
            fitted = process(X, losses)
            fresh, scores = noisy(20, 1000 + seed)
            for x, score in zip(fresh, scores, strict=True):
                told = foretold(LOSS, [fitted.posterior], fitted, losses, x[None])
                inside += told[0] <= score <= told[4]
                middle += told[1] <= score <= told[3]
                count += 1
    # 400 scores, of which those of one seed share a process: 3 standard deviations of shares with 100 free ones
    assert inside / count == pytest.approx(0.95, abs=0.065)
    assert middle / count == pytest.approx(0.5, abs=0.15)


def test_a_metric_that_is_maximised_is_foretold_in_its_own_sign() -> None:
    X, losses = noisy(30, 0)
    with one_thread():
        fitted = process(X, losses)
        at = np.array([[0.1, 0.9]])
        less = foretold(LOSS, [fitted.posterior], fitted, losses, at)
        more = foretold(ACCURACY, [fitted.posterior], fitted, losses, at)
    assert more == tuple(-x for x in reversed(less)) and sorted(more) == list(more)


def test_processes_that_disagree_are_less_sure_together() -> None:
    X, losses = noisy(30, 0)
    with one_thread():
        fitted = process(X, losses)
        far = fitted.posterior.told(fitted.y + 2.0)
        at = np.array([[0.5, 0.5]])
        alone = foretold(LOSS, [fitted.posterior], fitted, losses, at)
        both = foretold(LOSS, [fitted.posterior, far], fitted, losses, at)
    assert both[4] - both[0] > 1.5 * (alone[4] - alone[0])


def test_an_ensemble_adds_each_member_s_own_noise() -> None:
    X, losses = noisy(30, 0)
    with one_thread():
        surrogate = Surrogate()
        fitted = surrogate.fitted(X, losses, LAYOUT, loss_values)
        alone = surrogate.ensemble(fitted, X, np.random.default_rng(0), 0)
        at = np.array([[0.5, 0.5]])
        assert foretold(LOSS, [alone], fitted, losses, at) == pytest.approx(
            foretold(LOSS, [fitted.posterior], fitted, losses, at)
        )
        assert alone.noise == pytest.approx([fitted.posterior.fit.noise])


def test_losses_near_the_largest_float_keep_the_quantiles_finite() -> None:
    X, _ = noisy(12, 0)
    losses = np.concatenate([np.linspace(0.0, 1.0, 10), [1e308, 1.7e308]])
    with one_thread():
        fitted = process(X, losses)
        worse = fitted.posterior.told(fitted.y + 1e6)
        assert set(foretold(LOSS, [worse], fitted, losses, np.array([[0.5, 0.5]]))) == {1.7e308}
