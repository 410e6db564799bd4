"""Profiles: the folds that are hard for a configuration, foretold by its neighbours, and how surely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.model.profiles import FEWEST, MOST, profiles

J = 8


def made(n: int, seed: int, noise: float = 0.1, alike: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X (n, 2), losses (n, J), and what is true of a profile in the middle: folds hard for all, others along a dial."""
    rng = np.random.default_rng(seed)
    X, hard, turn = rng.random((n, 2)), rng.standard_normal(J), rng.standard_normal(J)
    hard, turn = hard - hard.mean(), turn - turn.mean()

    def true(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = 2 * hard + alike * np.multiply.outer(np.sin(3 * x[..., 0]), turn)
        return found

    losses = rng.uniform(0, 3, (n, 1)) + true(X) + noise * rng.standard_normal((n, J))
    return X, losses, true(np.array([0.5, 0.5]))


def test_a_profile_is_told_by_neighbours_where_dials_make_it_and_by_all_where_they_do_not() -> None:
    for alike in (0.0, 2.0):
        X, losses, true = made(40, 1, alike=alike)
        known = profiles(X, losses)
        assert known is not None
        assert np.abs(known.of(np.array([0.5, 0.5])) - true).max() < 0.2
        assert 0.08 < known.spread < 0.16  # of 0.1, and of what is not known of a profile
    blind = profiles(np.zeros_like(X), losses)
    assert blind is not None
    assert blind.spread > 1.7 * known.spread  # without the dials, what differs between configurations is noise


@given(n=st.integers(FEWEST, 30), seed=st.integers(0, 99), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_profiles_sum_to_nothing_whatever_the_order_and_the_units(n: int, seed: int, scale: float) -> None:
    X, losses, _ = made(n, seed)
    known, middle = profiles(X, losses), np.array([0.4, 0.6])
    assert known is not None
    assert known.of(middle).sum() == pytest.approx(0, abs=1e-9)
    order = np.random.default_rng(seed).permutation(n)
    other = profiles(X[order], scale * (losses[order] + 5.0))
    assert other is not None
    np.testing.assert_allclose(other.of(middle), scale * known.of(middle), rtol=1e-6, atol=1e-8 * scale)
    assert other.spread == pytest.approx(scale * known.spread, rel=1e-6)


def test_the_spread_is_what_strays_of_a_configuration_that_is_still_to_come() -> None:
    """Also of few, whose own scores are among those that foretell."""
    for n, alike in ((4, 0.0), (6, 0.0), (12, 1.0), (40, 1.0)):
        found = []
        for seed in range(300):
            X, losses, _ = made(n + 1, seed, noise=1.0, alike=alike)
            order = np.argsort(losses.mean(axis=1))  # who is left out, the best, is of the kind that may win
            known = profiles(X[order[1:]], losses[order[1:]])
            assert known is not None
            mine = losses[order[0]] - losses[order[0]].mean() - known.of(X[order[0]])
            found.append((mine**2).sum() / (J - 1) / known.spread**2)
        assert 0.85 < np.mean(found) * (1 - 2 / known.freedom) < 1.25, n


def test_too_few_that_differ_tell_nothing() -> None:
    X, losses, _ = made(6, 3)
    assert profiles(X[: FEWEST - 1], losses[: FEWEST - 1]) is None
    copies = np.repeat(losses[:2], 3, axis=0)
    assert profiles(X, copies) is None
    levels = losses[:1] + np.arange(6.0)[:, None]
    alike = profiles(X, np.round(levels, 3))
    assert alike is None or alike.spread < 0.01 * np.std(losses)


def test_the_poorest_quarter_and_all_beyond_the_best_hundred_do_not_count() -> None:
    X, losses, _ = made(20, 4)
    wild = losses.copy()
    worst = np.argsort(losses.mean(axis=1))[-5:]
    wild[worst] += 10 + 5 * np.random.default_rng(0).standard_normal((5, J))
    known, other = profiles(X, losses), profiles(X, wild)
    assert known is not None and other is not None
    assert other.spread == pytest.approx(known.spread)
    X, losses, _ = made(300, 5)
    most = profiles(X, losses)
    assert most is not None and len(most.X) == MOST
