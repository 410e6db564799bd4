"""Intervals cover at their rate, mirror when arms are swapped, and agree with closed forms where there are any."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator, default_rng
from scipy import optimize, signal, special, stats

from trialist.numerics.binary import chance_if_alike, paired_binary
from trialist.numerics.intervals import Interval, paired_interval, welch_interval
from trialist.numerics.resampling import time_blocks

STUDIES = 400


def losses(rng: Generator, seeds: int, n: int, *, seed_sd: float, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Two equal arms: shared examples, own answers to them, own seeds."""
    examples = rng.normal(1.5, 1.5, n)

    def arm() -> np.ndarray:
        own = 0.5 * rng.normal(size=n) + seed_sd * rng.normal(size=(seeds, 1)) + 0.3 * rng.normal(size=(seeds, n))
        margin = examples + own
        return {
            "normal": margin,
            "squared": (margin - 1.5) ** 2,
            "log loss": np.logaddexp(0, -margin),
            "0/1": (margin < 0).astype(float),
        }[kind]

    return arm(), arm()


def flipped(interval: Interval) -> Interval:
    """The same with the arms swapped."""
    return Interval(-interval.estimate, -interval.high, -interval.low)


@pytest.mark.parametrize("kind", ["normal", "log loss", "squared", "0/1"])
@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.0), (2, 0.1), (5, 0.3)])
def test_paired_interval_covers_at_its_rate(kind: str, seeds: int, seed_sd: float) -> None:
    rng = default_rng(7)
    low = high = 0
    for _ in range(STUDIES):
        interval = paired_interval(*losses(rng, seeds, 80, seed_sd=seed_sd, kind=kind))
        assert interval is not None
        low, high = low + (interval.low > 0), high + (interval.high < 0)
    # 400 studies at 95 % miss 20 times with sd 4.4; at 92 %, what we would not put up with, 32 times.
    assert 5 <= low + high <= 31
    assert max(low, high) <= 20  # neither side alone


@pytest.mark.parametrize("sign", [1, -1])
def test_skew_differences_are_missed_less_than_by_students_t(sign: int) -> None:
    rng, missed = default_rng(3), {"corrected": 0, "Student": 0}
    for _ in range(600):
        a, b = sign * rng.exponential(size=(1, 30)) ** 2, np.zeros((1, 30))
        interval = paired_interval(a, b)
        assert interval is not None
        missed["corrected"] += not interval.low <= 2 * sign <= interval.high
        half = stats.t.ppf(0.975, 29) * a.std(ddof=1) / math.sqrt(30)
        missed["Student"] += not abs(interval.estimate - 2 * sign) <= half
    assert missed["Student"] > 72  # of 600; 30 were promised
    assert missed["corrected"] < 60
    assert missed["corrected"] < 0.75 * missed["Student"]


def test_values_that_differ_by_class_are_compared_within_classes() -> None:
    """Where the class explains all, chance is what is left within it; classes count as drawn, not as chance."""
    rng = default_rng(0)
    strata = np.repeat([0, 1], [40, 10])
    a = np.where(strata, 5.0, 1.0) + 0.1 * rng.normal(size=(1, 50))
    within = paired_interval(a, np.zeros((1, 50)), strata=strata)
    across = paired_interval(a, np.zeros((1, 50)))
    assert within is not None and across is not None
    se = math.sqrt(sum((m / 50) ** 2 * a[0, strata == h].var(ddof=1) / m for h, m in ((0, 40), (1, 10))))
    assert within.high - within.low == pytest.approx(2 * 2.03 * se, rel=0.08)
    assert across.high - across.low > 10 * (within.high - within.low)


def test_a_class_of_one_example_gives_no_interval() -> None:
    assert paired_interval(np.ones((1, 3)), np.zeros((1, 3)), strata=[0, 0, 1]) is None


@pytest.mark.parametrize("seeds", [2, 5])
def test_hardly_any_differing_example_leaves_room_for_a_difference(seeds: int) -> None:
    """0/1 losses of models that both err rarely: where none of 60 examples differs, nothing was shown to be equal."""
    same = np.zeros((seeds, 60))
    interval = paired_interval(same, same.copy())
    assert interval is not None
    assert 0.03 < interval.high < 0.08 and interval.low == -interval.high
    one = same.copy()
    one[:, 0] = 1
    other = paired_interval(one, same)
    assert other is not None and other.low < 0 < other.high


