from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialist as tl
from trialist.rates.rate import Shape

keys = st.lists(st.floats(0, 1), min_size=5, max_size=5)


def test_one_line_adds_five_dials_with_a_sensible_default():
    space = tl.Space(tl.Schedule(1e-4, 1e-1, default=1e-3), hidden=tl.Int(8, 64))
    assert space.names == ("lr", "lr_shape", "lr_warmup", "lr_end", "lr_cooldown", "hidden")
    assert space.baseline() == {"lr": 1e-3, "lr_shape": "cosine", "lr_warmup": 0.05, "lr_end": 0.01, "hidden": 36}


@given(keys)
def test_every_configuration_of_the_space_is_a_rate(u):
    lr = tl.Schedule(1e-4, 1e-1)
    params = tl.Space(lr).decode(u)
    rate = lr.rate(params, 50)
    assert max(rate(t) for t in range(1, 51)) == params["lr"]
    assert rate.shape == params["lr_shape"] and rate.warmup == params["lr_warmup"]
    assert Shape(rate.shape).has_end == ("lr_end" in params)
    assert (rate.shape == "wsd") == ("lr_cooldown" in params)
    for name, part in (("lr_end", rate.end), ("lr_cooldown", rate.cooldown)):
        assert params.get(name, part) == part


def test_a_value_fixes_a_part_and_is_no_dial():
    lr = tl.Schedule(1e-4, 1e-1, name="rate", shape="wsd", warmup=0, cooldown=0.3)
    assert list(lr) == ["rate", "rate_end"]
    rate = lr.rate({"rate": 0.01, "rate_end": 0.5, "width": 3}, 100)
    assert rate == tl.Rate(0.01, 100, shape="wsd", warmup=0.0, end=0.5, cooldown=0.3)
    assert tl.Space(lr)["rate_end"].when is None


def test_shapes_without_an_end_value_leave_its_dial_out():
    assert list(tl.Schedule(1e-4, 1e-1, shape=["constant", "inverse_sqrt"])) == ["lr", "lr_shape", "lr_warmup"]
    assert list(tl.Schedule(1e-4, 1e-1, shape="constant", warmup=0.0)) == ["lr"]
    lr = tl.Schedule(1e-4, 1e-1, shape=["linear", "cosine"])
    assert list(lr) == ["lr", "lr_shape", "lr_warmup", "lr_end"] and lr["lr_end"].when is None


def test_dials_of_ones_own_bring_their_own_defaults():
    shape, warmup = tl.Categorical(["constant", "cosine"], default="constant"), tl.Float(0, 0.1, default=0.0)
    space = tl.Space(tl.Schedule(1e-4, 1e-1, shape=shape, warmup=warmup, end=(0.01, 0.1)))
    assert space.baseline()["lr_shape"] == "constant" and space.baseline()["lr_warmup"] == 0.0
    assert space["lr_end"] == tl.Float(0.01, 0.1, log=True, default=0.01, when={"lr_shape": "cosine"})


def test_a_schedule_may_be_active_at_times_only():
    solver = tl.Categorical(["lbfgs", "sgd"])
    space = tl.Space(solver=solver, **tl.Schedule(1e-4, 1e-1, when={"solver": "sgd"}))
    assert space.complete({"solver": "lbfgs"}) == {"solver": "lbfgs"}
    assert "lr_end" in space.complete({"solver": "sgd"})
    assert "lr_end" not in space.complete({"solver": "sgd", "lr_shape": "constant"})


def test_two_schedules_stand_side_by_side():
    body, head = tl.Schedule(1e-5, 1e-3, name="body", shape="cosine"), tl.Schedule(1e-3, 1e-1, name="head")
    space = tl.Space({**body, **head})
    params = space.baseline()
    assert body.rate(params, 10).peak == params["body"] and head.rate(params, 10).peak == params["head"]


def test_a_space_with_a_schedule_survives_being_written():
    space = tl.Space(tl.Schedule(1e-4, 1e-1))
    assert tl.Space.from_json(space.to_json()) == space


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"low": 0.0}, "lr"),
        ({"low": 1.0}, "lr"),
        ({"default": 1.0}, "lr"),
        ({"shape": "square"}, "lr_shape"),
        ({"shape": []}, "lr_shape"),
        ({"shape": tl.Categorical(["cosine", 3])}, "lr_shape"),
        ({"warmup": 1.5}, "lr_warmup"),
        ({"warmup": (0.1, 0.2, 0.3)}, "lr_warmup"),
        ({"warmup": tl.Float(0.0, 2.0)}, "lr_warmup"),
        ({"end": (0.5, 0.1)}, "lr_end"),
        ({"end": (0.1, 1.5)}, "lr_end"),
        ({"cooldown": "long"}, "lr_cooldown"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_be_is_refused_with_the_dials_name(given, field):
    with pytest.raises(tl.SpaceError) as caught:
        tl.Schedule(**{"low": 1e-4, "high": 1e-1, **given})
    assert caught.value.field == field


def test_a_configuration_without_the_schedules_dials_is_refused():
    lr = tl.Schedule(1e-4, 1e-1)
    with pytest.raises(tl.SpaceError, match="lr_end: no value"):
        lr.rate({"lr": 0.01, "lr_shape": "cosine", "lr_warmup": 0.0}, 10)
    with pytest.raises(tl.SpaceError, match="no schedule 'square'"):
        lr.rate({"lr": 0.01, "lr_shape": "square", "lr_warmup": 0.0}, 10)
