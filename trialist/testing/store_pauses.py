"""What a store must do with trials at a fidelity: pause them, let them go on, and keep what was decided on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from trialist.errors import LeaseLostError, StateError, UnknownStudyError
from trialist.protocols import Owner, Store
from trialist.testing.example_study import ME, OTHER, PLAN, SPACE, StoreChecks, proposed, raises
from trialist.trials.fidelity import Fidelity
from trialist.trials.messages import Decided, Entry, Failed, Finished, Reported
from trialist.trials.trial import (
    Action,
    Cause,
    Exhausted,
    Failure,
    Promotion,
    Proposal,
    Report,
    Stage,
    State,
    Taken,
    TrialRecord,
)

EPOCHS = replace(PLAN, name="epochs", fidelity=Fidelity("epochs", 1, 9))


class PauseChecks(StoreChecks):
    """Fidelity, pauses, promotions, decisions, inheritance."""

    @contextmanager
    def epochs(self) -> Iterator[Store]:
        """A store with a study whose runs may be cheaper than full ones."""
        with self.study() as store:
            store.create_study(EPOCHS, SPACE, at=1.0)
            yield store

    def test_a_trial_runs_as_far_as_was_proposed_and_in_full_where_nothing_was_said(self) -> None:
        with self.epochs() as store:
            assert _opened(store, fidelity=3).fidelity == 3
            assert [_opened(store, amount).fidelity for amount in (0.01, 2.9, 100, None)] == [1, 3, 9, 9]
            store.enqueue("epochs", [proposed(3)], at=2.0)
            assert _opened(store).fidelity == 9
            assert [r.fidelity for r in store.changes("epochs").records] == [3, 1, 3, 9, 9, 9]
            ordinary = store.open_trial("digits", ME, proposed, at=2.0)
            assert isinstance(ordinary, TrialRecord) and ordinary.fidelity is None

    def test_a_cheap_run_pauses_without_a_loss_and_never_completes(self) -> None:
        with self.epochs() as store:
            _opened(store, fidelity=3)
            with raises(StateError, "trial 0", "3 of 9 epochs", "Pause it"):
                store.record("epochs", 0, [_end(State.COMPLETE)], at=3.0, owner=ME)
            record = store.record("epochs", 0, [_report(3), _end(State.PAUSED, "rung 1 of 3")], at=3.0, owner=ME)
            assert (record.state, record.loss, record.closed_at) == (State.PAUSED, None, None)
            assert (record.reports, record.stop_reason) == ((Report(3, 0.3),), "rung 1 of 3")
            assert record.course == (Taken(3, Action.PAUSE, "rung 1 of 3"),)
            assert store.changes("epochs").records == (record,)
            assert store.best("epochs") is None
            spent = store.spent("epochs")
            assert (spent["trials"], spent["compute_seconds"], spent["cost"]) == (0, 2.0, 0.5)

    def test_a_promotion_goes_on_with_a_paused_trial_as_its_next_attempt(self) -> None:
        with self.epochs() as store:
            _paused(store, fidelity=3)
            record = _promoted(store, Promotion(0, "first of 3 at 3 epochs", 5), OTHER)
            assert (record.number, record.state, record.attempt, record.fidelity) == (0, State.RUNNING, 1, 5)
            assert record.course[-1] == Taken(3, Action.RESUME, "first of 3 at 3 epochs")
            assert store.load_study("epochs").trials == 1
            with raises(LeaseLostError, "somebody else"):
                store.record("epochs", 0, [_end(State.PAUSED, attempt=1)], at=5.0, owner=ME)
            with raises(LeaseLostError, "attempt 0"):
                store.record("epochs", 0, [_end(State.PAUSED)], at=5.0, owner=OTHER)
            store.record("epochs", 0, [_report(5, 1, since=3), _end(State.PAUSED, attempt=1)], at=5.0, owner=OTHER)
            assert _promoted(store, Promotion(0, "the best")).fidelity == 9
            done = store.record("epochs", 0, [_report(9, 2, since=5), _end(attempt=2)], at=6.0, owner=ME)
            assert (done.state, done.loss, done.stop_reason) == (State.COMPLETE, 0.25, "")
            assert [taken.action.name for taken in done.course] == ["PAUSE", "RESUME"] * 2
            assert [(run.began, run.ended) for run in done.runs] == [(2.0, 3.0), (4.0, 5.0), (4.0, 6.0)]
            assert [report.step for report in done.reports] == [3, 5, 9]
            assert store.best("epochs") == done and store.changes("epochs").records == (done,)

    def test_what_all_runs_of_a_promoted_trial_took_is_added_up_once(self) -> None:
        with self.epochs() as store:
            _paused(store, fidelity=3)
            _promoted(store, Promotion(0, "", 5))
            store.record("epochs", 0, [replace(_gone(1), seconds=0.25)], at=5.0, owner=ME)
            assert _opened(store).attempt == 2
            record = store.record("epochs", 0, [_report(5, 2), _end(State.PAUSED, attempt=2)], at=5.0, owner=ME)
            assert (record.seconds, record.cost) == (4.25, 1.0)
            _promoted(store, Promotion(0, ""))
            last = _end(attempt=3)
            record = store.record("epochs", 0, [_report(9, 3, since=5), last], at=6.0, owner=ME)
            assert (record.seconds, record.cost) == (6.25, 1.5)
            assert store.record("epochs", 0, [last], at=7.0, owner=ME) == record  # told again
            spent = store.spent("epochs")
            assert (spent["trials"], spent["compute_seconds"], spent["cost"]) == (1, 6.25, 1.5)

    def test_what_was_run_anew_counts_as_used_each_time(self) -> None:
        with self.epochs() as store:
            _paused(store, fidelity=3)
            _promoted(store, Promotion(0, "", 5))
            messages: list[Entry] = [_report(4, 1, since=0), _report(5, 1, since=4), _end(State.PAUSED, attempt=1)]
            assert store.record("epochs", 0, messages, at=5.0, owner=ME).used == 3 + 5
            _promoted(store, Promotion(0, ""))
            record = store.record("epochs", 0, [_report(9, 2, since=5)], at=6.0, owner=ME)
            assert record.used == 3 + 5 + 4
            assert store.changes("epochs").records == (record,)

    def test_a_promoted_trial_whose_owner_dies_waits_with_its_fidelity_and_its_rungs(self) -> None:
        silent = Owner("silent", 0.0, "ann@host:7")
        with self.epochs() as store:
            _paused(store, fidelity=3)
            _promoted(store, Promotion(0, "the best", 5), silent)
            store.record("epochs", 0, [_report(1, 1)], at=4.0, owner=silent)  # it was run anew
            (record,) = store.release_expired("epochs", at=5.0)
            assert (record.state, record.attempt, record.fidelity) == (State.WAITING, 2, 5)
            assert [report.step for report in record.reports] == [1, 3]
            again = _opened(store)
            assert (again.number, again.attempt, again.fidelity) == (0, 2, 5)
            assert [taken.action for taken in again.course] == [Action.PAUSE, Action.RESUME]

    def test_only_paused_trials_are_promoted_and_only_further(self) -> None:
        with self.epochs() as store:
            _paused(store, fidelity=3)
            _opened(store, fidelity=3)
            for promotion, words in (
                (Promotion(1, "", 9), ("trial 1", "running")),
                (Promotion(0, "", 3), ("trial 0", "3", "more")),
            ):
                with raises(StateError, *words):
                    _promoted(store, promotion)
            with raises(UnknownStudyError, "2"):
                _promoted(store, Promotion(2, "", 9))
            _promoted(store, Promotion(0, "", 9))
            with raises(StateError, "trial 0", "running"):
                _promoted(store, Promotion(0, "", 9))
            assert [r.state for r in store.changes("epochs").records] == [State.RUNNING] * 2

    def test_what_waits_goes_before_promotions(self) -> None:
        with self.epochs() as store:
            _paused(store, fidelity=3)
            store.enqueue("epochs", [proposed(1)], at=3.0)
            record = store.open_trial("epochs", ME, lambda number: Promotion(0, "the best"), at=4.0)
            assert isinstance(record, TrialRecord) and record.number == 1
            assert _promoted(store, Promotion(0, "the best")).number == 0

    def test_a_paused_trial_is_told_nothing_but_the_same_again(self) -> None:
        with self.epochs() as store:
            record = _paused(store, fidelity=3)
            cursor = store.changes("epochs").cursor
            assert store.record("epochs", 0, [_end(State.PAUSED, "rung")], at=9.0, owner=ME) == record
            refused: tuple[Entry, ...] = (_end(State.PAUSED, "rung", loss=0.5), _report(4), _gone(0))
            for message in refused:
                with raises(StateError, "paused"):
                    store.record("epochs", 0, [message], at=9.0, owner=ME)
                with raises(StateError, "paused"):
                    store.record("epochs", 0, [message], at=9.0)
            assert store.changes("epochs", cursor).records == ()
            assert store.open_trial("epochs", ME, lambda number: Exhausted("none"), at=9.0) == Exhausted("none")

    def test_decisions_are_kept_in_order_with_their_reports(self) -> None:
        with self.epochs() as store:
            _opened(store)
            taken = [Taken(1, Action.GO_ON, "first of 9"), Taken(3, Action.STOP, "last of 9 \ud800")]
            for each in taken:
                told: list[Entry] = [_report(each.step), Decided(0, 0, each)]
                record = store.record("epochs", 0, told, at=3.0, owner=ME)
            assert [t.action for t in record.course] == [Action.GO_ON, Action.STOP]
            assert record.halted is not None and record.halted.step == 3
            # It went on for a while, and ends for the same reason: that is told once.
            done = store.record("epochs", 0, [_report(4), _end(State.STOPPED, "last of 9")], at=4.0, owner=ME)
            assert done.course == record.course and done.state is State.STOPPED
            (kept,) = store.changes("epochs").records
            assert kept.course[0] == taken[0] and kept.course[1].reason.startswith("last of 9 ")

    def test_a_halt_that_was_not_carried_out_is_taken_back_with_the_attempt(self) -> None:
        with self.epochs() as store:
            _opened(store)
            halt = Decided(0, 0, Taken(3, Action.PAUSE, "rung"))
            store.record("epochs", 0, [_report(3), halt], at=3.0, owner=ME)
            record = store.record("epochs", 0, [_gone(0)], at=4.0, owner=ME)
            assert (record.state, record.course, record.halted) == (State.WAITING, (), None)

    def test_steps_need_not_be_whole_and_lengths_are_kept(self) -> None:
        plan = replace(PLAN, name="share", fidelity=Fidelity("share of data", 0.1, 1.0))
        with self.study() as store:
            store.create_study(plan, SPACE, at=1.0)
            share = store.open_trial("share", ME, lambda number: replace(proposed(number), fidelity=0.3), at=2.0)
            assert isinstance(share, TrialRecord) and share.fidelity == 0.3
            store.record("share", 0, [_report(0.1), _report(0.3, since=0.1)], at=3.0, owner=ME)
            (record,) = store.changes("share").records
            assert [report.step for report in record.reports] == [0.1, 0.3] and record.used == 0.3
            store.open_trial("digits", ME, proposed, at=2.0)
            record = store.record("digits", 0, [replace(_report(2), of=81), _report(4, since=2)], at=3.0, owner=ME)
            assert (record.length, record.used) == (81, 4)
            assert store.changes("digits").records == (record,)
            assert all(isinstance(report.step, int) for report in store.changes("digits").records[0].reports)

    def test_a_trial_that_inherits_remembers_from_whom(self) -> None:
        with self.epochs() as store:
            _paused(store, fidelity=3)
            child = Proposal({"lr": 0.5}, "the better half", "population", Stage.SEARCH, fidelity=5, inherits=0)
            record = store.open_trial("epochs", ME, lambda number: child, at=3.0)
            assert isinstance(record, TrialRecord) and (record.inherits, record.fidelity) == (0, 5)
            assert store.changes("epochs").records[1] == record


def _opened(store: Store, fidelity: float | None = None) -> TrialRecord:
    record = store.open_trial("epochs", ME, lambda number: replace(proposed(number), fidelity=fidelity), at=2.0)
    assert isinstance(record, TrialRecord), record
    return record


def _paused(store: Store, fidelity: float) -> TrialRecord:
    """Trial 0, paused at that fidelity."""
    _opened(store, fidelity)
    return store.record("epochs", 0, [_report(fidelity), _end(State.PAUSED, "rung")], at=3.0, owner=ME)


def _promoted(store: Store, promotion: Promotion, owner: Owner = ME) -> TrialRecord:
    record = store.open_trial("epochs", owner, lambda number: promotion, at=4.0)
    assert isinstance(record, TrialRecord), record
    return record


def _report(step: float, attempt: int = 0, since: float = 0.0) -> Reported:
    return Reported(0, attempt, step, step / 10, since=since)


def _end(state: State = State.COMPLETE, reason: str = "", attempt: int = 0, loss: float = 0.25) -> Finished:
    metrics = {"loss": (loss,), "accuracy": (0.5,)}
    return Finished(0, attempt, metrics, seconds=2.0, cost=0.5, state=state, reason=reason)


def _gone(attempt: int) -> Failed:
    return Failed(0, attempt, Failure(Cause.KILLED, "killed by signal 9"), seconds=1.0, retry=True)
