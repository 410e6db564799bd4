"""Losses drawn at points of a space are split into the effects that they are made of."""

from __future__ import annotations

import numpy as np
import pytest

from trialist.effects.ground import ground
from trialist.effects.unwarped import points, unwarped
from trialist.space.parameter import Categorical, Float
from trialist.space.space import Space

SPACE = Space(a=Float(0, 1), b=Float(0, 1), c=Categorical(["x", "y"]), own=Float(0, 1, when={"c": "x"}))


def test_variances_are_those_of_the_closed_form():
    made = ground(SPACE)
    rows, active = points(made, 0)
    a, b, c = rows[:, 0], rows[:, 1], rows[:, 2]
    own = np.where(active[:, 3], rows[:, 3] - 0.5, 0.0)
    losses = 3 * a + 4 * (a - 0.5) * (b - 0.5) + np.where(c > 0.5, 0.5, -0.5) + 2 * own
    F, pairs = made.functions(rows, active, made.candidates)
    split = unwarped(F, pairs, np.stack([losses, 2 * losses], axis=1))
    together = np.array([made.together[pair] for pair in made.candidates])
    of_dials, of_pairs, whole = split.variances(made.active, together)
    assert of_dials[:, 0] == pytest.approx([9 / 12, 0.0, 0.25, 0.5 * 4 / 12], abs=0.005)
    assert of_dials[:, 1] == pytest.approx(4 * of_dials[:, 0])
    by_pair = dict(zip(made.candidates, of_pairs[:, 0], strict=True))
    assert by_pair.pop((0, 1)) == pytest.approx(16 / 144, abs=0.002)
    assert max(by_pair.values()) < 1e-6
    in_all = 9 / 12 + 0.25 + 2 / 12 + 16 / 144
    assert whole == pytest.approx([in_all, 4 * in_all], abs=0.02)


def test_points_are_even_on_every_dial():
    rows, active = points(ground(SPACE), 3)
    for j in (0, 1):
        assert np.histogram(rows[:, j], bins=64, range=(0, 1))[0] == pytest.approx(len(rows) / 64, abs=1)
    assert active[:, 3].mean() == pytest.approx(0.5, abs=0.01)
