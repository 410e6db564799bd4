"""What the server keeps of a study: thin where it is long, as new as the store, slow parts computed with rests."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import trialist as tl
from trialist.web.data import ReportData
from trialist.web.serve.background import Background
from trialist.web.serve.board import FIRST, REST, Board

SPACE = tl.Space(x=tl.Float(0.0, 1.0, default=0.5))


def objective(trial: tl.Trial) -> float:
    for step in range(1, 31):
        trial.report((trial["x"] - 0.3) ** 2 + 1 / step)
    return trial.last


@pytest.fixture
def study(tmp_path: Path) -> Any:
    with tl.Study.create(
        SPACE, minimize="loss", budget=200, store=tmp_path / "s.db", strategy="random", scheduler="none"
    ) as made:
        made.optimize(objective, trials=90)
        yield made


def test_a_long_study_is_read_thin_and_only_its_curves_are_thinned(study: tl.Study) -> None:
    whole = Board(study.store, study.name, Background(1), wall=lambda: 1.0)
    thin = Board(study.store, study.name, Background(1), wall=lambda: 1.0, whole=1_000)
    _computed(whole), _computed(thin)
    assert max(len(record.reports) for record in whole.data().records) == 30
    assert max(len(record.reports) for record in thin.data().records) == 1
    for panel in ("history", "parallel", "timeline", "budget"):
        assert _panel(thin, panel) == _panel(whole, panel)
    curves = _panel(thin, "curves")["data"]
    assert "empty" not in curves and len(json.dumps(curves)) > 5_000
    best = min(study.trials, key=lambda record: (record.loss, record.number))
    assert f'"n": {best.number},' in json.dumps(curves)


def test_what_is_read_is_as_new_as_the_store_and_what_is_computed_comes_after(study: tl.Study) -> None:
    board = Board(study.store, study.name, Background(1), wall=lambda: 1.0)
    first = board.data()
    assert board.is_computing and not first.plan_lines and len(first.records) == 90
    _computed(board)
    assert board.data().plan_lines and board.version == 1
    report = ReportData.of(study, 1.0)
    for field in fields(report):
        ours, theirs = getattr(board.data(), field.name), getattr(report, field.name)
        if field.name not in ("panels_at", "effects", "spent", "outlays"):
            assert repr(ours) == repr(theirs), field.name
    study.enqueue({"x": 0.25})
    assert board.data().records[-1].params == {"x": 0.25} and board.data().plan_lines
    study.extend(300)
    assert board.data().plan.budget.trials == 300
    study.store.write_stage(study.name, "left", {"trials": 9, "words": "much", "budget": str(tl.Budget(300))}, 1.0)
    assert board.data().stopping == "much"


def test_the_charts_of_a_page_come_before_what_takes_long(study: tl.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    waited, may_go_on = list[float](), threading.Event()

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        may_go_on.wait(60.0)

    monkeypatch.setattr(time, "sleep", sleep)
    board = Board(study.store, study.name, Background(2), wall=lambda: 1.0)
    board.data()
    assert _panel(board, "history")["data"] and board.is_computing
    may_go_on.set()
    monkeypatch.undo()
    _until(lambda: not board.is_computing)
    assert waited == [FIRST]


def test_a_slow_panel_is_computed_again_after_a_rest_alone(study: tl.Study) -> None:
    now = [100.0]
    board = Board(study.store, study.name, Background(1), clock=lambda: now[0])
    work, known = board.panel("history")
    assert known is None and work is not None and work.result(timeout=30)
    board._panels["history", ""].seconds = 2.0  # as if it had taken that
    before = board.panel("history")[1]
    study.enqueue({"x": 0.25})
    assert board.panel("history") == (None, before)  # it rests
    now[0] += 2.0 * REST - 0.1
    board.refresh()
    assert board.panel("history") == (None, before)
    now[0] += 0.2
    board.refresh()  # as the stream of events does, when nobody asks
    _until(lambda: board.panels_version == 1)
    assert board.panel("history")[1] is not None


def test_a_fault_of_a_computation_is_told_and_leaves_the_rest(
    study: tl.Study, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(data: ReportData, study: tl.Study) -> ReportData:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(ReportData, "computed", broken)
    board = Board(study.store, study.name, Background(1))
    assert len(board.data().records) == 90
    _until(lambda: not board.is_computing)
    assert len(board.data().records) == 90 and "a fault of ours" in caplog.text


def _computed(board: Board) -> None:
    board.data()
    _until(lambda: not board.is_computing)


def _panel(board: Board, name: str) -> Any:
    work, known = board.panel(name)
    return json.loads(known or work.result(timeout=60))  # type: ignore[union-attr]


def _until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.02)
