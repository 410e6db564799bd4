"""Spaces: checks, exact draws, the unit cube, finite spaces, grids, narrowing."""

from __future__ import annotations

import itertools
import math
import pickle
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialist.errors import SpaceError
from trialist.numerics.keys import Key
from trialist.space.condition import above, below
from trialist.space.parameter import Categorical, Float, Int, Normal
from trialist.space.space import Space

unit = st.floats(0.0, 1.0)
FORBID = [(), "x > 0.9", "k == 3 and c != 'a'", ("x + y > 1.7", "d and k < 2")]


@st.composite
def spaces(draw):
    """Mixed spaces of six dials, in any order, with conditions two deep and constraints."""
    default = draw(st.booleans())
    parameters = {
        "x": Float(0.0, 1.0, default=0.25 if default else None, prior=draw(st.sampled_from([None, Normal(0.5, 0.3)]))),
        "c": Categorical(["a", "b", 3, None], default="a", prior=draw(st.sampled_from([None, [1, 2, 3, 4]]))),
        "k": Int(1, 40, log=draw(st.booleans()), when={"c": ["a", 3]}),
        "y": Float(1e-5, 1.0, log=True, when={"k": above(3)} if draw(st.booleans()) else {"c": "a", "x": below(0.5)}),
        "s": Float(-1.0, 1.0, step=0.2, when={"c": None}),
        "d": Categorical([True, False]),
    }
    names = draw(st.permutations(list(parameters)))
    return Space({name: parameters[name] for name in names}, forbid=draw(st.sampled_from(FORBID)))


def points(space):
    return st.lists(unit, min_size=len(space), max_size=len(space))


@given(spaces(), st.data())
def test_decode_and_encode_are_inverse(space, data):
    params = space.decode(data.draw(points(space)))
    coordinates = space.encode(params)
    assert space.decode(coordinates) == params
    assert list(params) == [name for name in space if name in params]
    assert space.active(params) == tuple(params)
    assert all(coordinates[i] == 0.5 for i, name in enumerate(space) if name not in params)
    assert np.array_equal(space.encode_many([params, params]), [coordinates, coordinates])


@given(spaces(), st.data())
def test_inactive_coordinates_carry_nothing(space, data):
    u = data.draw(points(space))
    params = space.decode(u)
    others = [v if name in params else data.draw(unit) for name, v in zip(space, u, strict=True)]
    assert space.decode(others) == params


@given(spaces(), st.integers(0, 10**6))
def test_draws_are_valid_and_functions_of_their_key(space, number):
    params = space.draw(Key(5, number))
    assert space.check(params) == params
    assert list(space.check(params)) == list(params)
    assert Space.from_json(space.to_json()).draw(Key(5, number)) == params


@given(spaces(), st.integers(0, 100))
def test_a_draw_does_not_depend_on_the_order_of_declaration(space, number):
    backwards = Space(dict(reversed(list(space.items()))), forbid=[c.text for c in space.constraints])
    assert backwards.draw(Key(1, number)) == space.draw(Key(1, number))


@given(spaces())
def test_spaces_survive_json_and_pickle(space):
    for again in (Space.from_json(space.to_json()), pickle.loads(pickle.dumps(space))):
        assert again == space and hash(again) == hash(space)
        assert again.names == space.names and repr(again) == repr(space)
        assert again.baseline() == space.baseline()


@given(spaces())
def test_the_baseline_is_allowed_and_complete(space):
    assert space.check(space.baseline()) == space.baseline() == space.complete({})
    assert set(space.undeclared_defaults) <= set(space.baseline())
    assert "c" not in space.undeclared_defaults


@given(spaces(), st.integers(0, 1000), st.data())
def test_partial_configurations_are_completed_without_a_change(space, number, data):
    params = space.draw(Key(2, number))
    roots = [n for n, p in space.items() if p.when is None]
    given_names = data.draw(st.sets(st.sampled_from(roots)))
    partial = {name: params[name] for name in given_names}
    try:
        whole = space.complete(partial)
    except SpaceError as error:
        assert "breaks" in str(error)
    else:
        assert partial.items() <= whole.items()
        assert space.check(whole) == whole


def test_draws_are_exact_under_constraints():
    space = Space(a=Int(1, 4), b=Categorical(["x", "y"], prior=[1, 3]), forbid=["a == 2 and b == 'y'", "a > 3"])
    seen = Counter(space.identity(space.draw(Key(0, n))) for n in range(4000))
    weights = {(a, b): w for a in (1, 2, 3) for b, w in (("x", 1), ("y", 3)) if (a, b) != (2, "y")}
    for (a, b), weight in weights.items():
        expected = 4000 * weight / sum(weights.values())
        count = seen[space.identity({"a": a, "b": b})]
        assert abs(count - expected) < 4.5 * math.sqrt(expected)
    assert sum(seen.values()) == 4000 and len(seen) == len(weights)


