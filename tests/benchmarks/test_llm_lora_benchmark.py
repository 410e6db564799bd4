"""The benchmark of fine-tuning, on a task that needs no training: what it searches, keeps and tells."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import trialist as tl

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import llm_lora

    yield llm_lora
    del sys.modules["llm_lora"]


def objective(trial):
    if trial.number == 2:
        raise ValueError("diverged")
    return 1 + (math.log10(trial["lr"]) + 2) ** 2


TASK = SimpleNamespace(DIALS={"lr": tl.Float(1e-4, 1.0, log=True, default=1e-3)}, objective=objective)


def test_a_search_is_kept_and_goes_on_where_it_stopped(benchmark, tmp_path):
    args = benchmark.arguments(["--workers", "1", "--store", str(tmp_path / "b.db")])
    found = benchmark.searched(TASK, "ours-0", "auto", 8, 0, args)
    assert len(found.losses) == 8
    assert found.losses[0] == 2.0
    assert found.losses[2] == math.inf
    assert found.best() == 1 + (math.log10(found.params["lr"]) + 2) ** 2
    assert found.best(1) == 2.0
    assert benchmark.searched(TASK, "ours-0", "auto", 8, 0, args) == found


def test_the_ratio_is_to_the_best_of_all_random_trials(benchmark):
    ours = benchmark.Found((3.0, 2.0), {}, 10.0)
    random = benchmark.Found((3.0, *[2.5] * 25, 1.6), {}, 30.0)
    lines = benchmark.told([(0, ours, random), (1, ours, ours)])
    assert lines[1].split() == ["0", "3.0000", "2.0000", "2.5000", "1.6000", "1.250", "10", "30"]
    assert lines[-1] == "at most 1.05: 1 of 2 seeds; mean 1.125, largest 1.250"
