"""The arithmetic of the search benchmark, its problems, and our adapter in the harness's form."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import trialist as tl
from trialist.numerics.keys import Key

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:  # a name such as `problems` is no package's own
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(FOLDER):
            del sys.modules[name]


@pytest.fixture
def regret():
    return importlib.import_module("regret")


def run_of(optimizer, problem, losses, seed=0, **more):
    return {"optimizer": optimizer, "problem": problem, "seed": seed, "losses": losses, **more}


def test_an_incumbent_is_picked_by_what_was_seen_and_judged_by_what_is_true(regret):
    run = run_of("a", "p", [3.0, 1.0, 2.0, 0.5], true=[1.0, 5.0, 0.0, 2.0])
    assert regret.incumbents(run).tolist() == [1.0, 5.0, 5.0, 2.0]
    assert regret.incumbents(run_of("a", "p", [3.0, 1.0, 2.0, 0.5])).tolist() == [3.0, 1.0, 1.0, 0.5]


def test_regret_is_zero_at_the_best_and_one_at_the_median(regret):
    found = regret.regrets([run_of("a", "p", [14.0, 12.0, 10.0])], {"p": (10.0, 14.0), "q": (0.0, 1.0)})
    assert {problem: list(seeds) for problem, seeds in found["a"].items()} == {"p": [0]}
    np.testing.assert_allclose(found["a"]["p"][0], [1.0, 0.5, 0.0])


def test_a_pair_is_compared_on_common_problems_and_common_seeds_where_there_are_any(regret):
    one = {"p": {0: np.ones(1), 1: np.ones(1)}, "q": {0: np.ones(1)}}
    other = {"p": {1: np.zeros(1), 2: np.zeros(1)}, "q": {5: np.zeros(1)}, "r": {0: np.zeros(1)}}
    a, b = regret.common(one, other)
    assert {p: set(s) for p, s in a.items()} == {"p": {1}, "q": {0}}
    assert {p: set(s) for p, s in b.items()} == {"p": {1}, "q": {5}}


def test_means_are_over_seeds_then_problems_and_short_runs_are_not_known(regret):
    curves = {"p": {0: np.array([4.0, 0.0]), 1: np.array([4.0, 2.0])}, "q": {0: np.array([7.0])}}
    values = regret.at(curves, 2)
    assert values[0] == 1.0 and np.isnan(values[1])
    assert regret.mean(np.array([1.0, 3.0])).value == 2.0


def test_the_interval_of_a_ratio_is_over_problems(regret):
    same = regret.ratio(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 8.0]))
    assert tuple(same) == pytest.approx((0.5, 0.5, 0.5))
    low, high = regret.ratio(np.array([1.0, 8.0]), np.array([2.0, 4.0]))[1:]
    assert low == pytest.approx(0.5) and high == pytest.approx(2.0)


def test_a_missed_target_counts_as_one_and_a_half_runs(regret):
    curves = {"p": {0: np.array([1.0, 0.4, 0.1, 0.1]), 1: np.array([1.0, 1.0, 1.0, 1.0])}}
    assert regret.trials_to_reach(curves, {"p": 0.4}).value == pytest.approx((2 * 6) ** 0.5)


def test_the_references_are_of_the_problems_and_no_random_configuration_beats_them():
    problems = importlib.import_module("problems")
    synthetic, trained = importlib.import_module("problems.synthetic"), importlib.import_module("problems.trained")
    names = [f"synthetic:{name}" for name in synthetic.NAMES] + [f"trained:{name}" for name in trained.NAMES]
    assert list(problems.references()) == names
    for name in names[: len(synthetic.NAMES)]:
        problem, reference = problems.get(name), problems.references()[name]
        losses = [problem.loss(problem.space.draw(Key(5, n))) for n in range(200)]
        assert min(losses) >= reference["best"] - 1e-9
        assert 0.3 < np.mean(np.array(losses) < reference["median"]) < 0.7


def test_the_best_of_a_formula_is_where_its_source_has_it():
    problems = importlib.import_module("problems")
    synthetic = importlib.import_module("problems.synthetic")
    at = {f"x{i}": x for i, x in enumerate([0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573])}
    assert problems.get("synthetic:hartmann6").loss(at) == pytest.approx(0.0, abs=1e-5)
    assert problems.get("synthetic:constrained_hartmann6").space.allows(at)
    for x, y in ((-np.pi, 12.275), (np.pi, 2.275), (9.42478, 2.475)):
        assert problems.get("synthetic:branin").loss({"x": x, "y": y}) == pytest.approx(0.0, abs=1e-5)
    for function in (synthetic.ackley, synthetic.levy, synthetic.rosenbrock):
        assert function(np.zeros(4)) == pytest.approx(0.0, abs=1e-12)
        assert function(np.full(4, 0.01)) > 0.0


def test_noise_is_a_share_of_the_spread_and_the_same_for_a_seed():
    problem = importlib.import_module("problems").get("synthetic:noisy_hartmann6")
    config = problem.space.baseline()
    seen = [problem.observed(config, np.random.default_rng(s)) for s in (1, 1, 2)]
    assert seen[0] == seen[1] != seen[2]
    assert {true for _, true in seen} == {problem.loss(config)}
    spread = np.std([problem.loss(problem.space.draw(Key(3, n))) for n in range(1000)])
    assert problem.noise == pytest.approx(0.3 * spread, rel=0.2)


def test_the_adapter_runs_a_harness_space_with_conditions():
    adapter = importlib.import_module("harness_trialist")
    plain = {"low": 0.0, "high": 1.0, "log": False, "choices": (), "parent": None, "parent_values": ()}
    below = {"parent": "kind", "parent_values": ("a", "b")}
    space = [
        SimpleNamespace(**plain | {"name": "kind", "type": "cat", "choices": ("a", "b", "c")}),
        SimpleNamespace(**plain | {"name": "odd.name", "type": "float", "low": 1e-4, "log": True}),
        SimpleNamespace(**plain | below | {"name": "n", "type": "int", "high": 9}),
    ]
    made = adapter.space_of(space)
    assert made["odd.name"] == tl.Float(1e-4, 1.0, log=True)
    optimizer = adapter.make(space, seed=0, budget=30, variant="random")
    told = []
    for _ in range(30):
        token, config = optimizer.ask()
        assert ("n" in config) == (config["kind"] != "c")
        optimizer.tell(token, config, config["odd.name"])
        told.append(config)
    assert optimizer.chosen() == min(told, key=lambda config: config["odd.name"])
    optimizer.close()


def test_a_run_is_kept_and_not_made_again_and_peers_come_from_the_harness(tmp_path, monkeypatch, capsys):
    search = importlib.import_module("search")
    harness = tmp_path / "harness"
    (harness / "results").mkdir(parents=True)
    (harness / "suite_dev.json").write_text(json.dumps({"problems": ["f:1"], "core": ["f:1"]}))
    (harness / "reference.json").write_text(json.dumps({"f:1": {"best": 0.0, "median": 1.0}}))
    peer = run_of("peer_", "f:1", [1.0, 0.5, 0.5, 0.5], overhead_ms=[1.0] * 4)
    (harness / "results" / "peer.dev.jsonl").write_text(json.dumps(peer) + "\n" + json.dumps(peer | {"mode": "mf"}))
    ours = run_of("trialist:auto", "f:1", [1.0, 0.5, 0.5, 0.25], budget=4, tag="v1", workers=1, overhead_ms=[1.0] * 4)
    out = tmp_path / "runs.jsonl"
    out.write_text(json.dumps(ours) + "\n")
    options = ["--harness", str(harness), "--tag", "v1", "--seeds", "1", "--budget", "4", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["search.py", *options])
    monkeypatch.setattr(search, "one_thread", lambda: None)
    search.main()  # would fail in the harness, which has no loop, if it made the run again
    said = capsys.readouterr().out
    assert "0.250 / 0.500 = 0.50" in said and "100%" in said
    assert len(out.read_text().splitlines()) == 1
