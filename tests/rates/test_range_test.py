from __future__ import annotations

import math
import random
import xml.etree.ElementTree as xml

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialist as tl
from trialist.rates.bounds import smooth


def curve(begin=1e-4, least=1e-2, breaks=0.3, start=2.3, bottom=0.4, noise=0.0, seed=0):
    """A training that is level up to `begin`, falls in a line by log rate to `least`, and breaks away at `breaks`."""
    rng = random.Random(seed)

    def step(rate):
        share = (math.log(rate) - math.log(begin)) / (math.log(least) - math.log(begin))
        loss = start - (start - bottom) * min(max(share, 0.0), 1.0)
        if rate > breaks:
            loss += (start - bottom) * 4 * math.log(rate / breaks)
        return loss + rng.gauss(0, noise)

    return step


def test_the_bounds_run_from_where_the_loss_falls_to_before_it_breaks_away():
    test = tl.lr_range_test(curve(), smoothing=0.0)
    assert 1e-4 < test.low < 2e-4
    assert 0.3 < test.high < test.diverged_at < 1.0
    assert 1e-4 < test.steepest < 1e-2
    assert test.bounds == (test.low, test.high)
    assert len(test.rates) == len(test.losses) == len(test.smoothed) < 100  # it ended when the loss broke away
    assert test.rates[0] == 1e-7 and "falls from" in test.reason and "breaks at" in test.reason


def test_noise_hardly_ever_moves_the_bounds_by_a_factor_of_four():
    draws, moved = random.Random(0), []
    for seed in range(100):
        begin, noise = 10 ** draws.uniform(-5, -3), draws.uniform(0, 0.12)
        decades, room = draws.uniform(1.0, 2.5), draws.uniform(0.3, 1.0)
        least, scale, shift = begin * 10**decades, *draws.choice([(1.0, 0.0), (100.0, -1000.0)])  # any unit and sign
        breaks = least * 10**room
        step = curve(begin, least, breaks, 2.3 * scale + shift, 0.4 * scale + shift, noise * scale, seed)
        test = tl.lr_range_test(step)
        assert test.low is not None and test.low <= test.steepest <= test.high
        is_low_right = begin / 4 < test.low < 4 * begin * 10 ** (0.1 * decades)
        if not (is_low_right and least / 4 < test.high < 4 * breaks):
            moved.append((seed, begin, noise, test.bounds))
    assert len(moved) <= 3, moved


@pytest.mark.parametrize("heavy", [False, True])
def test_losses_that_are_noise_alone_hardly_ever_give_bounds(heavy):
    found = 0
    for seed in range(200):
        rng = random.Random(seed)
        found += tl.lr_range_test(lambda rate, rng=rng: 2.3 + rng.gauss(0, 1) ** (3 if heavy else 1)).low is not None
    assert found <= 15


def test_training_has_not_broken_where_the_loss_is_noisy_or_creeps_up():
    rng = random.Random(0)
    noisy = tl.lr_range_test(lambda rate: 0.01 + rng.gauss(0, 1))
    creeping = tl.lr_range_test(lambda rate: 2.3 + 0.01 * math.log10(rate / 1e-7))
    for test in (noisy, creeping):
        assert len(test.rates) == 100 and test.diverged_at is None and test.low is None


def test_where_there_are_no_bounds_the_reason_is_told():
    level = tl.lr_range_test(lambda rate: 2.3)
    assert level.low is None and level.steepest is None and level.diverged_at is None
    with pytest.raises(tl.ResultError, match="never falls: train for longer"):
        level.bounds  # noqa: B018 - reading it is what is refused
    rising = tl.lr_range_test(lambda rate: 2.3 + 100 * rate)
    assert rising.low is None and "begin lower" in rising.reason and rising.diverged_at is not None


def test_training_that_breaks_at_once_says_so():
    for loss in (math.nan, math.inf):
        test = tl.lr_range_test(lambda rate, loss=loss: loss)
        assert test.low is None and test.diverged_at == 1e-7 and "lowest rates" in test.reason
        assert test.sketch() is not None


def test_a_loss_that_falls_to_the_very_end_has_the_highest_rate_for_its_upper_bound():
    test = tl.lr_range_test(curve(breaks=math.inf), high=1e-2)
    assert test.high == pytest.approx(1e-2) and test.diverged_at is None and "still low" in test.reason


def test_a_loss_that_falls_from_the_start_has_the_lowest_rate_for_its_lower_bound():
    test = tl.lr_range_test(curve(begin=1e-9, least=1e-1, breaks=1.0))
    assert test.low == pytest.approx(1e-7, rel=5) and test.low < 1e-5


