"""Float and Int: exact round trips, shares, steps, priors."""

from __future__ import annotations

import itertools
import math
import pickle
from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import stats

from trialist.errors import SpaceError
from trialist.numerics.keys import Key
from trialist.space.parameter import Float, Int, Normal, parameter_from_json, parameter_to_json

unit = st.floats(0.0, 1.0)
bound = st.floats(-1e300, 1e300)
positive = st.floats(5e-324, 1e300)


def ordered(pair):
    return tuple(sorted(pair))


floats = st.builds(lambda pair: Float(*pair), st.tuples(bound, bound).map(ordered))
near = st.builds(lambda low, span: Float(low, low + span), st.floats(-1e6, 1e6), st.floats(0.0, 1e-3))
logs = st.builds(lambda pair: Float(*pair, log=True), st.tuples(positive, positive).map(ordered))
narrow_logs = st.builds(
    lambda low, ratio: Float(low, low * ratio, log=True), st.floats(1e-290, 1e290), st.floats(1.0, 20.0)
)
stepped = st.builds(
    lambda low, step, count, places: Float(
        float(Decimal(low).scaleb(-places)),
        float(Decimal(low + step * count).scaleb(-places)),
        step=float(Decimal(step).scaleb(-places)),
    ),
    st.integers(-(10**6), 10**6),
    st.integers(1, 10**4),
    st.integers(0, 10**5),
    st.integers(0, 8),
)
ints = st.builds(
    lambda low, step, count: Int(low, low + step * count, step=step),
    st.integers(-(2**80), 2**80),
    st.integers(1, 10**6),
    st.integers(0, 2**50 - 1),
)
log_ints = st.builds(
    lambda pair: Int(*pair, log=True), st.tuples(st.integers(1, 2**40), st.integers(1, 2**40)).map(ordered)
)
dials = floats | near | logs | narrow_logs | stepped | ints | log_ints


@given(dials, unit)
@example(Float(5e-324, 1e-320), 0.3)
@example(Float(-2.2250738585072014e-308, 9007199254740992.0), 6.7e-103)
@example(Float(1.2345678901299999, 100.0, log=True), 1e-16)
@example(Float(1e-300, 1e300, log=True), 0.999)
@example(Int(2**63, 2**63 + 9), 0.55)
@example(Int(0, 2**50 - 1), 1.0)
@example(Int(1, 2**40, log=True), 1.0 - 2**-53)
def test_what_decode_yields_comes_back_exactly(dial, u):
    value = dial.decode(u)
    assert dial.low <= value <= dial.high
    assert type(value) is type(dial.low)
    assert 0.0 <= dial.encode(value) <= 1.0
    assert dial.decode(dial.encode(value)) == value
    assert dial.check("dial", value) == value


@given(dials)
def test_the_ends_are_hit_exactly(dial):
    assert dial.decode(0.0) == dial.low and dial.decode(1.0) == dial.high
    assert dial.decode(dial.encode(dial.low)) == dial.low
    assert dial.decode(dial.encode(dial.high)) == dial.high


@given(dials, unit, unit)
def test_decoding_keeps_the_order(dial, u, v):
    low, high = ordered((u, v))
    assert dial.decode(low) <= dial.decode(high)


@given(floats | near | logs | narrow_logs, unit, st.data())
def test_a_default_is_hit_exactly_even_off_the_rounding_grid(dial, u, data):
    default = data.draw(st.floats(dial.low, dial.high))
    dial = Float(dial.low, dial.high, log=dial.log, default=default)
    at = dial.encode(default)
    assume(at not in (0.0, 1.0))
    assert dial.decode(at) == default
    assert dial.decode(dial.encode(dial.decode(u))) == dial.decode(u)


def test_steps_never_show_rounding_errors():
    dial = Float(0.0, 1.0, step=0.1)
    assert list(dial.values()) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert repr(dial.check("dial", 0.1 + 0.2)) == "0.3"


