"""Refinement: what it keeps, what it narrows, when it asks for a wider range."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialist.numerics.keys import Key
from trialist.search.design import Random
from trialist.search.refinement import KEPT_VALUES, LEAST, Refinement, refine
from trialist.space.condition import above
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.testing.strategies import PLAN
from trialist.trials.history import History
from trialist.trials.trial import Proposal, Score, Stage, State, TrialRecord


def scored(space: Space, *trials: tuple[dict[str, Any], float], spread: float = 0.0) -> History:
    """A history of configurations with losses; `spread` makes two replicates of each, that far apart."""
    return History(PLAN, space, tuple(record(i, params, loss, spread) for i, (params, loss) in enumerate(trials)))


def record(number: int, params: dict[str, Any], loss: float, spread: float = 0.0) -> TrialRecord:
    replicates = (loss - spread / 2, loss + spread / 2) if spread else (loss,)
    metrics = {"loss": Score(replicates)}
    return TrialRecord(
        number, State.COMPLETE, Stage.SEARCH, params, "", "test", 0, metrics=metrics, loss=metrics["loss"].mean
    )


def line(count: int, space: Space, best_at: float, name: str = "x", spread: float = 0.0) -> History:
    """Trials evenly over one dial, the loss being the distance from `best_at` in the dial's own units."""
    at = [(i + 0.5) / count for i in range(count)]
    return scored(space, *(({name: space[name].decode(u)}, abs(u - best_at)) for u in at), spread=spread)


X = Space(x=Float(0.0, 1.0))


def test_the_range_narrows_round_the_best_few() -> None:
    refinement = refine(line(20, X, best_at=0.4))
    low, high = refinement.space["x"].low, refinement.space["x"].high
    assert 0.25 <= low < 0.375
    assert 0.425 < high <= 0.55
    assert refinement.words == (f"x: 0..1 is now {low:.6g}..{high:.6g}",)
    assert refinement.reason == "1 of 1 dials narrowed round the best 4 of 20 trials"
    assert refinement.edges == ()


def test_a_log_scale_narrows_in_its_own_units() -> None:
    space = Space(x=Float(1e-5, 1e-1, log=True))
    refinement = refine(line(20, space, best_at=0.5))
    dial = refinement.space["x"]
    assert dial.log
    assert dial.low == pytest.approx(1e-3 * 10**-0.4, rel=0.15)
    assert dial.high == pytest.approx(1e-3 * 10**0.4, rel=0.15)
    assert all(len(f"{bound:.6g}") <= 7 for bound in (dial.low, dial.high))


def test_a_range_is_never_narrower_than_the_floor() -> None:
    space = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
    trials = [({"x": 0.5 + 1e-4 * i, "y": i / 50}, float(i)) for i in range(50)]
    narrowed = refine(scored(space, *trials)).space
    assert 0.149 < narrowed["x"].high - narrowed["x"].low < 0.17


def test_the_floor_holds_near_an_end_as_well() -> None:
    trials = [({"x": 0.94 + 1e-4 * i if i < 12 else i / 100}, float(i)) for i in range(60)]
    dial = refine(scored(X, *trials)).space["x"]
    assert 0.149 < dial.high - dial.low < 0.17
    assert dial.high == 1.0


@pytest.mark.parametrize("space", [X, Space(x=Float(1e-5, 1e-1, log=True)), Space(x=Float(3.0, 3.1, log=True))])
@pytest.mark.parametrize("best_at", [0.2, 0.37, 0.5, 0.613])
def test_bounds_that_read_well_still_hold_the_best_few(space: Space, best_at: float) -> None:
    history = line(1500, space, best_at)
    dial = refine(history).space["x"]
    few = sorted(history, key=lambda r: r.loss)[:300]
    assert all(dial.low <= r.params["x"] <= dial.high for r in few)


def test_noise_keeps_the_range_wide() -> None:
    clear, noisy = (refine(line(40, X, best_at=0.4, spread=s)).space["x"] for s in (0.0, 0.5))
    assert noisy.high - noisy.low > 1.9 * (clear.high - clear.low)


def test_a_dial_that_does_not_matter_stays_wide() -> None:
    space = Space(x=Float(0.0, 1.0), free=Float(0.0, 1.0))
    trials = [({"x": i / 40, "free": (i * 0.618) % 1}, abs(i / 40 - 0.5)) for i in range(40)]
    narrowed = refine(scored(space, *trials)).space
    assert narrowed["x"].high - narrowed["x"].low < 0.3
    assert narrowed["free"].high - narrowed["free"].low > 0.7


