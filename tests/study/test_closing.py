"""The end of a run: search, fresh and verified score below each other, and what of the first was luck."""

from __future__ import annotations

import io
import random

import pytest

import trialist as tl
from trialist.study.closing import closing
from trialist.study.telling import Teller


def noisy(trial):
    return trial["x"] ** 2 + random.Random(trial.seed).gauss(0, 0.2)


def losses(params, seed):
    draw = random.Random(seed)
    return [params["x"] ** 2 + draw.gauss(0, 0.1) for _ in range(60)]


def tuned(budget=40, **more):
    space = {"x": tl.Float(-1.0, 1.0, default=0.9)}
    return tl.tune(noisy, space, minimize="loss", budget=budget, store="memory", progress=False, name="s", **more)


@pytest.fixture(scope="module")
def whole():
    return tuned(test=losses)


def test_the_stages_come_in_order_and_then_luck_and_noise(whole):
    lines = whole.summary().splitlines()
    assert [line.split()[0] for line in lines] == ["search", "fresh", "test", "luck", "noise"]
    assert f"(trial {whole.best.number}), default" in lines[0]
    assert whole.verdict.sentence in lines[2]
    assert "on fresh seeds" in lines[3]
    assert lines[0].index("loss") == lines[2].index(whole.verdict.outcome.value) == 8


def test_a_stage_that_was_not_run_has_no_line():
    lines = tuned(budget=6).summary().splitlines()
    assert lines[0].startswith("search")
    assert not any(line.startswith("fresh") for line in lines)
    assert any("not verified: no test was given" in line for line in lines)


def test_nothing_is_closed_before_a_score():
    study = tl.Study.create({"x": tl.Float(0, 1)}, minimize="loss", store="memory", name="none", budget=5)
    assert study.summary() == ""
    out = io.StringIO()
    Teller(study, out).close()
    assert out.getvalue() == ""


def test_a_verdict_on_another_trial_is_said_to_be_that(whole, monkeypatch):
    kept = dict(whole.stage("verified"), trial=whole.best.number + 1)
    monkeypatch.setattr(type(whole), "stage", lambda self, name: kept if name == "verified" else None)
    assert f"this is on trial {whole.best.number + 1}; trial {whole.best.number} is chosen now" in closing(whole)


def test_leaks_that_were_found_are_repeated_at_the_end():
    draw = random.Random(0)
    rows = [[draw.gauss(0, 1) for _ in range(4)] for _ in range(80)]
    labels = [draw.randrange(2) for _ in rows]
    split = tl.Split(rows + rows[:40], labels + labels[:40], test=0.3, seed=1)

    def objective(trial):
        return trial["x"] ** 2 + len(split.train[0]) / 1e6

    study = tl.tune(
        objective, {"x": tl.Float(-1.0, 1.0, default=0.9)}, minimize="loss", budget=8, store="memory", name="leaky",
        progress=False,
    )  # fmt: skip
    last = study.summary().splitlines()[-1]
    assert last.startswith("leaks   split: leak, ")
    assert "Found in the data beforehand (leak): " in study.statement().text
    assert study.statement().facts["leaks"][0]["kind"] == "copies"


def test_data_without_leaks_are_said_to_be_clean_and_unknown_ones_are_not():
    split = tl.Split([[float(i * 37 % 61)] for i in range(60)], [i % 2 for i in range(60)], seed=0)

    def objective(trial):
        return trial["x"] ** 2 + len(split.train[0]) / 1e6

    space = {"x": tl.Float(-1.0, 1.0, default=0.9)}
    study = tl.tune(objective, space, minimize="loss", budget=8, store="memory", name="clean", progress=False)
    assert "No leak was found" in study.statement().text
    assert "leak" not in tuned(budget=6).statement().text


def test_a_run_with_progress_ends_with_the_summary(capsys):
    space = {"x": tl.Float(-1.0, 1.0, default=0.9)}
    study = tl.tune(noisy, space, minimize="loss", budget=24, store="memory", name="told", test=losses)
    assert capsys.readouterr().err.rstrip().endswith(study.summary())


def test_a_default_that_violates_a_constraint_is_not_left_standing_as_the_better_one():
    def objective(trial):
        trial.constrain("latency", trial["x"] - 0.5)
        return 1.0 - trial["x"]

    space = {"x": tl.Float(0.0, 1.0, default=0.9)}
    study = tl.tune(objective, space, minimize="loss", budget=12, store="memory", progress=False, name="s")
    lines = study.summary().splitlines()
    assert "default 0.1" in lines[0]
    note = next(line for line in lines if line.startswith("note"))
    assert "the default violates latency by 0.4" in note and f"trial {study.best.number} satisfies" in note
