"""The studies that tell how often intervals hold the truth: their truth is what their losses come to in the mean."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
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


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "rmse", "roc_auc"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_the_truth_is_what_many_studies_find(metric, seeds, monkeypatch):
    arms = importlib.import_module("honesty.arms")
    monkeypatch.setattr(arms, "MANY", 100_000)
    p = arms.problem(metric, 2, np.random.default_rng(4))
    assert p.kind == "different"
    draws = np.random.default_rng(0)
    truths = arms.truth_of(p, 0, draws), arms.truth_of(p, 1, draws)
    found = list(arms.studies(p, 500, seeds, 120, np.random.default_rng(1), truths))
    differences = np.array([a.mean() - b.mean() for a, b in (study.losses for study in found)])
    error = differences.std() / np.sqrt(len(found))
    assert len(found) == 120 and found[0].losses[0].shape == (seeds, 500)
    assert abs(found[0].truth) > error  # there is something to find
    assert abs(differences.mean() - found[0].truth) < 4 * error


def test_configurations_of_a_problem_without_a_difference_have_none(monkeypatch):
    arms = importlib.import_module("honesty.arms")
    monkeypatch.setattr(arms, "MANY", 50_000)
    for number in (0, 1):
        p = arms.problem("log_loss", number, np.random.default_rng(number))
        first = arms.truth_of(p, 0, np.random.default_rng(0))
        second = first if p.kind == "equal" else arms.truth_of(p, 1, np.random.default_rng(1))
        study = next(arms.studies(p, 50, 1, 1, np.random.default_rng(2), (first, second)))
        assert study.truth == pytest.approx(0, abs=1e-9)


def test_a_table_counts_over_problems_and_claims_only_where_there_is_no_difference():
    coverage = importlib.import_module("honesty.coverage")
    cell = coverage.Cell("rmse", "equal", 100, 3, 50, 48, 2, 0, 1.1)
    cells = [cell, cell._replace(kind="different", held=42, improved=40)]
    assert coverage.table(cells)[-1] == "| rmse | 100 | 3 | 100 | 90.0 | 1.10 | 4.0 | 0.0 |"
    assert coverage.summary(cells)[-1].endswith("within 93 to 97 %: 0 of 1 sizes; 90.0% to 90.0%")
