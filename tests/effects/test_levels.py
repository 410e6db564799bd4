"""Which levels a sweep runs: readable values over the whole range, with what is compared among them."""

from __future__ import annotations

import json

import pytest

import trialist as tl
from trialist.effects.levels import Design, configuration, design, seeds
from trialist.errors import SpaceError

SPACE = tl.Space(
    lr=tl.Float(1e-4, 1e-1, log=True, default=1e-3),
    width=tl.Int(16, 256, log=True, default=100),
    rate=tl.Float(0.0, 0.99, default=0.9),
    step=tl.Float(0.0, 1.0, step=0.25),
    depth=tl.Int(1, 3),
    solver=tl.Categorical(["adam", "sgd"]),
    momentum=tl.Float(0.0, 0.99, default=0.9, when={"solver": "sgd"}),
    many=tl.Categorical([f"m{i}" for i in range(12)], default="m4"),
    odd=tl.Categorical([None, True, 1, (1, 2)]),
)
AROUND = {**SPACE.baseline(), "lr": 0.0053, "width": 77, "many": "m9"}


@pytest.mark.parametrize("dial", ["lr", "width", "rate"])
def test_a_range_has_its_ends_the_incumbent_and_the_default_among_seven_levels(dial):
    found, parameter = design(SPACE, dial, AROUND), SPACE[dial]
    assert len(found.values) == 7 and list(found.values) == sorted(found.values)
    assert found.values[0] == parameter.low and found.values[-1] == parameter.high
    assert found.values[found.middle] == AROUND[dial]
    assert found.values[found.default] == parameter.default
    assert all(len(f"{value:g}") <= 7 for value in found.values)  # they can be typed


def test_fewer_values_than_levels_are_all_of_them():
    assert design(SPACE, "depth", AROUND).values == (1, 2, 3)
    assert design(SPACE, "step", AROUND).values == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert design(SPACE, "solver", AROUND).values == ("adam", "sgd")
    assert design(SPACE, "odd", AROUND).values == (None, True, 1, (1, 2))


def test_of_many_choices_those_of_incumbent_and_default_are_run_and_the_others_told():
    found = design(SPACE, "many", AROUND, levels=4)
    assert {"m4", "m9"} < set(found.values) and len(found.values) == 4
    assert len(found.left_out) == 8 and "only 4 levels" in found.left_out[0][1]


def test_values_are_taken_as_given_and_the_incumbents_is_added():
    assert design(SPACE, "lr", AROUND, levels=[1e-2, 1e-3]).values == (1e-3, 0.0053, 1e-2)
    with pytest.raises(SpaceError, match="lr"):
        design(SPACE, "lr", AROUND, levels=[1.0])


def test_a_dial_that_does_nothing_there_says_when_it_does():
    with pytest.raises(SpaceError, match="only when solver is 'sgd'"):
        design(SPACE, "momentum", AROUND)
    around = configuration(SPACE, AROUND, "solver", "sgd")
    assert design(SPACE, "momentum", around).default is not None


def test_a_level_brings_the_dials_that_it_makes_active():
    adam, sgd = design(SPACE, "solver", AROUND).configurations(SPACE)
    assert "momentum" not in adam and sgd["momentum"] == 0.9


def test_what_a_constraint_forbids_is_left_out_and_told():
    space = tl.Space({"a": tl.Int(1, 4), "b": tl.Int(1, 4)}, forbid=["a > b"])
    found = design(space, "a", {"a": 1, "b": 2})
    assert found.values == (1, 2) and [label for label, _ in found.left_out] == ["3", "4"]


@pytest.mark.parametrize("dial", ["lr", "width", "solver", "odd", "many"])
def test_a_design_reads_back(dial):
    found = design(SPACE, dial, AROUND)
    from trialist.space import plain

    assert Design.from_json(plain.loads(plain.dumps(found.to_json())), SPACE) == found
    if dial != "odd":  # tuples are lists in plain JSON
        assert Design.from_json(json.loads(json.dumps(found.to_json() | {"around": {}}))
                                | {"around": found.to_json()["around"]}, SPACE) == found  # fmt: skip


def test_seeds_are_the_same_for_all_dials_and_go_on_with_more():
    assert seeds(0, 5)[:3] == seeds(0, 3) and len(set(seeds(0, 5))) == 5
    assert seeds(0, 3) != seeds(1, 3)
