"""What a store must do with one trial: open it, keep what is told about it, free it when its owner is dead."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

from trialist.errors import LeaseLostError, StateError, UnknownStudyError
from trialist.protocols import Owner, Store
from trialist.space.number import Float
from trialist.testing.example_study import (
    ME,
    OTHER,
    PLAN,
    StoreChecks,
    failed,
    finished,
    opened,
    proposed,
    raises,
)
from trialist.trials.foretold import Foretold
from trialist.trials.messages import Declared, Failed, Finished, Noted, Reported
from trialist.trials.run import Run
from trialist.trials.trial import Cause, Exhausted, Failure, Proposal, Report, Stage, State, TrialRecord


class TrialChecks(StoreChecks):
    """Opening, telling, leases."""

    # Opening trials

    def test_a_trial_keeps_what_was_proposed_and_why(self) -> None:
        params = {"lr": 0.1 + 0.2, "act": "tanh", "shape": (1, 1.0, True), "nan": math.inf, "big": 2**80}
        proposal = Proposal(params, "near the best", "tpe", Stage.REFINE, seed=11, repeats=0)
        with self.study() as store:
            record = store.open_trial("digits", ME, lambda number: proposal, at=2.0)
            assert isinstance(record, TrialRecord)
            assert (record.number, record.state, record.opened_at) == (0, State.RUNNING, 2.0)
            assert (record.reason, record.strategy, record.stage) == ("near the best", "tpe", Stage.REFINE)
            assert (record.seed, record.repeats) == (11, 0)
            (kept,) = store.changes("digits").records
            assert kept == record and repr(kept.params) == repr(params)

    def test_seeds_are_keyed_by_the_trials_number(self) -> None:
        with self.study() as one, self.study() as another:
            seeds = [opened(one, ME).seed for _ in range(3)]
            assert seeds == [opened(another, OTHER).seed for _ in range(3)]
            assert len(set(seeds)) == 3

    def test_propose_sees_its_number_and_all_that_was_opened_before(self) -> None:
        seen: list[tuple[int, int]] = []
        with self.study() as store:

            def propose(number: int) -> Proposal:
                seen.append((number, len(store.changes("digits").records)))
                return Proposal({"lr": 0.1}, "again", "fixed")

            for _ in range(3):
                store.open_trial("digits", ME, propose, at=2.0)
        assert seen == [(0, 0), (1, 1), (2, 2)]

    def test_a_failing_proposal_leaves_nothing_behind(self) -> None:
        def fails(number: int) -> Proposal:
            raise OSError(f"no proposal {number}")

        with self.study() as store:
            with raises(OSError, "no proposal 0"):
                store.open_trial("digits", ME, fails, at=2.0)
            assert store.load_study("digits").trials == 0
            assert opened(store, ME).number == 0

    def test_writing_while_proposing_is_refused(self) -> None:
        with self.study() as store:

            def writes(number: int) -> Proposal:
                store.enqueue(PLAN.name, [proposed(number)], at=2.0)
                return proposed(number)

            with raises(StateError, "propos"):
                store.open_trial("digits", ME, writes, at=2.0)
            assert store.load_study("digits").trials == 0

    def test_an_exhausted_strategy_opens_nothing_but_what_waits(self) -> None:
        done = Exhausted("all 4 configurations were tried")
        with self.study() as store:
            assert store.open_trial("digits", ME, lambda number: done, at=2.0) == done
            opened(store, ME)
            assert store.open_trial("digits", ME, lambda number: done, at=2.0) == done
            assert store.load_study("digits").trials == 1
            store.enqueue("digits", [proposed(5)], at=2.0)
            assert isinstance(store.open_trial("digits", ME, lambda number: done, at=2.0), TrialRecord)

    def test_what_is_queued_is_taken_first_in_order_and_once(self) -> None:
        with self.study() as store:
            assert store.enqueue("digits", [proposed(7), proposed(8)], at=1.5) == (0, 1)
            assert [record.state for record in store.changes("digits").records] == [State.WAITING] * 2
            records = [opened(store, ME), opened(store, OTHER), opened(store, ME)]
            assert [record.params["lr"] for record in records] == [7.0, 8.0, 2.0]
            assert [record.number for record in records] == [0, 1, 2]
            assert all(record.state is State.RUNNING for record in store.changes("digits").records)

    # Telling

    def test_a_result_closes_its_trial_for_good(self) -> None:
        with self.study() as store:
            trial = opened(store, ME)
            result = Finished(0, 0, {"loss": (1.0, 2.0), "accuracy": (0.5,), "odd": (math.inf,)}, 3.5, cost=0.25)
            record = store.record("digits", 0, [result], at=9.0, owner=ME)
            assert (record.state, record.loss, record.seconds, record.cost) == (State.COMPLETE, 1.5, 3.5, 0.25)
            assert (record.opened_at, record.closed_at) == (trial.opened_at, 9.0)
            assert store.changes("digits").records == (record,)
            cursor = store.changes("digits").cursor
            for message in (finished(0.5), failed(), Noted(0, 0, "k", 1), Reported(0, 0, 1, 0.5)):
                with raises(StateError, "trial 0", "complete"):
                    store.record("digits", 0, [message], at=10.0)
                with raises(StateError, "trial 0", "complete"):
                    store.record("digits", 0, [message], at=10.0, owner=ME)
            assert store.changes("digits", cursor).records == ()

    def test_the_same_result_may_be_told_again_by_its_owner_alone(self) -> None:
        with self.study() as store:
            opened(store, ME)
            record = store.record("digits", 0, [finished(0.5)], at=9.0, owner=ME)
            assert store.record("digits", 0, [finished(0.5)], at=10.0, owner=ME) == record
            for owner in (None, OTHER):
                with raises(StateError, "complete"):
                    store.record("digits", 0, [finished(0.5)], at=10.0, owner=owner)
            assert store.spent("digits")["trials"] == 1

    def test_one_of_two_racing_results_stands(self) -> None:
        for number in range(10):
            with self.study() as store:
                opened(store, ME)
                outcomes: dict[float, bool] = {}
                threads = [
                    threading.Thread(target=_tell, args=(store, value, outcomes)) for value in (1.0, 2.0, float(number))
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                (record,) = store.changes("digits").records
                assert [value for value, accepted in outcomes.items() if accepted] == [record.loss]

    def test_only_a_running_trial_is_told_and_only_by_its_holder(self) -> None:
        with self.study() as store:
            store.enqueue("digits", [proposed(1)], at=1.0)
            with raises(StateError, "waiting"):
                store.record("digits", 0, [finished(1.0)], at=2.0)
            opened(store, ME)
            with raises(LeaseLostError, "trial 0"):
                store.record("digits", 0, [finished(1.0)], at=2.0, owner=OTHER)
            assert store.record("digits", 0, [finished(1.0)], at=2.0).state is State.COMPLETE

    def test_unknown_trials_are_named_with_the_range(self) -> None:
        with self.study() as store:
            opened(store, ME)
            for number in (1, -1, 99_999):
                with raises(UnknownStudyError, str(number), "from 0 to 0"):
                    store.record("digits", number, [finished(1.0)], at=2.0)

    def test_a_failure_is_kept_word_for_word(self) -> None:
        failure = Failure(Cause.OBJECTIVE, "half \ud800 and \0", "Traceback ...", ("ResultError", "value", "x", "y"))
        with self.study() as store:
            opened(store, ME)
            record = store.record("digits", 0, [Failed(0, 0, failure, 2.0)], at=3.0, owner=ME)
            assert (record.state, record.failure, record.seconds) == (State.FAILED, failure, 2.0)
            assert store.changes("digits").records == (record,)

    def test_a_retry_goes_back_to_the_queue_and_a_late_first_attempt_is_refused(self) -> None:
        with self.study() as store:
            opened(store, ME)
            record = store.record("digits", 0, [failed(retry=True)], at=3.0, owner=ME)
            assert (record.state, record.attempt, record.failure) == (State.WAITING, 1, None)
            assert [failure.cause for failure in record.earlier] == [Cause.KILLED]
            with raises(LeaseLostError, "waiting"):
                store.record("digits", 0, [finished(1.0)], at=4.0, owner=ME)
            again = opened(store, ME)
            assert (again.number, again.attempt, again.state) == (0, 1, State.RUNNING)
            with raises(LeaseLostError, "attempt 0"):
                store.record("digits", 0, [finished(1.0)], at=5.0, owner=ME)
            assert store.record("digits", 0, [finished(1.0, attempt=1)], at=5.0, owner=ME).earlier == record.earlier

    def test_reports_and_notes_are_kept_in_order(self) -> None:
        with self.study() as store:
            opened(store, ME)
            for step, value in ((1, 0.9), (3, math.inf), (2, 0.7)):
                record = store.record("digits", 0, [Reported(0, 0, step, value, {"acc": 0.1 * step})], 3.0, ME)
            assert [(r.step, r.value, r.metrics["acc"]) for r in record.reports] == [
                (1, 0.9, 0.1),
                (2, 0.7, 0.2),
                (3, math.inf, 0.1 * 3),
            ]
            record = store.record("digits", 0, [Noted(0, 0, "k", (1, 2)), Noted(0, 0, "k", b"\0")], at=4.0, owner=ME)
            assert dict(record.notes) == {"k": b"\0"}
            assert store.changes("digits").records == (record,)
            record = store.record("digits", 0, [Reported(0, 0, 4, math.nan)], at=5.0, owner=ME)
            (kept,) = store.changes("digits").records
            assert math.isnan(kept.reports[-1].value) and kept.reports[:-1] == record.reports[:-1]

    def test_an_attempt_that_starts_over_replaces_reports_and_one_that_resumes_adds_to_them(self) -> None:
        for first_step, steps in ((1, [1, 2]), (3, [1, 2, 3, 4])):
            with self.study() as store:
                opened(store, ME)
                store.record("digits", 0, [Reported(0, 0, step, 0.0) for step in (1, 2, 3, 4)], at=3.0, owner=ME)
                store.record("digits", 0, [failed(retry=True)], at=3.0, owner=ME)
                opened(store, ME)
                for step in (first_step, first_step + 1):
                    store.record("digits", 0, [Reported(0, 1, step, 1.0)], at=4.0, owner=ME)
                (kept,) = store.changes("digits").records
                assert [report.step for report in kept.reports] == steps
                assert kept.reports[-1] == Report(first_step + 1, 1.0)

    def test_declared_dials_grow_the_space_as_a_revision(self) -> None:
        with self.study() as store:
            opened(store, ME)
            told = [Declared(0, 0, "momentum", Float(0, 1), 0.25), Declared(0, 0, "depth", Float(1, 9), 3.0)]
            record = store.record("digits", 0, told, at=3.0, owner=ME)
            assert dict(record.params) == {"lr": 0.0, "momentum": 0.25, "depth": 3.0} and record.revision == 1
            study = store.load_study("digits")
            assert study.revision == 1 and study.space["momentum"] == Float(0, 1) and "depth" in study.space
            assert "momentum" in store.revisions("digits")[1].reason
            opened(store, ME)
            store.record("digits", 1, [Declared(1, 0, "momentum", Float(0, 1), 0.5)], at=3.0, owner=ME)
            assert store.load_study("digits").revision == 1

    def test_what_was_foretold_of_a_trial_is_kept_as_it_was_before_it_ran(self) -> None:
        told = Foretold(7, {"loss": (0.1, 0.2, 0.25, 0.3, 1.5), "accuracy": (0.0, 0.25, 0.5, 0.75, 1.0)})
        with self.study() as store:
            first = store.open_trial("digits", ME, lambda number: replace(proposed(number), foretold=told), 2.0)
            assert isinstance(first, TrialRecord) and first.foretold == told
            store.record("digits", 0, [failed(retry=True)], at=3.0, owner=ME)
            again = opened(store, ME)
            assert (again.number, again.attempt, again.foretold) == (0, 1, told)
            store.record("digits", 0, [finished(0.25, attempt=1)], at=4.0, owner=ME)
            assert opened(store, ME).foretold is None
            assert [record.foretold for record in store.changes("digits").records] == [told, None]

    # Runs

    def test_each_run_is_kept_with_its_worker_and_its_times(self) -> None:
        silent = Owner("silent", 0.0)
        with self.study() as store:
            by = "ann@host:7/2"
            record = store.open_trial("digits", silent, proposed, 2.0, by)
            assert isinstance(record, TrialRecord)
            assert record.runs == (Run(by, 2.0),) and record.worker == by
            store.release_expired("digits", at=5.0)  # when it vanished is not known
            again = store.open_trial("digits", ME, proposed, 6.0, "bob@host:8/1")
            assert isinstance(again, TrialRecord) and again.runs == (Run(by, 2.0), Run("bob@host:8/1", 6.0))
            retried = store.record("digits", 0, [failed(retry=True, attempt=1)], at=7.0, owner=ME)
            assert retried.runs[1].ended == 7.0
            last = opened(store, ME)
            done = store.record("digits", 0, [finished(2.0, attempt=2)], at=9.0, owner=ME)
            assert done.runs == (*retried.runs, Run("", last.opened_at or 0.0, 9.0))
            assert store.changes("digits").records == (done,)
            store.enqueue("digits", [proposed(1)], at=1.0)
            assert store.trial("digits", 1).runs == ()

    # Leases

    def test_a_silent_owners_trial_is_tried_again_and_then_failed(self) -> None:
        silent = Owner("silent", 0.0, "ann@host:7")
        with self.study() as store:
            for attempt in range(1 + Cause.KILLED.retries):
                assert opened(store, silent).attempt == attempt
                (record,) = store.release_expired("digits", at=5.0)
            assert record.state is State.FAILED and record.failure is not None
            assert record.failure.cause is Cause.KILLED and "ann@host:7" in record.failure.message
            assert len(record.earlier) == Cause.KILLED.retries
            assert store.spent("digits")["trials"] == 1
            with raises(StateError, "failed"):
                store.record("digits", 0, [finished(1.0, record.attempt)], at=6.0, owner=silent)

    def test_a_late_owner_learns_that_its_lease_is_lost(self) -> None:
        silent = Owner("silent", 0.0)
        with self.study() as store:
            opened(store, silent)
            store.release_expired("digits", at=5.0)
            with raises(LeaseLostError, "waiting"):
                store.record("digits", 0, [finished(1.0)], at=6.0, owner=silent)
            opened(store, ME)
            with raises(LeaseLostError, "somebody else"):
                store.record("digits", 0, [finished(1.0)], at=6.0, owner=silent)
            assert store.record("digits", 0, [finished(2.0, attempt=1)], at=7.0, owner=ME).loss == 2.0

    def test_a_living_owner_keeps_its_trials_whatever_the_wall_clock_says(self) -> None:
        with self.study() as store:
            opened(store, ME)
            for at in (1e9 + 3600.0, 1e9 - 3600.0, 0.0, 1e12):
                store.renew(ME)
                assert store.release_expired("digits", at) == ()
            assert store.changes("digits").records[0].state is State.RUNNING


def _tell(store: Store, value: float, outcomes: dict[float, bool]) -> None:
    try:
        store.record(PLAN.name, 0, [finished(value)], at=3.0)
        outcomes[value] = True
    except StateError:
        outcomes.setdefault(value, False)