def test_one_bad_batch_neither_ends_the_test_nor_becomes_a_bound():
    smooth_step, calls = curve(), iter(range(1000))

    def step(rate):
        return smooth_step(rate) + (50.0 if next(calls) == 30 else 0.0)

    with_blip, without = tl.lr_range_test(step), tl.lr_range_test(curve())
    assert len(with_blip.rates) == len(without.rates)
    assert with_blip.low == pytest.approx(without.low, rel=0.5)
    assert with_blip.high == pytest.approx(without.high, rel=0.5)


def test_a_loss_that_is_nan_ends_the_test_and_is_where_training_broke():
    step = curve(breaks=math.inf)
    test = tl.lr_range_test(lambda rate: math.nan if rate > 0.1 else step(rate))
    assert 0.1 < test.diverged_at < 0.13 and math.isnan(test.losses[-1])
    assert test.low < 2e-4 and 1e-2 < test.high < 0.13


def test_runs_of_their_own_at_each_rate_need_no_smoothing_and_no_order():
    rates = [10 ** (-6 + 7 * i / 11) for i in range(12)]
    step = curve()
    pairs = [(rate, math.nan if rate > 1 else step(rate)) for rate in rates]
    random.Random(0).shuffle(pairs)
    test = tl.RangeTest.of([rate for rate, _ in pairs], [loss for _, loss in pairs])
    assert list(test.rates) == rates and list(test.smoothed)[:9] == [step(rate) for rate in rates[:9]]
    assert 5e-5 < test.low < 4e-4 and 0.02 < test.high < 3


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=40), st.floats(0, 0.99))
def test_smoothing_lies_between_the_least_and_the_largest_loss_and_turns_with_the_losses(losses, weight):
    flat = [loss / 1e3 for loss in losses]
    smoothed = smooth(flat, weight)
    assert len(smoothed) == len(flat)
    assert all(min(flat) - 1e-6 <= value <= max(flat) + 1e-6 for value in smoothed)


def test_smoothing_has_no_lag():
    """A moving average of the past alone would see a fall ten steps late; this one sees it where it is."""
    losses = [1.0] * 30 + [0.0] * 30
    smoothed = smooth(losses, 0.8)
    assert smoothed[29] > 0.5 > smoothed[30]
    assert smoothed[29] - 0.5 == pytest.approx(0.5 - smoothed[30], abs=1e-3)


def test_a_real_network_finds_bounds_round_a_rate_that_trains_it_well():
    """Softmax regression by stochastic gradients on three clouds of points; 0.3 trains it nearly as well as can be."""
    import numpy as np

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 5))
    weights = np.zeros((5, 3))

    def step(rate):
        y = rng.integers(0, 3, 64)
        X = centres[y] + 0.7 * rng.normal(size=(64, 5))
        scores = X @ weights
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        loss = -np.log(odds[np.arange(64), y] + 1e-30).mean()
        odds[np.arange(64), y] -= 1
        weights[:] -= rate * X.T @ odds / 64
        return loss

    low, high = tl.lr_range_test(step, high=1000.0).bounds
    assert 1e-4 < low < 0.3 < high < 300


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"low": 0.0}, "low"),
        ({"low": 20.0}, "low"),
        ({"high": math.inf}, "high"),
        ({"steps": 3}, "steps"),
        ({"smoothing": 1.0}, "smoothing"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_step(wrong, field):
    def step(rate):
        raise AssertionError("called")

    with pytest.raises(tl.InputError) as caught:
        tl.lr_range_test(step, **wrong)
    assert caught.value.field == field


def test_a_step_that_returns_no_number_is_refused():
    with pytest.raises(tl.ResultError, match="step"):
        tl.lr_range_test(lambda rate: None)


def test_the_sketch_and_the_picture_show_curve_and_bounds(tmp_path):
    test = tl.lr_range_test(curve(noise=0.05))
    lines = test.sketch(width=70, height=8).splitlines()
    assert len(lines) == 9 and all(len(line) <= 70 for line in lines) and lines[-1].split()[0] == "1e-07"
    drawn = xml.parse(test.svg(tmp_path / "range.svg")).getroot()
    kinds = [part.get("class") for part in drawn.iter()]
    assert kinds.count("dot") == 1 + sum(map(math.isfinite, test.losses))  # one in the legend
    assert kinds.count("edge") == 2
    assert kinds.count("band") == 1