@pytest.mark.parametrize(("best_at", "side"), [(0.0, "lower end 0"), (1.0, "upper end 1")])
def test_an_edge_that_the_best_sits_on_stays_and_advice_is_given(best_at: float, side: str) -> None:
    refinement = refine(line(20, X, best_at=best_at))
    dial = refinement.space["x"]
    assert best_at in (dial.low, dial.high)
    assert len(refinement.edges) == 1
    assert f"x: the best trial lies at the {side}: widen this range" in refinement.edges[0]


def test_an_end_close_to_the_best_stays() -> None:
    trials = [({"x": 0.2 + i / 100}, 1.0 + i) for i in range(60)]
    assert refine(scored(X, ({"x": 0.045}, 0.0), *trials)).space["x"].low == 0.0


def test_no_advice_is_given_on_a_dial_that_the_best_trial_does_not_use() -> None:
    space = Space(solver=Categorical(["adam", "sgd"]), momentum=Float(0.0, 1.0, when={"solver": "sgd"}))
    sgd = [({"solver": "sgd", "momentum": i / 20}, i / 20) for i in range(20)]
    assert refine(scored(space, *sgd)).edges != ()
    assert refine(scored(space, ({"solver": "adam"}, -1.0), *sgd)).edges == ()


def test_a_lone_lucky_trial_at_an_edge_is_no_advice() -> None:
    trials = [({"x": i / 20}, abs(i / 20 - 0.6)) for i in range(1, 20)]
    refinement = refine(scored(X, ({"x": 0.0}, -1.0), *trials))
    assert refinement.edges == ()
    assert refinement.space["x"].low == 0.0


def test_few_trials_narrow_nothing() -> None:
    history = line(LEAST - 1, X, best_at=0.5)
    assert refine(history) == Refinement(X, (), (), "only 4 scored trials: too few to narrow by")
    assert refine(scored(X)).space is X


def test_failed_and_running_trials_count_for_nothing() -> None:
    history = line(20, X, best_at=0.4)
    failed = TrialRecord(20, State.FAILED, Stage.SEARCH, {"x": 0.99}, "", "test", 0)
    again = TrialRecord(21, State.COMPLETE, Stage.SELECT, {"x": 0.99}, "", "test", 0, loss=-9.0)
    assert refine(History(PLAN, X, (*history.records, failed, again))) == refine(history)


def test_a_choice_goes_only_with_enough_trials_all_in_the_worse_half() -> None:
    space = Space(act=Categorical(["relu", "tanh", "step"]))
    good = [({"act": "relu"}, 0.1 * i) for i in range(6)] + [({"act": "tanh"}, 0.1 * i + 0.05) for i in range(6)]
    five, four = ([*good, *(({"act": "step"}, 5.0 + i) for i in range(n))] for n in (5, 4))
    refinement = refine(scored(space, *five))
    assert refinement.space["act"].choices == ("relu", "tanh")
    assert refinement.words == ("act: without step, none of whose trials is in the better half; 2 left",)
    assert refine(scored(space, *four)).space is space
    assert refine(scored(space, *five, ({"act": "step"}, 0.0))).space is space


def test_choices_are_told_apart_by_type() -> None:
    space = Space(c=Categorical([1, True, 1.0]))
    trials = [({"c": 1}, 0.1 * i) for i in range(8)] + [({"c": True}, 5.0 + i) for i in range(5)]
    kept = refine(scored(space, *trials)).space["c"].choices
    assert [(type(c), c) for c in kept] == [(int, 1), (float, 1.0)]


def test_a_conditional_dial_learns_from_the_trials_in_which_it_is_active() -> None:
    space = Space(solver=Categorical(["adam", "sgd"]), momentum=Float(0.0, 1.0, when={"solver": "sgd"}))
    adam = [({"solver": "adam"}, 0.01 * i) for i in range(4)]
    sgd = [({"solver": "sgd", "momentum": i / 20}, 0.005 + abs(i / 20 - 0.7)) for i in range(20)]
    momentum = refine(scored(space, *adam, *sgd)).space["momentum"]
    assert 0.5 < momentum.low < 0.7 < momentum.high < 0.9
    few = refine(scored(space, *adam, *sgd[:4])).space
    assert few["momentum"] == space["momentum"]


def test_a_child_of_a_choice_that_goes_is_not_talked_about() -> None:
    space = Space(
        solver=Categorical(["adam", "sgd"]), momentum=Float(0.0, 1.0, when={"solver": "sgd"}), x=Float(0.0, 1.0)
    )
    trials = [({"solver": "adam", "x": i / 20}, 0.01 * i) for i in range(20)]
    trials += [({"solver": "sgd", "momentum": 0.1 * i, "x": 0.5}, 9.0 + i) for i in range(6)]
    refinement = refine(scored(space, *trials))
    assert [line.split(":")[0] for line in refinement.words] == ["solver", "x"]
    assert [line.split(":")[0] for line in refinement.edges] == ["x"]
    assert refinement.space.check(trials[0][0]) == trials[0][0]


