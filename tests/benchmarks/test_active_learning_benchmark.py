"""The benchmark of trials that tell most: both halves of a pair begin alike, and only one spends such trials."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from trialist.search import build

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def active_learning(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(build, "_BUILDERS", build._BUILDERS)
    before = set(sys.modules)
    yield importlib.import_module("active_learning")
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(FOLDER):
            del sys.modules[name]


def test_a_pair_differs_by_the_trials_that_are_spent(active_learning, monkeypatch):
    monkeypatch.setattr(active_learning, "TRIALS", 56)
    found = active_learning.pair("drawn:branin2/0.1/1", 1)
    assert found["spent"] > 0
    assert found["with"] != found["without"]
    assert min(found["with"], found["without"]) > -1e-9


def test_the_table_counts_pairs_by_noise(active_learning, capsys):
    runs = [
        {"problem": f"drawn:levy4/{noise}/0", "without": 0.1, "with": after, "spent": 4}
        for noise, after in (("0", 0.1), ("0.1", 0.2), ("0.1", 0.05))
    ]
    active_learning.table(runs)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [["| 0", "1"], ["| 0.1", "2"], ["| all", "3"]]
    assert lines[3].endswith("| 1, 1 |")
    assert "+0.0250 ±" in lines[3]
