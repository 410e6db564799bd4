"""Tune the fine-tuning of a small language model by low-rank adapters, and verify it on sealed items.

    python examples/lora.py            # leaves lora.db and the tiny model in the current folder

The model adds two numbers; it is to learn to write the sum from right to left, 47+38 -> "58", from 2,000 examples, of
which a fifth are wrong: as with real data, there is a loss below which no training can come, here about 0.4. Nine dials
of LoRA are searched, twenty trials of 120 updates. Imports and the base model are paid once: two workers are forked
from a process that has loaded both, and every trial of a worker gets the same base with new adapters. A few minutes on
two cores, beside the minute in which the tiny model itself is trained, the first time.
"""

import logging
import os
import random
import tempfile
import warnings
from pathlib import Path

import trialist as tl
from trialist.llm.presets import lora
from trialist.llm.trainer import checkpoint_of, lora_config, training_arguments, trial_callback, with_adapter
from trialist.testing import tiny_lm

os.environ["HF_HUB_OFFLINE"] = "1"  # before the import: what is needed lies here
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

# A process that has run threads of its own cannot be forked safely, and two workers share the cores anyway.
torch.set_num_threads(1)
warnings.filterwarnings("ignore", module="torch")
logging.getLogger("accelerate").setLevel(logging.ERROR)
set_verbosity_error()
disable_progress_bar()

FOLDER = tiny_lm.cached(Path("build"))
TOKENIZER = AutoTokenizer.from_pretrained(FOLDER)
MODEL = AutoModelForCausalLM.from_pretrained(FOLDER)  # on the CPU: no process that used a GPU can be forked
UPDATES, ITEMS = 120, 3_200
DIALS = lora(lr=(1e-4, 1e-1), epochs=None, steps=UPDATES, batch=[16, 32, 64])  # small models bear high rates
WRONG = 0.2


def noisy(items, seed):
    """Questions, and answers of which some are another sum."""
    draw = random.Random(seed)
    lowest, highest = 2 * tiny_lm.LOWEST, 2 * tiny_lm.HIGHEST
    answers = [str(draw.randint(lowest, highest)) if draw.random() < WRONG else answer for _, answer in items]
    return [question for question, _ in items], answers


SPLIT = tl.Split(*noisy(tiny_lm.items(ITEMS, seed=1), seed=1), test=800, validation=400, seed=0)


def tokens(text):
    return TOKENIZER(text, add_special_tokens=False)["input_ids"]


def examples(questions, answers):
    """Prompts and answers as tokens; the loss looks at the answers alone."""
    prompts = [tokens(f"<bos><|system|>direct<|user|>{question}<|assistant|>") for question in questions]
    replies = [tokens(f"{answer[::-1]}<eos>") for answer in answers]
    return [{"prompt": prompt, "reply": reply} for prompt, reply in zip(prompts, replies, strict=True)]


def collate(rows):
    """A batch, padded at the right; -100 is what the loss does not look at."""
    width = max(len(row["prompt"]) + len(row["reply"]) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), -100)
    for i, row in enumerate(rows):
        start, end = len(row["prompt"]), len(row["prompt"]) + len(row["reply"])
        ids[i, :end] = torch.tensor(row["prompt"] + row["reply"])
        labels[i, start:end] = torch.tensor(row["reply"])
    return {"input_ids": ids, "labels": labels}


def trainer_of(settings, training, validation, seed, callbacks=(), **arguments):
    """A Trainer of the base model with new adapters; whatever was trained before leaves no trace."""
    global MODEL
    MODEL = with_adapter(MODEL, lora_config(settings), seed)
    args = training_arguments(
        settings, seed=seed, use_cpu=True, remove_unused_columns=False, per_device_eval_batch_size=400, **arguments
    )
    return Trainer(
        MODEL, args, data_collator=collate, train_dataset=training, eval_dataset=validation, callbacks=list(callbacks)
    )


def objective(trial):
    """One trial: the validation loss after each tenth of the training."""
    trainer = trainer_of(
        DIALS.settings(trial.params), examples(*SPLIT.train), examples(*SPLIT.validation), trial.seed,
        [trial_callback(trial)], trial=trial,
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=checkpoint_of(trial))
    return trial.last


def test_loss(params, seed):
    """Called in the last stage alone, when the test items are open: the loss of each."""
    train(params, seed)
    return losses(*SPLIT.test)


def train(params, seed):
    """Train new adapters on all items that are not sealed."""
    with tempfile.TemporaryDirectory() as folder:
        trainer_of(
            DIALS.settings(params), examples(*SPLIT.train_and_validation), None, seed,
            output_dir=folder, eval_strategy="no",
        ).train()  # fmt: skip


def losses(questions, answers):
    """The loss of each item, by the model as it was trained last: of a token of its answer, on average."""
    batch = collate(examples(questions, answers))
    MODEL.eval()
    with torch.no_grad():
        scores = MODEL(input_ids=batch["input_ids"]).logits[:, :-1].transpose(1, 2)  # (items, vocabulary, places)
    labels = batch["labels"][:, 1:]
    found = torch.nn.functional.cross_entropy(scores, labels, reduction="none")  # 0 where nothing is looked at
    return (found.sum(dim=1) / (labels != -100).sum(dim=1)).numpy()


if __name__ == "__main__":
    with tl.tune(
        objective, tl.Space(DIALS), minimize="val_loss", budget=20, test=test_loss, test_seeds=2, workers=2,
        store="lora.db", name="lora", seed=0,
    ) as study:  # fmt: skip
        print(f"\ndefault  {study.baseline.value:.3f}  {study.baseline.params}")
        print(f"selected {study.best.value:.3f}  {study.best.params}")
        print(study.verdict)
