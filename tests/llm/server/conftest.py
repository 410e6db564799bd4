"""A real server for the tests: the tiny language model, trained once and kept in build/, and what serves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trialist.testing.tiny_lm import cached
from trialist.testing.tiny_server import serving

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def tiny_model():
    """The trained model's folder; processes of one run that ask at the same time wait for one training."""
    return cached(ROOT / "build")


@pytest.fixture(scope="session")
def tiny_server(tiny_model):
    """A server of this test process: `.base_url` and `.model` are what a request needs."""
    with serving(tiny_model) as served:
        yield served
