"""A sketch tells how much two sets share: exactly where they are small, else within its standard error."""

from __future__ import annotations

import numpy as np
import pytest

from trialist.numerics.sketch import SIZE, Sketch


def hashes(rng: np.random.Generator, count: int) -> list[int]:
    return [int(value) for value in rng.integers(0, 2**64, count, dtype=np.uint64)]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("members", [40, SIZE, 20_000])
def test_the_shared_part_is_told(members: int, share: float) -> None:
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(20):
        shared = round(share * members)
        both, mine, theirs = (hashes(rng, count) for count in (shared, members - shared, members - shared))
        found = Sketch.of(both + mine, "mine").shared(Sketch.of(both + theirs, "theirs"))
        errors.append(found - shared / members)
    if members <= SIZE:
        assert set(errors) == {0.0}
    assert abs(np.mean(errors)) < 0.02 and np.std(errors) <= 1.0 / np.sqrt(SIZE)


def test_order_and_repetition_do_not_count_and_the_text_is_the_sketch() -> None:
    some = hashes(np.random.default_rng(0), 1000)
    sketch = Sketch.of(some, "a")
    assert Sketch.of(some[::-1] + some[:10], "a") == sketch == Sketch.read(sketch.text())
    assert sketch.members == 1000 and len(sketch.text()) < 3300


@pytest.mark.parametrize("text", ["", "x", "2:3:a:", "1:-3:a:AAAA", "1:3:a:AAA", "1:3:a:****"])
def test_another_text_is_no_sketch(text: str) -> None:
    assert Sketch.read(text) is None


def test_collections_of_one_name_are_the_same_whatever_their_members() -> None:
    assert (
        Sketch.of([], "a").shared(Sketch.of([1], "a")) == 1.0 and Sketch.of([], "a").shared(Sketch.of([1], "b")) == 0.0
    )
