"""`trialist importance`: the table at 80 columns, JSON, what is missing, and metrics that there are not."""

from __future__ import annotations

import json

import pytest

import trialist as tl
from trialist.cli.importance import bars
from trialist.cli.main import main
from trialist.effects.findings import Share
from trialist.testing.odd_studies import ODD

SPACE = {"strong": tl.Float(0.0, 1.0), "turned": tl.Float(0.0, 1.0), "inert": tl.Float(0.0, 1.0)}


def turning(trial):
    return 8 * (trial["strong"] - 0.5) * (trial["turned"] - 0.5) + trial["strong"]


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main(["importance", *words])
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return call


def tuned(budget):
    """A random search, so that what is told does not hang on how the engine searches."""
    tl.tune(
        turning, SPACE, minimize="loss", budget=budget, strategy="random", store="trialist.db", progress=False, name="s"
    ).close()


def test_dials_and_pairs_are_told_in_80_columns(told):
    tuned(70)
    code, out, _ = told()
    lines = out.splitlines()
    assert code == 0
    assert all(len(line) <= 80 for line in lines)
    assert [line.split()[0] for line in lines[1:4]].index("strong") == 0
    assert "strong and turned" in out and "inert and" not in out and "and inert" not in out
    assert "█" in out and "95 % intervals" in " ".join(out.split())


def test_json_holds_all_that_is_known(told):
    tuned(70)
    code, out, _ = told("--json")
    found = json.loads(out)
    assert code == 0
    assert set(found) == {"study", "importance", "interactions", "local", "calibration", "foretold"}
    assert {share["dial"] for share in found["importance"]["shares"]} == set(SPACE)
    assert [pair["is_real"] for pair in found["interactions"]["pairs"]] == [True, False, False]


def test_too_few_trials_say_how_many_are_needed(told):
    tuned(6)
    code, out, _ = told()
    assert code == 1
    assert "16 are needed" in " ".join(out.split())
    code, out, _ = told("--json")
    assert code == 1
    assert json.loads(out)["importance"]["enough"] is False


def test_a_metric_that_there_is_not_is_wrong_input(told):
    tuned(6)
    code, _, err = told("--metric", "accuracy")
    assert code == 2
    assert "'loss'" in err


@pytest.mark.parametrize("name", ODD)
def test_every_odd_study_is_told_of_in_80_columns(told, name):
    ODD[name]("odd.db").close()
    code, out, err = told("--store", "odd.db")
    assert code in (0, 1), err
    assert out.strip() and all(len(line) <= 80 for line in out.splitlines())


def test_bars_are_as_long_as_the_shares():
    whole, half, none = (
        Share("x", s, low, high, 0.0, None, None, 0.0, 1.0)
        for s, low, high in [(1.0, 0.9, 1.0), (0.5, 0.25, 0.75), (0.0, 0.0, 0.0)]
    )
    assert bars([whole, half, none], 8) == ["█" * 8, "█" * 4 + "░" * 2, ""]


def test_hopeless_scores_count_as_they_are_where_that_is_asked(told):
    def ruined(trial):
        return trial["strong"] + 1e4 * (trial["turned"] > 0.9) * trial["turned"]

    tl.tune(
        ruined, SPACE, minimize="loss", budget=70, strategy="random", store="trialist.db", progress=False, name="s"
    ).close()
    clipped = {}
    for scale in ("robust", "value"):
        code, out, _ = told("--scale", scale, "--json")
        assert code == 0
        clipped[scale] = json.loads(out)["importance"]["clipped"]
    assert clipped["robust"] > 0
    assert clipped["value"] == 0
    assert "hopeless" in told()[1] and "hopeless" not in told("--scale", "value")[1]
    code, _, err = told("--scale", "log")
    assert code == 2
    assert "robust" in err
