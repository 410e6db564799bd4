"""What more trials promise: scale, reproducibility, what is seen of a function that is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.stopping.histories import ONE, history, record, searched
from trialist.model.evidence import Witness
from trialist.model.surrogate import Surrogate
from trialist.numerics.keys import Key
from trialist.stopping.prospect import BATCH, Prospect, prospect
from trialist.stopping.prospects import Prospects


def seen(records: list) -> Prospect:
    found = Prospects().at(history(records), len(records))
    assert found is not None
    return found


def test_gains_grow_with_the_trials_but_less_and_less():
    gains = [float(seen(searched(30, 0.05)).gains(k).mean()) for k in (0, 1, 5, 20, 100)]
    assert all(a <= b for a, b in pairwise(gains))
    assert gains[2] < 5 * gains[1]  # what one trial finds, the next does not find again


def test_less_is_left_as_a_search_goes_on():
    left = [seen(searched(n)).left(20).gain for n in (12, 25, 50)]
    assert left[0] > 3 * left[1] > 9 * left[2] > 0


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_gains_are_in_the_unit_of_the_metric(scale):
    plain, scaled = seen(searched(30, 0.05)), seen(searched(30, 0.05, scale))
    for name in ("noise", "regret_bound", "change"):
        assert getattr(scaled, name) == pytest.approx(scale * getattr(plain, name), rel=1e-3)
    assert scaled.left(10).most == pytest.approx(scale * plain.left(10).most, rel=1e-3)


def test_a_shift_changes_nothing():
    records = searched(30, 0.05)
    shifted = [record(r.number, r.loss - 100.0, **r.params) for r in records]
    assert seen(shifted).left(10).gain == pytest.approx(seen(records).left(10).gain, rel=1e-3)


def test_how_bad_the_worst_are_does_not_matter():
    records = searched(40, 0.02)
    bad = float(np.quantile([r.loss for r in records], 0.85))
    crashed = [record(r.number, r.loss if r.loss <= bad else r.loss * 1e6, **r.params) for r in records]
    assert seen(crashed).left(10).gain == pytest.approx(seen(records).left(10).gain, rel=0.05)


def test_the_noise_is_seen():
    assert seen(searched(60, 0.1)).noise == pytest.approx(0.1, rel=0.4)


def test_what_violates_a_constraint_is_no_gain():
    """The loss falls towards x = 0, but below 0.5 nothing is allowed."""
    rng = np.random.default_rng(0)
    tried = [(float(x), float(y)) for x, y in rng.random((40, 2))]
    allowed = [(x, y) for x, y in tried if x >= 0.5]
    free = [record(i, x, x, y) for i, (x, y) in enumerate(allowed)]
    limited = [record(i, x, x, y, constraints={"x": 0.5 - x}) for i, (x, y) in enumerate(tried)]
    assert seen(limited).left(20).gain < 0.3 * seen(free).left(20).gain
    assert limited[seen(limited).incumbent].is_feasible


def test_scores_that_are_all_the_same_promise_nothing_that_could_be_told():
    records = [record(i, 0.5, float(x), float(y)) for i, (x, y) in enumerate(np.random.default_rng(0).random((20, 2)))]
    assert prospect(Witness().evidence(history(records)), Surrogate(), Key(0, 20)) is None


def test_more_than_a_batch_ahead_is_as_good_as_a_batch():
    found = seen(searched(30))
    assert found.ahead.shape[0] == BATCH + 1
    assert (found.gains(BATCH) <= found.gains(10 * BATCH) + 1e-12).all()


def test_fresh_and_long_lived_agree():
    records, kept = searched(32, 0.05), Prospects()
    for n in range(10, 33):
        kept.at(history(records[:n]), n)
    later, fresh = kept.at(history(records), 30), Prospects().at(history(records), 30)
    assert later.left(10) == fresh.left(10) and later.change == fresh.change


def test_few_or_several_objectives_have_no_prospect():
    assert Prospects().at(history(searched(9)), 9) is None
    assert ONE.objectives and Prospects().at(history(searched(10)), 10) is not None
