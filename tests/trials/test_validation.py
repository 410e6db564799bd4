"""Declared validations: what they count, what they refuse, how a plan keeps them."""

import math

import pytest

from trialist.errors import PlanError
from trialist.trials.fidelity import Fidelity
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Score
from trialist.trials.validation import Folds, Holdout, Items, Seeds, validation_of


@pytest.mark.parametrize(
    ("validation", "units", "overlap", "is_shared"),
    [
        (Folds(5), 5, 0.25, True),
        (Folds(10, repeats=2, seeds=3), 60, 1 / 9, True),
        (Folds(5, reshuffle=True), 5, 0.25, False),
        (Holdout(0.2), 1, 0.25, True),
        (Holdout(0.2, reshuffle=True), 1, 0.25, False),
        (Holdout(0.5, repeats=3), 3, 1.0, True),
        (Folds(4, seeds=2, orders=3), 24, 1 / 3, True),
        (Seeds(4), 4, 0.0, True),
        (Items(8, size=25), 8, 0.0, True),
    ],
)
def test_units_overlap_and_sharing(validation, units, overlap, is_shared):
    assert validation.units == units == len(validation.sampling)
    assert math.isclose(validation.overlap, overlap)
    assert validation.is_shared is is_shared
    assert [unit.index for unit in validation.sampling] == list(range(1, units + 1))
    assert len({(u.split, u.part, u.seed, u.order) for u in validation.sampling}) == units
    assert validation_of(validation.to_json()) == validation


def test_a_whole_division_is_run_before_the_next():
    first = Folds(3, repeats=2).sampling[:3]
    assert [(u.split, u.part) for u in first] == [(0, 0), (0, 1), (0, 2)]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Folds(1), "validation.folds"),
        (lambda: Folds(5, repeats=0), "validation.repeats"),
        (lambda: Folds(5, seeds=True), "validation.seeds"),
        (lambda: Folds(5, reshuffle="often"), "validation.reshuffle"),
        (lambda: Holdout(1.0), "validation.share"),
        (lambda: Seeds(0), "validation.seeds"),
        (lambda: Items(0), "validation.blocks"),
        (lambda: Items(3, size=0.5), "validation.size"),
    ],
)
def test_what_cannot_be_is_refused_by_name(make, field):
    with pytest.raises(PlanError) as caught:
        make()
    assert caught.value.field == field


def test_a_plan_keeps_its_validation_and_tells_a_change():
    plan = Plan("p", (Objective("loss"),), validation=Folds(5), prefer="cheaper", matters=0.01)
    kept = Plan.from_json(plan.to_json())
    assert kept == plan
    assert plan.differences(Plan("p", (Objective("loss"),), prefer="cheaper", matters=0.01))
    with pytest.raises(PlanError, match="fidelity"):
        Plan("p", (Objective("loss"),), validation=Folds(5), fidelity=Fidelity("epochs", 1, 9))
    with pytest.raises(PlanError, match="no way to score"):
        Plan("p", (Objective("loss"),), validation=5)  # type: ignore[arg-type]
    with pytest.raises(PlanError, match="preference"):
        Plan("p", (Objective("loss"),), prefer="faster")


def test_folds_that_overlap_are_less_certain():
    independent, folds = Score((1.0, 2.0, 3.0)), Score((1.0, 2.0, 3.0), overlap=0.5)
    assert math.isclose(independent.stderr, 1 / math.sqrt(3))
    assert math.isclose(folds.stderr, math.sqrt(1 / 3 + 0.5))
