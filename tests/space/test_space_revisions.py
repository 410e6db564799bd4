"""Growing spaces: what is new is said in words; what would orphan trials is refused."""

from __future__ import annotations

import pytest

from trialist.errors import SpaceError
from trialist.numerics.keys import Key
from trialist.space.parameter import Categorical, Float, Int, Normal
from trialist.space.revision import differences, grown
from trialist.space.space import Space

OLD = Space(
    lr=Float(1e-4, 0.1, log=True, default=1e-3),
    act=Categorical(["relu", "tanh"], default="relu"),
    width=Int(8, 64, step=8),
    drop=Float(0, 0.5, when={"act": "relu"}),
    forbid="width > 32 and lr > 0.01",
)


def changed(**dials):
    constraints = {rule: dials.pop(rule) for rule in ("forbid", "require") if rule in dials}
    return Space({**dict(OLD.items()), **dials}, **(constraints or {"forbid": "width > 32 and lr > 0.01"}))


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (changed(), ()),
        (changed(lr=Float(1e-5, 0.1, log=True, default=1e-3)), ("lr: bounds 0.0001..0.1 are now 1e-05..0.1",)),
        (changed(act=Categorical(["relu", "gelu", "tanh"], default="relu")), ("act: choices + 'gelu'",)),
        (changed(dropout=Float(0, 1)), ("dropout: new, Float(0.0, 1.0)",)),
        (changed(width=Int(4, 64, step=4)), ("width: bounds 8..64 are now 4..64", "width: step 8 is now 4")),
        (changed(width=Int(8, 64, step=8, default=16)), ("width: default (none) is now 16",)),
        (changed(width=Int(8, 64, step=8, prior=Normal(16, 8))), ("width: prior None is now Normal(mean=16, sd=8)",)),
        (changed(forbid=()), ("forbid 'width > 32 and lr > 0.01': removed",)),
    ],
)
def test_growth_is_told_and_old_configurations_stay_inside(new, words):
    assert grown(OLD, new) == words
    for number in range(50):
        params = OLD.draw(Key(0, number))
        assert new.complete(params).items() >= params.items()


@pytest.mark.parametrize(
    ("new", "field", "words"),
    [
        (Space(lr=OLD["lr"]), "act", "missing"),
        (changed(lr=Float(1e-3, 1, log=True, default=1e-3)), "lr", "narrower"),
        (changed(lr=Float(1e-4, 0.05, log=True, default=1e-3)), "lr", "narrower"),
        (changed(lr=Float(1e-4, 0.1, default=1e-3)), "lr", "scale"),
        (changed(lr=Float(1e-4, 0.1, log=True, default=1e-2)), "lr", "baseline"),
        (changed(lr=Float(1e-4, 0.1, log=True)), "lr", "baseline"),
        (changed(act=Categorical(["relu", "gelu"], default="relu")), "act", "'tanh'"),
        (changed(act=Categorical(["relu", "tanh"], default="relu", ordered=True)), "act", "ordered"),
        (changed(width=Float(8, 64)), "width", "kind"),
        (changed(width=Int(0, 64, step=16)), "width", "steps"),
        (changed(width=Int(4, 68, step=8)), "width", "steps"),
        (changed(drop=Float(0, 0.5, step=0.1, when={"act": "relu"})), "drop", "steps"),
        (changed(drop=Float(0, 0.5)), "drop", "condition"),
        (changed(forbid=["width > 32 and lr > 0.01", "width > 50"]), "forbid", "new constraint"),
    ],
)
def test_what_is_no_growth_is_refused_with_a_remedy(new, field, words):
    with pytest.raises(SpaceError) as caught:
        grown(OLD, new)
    assert caught.value.field == field
    assert words in str(caught.value) and "new study name" in caught.value.remedy
    assert differences(OLD, new)


def test_true_is_no_growth_of_one():
    with pytest.raises(SpaceError, match="choice 1 is missing"):
        grown(Space(a=Categorical([1, 2])), Space(a=Categorical([True, 2, 3])))


def test_differences_are_listed_each_in_words():
    new = Space(
        act=Categorical(["tanh", "relu"], default="tanh"),
        lr=Float(1e-4, 0.2, default=1e-3),
        width=Float(8, 64),
        extra=Int(0, 1),
        require="lr < 0.1",
    )
    assert differences(OLD, new) == (
        "drop: only in the old space, Float(0.0, 0.5, when={'act': 'relu'})",
        "lr: bounds 0.0001..0.1 are now 0.0001..0.2",
        "lr: the log scale is now linear",
        "act: choices in another order, ['tanh', 'relu']",
        "act: default 'relu' is now 'tanh'",
        "width: Int(8, 64, step=8) is now Float(8.0, 64.0)",
        "extra: only in the new space, Int(0, 1)",
        "forbid 'width > 32 and lr > 0.01': only in the old space",
        "require 'lr < 0.1': only in the new space",
    )
    assert differences(OLD, OLD) == ()
    assert differences(Space(a=Int(0, 1), b=Int(0, 1)), Space(b=Int(0, 1), a=Int(0, 1))) == (
        "order: ['a', 'b'] is now ['b', 'a']",
    )
