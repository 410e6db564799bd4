"""Every strategy holds the contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trialist.protocols import Strategy
from trialist.search.auto import Auto
from trialist.search.bayesian import Bayesian
from trialist.search.design import Grid, Random, Sobol
from trialist.testing.strategies import STRATEGY_CLAIMS


@pytest.mark.parametrize(
    "make",
    [Random, Sobol, Grid, lambda: Grid(50), Bayesian, Auto],
    ids=["random", "sobol", "grid", "grid of 50", "gp", "auto"],
)
@pytest.mark.parametrize("claim", STRATEGY_CLAIMS, ids=lambda claim: claim.__name__)
def test_strategy(claim: Callable[[Callable[[], Strategy]], None], make: Callable[[], Strategy]) -> None:
    claim(make)