def test_seeds_alike_to_the_last_bit_are_no_more_than_one() -> None:
    """Test values that do not depend on the seed: the interval is the examples', not narrower."""
    rng = default_rng(2)
    a, b = rng.normal(size=(1, 50)), rng.normal(size=(1, 50))
    one, five = paired_interval(a, b), paired_interval(a.repeat(5, axis=0), b.repeat(5, axis=0))
    assert one is not None and five is not None
    assert (five.low, five.high) == pytest.approx((one.low, one.high), rel=0.1)


def test_paired_interval_without_the_seeds_would_not_cover() -> None:
    """The coverage test can fail: averaging over seeds first, as if they were no source of chance, misses by far."""
    rng = default_rng(7)
    missed = 0
    for _ in range(100):
        a, b = losses(rng, 5, 80, seed_sd=0.5, kind="normal")
        interval = paired_interval(a.mean(0, keepdims=True), b.mean(0, keepdims=True))
        assert interval is not None
        missed += interval.low > 0 or interval.high < 0
    assert missed > 30


def test_noise_that_examples_and_seeds_share_is_counted_once() -> None:
    """Seeds that answer single examples differently: both sources see that noise, the interval must not add it up."""
    rng, widths = default_rng(0), []
    for _ in range(60):
        a, b = rng.normal(size=(2, 5, 200))
        interval = paired_interval(a, b)
        assert interval is not None
        widths.append(interval.high - interval.low)
    ideal = 2 * 1.96 * math.sqrt(2 / (5 * 200))
    assert ideal < np.mean(widths) < 1.42 * ideal  # 1.33; counted twice, 1.62


def test_grouped_resampling_covers_where_examples_of_a_group_are_alike() -> None:
    rng = default_rng(3)
    groups = np.repeat(np.arange(40), rng.integers(1, 8, 40))
    missed = {"grouped": 0, "ignored": 0}
    for _ in range(200):
        shift = rng.normal(size=40)[groups]
        a, b = (rng.normal(size=(2, len(groups))) * 0.2 + sign * shift / 2 for sign in (1, -1))
        for name, labels in (("grouped", groups), ("ignored", None)):
            interval = paired_interval(a, b, groups=labels)
            assert interval is not None
            missed[name] += interval.low > 0 or interval.high < 0
    assert missed["grouped"] <= 20  # 10 expected, sd 3.1
    assert missed["ignored"] > 40


def test_time_blocks_widen_the_interval_of_losses_that_drift() -> None:
    rng = default_rng(1)
    drift = np.cumsum(rng.normal(size=300)) * 0.1
    a, b = drift[None], np.zeros((1, 300))
    alone = paired_interval(a, b)
    blocks = paired_interval(a, b, groups=time_blocks(300))
    assert alone is not None and blocks is not None
    assert blocks.high - blocks.low > 1.8 * (alone.high - alone.low)


def test_time_blocks_cover_where_neighbours_are_alike() -> None:
    rng, missed = default_rng(0), {"blocks": 0, "ignored": 0}
    for _ in range(400):
        a = signal.lfilter([1], [1, -0.6], rng.normal(size=500))[None, 200:]
        for name, labels in (("blocks", time_blocks(300)), ("ignored", None)):
            interval = paired_interval(a, np.zeros((1, 300)), groups=labels)
            assert interval is not None
            missed[name] += not interval.low <= 0 <= interval.high
    assert missed["blocks"] <= 31  # 20 expected, sd 4.4
    assert missed["ignored"] > 80


@pytest.mark.parametrize("count", [1, 2, 9, 1000])
def test_time_blocks_are_contiguous_and_complete(count: int) -> None:
    blocks = time_blocks(count)
    assert len(blocks) == count
    assert set(np.diff(blocks).tolist()) <= {0, 1}


arms = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(2, 30), st.integers(0, 10_000))


@settings(max_examples=30, deadline=None)
@given(arms)
def test_swapped_arms_mirror_the_interval_and_scaled_losses_scale_it(shape: tuple[int, int, int, int]) -> None:
    s_a, s_b, n, seed = shape
    rng = default_rng(seed)
    a, b = rng.normal(size=(s_a, n)), rng.exponential(size=(s_b, n))
    one = paired_interval(a, b)
    assert one is not None
    assert paired_interval(b, a) == flipped(one)
    scaled = paired_interval(4 * a, 4 * b)
    assert scaled is not None
    assert (scaled.low, scaled.high) == pytest.approx((4 * one.low, 4 * one.high))
    assert one.low <= one.estimate <= one.high


