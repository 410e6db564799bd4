"""What the end of a run comes to, by its fidelity and what a scheduler says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trialist.study.ending import ended, ruling
from trialist.testing.strategies import PLAN
from trialist.trials.fidelity import Fidelity
from trialist.trials.messages import Decided, Finished, Reported
from trialist.trials.trial import GO_ON, Action, Decision, Stage, State, Taken, TrialRecord

EPOCHS = replace(PLAN, fidelity=Fidelity("epochs", 1, 9))
STOP, PAUSE = Decision(Action.STOP, "rank 9 of 9"), Decision(Action.PAUSE, "a rung")
MARKED = Decision(Action.GO_ON, "rank 1 of 9")


def running(fidelity: float | None = 3, **given: object) -> TrialRecord:
    record = TrialRecord(4, State.RUNNING, Stage.SEARCH, {}, "", "", 0, fidelity=fidelity)
    return replace(record, **given)  # type: ignore[arg-type]


def end(**given: object) -> Finished:
    return replace(Finished(4, 0, {"loss": (1.0, 2.0), "acc": (0.5,)}, seconds=1.0), **given)  # type: ignore[arg-type]


def never(report: Reported) -> Decision:
    raise AssertionError("nobody is to be asked")


@pytest.mark.parametrize(
    ("decision", "state", "reason"),
    [
        (GO_ON, State.PAUSED, "it was to run to 3 of 9 epochs"),
        (MARKED, State.PAUSED, "it was to run to 3 of 9 epochs"),
        (PAUSE, State.PAUSED, "a rung"),
        (STOP, State.STOPPED, "rank 9 of 9"),
    ],
)
def test_a_cheap_run_reports_its_score_at_its_fidelity_and_does_not_complete(
    decision: Decision, state: State, reason: str
) -> None:
    asked: list[Reported] = []

    def decide(report: Reported) -> Decision:
        asked.append(report)
        return decision

    report, *decided, finished = ended(EPOCHS, running(), end(since=1), decide)
    assert asked == [report] == [Reported(4, 0, 3, 1.5, {"acc": 0.5}, since=1)]
    assert isinstance(finished, Finished) and (finished.state, finished.reason) == (state, reason)
    kept = [] if decision == GO_ON else [Decided(4, 0, Taken(3, decision.action, decision.reason))]
    assert decided == kept


def test_what_was_reported_at_the_fidelity_already_is_not_reported_again() -> None:
    (finished,) = ended(EPOCHS, running(), end(since=3), never)
    assert isinstance(finished, Finished) and finished.state is State.PAUSED


def test_a_full_run_reports_at_its_end_and_is_complete_whatever_a_scheduler_would_say() -> None:
    report, finished = ended(EPOCHS, running(9), end(since=0), never)
    assert isinstance(report, Reported) and report.step == 9
    assert finished == end(since=0)


def test_without_a_fidelity_a_run_ends_as_it_is() -> None:
    assert ended(PLAN, running(None), end(), never) == (end(),)


@pytest.mark.parametrize(("action", "state"), [(Action.PAUSE, State.PAUSED), (Action.STOP, State.STOPPED)])
@pytest.mark.parametrize("plan", [PLAN, EPOCHS])
def test_a_halt_on_the_way_is_what_its_run_ends_as(action: Action, state: State, plan: object) -> None:
    halted = running(9, course=(Taken(2, action, "as ruled"),))
    (finished,) = ended(plan, halted, end(since=2), never)  # type: ignore[arg-type]
    assert isinstance(finished, Finished) and (finished.state, finished.reason) == (state, "as ruled")


def test_a_halt_from_before_a_promotion_does_not_count() -> None:
    record = running(9, course=(Taken(3, Action.PAUSE, "a rung"), Taken(3, Action.RESUME, "the best")))
    assert ended(EPOCHS, record, end(since=9), never) == (end(since=9),)


def test_a_decision_is_kept_where_it_halts_or_has_a_reason() -> None:
    report = Reported(4, 0, 2, 0.5)
    for decision in (GO_ON, MARKED, PAUSE, STOP):
        found, decided = ruling(EPOCHS, running(), report, lambda report, it=decision: it)  # type: ignore[misc]
        assert found == decision
        assert decided == (() if decision == GO_ON else (Decided(4, 0, Taken(2, decision.action, decision.reason)),))


def test_a_halt_that_stands_is_not_taken_back() -> None:
    record = running(course=(Taken(2, Action.STOP, "rank 9 of 9"),))
    assert ruling(EPOCHS, record, Reported(4, 0, 3, 0.0), never) == (STOP, ())


@pytest.mark.parametrize(
    "record", [running(stage=Stage.BASELINE), running(stage=Stage.SELECT), running(repeats=2)], ids=lambda r: r.stage
)
def test_what_others_are_measured_against_is_never_asked_about(record: TrialRecord) -> None:
    assert ruling(EPOCHS, record, Reported(4, 0, 2, 9.0), never) == (GO_ON, ())


def test_a_run_that_has_come_to_its_end_is_not_asked_about() -> None:
    assert ruling(PLAN, running(None), Reported(4, 0, 81, 9.0, of=81), never) == (GO_ON, ())
    assert ruling(PLAN, running(None, length=81), Reported(4, 0, 81, 9.0), never) == (GO_ON, ())
    assert ruling(EPOCHS, running(9), Reported(4, 0, 9, 9.0), never) == (GO_ON, ())
    assert ruling(PLAN, running(None, length=81), Reported(4, 0, 80, 9.0), lambda report: STOP)[0] == STOP