@given(stepped | log_ints | ints, st.integers(0, 2**50))
def test_every_value_owns_its_share(dial, k):
    value = dial.decode(((k % dial.size) + 0.5) / dial.size)
    start, end = dial.axis.share(value)
    assert 0.0 <= start < end <= 1.0
    inside = 0.5 * (start + end)
    assert dial.decode(inside) == value
    width = end - start
    assert dial.decode(start + 0.1 * width) == value == dial.decode(end - 0.1 * width)


def test_every_integer_of_a_log_scale_owns_its_share_of_the_logarithm():
    dial = Int(1, 300, log=True)
    assert [dial.decode(dial.encode(v)) for v in range(1, 301)] == list(range(1, 301))
    widths = [np.subtract(*dial.axis.share(v)[::-1]) for v in range(1, 301)]
    whole = math.log(300.5 / 0.5)
    assert widths == pytest.approx([math.log((v + 0.5) / (v - 0.5)) / whole for v in range(1, 301)])


@pytest.mark.parametrize(
    "dial",
    [
        Int(1, 9, log=True),
        Int(2**63, 2**63 + 9),
        Float(0.0, 1.0, step=0.1),
        Int(1, 20, prior=Normal(4, 3)),
        Int(1, 64, log=True, prior=Normal(8, 2)),
        Float(0.0, 1.0, step=0.05, prior=Normal(0.2, 0.1)),
    ],
    ids=repr,
)
def test_draws_follow_the_masses(dial):
    n = 4000
    counts = Counter(dial.draw(Key(0, number), "dial") for number in range(n))
    values = list(dial.values())
    masses = [dial.mass(value) for value in values]
    assert sum(masses) == pytest.approx(1.0)
    # Chi-squared over values expected at least five times, the rest pooled; the seed is fixed.
    common = [(counts[v], n * m) for v, m in zip(values, masses, strict=True) if n * m >= 5]
    statistic = sum((seen - expected) ** 2 / expected for seen, expected in common)
    assert stats.chi2.sf(statistic, len(common)) > 1e-3
    assert set(counts) <= set(values)


def test_draws_beyond_2_to_the_53_reach_odd_numbers_too():
    dial = Int(2**63, 2**63 + 9)
    assert {dial.draw(Key(1, number), "dial") for number in range(200)} == set(dial.values())


