"""CMA-ES as a strategy: a function of the history, on spaces of any kind, with workers that never wait."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from trialist.numerics.keys import Key
from trialist.search.cmaes import CMAES
from trialist.search.design import Random, baseline
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.testing.strategies import STRATEGY_CLAIMS
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Cause, Exhausted, Failure, Proposal, Report, Score, State, TrialRecord
from trialist.trials.validation import Folds

Params = Mapping[str, Any]
Loss = Callable[[Params], float | None]
Records = tuple[TrialRecord, ...]

PLAN = Plan("cmaes", (Objective("loss"),), seed=3)
LINES = Space({f"x{i}": Float(0.0, 1.0) for i in range(4)})
MIXED = Space(
    rate=Float(1e-4, 1.0, log=True),
    depth=Int(1, 30),
    width=Int(1, 1000, log=True),
    kind=Categorical(["a", "b", "c", "d"]),
    slope=Float(0.0, 1.0, when={"kind": ["b", "c"]}),
)


def bowl(params: Params) -> float:
    return sum((value - 0.3) ** 2 for value in params.values())


def mixed_bowl(params: Params) -> float:
    loss = math.log10(params["rate"] / 0.01) ** 2 + ((params["depth"] - 7) / 10) ** 2
    loss += (math.log(params["width"] / 50) / 3) ** 2 + {"a": 0.5, "b": 0.1, "c": 0.0, "d": 1.0}[params["kind"]]
    return loss + (params.get("slope", 0.0) - 0.9) ** 2


def record(number: int, proposal: Proposal, loss: float | None, **more: Any) -> TrialRecord:
    state = State.FAILED if loss is None else State.COMPLETE
    metrics = {} if loss is None else {"loss": Score((loss,))}
    known = TrialRecord(
        number, state, proposal.stage, proposal.params, proposal.reason, proposal.strategy, 0, metrics=metrics
    )
    return replace(known, loss=loss, **more)


def study(space: Space, loss: Loss, trials: int, workers: int = 1, seed: int = 3, before: Records = ()) -> Records:
    """A study told in a random order, as many at once as there are workers."""
    strategy, rng, records = CMAES(), np.random.default_rng(seed), list(before)
    running: list[tuple[int, Proposal]] = []
    for number in range(len(records), trials):
        history = History(PLAN, space, tuple(records))
        proposal = strategy.propose(history, Key(seed, number)) if number else baseline(space)
        assert isinstance(proposal, Proposal)
        records.append(replace(record(number, proposal, None), state=State.RUNNING))
        running.append((number, proposal))
        if len(running) == workers:
            at, done = running.pop(int(rng.integers(workers)))
            records[at] = record(at, done, loss(done.params))
    return tuple(records)


def best(records: Records) -> float:
    return min(r.loss for r in records if r.loss is not None)


@pytest.mark.parametrize("claim", STRATEGY_CLAIMS, ids=lambda claim: claim.__name__)
def test_strategy(claim: Callable[[Callable[[], CMAES]], None]) -> None:
    claim(CMAES)


@pytest.mark.parametrize("workers", [1, 6])
def test_it_finds_the_optimum_of_a_bowl(workers: int) -> None:
    assert best(study(LINES, bowl, 500, workers)) < 1e-5


@pytest.mark.parametrize("workers", [1, 6])
def test_it_finds_the_optimum_of_a_mixed_space_with_conditions(workers: int) -> None:
    records = study(MIXED, mixed_bowl, 400, workers)
    assert best(records) < 0.01
    late = [r.params["kind"] for r in records[-100:]]
    assert late.count("c") > 50


def test_an_optimum_in_a_corner_is_met() -> None:
    assert best(study(LINES, lambda p: sum(p.values()), 500)) < 1e-3


@pytest.mark.parametrize("space", [LINES, MIXED])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_fresh_one_agrees_with_one_that_saw_every_moment(space: Space, workers: int) -> None:
    loss: Loss = bowl if space is LINES else mixed_bowl
    records = study(space, loss, 60, workers)
    for number in range(30, 60):
        seen = tuple(
            r if r.number < number - workers else replace(r, state=State.RUNNING, loss=None, metrics={})
            for r in records[:number]
        )
        if workers == 1:  # then the last one was told
            seen = records[:number]
            again = CMAES().propose(History(PLAN, space, seen), Key(3, number))
            assert isinstance(again, Proposal)
            assert again.params == records[number].params
        long_lived = CMAES()
        for end in range(1, number + 1):
            long_lived.propose(History(PLAN, space, seen[:end]), Key(3, end))
        now = History(PLAN, space, seen)
        assert long_lived.propose(now, Key(3, number)) == CMAES().propose(now, Key(3, number))


def test_a_slow_trial_told_late_leads_where_a_fresh_one_is() -> None:
    records, slow = study(LINES, bowl, 80), 5
    waiting = replace(records[slow], state=State.RUNNING, loss=None, metrics={})
    strategy = CMAES()
    without = strategy.propose(History(PLAN, LINES, (*records[:slow], waiting, *records[slow + 1 :])), Key(3, 80))
    told = strategy.propose(History(PLAN, LINES, records), Key(3, 80))
    assert told == CMAES().propose(History(PLAN, LINES, records), Key(3, 80))
    assert told != without


def test_scores_count_by_rank_alone() -> None:
    records = study(LINES, bowl, 60)
    bent = tuple(replace(r, loss=math.exp(5 * (r.loss or 0.0)) - 7) for r in records)
    key = Key(3, 60)
    assert CMAES().propose(History(PLAN, LINES, records), key) == CMAES().propose(History(PLAN, LINES, bent), key)


def test_failures_rank_last_and_faults_of_the_machine_do_not_count() -> None:
    def half(params: Params) -> float | None:
        return None if params["x0"] > 0.45 else bowl(params)

    records = study(LINES, half, 300)
    late = records[200:]
    assert sum(r.loss is None for r in late) < 0.3 * len(late)
    assert best(records) < 1e-3
    lost = Failure(Cause.INFRASTRUCTURE, "the machine went away")
    some = tuple(replace(r, failure=lost) if r.state is State.FAILED else r for r in records[:100])
    kept = tuple(r for r in some if r.failure is None)
    now = CMAES().propose(History(PLAN, LINES, some), Key(3, 100))
    assert now == CMAES().propose(History(PLAN, LINES, kept), Key(3, 100))


def test_measured_constraints_come_before_the_loss() -> None:
    strategy, records = CMAES(), [record(0, baseline(LINES), bowl(LINES.baseline()))]
    for number in range(1, 300):
        proposal = strategy.propose(History(PLAN, LINES, tuple(records)), Key(3, number))
        assert isinstance(proposal, Proposal)
        over = 0.6 - proposal.params["x0"]  # the bowl's optimum at 0.3 breaks it
        records.append(record(number, proposal, bowl(proposal.params), constraints={"memory": over}))
    late = [r for r in records[200:] if r.is_feasible]
    assert len(late) > 30
    assert min(r.loss or 0.0 for r in records[1:] if r.is_feasible) == pytest.approx(0.09, abs=0.01)


def test_a_warm_start_begins_round_the_best_of_others() -> None:
    draws, records = Random(), [record(0, baseline(LINES), bowl(LINES.baseline()))]
    for number in range(1, 60):
        proposal = draws.propose(History(PLAN, LINES, tuple(records)), Key(3, number))
        assert isinstance(proposal, Proposal)
        records.append(record(number, proposal, bowl(proposal.params)))

    def first(past: History) -> np.ndarray:
        proposals = [CMAES().propose(past, Key(seed, 60)) for seed in range(40)]
        return np.array([list(p.params.values()) for p in proposals if isinstance(p, Proposal)])

    few, enough = first(History(PLAN, LINES, tuple(records[:10]))), first(History(PLAN, LINES, tuple(records)))
    good = sorted(records, key=lambda r: r.loss or 0.0)[:6]
    centre = np.mean([list(r.params.values()) for r in good], axis=0)
    assert np.abs(enough.mean(axis=0) - centre).max() < 0.1
    assert np.abs(few.mean(axis=0) - 0.5).max() < 0.15  # too few: widely round the default
    earlier = History(PLAN, LINES, tuple(records[:1]), (History(PLAN, LINES, tuple(records)),))
    assert np.abs(first(earlier).mean(axis=0) - centre).max() < 0.15


def test_known_constraints_hold_and_say_how_often_they_were_met() -> None:
    space = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0), require=["x + y < 0.5"])
    records = study(space, lambda p: -p["x"] - p["y"], 120)
    assert all(space.allows(r.params) for r in records)
    assert best(records) < -0.49


def test_choices_alone_are_searched_without_repeats() -> None:
    space = Space({f"c{i}": Categorical(range(5)) for i in range(6)})
    records = study(space, lambda p: float(sum(value != 2 for value in p.values())), 250)
    assert best(records) == 0.0
    assert len({space.identity(r.params) for r in records}) == 250


def test_it_restarts_once_a_run_has_nothing_left_to_find() -> None:
    line = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
    records = study(line, bowl, 700, workers=4)
    before = [r for r in records if "CMA-ES run 1" in r.reason][-20:]
    begun = [r for r in records if "run 2 begins anew" in r.reason]

    def spread(some: list[TrialRecord]) -> float:
        return float(np.ptp([list(r.params.values()) for r in some], axis=0).min())

    assert len(begun) >= 12  # a population of twice six, and what the workers took on top
    assert spread(before) < 1e-3 < 0.3 < spread(begun)


def test_what_still_ran_at_a_restart_is_no_part_of_the_next_run() -> None:
    line = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
    records = study(line, bowl, 700)
    end = next(r.number for r in records if "run 2 begins anew" in r.reason)
    one = replace(records[end], params={"x": 0.3 + 1e-7, "y": 0.3 - 1e-7}, loss=0.0)
    late = tuple(replace(one, number=end + i) for i in range(30))  # enough for two generations of the next run
    now = CMAES().propose(History(PLAN, line, (*records[:end], *late)), Key(3, end + 30))
    assert isinstance(now, Proposal)
    assert "run 2 begins anew" in now.reason


def test_a_whole_number_is_left_now_and_then_however_far_the_others_have_settled() -> None:
    space = Space(n=Int(1, 30), **dict(LINES.items()))
    records = study(space, lambda p: (p["n"] - 9) ** 2 + bowl({k: p[k] for k in LINES}), 450)
    late = records[-150:]
    assert np.median([abs(r.params["x0"] - 0.3) for r in late]) < 0.02
    assert {9} < {r.params["n"] for r in late} <= {8, 9, 10}  # without a floor, 9 alone


def test_a_space_may_grow_or_lose_a_choice_on_the_way() -> None:
    records = study(MIXED, mixed_bowl, 60)
    wider = MIXED.with_parameter("extra", Float(0.0, 1.0, default=0.0))
    dials = {**dict(MIXED.items()), "kind": Categorical(["b", "c"])}
    for space in (wider, Space(dials)):
        proposal = CMAES().propose(History(PLAN, space, records), Key(3, 60))
        assert isinstance(proposal, Proposal)
        assert space.check(proposal.params) == proposal.params


def test_an_empty_space_waits_for_the_objective() -> None:
    proposal = CMAES().propose(History(PLAN, Space()), Key(0, 1))
    assert not isinstance(proposal, Exhausted)
    assert proposal.params == {}


def test_of_folds_the_mean_counts_and_of_a_curve_its_last_value() -> None:
    def raced(records: Records, turned: bool) -> Records:
        """Every second trial was stopped after two folds, of which the second is the telling one, or the first."""
        found = []
        for each in records:
            if each.number % 2 and each.loss is not None:
                values = (each.loss, 1.0) if turned else (1.0, each.loss)
                reports = tuple(Report(step, value) for step, value in enumerate(values, start=1))
                each = replace(each, state=State.STOPPED, loss=None, metrics={}, reports=reports)
            found.append(each)
        return tuple(found)

    records, key = study(LINES, bowl, 40), Key(3, 40)
    folded = replace(PLAN, validation=Folds(5))

    def proposed(plan: Plan, turned: bool) -> Any:
        return CMAES().propose(History(plan, LINES, raced(records, turned)), key)

    assert proposed(folded, False) == proposed(folded, True)
    assert proposed(PLAN, False) != proposed(PLAN, True)
