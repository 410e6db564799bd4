"""The report on what scores are worth: three stages in one picture, the best by budget, noise, and the paragraph."""

from __future__ import annotations

import math
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

import trialist as tl
from trialist.scoring.expected_best import Kind, expected_best
from trialist.scoring.optimism import Optimism
from trialist.trials.plan import Direction, Objective
from trialist.trials.trial import Score
from trialist.web.curve import best_chart
from trialist.web.data import ReportData
from trialist.web.honest import curve_section, noise_section, scoring_section, statement_section
from trialist.web.report import page
from trialist.web.stages import Row, stages_chart

SPACE = tl.Space(x=tl.Float(-1.0, 1.0, default=0.5))
LOSS = Objective("loss")
LUCK = Optimism(7, 0.1, 0.02, "", fresh=0.11)
SPLIT = tl.Split([[float(i)] for i in range(40)], [i % 2 for i in range(40)], seed=0)


def tuned(strategy="random", **more):
    return tl.tune(
        lambda trial: [trial["x"] ** 2 + 0.01 * (trial.seed % 7), trial["x"] ** 2], SPACE, minimize="loss", budget=24,
        strategy=strategy, store="memory", progress=False, name="s",
        test=lambda params, seed: [params["x"] ** 2 + 0.001 * ((seed + i) % 5) for i in range(40)], **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return ReportData.of(tuned(), 1.8e9)


class Words(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.words = []
        self.feed(text)

    def handle_data(self, data):
        self.words.append(data)


def words(html):
    return " ".join(Words(html).words)


def test_the_three_scores_stand_below_each_other_with_the_verdicts_interval(data):
    told = words(scoring_section(data))
    for words_ in ("in the search", "on fresh seeds", "on the sealed test data", "default (trial 0)", "better by"):
        assert words_ in told
    low, high = data.verdict.interval
    assert re.search(rf"\(\+{low:.1g}\d* to \+{high:.1g}\d*\)", told)
    assert "sealed data had no part in any choice" in told


def test_a_stage_that_was_not_run_has_no_row_and_no_claim(data):
    searched = tuple(record for record in data.records if record.stage is not tl.Stage.SELECT)
    searched = replace(data, records=searched, verdict=None, optimism=None)
    told = words(scoring_section(searched))
    assert "in the search" in told
    assert "fresh" not in told
    assert "sealed" not in told
    assert "<svg" not in scoring_section(searched)


def test_a_verdict_on_another_trial_is_not_the_selected_ones(data):
    assert "on the sealed test data" not in words(scoring_section(replace(data, verified=17)))


def test_nothing_is_said_of_scores_that_are_not_there(data):
    assert scoring_section(replace(data, best=None)) is None
    assert curve_section(replace(data, curve=None)) is None
    assert noise_section(data.__class__(data.plan, data.space, (), None, 0.0)) is None
    assert statement_section(replace(data, statement="")) is None


def test_leaks_and_luck_stand_with_the_scores(data):
    section = scoring_section(replace(data, leaks=("3 rows are in both parts",), optimism=LUCK))
    assert 'class="warning">3 rows are in both parts' in section
    assert f"{LUCK.sentence[1:]}." in words(section)


def test_the_statement_and_the_curve_are_on_the_page(data):
    told = words(page(data))
    assert data.statement in told
    assert "Expected best by budget" in told
    assert "that were drawn without looking at scores" in told


def test_the_curve_falls_where_less_is_better_and_ends_at_the_best(data):
    line = re.search(r'<path d="M([^"]+)" class="best">', best_chart(data.curve, LOSS, 0.25))[1]
    heights = [float(point.split()[1]) for point in line.split("L")]
    assert heights == sorted(heights)  # y grows downwards
    assert len(heights) == len(data.curve.budgets)


def test_a_path_goes_in_stairs():
    curve = tuned("gp").expected_best()
    assert curve.kind is Kind.PATH
    line = re.search(r'<path d="M([^"]+)" class="best">', best_chart(curve, LOSS, None))[1]
    points = [tuple(map(float, point.split())) for point in line.split("L")]
    for (x1, y1), (x2, y2) in pairwise(points):
        assert x1 == x2 or y1 == y2


def test_an_open_band_is_drawn_apart_and_told(data):
    assert None in data.curve.luckiest
    assert best_chart(data.curve, LOSS, 0.25).count('class="area open"') == 1
    assert "open: luck beyond what was drawn" in words(curve_section(data))


def test_one_trial_and_equal_scores_still_make_a_picture(data):
    curve = replace(
        data.curve, budgets=(1,), expected=(0.5,), typical=(0.5,), worst=(None,), luckiest=(None,), trials=1
    )
    assert "<svg" in best_chart(curve, LOSS, None)
    assert best_chart(replace(curve, expected=(None,)), LOSS, None) is None


@pytest.mark.parametrize("direction", list(Direction))
def test_better_stands_where_better_is(direction):
    rows = [Row("in the search", Score((0.4, 0.5)), Score((0.1, 0.2))), Row("on fresh seeds", None, Score((0.2,)))]
    chart = stages_chart(rows, Objective("m", direction), "selected")
    assert ("◀ better" in chart) is (direction is Direction.MINIMIZE)
    assert chart.count("<circle") == 3
    assert "on fresh seeds: selected 0.2" in chart


def test_values_that_no_picture_can_show_are_left_to_the_table():
    assert stages_chart([Row("in the search", Score((math.inf,)), None)], LOSS, "selected") is None
    assert stages_chart([Row("in the search", Score((1.0,)), Score((1.0,)))], LOSS, "selected") is not None


def test_several_runs_are_drawn_as_their_mean(data):
    histories = [tuned("gp", seed=seed).history for seed in range(3)]
    curve = expected_best(histories[0], histories[1:])
    told = words(curve_section(replace(data, curve=curve)))
    assert "mean best of the searches" in told
    assert "over 3 searches" in told


def test_noise_is_told_by_source_with_its_share():
    def objective(trial):
        for fold in trial.folds(SPLIT):
            trial.report(trial["x"] ** 2 + 0.1 * random.Random(fold.seed).random() + 0.02 * fold.index)

    study = tl.tune(
        objective, SPACE, minimize="loss", budget=16, store="memory", progress=False, name="folds", strategy="random",
        validation=tl.Folds(4, seeds=2),
    )  # fmt: skip
    told = ReportData.of(study, 1.8e9)
    section = noise_section(told)
    assert told.noise.words in words(section)
    assert [part.name for part in told.noise.parts] == ["split", "seed"]
    assert section.count('class="bar"') == 2
    assert told.noise.words in study.summary()
    assert told.noise.words in study.statement().text
    assert "by 4-fold cross-validation, 2 seeds, 8 scores in all" in study.statement().text


def test_a_default_that_is_selected_stands_there_once():
    space = tl.Space(x=tl.Float(-0.01, 0.01, default=0.0))
    study = tl.tune(
        lambda trial: trial["x"] ** 2 + trial.seed % 7, space, minimize="loss", budget=24, store="memory", name="same",
        progress=False, test=lambda params, seed: [0.1, 0.2],
    )  # fmt: skip
    assert study.best.number == 0
    section = scoring_section(ReportData.of(study, 1.8e9))
    assert "the default, which is selected" in words(section)
    assert "better by" not in words(section)
    assert section.count("<circle") == 3
