"""The front against its definition, knees where a front bends, and picks that meet the levels wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import PlanError, StudyError
from trialist.scoring.front import front, knee, pick
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import Score, Stage, State, TrialRecord

MIN, MAX = Direction.MINIMIZE, Direction.MAXIMIZE
NAMES = ("loss", "accuracy", "ms")
TWO = (Objective("loss"), Objective("accuracy", MAX))


def history(rows: Sequence[Sequence[float] | None], objectives: tuple[Objective, ...] = TWO, **more: Any) -> History:
    """A study with those values, in the metrics' own signs; None for a failed trial."""
    records = []
    for number, row in enumerate(rows):
        metrics = {} if row is None else {o.name: Score((v,)) for o, v in zip(objectives, row, strict=True)}
        state = State.FAILED if row is None else State.COMPLETE
        loss = None if row is None else objectives[0].loss(row[0])
        given = {name: values[number] for name, values in more.items()}
        records.append(
            TrialRecord(number, state, Stage.SEARCH, {}, "", "", number, metrics=metrics, loss=loss, **given)
        )
    return History(Plan("front", objectives), Space(), tuple(records))


def numbers(records: Sequence[TrialRecord]) -> list[int]:
    return [record.number for record in records]


def of(m: int, rows: Sequence[Sequence[float]], directions: Sequence[Direction] = (MIN, MAX, MIN)) -> History:
    return history([row[:m] for row in rows], tuple(map(Objective, NAMES[:m], directions[:m])))


values = st.integers(1, 3).flatmap(
    lambda m: st.tuples(
        st.just(m), st.lists(st.lists(st.integers(0, 4).map(float), min_size=m, max_size=m), max_size=12)
    )
)


@given(values)
def test_the_front_is_what_no_trial_beats(given_values: tuple[int, list[list[float]]]) -> None:
    m, rows = given_values
    losses = [[v * (-1 if j == 1 else 1) for j, v in enumerate(row)] for row in rows]

    def beaten(i: int) -> bool:
        return any(all(a <= b for a, b in zip(u, losses[i], strict=True)) and u != losses[i] for u in losses)

    found = numbers(front(of(m, rows)))
    assert sorted(found) == [i for i in range(len(rows)) if not beaten(i)]
    assert [losses[i][0] for i in found] == sorted(losses[i][0] for i in found)


def test_failed_and_infeasible_trials_are_not_on_the_front() -> None:
    rows = [(1.0, 0.5), None, (0.1, 0.9), (2.0, 0.8)]
    limits = [{}, {}, {"ms": 3.0}, {"ms": -1.0}]
    assert numbers(front(history(rows, constraints=limits))) == [0, 3]
    assert front(history([(1.0, 0.5)], constraints=[{"ms": math.nan}])) == ()


def test_one_objective_has_the_best_as_its_front_and_knee() -> None:
    seen = of(1, [[3.0], [1.0], [2.0]])
    assert numbers(front(seen)) == [1]
    assert knee(seen) == seen[1]


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e300])
def test_the_knee_is_where_the_front_bends_whatever_the_scale(scale: float) -> None:
    bent = [(0.0, -100.0), (0.1, -20.0), (0.5, -10.0), (1.0, 0.0), (2.0, -50.0)]
    found = knee(history([(loss * scale, value) for loss, value in bent]))
    assert found is not None and found.number == 1


def test_a_front_of_three_objectives_bends_at_its_middle() -> None:
    ends = [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]
    rows = [(a, -b, c) for a, b, c in [*ends, (0.2, 0.2, 0.2), (0.1, 0.1, 0.7)]]
    found = knee(of(3, rows))
    assert found is not None and found.number == 3


@pytest.mark.parametrize(
    "rows", [[(0.0, 0.0), (1.0, 1.0)], [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)], [(0.0, 0.0), (0.9, 0.4), (1.0, 1.0)], []]
)
def test_a_front_that_does_not_bend_has_no_knee(rows: list[tuple[float, float]]) -> None:
    assert len(front(history(rows))) == len(rows)
    assert knee(history(rows)) is None


ROWS = [(0.10, 0.60), (0.15, 0.70), (0.30, 0.90), (0.50, 0.92), (0.05, 0.20)]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ({"accuracy": 0.85}, 2),  # met by 2 and 3: the lower loss
        ({"accuracy": 0.91}, 3),
        ({"loss": 0.2}, 1),  # met by 0, 1 and 4: the higher accuracy
        ({"loss": 0.2, "accuracy": 0.65}, 1),  # the only one that meets both
        ({"loss": 0.01}, 4),  # met by none: the nearest
        ({"loss": 0.25, "accuracy": 0.95}, 2),  # met by none: the least shortfall in units of the ranges
        ({"loss": 9.0}, 3),  # no demand at all: the best of the other
    ],
)
def test_the_pick_meets_the_levels_or_comes_nearest(wanted: dict[str, float], chosen: int) -> None:
    assert pick(history(ROWS), wanted).number == chosen


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_pick_is_on_the_front_and_meets_what_can_be_met(loss: float, accuracy: float) -> None:
    seen = history([*ROWS, (0.6, 0.1), (0.3, 0.9)])
    picked = pick(seen, {"loss": loss, "accuracy": accuracy})
    assert picked in front(seen)

    def meets(row: Sequence[float]) -> bool:
        return row[0] <= loss and row[1] >= accuracy

    if any(map(meets, ROWS)):
        assert meets([score.mean for score in picked.metrics.values()])


def test_with_three_objectives_the_free_ones_are_balanced() -> None:
    rows = [(0.0, 1.0, 9.0), (9.0, 9.0, 0.0), (1.0, 5.0, 4.0), (2.0, 8.0, 8.5), (0.5, 1.5, 30.0)]
    assert pick(of(3, rows), {"ms": 10.0}).number == 3


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"los": 0.1}, "los: this is no objective of the study. Give levels for loss or accuracy"),
        ({"loss": math.nan}, "loss: nan is not a level"),
        ({"loss": True}, "loss: True is not a level"),
        ({"loss": "low"}, "loss: 'low' is not a level"),
        ({}, "no level is given"),
    ],
)
def test_levels_that_cannot_be_are_refused_by_name(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        pick(history(ROWS), wanted)


def test_nothing_scored_is_nothing_to_pick() -> None:
    with pytest.raises(StudyError, match="nothing to pick"):
        pick(history([None]), {"loss": 1.0})
