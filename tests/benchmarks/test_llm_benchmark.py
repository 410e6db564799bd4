"""The tiny model's measured table, and the suites simulated for the verdict's calibration."""

from __future__ import annotations

import asyncio
import importlib
import sys
from dataclasses import replace
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


@pytest.fixture
def table():
    return importlib.import_module("language.table")


@pytest.fixture
def calibration():
    return importlib.import_module("language.calibration")


def test_the_kept_table_holds_the_whole_grid_once(table):
    settings = [row.setting for row in table.kept()]
    assert sorted(map(str, settings)) == sorted(map(str, table.grid()))
    assert len(set(settings)) == len(settings) == 78
    assert {row.chances.shape for row in table.kept()} == {(table.ITEMS,)}
    assert all(row.chances.min() >= 0 and row.chances.max() <= 1 for row in table.kept())


def test_in_the_table_all_four_dials_matter_and_interact(table):
    rows = {row.setting: row for row in table.kept()}
    default, trap = rows[table.DEFAULT], rows[table.TRAP]
    thought = rows[replace(table.TRAP, max_tokens=48)]
    greedy = rows[replace(table.DEFAULT, temperature=0.0)]
    assert thought.quality > greedy.quality + 0.05 > default.quality + 0.3
    assert thought.tokens > 4 * greedy.tokens
    assert (trap.quality, trap.cut) == (0.0, 1.0)
    assert rows[replace(table.DEFAULT, max_tokens=12)].quality == pytest.approx(default.quality, abs=0.01)
    assert rows[replace(table.DEFAULT, top_p=0.5)].quality > default.quality + 0.3
    cool = replace(table.DEFAULT, temperature=0.4)
    assert abs(rows[replace(cool, top_p=0.5)].quality - rows[cool].quality) < 0.02


def test_the_server_answers_as_often_right_as_the_drawn_chances_say(table):
    ratio, settings = table.agreement(table.kept())
    assert settings > 30
    # The mean of squares of that many standard normal numbers, four standard errors wide.
    assert abs(ratio - 1) < 4 * (2 / settings) ** 0.5


def test_a_server_that_answers_otherwise_is_found(table):
    rng = np.random.default_rng(0)
    chances = rng.uniform(0.3, 1.0, 300)
    rows, worse = [], []
    for i in range(40):
        setting = table.Setting("direct", 1.0, 1.0, i)
        right = int((rng.random(100) < chances[:100]).sum())
        rows.append(table.Row(setting, chances, 10**6, 3.0, 0.0, table.Asked(100, right, 0, 3.0)))
        worse.append(replace(rows[-1], served=table.Asked(100, right - 8, 0, 3.0)))
    assert abs(table.agreement(rows)[0] - 1) < 4 * (2 / 40) ** 0.5
    assert table.agreement(worse)[0] > 2
    sure = table.Row(table.TRAP, np.zeros(300), 1, 12.0, 1.0, table.Asked(100, 50, 0, 12.0))
    with pytest.raises(ValueError, match="the server had 50 right"):
        table.agreement([*rows, sure])


