"""Verdicts say what the numbers bear, mirror when the arms are swapped, and refuse what is no result."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialist.errors import ResultError
from trialist.scoring.judging import judge
from trialist.scoring.power import smallest_difference
from trialist.scoring.verdict import Outcome, Size, Verdict
from trialist.trials.plan import Direction

rng = np.random.default_rng(0)
DEFAULT = [0.5 + row for row in rng.normal(0, 0.1, (5, 60))]
BETTER = [row - 0.2 + noise for row, noise in zip(DEFAULT, rng.normal(0, 0.1, (5, 60)), strict=True)]


def judged(baseline: Any, selected: Any, **more: Any) -> Verdict:
    return judge(**{"metric": "loss", "direction": "minimize", "baseline": baseline, "selected": selected, **more})


def test_a_clear_gain_is_improved_and_its_mirror_image_is_worse() -> None:
    one, other = judged(DEFAULT, BETTER), judged(BETTER, DEFAULT)
    assert (one.outcome, other.outcome) == (Outcome.IMPROVED, Outcome.WORSE)
    assert one.interval is not None
    assert one.interval[0] < 0.2 < one.interval[1]
    assert other.difference == -one.difference
    assert other.interval == (-one.interval[1], -one.interval[0])


def test_better_is_positive_whichever_way_the_metric_runs() -> None:
    down = judged(DEFAULT, BETTER)
    up = judged([-row for row in DEFAULT], [-row for row in BETTER], direction=Direction.MAXIMIZE)
    assert (up.outcome, up.difference, up.interval) == (down.outcome, down.difference, down.interval)
    assert (up.baseline_score, up.selected_score) == (-down.baseline_score, -down.selected_score)


@pytest.mark.parametrize(
    ("matters", "size", "words"),
    [
        (0.1, Size.MATTERS, "at least the 0.1 that matters"),
        (0.2, Size.OPEN, "whether by 0.2 or more, which matters, is open"),
        (0.5, Size.TOO_SMALL, "less than the 0.5 that matters"),
        (None, None, ""),
    ],
)
def test_the_size_of_a_difference_is_told_by_all_of_its_interval(
    matters: float | None, size: Size | None, words: str
) -> None:
    for verdict in (judged(DEFAULT, BETTER, matters=matters), judged(BETTER, DEFAULT, matters=matters)):
        assert verdict.size == size
        assert words in verdict.sentence
        assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict
    assert ("matters" in judged(DEFAULT, BETTER, matters=matters).sentence) is (matters is not None)


@pytest.mark.parametrize("matters", [0.0, -0.1, math.nan, "much"])
def test_what_matters_is_above_nothing(matters: Any) -> None:
    with pytest.raises(ResultError, match="matters"):
        judged(DEFAULT, BETTER, matters=matters)


def test_where_nothing_is_shown_it_is_told_what_would_have_been() -> None:
    nothing = judged(DEFAULT, [row.copy() for row in DEFAULT], detectable=0.0312)
    assert "it would likely have shown one of 0.031" in nothing.sentence
    assert "likely" not in judged(DEFAULT, BETTER, detectable=0.0312).sentence
    # A foresight that did not know the noise of the rows is not repeated once the interval has told it.
    rng = np.random.default_rng(0)
    noisy = judged(rng.normal(size=(1, 50)), rng.normal(size=(1, 50)), detectable=0.001)
    assert noisy.outcome is Outcome.NO_DIFFERENCE and noisy.interval is not None
    assert noisy.shown == pytest.approx(1.43 * (noisy.interval[1] - noisy.interval[0]) / 2, rel=0.01)
    assert f"one of {noisy.shown:.2g}" in noisy.sentence


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(2, 20), st.integers(0, 1000))
def test_the_order_of_examples_does_not_matter(seeds: int, n: int, state: int) -> None:
    local = np.random.default_rng(state)
    a, b, order = local.normal(size=(seeds, n)), local.normal(size=(seeds, n)), local.permutation(n)
    one, other = judged(list(a), list(b)), judged(list(a[:, order]), list(b[:, order]))
    assert one.interval is not None and other.interval is not None
    assert other.interval == pytest.approx(one.interval, abs=1e-9)
    assert other.outcome == one.outcome


@pytest.mark.parametrize(
    ("baseline", "selected", "more", "method"),
    [
        (DEFAULT, BETTER, {}, "paired over 60 examples and 5 seeds"),
        (DEFAULT, BETTER[:3], {}, "paired over 60 examples and 5 and 3 seeds"),
        (DEFAULT, BETTER, {"groups": list("abc") * 20}, "paired over 60 examples in 3 groups and 5 seeds"),
        (DEFAULT[:1], BETTER[:1], {}, "paired over 60 examples, for this one seed alone"),
        ([[0, 1, 1]], [[0, 0, 1]], {}, "exact paired test over 3 examples, one seed"),
        ([[True, False]], [[True, True]], {"direction": "maximize"}, "exact paired test over 2 examples, one seed"),
        ([[0, 1, 1]] * 2, [[0, 0, 1]] * 2, {}, "paired over 3 examples and 2 seeds"),
        ([0.3, 0.31], [0.2, 0.22], {}, "Welch's t over 2 seeds; the choice of test examples is not in it"),
        ([[0.3], [0.31]], [[0.2], [0.22]], {}, "Welch's t over 2 seeds"),
        ([0.3], [0.2], {}, "means alone"),
    ],
)
def test_the_method_is_chosen_by_the_kind_of_values(
    baseline: Any, selected: Any, more: dict[str, Any], method: str
) -> None:
    assert judged(baseline, selected, **more).method.startswith(method)


@pytest.mark.parametrize(
    ("baseline", "selected", "more", "reason"),
    [
        ([0.3], [0.2], {}, "one number each tells nothing of the noise"),
        ([0.3] * 5, [0.2] * 5, {}, "all seeds gave the same number"),
        ([0.3] * 5, [0.2], {}, "all seeds gave the same number"),
        (DEFAULT, BETTER, {"groups": ["one"] * 60}, "all test examples are of one group"),
    ],
)
def test_where_no_interval_can_be_given_no_difference_is_shown_and_it_says_why(
    baseline: Any, selected: Any, more: dict[str, Any], reason: str
) -> None:
    verdict = judged(baseline, selected, **more)
    assert (verdict.outcome, verdict.interval) == (Outcome.NO_DIFFERENCE, None)
    assert verdict.difference > 0
    assert verdict.reason is not None and verdict.reason.startswith(reason)
    assert f"no interval: {reason}" in verdict.sentence


@pytest.mark.parametrize("values", [[0.3, 0.3], DEFAULT, [[0.5, 0.25]] * 2])
def test_identical_values_differ_by_nothing(values: Any) -> None:
    verdict = judged(values, values)
    assert (verdict.outcome, verdict.difference) == (Outcome.NO_DIFFERENCE, 0.0)
    assert verdict.interval is not None
    assert verdict.interval[0] <= 0 <= verdict.interval[1]
    assert "the same (" in verdict.sentence


def test_a_configuration_without_noise_of_any_kind_has_an_interval_of_no_width() -> None:
    assert judged([0.25, 0.25], [0.25, 0.25]).interval == (0.0, 0.0)


def test_a_second_look_widens_the_interval_and_says_so() -> None:
    first, second = judged(DEFAULT, BETTER), judged(DEFAULT, BETTER, looks=2)
    assert first.interval is not None and second.interval is not None
    assert second.interval[0] < first.interval[0] < first.interval[1] < second.interval[1]
    assert (first.level, second.level) == pytest.approx((0.95, 0.975))
    assert "first look at these data" in first.sentence
    assert "97.5 % interval" in second.sentence and "look 2 at these data" in second.sentence


def test_looks_can_turn_an_improvement_into_no_difference_shown() -> None:
    baseline, selected = [0.30, 0.31, 0.305], [0.28, 0.29, 0.285]
    assert judged(baseline, selected).outcome is Outcome.IMPROVED
    assert judged(baseline, selected, looks=10).outcome is Outcome.NO_DIFFERENCE


def test_the_default_itself_selected_is_no_difference_whatever_its_noise() -> None:
    verdict = judged(DEFAULT, BETTER, same_configuration=True)
    assert (verdict.outcome, verdict.difference, verdict.interval) == (Outcome.NO_DIFFERENCE, 0.0, (0.0, 0.0))
    assert verdict.sentence.startswith("no difference shown: the default itself was selected, test loss 0.4")


def test_the_sentence_has_the_numbers_at_matching_digits() -> None:
    verdict = Verdict(
        outcome=Outcome.IMPROVED,
        metric="log_loss",
        direction=Direction.MINIMIZE,
        baseline_score=0.31201,
        selected_score=0.12099,
        difference=0.19102,
        interval=(0.1502, 0.2329),
        examples=360,
        seeds=5,
        method="paired over 360 examples and 5 seeds",
    )
    assert str(verdict) == (
        "improved: test log_loss 0.312 -> 0.121, better by 0.191 "
        "(95 % interval 0.150 to 0.233; 360 examples, 5 seeds; first look at these data)"
    )


def test_a_worse_verdict_tells_how_much_worse() -> None:
    assert (
        "worse by 5.0 (95 % interval 3.9 to 6.1; 3 seeds alone" in judged([10.0, 11.0, 10.5], [15.0, 16, 15.5]).sentence
    )


def test_an_undeclared_baseline_is_said() -> None:
    said = "dials without a default stood at the middle of their scale, or their first choice"
    assert said in judged(DEFAULT, BETTER, baseline_is_declared=False).sentence
    assert said not in judged(DEFAULT, BETTER).sentence


@pytest.mark.parametrize("values", [(DEFAULT, BETTER), ([0.3], [0.2]), ([0.3, 0.4], [0.2, 0.1])])
def test_a_verdict_goes_through_json_and_back(values: Any) -> None:
    verdict = judged(*values, looks=2, fingerprint="ab" * 32, opened_at="2026-01-01T00:00:00+00:00")
    text = json.dumps(verdict.to_json(), allow_nan=False)
    assert Verdict.from_json(json.loads(text)) == verdict
    assert json.loads(text)["sentence"] == verdict.sentence


@pytest.mark.parametrize(
    ("baseline", "selected", "field", "words"),
    [
        ([], [0.1], "baseline", "no test values"),
        ([0.1], [], "selected", "no test values"),
        ([0.1, math.nan], [0.1, 0.2], "baseline", "nan from seed 2"),
        ([[0.1, 0.2]], [[0.1, math.inf]], "selected", "inf from seed 1, value 2"),
        ([[0.1, 0.2], [0.1]], [[0.1, 0.2]], "baseline", "1 and 2 test values"),
        ([[0.1, 0.2]], [[0.1, 0.2, 0.3]], "selected", "do not pair"),
        ([0.1, 0.2], [[0.1, 0.2], [0.1, 0.2]], "selected", "do not pair"),
        ([[]], [[]], "baseline", "no values"),
        ([None], [0.1], "baseline", "None is not a number"),
        (["0.5"], [0.1], "baseline", "'0.5' is not a number"),
        ([["a", "b"]], [[0.1, 0.2]], "baseline", "'a' is not a number"),
        ([[[0.1, 0.2], [0.3]]], [[0.1, 0.2]], "baseline", "ragged"),
        ([np.zeros((2, 2))], [[0.1, 0.2]], "baseline", "not a number"),
        ([1j], [0.1], "baseline", "not a number"),
        ([{0.1, 0.2}], [0.1], "baseline", "not a number"),
        ([{"loss": 0.1}], [0.1], "baseline", "not a number"),
    ],
)
def test_what_is_no_result_is_refused(baseline: Any, selected: Any, field: str, words: str) -> None:
    with pytest.raises(ResultError) as caught:
        judged(baseline, selected)
    assert caught.value.field == field
    assert words in str(caught.value)


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(ResultError, match=r"groups: 3 labels do not match 60"):
        judged(DEFAULT, BETTER, groups=[1, 2, 3])


def test_columns_and_numpy_numbers_are_results() -> None:
    assert judged([row[:, None] for row in DEFAULT], BETTER) == judged(DEFAULT, BETTER)
    assert judged([np.float32(0.5), np.array(0.25)], [1, 2]).baseline_score == 0.375


def test_an_impossible_verdict_is_refused_at_construction() -> None:
    sound = judged(DEFAULT, BETTER).to_json()
    for change in ({"looks": 0}, {"seeds": 0}, {"interval": [0.5, 0.6]}):
        with pytest.raises(ValueError, match=r"verdict|interval"):
            Verdict.from_json({**sound, **change})


def test_improved_is_said_wrongly_about_as_rarely_as_promised() -> None:
    local, said = np.random.default_rng(5), 0
    for _ in range(400):
        a, b = 0.9 + 0.01 * local.normal(size=5), 0.9 + 0.02 * local.normal(size=5)
        said += judged(list(a), list(b)).outcome is Outcome.IMPROVED
    assert 1 <= said <= 20  # 10 expected, sd 3.1


def test_the_smallest_difference_is_shown_about_as_often_as_its_power_says() -> None:
    local, shown = np.random.default_rng(2), 0
    least = smallest_difference(seeds=5, sd_seeds=0.02)
    for _ in range(400):
        a, b = 0.9 + 0.02 * local.normal(size=5), 0.9 + least + 0.02 * local.normal(size=5)
        shown += judged(list(a), list(b), direction="maximize").outcome is Outcome.IMPROVED
    assert 0.70 < shown / 400 < 0.90  # 0.8 expected, sd 0.02; t stands in for the noncentral t


def test_the_smallest_difference_shrinks_with_examples_and_seeds_and_grows_with_looks() -> None:
    base = smallest_difference(seeds=5, sd_seeds=0.01, examples=100, sd_examples=0.3)
    assert smallest_difference(seeds=5, sd_seeds=0.01, examples=400, sd_examples=0.3) < base
    assert smallest_difference(seeds=9, sd_seeds=0.01, examples=100, sd_examples=0.3) < base
    assert smallest_difference(seeds=5, sd_seeds=0.01, examples=100, sd_examples=0.3, looks=2) > base
    assert smallest_difference(seeds=1, sd_seeds=0.01) == math.inf
    assert smallest_difference(seeds=5, sd_seeds=0.0) == 0.0
