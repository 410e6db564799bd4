"""The verdict of a study: metrics that are no mean over rows, and what the test can show, told before it is opened."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trialist as tl
from trialist.errors import ExecutionError, StudyError
from trialist.study.declaring import plan_of
from trialist.study.events import Event, Told
from trialist.study.trainings import LEFT_OUT

SPACE = tl.Space(x=tl.Float(-1.0, 1.0, default=0.9))
ROWS = np.random.default_rng(0).normal(size=(400, 2))
LABELS = (ROWS[:, 0] + np.random.default_rng(1).normal(size=400) > 0.8).astype(int)
SPLIT = tl.Split(ROWS, LABELS, test=0.5, validation=0.2, stratify=True)
PATIENTS = tl.Split(ROWS, LABELS, test=0.5, validation=0.2, groups=np.arange(400) // 8)


def noise(trial: tl.Trial) -> float:
    """Of this configuration with this seed."""
    return random.Random(trial.seed * 1_000 + round(1e6 * trial["x"])).gauss(0, 1)


def noisy(trial: tl.Trial) -> float:
    return trial["x"] ** 2 + 0.02 * noise(trial)


def very_noisy(trial: tl.Trial) -> float:
    return trial["x"] ** 2 + noise(trial)


def shifted(trial: tl.Trial) -> float:
    """The seed does the same to all configurations."""
    return trial["x"] ** 2 + random.Random(trial.seed).gauss(0, 1)


def scores(params: Any, seed: int, split: tl.Split = SPLIT) -> tuple[Any, Any]:
    """True labels, and scores that rank them the worse, the farther x is from 0."""
    X, y = split.test
    return y, X[:, 0] * (1 - params["x"] ** 2) + 0.5 * np.random.default_rng(seed).normal(size=len(y))


def auc(params: Any, seed: int) -> tl.Predictions:
    return tl.Predictions(*scores(params, seed), "roc_auc")


def grouped_auc(params: Any, seed: int) -> tl.Predictions:
    return tl.Predictions(*scores(params, seed, PATIENTS), "roc_auc")


def f1(params: Any, seed: int) -> tl.Predictions:
    y, score = scores(params, seed)
    return tl.Predictions(y, (score > 0.5).astype(int), "f1")


def log_loss(params: Any, seed: int) -> tl.Predictions:
    y, score = scores(params, seed)
    return tl.Predictions(y, 1 / (1 + np.exp(-score)), "log_loss")


def one_class(params: Any, seed: int) -> tl.Predictions:
    y, score = scores(params, seed)
    return tl.Predictions(np.ones_like(y), score, "roc_auc")


def losses(params: Any, seed: int) -> Any:
    y, score = scores(params, seed)
    return np.logaddexp(0, -score * (2 * y - 1))


def verified(path: Path, test: Any, objective: Any = noisy, **rest: Any) -> tuple[tl.Study, list[Event]]:
    arguments = {
        "minimize": "loss", "maximize": None, "budget": 14, "trial_seconds": None, "trial_memory": None,
        "strategy": "random", "scheduler": "auto", "stopping": "auto", "name": "noisy", "test": "a test", **rest,
    }  # fmt: skip
    study = tl.Study.open(plan_of(**arguments), SPACE, path)
    return study, list(study.process(objective, test))


@pytest.mark.parametrize(
    ("test", "metric", "direction", "how"),
    [
        (auc, "roc_auc", "maximize", "paired over 200 examples and 5 seeds, by DeLong's placements"),
        (grouped_auc, "roc_auc", "maximize", "paired over 200 examples in 25 groups and 5 seeds, by DeLong's"),
        (f1, "f1", "maximize", "paired over 200 examples in 40 groups and 5 seeds, by the jackknife"),
        (log_loss, "log_loss", "minimize", "paired over 200 examples and 5 seeds"),
    ],
)
def test_the_verdict_is_on_the_metric_that_the_test_declares(
    tmp_path: Path, test: Any, metric: str, direction: str, how: str
) -> None:
    study, _ = verified(tmp_path / "s.db", test)
    with study:
        verdict = study.verdict
        assert verdict is not None
        assert (verdict.metric, verdict.direction) == (metric, direction)
        assert verdict.method.startswith(how)
        assert verdict.examples == 200
        assert verdict.difference > 0
        assert verdict.outcome is tl.Outcome.IMPROVED


def test_a_metric_that_is_not_defined_for_the_test_rows_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match=r"roc_auc.*one class|roc_auc.*class 1|stratify"):
        verified(tmp_path / "s.db", one_class)


def told_before(events: list[Event]) -> list[str]:
    """What is told between the start of verification and its first training."""
    kinds = [type(event).__name__ for event in events]
    start = max(
        i for i, event in enumerate(events) if getattr(event, "stage", "") == "verify" and kinds[i] != "StageEnded"
    )
    return [e.text for e in events[start : kinds.index("TestRan")] if isinstance(e, Told)]


def test_before_the_test_is_opened_the_smallest_difference_that_it_can_show_is_told(tmp_path: Path) -> None:
    study, events = verified(tmp_path / "s.db", losses, replicates=4)
    with study:
        told = [text for text in told_before(events) if "this test likely shows" in text]
        assert (
            len(told) == 1 and "(200 sealed rows, 5 seeds; what the choice of test rows adds is not known)" in told[0]
        )
        verdict = study.verdict
        assert verdict is not None and verdict.detectable is not None
        # Noise of 0.02 a run, five runs each: t with 8 degrees of freedom times sqrt(2 / 5); known from four pairs.
        assert 0.015 < verdict.detectable < 0.09
        assert "probably not" not in told[0]  # the gain is 0.8


def test_a_gain_far_below_what_the_test_shows_is_told_before_it_is_opened_in_vain(tmp_path: Path) -> None:
    found = []
    for seed in range(6):
        study, events = verified(tmp_path / f"{seed}.db", losses, very_noisy, seed=seed, test_seeds=2, replicates=3)
        with study:
            if study.verdict is not None and not study.verdict.same_configuration:
                found += told_before(events)
    assert any("the gain seen on fresh scores is" in text and "probably not show it" in text for text in found)


def test_differences_without_noise_tell_nothing_of_the_test(tmp_path: Path) -> None:
    study, events = verified(tmp_path / "s.db", losses, shifted, replicates=3)
    with study:
        assert any("the difference on fresh scores is the same every time" in text for text in told_before(events))
        assert study.verdict is not None and study.verdict.detectable is None


def by_folds(trial: tl.Trial) -> None:
    for fold in trial.folds(SPLIT):
        _, y = fold.validation
        rng = np.random.default_rng([fold.seed % 2**32, round(1e6 * (1 + trial["x"]))])
        trial.report(trial["x"] ** 2 + rng.normal() / np.sqrt(len(y)))


def test_scores_by_fold_tell_what_the_choice_of_rows_does(tmp_path: Path) -> None:
    study, events = verified(tmp_path / "s.db", losses, by_folds, scheduler="none", validation=tl.Folds(5))
    with study:
        text = next(text for text in told_before(events) if "this test" in text)
        assert "not known" not in text
        assert "(200 sealed rows, 5 seeds)" in text
        # Folds of 40 rows with a noise of 1 a row: sqrt(2 / 200) for the difference, 2.8 of which are seen.
        assert study.verdict is not None and study.verdict.detectable is not None
        assert 0.15 < study.verdict.detectable < 0.5


class Unfinished:
    """A test that has no value for two of its examples: for one of them by neither side."""

    is_bounded = True

    def with_trial(self, trial: tl.Trial) -> list[float]:
        X, _ = PATIENTS.test
        lost = [0, 3] if trial["x"] == 0.9 else [3, 5]
        trial.note(LEFT_OUT, lost)
        found = [float(trial["x"] ** 2 + 0.1 * row[0]) for row in X]
        return [1e9 if place in lost else value for place, value in enumerate(found)]

    def __call__(self, params: Any, seed: int) -> Any:
        raise AssertionError


def test_examples_that_one_side_has_no_value_for_are_left_out_of_both(tmp_path: Path) -> None:
    study, _ = verified(tmp_path / "study.db", Unfinished())
    assert study.verdict is not None
    assert study.verdict.examples == PATIENTS.sizes["test"] - 3
    assert study.verdict.selected_score < study.verdict.baseline_score < 2
    assert "groups" in study.verdict.method


class Sparing:
    """A test that takes a hundredth of what is left, whatever a trial takes."""

    def __init__(self, is_bounded: bool) -> None:
        self.is_bounded = is_bounded

    def with_trial(self, trial: tl.Trial) -> list[float]:
        trial.spend(0.01)
        return [trial["x"] ** 2 + 0.01 * i for i in range(20)]

    def __call__(self, params: Any, seed: int) -> Any:
        raise AssertionError


def test_a_test_that_keeps_to_the_budget_by_itself_is_begun_however_little_is_left() -> None:
    study = tl.Study.create(
        SPACE, minimize="loss", budget=tl.Budget(trials=9, cost=10), store="memory", strategy="random", test_seeds=1
    )
    for _ in range(3):
        trial = study.ask()
        study.tell(trial, trial["x"] ** 2, cost=3.1)
    with pytest.raises(StudyError, match="without a verdict"):
        study.verify(Sparing(is_bounded=False))
    assert study.verify(Sparing(is_bounded=True)).examples == 20
