"""Functions that are drawn anew for each seed: their optima are what they are said to be."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from trialist.numerics.keys import Key

FUNCTIONS = ("ackley3", "rosenbrock4", "bowl5", "levy2", "styblinski4", "hartmann6", "branin2", "valley3", "field2")


@pytest.fixture
def problems(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    yield importlib.import_module("problems")
    for name in [name for name in sys.modules if name.partition(".")[0] == "problems"]:
        del sys.modules[name]  # such a name is no package's own


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_point_is_better_than_the_optimum(problems, function):
    problem = problems.get(f"drawn:{function}/0/1")
    lowest = importlib.import_module("problems.drawn").optimum(problem)
    losses = [problem.loss(problem.space.draw(Key(0, number))) for number in range(500)]
    assert min(losses) >= lowest - 1e-6
    assert min(losses) - lowest < max(losses) - min(losses)  # and it is near what random points find


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_seed_draws_another_function(problems, function):
    one, other = (problems.get(f"drawn:{function}/0/{seed}") for seed in (1, 2))
    middle = one.space.draw(Key(0, 0))
    assert one.loss(middle) != other.loss(middle)
    assert problems.get(f"drawn:{function}/0/1").loss(middle) == one.loss(middle)


def test_noise_is_a_share_of_the_deviation(problems):
    quiet, noisy = problems.get("drawn:levy2/0.1/1"), problems.get("drawn:levy2/0.3/1")
    assert noisy.noise == pytest.approx(3 * quiet.noise) and quiet.noise > 0
