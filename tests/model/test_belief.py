"""What a model believes of the trials, in the metric's own unit, and how other knowledge of the noise changes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stopping.histories import flipped, history, record, searched
from trialist.model.belief import belief_of, loss_per_unit


def bowl(x: float, y: float) -> float:
    return (x - 0.3) ** 2 + 2 * (y - 0.6) ** 2


def test_few_scores_and_scores_that_are_all_alike_are_not_modelled():
    assert belief_of(history(searched(7))) is None
    assert belief_of(history([record(i, 1.0, x=i / 20) for i in range(20)])) is None


def test_of_a_noisy_study_the_belief_is_nearer_to_the_truth_than_the_scores():
    nearer = []
    for seed in range(5):
        records = searched(40, noise=0.1, seed=seed)
        told = belief_of(history(records))
        assert told is not None
        truth = np.array([bowl(r.params["x"], r.params["y"]) for r in records])
        scores = np.array([r.loss for r in records])
        good = truth <= np.median(truth)
        nearer.append(np.abs(told.means - truth)[good].mean() / np.abs(scores - truth)[good].mean())
        assert told.noise == pytest.approx(0.1, rel=0.5)
    assert np.mean(nearer) < 0.7


def test_the_deviation_that_it_claims_is_about_the_one_that_it_has():
    z = []
    for seed in range(8):
        records = searched(50, noise=0.1, seed=seed)
        told = belief_of(history(records))
        assert told is not None
        means, covariance = told.of(range(50), 0.1)
        truth = np.array([bowl(r.params["x"], r.params["y"]) for r in records])
        good = truth <= np.median(truth)
        z += ((means - truth) / np.sqrt(covariance.diagonal()))[good].tolist()
    assert 0.5 < np.std(z) < 1.6


def test_units_do_not_matter_nor_the_direction():
    records = searched(30, noise=0.1)
    told = belief_of(history(records))
    larger = belief_of(history([replace(r, loss=1e6 * r.loss) for r in records]))
    assert told is not None and larger is not None
    means, covariance = told.of([3, 8], 0.15)
    more, wider = larger.of([3, 8], 0.15e6)
    assert more == pytest.approx(1e6 * means, rel=1e-6) and wider == pytest.approx(1e12 * covariance, rel=1e-6)
    other = belief_of(history(*flipped(records)))
    assert other is not None and other.means == pytest.approx(told.means)


def test_scores_that_are_known_to_be_exact_are_believed():
    records = searched(30, noise=0.1)
    told = belief_of(history(records))
    assert told is not None
    means, covariance = told.of(range(30), 0.0)
    assert means == pytest.approx([r.loss for r in records])
    assert np.abs(covariance).max() == pytest.approx(0.0)


def test_the_noisier_scores_are_known_to_be_the_less_of_their_differences_is_believed():
    records = searched(30, noise=0.1)
    told = belief_of(history(records))
    assert told is not None
    best = min(records, key=lambda r: r.loss or 0.0)
    factors = (0.0, 0.5, 0.99, 1.0, 1.01, 2.0, 20.0)
    believed = np.array([told.of([best.number], told.noise * factor)[0][0] for factor in factors])
    assert (np.diff(believed) > -1e-3 * told.noise).all() and believed[-1] - believed[0] > told.noise
    assert believed[2:5] == pytest.approx(told.of([best.number])[0][0], abs=0.05 * told.noise)


def test_the_unit_is_that_of_the_better_half():
    y = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert loss_per_unit(y, 0.1 * y) == pytest.approx(0.1)
    assert loss_per_unit(y, np.ones(8)) is None
