"""Rank agreement: its limits, its interval under chance, and the correction for a selected sample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.numerics.agreement import agreement

FLAT = (0.0, 100.0)  # hardly a prior


def test_without_items_the_prior_stands() -> None:
    found = agreement([], [], prior=(0.5, 0.5))
    assert found.tau == pytest.approx(math.tanh(0.5)) and found.n == 0
    assert found.low < 0 < found.tau < found.high


def test_the_same_order_agrees_and_the_reverse_disagrees() -> None:
    x = np.arange(20.0)
    assert agreement(x, x).tau > 0.9
    assert agreement(x, -x).tau < -0.7


def test_five_items_in_order_are_no_certainty() -> None:
    found = agreement([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])
    assert 0 < found.low < found.high < 1


def test_ties_are_neither_for_nor_against() -> None:
    x, y = [1, 1, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6]
    assert agreement([1] * 6, y, prior=(0.3, 0.5)).tau == pytest.approx(math.tanh(0.3))
    assert agreement(x, y).tau > 0.5


def test_the_order_of_the_worse_half_is_of_no_interest() -> None:
    y = np.arange(12.0)
    turned = np.concatenate([y[:6], y[:5:-1]])
    assert agreement(turned, y).tau == pytest.approx(agreement(y, y).tau, abs=1e-2)
    assert agreement(np.concatenate([y[5::-1], y[6:]]), y).tau < 0.8


def test_diverged_items_are_the_worst() -> None:
    y = np.arange(8.0)
    x = np.where(y > 4, np.inf, y)
    assert agreement(x, y).tau > 0.6


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=0, max_size=12), st.randoms())
def test_the_order_of_items_and_the_scale_do_not_matter(pairs: list[tuple[float, float]], random: object) -> None:
    turned = list(pairs)
    random.shuffle(turned)  # type: ignore[attr-defined]
    one = agreement([a for a, _ in pairs], [b for _, b in pairs])
    other = agreement([8 * a for a, _ in turned], [b / 4 for _, b in turned])
    assert one.tau == pytest.approx(other.tau, abs=1e-12)


@pytest.mark.parametrize("n", [10, 30])
def test_under_chance_the_interval_holds_zero_in_about_80_percent(n: int) -> None:
    rng = np.random.default_rng(n)
    found = [agreement(rng.random(n), rng.random(n), prior=FLAT) for _ in range(400)]
    held = np.mean([a.low <= 0 <= a.high for a in found])
    assert 0.72 < held < 0.88  # 4 binomial standard deviations


@pytest.mark.parametrize("tau", [0.2, 0.6])
def test_a_sample_chosen_by_x_shows_the_agreement_of_all_once_corrected(tau: float) -> None:
    rng, r = np.random.default_rng(3), math.sin(0.5 * math.pi * tau)
    plain, corrected, all_of_them = [], [], []
    for _ in range(60):
        x = rng.normal(size=180)
        y = r * x + math.sqrt(1 - r * r) * rng.normal(size=180)
        top = np.argsort(x)[:60]
        plain.append(agreement(x[top], y[top], prior=FLAT).tau)
        corrected.append(agreement(x[top], y[top], everybody=x, prior=FLAT).tau)
        all_of_them.append(agreement(x, y, prior=FLAT).tau)
    truth = float(np.mean(all_of_them))
    assert np.mean(plain) < truth - 0.05
    assert abs(np.mean(corrected) - truth) < abs(np.mean(plain) - truth) / 2


def test_a_selected_sample_is_less_certain() -> None:
    x = np.linspace(0, 1, 10)
    y = np.array([0.0, 2, 1, 3, 5, 4, 7, 6, 9, 8])
    alone, among = agreement(x, y), agreement(x, y, everybody=np.linspace(0, 4, 40))
    assert among.high - among.low > alone.high - alone.low
