"""Steps from known rows."""

from __future__ import annotations

import numpy as np
import pytest

from trialist.model.steps import perturbed, reflected
from trialist.space.cube import Cube
from trialist.space.parameter import Float
from trialist.space.space import Space


def test_steps_are_of_all_sizes_in_few_dials_or_many() -> None:
    cube = Cube(Space({f"x{i}": Float(0.0, 1.0) for i in range(6)}))
    steps = np.abs(perturbed(cube, np.random.default_rng(2), np.full((1, 6), 0.5), 2000) - 0.5)
    moved = (steps > 0.0).sum(axis=1)
    assert (moved <= 2).mean() > 0.2 and (moved == 6).mean() > 0.05
    sizes = steps.max(axis=1)[moved > 0]
    assert np.quantile(sizes, 0.1) < 0.01 and np.quantile(sizes, 0.9) > 0.1


def test_mirrors_at_both_ends() -> None:
    assert reflected(np.array([-0.1, 0.0, 0.4, 1.0, 1.3, 2.2, -1.9])) == pytest.approx([0.1, 0, 0.4, 1, 0.7, 0.2, 0.1])
