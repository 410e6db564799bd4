"""Older files take the steps that they lack, in order, once; newer ones are refused."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trialist.errors import StoreDamagedError, StoreVersionError
from trialist.store import open_store
from trialist.store.migrations import SCHEMA_VERSION, STEPS, Run, migrate, version_of
from trialist.testing.example_study import ME
from trialist.trials.foretold import Foretold
from trialist.trials.messages import Finished, Reported
from trialist.trials.run import Run as TrialRun
from trialist.trials.trial import Exhausted, Proposal, State, TrialRecord


def test_the_steps_that_a_file_lacks_are_taken_in_order() -> None:
    steps = {3: _step("three"), 2: _step("two"), 4: _step("four")}
    taken: list[str] = []
    assert migrate(taken.append, 2, steps) == 4
    assert taken == ["three", "four"]
    assert migrate(taken.append, 4, steps) == 4
    assert taken == ["three", "four"]


def test_each_version_after_the_first_has_its_step() -> None:
    assert sorted(STEPS) == list(range(2, SCHEMA_VERSION + 1))


def test_a_newer_version_is_refused_and_nonsense_is_damage() -> None:
    assert version_of(str(SCHEMA_VERSION), "s.db") == SCHEMA_VERSION
    with pytest.raises(StoreVersionError, match=r"s\.db.*newer.*Upgrade"):
        version_of(str(SCHEMA_VERSION + 1), "s.db")
    with pytest.raises(StoreDamagedError, match=r"s\.db.*schema"):
        version_of("many", "s.db")


def test_a_file_of_the_first_schema_opens_with_all_that_it_held_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    _write(path, schema=1)
    with closing(open_store(path)) as store:
        records = store.changes("old").records
        assert [(r.number, r.state, r.loss, r.cost) for r in records] == [
            (0, State.COMPLETE, 0.6, 0.125),
            (1, State.COMPLETE, 0.25, 0.125),
            (2, State.FAILED, None, None),
            (3, State.WAITING, None, None),
        ]
        assert all(r.is_feasible and not r.constraints for r in records)
        assert store.best("old") == records[1]
        queued = store.open_trial("old", ME, lambda number: Exhausted("none"), at=1.0)
        assert isinstance(queued, TrialRecord) and queued.number == 3
        result = Finished(3, 0, {"loss": (0.125,)}, 1.0, constraints={"ms": 2.0})
        record = store.record("old", 3, [result], at=2.0, owner=ME)
        assert record.violated == ("ms",) and store.best("old") == records[1]
    with closing(open_store(path)) as store:
        assert store.changes("old").records == (*records[:3], record)


def test_a_file_of_the_second_schema_keeps_its_reports_and_says_how_far_each_trial_came(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    _write(path, schema=2)
    with closing(open_store(path)) as store:
        records = store.changes("old").records
        assert [(r.number, r.state) for r in records] == [
            (0, State.COMPLETE),
            (1, State.COMPLETE),
            (2, State.STOPPED),
            (3, State.WAITING),
        ]
        first = records[0].reports
        assert [report.step for report in first] == [1, 2, 10]
        assert (first[0].metrics, first[2].value) == ({"acc": 0.5}, 0.75) and first[1].value != first[1].value
        assert [r.used for r in records] == [10, 1, 1, 1]
        assert all(r.fidelity is r.length is r.inherits is None and not r.course for r in records)
        assert store.load_study("old").plan.fidelity is None
        again = store.open_trial("old", ME, lambda number: Exhausted("none"), at=5.0)
        assert isinstance(again, TrialRecord) and (again.number, again.attempt) == (3, 1)
        told = [Reported(3, 1, 0.5, 2.0), Finished(3, 1, {"loss": (0.25,)}, 1.0, state=State.PAUSED)]
        record = store.record("old", 3, told, at=6.0, owner=ME)
        assert (record.state, record.reports[0].step) == (State.PAUSED, 0.5)
    with closing(open_store(path)) as store:
        assert repr(store.changes("old").records) == repr((*records[:3], record))


def test_trials_of_the_fourth_schema_do_not_say_who_ran_them_and_the_next_run_does(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    _write(path, schema=4)
    with closing(open_store(path)) as store:
        records = store.changes("old").records
        assert [(r.state, r.runs) for r in records] == [
            (State.COMPLETE, ()), (State.PAUSED, ()), (State.WAITING, ()), (State.WAITING, ()),
        ]  # fmt: skip
        assert [asked.words for asked in store.instructions("old")] == ["odd", "lunch"]
        again = store.open_trial("old", ME, lambda number: Exhausted("none"), 8.0, "ann@host:1/1")
        assert isinstance(again, TrialRecord) and (again.number, again.runs) == (2, (TrialRun("ann@host:1/1", 8.0),))
    with closing(open_store(path)) as store:
        assert store.trial("old", 2) == again


def test_of_trials_of_the_fifth_schema_nothing_was_foretold_and_of_the_next_one_it_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    _write(path, schema=5)
    told = Foretold(2, {"loss": (0.1, 0.2, 0.3, 0.4, 0.5)})
    with closing(open_store(path)) as store:
        records = store.changes("old").records
        assert [(r.loss, r.worker, r.foretold) for r in records] == [
            (0.6, "ann@host:1/1", None), (0.25, "ann@host:1/1", None), (None, "", None),
        ]  # fmt: skip
        (number,) = store.enqueue("old", [Proposal({"lr": 0.5}, "by a model", "gp", foretold=told)], at=7.0)
    with closing(open_store(path)) as store:
        assert store.trial("old", number).foretold == told
        assert store.changes("old").records[:3] == records


@pytest.mark.parametrize("schema", range(1, SCHEMA_VERSION))
def test_a_file_brought_up_to_date_has_the_tables_of_a_new_one(schema: int, tmp_path: Path) -> None:
    _write(tmp_path / "old.db", schema)
    for name in ("old.db", "new.db"):
        open_store(tmp_path / name).close()
    assert _tables(tmp_path / "old.db") == _tables(tmp_path / "new.db")


def _write(path: Path, schema: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(Path(__file__).with_name(f"schema_{schema}.sql").read_text(encoding="utf-8"))


def _tables(path: Path) -> tuple[list[object], list[object], str]:
    """Columns of all tables in no order, indexes as they were declared, and the schema's number."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = sorted((name, *row[1:]) for name in names for row in connection.execute(f"PRAGMA table_info({name})"))
        indexes = sorted(
            (name, re.sub(r"\s+", " ", text))
            for name, text in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'")
            if text
        )
        ((version,),) = connection.execute("SELECT value FROM trialist WHERE \"key\" = 'schema'").fetchall()
    return columns, indexes, version


def _step(name: str) -> object:
    def step(run: Run) -> None:
        run(name)

    return step
