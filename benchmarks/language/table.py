"""The tiny model's whole grid, measured: how often every setting answers every item right, through the real server too.

    python benchmarks/llm.py --only table                                       # what was measured
    python benchmarks/llm.py --only table -- --out build/table.json             # anew; needs the extra llm-test

Two measurements stand side by side:

    served  each setting once over the first items, by `transformers serve`: right and cut answers, tokens
    drawn   each setting many times over all items, by the same model's `generate`, in batches: what the server would
            say had it been asked a million times; chances of single items are what the simulations need

Both come from the same weights and the same sampling code, and `agreement` tells whether they do agree. An answer is
the last word of the text; a limit of tokens cuts the very same text, so that one long answer tells of all limits.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from trialist.testing.tiny_lm import DIRECT, PROMPTS, THINK, Recipe, cached, items
from trialist.testing.tiny_server import Served, completion, serving

TEMPERATURES, TOP_PS, LIMITS = (0.0, 0.4, 0.7, 1.0, 1.3), (0.5, 0.8, 1.0), (12, 24, 48)
ITEMS, SUITE_SEED = 300, 7
KEPT = Path(__file__).with_name("table.json")


@dataclass(frozen=True, slots=True)
class Setting:
    """One point of the grid; top_p is 1 where temperature 0 leaves nothing to sample."""

    prompt: str
    temperature: float
    top_p: float
    max_tokens: int


DEFAULT = Setting(DIRECT, 1.3, 1.0, 48)
TRAP = Setting(THINK, 0.0, 1.0, 12)


@dataclass(frozen=True, slots=True)
class Asked:
    """One setting over the first items of the suite, asked of the server once each."""

    calls: int
    right: int
    cut: int
    tokens: float  # mean of completion tokens


@dataclass(frozen=True)
class Row:
    """What is known of a setting.  chances (items,): of a right answer, by item."""

    setting: Setting
    chances: np.ndarray
    draws: int  # answers of each item that the chances come from
    tokens: float
    cut: float
    served: Asked | None

    @property
    def quality(self) -> float:
        """Mean share of right answers over all items: the truth of this setting."""
        return float(self.chances.mean())


def grid() -> list[Setting]:
    """Every setting that differs from the others: 78."""
    sampled = [(t, p) for t in TEMPERATURES for p in TOP_PS if t > 0 or p == 1]
    return [Setting(m, t, p, limit) for m, (t, p), limit in itertools.product(PROMPTS, sampled, LIMITS)]


@cache
def kept(path: Path = KEPT) -> tuple[Row, ...]:
    """The table that lies beside this file."""
    told = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for row in told["rows"]:
        chances = np.array([int(n) for n in row["right"].split()]) / row["draws"]
        served = Asked(**row["served"]) if row["served"] else None
        rows.append(Row(Setting(**row["setting"]), chances, row["draws"], row["tokens"], row["cut"], served))
    return tuple(rows)


def agreement(rows: Sequence[Row]) -> tuple[float, int]:
    """(mean of z², settings) between what the server answered right and what the drawn chances expect; 1 if both agree.

    Settings whose answers hold no chance are left out, since they have to agree to the last item: they raise.
    """
    found = []
    for row in rows:
        if row.served is None:
            continue
        asked = row.chances[: row.served.calls]
        variance = float((asked * (1 - asked)).sum() * (1 + 1 / row.draws))
        if variance > 1:
            found.append((row.served.right - float(asked.sum())) ** 2 / variance)
        elif abs(row.served.right - float(asked.sum())) > 4:
            raise ValueError(f"{row.setting}: the server had {row.served.right} right, expected were {asked.sum()}")
    return math.fsum(found) / len(found), len(found)


def ask(served: Served, setting: Setting, count: int, workers: int) -> Asked:
    """The server's answers to the first items, each asked once."""
    suite = items(ITEMS, SUITE_SEED)[:count]

    def one(item: tuple[str, str]) -> tuple[bool, bool, int]:
        told = completion(served.base_url, body(served.model, item[0], setting))
        choice = told["choices"][0]
        is_right = choice["message"]["content"].split()[-1:] == [item[1]]
        return is_right, choice["finish_reason"] == "length", told["usage"]["completion_tokens"]

    with ThreadPoolExecutor(workers) as pool:
        right, cut, tokens = zip(*pool.map(one, suite), strict=True)
    return Asked(count, sum(right), sum(cut), sum(tokens) / count)


def body(model: str, question: str, setting: Setting) -> dict[str, Any]:
    """The request of one item under a setting."""
    messages = [{"role": "system", "content": setting.prompt}, {"role": "user", "content": question}]
    dials = {name: value for name, value in asdict(setting).items() if name != "prompt"}
    return {"model": model, "messages": messages, **dials}


