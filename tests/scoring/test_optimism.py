"""How much too good the best search score is: expected before, seen after; calibrated on studies of known truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.stopping.histories import flipped, history, record, searched
from trialist.scoring.optimism import Optimism, optimism
from trialist.testing.strategies import PLAN
from trialist.trials.plan import Objective
from trialist.trials.trial import Score, Stage, TrialRecord


def bowl(of: TrialRecord) -> float:
    return (of.params["x"] - 0.3) ** 2 + 2 * (of.params["y"] - 0.6) ** 2


def again(of: TrialRecord, number: int, loss: float, seed: int) -> TrialRecord:
    return replace(
        of, number=number, stage=Stage.SELECT, repeats=of.number, seed=seed, loss=loss, metrics={"loss": Score((loss,))}
    )


def with_replicates(records: Sequence[TrialRecord], noise: float, seed: int, count: int = 4) -> list[TrialRecord]:
    """The same configurations, each scored by independent replicates."""
    rng = np.random.default_rng([seed, 1])
    return [record(r.number, (bowl(r) + noise * rng.normal(size=count)).tolist(), **r.params) for r in records]


@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_what_is_expected_is_what_comes_true_on_average(noise: float) -> None:
    """Thirty studies of 40 trials: where replicates tell the noise, and where a model has to find it."""
    came, told, modelled = [], [], []
    for seed in range(30):
        records = with_replicates(searched(40, noise=noise / 2, seed=seed), noise, seed)
        best = min(records, key=lambda r: r.loss or 0.0)
        came.append(bowl(best) - (best.loss or 0.0))
        found = optimism(history(records))
        bare = optimism(history([replace(r, metrics={"loss": Score((r.loss or 0.0,))}) for r in records]))
        assert found is not None and bare is not None and found.expected is not None and bare.expected is not None
        assert found.number == best.number and found.source.startswith("from 4") and found.seen is None
        told.append(found.expected)
        modelled.append(bare.expected)
    assert np.mean(came) > 0.5 * noise / 2  # of a score, which is the mean of four
    assert np.mean(told) == pytest.approx(np.mean(came), rel=0.25)
    assert 0.5 * np.mean(came) < np.mean(modelled) < 1.25 * np.mean(came)


def test_exact_scores_are_not_too_good() -> None:
    records = searched(20)
    repeated = [*records, replace(records[3], number=20)]
    found = optimism(history(repeated))
    assert found is not None and found.expected == pytest.approx(0.0, abs=1e-9)
    assert "is not expected to be too good, by the noise from 1 repeated score" in found.sentence


def test_of_few_scores_without_any_repeat_the_noise_is_not_known_and_that_is_said() -> None:
    found = optimism(history(searched(20, noise=0.1)))
    assert found is not None and found.expected is None
    assert "too good by an unknown amount" in found.sentence
    assert optimism(history([])) is None
    tiny = Optimism(11, 1e-300, None, "")
    assert tiny.sentence.startswith("the best search score, 1e-300 of trial 11, is too good by an unknown amount")


def test_fresh_scores_show_it_and_tell_the_noise() -> None:
    records = searched(20, noise=0.1)
    ranked = sorted(records, key=lambda r: r.loss or 0.0)[:3]
    rng = np.random.default_rng(5)
    fresh = [again(r, 20 + 3 * j + i, bowl(r) + 0.1 * rng.normal(), j) for j in range(4) for i, r in enumerate(ranked)]
    found = optimism(history([*records, *fresh]))
    mine = [r.loss or 0.0 for r in fresh if r.repeats == ranked[0].number]
    assert found is not None and found.expected is not None and found.source == "between runs on fresh seeds"
    assert found.seen == pytest.approx(np.mean(mine) - (ranked[0].loss or 0.0))
    assert 0.02 < found.expected < 0.3


def test_the_sentence_has_the_metrics_own_sign_and_digits() -> None:
    found = Optimism(7, 0.031, 0.0104, "from 5 folds", 0.0442, 0.004)
    assert found.sentence == (
        "the best search score, 0.031 of trial 7, became 0.044 on fresh seeds: it was 0.013 too good (expected 0.010)"
    )
    accuracy = Optimism(7, -0.931, 0.0104, "from 5 folds", -0.9178, 0.004, sign=-1)
    assert "0.931 of trial 7, became 0.918 on fresh seeds: it was 0.013 too good" in accuracy.sentence
    assert Optimism(7, 0.5, 0.01, "", 0.47).sentence.endswith("it was 0.030 too bad (expected 0.010)")
    assert Optimism(7, 0.5, None, "", 0.5).sentence.endswith("it was neither too good nor too bad")
    assert "is probably about 0.010 too good, by the noise from 5 folds" in replace(found, fresh=None).sentence


def test_unit_and_direction_change_nothing_else() -> None:
    records = with_replicates(searched(30, noise=0.1), 0.2, 0)
    plain = optimism(history(records))
    turned = optimism(history(*flipped(records)))
    assert plain is not None and turned is not None and plain.expected is not None
    assert turned.expected == pytest.approx(plain.expected) and turned.sign == -1
    told = [float(word) for word in turned.sentence.replace(",", " ").split() if word.startswith("-0.")]
    assert told or math.isclose(turned.search, plain.search)


def test_a_front_has_no_best_score() -> None:
    two = replace(PLAN, objectives=(Objective("loss"), Objective("ms")))
    records = [replace(r, metrics={**r.metrics, "ms": Score((1.0,))}) for r in searched(12)]
    assert optimism(history(records, plan=two)) is None


def test_it_comes_back_from_json() -> None:
    found = Optimism(7, 0.031, 0.0104, "from 5 folds", 0.0442, 0.004, -1)
    assert Optimism.from_json(found.to_json()) == found
