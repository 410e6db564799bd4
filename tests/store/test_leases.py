"""Who is dead: by process, by silence, by a count of beats that stands still; never by the wall clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.protocols import Owner
from trialist.store import coordinators, leases, open_store
from trialist.store.leases import Lease, Process, Sightings, seconds_alive, this_process
from trialist.testing.example_study import ME, PLAN, SPACE, opened, proposed
from trialist.trials.trial import State


def test_a_living_process_that_beats_is_alive() -> None:
    assert not Sightings().is_dead(_lease())


def test_a_process_that_is_gone_is_dead_at_once_though_its_beat_is_fresh() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = replace(this_process(), pid=child.pid, start=leases._start_of(child.pid) or "")
    assert not Sightings().is_dead(_lease(process))
    child.communicate()
    assert Sightings().is_dead(_lease(process))


def test_another_process_with_the_same_number_is_not_the_one_that_held_the_lease() -> None:
    assert Sightings().is_dead(_lease(replace(this_process(), start="12")))


def test_a_silent_process_is_dead_though_it_still_runs() -> None:
    now = time.monotonic()
    assert Sightings().is_dead(_lease(beat=now - 61.0))
    assert not Sightings().is_dead(_lease(beat=now - 59.0))


def test_in_another_container_of_the_same_machine_only_silence_tells() -> None:
    elsewhere = replace(this_process(), namespace="pid:[1]", pid=2**30, start="")
    now = time.monotonic()
    assert not Sightings().is_dead(_lease(elsewhere, beat=now - 59.0))
    assert Sightings().is_dead(_lease(elsewhere, beat=now - 61.0))


def test_on_another_boot_a_count_of_beats_that_stands_still_tells() -> None:
    sightings, foreign = Sightings(), Process("another boot", "", 1, "")
    lease = replace(_lease(foreign, beat=-1e9), lease_seconds=0.03)
    assert not sightings.is_dead(lease)  # seen for the first time
    time.sleep(0.04)
    assert not sightings.is_dead(replace(lease, beats=2))  # it has beaten meanwhile
    time.sleep(0.04)
    assert sightings.is_dead(replace(lease, beats=2))


def test_a_lease_without_end_ends_with_its_process_alone() -> None:
    assert not Sightings().is_dead(replace(_lease(beat=0.0), lease_seconds=float("inf")))


def test_a_forked_child_is_another_process() -> None:
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(writer, str(this_process().pid == os.getpid()).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writer)
    assert os.fdopen(reader).read() == "True"


def test_psutil_tells_the_same_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_has_proc", lambda: False)
    mine = leases._start_of(os.getpid())
    assert mine is not None and mine == leases._start_of(os.getpid())
    assert leases._start_of(2**30) is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=8))
def test_seconds_alive_are_those_covered_by_at_least_one_span(spans: list[tuple[int, int]]) -> None:
    covered = {second for start, length in spans for second in range(start, start + length)}
    given_leases = [_span(start, start + length) for start, length in spans]
    assert seconds_alive(given_leases) == len(covered)
    elsewhere = [replace(lease, process=Process("elsewhere", "", 1, "")) for lease in given_leases]
    assert seconds_alive(given_leases + elsewhere) == 2 * len(covered)


def test_a_long_proposal_costs_nobody_a_lease_that_it_kept_from_being_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinators, "BEAT_SECONDS", 0.01)
    store, other = open_store(tmp_path / "s.db"), Owner("other", 0.3)
    store.create_study(PLAN, SPACE, at=1.0)
    opened(store, other)

    def slow(number: int) -> object:
        time.sleep(0.4)
        return proposed(number)

    store.open_trial("digits", ME, slow, at=2.0)  # type: ignore[arg-type]
    assert store.release_expired("digits", at=3.0) == ()
    time.sleep(0.35)
    (freed,) = store.release_expired("digits", at=3.0)
    assert (freed.number, freed.state) == (0, State.WAITING)
    store.close()


def test_seconds_spent_outlive_the_process_that_spent_them(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    store.create_study(PLAN, SPACE, at=1.0)
    opened(store, ME)
    time.sleep(0.05)
    store.renew(ME)
    store.close()
    store = open_store(tmp_path / "s.db")
    assert 0.05 <= store.spent("digits")["seconds"] < 30.0
    store.close()


def _lease(process: Process | None = None, beat: float | None = None) -> Lease:
    now = time.monotonic()
    return Lease("t", process or this_process(), now - 100.0, now if beat is None else beat, 1, 60.0, "")


def _span(start: int, end: int) -> Lease:
    return Lease("t", Process("here", "", 1, ""), start, end, 1, 60.0, "")