def draw(model: Path, draws: int) -> Iterator[tuple[Setting, np.ndarray, int, float, float]]:
    """(setting, right answers by item, draws, mean tokens, share cut) of the whole grid, by the model itself."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    net, tokenizer = AutoModelForCausalLM.from_pretrained(model).eval(), AutoTokenizer.from_pretrained(model)
    suite, longest = items(ITEMS, SUITE_SEED), max(LIMITS)
    bases = sorted({(s.prompt, s.temperature, s.top_p) for s in grid()})
    for prompt, temperature, top_p in bases:
        ids = [_prompt(tokenizer, prompt, question) for question, _ in suite]
        count = draws if temperature > 0 else 1
        right = {limit: np.zeros(ITEMS, int) for limit in LIMITS}
        tokens, cut = dict.fromkeys(LIMITS, 0), dict.fromkeys(LIMITS, 0)
        at_once = math.gcd(count, 10)
        x = torch.tensor(ids * at_once)
        sampling = (
            {"do_sample": True, "temperature": temperature, "top_p": top_p} if temperature else {"do_sample": False}
        )
        for _ in range(count // at_once):
            with torch.no_grad():
                made = net.generate(x, attention_mask=torch.ones_like(x), max_new_tokens=longest, **sampling)
            for place, answer in enumerate(made[:, x.shape[1] :].tolist()):
                i = place % ITEMS
                length = answer.index(tokenizer.eos_token_id) + 1 if tokenizer.eos_token_id in answer else longest + 1
                for limit in LIMITS:
                    text = tokenizer.decode(answer[: min(limit, length)], skip_special_tokens=True)
                    right[limit][i] += text.split()[-1:] == [suite[i][1]]
                    tokens[limit] += min(limit, length)
                    cut[limit] += length > limit
        for limit in LIMITS:
            n = count * ITEMS
            yield Setting(prompt, temperature, top_p, limit), right[limit], count, tokens[limit] / n, cut[limit] / n


def _prompt(tokenizer: Any, prompt: str, question: str) -> list[int]:
    messages = [{"role": "system", "content": prompt}, {"role": "user", "content": question}]
    told = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=True)
    return list(told["input_ids"])


def show(rows: Sequence[Row]) -> None:
    """Right answers in percent, by prompt, limit and temperature with its top_p."""
    by = {row.setting: row for row in rows}
    columns = [(t, p) for t in TEMPERATURES for p in TOP_PS if t > 0 or p == 1]
    print("prompt limit tokens | " + " ".join(f"{t:g}/{p:g}".rjust(7) for t, p in columns) + "   (temperature/top_p)")
    for prompt, limit in itertools.product(PROMPTS, LIMITS):
        found = [by[Setting(prompt, t, p, limit)] for t, p in columns]
        print(f"{prompt:6} {limit:5} {found[0].tokens:6.1f} | " + " ".join(f"{100 * r.quality:7.1f}" for r in found))
    if any(row.served for row in rows):
        calls = sum(row.served.calls for row in rows if row.served)
        ratio, settings = agreement(rows)
        print(
            f"served: {calls:,} calls; squared distance from the drawn chances, in variances: {ratio:.2f} ({settings})"
        )


def main(options: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="llm.py --only table --", description="Show the kept table, or measure it.")
    parser.add_argument("--out", type=Path, help="measure anew, into this file")
    parser.add_argument("--models", type=Path, default=Path("build"), help="where the tiny model is kept")
    parser.add_argument("--draws", type=int, default=50, help="answers of each item by the model itself")
    parser.add_argument("--served", type=int, default=100, help="items that the server is asked; 0 for none")
    parser.add_argument("--workers", type=int, default=4, help="requests at a time")
    args = parser.parse_args(options)
    if args.out is None:
        show(kept())
        return
    model = cached(args.models)
    asked: dict[Setting, Asked] = {}
    if args.served:
        with serving(model) as served:
            for setting in grid():
                asked[setting] = ask(served, setting, args.served, args.workers)
                print(setting, asked[setting], flush=True)
    rows = [
        {
            "setting": asdict(setting),
            "right": " ".join(map(str, right)),
            "draws": draws,
            "tokens": round(tokens, 3),
            "cut": round(cut, 4),
            "served": asdict(asked[setting]) if setting in asked else None,
        }
        for setting, right, draws, tokens, cut in draw(model, args.draws)
    ]
    # One setting a line, so that a new measurement can be compared with an old one.
    head = json.dumps({"recipe": asdict(Recipe()), "items": ITEMS, "suite_seed": SUITE_SEED})
    lines = ",\n".join(json.dumps(row) for row in rows)
    args.out.write_text(f'{head[:-1]}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")
    show(kept(args.out))
