"""The noise of a score: from repeats, from replicates, from folds, from the model."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import trialist as tl
from tests.stopping.histories import history, record
from trialist.model.noise import are_folds, noise_of
from trialist.trials.history import History
from trialist.trials.validation import Validation


def validated(found: History, validation: Validation) -> History:
    return History(replace(found.plan, validation=validation), found.space, found.records)


def test_a_repeat_on_the_same_folds_scores_alike_whatever_the_noise():
    rng = np.random.default_rng(5)
    scores = [(i % 7 + rng.standard_normal(5)).tolist() for i in range(30)]
    plain = history([record(i, score, x=(i % 30) / 30) for i, score in enumerate([*scores, *scores])])
    assert noise_of(plain, 99.0).sd == 0.0
    folds = noise_of(validated(plain, tl.Folds(5)), 99.0)
    assert folds.sd == pytest.approx(math.sqrt(1 / 5 + 1 / 4), rel=0.2)
    assert folds.source == "from 5 folds"


def test_a_declared_validation_says_how_many_rows_its_units_share():
    rng = np.random.default_rng(6)
    scored = history([record(i, (i % 7 + rng.standard_normal(6)).tolist(), x=i / 60) for i in range(60)])
    kinds = {tl.Folds(3, repeats=2): 1 / 2, tl.Holdout(0.2, repeats=6): 1 / 4, tl.Seeds(6): 0.0}
    for validation, overlap in kinds.items():
        assert noise_of(validated(scored, validation), 99.0).sd == pytest.approx(math.sqrt(1 / 6 + overlap), rel=0.15)


def test_repeats_tell_the_noise_first():
    rng = np.random.default_rng(0)
    # Five configurations, each scored nine times: what differs between configurations is no noise.
    records = [record(i, float(10 * (i % 5) + 0.2 * rng.standard_normal()), x=(i % 5) / 5) for i in range(45)]
    noise = noise_of(history(records), 99.0)
    assert noise.sd == pytest.approx(0.2, rel=0.25)
    assert noise.source == "from 40 repeated scores"


def test_a_repeat_that_scores_alike_means_no_noise():
    records = [record(0, 1.0, x=0.1), record(1, 0.7, x=0.2), record(2, 0.7, x=0.2)]
    assert noise_of(history(records), 99.0).sd == 0.0


def test_few_repeats_that_differ_say_too_little():
    records = [record(0, 1.0, x=0.1), record(1, 0.7, x=0.2), record(2, 0.71, x=0.2)]
    assert noise_of(history(records), 99.0) == noise_of(history(records[:2]), 99.0)
    assert noise_of(history(records), 99.0).sd == 99.0


def test_independent_replicates_average_their_noise():
    rng = np.random.default_rng(1)
    records = [record(i, (i % 7 + rng.standard_normal(4)).tolist(), x=i / 60) for i in range(60)]
    noise = noise_of(history(records), 99.0)
    assert noise.sd == pytest.approx(1 / math.sqrt(4), rel=0.15)
    assert noise.source == "from 4 replicates"


def test_folds_share_their_training_data():
    rng = np.random.default_rng(2)
    hardness = np.array([-1.0, 0.0, 0.5, 0.2, 0.3])
    records = [record(i, (i % 7 + hardness + 0.1 * rng.standard_normal(5)).tolist(), x=i / 60) for i in range(60)]
    noise = noise_of(history(records), 99.0)
    variance = hardness.var(ddof=1) + 0.01
    assert noise.sd == pytest.approx(math.sqrt((1 / 5 + 1 / 4) * variance), rel=0.1)
    assert noise.source == "from 5 folds"


def test_independent_replicates_are_rarely_taken_for_folds():
    taken = [are_folds(np.random.default_rng(seed).standard_normal((20, 3))) for seed in range(300)]
    assert np.mean(taken) < 0.03


def test_replicates_without_any_noise():
    assert not are_folds(np.ones((6, 3)))
    assert are_folds(np.ones((6, 3)) + np.array([0.0, 1.0, 2.0]))
