"""The statement: what a paper has to say of a study, true at every stage, and the same in JSON."""

from __future__ import annotations

import json
import random
import re
import sys
from types import SimpleNamespace

import pytest

import trialist as tl
from trialist.errors import SealedError
from trialist.study.findings import test as of_test
from trialist.study.software import merged, software

SPACE = tl.Space(
    lr=tl.Float(1e-4, 1e-1, log=True, default=1e-3),
    width=tl.Int(16, 256, log=True, default=64),
    solver=tl.Categorical(["adam", "sgd"], default="adam"),
    momentum=tl.Float(0.0, 0.99, default=0.9, when={"solver": "sgd"}),
)


def noisy(trial):
    if trial.number == 3:
        raise ValueError("diverged")
    return abs(trial["width"] - 200) / 200 + random.Random(trial.seed).gauss(0, 0.02)


def test_losses(params, seed):
    draw = random.Random(seed)
    return [abs(params["width"] - 200) / 200 + draw.gauss(0, 0.1) for _ in range(50)]


test_losses.__test__ = of_test.__test__ = False  # they are no tests of pytest's


def tuned(**more):
    given = {"minimize": "loss", "budget": 24, "store": "memory", "progress": False, "name": "s", "strategy": "random"}
    return tl.tune(noisy, more.pop("space", SPACE), **{**given, **more})


def sentences(text):
    return re.split(r"(?<=[.)])\s(?=[A-Z])", text)


@pytest.fixture(scope="module")
def whole():
    return tuned(test=test_losses, seed=7)


def test_a_whole_study_is_told_from_aim_to_software(whole):
    text = whole.statement().text
    verdict = whole.verdict
    for words in (
        f"tuned with Trialist {tl.__version__} to minimize loss.",
        "4 hyperparameters: lr, from 0.0001 to 0.1 (log scale, default 0.001); width, whole numbers from 16 to 256",
        "momentum, from 0 to 0.99 (default 0.9, only where solver is 'sgd')",
        "The budget was 24 trials.",
        "by random search",
        "1 failed, by an error or without a finite score",
        "the default configuration among them, were scored again twice each on fresh seeds",
        f"trial {whole.best.number} was selected",
        "scored on 50 test examples (the first look on record at these data",
        f"fingerprint {verdict.fingerprint[:12]}",
        "the selected configuration is better.",
        f"width = {whole.best.params['width']}",
        "seed was 7; it ran with Trialist",
        "Python",
    ):
        assert words in text, words
    assert "\n" not in text
    assert all(sentence.endswith((".", ").", '").')) for sentence in sentences(text))


def test_counts_are_those_of_the_trials(whole):
    facts = whole.statement().facts
    explored = [r for r in whole.trials if r.stage is not tl.Stage.SELECT]
    assert facts["trials"]["explored"] == len(explored) == sum(facts["trials"]["states"].values())
    assert facts["trials"]["states"]["failed"] == 1
    assert f"The search ran {len(explored)} trials" in whole.statement().text
    assert sum(facts["strategy"]["proposed"].values()) == len(explored) - 1


def test_the_numbers_are_those_of_the_study(whole):
    facts = whole.statement().facts
    assert facts["selected"]["search"]["loss"]["mean"] == whole.best.value
    again = [r.value for r in whole.trials if r.repeats == whole.best.number and r.stage is tl.Stage.SELECT]
    assert facts["selected"]["fresh"]["mean"] == pytest.approx(sum(again) / len(again))
    assert facts["verdict"]["interval"] == list(whole.verdict.interval)


def test_the_json_says_the_same_and_more(whole):
    told = json.loads(json.dumps(whole.statement().to_json()))
    assert told["text"] == whole.statement().text == str(whole.statement())
    assert told["format"] == 1
    assert [dial["dial"] for dial in told["space"]] == ["lr", "width", "solver", "momentum"]
    assert told["expected_best"]["kind"] == "draws"
    assert told["selection"]["number"] == whole.best.number


def test_a_study_without_a_trial_says_so():
    study = tl.Study.create(SPACE, minimize="loss", store="memory", name="empty", budget=9)
    text = study.statement().text
    assert "No trial was run." in text
    assert "nothing was selected" in text
    assert "not recorded" in text
    assert "was selected" not in text.replace("nothing was selected", "")


def test_stages_that_were_not_run_are_said_to_be_missing():
    study = tuned(replicates=0, budget=6)
    text = study.statement().text
    assert "No finalist was scored again on fresh seeds" in text
    assert "too good by selection" in text
    assert "Nothing was verified on test data" in text
    assert "trained anew" not in text


