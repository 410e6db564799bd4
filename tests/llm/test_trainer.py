"""A Trainer's run as a trial, with Transformers and PEFT themselves on a model of a few thousand weights."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

import trialist as tl
from trialist.llm import trainer as under_test
from trialist.llm.trainer import checkpoint_of, lora_config, training_arguments, trial_callback, with_adapter
from trialist.trials.messages import Assignment, Reported
from trialist.trials.trial import GO_ON, Action, Decision, Stage

LENGTH = 40  # updates of a full run


@pytest.mark.parametrize(
    ("call", "module"),
    [
        (lambda: lora_config({}), "peft"),
        (lambda: with_adapter(None, None, 0), "peft"),
        (lambda: training_arguments({}), "transformers"),
        (lambda: trial_callback(None), "transformers"),
    ],
)
def test_a_missing_package_is_told_with_its_install_line(call, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)  # what Python itself keeps of a module that must not be imported
    with pytest.raises(tl.MissingExtraError, match=r"pip install 'trialist\[hf\]'"):
        call()


@pytest.fixture
def trial(tmp_path):
    return trial_of(tmp_path)


def trial_of(folder, fidelity=None, said=None, stop_at=None, last=None, seed=7):
    """A trial whose reports go into `said`, and whose scheduler stops it at a step."""
    said = [] if said is None else said

    def channel(message):
        if isinstance(message, Reported):
            said.append(message)
            if stop_at is not None and message.step >= stop_at:
                return Decision(Action.STOP, "hopeless")
        return GO_ON

    assignment = Assignment(0, 0, {}, seed, Stage.SEARCH, 0, ("loss",), str(folder), fidelity=fidelity, last=last)
    return tl.Trial(assignment, channel)


def test_of_several_checkpoints_the_newest_whole_one_is_found(trial):
    assert checkpoint_of(trial) is None
    for step in (5, 10, 20):
        folder = trial.checkpoint_dir / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    assert checkpoint_of(trial) == str(trial.checkpoint_dir / "checkpoint-20")
    (folder / "trainer_state.json").write_text('{"global_st')  # killed while it was written
    (trial.checkpoint_dir / "checkpoint-30").mkdir()  # and before
    assert checkpoint_of(trial) == str(trial.checkpoint_dir / "checkpoint-10")


@pytest.mark.parametrize("batch", [1, 7, 16, 60, 128])
@pytest.mark.parametrize("fits", [1, 2, 5, 16, 1000, None])
def test_batch_times_accumulation_is_the_batch_and_fits(batch, fits):
    found = under_test._batches(batch, fits)
    size, times = found["per_device_train_batch_size"], found["gradient_accumulation_steps"]
    assert size * times == batch
    assert fits is None or size <= fits
    assert not [n for n in range(size + 1, min(batch, fits or batch) + 1) if batch % n == 0]


# What follows trains.


@pytest.fixture
def libraries():
    pytest.importorskip("peft")
    return pytest.importorskip("transformers")


@pytest.fixture
def base(libraries):
    import torch

    torch.set_num_threads(1)

    def load():
        torch.manual_seed(1)
        return libraries.LlamaForCausalLM(
            libraries.LlamaConfig(
                vocab_size=16, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
                num_key_value_heads=2, max_position_embeddings=16,
            )
        )  # fmt: skip

    return load


def rows(count, seed):
    """Sequences that count upwards, each from a place of its own."""
    import torch

    starts = torch.randint(0, 8, (count,), generator=torch.Generator().manual_seed(seed))
    ids = starts[:, None] + torch.arange(8)
    return [{"input_ids": each, "labels": each} for each in ids]


def trainer_of(model, settings, trial=None, callbacks=(), **more):
    from transformers import Trainer

    given = {"max_steps": LENGTH, "use_cpu": True, **more}
    args = training_arguments(settings, trial, **given)
    return Trainer(model, args, train_dataset=rows(64, 1), eval_dataset=rows(16, 2), callbacks=list(callbacks))


SETTINGS = {
    "lr": 0.03,
    "lr_shape": "cosine",
    "lr_warmup": 0.1,
    "batch": 8,
    "rank": 4,
    "alpha_ratio": 2.0,
    "dropout": 0.1,
}


def loss_of(model, settings, folder, seed=3):
    trainer = trainer_of(model, settings, output_dir=str(folder), seed=seed)
    trainer.train()
    return trainer.evaluate()["eval_loss"]


@pytest.mark.slow
def test_a_base_with_new_adapters_learns_as_a_fresh_one(base, tmp_path):
    variants = [
        SETTINGS,
        {**SETTINGS, "targets": "attention", "rank": 2},
        {**SETTINGS, "targets": "all-linear"},
        SETTINGS,
    ]
    fresh = [loss_of(with_adapter(base(), lora_config(v), 3), v, tmp_path) for v in variants]
    kept, reused = base(), []
    for variant in variants:
        kept = with_adapter(kept, lora_config(variant), 3)
        reused.append(loss_of(kept, variant, tmp_path))
    assert reused == fresh
    assert len(set(fresh)) == 3


@pytest.mark.slow
def test_adapters_are_what_the_settings_say(base):
    model = with_adapter(base(), lora_config({**SETTINGS, "targets": "attention"}), 0)
    config = model.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout) == (4, 8.0, 0.1)
    trained = {name.split(".")[-4] for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained == {"q_proj", "k_proj", "v_proj", "o_proj"}
    model = with_adapter(model, lora_config({**SETTINGS, "targets": "all-linear"}), 0)
    trained = {name.split(".")[-4] for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.mark.slow
def test_the_global_random_state_is_left_as_it_was(base):
    import torch

    model = base()
    before = torch.random.get_rng_state()
    with_adapter(model, lora_config(SETTINGS), 5)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.slow
@pytest.mark.parametrize("end", [0.0, 0.1])
@pytest.mark.parametrize("shape", ["constant", "linear", "cosine", "inverse_sqrt", "wsd"])
@pytest.mark.parametrize("warmup", [0.0, 0.25])
def test_rates_are_those_of_the_schedule_one_update_later(shape, end, warmup, base, tmp_path):
    settings = {"lr": 0.01, "lr_shape": shape, "lr_warmup": warmup, "lr_end": end, "lr_cooldown": 0.3}
    trainer = trainer_of(base(), settings, output_dir=str(tmp_path))
    trainer.create_optimizer()
    trainer.create_scheduler(num_training_steps=LENGTH)
    rate = tl.Rate(0.01, LENGTH, shape=shape, warmup=warmup, end=end, cooldown=0.3)
    found = []
    for _ in range(LENGTH - 1):
        found.append(trainer.lr_scheduler.get_last_lr()[0])
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
    if warmup:
        begun = math.ceil(warmup * LENGTH) if shape == "wsd" and end else 0  # there it rises from the end value, not 0
        expected = [0.0, *(rate(step) for step in range(1, LENGTH - 1))]
        assert found[begun:] == pytest.approx(expected[begun:], rel=1e-9, abs=1e-12)
    else:  # both begin at the peak: at most one update behind
        for step in range(1, LENGTH):
            assert rate(step) * (1 - 1e-9) <= found[step - 1] <= rate(max(step - 1, 1)) * (1 + 1e-9)


@pytest.mark.slow
def test_a_shape_that_needs_the_number_of_updates_says_so(libraries, tmp_path):
    settings = {"lr": 0.01, "lr_shape": "wsd", "lr_warmup": 0.1, "epochs": 3}
    with pytest.raises(tl.InputError, match=r"lr_shape: wsd goes by the number of updates.*max_steps"):
        training_arguments(settings, output_dir=str(tmp_path))


@pytest.mark.slow
def test_every_evaluation_is_reported_and_the_last_one_kept(base, tmp_path):
    said = []
    trial = trial_of(tmp_path, said=said)
    trainer = trainer_of(with_adapter(base(), lora_config(SETTINGS), 7), SETTINGS, trial, [trial_callback(trial)])
    trainer.train()
    assert [message.step for message in said] == list(range(4, LENGTH + 1, 4))
    assert all(message.of == LENGTH for message in said)
    assert said[-1].value == trial.last < said[0].value
    assert trainer.evaluate()["eval_loss"] == pytest.approx(trial.last, rel=1e-6)  # and is no report of its own
    assert len(said) == 10
    kept = [path.name for path in trial.checkpoint_dir.iterdir()]
    assert kept == [f"checkpoint-{LENGTH}"]
    assert (trial.checkpoint_dir / kept[0] / "adapter_model.safetensors").exists()


@pytest.mark.slow
def test_it_ends_when_the_scheduler_says_so(base, tmp_path):
    said = []
    trial = trial_of(tmp_path, said=said, stop_at=12)
    trainer = trainer_of(with_adapter(base(), lora_config(SETTINGS), 7), SETTINGS, trial, [trial_callback(trial)])
    trainer.train()
    assert trainer.state.global_step == 12
    assert [message.step for message in said] == [4, 8, 12]
    assert trial.should_stop


@pytest.mark.slow
def test_a_run_in_two_parts_ends_as_one_in_one_part(base, tmp_path):
    def run(folder, fidelity, said):
        trial = trial_of(folder, fidelity=fidelity, said=said)
        model = with_adapter(base(), lora_config(SETTINGS), 7)
        trainer = trainer_of(model, SETTINGS, trial, [trial_callback(trial)])
        trainer.train(resume_from_checkpoint=checkpoint_of(trial))
        return trial, trainer

    whole, parts = [], []
    run(tmp_path / "whole", LENGTH, whole)
    _, first = run(tmp_path / "parts", 20, parts)
    assert first.state.global_step == 20
    trial, _ = run(tmp_path / "parts", LENGTH, parts)
    assert [message.since for message in parts[4:6]] == [16, 20]
    assert [(message.step, message.value) for message in parts] == [(message.step, message.value) for message in whole]
    assert trial.last == whole[-1].value


@pytest.mark.slow
def test_a_run_is_evaluated_at_its_fidelity_though_none_is_due(base, tmp_path):
    said = []
    trial = trial_of(tmp_path, fidelity=18, said=said)
    trainer = trainer_of(with_adapter(base(), lora_config(SETTINGS), 7), SETTINGS, trial, [trial_callback(trial)])
    trainer.train()
    assert [message.step for message in said] == [4, 8, 12, 16, 18]
    assert trainer.state.global_step == 18


@pytest.mark.slow
def test_a_run_that_was_over_before_it_could_say_so_is_not_trained_again(base, tmp_path):
    for _ in range(2):
        trial = trial_of(tmp_path, last=0.25)
        model = with_adapter(base(), lora_config(SETTINGS), 7)
        trainer = trainer_of(model, SETTINGS, trial, [trial_callback(trial)])
        trainer.train(resume_from_checkpoint=checkpoint_of(trial))
    assert trial.last == 0.25


@pytest.mark.slow
def test_a_fidelity_of_epochs_is_counted_in_epochs(base, tmp_path):
    said = []
    trial = trial_of(tmp_path, fidelity=2, said=said)
    model = with_adapter(base(), lora_config(SETTINGS), 7)
    more = {"max_steps": -1, "num_train_epochs": 5, "eval_strategy": "steps", "eval_steps": 3}
    trainer = trainer_of(model, SETTINGS, trial, [trial_callback(trial)], **more)
    trainer.train()
    assert trainer.state.global_step == 16  # 64 rows in batches of 8
    assert [message.step for message in said] == [2]  # within an epoch nothing is reported, at its end all is
    assert trainer.state.epoch == 2


@pytest.mark.slow
def test_an_evaluation_after_each_epoch_is_reported_once(base, tmp_path):
    said = []
    trial = trial_of(tmp_path, said=said)
    model = with_adapter(base(), lora_config(SETTINGS), 7)
    settings = {**SETTINGS, "epochs": 3}
    trainer = trainer_of(model, settings, trial, [trial_callback(trial)], max_steps=-1)
    trainer.train()
    assert [(message.step, message.of) for message in said] == [(8, 24), (16, 24), (24, 24)]


@pytest.mark.slow
def test_a_fidelity_beyond_the_training_is_refused(base, tmp_path):
    trial = trial_of(tmp_path, fidelity=LENGTH + 1)
    trainer = trainer_of(base(), SETTINGS, trial, [trial_callback(trial)])
    with pytest.raises(tl.InputError, match="fidelity: 41 is no part of a training of 40 updates"):
        trainer.train()


@pytest.mark.slow
def test_a_training_that_broke_ends_at_once_and_leaves_no_checkpoint(base, tmp_path):
    import torch

    model = base()
    with torch.no_grad():
        model.lm_head.weight.fill_(math.nan)
    said = []
    trial = trial_of(tmp_path, said=said)
    trainer = trainer_of(with_adapter(model, lora_config(SETTINGS), 7), SETTINGS, trial, [trial_callback(trial)])
    trainer.train()
    assert len(said) == 1
    assert math.isnan(said[0].value)
    assert checkpoint_of(trial) is None


@pytest.mark.slow
def test_other_metrics_go_beside_the_value(base, tmp_path):
    said = []
    trial = trial_of(tmp_path, said=said)
    model = with_adapter(base(), lora_config(SETTINGS), 7)
    trainer = trainer_of(model, SETTINGS, trial, [trial_callback(trial, metric="eval_accuracy")])
    trainer.compute_metrics = lambda given: {
        "accuracy": float((given.predictions[:, :-1].argmax(-1) == given.label_ids[:, 1:]).mean())
    }
    trainer.train()
    assert set(said[-1].metrics) == {"eval_loss"}
    assert said[-1].value > said[0].value


@pytest.mark.slow
def test_an_unknown_metric_is_told_with_the_known_ones(base, tmp_path):
    trial = trial_of(tmp_path)
    model = with_adapter(base(), lora_config(SETTINGS), 7)
    trainer = trainer_of(model, SETTINGS, trial, [trial_callback(trial, metric="eval_bleu")])
    with pytest.raises(tl.InputError, match=r"metric: the evaluation has no 'eval_bleu'\. Use one of eval_loss"):
        trainer.train()


STUDY = """
import os

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer

