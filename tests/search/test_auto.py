"""`auto`: which strategy when, that it may be another one further on, and that each change is told once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.numerics.keys import Key
from trialist.search import auto
from trialist.search.auto import Auto, course, main_course, outlook, turn
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Proposal, Score, Stage, State, TrialRecord

NUMBERS = Space({f"x{i}": Float(0.0, 1.0) for i in range(4)})
MIXED = Space(
    rate=Float(1e-4, 1.0, log=True),
    solver=Categorical(["adam", "sgd"]),
    act=Categorical(["relu", "tanh"]),
    momentum=Float(0.0, 0.99, when={"solver": "sgd"}),
)
TWELVE = Space(layers=Int(1, 3), act=Categorical(["relu", "tanh"]), bias=Categorical([True, False]))


def plan(budget: Budget | int | None, objectives: int = 1) -> Plan:
    return Plan("auto", tuple(Objective(f"loss {i}") for i in range(objectives)), Budget.of(budget))


def history(count: int, seconds: float, budget: Budget | int | None, strategy: str = "gp") -> History:
    """That many trials of some seconds each, all but the baseline signed by the strategy."""
    records = [
        TrialRecord(
            n,
            State.COMPLETE,
            Stage.SEARCH if n else Stage.BASELINE,
            MIXED.draw(Key(0, n)),
            "drawn",
            strategy if n else "baseline",
            n,
            metrics={"loss 0": Score((float(n % 7),))},
            loss=float(n % 7),
            seconds=seconds,
        )
        for n in range(count)
    ]
    return History(plan(budget), MIXED, tuple(records))


@pytest.mark.parametrize(
    ("space", "asked", "workers", "seconds", "at_first", "mostly"),
    [
        pytest.param(Space(), plan(60), 1, None, "random", "random", id="no dial yet"),
        pytest.param(TWELVE, plan(60), 1, None, "grid", "grid", id="finite"),
        pytest.param(TWELVE, plan(None), 1, None, "grid", "grid", id="finite, no limit"),
        pytest.param(TWELVE, plan(11), 1, None, "gp", "gp", id="finite, too many"),
        pytest.param(NUMBERS, plan(8), 8, None, "sobol", "sobol", id="all at once"),
        pytest.param(NUMBERS, plan(60), 8, None, "gp", "gp", id="some at once"),
        pytest.param(NUMBERS, plan(60), 1, None, "gp", "gp", id="few"),
        pytest.param(NUMBERS, plan(60), 1, 0.001, "gp", "gp", id="few and fast"),
        pytest.param(NUMBERS, plan(600), 1, 0.001, "cmaes", "cmaes", id="many and fast"),
        pytest.param(NUMBERS, plan(900), 1, 60.0, "gp", "gp", id="many and slow"),
        pytest.param(MIXED, plan(5000), 1, 0.001, "gp", "tpe", id="many, mixed"),
        pytest.param(MIXED, plan(900), 1, 60.0, "gp", "gp", id="many and slow, mixed"),
        pytest.param(MIXED, plan(5000), 1, 60.0, "gp", "tpe", id="very many, mixed"),
        pytest.param(NUMBERS, plan(5000), 1, 60.0, "cmaes", "cmaes", id="very many"),
        pytest.param(NUMBERS, plan(100, 2), 1, None, "gp", "gp", id="a front"),
        pytest.param(NUMBERS, plan(1000, 2), 1, None, "gp", "evolution", id="a long front"),
        pytest.param(
            Space({f"x{i}": Float(0.0, 1.0) for i in range(101)}), plan(60), 1, None, "tpe", "tpe", id="many dials"
        ),
        pytest.param(Space(word=Categorical(range(301))), plan(60), 1, None, "tpe", "tpe", id="many choices"),
        pytest.param(NUMBERS, plan(None), 1, None, "gp", "gp", id="no limit"),
        pytest.param(
            NUMBERS, plan(Budget(trials=10_000, minutes=5)), 4, None, "cmaes", "cmaes", id="a time that 0.12 s fit in"
        ),
        pytest.param(
            NUMBERS, plan(Budget(trials=10_000, seconds=30)), 1, None, "cmaes", "cmaes", id="a time that 3 ms fit in"
        ),
    ],
)
def test_what_suits_which_study(
    space: Space, asked: Plan, workers: int, seconds: float | None, at_first: str, mostly: str
) -> None:
    expected = outlook(asked, space, workers, seconds)
    assert course(expected, 0).strategy == at_first
    found = main_course(expected)
    assert found.strategy == mostly
    assert found.why.strip()


def test_many_workers_make_trials_faster_than_proposals() -> None:
    alone, many = (main_course(outlook(plan(5000), MIXED, workers, 0.2)) for workers in (1, 32))
    assert "beyond" in alone.why
    assert "faster than gp's proposals" in many.why


@given(
    done=st.integers(0, 5000),
    trials=st.none() | st.integers(20, 5000),
    seconds=st.none() | st.floats(1e-4, 1e3),
    limit=st.none() | st.floats(1.0, 1e5),
    workers=st.integers(1, 64),
    objectives=st.integers(1, 3),
)
def test_once_gp_is_left_it_stays_left(
    done: int, trials: int | None, seconds: float | None, limit: float | None, workers: int, objectives: int
) -> None:
    asked = plan(Budget(trials=trials, seconds=limit), objectives)
    expected = outlook(asked, NUMBERS, workers, seconds)
    now, later = course(expected, done), course(expected, done + 1)
    assert later.strategy == now.strategy or now.strategy == "gp"
    assert ": " not in now.why, "this would end the sentence in which a change is told"


def test_what_gp_costs_grows() -> None:
    costs = [auto.cost_of_proposal(n) for n in range(3000)]
    assert costs == sorted(costs)
    assert costs[0] > 0


def test_gp_gets_its_patience_of_fast_trials_and_no_more() -> None:
    until = outlook(plan(5000), NUMBERS, 1, 0.001).affordable
    spent = sum(auto.cost_of_proposal(n) for n in range(until))
    assert spent == pytest.approx(auto.PATIENCE, rel=0.05)
    short = outlook(plan(Budget(trials=5000, seconds=20)), NUMBERS, 1, 0.001).affordable
    assert sum(auto.cost_of_proposal(n) for n in range(short)) == pytest.approx(20 * auto.PATIENT_SHARE, rel=0.2)


def test_a_change_of_course_is_told_once() -> None:
    strategy, before = Auto(), history(400, 0.001, 5000)
    first = strategy.propose(before, Key(0, 400))
    assert isinstance(first, Proposal)
    assert first.strategy == "tpe"
    assert first.reason.startswith("from here on tpe, since trials are faster than gp's proposals")
    record = replace(before.records[-1], number=400, strategy=first.strategy, reason=first.reason, params=first.params)
    told = turn(record)
    assert told is not None
    assert first.reason.startswith(f"{told}: ")
    second = strategy.propose(History(before.plan, MIXED, (*before.records, record)), Key(0, 401))
    assert isinstance(second, Proposal)
    assert second.strategy == "tpe"
    assert not second.reason.startswith("from here on")
    assert turn(before.records[-1]) is None
    assert turn(replace(record, strategy="enqueued")) is None


def test_it_is_the_time_of_late_trials_that_counts() -> None:
    early, late = history(400, 0.001, 5000), history(460, 30.0, 5000)
    mixed = History(early.plan, MIXED, (*early.records, *late.records[400:]))
    assert Auto().course(early).strategy == "tpe"
    assert Auto().course(mixed).strategy == "gp"
    turned = History(early.plan, MIXED, tuple(reversed(mixed.records)))
    assert Auto().course(turned) == Auto().course(mixed)


def test_it_goes_back_to_gp_for_clearly_slower_trials_only() -> None:
    each = auto.cost_of_proposal(700)
    assert Auto().course(history(700, 1.5 * each, 5000, "tpe")).strategy == "tpe"
    assert Auto().course(history(700, 1.5 * each, 5000, "gp")).strategy == "gp"
    assert Auto().course(history(700, 9 * each, 5000, "tpe")).strategy == "gp"


def test_a_fresh_one_agrees_with_a_long_lived_one_through_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "HORIZON", 12)
    long_lived, whole = Auto(), history(12, 1.0, 60)
    signed = []
    for number in range(12, 40):
        proposal = long_lived.propose(whole, Key(0, number))
        assert isinstance(proposal, Proposal)
        assert proposal == Auto().propose(whole, Key(0, number))
        signed.append(proposal.strategy)
        record = replace(
            whole.records[-1], number=number, params=proposal.params, strategy=proposal.strategy, reason=proposal.reason
        )
        whole = History(whole.plan, MIXED, (*whole.records, record))
    assert set(signed) == {"tpe"}
    assert [turn(r) is not None for r in whole.records[12:]] == [True, *[False] * 27]
