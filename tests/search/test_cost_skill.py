"""How far a model of costs is believed: as far as it foretells costs that it was not told."""

import numpy as np
import pytest

from trialist.model.features import Features
from trialist.model.surrogate import Surrogate
from trialist.search.preferences import SMOOTHNESS, log_cost_values, skill
from trialist.space.cube import Cube
from trialist.space.parameter import Float
from trialist.space.space import Space


def _skill(costs, X):
    features = Features(Cube(Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))), False)
    return skill(Surrogate().fitted(X, np.log(costs), features.layout(SMOOTHNESS, warp=False), log_cost_values))


@pytest.mark.parametrize("seed", range(5))
def test_costs_that_follow_a_dial_are_foretold_and_chance_is_not(seed):
    rng = np.random.default_rng(seed)
    X = rng.random((20, 2))
    by_chance, by_dial = rng.lognormal(0.0, 1.0, 20), np.exp(3 * X[:, 0])
    assert _skill(by_dial, X) > 0.9
    assert _skill(by_chance, X) < 0.4
    assert _skill(by_dial[:4], X[:4]) == 0.0, "four values say nothing"
