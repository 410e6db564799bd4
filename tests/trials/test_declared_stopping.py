"""Stopping rules as they are declared: objects, texts, and what plans keep of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import PlanError
from trialist.testing.strategies import PLAN
from trialist.trials.plan import Objective, Plan
from trialist.trials.stopping import (
    UNITS,
    Emmr,
    Plateau,
    Regret,
    Stopping,
    Target,
    Worth,
    rule_of,
    target_of,
)

numbers = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(min_size=1).filter(lambda name: name.strip() == name and "\0" not in name)
rules = st.one_of(
    st.builds(Target, numbers),
    st.dictionaries(names, numbers, min_size=1, max_size=3).map(Target),
    st.builds(Plateau, st.integers(1, 10**6), st.floats(0, 1e300)),
    st.just(Regret()),
    st.just(Emmr()),
    st.builds(Worth, st.floats(1e-300, 1e300), st.sampled_from(UNITS)),
)


@given(rules)
def test_a_rule_is_what_its_text_says(rule):
    assert rule_of(str(rule)) == rule


@given(st.lists(rules, max_size=4), st.booleans())
def test_plans_keep_their_rules(given_rules, advises):
    stopping = Stopping(tuple(dict.fromkeys(r for r in given_rules if not isinstance(r, Target))), advises)
    plan = replace(PLAN, stopping=stopping)
    assert Plan.from_json(plan.to_json()) == plan


def test_plans_of_old_load():
    written = PLAN.to_json()
    assert Plan.from_json({**written, "stopping": "auto"}).stopping == Stopping()
    assert Plan.from_json({**written, "stopping": "none"}).stopping.is_none
    assert written["stopping"] == "auto"


def test_what_users_give():
    assert Stopping.of("auto") == Stopping((), True)
    assert Stopping.of("plateau") == Stopping((Plateau(),), False)
    assert Stopping.of(["auto", Plateau(5)], worth="0.01 per trial") == Stopping((Plateau(5), Worth(0.01, "trial")))
    assert Stopping.of("none", worth=Worth(1)).rules == (Worth(1.0, "hour"),)
    assert Stopping.of(["regret", "regret"]).rules == (Regret(),)
    assert [target_of(each) for each in (0.1, "0.1", "a=0.1", {"a": 0.1}, Target(0.1))] == [
        Target(0.1), Target(0.1), Target(a=0.1), Target(a=0.1), Target(0.1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "rule", [Target(0.5, 3), Target({"a": 1.0}, 2), Target({"": 0.5, "by": 2.0}, 3), Target(by=2.0)]
)
def test_a_target_that_several_have_to_reach_is_read_back(rule):
    assert rule_of(str(rule)) == rule == eval(repr(rule), {"Target": Target})
    assert rule != Target(dict(rule.levels), rule.trials + 1)


def test_another_rule_is_another_plan_and_says_so():
    other = replace(PLAN, stopping=Stopping.of(["auto", "plateau 9"], "1 per hour"))
    assert PLAN.differences(other) == ("stopping: 'auto' is now auto, plateau 9 0.0, worth 1.0 per hour",)


@pytest.mark.parametrize(
    ("given_text", "told"),
    [
        ("plato", "'plato' is not a stopping rule"),
        ("emrm", "Use 'emmr'"),
        ("", "is not a stopping rule"),
        ("regret 3", "Give the rule's name alone"),
        ("plateau 0", "no number of trials"),
        ("plateau 1.5", "no number of trials"),
        ("plateau 5 -1", "negative"),
        ("plateau 5 nan", "not a finite number"),
        ("plateau 1 2 3", "too much"),
        ("target", "no level is given"),
        ("target x", "not a number"),
        ("worth 0 per hour", "not above 0"),
        ("worth 1 per day", "'day' is no unit"),
        ("worth 1 an hour", "no worth"),
        (["none", "regret"], "stands beside other rules"),
        ([3], "is not a stopping rule"),
        ('target "', "is not a stopping rule"),
    ],
)
def test_what_is_no_rule_is_refused(given_text, told):
    with pytest.raises(PlanError, match=told):
        Stopping.of(given_text)


def test_rules_must_suit_the_objectives():
    two = (Objective("loss"), Objective("latency"))
    for rule in (Regret(), Emmr(), Worth(1)):
        with pytest.raises(PlanError, match="one objective"):
            replace(PLAN, objectives=two, stopping=Stopping((rule,)))
    with pytest.raises(PlanError, match="'lost' is no objective"):
        replace(PLAN, stopping=Stopping((Target(lost=1),)))
    replace(PLAN, objectives=two, stopping=Stopping((Target(latency=1, loss=2), Plateau())))
