"""The multi-fidelity benchmark: simulated workers, problems whose early epochs mislead, optimizers, arithmetic."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

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
def simulation():
    return importlib.import_module("simulation")


@pytest.fixture
def learning():
    return importlib.import_module("problems.learning")


@pytest.fixture
def tables():
    return importlib.import_module("fidelity_tables")


# Simulated workers


class Script:
    """Asks for what a list says, and keeps what it is told; ends a job at epoch `ends` of a configuration."""

    def __init__(self, asks, ends=()):
        self.asks, self.ends, self.log = list(asks), dict(ends), []

    def ask(self):
        if not self.asks or self.asks[0] is None:
            self.asks = self.asks[1:]
            return None
        name, upto = self.asks.pop(0)
        return name, {"name": name}, upto

    def report(self, token, epoch, loss):
        self.log.append((token, epoch))
        return self.ends.get(token) != epoch

    def tell(self, token, epoch, loss):
        self.log.append((token, "told", epoch))


def curves_of(simulation, **curves):
    """By name: losses, a second an epoch; that of the name `slow` takes three."""

    def curve(config):
        losses = np.array(curves[config["name"]], dtype=float)
        return simulation.Curve(losses, losses, np.full(len(losses), 3.0 if config["name"] == "slow" else 1.0))

    return curve


def test_a_training_that_goes_on_pays_only_its_further_epochs(simulation):
    script = Script([("a", 2), ("b", 1), ("a", 4)])
    run = simulation.simulate(lambda: script, curves_of(simulation, a=[4, 3, 2, 1], b=[5, 5, 5, 5]), 100, 1)
    assert script.log == [
        *[("a", 1), ("a", 2), ("a", "told", 2), ("b", 1), ("b", "told", 1)],
        *[("a", 3), ("a", 4), ("a", "told", 4)],
    ]
    assert (run["epochs"], run["configs"], run["jobs"], run["full"]) == (5, 2, 3, 1)
    assert run["trace"] == [[1, 1.0, 4.0], [2, 2.0, 3.0], [4, 4.0, 2.0], [5, 5.0, 1.0]]


def test_workers_share_the_epochs_and_the_faster_one_does_more_of_them(simulation):
    script = Script([("slow", 4), ("a", 4), ("b", 4)])
    curve = curves_of(simulation, slow=[9, 9, 9, 9], a=[8, 7, 6, 5], b=[4, 3, 2, 1])
    run = simulation.simulate(lambda: script, curve, 7, 2)
    assert [line for line in script.log if line[1] != "told"] == [
        *[("a", 1), ("a", 2), ("slow", 1), ("a", 3), ("a", 4), ("b", 1), ("slow", 2)]
    ]
    assert (run["epochs"], run["clock"]) == (7, 6.0)
    assert (run["full"], run["left"]) == (1, 0)  # two are on their way yet


def test_a_worker_without_a_job_asks_again_after_the_next_tell(simulation):
    script = Script([("a", 2), None, ("b", 1), ("c", 1)])
    losses = {name: [1, 1, 1, 1] for name in "abc"}
    run = simulation.simulate(lambda: script, curves_of(simulation, **losses), 100, 2)
    assert script.log[-4:] == [("b", 1), ("b", "told", 1), ("c", 1), ("c", "told", 1)]
    assert (run["epochs"], run["clock"]) == (4, 3.0)  # the last two side by side


def test_what_is_trained_already_is_answered_at_once_and_endless_asking_is_an_error(simulation):
    script = Script([("a", 3), ("a", 2), ("a", 4)])
    run = simulation.simulate(lambda: script, curves_of(simulation, a=[4, 3, 2, 1]), 100, 1)
    assert script.log[3:6] == [("a", "told", 3), ("a", 2), ("a", "told", 2)]
    assert run["epochs"] == 4
    with pytest.raises(RuntimeError, match="trained already"):
        simulation.simulate(lambda: Script([("a", 1)] * 2000), curves_of(simulation, a=[1, 1]), 100, 1)


def test_trainings_left_behind_are_judged_by_what_they_would_have_come_to(simulation):
    script = Script([("full", 4), ("wrong", 4), ("right", 1), ("worst", 2)], ends={"wrong": 2})
    curve = curves_of(simulation, full=[9, 8, 5, 4], wrong=[9, 9, 3, 1], right=[7, 7, 7, 7], worst=[9, 9, 9, 9])
    run = simulation.simulate(lambda: script, curve, 100, 1)
    assert (run["full"], run["left"], run["wrong"], run["missed"]) == (1, 3, 1, 3.0)
    none = simulation.simulate(lambda: Script([("wrong", 3)]), curve, 100, 1)
    assert (none["full"], none["left"], none["wrong"], none["missed"]) == (0, 1, None, None)


def test_the_best_checkpoint_is_picked_by_what_was_seen_and_judged_by_what_is_true(simulation):
    curve = simulation.Curve(np.array([3.0, 1.0, 2.0]), np.array([1.0, 5.0, 0.0]), np.ones(3))
    run = simulation.simulate(lambda: Script([("a", 3)]), lambda config: curve, 100, 1)
    assert [loss for _, _, loss in run["trace"]] == [1.0, 5.0]


# Problems


def drawn(learning, name, n=300):
    """(observed, true) losses of random configurations, (n, 52) each."""
    problem = learning.training(name)
    curves = [problem.curve(problem.space.draw(Key(6, number))) for number in range(n)]
    return np.array([curve.observed for curve in curves]), np.array([curve.true for curve in curves])


def agreement(losses, epoch):
    """Rank agreement between an epoch and the last one."""
    return spearmanr(losses[:, epoch - 1], losses[:, -1]).statistic


def test_a_training_ends_where_the_formula_has_it_and_is_the_same_each_time(learning):
    problems = importlib.import_module("problems")
    for name in learning.NAMES:
        problem, formula = learning.training(name), name.rpartition("/")[2]
        base, levels = problems.get(f"synthetic:{formula}"), problems.references()[f"synthetic:{formula}"]
        config = base.space.draw(Key(9, 1))
        expected = (base.loss(config) - levels["best"]) / (levels["median"] - levels["best"])
        curve = problem.curve(config)
        assert curve.true[-1] == pytest.approx(expected, abs=1e-9), name
        assert len(curve.observed) == len(curve.seconds) == problem.epochs and (curve.seconds > 0).all()
        np.testing.assert_array_equal(problem.curve(dict(config)).observed, curve.observed)


@pytest.mark.parametrize("formula", ["hartmann6", "levy6", "mixed"])
def test_early_epochs_mislead_where_they_are_to(learning, formula):
    crossing, _ = drawn(learning, f"misleading:crossing/{formula}")
    unheard, _ = drawn(learning, f"misleading:unheard/{formula}")
    late, _ = drawn(learning, f"misleading:late/{formula}")
    assert all(agreement(crossing, epoch) < -0.99 for epoch in (1, 2, 6, 10))
    assert all(abs(agreement(unheard, epoch)) < 0.15 for epoch in (1, 6, 18, 26)) and agreement(unheard, 45) > 0.9
    assert agreement(late, 18) < -0.4  # of those that still stand, nothing is seen; those that fell are the worse
    for losses in (crossing, unheard, late):
        assert losses[:, :10].min() > 1.0  # worse than what the median configuration comes to
    good, bad = late[late[:, -1].argsort()[[0, 200]]]
    assert (np.diff(good[:35]) == 0).all() and bad[34] < bad[0]


@pytest.mark.parametrize("formula", ["hartmann6", "levy6", "mixed"])
def test_other_early_epochs_can_be_trusted_the_more_the_later(learning, formula):
    observed, true = drawn(learning, f"learning:power/{formula}")
    np.testing.assert_array_equal(observed, true)
    assert (np.diff(true, axis=1) < 0).all()
    assert 0.5 < agreement(true, 2) < agreement(true, 18) < 0.9999 and agreement(true, 18) > 0.8
    early, late = true[:, 1].argsort(), true[:, -1].argsort()
    assert set(late[:5]) <= set(early[:100])  # the best third at epoch 2 holds the best of the end
    noisy, clean = drawn(learning, f"learning:noisy/{formula}")
    np.testing.assert_array_equal(clean, true)
    assert np.std(noisy - clean) == pytest.approx(learning.NOISE, rel=0.05)


# Optimizers


def run_of(simulation, learning, name, workers=1, problem="learning:power/hartmann6", full_runs=20):
    make = importlib.import_module("fidelity_optimizers").make
    found = learning.training(problem)
    return simulation.simulate(
        lambda: make(name, found.space, 0, found.epochs, workers, full_runs),
        found.curve,
        full_runs * found.epochs,
        workers,
    )


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("cut", [3, 6])
def test_the_top_ten_are_finished_with_all_that_the_others_left(simulation, learning, cut, workers):
    run = run_of(simulation, learning, f"top10@{cut}", workers)
    assert run["full"] == 10 and run["jobs"] == run["configs"] + 10
    assert 1040 - cut < run["epochs"] == cut * run["configs"] + 10 * (52 - cut) <= 1040
    space = tl.Space(x=tl.Float(0, 1))
    script = importlib.import_module("fidelity_optimizers").make(f"top10@{cut}", space, 0, 52, 1, 20)
    seen = {}
    while (asked := script.ask())[2] == cut:
        seen[asked[1]["x"]] = abs(asked[1]["x"] - 0.5)
        script.tell(asked[0], cut, seen[asked[1]["x"]])
    kept = [asked[1]["x"], *(script.ask()[1]["x"] for _ in range(9))]
    assert kept == sorted(seen, key=seen.__getitem__)[:10] and script.ask() is None


def test_random_search_trains_in_full_and_halving_tries_more(simulation, learning):
    full, halved = run_of(simulation, learning, "random"), run_of(simulation, learning, "asha")
    assert full["full"] == full["configs"] == 20 and full["left"] == 0
    assert halved["configs"] > 100 and halved["full"] < 20 and halved["epochs"] == 1040


def test_our_search_of_full_trainings_begins_with_the_default_and_leaves_nothing(simulation, learning):
    run = run_of(simulation, learning, "trialist:none", full_runs=3)
    assert run["full"] == run["configs"] == 3 and run["epochs"] == 3 * 52
    ours = importlib.import_module("fidelity_optimizers").make("trialist:none", tl.Space(x=tl.Float(0, 1)), 0, 4, 1, 3)
    assert ours.ask()[1:] == ({"x": 0.5}, 4)


def test_our_trial_that_goes_on_is_the_same_training(simulation, learning):
    """With halving all trials pause after epoch 1, so there are more jobs than trainings."""
    run = run_of(simulation, learning, "trialist:halving", full_runs=2)
    assert run["jobs"] > run["configs"] > 5 and run["epochs"] == 2 * 52


# Tables


def kept(optimizer, trace, problem="p:1", seed=0, workers=1, **more):
    run = {"optimizer": optimizer, "problem": problem, "seed": seed, "workers": workers, "budget": 20, "mode": "mf"}
    return {**run, "max_fidelity": 10, "trace": trace, "configs": 2, "full": 1, "jobs": 2, "overhead_s": 0.0} | more


def test_regret_is_read_off_at_shares_of_the_epochs_and_a_miss_counts_one_and_a_half(tables):
    run = kept("a", [[30, 1.0, 6.0], [100, 2.0, 4.0], [101, 3.0, 2.0]])  # of 200 epochs
    values = tables.measured(run, 0.0, 4.0, 4.0)
    np.testing.assert_allclose(values, [1.0, 1.5, 1.0, 0.5, 0.5])  # no checkpoint at 10 % yet
    assert tables.measured(run, 0.0, 4.0, 1.9)[-1] == 1.5


def test_the_target_is_the_median_end_of_random_search_and_the_best_that_of_any_run(tables):
    runs = [kept("random", [[1, 1.0, 3.0]]), kept("basic:random", [[1, 1.0, 2.0]], seed=1)]
    runs += [kept("basic:random", [[1, 1.0, 5.0]], seed=2), kept("other", [[1, 1.0, 0.5]])]
    assert tables.levels(runs, {"p:1": {"best": 1.0, "median": 4.0}}) == {"p:1": (0.5, 4.0, 3.0)}
    best, _, target = tables.levels(runs[3:], {"p:1": {"best": 0.1, "median": 4.0}})["p:1"]
    assert best == 0.1 and np.isnan(target)


def test_shares_are_compared_by_geometric_means_and_regrets_by_arithmetic_ones(tables):
    x, y = np.array([0.1, 0.4]), np.array([0.4, 0.4])
    assert tables.ratio(x, y, 0).value == pytest.approx(0.25 / 0.4)
    assert tables.ratio(x, y, tables.REACH).value == pytest.approx(0.5)
    assert tables.ratio(x, y, 0).low == pytest.approx(0.25) and tables.ratio(x, y, 0).high == pytest.approx(1.0)
    assert tables.difference(x, y).value == pytest.approx(-0.15)


def test_the_best_peer_is_the_hardest_one_and_needs_all_problems_but_not_all_workers(tables, capsys):
    references = {"p:1": {"best": 0.0, "median": 1.0}, "p:2": {"best": 0.0, "median": 1.0}}

    def runs(name, loss, problems=("p:1", "p:2"), workers=4):
        return [kept(name, [[1, 1.0, loss]], problem, workers=workers) for problem in problems]

    found = [*runs("trialist:auto", 0.2), *runs("weak", 0.9), *runs("half", 0.1, ["p:1"])]
    found += [*runs("alone", 0.4, workers=1), *runs("random", 0.8)]
    tables.report(found, found, references, seeds=3)
    rows = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith("| trialist:auto") and " of " in line
    ]
    assert len(rows) == 5 and all("alone, 1 worker of 3" in row for row in rows[:4])
    assert all("0.50 (0.50–0.50)" in row for row in rows[:4])


def test_further_seeds_count_where_we_are_compared_with_ourselves_alone(tables, capsys):
    problem = "misleading:late/levy6"
    found = [
        kept(name, [[1, 1.0, loss]], problem, seed=seed)
        for name, loss in (("trialist:auto", 0.2), ("trialist:none", 0.4), ("random", 0.8))
        for seed in (range(2) if name == "random" else range(5))
    ]
    tables.report(found, found, {problem: {"best": 0.0, "median": 1.0}}, seeds=2)
    printed = capsys.readouterr().out
    means, price = printed.partition("Beside the best")[0], printed.partition("Misleading problems: beside")[2]
    rows = [line.split("|") for line in means.splitlines() if ":" in line or "random " in line]
    assert [row[3].strip() for row in rows if len(row) > 3] == ["2", "2", "2"]
    assert "|    5 | 0.200 | 0.400 | 0.50" in price


# The whole


def test_a_seed_is_another_one_on_each_problem_and_the_same_for_each_optimizer():
    """Else full trainings would be repeated on all problems of a formula, and their intervals be too narrow."""
    fidelity, Job = importlib.import_module("fidelity"), importlib.import_module("kept").Job
    problems = ["misleading:late/levy6", "misleading:unheard/levy6", "learning:power/levy6"]
    runs = [fidelity.run_own(Job("random", problem, 0, 3, "", 1)) for problem in [*problems, problems[0]]]
    ends = [run["trace"][-1][2] for run in runs]
    assert len(set(ends[:3])) == 3 and ends[3] == ends[0]
    halved = fidelity.run_own(Job("asha", problems[0], 0, 3, "", 1))
    assert halved["trace"][0][2] == runs[0]["trace"][0][2]


HARNESS = """
import numpy as np
class Dial:
    name, type, low, high, log, choices, parent, parent_values = "x", "float", 0.0, 1.0, False, (), None, ()
