"""Fine-tuning by Transformers' Trainer as a trial: its arguments, its adapters, and the callback that reports.

Transformers and PEFT are imported by the functions that need them, never by this module.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from trialist.errors import InputError, MissingExtraError, shown
from trialist.execute.worker import Trial

# The attention projections under the names that decoder models give them; PEFT takes those that a model has.
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "out_proj", "qkv_proj", "query_key_value", "c_attn", "Wqkv")
EVALUATIONS = 10  # of a run whose length is told in updates
# What an evaluation measures of the machine; the rest are metrics of the model.
_OF_THE_MACHINE = frozenset(
    {"epoch", *(f"eval_{of}" for of in ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time"))}
)
_DONE = "trainer_state.json"  # the last file that the Trainer writes into a checkpoint


def lora_config(settings: Mapping[str, Any], **more: Any) -> Any:
    """PEFT's LoraConfig of `lora().settings(trial.params)`; what the settings do not hold is PEFT's own.

    more: arguments of LoraConfig, such as task_type (CAUSAL_LM by default) or target_modules, which take precedence.
    Raises MissingExtraError without PEFT.
    """
    try:
        from peft import LoraConfig
    except ImportError:
        raise MissingExtraError("Adapters by PEFT need", "hf") from None
    given: dict[str, Any] = {"task_type": "CAUSAL_LM"}
    rank = settings.get("rank")
    if rank is not None:
        given["r"] = rank
    if "alpha_ratio" in settings:
        given["lora_alpha"] = settings["alpha_ratio"] * (LoraConfig().r if rank is None else rank)
    elif rank is not None:
        given["lora_alpha"] = rank  # else PEFT's 8, whatever the rank
    if "dropout" in settings:
        given["lora_dropout"] = settings["dropout"]
    if "targets" in settings:
        targets = settings["targets"]
        given["target_modules"] = list(ATTENTION) if targets == "attention" else targets
    return LoraConfig(**{**given, **more})


def with_adapter(model: Any, config: Any, seed: int) -> Any:
    """The model with one new adapter, whatever adapter it had: so that the base is loaded once for many trials.

    model: a Transformers model, or what this function returned before.  seed: of the adapter's first values.
    A training ends with the same loss as with a base loaded anew, to the last digit; only adapters may be trained.
    """
    try:
        import torch
        from peft import PeftModel, get_peft_model
    except ImportError:
        raise MissingExtraError("Adapters by PEFT need", "hf") from None
    with torch.random.fork_rng():  # PEFT draws from the global generator
        torch.manual_seed(seed)
        if not isinstance(model, PeftModel):
            return get_peft_model(model, config)
        for name in list(model.peft_config):
            model.delete_adapter(name)
        model.add_adapter("default", config)
        model.set_adapter("default")
        return model


def training_arguments(
    settings: Mapping[str, Any], trial: Trial | None = None, *, device_batch: int | None = None, **more: Any
) -> Any:
    """Transformers' TrainingArguments of `lora().settings(trial.params)`; what is in neither is Transformers' own.

    trial: its seed and checkpoint folder are used.  Without one, as in a test, give output_dir and seed.
    device_batch: sequences that fit into memory at once; larger batches are accumulated.
    more: arguments of TrainingArguments, which take precedence: `max_steps=120`, say, for the length of a full run.
    Nothing is saved or logged on the way but by the callback; evaluations come ten times in a run that is told in
    updates, else after each epoch.

    The rate is Transformers' own schedule of that shape, which counts updates from 0: its rate is one update behind
    that of `Schedule.rate`, and a wsd with an end value begins its warm-up there.
    Raises InputError where the shape needs the length in updates and it is not known, MissingExtraError without
    Transformers.
    """
    try:
        from transformers import TrainingArguments
    except ImportError:
        raise MissingExtraError("Fine-tuning with Transformers needs", "hf") from None
    given: dict[str, Any] = {"report_to": "none", "disable_tqdm": True, "logging_strategy": "no"}
    given |= {"save_strategy": "no", "save_total_limit": 1}
    if trial is not None:
        given |= {"output_dir": str(trial.checkpoint_dir), "seed": trial.seed}
    if "steps" in settings:
        given["max_steps"] = settings["steps"]
    elif "epochs" in settings:
        given["num_train_epochs"] = settings["epochs"]
    updates = more.get("max_steps", given.get("max_steps", -1))
    if updates > 0:
        given |= {"eval_strategy": "steps", "eval_steps": math.ceil(updates / EVALUATIONS)}
    else:
        given["eval_strategy"] = "epoch"
    if "lr" in settings:
        given |= {"learning_rate": settings["lr"], **_schedule(settings, updates if updates > 0 else None)}
    if "batch" in settings:
        given |= _batches(settings["batch"], device_batch)
    if "weight_decay" in settings:
        given["weight_decay"] = settings["weight_decay"]
    return TrainingArguments(**{**given, **more})


def _schedule(settings: Mapping[str, Any], updates: int | None) -> dict[str, Any]:
    """The names and arguments of Transformers for a schedule's dials; Transformers' own where there is no shape."""
    warmup = settings.get("lr_warmup", 0.0)
    warmup_steps = warmup if updates is None else round(warmup * updates)
    found: dict[str, Any] = {"warmup_steps": warmup_steps}
    shape, end = settings.get("lr_shape"), settings.get("lr_end", 0.0)
    if shape is None:
        return found
    if shape == "constant":
        return found | {"lr_scheduler_type": "constant_with_warmup"}
    if shape == "linear":
        if not end:
            return found | {"lr_scheduler_type": "linear"}
        return found | _named("polynomial", lr_end=end * settings["lr"], power=1.0)
    if shape == "cosine":
        return found | (_named("cosine_with_min_lr", min_lr_rate=end) if end else {"lr_scheduler_type": "cosine"})
    if updates is None:
        remedy = f"Give training_arguments(..., max_steps=...), or use another shape than {shape}."
        raise InputError("lr_shape", f"{shape} goes by the number of updates, and the run is told in epochs", remedy)
    if shape == "inverse_sqrt":
        return found | _named("inverse_sqrt", timescale=max(warmup_steps, math.ceil(updates / 100)))
    if shape == "wsd":
        decay = min(max(round(settings.get("lr_cooldown", 0.2) * updates), 1), updates - warmup_steps)
        return found | _named("warmup_stable_decay", num_decay_steps=decay, decay_type="1-sqrt", min_lr_ratio=end)
    raise InputError("lr_shape", f"there is no schedule {shown(shape)}", "Use a shape of trialist.Schedule.")


def _named(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"lr_scheduler_type": kind, "lr_scheduler_kwargs": arguments}


def _batches(batch: int, device_batch: int | None) -> dict[str, int]:
    """Batch × accumulation of so many sequences an update: the largest batch that divides it and fits.

    >>> _batches(32, 12)
    {'per_device_train_batch_size': 8, 'gradient_accumulation_steps': 4}
    """
    most = batch if device_batch is None else device_batch
    if most < 1:
        raise InputError("device_batch", f"{shown(device_batch)} is no number of sequences", "Give 1 or more.")
    size = max(size for size in range(1, min(batch, most) + 1) if batch % size == 0)
    return {"per_device_train_batch_size": size, "gradient_accumulation_steps": batch // size}


def checkpoint_of(trial: Trial) -> str | None:
    """The newest whole checkpoint that an earlier run of the trial left, for `trainer.train(resume_from_checkpoint=)`.

    One that was being written when its process was killed is passed over.
    """
    found = []
    for state in trial.checkpoint_dir.glob(f"checkpoint-*/{_DONE}"):
        try:
            found.append((json.loads(state.read_text(encoding="utf-8"))["global_step"], state.parent))
        except (ValueError, KeyError):
            continue
    return str(max(found)[1]) if found else None


def trial_callback(trial: Trial, metric: str = "eval_loss", checkpoints: bool = True) -> Any:
    """A TrainerCallback that makes a training a trial: `Trainer(..., callbacks=[trial_callback(trial)])`.

    It reports each evaluation: `metric` as the value of the first objective, the other metrics beside it, by their own
    names. It ends the training when the scheduler says so, when the run is at its fidelity, and when the metric
    is not finite. Each evaluation leaves a checkpoint in `trial.checkpoint_dir`, in place of the one before;
    `checkpoint_of(trial)` finds it.  checkpoints: False leaves none.

    Steps are updates, and a full run has as many as the Trainer was told. Where the study has a fidelity, that counts
    updates if the Trainer was told max_steps, else epochs; the length that the Trainer was told is that of a full run.
    Raises MissingExtraError without Transformers.
    """
    try:
        from transformers import TrainerCallback
    except ImportError:
        raise MissingExtraError("Fine-tuning with Transformers needs", "hf") from None
    kind = type("TrialCallback", (_Course, TrainerCallback), {})
    return kind(trial, metric, checkpoints)


class _Course:
    """What the Trainer calls on the way, beside Transformers' own callbacks, which came before."""

    def __init__(self, trial: Trial, metric: str, checkpoints: bool) -> None:
        self._trial, self._metric, self._checkpoints = trial, metric, checkpoints
        self._is_training = False
        self._in_epochs = False
        self._limit: int | None = None  # where this run ends, before the Trainer's own end
        self._evaluated = 0  # after how many updates, last

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        fidelity = self._trial.fidelity
        self._in_epochs = fidelity is not None and args.max_steps <= 0
        self._evaluated = state.global_step
        length = math.ceil(args.num_train_epochs) if self._in_epochs else state.max_steps
        if fidelity is not None:
            if fidelity != int(fidelity) or fidelity > length:
                unit = "epochs" if self._in_epochs else "updates"
                remedy = "Tell the Trainer the length of a full run, max_steps or num_train_epochs, in the same unit."
                raise InputError("fidelity", f"{fidelity:g} is no part of a training of {length} {unit}", remedy)
            self._limit = int(fidelity)
        # Says how long a full run is, and where this one goes on; the steps themselves are the Trainer's.
        self._trial.steps(length if self._limit is None else self._limit, start=self._step(state))
        self._is_training = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        is_last = state.global_step >= state.max_steps and args.eval_strategy != "epoch"
        if is_last or (not self._in_epochs and self._is_at_limit(state)):
            control.should_evaluate = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._in_epochs and self._is_at_limit(state):
            control.should_evaluate = True
        if self._evaluated == state.global_step:
            control.should_evaluate = False

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any], **_: Any) -> None:
        is_new = state.global_step > self._evaluated
        # In a study whose fidelity counts epochs, what is seen within one is not reported.
        if not self._is_training or not is_new or (self._in_epochs and state.epoch != round(state.epoch)):
            return
        self._evaluated = state.global_step
        if self._metric not in metrics:
            known = ", ".join(metrics)
            raise InputError("metric", f"the evaluation has no {shown(self._metric)}", f"Use one of {known}.")
        value = metrics[self._metric]
        self._trial.report(value, self._step(state), **self._others(metrics))
        is_finite = math.isfinite(value)
        if self._trial.should_stop or self._is_at_limit(state) or not is_finite:
            control.should_training_stop = True
        if self._checkpoints and is_finite:
            control.should_save = True

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._is_training = False

    def _step(self, state: Any) -> int:
        return round(state.epoch or 0) if self._in_epochs else int(state.global_step)

    def _is_at_limit(self, state: Any) -> bool:
        return self._limit is not None and self._step(state) >= self._limit

    def _others(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        kept = (key for key in metrics if key != self._metric and key not in _OF_THE_MACHINE)
        return {key: float(metrics[key]) for key in kept}