def test_a_nearly_forbidden_small_space_is_enumerated_with_the_priors_kept():
    # One draw in about 200,000 is allowed: far beyond the patience of rejection.
    a, b = Int(1, 300, prior=Normal(150, 50), default=2), Int(1, 300, prior=Normal(2, 1), default=2)
    space = Space(a=a, b=b, require=["a == b", "a < 4"])
    mass = {v: a.mass(v) * b.mass(v) for v in (1, 2, 3)}
    assert sum(mass.values()) < 1e-3
    seen = Counter(space.draw(Key(0, n))["a"] for n in range(150))
    expected = {v: 150 * m / sum(mass.values()) for v, m in mass.items()}
    assert all(abs(seen[v] - e) < 4.5 * math.sqrt(e) for v, e in expected.items())
    assert seen[2] - seen[1] > 10  # the prior of b tells them apart


def test_a_hopeless_space_says_so():
    with pytest.raises(SpaceError, match=r"^x, y: .* less than 1 in"):
        Space(x=Float(0, 1, default=0.5), y=Float(0, 1, default=0.5), require="x == y").draw(Key(0, 0))


def test_defaults_that_break_a_constraint_are_refused():
    with pytest.raises(SpaceError, match=r"^a, b: the default configuration .* breaks forbid 'a > b'"):
        Space(a=Int(0, 9, default=5), b=Int(0, 9, default=4), forbid="a > b")


def test_forbidden_middles_give_way_to_the_nearest_allowed_values():
    space = Space(a=Int(0, 9, default=5), b=Int(0, 9), forbid="a + 1 > b")
    assert space.baseline() == {"a": 5, "b": 6}
    assert space.undeclared_defaults == ("b",)
    assert Space.from_json(space.to_json()).baseline() == {"a": 5, "b": 6}
    assert space.complete({}) == {"a": 5, "b": 6}
    tight = Space(a=Int(0, 99, default=90), b=Int(0, 99), forbid="b < 99 and a > b - 2")
    assert tight.baseline() == Space.from_json(tight.to_json()).baseline() == {"a": 90, "b": 92}
    wide = Space(x=Float(0, 1), y=Float(0, 1), act=Categorical(["relu", "tanh"]), require="x > y + 0.1")
    assert wide.baseline()["act"] == "relu"
    assert 0.5 < wide.baseline()["x"] < 0.7 and wide.baseline() == Space.from_json(wide.to_json()).baseline()
    other = Space(x=Float(0, 1), act=Categorical(["relu", "tanh", "gelu"]), require="act == 'tanh' and x > 0.3")
    assert other.baseline()["act"] == "tanh"
    with pytest.raises(SpaceError, match="breaks"):
        Space(x=Float(0, 1, default=0.1), y=Float(0, 1), require="x > y + 0.2")


@given(spaces())
@settings(max_examples=30)
def test_size_and_configurations_agree_with_brute_force(space):
    finite = Space(
        {n: p if p.size is not None else Int(1, 3, when=p.when) for n, p in space.items() if n != "k" and n != "y"},
        forbid=["d and x > 2"],
    )
    listed = list(finite.configurations())
    roots = itertools.product([1, 2, 3], ["a", "b", 3, None], [True, False])
    expected = sum(11 if c is None else 1 for x, c, d in roots if not (d and x > 2))
    assert finite.size == len(listed) == expected
    assert len({finite.identity(params) for params in listed}) == expected
    assert all(finite.check(params) == params for params in listed)
    assert listed == list(finite.configurations())


def test_sizes():
    assert Space().size == 1
    assert Space(a=Float(0, 1)).size is None
    assert Space(a=Float(1, 1), b=Int(0, 4)).size == 5
    assert Space({f"d{i}": Int(0, 9) for i in range(6)}).size == 10**6
    assert Space({f"d{i}": Int(0, 9) for i in range(7)}).size is None
    assert Space(a=Categorical(range(10**6))).size == 10**6
    assert Space(a=Int(0, 10**9)).size is None
    assert Space(a=Int(0, 3), b=Int(0, 3), forbid=[lambda p: p["a"] > p["b"]]).size == 10


def test_a_continuous_space_has_no_list():
    with pytest.raises(SpaceError, match=r"^x: .* Use grid"):
        Space(x=Float(0, 1)).configurations()


def test_a_grid_crosses_all_kinds_and_keeps_conditions_and_constraints():
    space = Space(
        lr=Float(1e-3, 1e-1, log=True),
        n=Int(1, 2),
        solver=Categorical(["adam", "sgd"]),
        momentum=Float(0, 1, when={"solver": "sgd"}),
        forbid="n == 2 and lr > 0.05",
    )
    grid = space.grid(3)
    assert len(grid) == 5 * (1 + 3)
    assert {params["lr"] for params in grid} == {1e-3, 1e-2, 1e-1}
    assert len({space.identity(params) for params in grid}) == len(grid)
    assert all(space.check(params) == params for params in grid)
    assert len(space.grid({"lr": 2, "momentum": 4})) == 3 * (1 + 4)
    for resolution, words in (
        ({"lr": 2}, "momentum"),
        ({"lr": 2, "momentum": 2, "x": 1}, "Use"),
        (0, "lr"),
        (2.5, "lr"),
    ):
        with pytest.raises(SpaceError, match=words):
            space.grid(resolution)
    with pytest.raises(SpaceError, match="smaller"):
        Space({f"d{i}": Float(0, 1) for i in range(9)}).grid(6)


