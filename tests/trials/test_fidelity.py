"""Fidelity: the dial of cost, its rungs, and what it refuses to be."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import PlanError
from trialist.trials.fidelity import Fidelity
from trialist.trials.plan import Objective, Plan

_ends = st.tuples(st.integers(1, 50), st.integers(51, 10_000)) | st.tuples(st.floats(1e-3, 0.9), st.floats(1.0, 1e3))


@given(ends=_ends, factor=st.floats(1.5, 10.0))
def test_rungs_rise_from_the_lower_end_to_a_full_run_in_about_equal_steps(
    ends: tuple[float, float], factor: float
) -> None:
    fidelity = Fidelity("epochs", *ends, factor)
    rungs = fidelity.rungs
    assert (rungs[0], rungs[-1]) == ends
    assert all(below < above for below, above in pairwise(rungs))
    assert all(isinstance(rung, int) == fidelity.is_whole for rung in rungs)
    # All steps are alike, and as near to the factor as a whole number of them can be; whole amounts are rounded.
    steps = [above / below for below, above in pairwise(rungs)]
    slack = 1.6 if fidelity.is_whole else 1.1
    assert max(steps) <= min(steps) * slack**2
    assert max(steps) <= factor**1.5 * slack and (len(steps) == 1 or min(steps) >= factor**0.5 / slack)


def test_the_rungs_of_two_well_known_dials() -> None:
    assert Fidelity("epochs", 1, 81).rungs == (1, 3, 9, 27, 81)
    assert Fidelity("epochs", 1, 52).rungs == (1, 3, 7, 19, 52)
    assert Fidelity("epochs", 5, 7).rungs == (5, 7)
    assert Fidelity("share", 0.1, 1.0, 2).rungs == (0.1, 0.22, 0.46, 1.0)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (("", 1, 9), "fidelity"),
        ((None, 1, 9), "fidelity"),
        (("epochs", 0, 9), "fidelity.low"),
        (("epochs", True, 9), "fidelity.low"),
        (("epochs", 1, float("inf")), "fidelity.high"),
        (("epochs", 1, "9"), "fidelity.high"),
        (("epochs", 9, 9), "fidelity"),
        (("epochs", 9, 1), "fidelity"),
        (("epochs", 1, 9, 1), "fidelity.factor"),
        (("epochs", 1, 9, float("nan")), "fidelity.factor"),
    ],
)
def test_what_cannot_be_a_fidelity_is_refused_by_name(given: tuple[Any, ...], field: str) -> None:
    with pytest.raises(PlanError) as caught:
        Fidelity(*given)
    assert caught.value.field == field


def test_a_plan_keeps_its_fidelity_and_tells_where_another_differs() -> None:
    plan = Plan("p", (Objective("loss"),), fidelity=Fidelity("epochs", 1, 81))
    again = Plan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again == plan and again.fidelity is not None and again.fidelity.is_whole
    (told,) = plan.differences(Plan("p", (Objective("loss"),), fidelity=Fidelity("epochs", 1, 27)))
    assert told.startswith("fidelity: ") and "81" in told and "27" in told
    (told,) = plan.differences(Plan("p", (Objective("loss"),)))
    assert told.startswith("fidelity: ")
