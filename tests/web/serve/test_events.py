"""Live updates: every change is told once, in order, also over a killed server; a study that goes is told."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import trialist as tl
from trialist.protocols import Moment
from trialist.store import open_store
from trialist.trials.instruction import Act
from trialist.web.serve.background import Background
from trialist.web.serve.board import Board
from trialist.web.serve.events import all_moments, id_of, moment_of, news, stream


def _beside(name: str) -> ModuleType:
    """A module that stands beside this one; tests are no package."""
    spec = importlib.util.spec_from_file_location(f"dashboard_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


servers = _beside("servers")
TRIALS = 120


def test_no_change_is_missed_while_a_study_runs_and_the_server_is_killed_and_started_again(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    command = [sys.executable, str(servers.WRITER), str(path), str(TRIALS), str(TRIALS // 2)]
    writer = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _until(lambda: _trials(path) > 3)
        listener = servers.Listener("/studies/live/events?last=0.0-0-0-0-0")  # it knows nothing yet
        with servers.serving(path, "--port", "0") as first:
            listener.start(first.url)
            _until(lambda: len(_told(listener)) > 20)
            first.process.send_signal(signal.SIGKILL)
            first.process.wait()
        listener.stop()
        assert writer.poll() is None and len(_told(listener)) <= TRIALS // 2 + 1
        before = _trials(path)
        Path(f"{path}.go").touch()
        _until(lambda: _trials(path) > before + 10)  # it goes on without a server
        listener.path = "/studies/live/events"
        with servers.serving(path, "--port", "0") as second:
            listener.start(second.url)
            assert writer.wait(timeout=120) == 0
            store = open_store(path)
            end = id_of(store.moment("live"))
            _until(lambda: listener.last == end)
            assert second.end() < 5
            listener.stop()
            store.close()
    finally:
        writer.kill()
        writer.wait()
    # Whatever changed between two events is in the later one: so each closing was told, and cursors only grow.
    assert _told(listener) == set(range(TRIALS))
    assert sum(told["closed"] for _, kind, told in listener.events if kind == "change") >= TRIALS
    cursors = [moment_of(i).changes for i, _, _ in listener.events]
    assert cursors == sorted(cursors) and cursors[-1] == moment_of(end).changes
    assert listener.events[-1][2]["progress"].startswith("Best loss ")


def test_an_id_tells_a_moment_and_what_is_none_is_a_fresh_visitor() -> None:
    for moment in (Moment(1e-05, 0, 0, 0, 0), Moment(1764476000.123456, 10**9, 3, 4, 5)):
        assert moment_of(id_of(moment)) == moment
    for text in ("", "x", "1-2-3", "1.5-1-1-1-x", "1.5-1-1-1--1", "nan"):
        assert moment_of(text) is None


def test_news_names_what_changed_and_nothing_else(tmp_path: Path) -> None:
    with tl.Study.create(tl.Space(x=tl.Float(0, 1)), minimize="loss", budget=9, store=tmp_path / "s.db") as study:
        study.optimize(lambda trial: trial["x"], trials=3)
        board, store = Board(study.store, study.name, Background(1)), study.store
        since = board.moment()
        study.optimize(lambda trial: trial["x"], trials=1)
        told = news(board, since, board.moment())
        assert told["trials"] == [3] and told["closed"] == 1 and told["states"] == {"complete": 1}
        assert not told["plan"] and not told["instructions"]
        assert told["cursor"] == board.moment().changes
        since = board.moment()
        store.instruct(study.name, Act.NOTE, "ann", "hm", 1.0)
        study.extend(12)
        told = news(board, since, board.moment())
        assert told["plan"] and told["instructions"] and told["trials"] == [] and not told["stages"]


def test_a_visitor_is_told_that_a_study_is_gone_and_all_of_one_that_took_its_name(tmp_path: Path) -> None:
    space, store = tl.Space(x=tl.Float(0, 1)), open_store(tmp_path / "s.db")

    def fresh() -> tl.Study:
        study = tl.Study.create(space, minimize="loss", budget=9, store=store, name="one")
        study.optimize(lambda trial: trial["x"], trials=2)
        return study

    fresh()
    board = Board(store, "one", Background(1))
    known = id_of(board.moment())
    assert board.data().records[1].state.is_closed
    before = all_moments(store)
    store.delete_study("one")
    assert all_moments(store) != before

    async def heard(wanted: int) -> list[str]:
        events = []
        async for event in stream(board, known, lambda: False):
            events.append(event)
            if len(events) == wanted:
                break
        return events

    fresh()
    first, second = asyncio.run(heard(2))
    assert "event: hello" in first and "event: change" in second and '"trials": [0, 1]' in second
    assert len(board.data().records) == 2
    task = heard(9)

    async def gone() -> list[str]:
        running = asyncio.create_task(task)
        await asyncio.sleep(0.5)
        store.delete_study("one")
        return await running

    assert "event: gone" in asyncio.run(gone())[-1]
    store.close()


def test_what_was_computed_between_a_page_and_its_events_is_told(tmp_path: Path) -> None:
    with tl.Study.create(tl.Space(x=tl.Float(0, 1)), minimize="loss", budget=9, store=tmp_path / "s.db") as study:
        study.optimize(lambda trial: trial["x"], trials=3)
        board = Board(study.store, study.name, Background(1))
        made, at = board.versions, id_of(board.moment())
        board.data()
        assert board.is_computing  # as the page says
        _until(lambda: not board.is_computing)

        async def heard(made: tuple[int, int] | None, looks: int) -> list[str]:
            left = iter(range(looks))
            return [event async for event in stream(board, at, lambda: next(left, None) is None, made)]

        hello, computed = asyncio.run(heard(made, 2))
        assert "event: hello" in hello and "event: computed" in computed
        assert len(asyncio.run(heard(board.versions, 2))) == 1  # a page that was made afterwards has it


def test_a_stream_ends_with_its_server(tmp_path: Path) -> None:
    with tl.Study.create(tl.Space(x=tl.Float(0, 1)), minimize="loss", budget=9, store=tmp_path / "s.db") as study:
        board = Board(study.store, study.name, Background(1))

        async def all_of_it() -> list[str]:
            return [event async for event in stream(board, "", lambda: True)]

        (hello,) = asyncio.run(all_of_it())
        assert f"id: {id_of(board.moment())}" in hello and "retry: " in hello


def _told(listener: Any) -> set[int]:
    return {number for _, kind, told in listener.events if kind == "change" for number in told["trials"]}


def _trials(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        store = open_store(path, create=False)
    except OSError:
        return 0
    try:
        return store.load_study("live").trials if store.studies() else 0
    finally:
        store.close()


def _until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)
