"""The benchmark of predictions: a study is searched and told as a row, shares over all of its trials."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from trialist.effects.findings import Came

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def foretold(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module("foretold")
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(FOLDER):
            del sys.modules[name]


def test_shares_are_over_all_trials_and_halves_are_of_each_study(foretold):
    came = [Came(n, 0.0, 1.0, 2.0, 3.0, 4.0, so_far=9.0, came=came) for n, came in enumerate([2.0, 3.5, 5.0, 8.0])]
    whole = SimpleNamespace(rank=0.5)
    before = SimpleNamespace(enough=True, trials=tuple(came), widened=3.0, whole=whole)
    after = SimpleNamespace(coverage=0.75)
    cells = foretold.row([(before, after), (SimpleNamespace(enough=False), after)])
    assert cells == ["4", "25%", "50%", "100%", "0%", "3.0", "75%", "0.50", "75%"]


def test_a_problem_is_searched_by_the_process_that_foretells(foretold):
    before, after = foretold.searched("branin", 16, 0)
    assert before.enough and before.metric == "loss" and len(before.trials) >= 8 and after.metric == "loss"
