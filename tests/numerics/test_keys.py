"""Keyed randomness: the same key gives the same draw anywhere, and different keys draw independently."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trialist.numerics.keys import Key


@given(st.integers(0, 2**63), st.integers(-1, 10**6), st.text(max_size=20), st.integers(0, 5))
def test_a_draw_is_a_function_of_its_key(seed: int, number: int, name: str, attempt: int) -> None:
    key = Key(seed, number)
    assert key.uniform(name, attempt) == Key(seed, number).uniform(name, attempt)
    assert 0.0 <= key.uniform(name, attempt) < 1.0
    assert key.uniform(name, attempt) != key.uniform(name, attempt + 1)


def test_draws_are_uniform_and_unrelated_between_names_and_numbers() -> None:
    draws = np.array([[Key(3, n).uniform(name) for name in ("a", "b")] for n in range(4000)])
    for column in draws.T:
        counts = np.bincount((column * 20).astype(int), minlength=20)
        assert np.sum((counts - 200) ** 2 / 200) < 45  # chi-squared, 19 degrees: 0.999 quantile is 43.8
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.05
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.05


@given(st.integers(1, 2**80))
def test_integers_keep_to_their_range_also_beyond_floats(count: int) -> None:
    assert 0 <= Key(0, 0).integer("k", count) < count


def test_integers_beyond_2_53_reach_odd_numbers() -> None:
    drawn = {Key(0, n).integer("k", 2**60) % 2 for n in range(50)}
    assert drawn == {0, 1}


def test_another_process_draws_the_same() -> None:
    code = "from trialist.numerics.keys import Key; print(Key(7, 3).uniform('lr'), Key(7, 3).generator('x').random())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [float(x) for x in printed] == [Key(7, 3).uniform("lr"), Key(7, 3).generator("x").random()]