@pytest.mark.parametrize(
    "dial", [Int(1, 200), Int(1, 4), Int(1, 3), Int(0, 100, step=25), Float(0.0, 1.0, step=0.25), Int(8, 512, log=True)]
)
@pytest.mark.parametrize("best_at", [0.0, 0.3, 0.5, 1.0])
def test_steps_keep_three_values_where_they_had_them(dial: Int | Float, best_at: float) -> None:
    space = Space(n=dial)
    narrowed = refine(line(20, space, best_at=best_at, name="n")).space["n"]
    assert narrowed.size is not None
    assert dial.size is not None
    assert narrowed.size >= min(KEPT_VALUES, dial.size)
    assert set(narrowed.values()) <= set(dial.values())


def test_a_box_in_which_nothing_can_be_drawn_leaves_the_space_as_it_is() -> None:
    space = Space(x=Float(0.0, 1.0, default=1.0), y=Float(0.0, 1.0, default=1.0), require=["y == x * x"])
    trials = [({"x": x, "y": x * x}, abs(x - 0.5)) for x in (i / 64 for i in range(65))]
    refinement = refine(scored(space, *trials))
    assert refinement.space is space
    assert refinement.reason.startswith("the space stays as it is, since")


NUMBERS = st.one_of(
    st.tuples(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6)).map(lambda t: Float(t[0], t[0] + t[1])),
    st.tuples(st.floats(-12, 6), st.floats(0.01, 9)).map(lambda t: Float(10 ** t[0], 10 ** (t[0] + t[1]), log=True)),
    st.tuples(st.integers(-99, 99), st.integers(0, 500)).map(lambda t: Int(t[0], t[0] + t[1])),
    st.tuples(st.integers(1, 99), st.integers(0, 500)).map(lambda t: Int(t[0], t[0] + t[1], log=True)),
    st.integers(1, 6).map(lambda n: Categorical(list(range(n)))),
)


@settings(max_examples=80, deadline=None)
@given(
    dials=st.lists(NUMBERS, min_size=1, max_size=4), seed=st.integers(0, 999), count=st.integers(0, 40), data=st.data()
)
def test_the_incumbent_stays_and_nothing_is_added(
    dials: list[Float | Int | Categorical], seed: int, count: int, data: st.DataObject
) -> None:
    parent = Space({f"d{i}": dial for i, dial in enumerate(dials)} | {"parent": Float(0.0, 1.0)})
    space = Space({**dict(parent.items()), "child": Float(0.0, 1.0, when={"parent": above(0.5)})})
    losses = data.draw(st.lists(st.floats(-1e3, 1e3), min_size=count, max_size=count))
    history = scored(space, *((space.draw(Key(seed, i)), loss) for i, loss in enumerate(losses)))
    refinement = refine(history)
    assert refine(History(PLAN, space, tuple(reversed(history.records)))) == refinement
    assert Refinement.from_json(json.loads(json.dumps(refinement.to_json()))) == refinement
    if history.best is not None:
        assert refinement.space.check(history.best.params) == history.best.params
    for number in range(4):
        inside = Random().propose(History(PLAN, refinement.space), Key(seed, number))
        assert isinstance(inside, Proposal)
        assert space.check(inside.params) == inside.params


def small_enough(params: dict[str, Any]) -> bool:
    return bool(params["x"] < 0.9)


def test_a_stored_refinement_takes_its_functions_back() -> None:
    space = Space(x=Float(0.0, 1.0), require=[small_enough])
    refinement = refine(line(18, Space(x=Float(0.0, 1.0)), best_at=0.4))
    refinement = Refinement(space.narrowed({"x": (0.1, 0.95)}), refinement.words, (), refinement.reason)
    again = Refinement.from_json(json.loads(json.dumps(refinement.to_json())), callables=[small_enough])
    assert again == refinement
    assert not again.space.allows({"x": 0.93})


def test_it_narrows_round_the_best_feasible_trials_else_round_the_nearest() -> None:
    free = line(20, X, best_at=0.1)

    def limited(above: float) -> History:
        trials = [replace(r, constraints={"ms": above - r.params["x"]}) for r in free]
        return History(PLAN, X, tuple(trials))

    some, none = refine(limited(0.5)).space["x"], refine(limited(2.0)).space["x"]
    assert 0.45 <= some.low < some.high <= 0.75  # the best four above the limit
    assert 0.75 <= none.low < none.high == 1.0  # the least violation, whatever the loss
    noisy = History(
        PLAN, X, tuple(replace(r, constraints={"ms": 0.5 - r.params["x"]}) for r in line(20, X, 0.1, spread=0.5))
    )
    assert refine(noisy).space["x"].low >= 0.45  # what noise adds to the best few is feasible, too
