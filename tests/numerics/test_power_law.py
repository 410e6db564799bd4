"""Curves as power laws: what is drawn from the model is forecast with honest probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr

from trialist.numerics.power_law import START, VAGUE, forecast, prior_of

T = np.arange(1, 31) / 30


def drawn(n: int, seed: int) -> np.ndarray:
    """(n, T): power laws whose end and drop are standard normal and exponential, with a little drift and noise."""
    rng = np.random.default_rng(seed)
    b = np.exp(rng.normal(-0.5, 0.4, size=(n, 1)))
    h = (T**-b - 1) / (START**-b - 1)
    steps = np.sqrt(np.diff(np.log(np.append(T, 1.0))))  # of a Brownian motion in ln t that is 0 at the end
    drift = np.cumsum((0.05 * steps * rng.normal(size=(n, len(T))))[:, ::-1], axis=1)[:, ::-1]
    return rng.normal(size=(n, 1)) + rng.exponential(size=(n, 1)) * h + drift + 0.04 * rng.normal(size=(n, len(T)))


def test_probabilities_of_curves_drawn_from_the_model_are_calibrated() -> None:
    curves = drawn(340, seed=1)
    prior = prior_of([(T, y) for y in curves[:40]])
    for upto in (3, 10, 20):
        told = [forecast(prior, T[:upto], y[:upto]) for y in curves[40:]]
        ranks = [
            float(f.weights @ ndtr((y[-1] - f.means) / f.deviations)) for f, y in zip(told, curves[40:], strict=True)
        ]
        for level in (0.05, 0.25, 0.5, 0.75, 0.95):
            # Three binomial standard deviations, and what the prior of 40 curves leaves open.
            allowed = 3 * math.sqrt(level * (1 - level) / 300) + 0.03
            assert np.mean(np.array(ranks) < level) == pytest.approx(level, abs=allowed)


def test_the_more_is_seen_the_more_is_known() -> None:
    curves = drawn(60, seed=2)
    prior = prior_of([(T, y) for y in curves[:30]])
    widths = [np.mean([forecast(prior, T[:k], y[:k]).deviation for y in curves[30:]]) for k in (2, 5, 15, 29)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 3


def test_a_power_law_is_continued() -> None:
    y = 0.7 + 0.5 * (T**-0.5 - 1) / (START**-0.5 - 1)
    told = forecast(VAGUE, T[:15], y[:15])
    assert told.mean == pytest.approx(0.7, abs=2 * told.deviation)
    assert told.mean < y[14]


def test_the_prior_fills_in_what_one_point_cannot_tell() -> None:
    falling = [(T, f + (T**-1.0 - 1) / (START**-1.0 - 1)) for f in np.linspace(-1, 1, 12)]
    flat = [(T, np.full(len(T), f)) for f in np.linspace(-1, 1, 12)]
    first = T[:1], np.array([0.9])
    assert forecast(prior_of(falling), *first).mean < forecast(prior_of(flat), *first).mean - 0.2


def test_a_shift_of_all_curves_shifts_the_forecast() -> None:
    curves = drawn(12, seed=3)
    one = forecast(prior_of([(T, y) for y in curves[:11]]), T[:9], curves[11, :9])
    other = forecast(prior_of([(T, y + 2.5) for y in curves[:11]]), T[:9], curves[11, :9] + 2.5)
    assert other.mean == pytest.approx(one.mean + 2.5, abs=0.05)  # the vague prior of single curves is centred at 0


@pytest.mark.parametrize("values", [[5.0] * 30, [12.0] * 10 + [-12.0] * 20, list(np.linspace(-3, 9, 30))])
def test_odd_curves_have_finite_forecasts(values: list[float]) -> None:
    curve = (T, np.array(values))
    told = forecast(prior_of([curve] * 3), *curve)
    assert math.isfinite(told.mean) and told.deviation > 0


def test_shares_beyond_the_end_and_before_the_beginning_are_taken_as_they_are() -> None:
    told = forecast(VAGUE, np.array([0.0, 0.5, 1.0, 1.2]), np.array([9.0, 1.0, 0.5, 0.5]))
    assert told.mean == pytest.approx(0.5, abs=0.2)
