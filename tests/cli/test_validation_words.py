"""How a configuration is scored, as people type it."""

import pytest

import trialist as tl
from trialist.cli.amounts import validation_of
from trialist.errors import PlanError


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("5 folds", tl.Folds(5)),
        ("10 folds x 2", tl.Folds(10, repeats=2)),
        ("holdout .3 x 4", tl.Holdout(0.3, repeats=4)),
        ("1 seed", tl.Seeds(1)),
        ({"folds": 5, "repeats": 2, "seeds": 3}, tl.Folds(5, repeats=2, seeds=3)),
        ({"holdout": 0.2, "reshuffle": False}, tl.Holdout(0.2, reshuffle=False)),
        ({"seeds": 3}, tl.Seeds(3)),
    ],
)
def test_words_and_mappings(words, meant):
    assert validation_of("validation", words) == meant


@pytest.mark.parametrize("words", ["five folds", "3 seeds x 2", "holdout 1.5", 5, {"folds": 5, "k": 3}, {}])
def test_what_is_no_validation_is_refused(words):
    with pytest.raises(PlanError) as caught:
        validation_of("validation", words)
    assert caught.value.field == "validation"
