"""One dial at a time: effects of known sign and size, pairs that do more than their sum, and a budget that ends it."""

import pytest

from tests.llm.adder import Adder, additions
from trialist.llm import tune

DIALS = ["temperature=0,0.7,1.3", "top_p=unset,0.5", "max_tokens=12,40", "system=direct,think", "reasoning_effort=a,b"]
DEFAULTS = {"temperature": 1.3, "top_p": None, "max_tokens": 40, "system": "direct", "reasoning_effort": "a"}


def measured(budget="4000 calls", dials=DIALS, defaults=DEFAULTS, adder=None, **more):
    return tune(
        additions(120), dials, endpoint=adder or Adder(), model="m", budget=budget, defaults=defaults, scorer="number",
        store="memory", preflight=False, one_at_a_time=True, progress=False, **more,
    )  # fmt: skip


def test_effects_are_told_largest_first_with_intervals_that_hold_the_truth():
    effects = measured().effects
    by_name = {effect.name: effect for effect in effects.effects}
    # By the endpoint's law: at temperature 1.3 direct 0.463 is right, 0.823 at 0.7, 0.97 at 0; thinking 0.839.
    truth = {"temperature=0.7": 0.36, "temperature=0": 0.507, "system=think": 0.376, "reasoning_effort=b": 0.0,
             "top_p=0.5": 0.461, "max_tokens=12": 0.0}  # fmt: skip
    assert by_name.keys() == truth.keys()
    sizes = [abs(effect.difference) for effect in effects.effects]
    assert sizes == sorted(sizes, reverse=True)
    inside = 0
    for name, effect in by_name.items():
        low, high = effect.interval
        assert low <= effect.difference <= high
        inside += low <= truth[name] <= high
    assert inside >= 5
    assert by_name["temperature=0"].is_clear
    assert not by_name["reasoning_effort=b"].is_clear


def test_a_pair_that_does_less_than_its_sum_and_the_trap_that_single_dials_hide():
    found = measured()
    pairs = {frozenset(effect.dials): effect for effect in found.effects.pairs}
    both = pairs[frozenset({"temperature", "system"})]
    # Right at most always: what the two bring alone cannot both be had.
    assert both.beyond < -0.2
    assert both.is_clear
    trap = pairs[frozenset({"max_tokens", "system"})]
    assert trap.score < 0.05
    assert trap.beyond < -0.7
    assert "max_tokens=12" in trap.words


def test_the_budget_ends_it_and_what_was_left_out_is_told():
    adder = Adder()
    found = measured(budget="300 calls", adder=adder)
    assert adder.calls <= 300
    assert 1 <= len(found.effects.effects) <= 3
    assert "the budget did not reach so far" in found.effects.left_out.values()


def test_what_is_inactive_at_the_default_is_said_to_be():
    found = measured(defaults={**DEFAULTS, "temperature": 0})
    assert found.effects.left_out["top_p=0.5"] == "it does nothing where the other dials are at their defaults"


def test_a_range_is_measured_at_its_ends_and_its_middle():
    found = measured(dials=["temperature=0..1.3"], defaults={"temperature": 1.3, "system": "direct"})
    names = {effect.name for effect in found.effects.effects}
    assert names == {"temperature=0", "temperature=0.05", "temperature=0.67"} or len(names) == 3
    assert all(effect.difference > 0 for effect in found.effects.effects)


def test_groups_make_intervals_wider():
    suites = [additions(120, groups) for groups in (0, 6)]
    widths = []
    for suite in suites:
        found = tune(suite, ["temperature=0,1.3"], endpoint=Adder(), model="m", budget="900 calls", scorer="number",
                     defaults={"temperature": 1.3, "system": "direct"}, store="memory", preflight=False,
                     one_at_a_time=True, progress=False)  # fmt: skip
        low, high = found.effects.effects[0].interval
        widths.append(high - low)
    assert widths[1] != pytest.approx(widths[0])
