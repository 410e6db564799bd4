"""The examples do what their heads say, in a small way; `make demo` runs the large one."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def digits():
    return runpy.run_path(str(EXAMPLES / "digits.py"))


def test_the_perceptron_of_the_digits_learns_with_its_defaults_and_at_the_corners_of_its_space(digits):
    space, split, Perceptron = digits["SPACE"], digits["SPLIT"], digits["Perceptron"]
    corner = space.check({**space.baseline(), "momentum": 0.0, "schedule": "cosine", "width": 16, "batch_size": 16})
    for params in (space.baseline(), corner):
        model = Perceptron(params, seed=1)
        before = model.losses(*split.validation).mean()
        for _ in range(15):
            model.train_epoch(*split.train)
        assert model.losses(*split.validation).mean() < before / 2


def test_the_gradient_of_the_perceptron_is_that_of_its_loss(digits):
    import numpy as np

    space, split = digits["SPACE"], digits["SPLIT"]
    model = digits["Perceptron"](space.check({**space.baseline(), "l2": 1e-6, "momentum": 0.0}), seed=0)
    X, y = (part[:20] for part in split.train)
    start = [w.copy() for w in model.weights]
    model._step(X, y, 1e-3)  # without momentum, the first mean is the gradient itself
    for place, gradient in enumerate(model.means):
        index = np.unravel_index(np.argmax(np.abs(gradient)), gradient.shape)
        losses = []
        for nudge in (1e-5, -1e-5):
            model.weights = [w.copy() for w in start]
            model.weights[place][index] += nudge
            losses.append(model.losses(X, y).mean())
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(gradient[index], rel=1e-3)


def test_the_test_function_opens_what_is_sealed_for_everybody_else(digits):
    import trialist as tl

    with pytest.raises(tl.SealedError):
        digits["SPLIT"].test  # noqa: B018 - reading it is what is refused
    assert sum(digits["SPLIT"].sizes.values()) == 1797


def test_the_cross_validation_gives_five_replicates_from_all_choices():
    example = runpy.run_path(str(EXAMPLES / "cross_validation.py"))

    class Fixed:
        seed = 2**31 - 1

        def __init__(self, params):
            self.params = params

    for partial in ({}, {"kernel": "linear", "balanced": True}):
        scores = example["accuracy"](Fixed(example["SPACE"].complete(partial)))
        assert len(scores) == 5 and min(scores) > 0.85


def test_the_training_script_reports_each_epoch_and_takes_a_seed():
    words = [sys.executable, "train.py", "--epochs", "3", "--width", "16", "--seed", "5", "--split", "test"]
    done = subprocess.run(words, cwd=EXAMPLES, capture_output=True, text=True, timeout=60, check=True)
    assert re.fullmatch(r"(step=\d val_loss=\d\.\d+\n){3}", done.stdout)


def test_the_study_file_is_whole_and_its_commands_name_its_dials():
    from trialist.cli.studyfile import read_study_file

    study = read_study_file(EXAMPLES / "study.yaml")
    for command in (study.command, study.keys["test"]):
        assert set(re.findall(r"\{(\w+)\}", command)) == set(study.dials)
    assert "--split test" in study.keys["test"] and "--split" not in study.command


def test_the_network_of_the_schedule_search_learns_by_its_schedule_and_breaks_beyond_its_range():
    pytest.importorskip("torch")
    example = runpy.run_path(str(EXAMPLES / "schedule_search.py"))
    space, split = example["tl"].Space(example["LR"]), example["SPLIT"]
    params = {**space.baseline(), "lr": 0.01}
    *_, training = example["train"](params, split.train, 0, range(3))
    assert training.losses(*split.validation).mean() < 0.5
    rate = example["rate_of"](params, split.train)
    assert training.optimizer.param_groups[0]["lr"] == pytest.approx(rate(rate.steps // 4 + 1))
    test = example["range_test"]()
    assert 1e-4 < test.low < 0.01 < test.high < test.diverged_at


@pytest.mark.slow
def test_understanding_a_study_writes_its_pictures_and_says_what_they_show(tmp_path):
    words = [sys.executable, "understand.py", str(tmp_path)]
    done = subprocess.run(words, cwd=EXAMPLES, capture_output=True, text=True, timeout=300, check=True)
    drawn = {path.stem for path in tmp_path.glob("*.png")}
    assert drawn >= {"history", "curves", "parallel", "timeline", "budget", "noise", "sweep", "front", "foretold"}
    assert all(str(tmp_path / f"{name}.png") in done.stdout for name in drawn)
    assert "sweep: learning_rate" in done.stdout
