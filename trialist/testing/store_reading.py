"""What a store must do for those who look at a study while it runs, and who steer it: thin reading, instructions."""

from __future__ import annotations

from dataclasses import replace

from trialist.errors import UnknownStudyError
from trialist.testing.example_study import ME, OTHER, PLAN, SPACE, StoreChecks, finished, opened, proposed, raises
from trialist.trials.instruction import Act, Instruction
from trialist.trials.messages import Reported
from trialist.trials.trial import Report


class ReadingChecks(StoreChecks):
    """Thin records, thinned curves, counters of what is new, instructions."""

    def test_thin_records_hold_their_last_report_alone(self) -> None:
        with self.study() as store:
            for number in range(3):
                opened(store, ME)
                reports = [Reported(number, 0, step, step / 8, {"acc": 0.5}) for step in range(1, 2 + number)]
                store.record("digits", number, reports[: 2 * number], at=3.0, owner=ME)
            cursor = store.changes("digits", thin=True).cursor
            full = store.changes("digits").records
            assert [len(record.reports) for record in full] == [0, 2, 3]
            thin = tuple(replace(record, reports=record.reports[-1:]) for record in full)
            assert store.changes("digits", thin=True).records == thin
            store.record("digits", 1, [Reported(1, 0, 7, 0.25)], at=4.0, owner=ME)
            later = store.changes("digits", cursor, thin=True)
            assert [(r.number, r.reports) for r in later.records] == [(1, (Report(7, 0.25),))]
            assert later.cursor == store.changes("digits").cursor

    def test_a_trial_is_read_alone_and_who_works_is_told(self) -> None:
        with self.study() as store:
            assert store.coordinators("digits") == ()
            opened(store, ME)
            opened(store, OTHER)
            store.record("digits", 1, [Reported(1, 0, 1, 0.5)], at=3.0, owner=OTHER)
            assert (store.trial("digits", 0), store.trial("digits", 1)) == store.changes("digits").records
            assert sorted(store.coordinators("digits")) == ["ann@host:1", "bob@host:2"]
            opened(store, replace(ME, token="silent", lease_seconds=0.0))
            assert sorted(store.coordinators("digits")) == ["ann@host:1", "bob@host:2"]
            with raises(UnknownStudyError, "trial 3"):
                store.trial("digits", 3)

    def test_a_curve_is_thinned_evenly_between_its_first_and_last_report(self) -> None:
        with self.study() as store:
            opened(store, ME)
            assert store.curve("digits", 0, 5) == ()
            reports = [Reported(0, 0, step, 1 / step) for step in range(1, 101)]
            store.record("digits", 0, reports, at=3.0, owner=ME)
            (record,) = store.changes("digits").records
            assert store.curve("digits", 0, 100) == record.reports
            thinned = store.curve("digits", 0, 10)
            assert [report.step for report in thinned] == [1, 11, 21, 31, 41, 51, 61, 71, 81, 91, 100]
            assert all(report in record.reports for report in thinned)
            assert [report.step for report in store.curve("digits", 0, 1)] == [1, 100]
            assert [store.reports("digits", most) for most in (0, 7, 100, 1000)] == [0, 7, 100, 100]
            with raises(UnknownStudyError, "trial 1"):
                store.curve("digits", 1, 10)

    def test_a_moment_shows_that_something_is_new_whatever_it_is(self) -> None:
        with self.study() as store:
            store.create_study(replace(PLAN, name="other"), SPACE, at=2.0)
            moments = [store.moment("digits")]
            assert moments[0] == store.moment("digits") and moments[0].created_at == 1.0
            opened(store, ME)
            moments.append(store.moment("digits"))
            assert moments[-1].changes == store.changes("digits").cursor
            store.record("digits", 0, [Reported(0, 0, 1, 0.5)], at=3.0, owner=ME)
            moments.append(store.moment("digits"))
            store.write_stage("digits", "plan", {}, at=3.0)
            moments.append(store.moment("digits"))
            store.write_stage("digits", "plan", {}, at=4.0)
            moments.append(store.moment("digits"))
            store.revise("digits", PLAN, SPACE, "no reason", at=4.0)
            moments.append(store.moment("digits"))
            store.instruct("digits", Act.NOTE, "ann@host", "hm", at=5.0)
            moments.append(store.moment("digits"))
            assert len(set(moments)) == len(moments)
            other = store.moment("other")
            assert (other.changes, other.stages, other.revision, other.instructions) == (0, 0, 0, 0)
            with raises(UnknownStudyError, "'digits'"):
                store.moment("digit")

    def test_instructions_stay_in_their_order_with_who_and_why(self) -> None:
        with self.study() as store:
            assert store.instructions("digits") == ()
            opened(store, ME)
            with raises(UnknownStudyError, "trial 1"):
                store.instruct("digits", Act.STOP, "ann@host", "diverged", at=3.0, trial=1)
            first = store.instruct("digits", Act.STOP, "ann@host", "diverged\0<b>", at=3.0, trial=0)
            second = store.instruct("digits", Act.PAUSE, "bob@host", "", at=4.0)
            assert first == Instruction(first.number, 3.0, "ann@host", Act.STOP, "diverged\0<b>", 0)
            assert store.instructions("digits") == (first, second)
            assert store.instructions("digits", first.number) == (second,)
            assert store.moment("digits").instructions == second.number > first.number
            store.record("digits", 0, [finished(0.5)], at=5.0, owner=ME)  # they change no trial themselves
            store.enqueue("digits", [proposed(1)], at=5.0)
            store.delete_study("digits")
            store.create_study(PLAN, SPACE, at=6.0)
            assert store.instructions("digits") == ()