def test_identities_tell_types_apart():
    space = Space(flag=Categorical([1, True, 1.0]))
    assert len({space.identity({"flag": value}) for value in (1, True, 1.0)}) == 3
    other = Space(x=Float(0, 1), k=Int(0, 3))
    assert other.identity({"x": 1, "k": 1}) == other.identity({"x": 1.0, "k": 1}) != other.identity({"x": 1.0, "k": 2})


@given(spaces(), st.integers(0, 1000), st.data())
def test_a_narrowed_space_is_a_part_of_the_space(space, number, data):
    bounds = {
        "x": sorted(data.draw(st.tuples(unit, unit))),
        "y": sorted(data.draw(st.tuples(st.floats(1e-5, 2.0), st.floats(1e-6, 1.0)))),
        "k": sorted(data.draw(st.tuples(st.floats(1.0, 40.0), st.floats(1.0, 40.0)))),
        "c": data.draw(st.lists(st.sampled_from(["a", "b", 3, None]), min_size=1)),
        "s": sorted(data.draw(st.tuples(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0)))),
    }
    bounds = {name: bounds[name] for name in data.draw(st.sets(st.sampled_from(sorted(bounds))))}
    try:
        narrow = space.narrowed(bounds)
    except SpaceError as error:
        assert "breaks" in str(error) or "outside" in str(error)
        return
    assert narrow.names == space.names
    assert Space.from_json(narrow.to_json()) == narrow
    assert space.check(narrow.baseline()) == narrow.baseline()
    try:
        params = narrow.draw(Key(3, number))
    except SpaceError as error:
        assert "less than 1 in" in str(error)
        return
    assert space.check(params) == narrow.check(params) == params
    for name in bounds.keys() & params.keys() & {"x", "y"}:
        assert bounds[name][0] <= params[name] <= bounds[name][1]
    if "c" in bounds:
        assert params["c"] in bounds["c"]


def test_narrowing_keeps_grids_scales_and_clips_defaults():
    space = Space(
        s=Float(0, 1, step=0.1, default=0.9),
        k=Int(0, 100, step=5, default=50),
        n=Int(1, 64, log=True, default=2),
        c=Categorical(["a", "b", "c"], default="c", prior=[1, 2, 3]),
        p=Float(0, 1, prior=Normal(0.0, 0.01)),
    )
    narrow = space.narrowed({"s": (0.25, 0.52), "k": (12, 33), "n": (3.5, 9.2), "c": ["b", "a"], "p": (0.9, 1)})
    assert narrow["s"] == Float(0.2, 0.6, step=0.1, default=0.6)
    assert narrow["k"] == Int(10, 35, step=5, default=35)
    assert narrow["n"] == Int(3, 10, log=True, default=3)
    assert narrow["c"] == Categorical(["a", "b"], default="a", prior=[1, 2])
    assert narrow["p"] == Float(0.9, 1)
    assert space.narrowed({"s": (0.3, 0.3)})["s"] == Float(0.3, 0.3, step=0.1, default=0.3)
    for bounds, words in (
        ({"ss": (0, 1)}, "Use 's'"),
        ({"s": (2, 3)}, "overlap"),
        ({"s": (1, 0)}, "Swap"),
        ({"s": 3}, "Give"),
        ({"c": ["x"]}, "Choose"),
        ({"c": []}, "Give"),
    ):
        with pytest.raises(SpaceError, match=words):
            space.narrowed(bounds)


def test_a_space_grows_dial_by_dial_as_objectives_ask():
    space = Space()
    for name, parameter in (("lr", Float(0, 1)), ("n", Int(1, 3)), ("c", Categorical(["a"], when={"n": 2}))):
        space = space.with_parameter(name, parameter)
    assert space == Space(lr=Float(0, 1), n=Int(1, 3), c=Categorical(["a"], when={"n": 2}))
    assert space.with_parameter("n", Int(1, 3)) is space
    with pytest.raises(SpaceError, match="no dial"):
        space.with_parameter("z", Int(0, 1, when={"zz": 1}))


def test_mapping_manners():
    space = Space(a=Int(0, 1), b=Float(0, 1))
    assert list(space) == ["a", "b"] == [name for name, _ in space.items()]
    assert len(space) == 2 and "a" in space and "c" not in space
    assert space != Space(b=Float(0, 1), a=Int(0, 1)) and space != {"a": 1}
    assert repr(space) == "Space(\n    a=Int(0, 1),\n    b=Float(0.0, 1.0),\n)"
    with pytest.raises(SpaceError, match="Use 'b'"):
        space["bb"]
    with pytest.raises(SpaceError, match=r"^c: 'x' is not one of"):
        Space(c=Categorical(["a", "b"])).encode({"c": "x"})
    assert space.encode({"a": 7, "b": -3.0}) == [0.75, 0.0]
    with pytest.raises(SpaceError, match="coordinates"):
        space.decode([0.5])
    assert Space().encode_many([{}]).shape == (1, 0)


def test_the_room_opens_without_numpy():
    code = "import sys, trialist.space.revision; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
