"""Dashboards of real studies: asked directly, without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import trialist as tl
from trialist.store import open_store
from trialist.web.serve.app import app
from trialist.web.serve.guard import Rules

HOST = "http://127.0.0.1:8787"


@pytest.fixture
def study(tmp_path: Path) -> Iterator[tl.Study]:
    """A small study with a failure, a waiting trial, and names that have to be escaped."""
    space = tl.Space({"x": tl.Float(0.0, 1.0, default=0.5), "<b>kind": tl.Categorical(["a", "<i>"], default="a")})

    def objective(trial: tl.Trial) -> float:
        if trial.number == 3:
            raise ValueError("no <luck>")
        for step in range(1, 4):
            trial.report((trial["x"] - 0.3) ** 2 + 1 / step)
        return trial.last

    with tl.Study.create(
        space, minimize="loss", budget=20, store=tmp_path / "s.db", name="tiny", strategy="random"
    ) as made:
        made.optimize(objective, trials=6)
        made.enqueue({"x": 0.25}, "a guess")
        yield made


@pytest.fixture
def visit(study: tl.Study) -> Callable[..., TestClient]:
    """A visitor of the study's dashboard, under the rules given."""

    def visitor(rules: Rules | None = None, **more: object) -> TestClient:
        store = open_store(study.store.url)
        return TestClient(app(store, rules or Rules()), base_url=HOST, follow_redirects=False, **more)

    return visitor
