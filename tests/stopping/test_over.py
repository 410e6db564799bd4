"""What ends a study whatever rules it has: the budget, and failures in a row."""

from __future__ import annotations

from dataclasses import replace

from trialist.stopping.over import FAILURES, should_end
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.stopping import Stopping
from trialist.trials.trial import Cause, Failure, Stage, State, TrialRecord

UNLIMITED = replace(PLAN, budget=Budget())


def trials(states: str, cause: Cause = Cause.OBJECTIVE) -> History:
    """A history by letters: c complete, f failed, p preempted, r running."""
    records = []
    for number, letter in enumerate(states):
        state = {"c": State.COMPLETE, "r": State.RUNNING}.get(letter, State.FAILED)
        told = {"f": Failure(cause, f"boom {number}"), "p": Failure(Cause.PREEMPTED, "away")}
        records.append(TrialRecord(number, state, Stage.SEARCH, {}, "", "test", 0, failure=told.get(letter)))
    return History(UNLIMITED, MIXED, tuple(records))


def test_a_used_up_budget_ends_the_study_once_all_trials_are_closed() -> None:
    plan = replace(PLAN, budget=Budget(trials=3))
    assert should_end(trials("cc"), plan) is None
    assert should_end(trials("ccr"), plan) is None
    assert should_end(trials("cfc"), plan) == "the budget of 3 trials is used"
    assert should_end(trials("ccc"), replace(plan, stopping=Stopping.of("none"))) == "the budget of 3 trials is used"


def test_ten_failures_in_a_row_end_the_study_with_the_last_message() -> None:
    assert should_end(trials("c" + "f" * FAILURES), UNLIMITED) == (
        "the last 10 trials all failed, trial 10 so: boom 10"
    )
    assert should_end(trials("f" * (FAILURES - 1)), UNLIMITED) is None
    assert should_end(trials("f" * FAILURES + "c"), UNLIMITED) is None
    assert should_end(trials("f" * FAILURES + "rr"), UNLIMITED) is not None


def test_interruptions_count_neither_way() -> None:
    assert should_end(trials("p" * 50), UNLIMITED) is None
    assert should_end(trials("fffff" + "p" * 9 + "fffff"), UNLIMITED) is not None


def test_failures_before_a_repair_do_not_count() -> None:
    assert should_end(trials("f" * 15), UNLIMITED, since=6) is None
    assert should_end(trials("f" * 16), UNLIMITED, since=6) is not None


def test_without_stopping_rules_failures_go_on() -> None:
    assert should_end(trials("f" * 50), replace(UNLIMITED, stopping=Stopping.of("none"))) is None