def test_worlds_have_the_difference_that_they_say(calibration):
    worlds = {world.name: world for world in calibration.worlds()}
    rng = np.random.default_rng(1)
    for world in worlds.values():
        taken, groups = calibration._taken(world, 300, rng)
        assert len(taken) == 300
        assert (groups is not None) == world.is_grouped
        if groups is not None:
            assert [len(set(taken[groups == g] // calibration.GROUP)) for g in range(60)] == [1] * 60
    still = [world.truth for world in worlds.values() if "as good" in world.name or world.name == "the same setting"]
    assert still == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    assert abs(worlds["cooler"].truth) > 0.02


@pytest.mark.parametrize("way", ["seeds", "means"])
def test_a_cell_counts_what_its_verdicts_said(calibration, way):
    far = calibration.World("far apart", np.full(20_000, 0.1), np.full(20_000, 0.9))
    cell = calibration.run(far, 100, 3, way, 20, seed=0)
    assert (cell.improved, cell.worse, cell.without) == (20, 0, 0)
    assert cell.held >= 16
    assert calibration.run(far, 100, 3, way, 20, seed=0) == cell
    turned = calibration.World("far apart", far.selected, far.default)
    assert calibration.run(turned, 100, 3, way, 20, seed=0).worse == 20
    assert calibration.summary([cell])[0].startswith(
        f"{way}, 100 items: {int(0.93 <= cell.held / 20 <= 0.97)} of 1 cells"
    )


@pytest.fixture
def answering():
    return importlib.import_module("language.answering")


def test_the_callable_answers_as_often_right_as_the_table_says(answering, table):
    endpoint, rows = answering.Answering(seed=0), {row.setting: row for row in table.kept()}
    suite = answering.suite_of(300, seed=0)
    for setting in (table.DEFAULT, table.TRAP, replace(table.TRAP, max_tokens=48, temperature=1.3)):
        right = cut = 0
        for item in suite.items:
            choice = asyncio.run(endpoint(table.body("tiny", item.question, setting)))["choices"][0]
            right += choice["message"]["content"].split()[-1] == str(item.target)
            cut += choice["finish_reason"] == "length"
        chances = rows[setting].chances
        assert abs(right - chances.sum()) <= 4 * (chances * (1 - chances)).sum() ** 0.5
        assert (cut == 300) == (setting == table.TRAP)
    assert endpoint.calls == 900


def test_the_luck_of_an_answer_does_not_depend_on_what_else_was_asked(answering, table):
    setting, questions = replace(table.DEFAULT, temperature=1.0), [i.question for i in answering.suite_of(60, 1).items]

    def told(endpoint, asked, times=1):
        bodies = [table.body("tiny", question, setting) for question in asked for _ in range(times)]
        return [asyncio.run(endpoint(body))["choices"][0]["message"]["content"] for body in bodies]

    first = told(answering.Answering(3), questions)
    assert told(answering.Answering(3), questions[::-1])[::-1] == first
    assert told(answering.Answering(4), questions) != first
    assert told(answering.Answering(3), questions, 2)[::2] == first
    assert told(answering.Answering(3), questions, 2)[1::2] != first


def test_a_quarter_of_the_grid_is_enough_to_do_much_better_than_the_default(answering):
    find = importlib.import_module("language.find")
    found = find.find(seed=2, items=100, share=0.25)
    assert found.calls <= 0.25 * 78 * 100
    assert (
        found.regret
        == answering.regret(found.chosen)
        < 0.05
        < answering.regret(answering.setting_of(answering.DEFAULTS))
    )
    assert found.is_trap_met
    assert found.is_trap_told


def test_racing_asks_the_same_settings_with_fewer_calls_and_is_compared_over_equal_regret():
    racing = importlib.import_module("language.racing")
    dials = {**racing.DIALS, "temperature": [0.7, 1.3], "top_p": [1.0], "max_tokens": [12, 48]}
    raced, fixed, knocked = (racing.choose(dials, 60, 0, scheduler) for scheduler in ("auto", "none", "knockout"))
    assert raced[-1] == fixed[-1] == knocked[-1] == 8
    assert max(raced[0], knocked[0]) < fixed[0]
    near, far = np.array([0.0, 0.004]), np.array([0.0, 0.2])
    arms = [
        racing.Arm("fixed", n, np.array([c, c]), r, 0, 8)
        for n, c, r in ((60, 400, near), (30, 200, near), (8, 50, far))
    ]
    lines = racing.compared(racing.Arm("raced", 60, np.array([100, 140]), near, 0, 8), arms)
    assert lines[-1] == "cheapest fixed size that loses no more: 30 items; racing takes 0.60 of it"
    assert lines[-2].endswith("as good a choice in 2 of 2")
    assert arms[-1].errors == 0.5


def test_a_study_of_random_lengths_and_errors_is_measured_by_both_accounts():
    budget = importlib.import_module("language.budget")
    runs = [budget.run(seed, 40) for seed in range(2)]
    for run in runs:
        assert 0.2 < run.share(run.charged) <= run.share(run.counted) <= 1 + 1e-9
    # The endpoint does charge by its price: another account than that of calls.
    assert all(run.charged.tokens > run.charged.calls for run in runs)
    assert budget.Run(budget.Purse(calls=10), budget.Amount(calls=4), budget.Amount(calls=11), "").share(
        budget.Amount(calls=11)
    ) == pytest.approx(1.1)


def test_a_killed_study_asks_again_no_more_than_was_under_way():
    kills = importlib.import_module("language.kills")
    run = kills.killed(seed=1, kills=1)
    assert run.kills == 1
    assert run.calls - run.answers == run.lost
    assert run.answers > 100
    assert run.counted == run.calls
