"""What an objective may return: numbers, replicates, metrics; a missing or non-finite score is a failure with words."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from trialist.errors import ResultError
from trialist.trials.outcome import outcome
from trialist.trials.trial import Cause, Failure, Score


@pytest.mark.parametrize(
    ("value", "replicates"),
    [
        (0.5, (0.5,)),
        (3, (3.0,)),
        (Fraction(1, 4), (0.25,)),
        (np.float32(0.5), (0.5,)),
        (np.array(0.5), (0.5,)),
        ([1.0, 2], (1.0, 2.0)),
        (np.array([1.0, 2.0]), (1.0, 2.0)),
        (1.7976931348623157e308, (1.7976931348623157e308,)),
    ],
)
def test_numbers_and_lists_of_numbers_are_results(value: object, replicates: tuple[float, ...]) -> None:
    assert outcome(value, ("loss",)) == {"loss": replicates}


def test_metrics_come_by_name_and_the_objectives_first() -> None:
    found = outcome({"accuracy": 0.9, "loss": [0.1, 0.3], "odd": math.nan}, ("loss", "accuracy"))
    assert isinstance(found, dict)
    assert list(found) == ["loss", "accuracy", "odd"] and found["loss"] == (0.1, 0.3)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "None"),
        (math.nan, "NaN"),
        (math.inf, "infinity"),
        (-math.inf, "minus infinity"),
        (10**400, "infinity"),
        ([0.1, math.nan], "NaN"),
    ],
)
def test_a_score_that_is_missing_or_not_finite_fails_the_trial_in_words(value: object, word: str) -> None:
    found = outcome(value, ("loss",))
    assert isinstance(found, Failure) and found.cause is Cause.OBJECTIVE and word in found.message


@pytest.mark.parametrize("value", ["0.5", "abc", True, 1 + 2j, (1.0, 2.0), [], b"1", object(), np.ones((2, 2)), [True]])
def test_a_value_of_a_wrong_type_is_refused_with_its_remedy(value: object) -> None:
    with pytest.raises(ResultError, match=r"(?s)value: .*Give"):
        outcome(value, ("loss",))


def test_a_missing_objective_is_named() -> None:
    with pytest.raises(ResultError, match="'loss'"):
        outcome({"accuracy": 1.0}, ("loss",))
    with pytest.raises(ResultError, match="2 objectives"):
        outcome(0.5, ("loss", "latency"))


def test_a_score_knows_its_noise_from_two_replicates_on() -> None:
    assert Score((1.0,)).stderr is None
    score = Score((1.0, 2.0, 3.0, 6.0))
    assert score.mean == 3.0 and score.stderr == pytest.approx(np.std([1, 2, 3, 6], ddof=1) / 2)
