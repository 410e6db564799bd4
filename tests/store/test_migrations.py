"""Older files take the steps that they lack, in order, once; newer ones are refused."""

from __future__ import annotations

import pytest

from trialist.errors import StoreDamagedError, StoreVersionError
from trialist.store.migrations import SCHEMA_VERSION, STEPS, Run, migrate, version_of


def test_the_steps_that_a_file_lacks_are_taken_in_order() -> None:
    steps = {3: _step("three"), 2: _step("two"), 4: _step("four")}
    taken: list[str] = []
    assert migrate(taken.append, 2, steps) == 4
    assert taken == ["three", "four"]
    assert migrate(taken.append, 4, steps) == 4
    assert taken == ["three", "four"]


def test_each_version_after_the_first_has_its_step() -> None:
    assert sorted(STEPS) == list(range(2, SCHEMA_VERSION + 1))


def test_a_newer_version_is_refused_and_nonsense_is_damage() -> None:
    assert version_of(str(SCHEMA_VERSION), "s.db") == SCHEMA_VERSION
    with pytest.raises(StoreVersionError, match=r"s\.db.*newer.*Upgrade"):
        version_of(str(SCHEMA_VERSION + 1), "s.db")
    with pytest.raises(StoreDamagedError, match=r"s\.db.*schema"):
        version_of("many", "s.db")


def _step(name: str) -> object:
    def step(run: Run) -> None:
        run(name)

    return step
