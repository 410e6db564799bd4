from __future__ import annotations

import math
import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialist as tl
from trialist.errors import InputError
from trialist.rates.rate import Rate, Shape

shares = st.floats(0.0, 1.0)
rates = st.builds(
    Rate,
    st.floats(1e-8, 1e3),
    st.integers(1, 400),
    shape=st.sampled_from(list(Shape)),
    warmup=shares,
    end=shares,
    cooldown=shares,
)


def steps(rate: Rate) -> range:
    return range(1, rate.steps + 1)


@given(rates)
def test_a_rate_lies_between_zero_and_its_peak(rate):
    assert all(0.0 <= rate(t) <= rate.peak for t in (0, 0.5, *steps(rate), rate.steps + 7))


@given(rates)
def test_the_peak_is_reached_when_the_warm_up_is_over_and_not_before(rate):
    first = max(rate.warmup_steps, 1)
    assert rate(first) == rate.peak
    assert all(rate(t) < rate(t + 1) for t in range(1, first))


@given(rates)
def test_after_the_warm_up_a_rate_never_rises(rate):
    after = [rate(t) for t in range(max(rate.warmup_steps, 1), rate.steps + 1)]
    assert all(later <= earlier * (1 + 1e-12) for earlier, later in pairwise(after))


@given(rates)
def test_a_rate_that_comes_down_ends_at_its_end_value_unless_no_step_is_left_for_it(rate):
    if Shape(rate.shape).has_end and rate.steps > max(rate.warmup_steps, 1):
        assert rate(rate.steps) == pytest.approx(rate.end * rate.peak)


@given(rates)
def test_beyond_its_last_step_a_rate_stays_as_it_was(rate):
    assert rate(rate.steps + 1) == rate(10 * rate.steps) == rate(rate.steps)


@given(rates, st.floats(0.0, 1.0))
def test_a_rate_has_no_jumps_between_steps(rate, place):
    """A billionth of a step further it is nearly the same, where 1 - sqrt(x) is steep too."""
    t = 1 + place * (rate.steps - 1)
    nearby = rate(t + 1e-9 * max(t, 1))
    assert nearby == pytest.approx(rate(t), abs=1e-3 * rate.peak)


@given(rates, st.integers(2, 5))
def test_a_schedule_is_a_matter_of_shares_so_a_longer_run_has_the_same_at_the_same_share(rate, times):
    """Up to the rounding of the warm-up and of the cool-down to whole steps, and to where step 1 stands."""
    run = Rate(rate.peak, 1000, shape=rate.shape, warmup=rate.warmup, end=rate.end, cooldown=rate.cooldown)
    longer = Rate(rate.peak, 1000 * times, shape=rate.shape, warmup=rate.warmup, end=rate.end, cooldown=rate.cooldown)
    steep = rate.warmup < 0.03 or rate.cooldown < 0.03 or rate.warmup > 0.97
    for share in (0.05, 0.3, 0.5, 0.7, 0.95):
        if not steep:
            assert longer(share * longer.steps) == pytest.approx(run(share * 1000), abs=0.05 * rate.peak)


def test_the_course_of_each_shape_is_that_of_its_source():
    T, w, peak = 1000, 100, 0.3
    linear, cosine, inverse, wsd, constant = (
        Rate(peak, T, shape=shape, warmup=0.1, end=0.0, cooldown=0.2)
        for shape in ("linear", "cosine", "inverse_sqrt", "wsd", "constant")
    )
    for t in range(1, T + 1):
        x = max(t - w, 0) / (T - w)
        rise = min(t / w, 1.0)  # Goyal et al. 2017, section 2.2
        assert linear(t) == pytest.approx(peak * min(rise, 1 - x))  # Defazio et al. 2023, with warm-up
        assert cosine(t) == pytest.approx(
            peak * rise * (1 + math.cos(math.pi * x)) / 2
        )  # Loshchilov & Hutter 2017, eq. 5
        vaswani = min(t**-0.5, t * w**-1.5)  # Vaswani et al. 2017, eq. 3, but for its constant factor
        assert inverse(t) == pytest.approx(peak * math.sqrt(w) * vaswani)
        cooled = max(t - 0.8 * T, 0) / (0.2 * T)
        assert wsd(t) == pytest.approx(peak * min(rise, 1 - math.sqrt(cooled)))  # Hägele et al. 2024
        assert constant(t) == pytest.approx(peak * rise)


