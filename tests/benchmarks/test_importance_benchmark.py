"""Functions whose variance is known, beside closed forms; and what the importance benchmark makes of a search."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(FOLDER):
            del sys.modules[name]


@pytest.fixture
def decomposed(monkeypatch):
    found = importlib.import_module("problems.decomposed")
    monkeypatch.setattr(found, "POINTS", found.BLOCK)
    return found


def test_shares_of_ishigamis_function_are_those_of_its_closed_form(decomposed):
    a, b, pi = 7, 0.1, math.pi
    first = (1 + b * pi**4 / 5) ** 2 / 2
    second, joint = a**2 / 8, b**2 * pi**8 * (1 / 18 - 1 / 50)
    whole, known = first + second + joint, decomposed.truth("ishigami")
    assert known.variance == pytest.approx(whole, rel=0.02)
    assert known.main == pytest.approx({"x0": first / whole, "x1": second / whole, "x2": 0}, abs=0.01)
    assert known.interacting == pytest.approx({"x0": joint / whole, "x1": 0, "x2": joint / whole}, abs=0.01)
    assert known.together[frozenset({"x0", "x2"})] == pytest.approx(joint / whole, abs=0.01)
    assert known.together[frozenset({"x0", "x1"})] == pytest.approx(0, abs=1e-9)


def test_dials_of_different_branches_do_not_act_together(decomposed):
    known = decomposed.truth("conditional")
    assert known.together[frozenset({"momentum", "rate"})] < 1e-9
    assert known.together[frozenset({"beta", "momentum"})] < 1e-9
    assert known.together[frozenset({"optimizer", "rate"})] == pytest.approx(0.05, abs=0.01)
    assert known.main["inert"] < 0.001 and known.interacting["inert"] < 1e-9


def test_a_search_is_judged_beside_the_truth_and_optunas_evaluators(decomposed):
    pytest.importorskip("optuna")
    pytest.importorskip("sklearn")
    importance = importlib.import_module("importance")
    problem = decomposed.FUNCTIONS["conditional"]
    rows = importance.searched(problem, 0, 30)
    assert len(rows) == 30
    judged = importance.judged(problem, 0, rows)
    assert judged["told"] and max(judged["errors"]) < 0.2
    assert set(judged["ranks"]) == set(judged["main_ranks"]) == {"ours", "fANOVA", "impurity", "PED-ANOVA"}
    assert len(judged["together"]) + len(judged["apart"]) <= 10 and judged["together"]
