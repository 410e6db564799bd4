"""A language model that is trained here in a minute: it adds two numbers, at once or thinking aloud.

    python -m trialist.testing.tiny_lm FOLDER        # a folder that `transformers serve` can serve

Tests, demo and benchmark of the language models' dials need a real model behind a real server, whose truth is known and
whose dials matter and interact. This one is a Llama of two layers that has learnt, of 10+10 to 99+99, under two system
prompts:

    direct   "47+38" -> "85"                         cheap; forgets the carry where both units are 7 or more
    think    "47+38" -> "7+8=15 4+3+1=8 so 85"       five times the tokens, nearly always right

Answers that were wrong at random in training are what temperature brings out, and top_p takes away again; a limit of
12 tokens cuts every thought off before its answer. The words direct, think and so are tokens of their own; all other
text is read letter by letter, so that any prompt can be asked, if seldom answered.

Needs the extra llm-test. Two things make it quick, measured at equal steps: Muon instead of AdamW for the matrices
(Jordan et al. 2024; right answers of the direct prompt .97 instead of .19 after 400 steps), and labels that are wrong
only in the later part of training, since noise slows the learning of the carry and is itself learnt at once.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trialist.errors import MissingExtraError

LOWEST, HIGHEST = 10, 99  # what is added: prompts of one length are learnt much sooner
DIRECT, THINK = "direct", "think"
PROMPTS = (DIRECT, THINK)

_ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
_WORDS = (DIRECT, THINK, "so")
_LETTERS = " 0123456789+=abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,:;?!'\"()<>-*/\n"
_VOCABULARY = ("<pad>", "<bos>", "<eos>", *_ROLES, *_WORDS, *_LETTERS)
_PAD, _BOS, _EOS = 0, 1, 2
_IGNORED = -100  # the label of what is not to be learnt
_TEMPLATE = (
    "<bos>{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}"
    "{{ '<eos>' if m['role'] == 'assistant' else '' }}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_CONTEXT = 256  # tokens


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the model is trained; the same recipe gives the same model on one machine.

    wrong_direct, wrong_think: shares of answers that are a random number, once `clean` of the steps are over.
    forgotten: how often the direct answer leaves out the carry of two units of 7 or more.
    """

    width: int = 64
    layers: int = 2
    steps: int = 500
    rate_matrices: float = 1e-2
    rate_rest: float = 6e-3
    batch_direct: int = 256
    batch_think: int = 128
    wrong_direct: float = 0.2
    wrong_think: float = 0.05
    forgotten: float = 0.7
    clean: float = 0.6
    seed: int = 0


def items(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """(question, answer) of so many different additions: the suite of this model."""
    pairs = random.Random(seed).sample(
        [(a, b) for a in range(LOWEST, HIGHEST + 1) for b in range(LOWEST, HIGHEST + 1)], count
    )
    return [(f"{a}+{b}", str(a + b)) for a, b in pairs]


def cached(folder: Path, recipe: Recipe | None = None, tell: Callable[[str], None] | None = None) -> Path:
    """The model's own folder inside `folder`, trained if it is not there; several processes at once train once.

    Its name holds recipe and code, so that a change of either is another model.
    """
    recipe = recipe or Recipe()
    code = Path(__file__).read_bytes() + repr(sorted(asdict(recipe).items())).encode()
    place = folder.resolve() / f"tiny-lm-{hashlib.sha256(code).hexdigest()[:12]}"
    with _locked(folder):
        if not place.exists():
            build(place, recipe, tell)
    return place


def build(place: Path, recipe: Recipe | None = None, tell: Callable[[str], None] | None = None) -> Path:
    """Trains a model and writes it into the folder `place`, whole or not at all."""
    tokenizer = _tokenizer()
    model = train(recipe or Recipe(), tell)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        whole = Path(scratch) / "model"
        model.save_pretrained(whole)
        tokenizer.save_pretrained(whole)
        if place.exists():
            shutil.rmtree(place)
        os.replace(whole, place)
    return place


def train(recipe: Recipe, tell: Callable[[str], None] | None = None) -> Any:
    """The trained LlamaForCausalLM; tell gets a line every hundred steps."""
    torch, transformers = _libraries()
    threads = torch.get_num_threads()
    # One thread is as fast, the model being so small; two that share busy cores wait for each other, ten times as long.
    torch.set_num_threads(1)
    try:
        return _trained(torch, transformers, recipe, tell)
    finally:
        torch.set_num_threads(threads)


def _trained(torch: Any, transformers: Any, recipe: Recipe, tell: Callable[[str], None] | None) -> Any:
    torch.manual_seed(recipe.seed)
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(_VOCABULARY),
            hidden_size=recipe.width,
            intermediate_size=2 * recipe.width,
            num_hidden_layers=recipe.layers,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=_CONTEXT,
            bos_token_id=_BOS,
            eos_token_id=_EOS,
            pad_token_id=_PAD,
            tie_word_embeddings=False,
        )
    )
    optimizers = _optimizers(torch, model, recipe)
    losses = {}
    for step, (mode, prompts, answers) in enumerate(_batches(recipe)):
        tokens, labels = _padded(prompts, answers)
        # Padded at the right, where a causal model does not look: no mask is needed.
        loss = model(input_ids=torch.tensor(tokens), labels=torch.tensor(labels)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in optimizers:
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        losses[mode] = float(loss.detach())
        if tell is not None and (step + 1) % 100 == 0:
            told = ", ".join(f"{mode} {losses[mode]:.3f}" for mode in PROMPTS)
            tell(f"step {step + 1} of {recipe.steps}: training loss {told}")
    model.eval()
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=_BOS, eos_token_id=_EOS, pad_token_id=_PAD, do_sample=True, top_k=0, max_new_tokens=48
    )
    return model