@settings(max_examples=30, deadline=None)
@given(arms)
def test_the_order_of_examples_and_of_seeds_does_not_matter(shape: tuple[int, int, int, int]) -> None:
    s_a, s_b, n, seed = shape
    rng = default_rng(seed)
    a, b, order = rng.normal(size=(s_a, n)), rng.normal(size=(s_b, n)), rng.permutation(n)
    one = paired_interval(a, b)
    other = paired_interval(a[::-1, order], b[:, order])
    assert one is not None and other is not None
    assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=1e-9)


def test_examples_in_groups_of_one_are_examples() -> None:
    rng = default_rng(0)
    a, b = rng.normal(size=(3, 50)), rng.normal(size=(3, 50))
    alone = paired_interval(a, b)
    grouped = paired_interval(a, b, groups=[f"g{i:02}" for i in range(50)])
    assert alone == grouped


def test_a_large_test_set_gives_the_normal_interval() -> None:
    rng = default_rng(0)
    a, b = rng.exponential(size=(1, 50_000)), np.zeros((1, 50_000))
    interval = paired_interval(a, b)
    assert interval is not None
    half = 1.96 * a.std() / math.sqrt(50_000)
    assert (interval.low, interval.high) == pytest.approx((a.mean() - half, a.mean() + half), abs=0.08 * half)


def test_without_noise_from_examples_the_bootstrap_becomes_welch() -> None:
    a = np.array([0.30, 0.34, 0.29, 0.33])[:, None] + np.zeros((4, 20))
    b = np.array([0.20, 0.28, 0.21, 0.22])[:, None] + np.zeros((4, 20))
    boot = paired_interval(a, b)
    welch = welch_interval(a[:, 0], b[:, 0])
    assert boot is not None and welch is not None
    assert (boot.low, boot.high) == pytest.approx((welch.low, welch.high), abs=0.006)


def test_identical_arms_differ_by_exactly_nothing() -> None:
    a = default_rng(0).normal(size=(1, 20)).repeat(3, axis=0)
    interval = paired_interval(a, a.copy())
    assert interval is not None
    assert (interval.estimate, interval.low, interval.high) == (0.0, 0.0, 0.0)


def test_one_example_or_one_group_gives_no_interval() -> None:
    a, b = np.ones((3, 1)), np.zeros((3, 1))
    assert paired_interval(a, b) is None
    assert paired_interval(np.ones((3, 5)), np.zeros((3, 5)), groups=["g"] * 5) is None


@given(
    st.lists(st.floats(-10, 10), min_size=2, max_size=8),
    st.lists(st.floats(-10, 10), min_size=2, max_size=8),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_welch_agrees_with_scipy_stats(a: list[float], b: list[float], level: float) -> None:
    interval = welch_interval(a, b, level=level)
    assert interval is not None
    mirrored = welch_interval(b, a, level=level)
    assert mirrored is not None
    assert (-mirrored.high, -mirrored.low) == pytest.approx((interval.low, interval.high), abs=1e-12)
    if np.ptp(a) > 1e-6 and np.ptp(b) > 1e-6:
        expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(level)
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-6, abs=1e-9)


def test_a_side_with_one_number_borrows_the_variance_of_the_other() -> None:
    interval = welch_interval([1.0], [0.1, 0.2, 0.3])
    assert interval is not None
    half = stats.t.ppf(0.975, 2) * math.sqrt(0.01 * (1 + 1 / 3))
    assert (interval.low, interval.high) == pytest.approx((0.8 - half, 0.8 + half))
    assert welch_interval([1.0], [0.5]) is None


