"""What every store must do, as a class of checks: subclass it in a test file, and say how a store is made.

    class TestMyStore(StoreContract):
        @pytest.fixture(autouse=True)
        def _place(self, tmp_path):
            self.make_store = lambda: MyStore(tmp_path)         # an empty store, another one at each call

Nothing here needs pytest: `StoreContract.checks()` gives the names, and each is a method without arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from trialist.errors import StateError, StudyExistsError, UnknownStudyError
from trialist.numerics.sketch import Sketch
from trialist.space.number import Float
from trialist.testing.example_study import (
    ME,
    PLAN,
    SPACE,
    failed,
    finished,
    opened,
    proposed,
    raises,
)
from trialist.testing.store_pauses import PauseChecks
from trialist.testing.store_reading import ReadingChecks
from trialist.testing.store_trials import TrialChecks
from trialist.trials.budget import Budget
from trialist.trials.messages import Failed, Message, Reported
from trialist.trials.trial import Cause, Failure, Stage, State


class StoreContract(TrialChecks, PauseChecks, ReadingChecks):
    """All checks: of single trials and their pauses, of those who look on and steer, and of studies as a whole."""

    # Studies

    def test_a_study_comes_back_as_it_was_declared(self) -> None:
        with self.study() as store:
            study = store.load_study("digits")
            assert (study.plan, study.space, study.created_at) == (PLAN, SPACE, 1.0)
            assert (study.revision, study.trials, dict(study.stages)) == (0, 0, {})

    def test_a_name_is_given_once(self) -> None:
        with self.study() as store, raises(StudyExistsError, "digits"):
            store.create_study(replace(PLAN, seed=4), SPACE, at=2.0)

    def test_studies_are_listed_oldest_first_whatever_their_names(self) -> None:
        names = ["zeta", "a\0b\n", "'); DROP TABLE trial; --", "é", "🚀" * 100, " x "]
        with self.study() as store:
            for name in names:
                store.create_study(replace(PLAN, name=name), SPACE, at=2.0)
            assert store.studies() == ("digits", *names)
            assert [store.load_study(name).plan.name for name in names] == names

    def test_an_unknown_study_is_told_with_the_nearest_name(self) -> None:
        with self.study() as store, raises(UnknownStudyError, "'digits'"):
            store.load_study("digit")

    def test_a_revision_leaves_the_earlier_one_to_be_read(self) -> None:
        larger = SPACE.with_parameter("momentum", Float(0, 1))
        with self.study() as store:
            study = store.revise("digits", replace(PLAN, budget=Budget(trials=20)), larger, "more time", at=5.0)
            assert (study.revision, study.plan.budget.trials, study.space) == (1, 20, larger)
            assert store.load_study("digits") == study
            first, second = store.revisions("digits")
            assert (first.number, first.plan, first.space) == (0, PLAN, SPACE)
            assert (second.number, second.reason, second.at, second.space) == (1, "more time", 5.0, larger)
            assert opened(store, ME).revision == 1

    def test_a_deleted_study_leaves_the_others_and_the_ledger(self) -> None:
        with self.study() as store:
            store.create_study(replace(PLAN, name="other"), SPACE, at=2.0)
            opened(store, ME)
            look = store.open_look("digits", "f00d", "ann", "baseline and best", at=3.0)
            store.delete_study("digits")
            assert store.studies() == ("other",)
            assert store.looks() == (look,)
            store.create_study(PLAN, SPACE, at=4.0)
            assert store.changes("digits").records == ()

    # Reading

    def test_changes_tell_each_change_once_and_all_from_zero(self) -> None:
        with self.study() as store:
            cursor, known = 0, {}
            steps: list[Callable[[], Any]] = [
                lambda: opened(store, ME),
                lambda: opened(store, ME),
                lambda: store.record("digits", 0, [Reported(0, 0, 1, 0.5)], at=3.0, owner=ME),
                lambda: store.record("digits", 1, [finished(0.5)], at=3.0, owner=ME),
                lambda: store.record("digits", 0, [failed()], at=3.0, owner=ME),
                lambda: store.enqueue("digits", [proposed(3)], at=3.0),
            ]
            for step in steps:
                step()
                changes = store.changes("digits", cursor)
                assert len(changes.records) == 1 and changes.cursor > cursor
                cursor = changes.cursor
                known.update({record.number: record for record in changes.records})
                assert store.changes("digits").records == tuple(known[number] for number in sorted(known))
            assert store.changes("digits", cursor).records == ()

    def test_best_is_the_lowest_loss_of_the_search(self) -> None:
        losses = {0: 3.0, 1: 1.0, 2: 1.0, 3: 0.5, 4: 0.4}
        with self.study() as store:
            assert store.best("digits") is None
            for number in losses:
                stage = {3: Stage.SELECT, 4: Stage.SWEEP}.get(number, Stage.SEARCH)
                store.open_trial("digits", ME, lambda n, stage=stage: replace(proposed(n), stage=stage), at=2.0)  # type: ignore[misc]
            store.record("digits", 0, [Reported(0, 0, 1, 0.1)], at=3.0, owner=ME)
            for number, loss in losses.items():
                store.record("digits", number, [replace(finished(loss), number=number)], at=3.0, owner=ME)
            opened(store, ME)
            slow = replace(finished(0.1), number=5, state=State.STOPPED, reason="slow")
            store.record("digits", 5, [slow], 3.0, ME)
            best = store.best("digits")
            assert best is not None and best.number == 1
            assert best == store.changes("digits").records[1]

    def test_best_is_feasible_where_any_trial_is_and_else_the_nearest(self) -> None:
        told = [
            (0.1, {"ms": 4.0, "gb": 1.0}),
            (0.2, {"ms": 2.0, "gb": -1.0}),
            (0.3, {"ms": math.nan}),
            (0.0, {"ms": 9.0}),
        ]
        with self.study() as store:
            for number, (loss, constraints) in enumerate(told):
                stage = Stage.SELECT if number == 3 else Stage.SEARCH
                store.open_trial("digits", ME, lambda n, stage=stage: replace(proposed(n), stage=stage), at=2.0)  # type: ignore[misc]
                message = replace(finished(loss), number=number, constraints=constraints)
                store.record("digits", number, [Reported(number, 0, 1, loss), message], at=3.0, owner=ME)
                record = store.record("digits", number, [message], at=4.0, owner=ME)  # told again, NaN or not
                assert set(record.constraints) == set(constraints) and not record.is_feasible
                with raises(StateError, "complete"):
                    store.record("digits", number, [replace(message, constraints={"ms": 7.5})], at=4.0, owner=ME)
            assert store.changes("digits").records[1].constraints == told[1][1]
            assert store.best("digits") == store.changes("digits").records[1]
            opened(store, ME)
            store.record("digits", 4, [replace(finished(5.0), number=4, constraints={"ms": -1.0})], at=5.0, owner=ME)
            best = store.best("digits")
            assert best is not None and best.number == 4 and best.constraints == {"ms": -1.0}

    # Stages, what was spent, the ledger

    def test_the_last_outcome_of_a_stage_counts_and_once_keeps_the_first(self) -> None:
        with self.study() as store:
            assert store.write_stage("digits", "plan", {"strategy": "tpe", "n": (1, math.inf)}, at=2.0)
            assert store.write_stage("digits", "plan", {"strategy": "gp"}, at=3.0)
            assert not store.write_stage("digits", "plan", {"strategy": "x"}, at=4.0, once=True)
            assert store.write_stage("digits", "select", {"winner": 3, "odd": (1, math.inf)}, at=4.0, once=True)
            assert dict(store.load_study("digits").stages) == {
                "plan": {"strategy": "gp"},
                "select": {"winner": 3, "odd": (1, math.inf)},
            }

    def test_what_was_spent_is_added_up(self) -> None:
        with self.study() as store:
            assert set(store.spent("digits")) == {"trials", "seconds", "compute_seconds", "cost"}
            messages: list[Message] = [
                replace(finished(1.0), seconds=2.0, cost=0.5),
                Failed(1, 0, Failure(Cause.OBJECTIVE, "raised"), seconds=3.0),
                Failed(2, 0, Failure(Cause.KILLED, "killed"), seconds=4.0, retry=True),
            ]
            for number, message in enumerate(messages):
                opened(store, ME)
                store.record("digits", number, [message], at=3.0, owner=ME)
            store.renew(ME)
            spent = store.spent("digits")
            assert (spent["trials"], spent["compute_seconds"], spent["cost"]) == (2, 9.0, 0.5)
            assert 0.0 < spent["seconds"] < 60.0

    def test_the_budget_does_not_pay_for_sweeps(self) -> None:
        with self.study() as store:
            opened(store, ME)
            store.record("digits", 0, [replace(finished(1.0), seconds=2.0, cost=0.5)], at=3.0, owner=ME)
            store.open_trial("digits", ME, lambda n: replace(proposed(n), stage=Stage.SWEEP), at=2.0)
            store.record("digits", 1, [replace(finished(1.0), number=1, seconds=8.0, cost=4.0)], at=3.0, owner=ME)
            spent = store.spent("digits")
            assert (spent["trials"], spent["compute_seconds"], spent["cost"]) == (1, 2.0, 0.5)

    def test_looks_are_counted_over_all_studies_by_fingerprint(self) -> None:
        with self.study() as store:
            store.create_study(replace(PLAN, name="other"), SPACE, at=2.0)
            first = store.open_look("digits", "f00d", "ann", "verification", at=3.0)
            store.open_look("digits", "beef", "ann", "verification", at=4.0)
            second = store.open_look("other", "f00d", "bob", "again", at=5.0)
            assert (first.number, second.number) == (1, 2) and first.digest != second.digest
            closed = store.close_look(first, {"verdict": "improved", "interval": (0.1, math.inf)})
            assert closed == replace(first, outcome={"verdict": "improved", "interval": (0.1, math.inf)})
            with raises(StateError, "outcome"):
                store.close_look(first, {"verdict": "worse"})
            assert store.looks("f00d") == (closed, second)
            assert store.looks(study="other") == (second,)
            assert len(store.looks()) == 3

    def test_looks_at_the_same_rows_are_counted_whatever_their_fingerprint(self) -> None:
        with self.study() as store:
            some, others = (Sketch.of(rows, str(rows)).text() for rows in (range(100), range(60, 160)))
            store.open_look("digits", "f00d", "ann", "verification", at=3.0, sketch=some)
            look = store.open_look("digits", "beef", "ann", "verification", at=4.0, sketch=others)
            assert (look.number, look.overlap, look.elsewhere, look.sketch) == (2, 0.4, 0, others)

    def test_a_store_may_be_closed_twice(self) -> None:
        with self.study() as store:
            store.close()