@pytest.mark.parametrize(
    ("m", "s", "low", "high"), [(0.3, 0.2, 0, 1), (5.0, 0.2, 0, 1), (-3, 0.5, 0, 2), (2, 9, 0, 10)]
)
def test_a_normal_prior_is_the_truncated_normal(m, s, low, high):
    dial = Float(low, high, prior=Normal(m, s))
    oracle = stats.truncnorm((low - m) / s, (high - m) / s, loc=m, scale=s)
    for u in (0.0, 1e-9, 0.01, 0.3, 0.5, 0.7, 0.99, 1 - 1e-9, 1.0):
        assert dial.from_prior(u) == pytest.approx(oracle.ppf(u), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("dial", [Int(0, 20, prior=Normal(4, 3)), Float(0.0, 2.0, step=0.1, prior=Normal(0.4, 0.3))])
def test_a_value_of_a_grid_has_the_prior_of_half_a_step_around_it(dial):
    m, s = dial.prior.mean, dial.prior.sd
    half = (dial.step or 1) / 2
    oracle = stats.truncnorm((dial.low - half - m) / s, (dial.high + half - m) / s, loc=m, scale=s)
    for value in dial.values():
        assert dial.mass(value) == pytest.approx(oracle.cdf(value + half) - oracle.cdf(value - half), rel=1e-9)


def test_a_normal_prior_on_a_log_scale_has_a_factor_as_sd():
    dial = Float(1e-6, 1.0, log=True, prior=Normal(1e-3, 10))
    oracle = stats.truncnorm(-3, 3)
    for u in (0.01, 0.2, 0.5, 0.84, 0.99):
        assert math.log10(dial.from_prior(u)) == pytest.approx(-3 + oracle.ppf(u), abs=1e-8)


@given(floats | logs | stepped | ints | log_ints, unit)
def test_without_a_prior_the_axis_is_the_prior(dial, u):
    assert dial.from_prior(u) == dial.decode(u)


@given(dials, st.integers(1, 9))
def test_levels_are_distinct_sorted_and_hold_both_ends(dial, n):
    levels = dial.levels(n)
    assert len(levels) <= n
    assert all(a < b for a, b in itertools.pairwise(levels))
    assert [dial.check("dial", level) for level in levels] == levels
    if n > 1:
        assert levels[0] == dial.low and levels[-1] == dial.high


def test_levels_are_even_on_the_scale():
    assert Float(1e-4, 1.0, log=True).levels(5) == [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    assert Int(1, 1000, log=True).levels(4) == [1, 10, 100, 1000]
    assert Int(0, 10).levels(3) == [0, 5, 10]
    assert Int(0, 3).levels(10) == [0, 1, 2, 3]


def test_the_middle_is_that_of_the_scale():
    assert Float(1e-4, 1e-2, log=True).baseline == 1e-3
    assert Int(16, 256, log=True).baseline == 64
    assert Float(0, 1, default=0.2).baseline == 0.2
    assert Int(4, 4).baseline == 4 and Float(2.0, 2.0).baseline == 2.0


@given(dials)
def test_a_numeric_dial_survives_json_and_pickle(dial):
    assert parameter_from_json("dial", parameter_to_json(dial)) == dial
    assert pickle.loads(pickle.dumps(dial)) == dial


@pytest.mark.parametrize("dial", [Float(0, 1, prior=Normal(0.1, 0.2), default=0.5), Int(1, 9, log=True, default=3)])
def test_the_repr_is_the_declaration(dial):
    assert eval(repr(dial)) == dial


def test_an_int_is_fine_for_a_float_and_a_whole_float_for_an_int():
    assert repr(Float(0, 5).check("dial", 3)) == "3.0"
    assert repr(Int(0, 5).check("dial", 3.0)) == "3"
    assert repr(Int(0, 5).check("dial", np.int64(3))) == "3"
    assert repr(Float(0, 5).check("dial", np.float32(0.5))) == "0.5"


@pytest.mark.parametrize(
    ("dial", "value", "remedy"),
    [
        (Float(0, 1), 99.0, "Give a number from 0.0 to 1.0."),
        (Float(0, 1), math.nan, "Give a number from 0.0 to 1.0."),
        (Float(0, 1), "abc", "Give a number from 0.0 to 1.0."),
        (Float(0, 1), True, "Give a number from 0.0 to 1.0."),
        (Float(0, 1), None, "Give a number from 0.0 to 1.0."),
        (Float(0, 1), 10**400, "Give a number from 0.0 to 1.0."),
        (Float(0, 1, step=0.25), 0.3, "Choose 0.25 or 0.5."),
        (Float(0, 1, step=0.25), 0.999, "Choose 0.75 or 1.0."),
        (Int(0, 9), 3.5, "Give an integer from 0 to 9."),
        (Int(0, 9), True, "Give an integer from 0 to 9."),
        (Int(0, 9), math.inf, "Give an integer from 0 to 9."),
        (Int(0, 9, step=3), 7, "Choose 6 or 9."),
        (Int(0, 9, step=3), 1, "Choose 0 or 3."),
    ],
)
def test_values_that_a_dial_cannot_have_are_refused(dial, value, remedy):
    with pytest.raises(SpaceError, match=r"^width: ") as caught:
        dial.check("width", value)
    assert caught.value.remedy == remedy


def test_a_step_that_does_not_divide_names_the_bounds_that_would():
    with pytest.raises(SpaceError, match=r"Use high=0\.9 or high=1\.2, or a step such as 0\.25\."):
        Float(0.0, 1.0, step=0.3)
    with pytest.raises(SpaceError, match=r"Use high=9 or high=12"):
        Int(0, 10, step=3)


@pytest.mark.parametrize("prior", [0.5, Normal(40.0, 1.0)])
def test_a_prior_out_of_reach_is_refused(prior):
    with pytest.raises(SpaceError, match="prior"):
        Float(0, 1, prior=prior)
    with pytest.raises(SpaceError, match="positive"):
        Normal(0, -1)
    with pytest.raises(SpaceError, match="factor"):
        Float(1e-3, 1, log=True, prior=Normal(0.1, 0.5))
