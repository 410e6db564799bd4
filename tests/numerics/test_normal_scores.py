"""Normal scores: ranks as normal quantiles, whatever the scale was."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trialist.numerics.transform import normal_scores

values = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 2))


@given(hnp.arrays(float, st.integers(1, 30), elements=values))
def test_normal_scores_keep_the_order_and_forget_the_scale(y: np.ndarray) -> None:
    scores = normal_scores(y)
    assert (np.sign(np.subtract.outer(scores, scores)) == np.sign(np.subtract.outer(y, y))).all()
    assert np.allclose(scores, normal_scores(8.0 * y))
    assert np.allclose(normal_scores(-y), -scores)


def test_normal_scores_of_many_values_are_standard_normal() -> None:
    scores = normal_scores(np.random.default_rng(0).exponential(size=500) ** 5)
    assert abs(scores.mean()) < 1e-9 and abs(scores.std() - 1.0) < 0.01
