"""Population-based training: the worst give way to changed copies of the best, along one line of descent."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from trialist.errors import PlanError
from trialist.numerics.keys import Key
from trialist.scheduling.population import Population
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.testing.strategies import FORBIDDEN, MIXED, PLAN
from trialist.testing.training import Training
from trialist.trials.budget import Budget
from trialist.trials.plan import Plan
from trialist.trials.trial import Action, Proposal, Stage, State, TrialRecord

LENGTH = 20
UNLIMITED = replace(PLAN, budget=Budget())
RATE = Space(rate=Float(1e-3, 1.0, log=True, default=0.03))


def descend(record: TrialRecord, weight: Any) -> tuple[float, float]:
    """Steps of gradient descent on a hundred-fold curved parabola, where the best rate changes on the way."""
    x, step = weight or (1.0, 0)
    ideal = 0.5 if step < LENGTH / 2 else 0.05
    rate = record.params["rate"]
    x *= 0.6 + 0.4 * min(1.0, abs(rate - ideal) / ideal)
    return (x, step + 1), x


def played(population: Population, plan: Plan = UNLIMITED, trials: int = 60, **more: Any) -> Training:
    study = Training(plan, RATE, descend, LENGTH, trials, **more)
    study.play(population)
    return study


def fixed(number: int, seed: int) -> float:
    """What a run comes to that never changes its rate."""
    weight: Any = None
    record = TrialRecord(number, State.RUNNING, Stage.SEARCH, RATE.draw(Key(seed, number)), "", "", 0)
    for _ in range(LENGTH):
        weight, value = descend(record, weight)
    return value


@pytest.mark.parametrize("workers", [1, 3])
def test_a_population_beats_runs_of_the_same_cost_that_never_change(workers: int) -> None:
    ahead = []
    for seed in range(6):
        study = played(Population(size=8), replace(UNLIMITED, seed=seed), trials=30, workers=workers)
        best = min(r.loss for r in study.records if r.loss is not None and r.state is State.COMPLETE)
        others = min(fixed(number, seed) for number in range(round(study.steps / LENGTH)))
        ahead.append(math.log(others / best))
    assert np.mean(ahead) > 0.3
    assert study.records[0].state is State.COMPLETE  # the default is not a member, and runs in full


def test_a_copy_goes_on_where_its_parent_stood_and_says_what_it_changed() -> None:
    study = played(Population(size=6), trials=30)
    copies = [r for r in study.records if r.inherits is not None]
    assert len(copies) > 5
    for copy in copies:
        parent = study.records[copy.inherits or 0]
        begun = copy.reports[0].step
        assert begun in set(range(3, LENGTH + 1, 2))  # one after a look
        assert parent.reports[-1].step >= begun - 1
        assert copy.strategy == "population"
        assert f"goes on from trial {parent.number}'s checkpoint with rate " in copy.reason
        assert copy.params != parent.params


def test_for_each_one_that_is_stopped_there_is_one_copy_and_lines_of_descent_come_to_the_end() -> None:
    study = played(Population(size=6), trials=31)
    first = [r for r in study.records[1:] if r.inherits is None][:6]
    states = Counter(r.state for r in study.records)
    assert states[State.RUNNING] == states[State.PAUSED] == 0
    assert states[State.STOPPED] == sum(r.inherits is not None for r in study.records) > 3
    assert len(first) == 6

    def founder(record: TrialRecord) -> int:
        return record.number if record.inherits is None else founder(study.records[record.inherits])

    ends = {founder(r) for r in study.records if r.state is State.COMPLETE and r.number}
    assert ends <= {r.number for r in study.records if r.inherits is None}


def test_only_the_worst_quarter_is_stopped_and_only_the_best_are_copied() -> None:
    study = played(Population(size=8), trials=40)
    for record in study.records:
        if record.state is State.STOPPED:
            rank, _, of = record.stop_reason.removeprefix("rank ").split(" at ")[0].partition(" of ")
            assert int(rank) > 0.75 * int(of)
    parents = {r.inherits for r in study.records if r.inherits is not None}
    assert not any(study.records[n].state is State.STOPPED and len(study.records[n].reports) < 4 for n in parents)


def test_when_all_have_come_to_their_end_the_next_population_begins() -> None:
    study = played(Population(size=4, interval=0.25), trials=30)
    founders = [r for r in study.records[1:] if r.inherits is None]
    assert len(founders) >= 8
    for later in founders[4:8]:
        assert all(r.number < later.number for r in founders[:4])


def test_a_budget_of_trials_is_shared_with_copies_and_all_come_to_their_end() -> None:
    plan = replace(PLAN, budget=Budget(trials=12))
    study = played(Population(size=10), plan, trials=12)
    assert sum(r.inherits is None for r in study.records[1:]) <= 6
    assert all(r.state.is_closed for r in study.records)
    assert sum(r.state is State.COMPLETE for r in study.records) >= 5


def test_played_in_pieces_or_at_once_it_is_the_same() -> None:
    whole = played(Population(size=6), trials=25)
    study = Training(UNLIMITED, RATE, descend, LENGTH, 25)
    for until in range(7, whole.steps + 7, 7):
        study.play(Population(size=6), until)
    assert study.records == whole.records


def changed(population: Population, space: Space, params: dict[str, Any], number: int) -> dict[str, Any]:
    return population._changed(space, params, Key(0, number))


@pytest.mark.parametrize("space", [MIXED, FORBIDDEN])
def test_changes_are_legal_and_change_something(space: Space) -> None:
    for number in range(60):
        params = space.draw(Key(5, number))
        found = changed(Population(), space, params, number)
        assert space.check(found) == found != params


def test_numbers_move_a_tenth_of_their_own_axis_or_are_drawn_anew() -> None:
    space = Space(rate=Float(1e-4, 1.0, log=True), layers=Int(1, 3))
    params = {"rate": 1e-2, "layers": 2}
    found = [changed(Population(), space, params, n) for n in range(400)]
    moved = [f["rate"] for f in found if any(f["rate"] == pytest.approx(1e-2 * 10**e) for e in (0.4, -0.4))]
    assert 0.65 < len(moved) / len(found) < 0.85
    assert {f["layers"] for f in found} == {1, 2, 3}
    still = [changed(Population(resample=0.0), space, params, n) for n in range(50)]
    assert {f["layers"] for f in still} == {1, 3}


def test_only_named_dials_change_and_choices_change_only_by_being_drawn_anew() -> None:
    space = Space(rate=Float(0.0, 1.0), width=Int(8, 512, log=True), act=Categorical(["relu", "gelu", "tanh"]))
    params = {"rate": 1 / 3, "width": 77, "act": "gelu"}
    found = [changed(Population(dials=["rate"]), space, params, n) for n in range(100)]
    assert all((f["width"], f["act"]) == (77, "gelu") and f["rate"] != 1 / 3 for f in found)
    free = Counter(changed(Population(), space, params, n)["act"] for n in range(300))
    assert 0.72 < free["gelu"] / 300 < 0.94  # three quarters, and a third of the rest


def test_a_population_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(PlanError, match=r"size: 1 is not a whole number from 2 on"):
        Population(size=1)
    with pytest.raises(PlanError, match=r"interval: 1\.5 is no share\. Give a number between 0 and 1"):
        Population(interval=1.5)
    assert repr(Population(size=4)).startswith("Population(size=4, interval=0.1, exploit=0.25")


def test_a_failed_run_is_replaced_too() -> None:
    study = Training(UNLIMITED, RATE, descend, LENGTH, 30)
    study.play(Population(size=6), until=LENGTH + 30)
    victim = next(i for i, r in enumerate(study.records) if r.number and r.state is State.PAUSED)
    study.records[victim] = replace(study.records[victim], state=State.FAILED)
    further = Population(size=6).resume(study.history, Key(0, len(study.records)))
    assert isinstance(further, Proposal) and further.inherits != victim
    assert all(t.action is not Action.STOP for t in study.records[further.inherits or 0].course)