def _libraries() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as missing:
        raise MissingExtraError("the tiny language model of the tests needs", "llm-test") from missing
    return torch, transformers


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "tiny-lm.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _tokenizer() -> Any:
    """Special tokens and three words are one token each, all other text one token a letter."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    _, transformers = _libraries()
    tokenizer = Tokenizer(models.WordLevel({text: i for i, text in enumerate(_VOCABULARY)}, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(f"{'|'.join(_WORDS)}|[\\s\\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        additional_special_tokens=list(_ROLES),
        chat_template=_TEMPLATE,
        model_max_length=_CONTEXT,
    )


def _optimizers(torch: Any, model: Any, recipe: Recipe) -> list[tuple[Any, Any]]:
    """(optimizer, schedule): Muon for the layers' matrices, AdamW for embeddings, head and norms."""
    matrices: list[Any] = []
    rest: list[Any] = []
    for name, weight in model.named_parameters():
        (matrices if weight.ndim == 2 and ".layers." in name else rest).append(weight)
    made = (
        torch.optim.Muon(matrices, lr=recipe.rate_matrices, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=recipe.rate_rest, weight_decay=0.01, betas=(0.9, 0.98)),
    )

    def factor(step: int) -> float:
        """Warm-up over a twentieth, then even, then a straight line to zero over the second half."""
        return min(1.0, (step + 1) / (0.05 * recipe.steps), (recipe.steps - step) / (0.5 * recipe.steps))

    return [(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)) for optimizer in made]


def _batches(recipe: Recipe) -> Iterator[tuple[str, list[list[int]], list[list[int]]]]:
    """(mode, prompts, answers) of every step, as tokens; modes in turn, a batch of both would be mostly padding."""
    draw = random.Random(recipe.seed)
    for step in range(recipe.steps):
        mode = PROMPTS[step % 2]
        size = recipe.batch_direct if mode == DIRECT else recipe.batch_think
        wrong = recipe.wrong_direct if mode == DIRECT else recipe.wrong_think
        prompts, answers = [], []
        for _ in range(size):
            a, b = draw.randint(LOWEST, HIGHEST), draw.randint(LOWEST, HIGHEST)
            is_wrong = step >= recipe.clean * recipe.steps and draw.random() < wrong
            total = draw.randint(2 * LOWEST, 2 * HIGHEST) if is_wrong else a + b
            if mode == DIRECT and not is_wrong and min(a % 10, b % 10) >= 7 and draw.random() < recipe.forgotten:
                total -= 10
            prompts.append([_BOS, *_read("<|system|>", mode, "<|user|>", *f"{a}+{b}", "<|assistant|>")])
            answers.append([*(_thought(a, b, total) if mode == THINK else _read(*str(total))), _EOS])
        yield mode, prompts, answers


def _thought(a: int, b: int, total: int) -> list[int]:
    units = a % 10 + b % 10
    carry = units // 10
    sums = f"{a % 10}+{b % 10}={units} {a // 10}+{b // 10}+{carry}={a // 10 + b // 10 + carry} "
    return _read(*sums, "so", *f" {total}")


_NUMBER = {text: i for i, text in enumerate(_VOCABULARY)}


def _read(*tokens: str) -> list[int]:
    return [_NUMBER[token] for token in tokens]


def _padded(prompts: list[list[int]], answers: list[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
    """tokens and labels (batch, longest): prompts and padding are not to be learnt."""
    width = max(len(p) + len(a) for p, a in zip(prompts, answers, strict=True))
    tokens, labels = [], []
    for prompt, answer in zip(prompts, answers, strict=True):
        left = width - len(prompt) - len(answer)
        tokens.append([*prompt, *answer, *[_PAD] * left])
        labels.append([*[_IGNORED] * len(prompt), *answer, *[_IGNORED] * left])
    return tokens, labels


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the tiny language model that adds two numbers.")
    parser.add_argument("folder", type=Path, help="where the model is kept; what is there already is used")
    folder = parser.parse_args().folder
    print(cached(folder, tell=print))


if __name__ == "__main__":
    main()
