"""What any strategy must hold, as claims: functions that raise AssertionError where one is broken.

```python
@pytest.mark.parametrize("claim", STRATEGY_CLAIMS, ids=lambda claim: claim.__name__)
def test_my_strategy(claim):
    claim(MyStrategy)                   # anything that makes a fresh strategy
```
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from trialist.numerics.keys import Key
from trialist.protocols import Strategy
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Exhausted, Proposal, Score, Stage, State, TrialRecord

StrategyMaker = Callable[[], Strategy]

PLAN = Plan("contract", (Objective("loss"),), Budget(trials=24), seed=7)

MIXED = Space(
    learning_rate=Float(1e-4, 1e-1, log=True, default=1e-3),
    hidden=Int(16, 256, log=True),
    solver=Categorical(["adam", "sgd"], default="adam"),
    momentum=Float(0.0, 0.99, default=0.9, when={"solver": "sgd"}),
)
FINITE = Space(
    layers=Int(1, 3),
    solver=Categorical(["adam", "sgd"]),
    momentum=Categorical([0.0, 0.5, 0.9], when={"solver": "sgd"}),
)
FORBIDDEN = Space(batch=Int(1, 64), rate=Float(0.0, 1.0), forbid=["batch > 16 and rate > 0.25"])
SPACES = (MIXED, FINITE, FORBIDDEN)


def every_proposal_is_legal(make: StrategyMaker) -> None:
    for space in SPACES:
        for proposal in _proposals(make(), space):
            assert space.check(proposal.params) == dict(proposal.params), f"{proposal.params} is not in {space}"


def every_proposal_says_why(make: StrategyMaker) -> None:
    """And is signed by its strategy's name, or by one of its `names` where it delegates to others."""
    strategy = make()
    names = (strategy.name, *getattr(strategy, "names", ()))
    for space in SPACES:
        for proposal in _proposals(strategy, space):
            assert proposal.reason.strip(), f"no reason is given for {proposal.params}"
            assert proposal.strategy in names, f"{strategy.name!r} signs as {proposal.strategy!r}"
            assert proposal.stage in (Stage.SEARCH, Stage.REFINE), f"a strategy cannot open stage {proposal.stage}"


def a_fresh_one_agrees_with_a_long_lived_one(make: StrategyMaker) -> None:
    for space in SPACES:
        long_lived, records = make(), played(make(), space, 16).records
        for number in range(1, len(records) + 1):
            history, key = History(PLAN, space, records[:number]), Key(PLAN.seed, number)
            assert long_lived.propose(history, key) == make().propose(history, key), f"they differ at trial {number}"


def a_strategy_may_move_between_studies(make: StrategyMaker) -> None:
    strategy = make()
    for seed in (1, 2, 1):
        for space in SPACES:
            history, key = played(make(), space, 5, seed), Key(seed, 5)
            assert strategy.propose(history, key) == make().propose(history, key), "it carries something over"


def the_same_key_proposes_the_same(make: StrategyMaker) -> None:
    for space in SPACES:
        strategy, history = make(), played(make(), space, 5)
        first, other, again = (strategy.propose(history, Key(PLAN.seed, number)) for number in (5, 6, 5))
        assert first == again, f"{first} and {again} for one key, with {other} in between"


def the_order_of_records_does_not_matter(make: StrategyMaker) -> None:
    for space in SPACES:
        history, key = played(make(), space, 6), Key(PLAN.seed, 6)
        turned = History(PLAN, space, tuple(reversed(history.records)))
        assert make().propose(history, key) == make().propose(turned, key), "the order of the records matters"


def a_discrete_space_is_finished_without_repeats(make: StrategyMaker) -> None:
    size = FINITE.size
    assert size is not None
    strategy = make()
    history = played(strategy, FINITE, size + 3)
    tried = [FINITE.identity(record.params) for record in history]
    assert len(set(tried)) == len(tried), "a configuration came up twice"
    assert len(tried) == size, f"{len(tried)} of {size} configurations were tried"
    end = strategy.propose(history, Key(PLAN.seed, size))
    assert isinstance(end, Exhausted), f"{end} is proposed in a finished space"
    assert end.reason.strip(), "no reason is given for the end"


def what_still_runs_is_not_proposed_again(make: StrategyMaker) -> None:
    running: tuple[TrialRecord, ...] = ()
    strategy = make()
    for number in range(FINITE.size or 0):
        proposal = strategy.propose(History(PLAN, FINITE, running), Key(PLAN.seed, number))
        assert isinstance(proposal, Proposal), f"it ends after {number} running trials: {proposal}"
        running += (replace(_record(number, proposal, None), state=State.RUNNING),)
    assert len({FINITE.identity(record.params) for record in running}) == len(running), "a running one came up again"


def violated_constraints_are_evidence_and_no_end(make: StrategyMaker) -> None:
    for space in SPACES:
        for values in ((1.0, math.nan, math.inf), (1.0, -1.0, -math.inf, 1e300)):
            played_before = played(make(), space, 9)
            measured = [replace(r, constraints={"ms": values[r.number % len(values)]}) for r in played_before]
            history, key = History(PLAN, space, tuple(measured)), Key(PLAN.seed, 9)
            proposal = make().propose(history, key)
            assert isinstance(proposal, Proposal), f"it ends after nine trials with constraints: {proposal}"
            assert space.check(proposal.params) == dict(proposal.params), f"{proposal.params} is not in {space}"
            tried = {space.identity(r.params) for r in history}
            assert space.identity(proposal.params) not in tried, f"{proposal.params} came up twice"


STRATEGY_CLAIMS: Sequence[Callable[[StrategyMaker], None]] = (
    every_proposal_is_legal,
    every_proposal_says_why,
    a_fresh_one_agrees_with_a_long_lived_one,
    a_strategy_may_move_between_studies,
    the_same_key_proposes_the_same,
    the_order_of_records_does_not_matter,
    a_discrete_space_is_finished_without_repeats,
    what_still_runs_is_not_proposed_again,
    violated_constraints_are_evidence_and_no_end,
)


def played(strategy: Strategy, space: Space, trials: int, seed: int = PLAN.seed) -> History:
    """A study of at most `trials` trials, the baseline first, each scored by where it lies; every seventh one fails."""
    plan = replace(PLAN, seed=seed)
    records: tuple[TrialRecord, ...] = ()
    first = Proposal(space.baseline(), "the baseline", "baseline", Stage.BASELINE)
    for number in range(trials):
        proposal = first if number == 0 else strategy.propose(History(plan, space, records), Key(seed, number))
        if isinstance(proposal, Exhausted):
            break
        loss = sum((u - 0.3) ** 2 for u in space.encode(proposal.params))
        records = (*records, _record(number, proposal, None if number % 7 == 6 else loss))
    return History(plan, space, records)


def _record(number: int, proposal: Proposal, loss: float | None) -> TrialRecord:
    return TrialRecord(
        number=number,
        state=State.FAILED if loss is None else State.COMPLETE,
        stage=proposal.stage,
        params=proposal.params,
        reason=proposal.reason,
        strategy=proposal.strategy,
        seed=number,
        metrics={} if loss is None else {"loss": Score((loss,))},
        loss=loss,
    )


def _proposals(strategy: Strategy, space: Space) -> list[Proposal]:
    history = played(strategy, space, 16)
    asked = (strategy.propose(history, Key(PLAN.seed, number)) for number in range(len(history), len(history) + 4))
    told = [Proposal(r.params, r.reason, r.strategy, r.stage) for r in history if r.stage is not Stage.BASELINE]
    return [*told, *(proposal for proposal in asked if isinstance(proposal, Proposal))]
