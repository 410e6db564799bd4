"""Categorical distributions that learn from ranks: what they find, what they never lose, what tells them nothing."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialist.numerics import choices, cma

COUNTS = np.array([2, 4, 3])
RATES = cma.rates(3, 8)


def generation(state: choices.Choices, rng: np.random.Generator, best: np.ndarray, size: int = 8) -> np.ndarray:
    """Offspring (size, m), those that chose more of the best first."""
    chosen = np.array([choices.drawn(state, rng.random(len(best))) for _ in range(size)])
    return chosen[np.argsort((chosen != best).sum(axis=1), kind="stable")]


@pytest.mark.parametrize("seed", range(5))
def test_it_finds_the_best_of_each_dial(seed: int) -> None:
    rng, best, state = np.random.default_rng(seed), np.array([1, 2, 0]), choices.even(COUNTS)
    for _ in range(40):
        state = choices.moved(state, generation(state, rng, best), RATES.weights)
    assert (state.q.argmax(axis=1) == best).all()
    assert np.prod(state.q.max(axis=1)) > 0.6  # the margin leaves 0.73 once all are decided


@given(st.integers(0, 10**6), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_whatever_happens_every_choice_can_come_up(seed: int, generations: int) -> None:
    rng, state = np.random.default_rng(seed), choices.even(COUNTS)
    for _ in range(generations):
        chosen = rng.integers(-1, COUNTS, (8, 3))
        state = choices.moved(state, chosen, rng.permutation(RATES.weights))
    there = np.arange(4) < COUNTS[:, None]
    assert state.q.sum(axis=1) == pytest.approx(np.ones(3))
    assert (state.q[~there] == 0).all()
    least = (1 - 0.73 ** (1 / 3)) / (COUNTS - 1)
    assert (state.q >= np.where(there, least[:, None] - 1e-12, 0)).all()
    assert 0 < state.pace <= 1


def test_an_inactive_dial_keeps_its_distribution() -> None:
    chosen = np.array([[1, -1, 2]] * 4 + [[0, -1, 0]] * 4)
    before = choices.even(COUNTS)
    after = choices.moved(before, chosen, RATES.weights)
    assert after.q[1] == pytest.approx(before.q[1])
    assert after.q[0, 1] > 0.5
    assert choices.moved(before, np.full((8, 3), -1), RATES.weights) is before


def test_the_names_of_choices_do_not_matter() -> None:
    rng, turned = np.random.default_rng(0), np.array([2, 0, 3, 1])
    plain = permuted = choices.even(np.array([4]))
    for _ in range(10):
        chosen = rng.integers(0, 4, (8, 1))
        plain = choices.moved(plain, chosen, RATES.weights)
        permuted = choices.moved(permuted, turned[chosen], RATES.weights)
    assert permuted.q[0, turned] == pytest.approx(plain.q[0])


def test_draws_follow_the_distribution() -> None:
    state = choices.learnt(COUNTS, np.array([[0, 3, -1]] * 6))
    rng = np.random.default_rng(0)
    drawn = Counter(int(choices.drawn(state, rng.random(3))[1]) for _ in range(4000))
    for k in range(4):
        p = state.q[1, k]
        assert abs(drawn[k] / 4000 - p) < 4 * np.sqrt(p * (1 - p) / 4000)
    assert (choices.drawn(state, np.full(3, np.nextafter(1.0, 0.0))) == COUNTS - 1).all()


def test_what_good_ones_chose_is_likelier_at_first() -> None:
    state = choices.learnt(COUNTS, np.array([[0, 3, -1], [0, 3, -1], [0, 1, -1]]))
    assert state.q[0] == pytest.approx([0.8, 0.2, 0, 0])  # 3 + 1 of 5
    assert state.q[1].argmax() == 3
    assert state.q[2] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


def test_no_dials_are_fine() -> None:
    state = choices.even(np.empty(0, dtype=np.int64))
    assert choices.drawn(state, np.empty(0)).shape == (0,)
    assert choices.moved(state, np.empty((8, 0), dtype=np.int64), RATES.weights) is state
