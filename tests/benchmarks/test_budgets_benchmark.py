"""The simulated studies of the benchmark of budgets, a few of them: virtual time, the product's own process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import trialist as tl
from trialist.study import process, trainings
from trialist.trials.messages import Assignment
from trialist.trials.trial import GO_ON

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.chdir(tmp_path)
    for module in (process, trainings):  # the benchmark puts its executor there
        monkeypatch.setattr(module, "executor_for", module.executor_for)
    import budgets

    yield budgets
    del sys.modules["budgets"]


@pytest.mark.parametrize("number", [0, 1, 4, 5, 6, 7, 9])
def test_budgets_hold_with_heavy_tails_in_virtual_time(budgets, number: int) -> None:
    found = budgets.study(number, seed=5)
    assert found.kind != "apart"  # money told so late, and by nothing before, that nothing could be ended
    assert 0.2 * found.limit < found.used <= found.limit * (1 + 1e-9)
    assert found.has_verdict


def test_a_training_that_hangs_does_not_cost_the_verdict(budgets, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs(budgets.World):
        def seconds(self, params: dict[str, object], seed: int, what: str = "") -> float:
            return 1e6 if seed in hanging else 60.0

    hanging: set[int] = set()
    assigned = trainings.Trainings._assignment

    def assignment(self, index: int):
        made = assigned(self, index)
        if index == 0:
            hanging.add(made.seed)  # both sides have this seed
        return made

    monkeypatch.setattr(trainings.Trainings, "_assignment", assignment)
    monkeypatch.setattr(budgets, "World", Hangs)
    for number in (0, 4):  # money, time
        found = budgets.study(number, seed=5)
        assert hanging and found.has_verdict and found.used <= found.limit
        hanging.clear()


def test_the_simulated_executor_moves_the_clock_as_far_as_something_happens(budgets) -> None:
    clock, books = budgets.Clock(), budgets.Books()
    world = budgets.World("price", "lognormal", False, False, 0.0)
    executor = budgets.Simulated(world, clock, books, 1)
    params = {"x": 0.5, "width": 32, "k": "a"}
    executor.submit(Assignment(0, 0, params, 1, tl.Stage.SEARCH, 0, ("loss",), ""))
    assert executor.poll(lambda message: GO_ON, 0.5) == 0 and clock.now == 0.5
    while executor.runs:
        executor.poll(lambda message: GO_ON, 1e9)
    assert books.seconds == pytest.approx(world.seconds(params, 1)) == pytest.approx(clock.now)