class Problem:
    fidelity, space = ("epoch", 1, 4, "int"), [Dial()]
    def curve(self, config, epochs):
        return np.array([4.0, 3.0, 2.0, 1.0]) + config["x"], np.array([1.0, 2.0, 3.0, 4.0])
def get(name):
    return Problem()
"""
ADAPTER = """
def make(space, seed, high, workers, variant="plain"):
    return Plain(seed, high)
class Plain:
    def __init__(self, seed, high):
        self.n, self.high = seed, high
    def ask(self):
        self.n += 1
        return None, {"x": self.n}, self.high
    def report(self, *what):
        return True
    tell = report
"""


def test_a_run_is_kept_and_not_made_again_and_a_harness_gives_problems_peers_and_kept_runs(
    tmp_path, monkeypatch, capsys
):
    harness, out = tmp_path / "harness", tmp_path / "runs.jsonl"
    for folder in ("results", "optimizers_mf"):
        (harness / folder).mkdir(parents=True)
    (harness / "suite_dev.json").write_text(json.dumps({"problems": ["lcbench:1", "syn:branin:0"]}))
    (harness / "reference.json").write_text(json.dumps({"lcbench:1": {"best": 1.0, "median": 4.0}}))
    (harness / "problems.py").write_text(HARNESS)
    (harness / "optimizers_mf" / "basic.py").write_text(ADAPTER)
    stored = kept("smac_", [[1, 1.0, 1.5]], "lcbench:1", budget=2, max_fidelity=4)
    (harness / "results" / "mf_smac.jsonl").write_text(json.dumps(stored) + "\n")
    line = ["fidelity.py", "--harness", str(harness), "--peers", "basic:plain,random", "--ours", "none", "--seeds", "1"]
    line += ["--workers", "1", "--full-runs", "2", "--only", "lcbench", "learning:power/levy6", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", line)
    fidelity = importlib.import_module("fidelity")
    monkeypatch.setattr(fidelity, "completed", lambda jobs, run, out, processes: completed(jobs, run, out))
    made = []

    def completed(jobs, run, out):
        """In this process: a harness has other modules of our names, so theirs are forgotten in between."""
        made.extend(jobs)
        found = [{**run(job), **job._asdict()} for job in jobs]
        out.write_text("".join(json.dumps(run) + "\n" for run in found))
        for name in [name for name in sys.modules if name.partition(".")[0] in ("problems", "optimizers_mf")]:
            del sys.modules[name]
        return found

    monkeypatch.setattr(sys, "path", sys.path[:])
    fidelity.main()
    told = capsys.readouterr().out
    assert {(job.optimizer, job.problem) for job in made} == {
        *[(name, "learning:power/levy6") for name in ("trialist:none", "random")],
        *[(name, "lcbench:1") for name in ("trialist:none", "random", "basic:plain")],
    }
    assert "| smac_" in told and "| basic:plain" in told and "| trialist:none" in told
    for name in ("problems", "optimizers_mf.basic", "optimizers_mf"):
        sys.modules.pop(name, None)
