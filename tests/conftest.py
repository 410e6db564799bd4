"""Tests are never timed: on a busy machine an example may take any time.

Properties are tried on the same examples in every run, so that a change is what makes a test fail. `make fuzz` looks
for others; what it finds is kept as an `@example`.
"""

import os

import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=400)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def odd(tmp_path_factory):
    """Every kind of odd study in one file, for tests that only look at them: its store and its name."""
    from trialist.testing.odd_studies import ODD

    path = tmp_path_factory.mktemp("odd") / "odd.db"
    found = {}
    for kind, build in ODD.items():
        study = build(path)
        found[kind] = (path, study.name)
        study.close()
    return found


@pytest.fixture(scope="session")
def odd_studies():
    """Every kind of odd study, in memory, for tests that only look at them."""
    from trialist.testing.odd_studies import ODD

    made = {name: build("memory") for name, build in ODD.items()}
    yield made
    for study in made.values():
        study.close()