def test_before_a_selection_the_best_is_only_the_best_so_far():
    study = tl.Study.create(SPACE, minimize="loss", store="memory", name="asked")
    study.optimize(noisy, trials=3)
    text = study.statement().text
    assert "is the best so far" in text
    assert "selected" not in text.lower()
    assert "No budget was set." in text


def test_one_of_each_is_told_in_the_singular():
    study = tl.Study.create(tl.Space(x=tl.Float(0, 1)), minimize="loss", store="memory", name="one", budget=2)
    study.optimize(lambda trial: trial["x"], trials=2)
    text = study.statement().text
    assert "had 1 hyperparameter: x, from 0 to 1." in text
    assert "The one trial after the default configuration was proposed by" in text
    assert "no hyperparameter had one" in text
    assert not re.search(r"\b1 (trials|hyperparameters|seeds|examples)\b", text)


def test_a_default_that_was_selected_is_verified_alone():
    study = tuned(space=tl.Space(width=tl.Int(190, 210, default=200)), test=test_losses, budget=24)
    text = study.statement().text
    assert study.best.number == 0
    assert "Since the default itself was selected" in text
    assert "Selected configuration:" not in text


def test_no_difference_is_no_proof_that_there_is_none_and_worse_is_told_as_such():
    facts = {"objectives": [{"name": "loss"}], "selected": {"trial": 3}, "baseline": {"trial": 0}, "verified": 3}
    facts["leaks"] = None
    given = {
        "metric": "loss", "examples": 100, "seeds": 1, "looks": 2, "fingerprint": None, "same_configuration": False,
        "baseline_score": 0.2, "selected_score": 0.3, "difference": -0.1, "interval": [-0.15, -0.05],
        "level": 0.975, "method": "paired", "outcome": "worse", "reason": None,
    }  # fmt: skip
    text = " ".join(of_test({**facts, "verdict": given}))
    assert "0.100 in favour of the default (97.5 % interval 0.050 to 0.150" in text
    assert "the selected configuration is worse." in text
    assert "with 1 seed and scored on 100 test examples (look 2 at these data)" in text
    none = {**given, "outcome": "no difference shown", "difference": 0.01, "interval": [-0.02, 0.04]}
    text = " ".join(of_test({**facts, "verdict": none, "verified": 2}))
    assert "does not say that there is none" in text
    assert "This verdict is on trial 2; trial 3, which is selected now, was not verified." in text


def test_a_second_look_is_told():
    study = tuned(test=test_losses, store="memory", name="twice")
    with pytest.raises(SealedError):
        study.verify(test_losses)
    study.verify(test_losses, again=True)
    assert "look 2 at these data" in study.statement().text
    assert "97.5 % interval" in study.statement().text


def test_hostile_names_stay_on_one_line():
    study = tl.Study.create(
        tl.Space({"a\nb": tl.Float(0, 1, default=0.5)}), minimize="x\x1b[31m", store="memory", name="n", budget=2
    )
    study.optimize(lambda trial: trial["a\nb"], trials=2)
    assert study.statement().text.isprintable()


def test_software_is_what_ran_the_study_not_what_reads_it(tmp_path, monkeypatch):
    path = tmp_path / "s.db"
    tuned(store=path, budget=3).close()
    monkeypatch.setattr(tl, "__version__", "9.9")
    with tl.Study.load("s", path) as study:
        assert "9.9" not in study.statement().text
        study.extend(5)
        study.optimize(noisy)
        assert "it ran in parts, with" in study.statement().text
        assert "Trialist 9.9" in study.statement().text


class TheirVersion(str):
    """As PyTorch's."""


def test_a_version_that_is_a_text_of_its_own_kind_is_kept(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(__version__=TheirVersion("2.13.0+cpu")))
    with tuned(store=tmp_path / "s.db", budget=3) as study:
        assert "PyTorch 2.13.0+cpu" in study.statement().text


def test_versions_that_only_add_to_known_ones_are_the_same_software():
    known = merged([], {"Trialist": "1", "Python": "3.11"})
    assert merged(known, {"Trialist": "1", "Python": "3.11", "NumPy": "2"}) == [
        {"Trialist": "1", "Python": "3.11", "NumPy": "2"}
    ]
    assert len(merged(known, {"Trialist": "2"})) == 2
    assert list(software())[:2] == ["Trialist", "Python"]


def test_several_objectives_are_told_each():
    study = tl.Study.create(SPACE, minimize="loss", maximize="speed", store="memory", name="two", strategy="random")
    study.optimize(lambda trial: {"loss": 1 / trial["width"], "speed": -float(trial["width"])}, trials=6)
    text = study.statement().text
    assert "to minimize loss and maximize speed." in text
    assert "The loss of trial" in text
    assert "The speed of trial" in text
    assert "all were complete" in text
