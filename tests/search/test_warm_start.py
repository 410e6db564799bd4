"""First points: the best of earlier studies, apart from each other, as many as the budget bears; then the strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from trialist.numerics.keys import Key
from trialist.search.design import Random, baseline
from trialist.search.warm_start import NAME, WarmStarted, first_points, most_points
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.testing.strategies import STRATEGY_CLAIMS
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import Proposal, Score, Stage, State, TrialRecord

SPACE = Space(x=Float(0.0, 1.0, default=0.9), y=Float(0.0, 1.0, default=0.9), k=Categorical(["a", "b"]))
PLAN = Plan("new", (Objective("loss"),), Budget(80))
Point = dict[str, Any]


def record(number: int, params: Point, *losses: float, state: State = State.COMPLETE, **more: Any) -> TrialRecord:
    stage = Stage.BASELINE if number == 0 else Stage.SEARCH
    metrics = {name: Score((loss,)) for name, loss in zip(("loss", "time"), losses, strict=False)}
    return TrialRecord(
        number, state, stage, params, "", more.pop("strategy", ""), 0, metrics=metrics,
        loss=losses[0] if losses else None, **more,
    )  # fmt: skip


def study(name: str, *scores: tuple[Point, float], space: Space = SPACE) -> History:
    records = tuple(record(number, *score) for number, score in enumerate(scores))
    return History(Plan(name, PLAN.objectives), space, records)


def point(x: float, y: float = 0.5, k: str = "a") -> Point:
    return {"x": x, "y": y, "k": k}


def played(loss: Callable[[Point], float], earlier: Sequence[History], trials: int = 8, plan: Plan = PLAN) -> History:
    """A study of so many trials, one after the other."""
    records: tuple[TrialRecord, ...] = ()
    for number in range(trials):
        history = History(plan, SPACE, records, tuple(earlier))
        proposal = baseline(SPACE) if number == 0 else WarmStarted(Random()).propose(history, Key(0, number))
        assert isinstance(proposal, Proposal)
        params = dict(proposal.params)
        records += (record(number, params, loss(params), strategy=proposal.strategy),)
    return History(plan, SPACE, records, tuple(earlier))


def first(history: History) -> list[Point]:
    return [dict(r.params) for r in history if r.strategy == NAME]


OLD = study("old", (point(0.5), 2.0), (point(0.1), 0.0), (point(0.12), 0.1), (point(0.6), 0.2), (point(0.7), 0.3))


@pytest.mark.parametrize("claim", STRATEGY_CLAIMS, ids=lambda claim: claim.__name__)
def test_without_earlier_studies_it_is_the_strategy(claim: Callable[[Any], None]) -> None:
    claim(lambda: WarmStarted(Random()))


def test_the_best_comes_first_and_another_apart_from_it_where_it_beat_the_default() -> None:
    assert first(played(lambda p: p["x"], [OLD])) == [point(0.1), point(0.6)]


def test_the_second_is_left_out_where_the_first_did_not_beat_the_default() -> None:
    assert first(played(lambda p: -p["x"], [OLD])) == [point(0.1)]
    assert first(played(lambda p: 1.0, [OLD])) == [point(0.1)], "a tie is no gain"


def test_a_fresh_one_agrees_with_one_that_saw_other_studies() -> None:
    long_lived = WarmStarted(Random())
    other = study("other", (point(0.3), 0.0))
    for earlier in ([OLD], [other], [OLD, other]):
        history = played(lambda p: p["x"], earlier)
        for number in range(1, len(history)):
            now, key = History(PLAN, SPACE, history.records[:number], tuple(earlier)), Key(0, number)
            assert long_lived.propose(now, key) == WarmStarted(Random()).propose(now, key)


def test_the_second_waits_until_the_first_is_told() -> None:
    history = played(lambda p: p["x"], [OLD], trials=2)
    running = record(1, point(0.1), state=State.RUNNING, strategy=NAME)
    for told, strategy in ((history.records[1], NAME), (running, "random")):
        now = History(PLAN, SPACE, (history.records[0], told), (OLD,))
        proposal = WarmStarted(Random()).propose(now, Key(0, 2))
        assert isinstance(proposal, Proposal) and proposal.strategy == strategy


def test_the_newest_study_comes_first_and_the_best_of_each_before_the_second_of_any() -> None:
    newer = study("newer", (point(0.3), 0.0), (point(0.4, 0.9), 0.1))
    deep = Plan("new", PLAN.objectives, Budget(400))
    assert first(played(lambda p: p["x"], [OLD, newer], plan=deep)) == [point(0.3), point(0.1)]
    assert [[dict(p.params) for p in each] for each in first_points(played(lambda p: 0.0, [OLD, newer]))] == [
        [point(0.3), point(0.4, 0.9)],
        [point(0.1), point(0.6)],
    ]


def test_what_was_explored_already_is_not_tried_again() -> None:
    asked = (record(0, SPACE.baseline(), 1.0), record(1, point(0.1), 0.5, strategy="enqueued"))
    proposal = WarmStarted(Random()).propose(History(PLAN, SPACE, asked, (OLD,)), Key(0, 2))
    assert isinstance(proposal, Proposal)
    assert proposal.params == point(0.6), "the enqueued best beat the default, so the second is tried"


def test_a_study_that_found_nothing_better_than_the_default_has_no_points() -> None:
    held = study("held", (SPACE.baseline(), 0.0), (point(0.1), 1.0))
    assert first_points(History(PLAN, SPACE, (), (held,))) == [[]]


def test_studies_with_one_best_try_it_once() -> None:
    same = study("same", (point(0.11), 0.0), (point(0.9), 0.1))
    older, newer = reversed(first_points(History(PLAN, SPACE, (), (OLD, same))))
    assert [dict(p.params) for p in newer] == [point(0.11), point(0.9)]
    assert older == [], "its best is a hundredth away from what is tried already"


def test_forbidden_and_unknown_configurations_are_passed_over() -> None:
    narrow = Space(
        x=Float(0.0, 1.0, default=0.9), y=Float(0.0, 1.0, default=0.9), k=Categorical(["a", "c"]), forbid="x < 0.2"
    )
    old = study("old", (point(0.5, k="b"), 0.0), (point(0.1), 0.1), (point(0.3), 0.2), space=SPACE)
    assert [dict(p.params) for p in first_points(History(PLAN, narrow, (), (old,)))[0]] == [point(0.3)]


def test_where_the_very_best_have_no_counterpart_the_best_that_beats_the_earlier_default_is_tried() -> None:
    narrow = Space(x=SPACE["x"], y=SPACE["y"], k=Categorical(["a", "c"]))
    gone = [(point(0.5, k="b"), i / 100) for i in range(1, 20)]
    for score, expected in ((0.5, [point(0.3)]), (2.0, [])):
        old = study("old", (point(0.9, 0.9, "b"), 1.0), *gone, (point(0.3), score))
        assert [dict(p.params) for p in first_points(History(PLAN, narrow, (), (old,)))[0]] == expected


def test_the_reason_names_study_and_trial_and_what_changed() -> None:
    wider = study("wide", (point(0.5), 0.1), ({"x": 3.0, "k": "b"}, 0.0), space=Space(x=Float(0.0, 5.0), k=SPACE["k"]))
    found = first_points(History(PLAN, SPACE, (), (wider,)))[0][0]
    assert found.reason == "the best of study 'wide', its trial 1 (y at its default, x moved to 1)"


def test_infeasible_trials_are_no_best() -> None:
    records = (
        record(0, point(0.2), 0.0, constraints={"ms": 3.0}),
        record(1, point(0.6), 1.0, constraints={"ms": -1.0}),
    )
    old = History(Plan("old", PLAN.objectives), SPACE, records)
    assert dict(first_points(History(PLAN, SPACE, (), (old,)))[0][0].params) == point(0.6)


def test_with_several_objectives_each_has_its_best() -> None:
    plan = Plan("new", (Objective("loss"), Objective("time", Direction.MAXIMIZE)), Budget(80))
    records = (record(0, point(0.2), 0.0, 1.0), record(1, point(0.5), 1.0, 2.0), record(2, point(0.8), 2.0, 9.0))
    found = first_points(History(plan, SPACE, (), (History(plan, SPACE, records),)))[0]
    assert [dict(p.params) for p in found] == [point(0.2), point(0.8)]


def test_there_are_half_as_many_as_a_model_begins_with() -> None:
    def most(dials: int, trials: int | None) -> int:
        return most_points(
            Space({f"x{i}": Int(0, 9) for i in range(dials)}), Plan("p", PLAN.objectives, Budget(trials))
        )

    assert [most(3, 3), most(3, 8), most(3, 16), most(3, None)] == [1, 1, 2, 2]
    assert [most(13, 20), most(13, 100), most(13, None)] == [2, 7, 7]
    many = [study(f"s{i}", (point(i / 10), 0.0)) for i in range(8)]
    assert len(first(played(lambda p: p["x"], many))) == most(3, 80)


def test_an_empty_space_leaves_it_to_the_strategy() -> None:
    proposal = WarmStarted(Random()).propose(History(PLAN, Space(), (), (OLD,)), Key(0, 1))
    assert isinstance(proposal, Proposal) and proposal.strategy == "random"
