"""Rank agreement: its limits, its interval under chance, and the correction for those that were chosen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.numerics.agreement import agreement, tau

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


NUMBERS = st.floats(-9, 9).map(lambda value: round(value, 9))  # so that a scale changes no order


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=0, max_size=12), st.randoms())
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


def test_those_that_were_chosen_tell_nothing_of_each_other() -> None:
    x = np.arange(8.0)
    found = agreement(x, -x, chosen=np.full(8, True))
    assert found.tau == pytest.approx(math.tanh(0.5)) and found.n == 0
    assert agreement(x, -x, chosen=x < 6).tau < found.tau


def test_a_few_checks_among_those_left_behind_show_the_agreement_of_all() -> None:
    """Good and bad runs alike go on for their x; the very best ones have the worst x, and hardly any goes on."""
    rng = np.random.default_rng(3)
    plain, checked = [], []
    for _ in range(40):
        y = rng.random(120)
        x = np.where(y < 0.3, 2 - y, y)
        order = np.argsort(x)
        chosen, checks = order[:40], rng.choice(order[40:], 8, replace=False)
        both = np.concatenate([chosen, checks])
        plain.append(agreement(x[chosen], y[chosen]).tau)
        checked.append(agreement(x[both], y[both], chosen=np.arange(48) < 40).tau)
    assert min(plain) > 0.5
    assert np.mean(checked) < 0.3


def test_many_chosen_ones_are_worth_one_item() -> None:
    x = np.arange(20.0)
    fair, chosen = agreement(x, x), agreement(x, x, chosen=x < 15)
    assert chosen.high - chosen.low > fair.high - fair.low
    assert chosen.n == 5


def test_tau_counts_pairs_in_order_less_those_in_the_reverse() -> None:
    assert tau([1, 2, 3, 4], [10, 20, 30, 40]) == 1 and tau([1, 2, 3, 4], [4, 3, 2, 1]) == -1
    assert tau([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / 3)  # a tie is in neither
    assert tau([], []) == tau([1], [1]) == 0
    assert tau([1, 2, math.inf], [1, 2, 3]) == 1