def test_an_inverse_square_root_without_warm_up_has_a_hundredth_of_the_run_for_its_scale():
    rate = Rate(1.0, 1000, shape="inverse_sqrt")
    assert rate(1) == 1.0
    assert rate(31) == pytest.approx(0.5)  # scale 10: sqrt(10 / (10 + 30))
    assert rate(1000) == pytest.approx(math.sqrt(10 / 1009))


@pytest.mark.parametrize("shape", list(Shape))
def test_a_run_of_one_step_is_at_the_peak_and_one_shorter_than_a_step_of_warm_up_has_none(shape):
    assert Rate(0.1, 1, shape=shape, warmup=0.3)(1) == 0.1
    assert Rate(0.1, 3, shape=shape, warmup=0.1).warmup_steps == 0
    assert Rate(0.1, 3, shape=shape, warmup=0.1)(1) == 0.1


def test_a_cool_down_longer_than_what_the_warm_up_leaves_begins_when_that_is_over():
    rate = Rate(1.0, 10, shape="wsd", warmup=0.5, end=0.0, cooldown=0.9)
    assert rate(5) == 1.0 and rate(6) < 1.0 and rate(10) == 0.0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"peak": 0.0}, "peak"),
        ({"peak": math.inf}, "peak"),
        ({"peak": "fast"}, "peak"),
        ({"steps": 0}, "steps"),
        ({"steps": 2.5}, "steps"),
        ({"steps": math.nan}, "steps"),
        ({"shape": "square"}, "shape"),
        ({"warmup": 1.2}, "warmup"),
        ({"warmup": -0.1}, "warmup"),
        ({"end": 1.01}, "end"),
        ({"end": math.nan}, "end"),
        ({"cooldown": None}, "cooldown"),
    ],
)
def test_what_cannot_be_is_refused_by_name(wrong, field):
    with pytest.raises(InputError) as caught:
        Rate(**{"peak": 0.1, "steps": 10, **wrong})
    assert caught.value.field == field


@pytest.mark.parametrize("step", [-1, math.nan])
def test_a_step_that_is_none_is_refused(step):
    with pytest.raises(InputError, match="Count from 1"):
        Rate(0.1, 10)(step)


def test_a_length_may_be_a_whole_float_as_a_fidelity_is():
    assert Rate(0.1, 81.0) == Rate(0.1, 81)


def test_a_rate_crosses_a_process_border():
    rate = Rate(0.1, 10, shape="wsd")
    assert pickle.loads(pickle.dumps(rate)) == rate


def test_a_sketch_fits_its_room_and_tells_its_ends():
    lines = tl.Rate(0.1, 1000, warmup=0.1).sketch(width=50, height=6).splitlines()
    assert len(lines) == 7 and all(len(line) <= 50 for line in lines)
    assert lines[0].split()[0] == "0.1" and lines[-1].split() == ["1", "step", "1000"]


def test_a_drawing_is_svg_and_names_its_curves(tmp_path):
    import xml.etree.ElementTree as xml

    path = tl.Rate(0.1, 1000).svg(tmp_path / "rate.svg", name="a < b", beside={"default": tl.Rate(0.05, 200)})
    root = xml.parse(path).getroot()
    texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"a < b", "default", "share of the run"} <= texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 2


def test_a_drawing_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        tl.Rate(0.1, 10).svg(tmp_path / "nowhere" / "rate.svg")
