"""Rankings: pairs counted one by one agree, monotone changes do not matter, and bad predictors get nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trialist.numerics.ranking import misranked, normal_scores, ranking_weights

values = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 2))


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(hnp.arrays(float, (3, n), elements=values), hnp.arrays(float, n, elements=values))
    )
)
def test_pairs_are_counted(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    samples, y = drawn
    for sample, count in zip(samples, misranked(samples, y), strict=True):
        by_hand = sum(
            0.5 * abs(np.sign(sample[i] - sample[j]) - np.sign(y[i] - y[j]))
            for i, j in itertools.combinations(range(len(y)), 2)
        )
        assert count == by_hand


def test_the_right_order_has_no_pair_wrong_and_the_reverse_all() -> None:
    y = np.random.default_rng(0).normal(size=20)
    assert misranked(np.stack([y, np.exp(y), -y, np.zeros(20)]), y).tolist() == [0, 0, 190, 95]


@given(hnp.arrays(float, st.integers(1, 30), elements=values))
def test_normal_scores_keep_the_order_and_forget_the_scale(y: np.ndarray) -> None:
    scores = normal_scores(y)
    assert (np.sign(np.subtract.outer(scores, scores)) == np.sign(np.subtract.outer(y, y))).all()
    assert np.allclose(scores, normal_scores(3.0 * y + 1.0))
    assert np.allclose(normal_scores(-y), -scores)
    assert abs(scores.mean()) < 1e-9 or len(set(y)) < len(y)


def test_weights_are_shares_of_wins() -> None:
    losses = np.array([[1.0, 5.0, 2.0, 9.0], [4.0, 1.0, 2.0, 1.0], [4.0, 4.0, 2.0, 9.0]])
    assert ranking_weights(losses).tolist() == [0.25, 0.5, 0.25], "the tie with the own model is its own"
    assert ranking_weights(losses[[0, 0, 2]]).tolist() == [0.125, 0.125, 0.75], "others share theirs"
    assert ranking_weights(losses[-1:]).tolist() == [1.0]


@pytest.mark.parametrize("count", [1, 10, 100])
def test_many_bad_predictors_do_not_outvote_the_own_model(count: int) -> None:
    rng = np.random.default_rng(count)
    own = rng.normal(10.0, 3.0, size=(1, 256))
    bad = rng.normal(18.0, 5.0, size=(count, 256))  # each beats the own one now and then
    assert ranking_weights(np.vstack([bad, own]))[-1] == 1.0
    good = rng.normal(4.0, 3.0, size=(1, 256))
    assert ranking_weights(np.vstack([good, bad, own]))[0] > 0.8