import trialist as tl
from trialist.llm.presets import lora
from trialist.llm.trainer import checkpoint_of, lora_config, training_arguments, trial_callback, with_adapter

torch.set_num_threads(1)
torch.manual_seed(1)
IMPORTED_IN = os.getpid()
MODEL = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=16,
    )
)
DIALS = lora(lr=(1e-3, 1e-1), epochs=None, steps=40, batch=[4, 8], rank=(2, 8))


def rows(count, seed):
    starts = torch.randint(0, 8, (count,), generator=torch.Generator().manual_seed(seed))
    return [{"input_ids": each, "labels": each} for each in starts[:, None] + torch.arange(8)]


def objective(trial):
    global MODEL
    settings = DIALS.settings(trial.params)
    MODEL = with_adapter(MODEL, lora_config(settings), trial.seed)
    args = training_arguments(settings, trial, use_cpu=True, eval_steps=5)
    data = {"train_dataset": rows(64, 1), "eval_dataset": rows(16, 2)}
    trainer = Trainer(MODEL, args, callbacks=[trial_callback(trial)], **data)
    trainer.train(resume_from_checkpoint=checkpoint_of(trial))
    trial.note("processes", [IMPORTED_IN, os.getpid()])
    return trial.last


if __name__ == "__main__":
    study = tl.Study.create(
        tl.Space(DIALS), minimize="eval_loss", budget=12, fidelity=tl.Fidelity("steps", 5, 40, factor=2),
        scheduler="halving", strategy="random", store="s.db", name="s",
    )
    study.optimize(objective, workers=2)
"""


@pytest.mark.slow
def test_workers_are_warm_and_paused_trials_go_on_from_their_checkpoints(libraries, tmp_path):
    (tmp_path / "finetune.py").write_text(STUDY)
    done = subprocess.run([sys.executable, "finetune.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with tl.Study.load("s", tmp_path / "s.db") as study:
        assert not [record.failure for record in study.trials if record.failure]
        processes = [record.notes["processes"] for record in study.trials]
        assert len({imported for imported, _ in processes}) == 1  # of twelve trials
        assert all(imported != ran for imported, ran in processes)
        assert len({ran for _, ran in processes}) <= 2
        gone_on = [record for record in study.trials if record.attempt or len(record.course) > 1]
        assert gone_on
        for record in study.trials:  # nothing was trained twice
            assert record.used == record.reports[-1].step
        assert study.best.reports[-1].step == 40
