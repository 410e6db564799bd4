"""The studies that tell how honest a study's end is: their data, their truth, and the arithmetic of their tables."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
REAL = "real:breast_cancer/linear/log_loss/60"
SIMULATED = "simulated:0.3/0/8"


@pytest.fixture(autouse=True)
def _on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(FOLDER):
            del sys.modules[name]


@pytest.fixture
def problems():
    return importlib.import_module("honesty.problems")


def run_of(arm, number, true, best, default=0.5, metric="error", seed=0, stderr=0.0):
    return {
        "optimizer": arm,
        "problem": f"real:iris/svm/{metric}/60",
        "seed": seed,
        "budget": 20,
        "pick": {"number": number, "true": true, "gap": true - default, "gap_stderr": stderr},
        "default": {"number": 0, "true": default, "gap": 0.0, "gap_stderr": 0.0},
        "best": best,
    }


def test_a_study_has_rows_for_its_search_sealed_ones_and_all_others_for_the_truth(problems):
    case = problems.make(REAL, 3)
    X, _, _ = problems.data("breast_cancer")
    own, others = case.split.train_and_validation[0], case.others[0]
    assert case.split.sizes == {"train": 60, "validation": 0, "test": 20}
    assert len(others) == len(X) - 80
    assert not {row.tobytes() for row in own} & {row.tobytes() for row in others}
    again = problems.make(REAL, 3)
    np.testing.assert_array_equal(again.others[0], others)
    assert not np.array_equal(problems.make(REAL, 4).others[0], others)


def test_a_true_loss_is_that_of_a_model_trained_on_all_rows_of_the_search(problems):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.preprocessing import StandardScaler

    case = problems.make(REAL, 3)
    (X, y), (X_new, y_new) = case.split.train_and_validation, case.others
    scaler = StandardScaler().fit(X)
    model = LogisticRegression(C=0.1).fit(scaler.transform(X), y)
    shares = model.predict_proba(scaler.transform(X_new))
    assert (shares[np.arange(len(y_new)), y_new] > 1e-3).all()  # so that no probability is cut
    truth = case.truth(case.space.complete({"C": 0.1}))
    assert truth.loss == pytest.approx(log_loss(y_new, shares), rel=1e-3)


def test_a_random_training_is_judged_by_the_mean_of_several(problems):
    case = problems.make("real:breast_cancer/forest/error/60", 0)
    config = case.space.complete({})
    each = [case.losses(config, 1000 + s, case._own, case.others).mean() for s in range(problems.TRUE_SEEDS)]
    assert len(set(each)) > 1
    assert case.truth(config).loss == pytest.approx(np.mean(each))


def test_every_model_trains_on_every_task_by_every_metric(problems):
    importlib.import_module("honesty.studies").quiet()
    seen = {name.rpartition("/")[0]: name for name in problems.names()}
    assert len(seen) == len({s.split("/")[0] + s.split("/")[1] + s.split("/")[2] for s in seen})
    for model in ("linear", "svm", "forest", "boosting", "network"):
        for task, metric in (("breast_cancer", "error"), ("diabetes-numbers", "mse"), ("wine", "log_loss")):
            name = seen.get(f"real:{task}/{model}/{metric}")
            if name is None:
                assert (model, metric) == ("svm", "log_loss")  # which has no probabilities
                continue
            case = problems.make(name, 0)
            fold = case.folds()[0]
            constant = {"error": 0.9, "mse": 1.5, "log_loss": 1.2}[metric]  # what a useless model has, about
            assert 0 <= case.score(case.space.complete({}), fold) < constant


def test_simulated_truth_is_on_a_scale_of_its_own_and_scores_scatter_round_it(problems):
    quiet, loud = problems.make("simulated:0/0/8", 5), problems.make("simulated:1/0/8", 5)
    from trialist.numerics.keys import Key

    configs = [quiet.space.draw(Key(0, n)) for n in range(300)]
    true = np.array([quiet.truth(c).loss for c in configs])
    assert abs(true.mean()) < 0.3 and 0.7 < true.std() < 1.3
    assert quiet.best <= true.min() + 0.1
    levels = {
        round(np.mean([quiet.score(c, f) for f in quiet.folds()]) - t, 9) for c, t in zip(configs, true, strict=True)
    }
    assert len(levels) == 1  # without noise the folds' own levels are all that is added, the same for all
    errors = [np.mean([loud.score(c, f) for f in loud.folds()]) - t for c, t in zip(configs, true, strict=True)]
    assert 0.6 < np.std(errors) < 1.4


@pytest.mark.parametrize("arm", ["ours", "cv", "random"])
def test_an_arm_tells_its_choice_what_is_true_of_it_and_what_it_cost(arm):
    studies, kept = importlib.import_module("honesty.studies"), importlib.import_module("kept")
    run = studies.run(kept.Job(arm, SIMULATED, 0, 20, ""))
    assert 95 <= run["fits"] <= 100  # what is left of a budget may not do for another whole trial
    assert run["runs"] == 20 or (arm == "ours" and run["runs"] > 20)
    assert run["best"] <= min(run["pick"]["true"], run["default"]["true"])
    assert run["pick"]["gap"] == pytest.approx(run["pick"]["true"] - run["default"]["true"])
    assert ("verdict" in run) == (arm == "ours")


def test_arms_are_compared_on_common_studies_by_regret_in_units_of_the_default():
    figures = importlib.import_module("honesty.figures")
    runs = [
        run_of("ours", 0, 0.5, best=0.4),
        run_of("cv", 3, 0.6, best=0.3),
        run_of("cv", 3, 0.4, best=0.4, seed=1),  # a study that the other arm does not have
    ]
    found = figures.choices(runs)
    (ours,), (cv,) = found["ours"].values(), found["cv"].values()
    assert (ours.regret, cv.regret) == pytest.approx((0.2 / 0.5, 0.3 / 0.5))
    assert ours.is_default and not figures.is_worse(ours)
    assert figures.is_worse(cv) and figures.is_much_worse(cv) and figures.is_clearly_worse(cv)


def test_on_a_simulated_surface_a_small_difference_is_one_in_its_standard_deviations():
    figures = importlib.import_module("honesty.figures")
    runs = [run_of("ours", 2, 2.03, best=2.0, default=2.0) | {"problem": SIMULATED}]
    (choice,) = figures.choices(runs)["ours"].values()
    assert choice.regret == pytest.approx(0.03)
    assert figures.is_much_worse(choice)  # by 0.03, though that is less than 2 % of the default's loss


def test_a_difference_within_the_error_of_the_truth_is_not_clearly_worse():
    figures = importlib.import_module("honesty.figures")
    (choice,) = figures.choices([run_of("ours", 2, 0.505, best=0.4, stderr=0.004)])["ours"].values()
    assert figures.is_worse(choice) and not figures.is_clearly_worse(choice) and not figures.is_much_worse(choice)


def test_scikit_learn_has_the_folds_of_our_search_and_reports_its_best_score(problems):
    beside, kept = importlib.import_module("honesty.beside"), importlib.import_module("kept")
    case, job = problems.make(REAL, 0), kept.Job("sklearn", REAL, 0, 6, "")
    config, losses = beside._sklearn(case, job)
    assert losses == pytest.approx([case.score(config, fold) for fold in case.folds()])
    run = beside.run(job)
    assert beside.reported({**run, "optimizer": "sklearn"}) == {"sklearn": pytest.approx(np.mean(losses))}


def test_optimism_is_the_true_loss_less_the_reported_one(capsys):
    beside = importlib.import_module("honesty.beside")
    ours = run_of("ours", 2, 0.4, best=0.4)
    ours["pick"]["search"], ours["verdict"] = [0.3, 0.32], {"score": 0.41}
    ours["finalists"] = [{"number": 2, "fresh": [[0.38, 0.4], [0.4, 0.38]]}]
    other = run_of("optuna", None, 0.6, best=0.5)
    other["pick"]["search"] = [0.2, 0.3]
    beside.table([ours, other])
    lines = capsys.readouterr().out.partition("\nerror: 1 studies")[2].splitlines()
    told = {
        line.split("|")[1].strip(): [cell.split()[0] for cell in line.split("|")[2:6]] for line in lines if "0." in line
    }
    assert told["Trialist, search score"] == ["0.3100", "0.4000", "+0.0900", "0%"]
    assert told["Trialist, fresh score"] == ["0.3900", "0.4000", "+0.0100", "0%"]
    assert told["Trialist, verified score"] == ["0.4100", "0.4000", "-0.0100", "0%"]
    assert told["Optuna TPE, best_value"] == ["0.2500", "0.6000", "+0.3500", "100%"]


def test_a_section_that_there_is_not_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["honest.py", "--only", "luck"])
    with pytest.raises(SystemExit):
        importlib.import_module("honest").main()
    assert "'luck' is none of" in capsys.readouterr().err