@pytest.mark.parametrize("n", [1, 2, 6, 30, 100])
def test_alike_models_are_told_apart_no_more_often_than_promised_whatever_share_of_examples_differs(n: int) -> None:
    """The size of the test by enumeration: all tables of n examples, at every share psi of those that differ."""
    by_d = [0.0]
    for d in range(1, n + 1):
        # The more of them are of one side, the less likely by chance, as the test after the next one asks.
        halves = range(d // 2, d + 1)
        first = bisect_left(halves, True, key=lambda b, d=d: chance_if_alike(b, d - b, n) <= 0.025)
        by_d.append(float(stats.binom.pmf(halves[first:], d, 0.5).sum()))
    sizes = [float(stats.binom.pmf(range(n + 1), n, psi) @ by_d) for psi in np.linspace(0, 1, 201)]
    assert max(sizes) <= 0.025
    if n >= 30:
        assert max(sizes) >= 0.02  # and not far less often: McNemar's test stays below half of it at psi = 0.2
        assert sizes[40] >= 0.017


@pytest.mark.parametrize(("b", "c", "n"), [(9, 1, 30), (4, 0, 30), (40, 20, 300), (7, 2, 9)])
def test_the_chance_is_the_worst_over_all_shares_that_the_data_allow(b: int, c: int, n: int) -> None:
    d, z = np.arange(1, n + 1), (b - c) / math.sqrt(b + c)
    seen = [stats.binom.pmf([k for k in range(m + 1) if 2 * k - m >= z * math.sqrt(m) - 1e-9], m, 0.5).sum()
            for m in d]  # fmt: skip
    gamma = 0.00025
    bounds = stats.binomtest(b + c, n).proportion_ci(1 - gamma, "exact")
    worst = max(float(stats.binom.pmf(d, n, psi) @ seen) for psi in np.linspace(bounds.low, bounds.high, 400))
    assert chance_if_alike(b, c, n) == pytest.approx(worst + gamma, abs=1e-5)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_a_greater_part_of_the_differences_is_less_likely_by_chance(b: int, c: int, same: int) -> None:
    n = b + c + same + 1
    assert chance_if_alike(b + 1, c, n) <= chance_if_alike(b, c + 1, n)
    assert chance_if_alike(b, c, n) == 1 or b > c


def binary(only_a: int, only_b: int, both: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    cells = [(1, 0)] * only_a + [(0, 1)] * only_b + [(1, 1)] * both + [(0, 0)] * neither
    return np.array([u for u, _ in cells], float), np.array([v for _, v in cells], float)


@pytest.mark.parametrize("cells", [(12, 2, 36, 0), (14, 0, 97, 43), (1, 0, 0, 9), (40, 35, 10, 5)])
def test_binary_limits_stand_z_standard_errors_off_under_the_constrained_likelihood(cells: tuple[int, ...]) -> None:
    """Tango's definition, with the likelihood maximised by a search instead of his closed form."""
    only_a, only_b, *same = cells
    n = sum(cells)

    def z_at(delta: float) -> float:
        def unlikely(q: float) -> float:
            return -float(special.xlogy([only_a, only_b, sum(same)], [q + delta, q, 1 - 2 * q - delta]).sum())

        least, most = max(0.0, -delta), (1 - delta) / 2
        q = optimize.minimize_scalar(unlikely, bounds=(least, most), method="bounded", options={"xatol": 1e-12}).x
        return (only_a - only_b - n * delta) / math.sqrt(n * (2 * q + delta * (1 - delta)))

    interval = paired_binary(*binary(*cells))  # type: ignore[arg-type]
    if interval.low != 0:  # otherwise stretched by the exact test
        assert z_at(interval.low) == pytest.approx(1.95996, abs=2e-3)
    assert z_at(interval.high) == pytest.approx(-1.95996, abs=2e-3)


def test_thirty_agreements_and_no_disagreement_leave_room_for_a_difference() -> None:
    interval = paired_binary(*binary(0, 0, 26, 4))
    limit = 1.959964**2 / (30 + 1.959964**2)  # closed form
    assert (interval.low, interval.high) == pytest.approx((-limit, limit), abs=1e-5)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_binary_intervals_mirror_hold_their_estimate_and_agree_with_the_exact_test(
    only_a: int, only_b: int, both: int, neither: int
) -> None:
    if only_a + only_b + both + neither == 0:
        return
    a, b = binary(only_a, only_b, both, neither)
    interval = paired_binary(a, b)
    assert flipped(paired_binary(b, a)) == interval
    assert -1 <= interval.low <= interval.estimate <= interval.high <= 1
    if interval.low > 0 or interval.high < 0:
        assert chance_if_alike(max(only_a, only_b), min(only_a, only_b), len(a)) <= 0.025


@pytest.mark.parametrize(("p_a", "p_b"), [(0.05, 0.05), (0.15, 0.05), (0.3, 0.2)])
def test_binary_interval_covers_at_its_rate(p_a: float, p_b: float) -> None:
    rng = default_rng(11)
    missed = 0
    for _ in range(STUDIES):
        kind = rng.choice(3, size=100, p=[p_a, p_b, 1 - p_a - p_b])
        interval = paired_binary((kind == 0).astype(float), (kind == 1).astype(float))
        missed += not interval.low <= p_a - p_b <= interval.high
    assert missed <= 31
    assert missed >= (1 if p_a != p_b else 0)  # no wider than needed; at no difference the exact test is cautious
