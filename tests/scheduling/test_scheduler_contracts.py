"""Every scheduler holds the contract; and what does not is found out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from trialist.errors import StateError
from trialist.numerics.keys import Key
from trialist.protocols import Scheduler
from trialist.scheduling.halving import Halving
from trialist.scheduling.once import RunsOnce
from trialist.scheduling.schedulers import SCHEDULERS, scheduler_for
from trialist.testing import schedulers as kit
from trialist.testing.schedulers import SCHEDULER_CLAIMS
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Action, Decision, Promotion, Stage

MAKERS: dict[str, Callable[[], Scheduler]] = {
    **{name: partial(scheduler_for, name) for name in SCHEDULERS},
    "halving by promotion": partial(Halving, by="promotion"),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("claim", SCHEDULER_CLAIMS, ids=lambda claim: claim.__name__)
def test_scheduler(claim: Callable[[Callable[[], Scheduler]], None], name: str) -> None:
    claim(MAKERS[name])


class _GoesOn(RunsOnce):
    name = "goes on"

    def decide(self, history: History, report: Reported) -> Decision:
        return GO_ON


class Counts(_GoesOn):
    def __init__(self) -> None:
        self.asked = 0

    def decide(self, history: History, report: Reported) -> Decision:
        self.asked += 1
        return Decision(Action.STOP, "that is enough") if self.asked % 7 == 0 else GO_ON


class Mute(_GoesOn):
    def decide(self, history: History, report: Reported) -> Decision:
        is_late = report.step >= 3 and history[report.number].stage is not Stage.BASELINE
        return Decision(Action.STOP) if is_late else GO_ON


class Impartial(_GoesOn):
    def decide(self, history: History, report: Reported) -> Decision:
        return Decision(Action.STOP, "all the same")


class Low(_GoesOn):
    def start(self, history: History, key: Key) -> float | None:  # type: ignore[override]
        return 0.01


class Hasty(Halving):
    def resume(self, history: History, key: Key) -> Promotion | None:
        return Promotion(0, "again") if len(history) == 5 else super().resume(history, key)


class Faithless(Halving):
    def start(self, history: History, key: Key) -> float | None:
        return history.plan.fidelity.low if history.plan.fidelity else None

    def resume(self, history: History, key: Key) -> Promotion | None:
        return None


@pytest.mark.parametrize(
    ("make", "claim"),
    [
        (Counts, kit.a_fresh_one_agrees_with_a_long_lived_one),
        (Mute, kit.every_decision_says_why),
        (Impartial, kit.baseline_and_finalists_run_to_their_end),
        (Impartial, kit.the_best_trial_runs_to_its_end),
        (Low, kit.new_trials_begin_within_the_fidelity),
        (Hasty, kit.only_paused_trials_go_on_and_only_further),
        (Faithless, kit.a_study_comes_to_its_end_with_full_runs),
    ],
)
def test_a_scheduler_that_breaks_a_claim_is_found_out(
    make: Callable[[], Scheduler], claim: Callable[[Callable[[], Scheduler]], None]
) -> None:
    with pytest.raises((AssertionError, StateError)):  # the store finds some of it out itself
        claim(make)
