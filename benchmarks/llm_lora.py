"""Fine-tuning: what twenty trials of ours find beside the best of sixty random ones, on the task of examples/lora.py.

  python benchmarks/llm_lora.py                      one seed, two workers: about ten minutes on two cores
  python benchmarks/llm_lora.py --seeds 0 1 2        studies are kept in --store, and go on where they stopped
  python benchmarks/llm_lora.py --task clean         without wrong answers: the loss has no floor

Both search the same dials from the same default, with the same validation items. The target is the ratio of the best
losses that they measured, at most 1.05. With --judge what they found is trained anew and scored on other items, which
says how much of it was luck.
"""

from __future__ import annotations

import argparse
import importlib
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import trialist as tl

OURS, RANDOM = 20, 60
TARGET = 1.05
FRESH = (1001, 1002, 1003)  # seeds of the trainings that are judged


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: its losses in the order of its trials, without one inf; the best configuration."""

    losses: tuple[float, ...]
    params: dict[str, Any]
    seconds: float  # of its trials, over the workers

    def best(self, trials: int | None = None) -> float:
        """The best loss of so many trials."""
        return min(self.losses[:trials])


def main() -> None:
    args = arguments()
    Path(args.store).parent.mkdir(parents=True, exist_ok=True)
    lora = task(args.task)
    of = "" if args.task == "noisy" else f"-{args.task}"
    pairs = []
    for seed in args.seeds:
        ours = searched(lora, f"ours{of}-{seed}", "auto", OURS, seed, args)
        pairs.append((seed, ours, searched(lora, f"random{of}-{seed}", "random", RANDOM, seed, args)))
    print("\n".join(told(pairs)))
    if args.judge:
        for seed, ours, random in pairs:
            mine, theirs = (judged(lora, found.params) for found in (ours, random))
            print(
                f"seed {seed}: fresh trainings, other items: ours {mine:.4f}, random {theirs:.4f}, {mine / theirs:.3f}"
            )


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--task", choices=["noisy", "clean"], default="noisy", help="a fifth of the answers wrong, or none"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--store", default="build/llm_lora.db")
    parser.add_argument("--judge", action="store_true", help="train what was found anew, for other items")
    return parser.parse_args(given)


def task(name: str) -> Any:
    """The example, or its task without wrong answers, as a module that worker processes can import too."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    return importlib.import_module({"noisy": "lora", "clean": "language.lora_clean"}[name])


def searched(lora: Any, name: str, strategy: str, trials: int, seed: int, args: argparse.Namespace) -> Found:
    """A search alone, without the stages that follow."""
    alone = {} if strategy == "auto" else {"scheduler": "none", "stopping": "none"}
    plan = {"minimize": "val_loss", "budget": trials, "strategy": strategy, "seed": seed, **alone}
    try:
        study = tl.Study.create(tl.Space(lora.DIALS), name=name, store=args.store, **plan)
    except tl.StudyExistsError:
        study = tl.Study.load(name, store=args.store)
    with study:
        study.optimize(lora.objective, workers=args.workers)
        records = study.trials
    losses = tuple(record.value if record.is_scored else math.inf for record in records)
    params = dict(records[losses.index(min(losses))].params)
    return Found(losses, params, sum(record.seconds or 0.0 for record in records) / args.workers)


def told(pairs: Sequence[tuple[int, Found, Found]]) -> list[str]:
    """The table, and whether the target was met."""
    heads = (
        "seed",
        "default",
        f"ours {OURS}",
        f"random {OURS}",
        f"random {RANDOM}",
        "ratio",
        "seconds of ours",
        "random",
    )
    lines = ["  ".join(heads)]
    ratios = []
    for seed, ours, random in pairs:
        ratios.append(ours.best() / random.best())
        losses = ours.losses[0], ours.best(), random.best(OURS), random.best()
        cells = str(seed), *(f"{loss:.4f}" for loss in losses), f"{ratios[-1]:.3f}"
        cells = *cells, f"{ours.seconds:.0f}", f"{random.seconds:.0f}"
        lines.append("  ".join(cell.rjust(len(head)) for cell, head in zip(cells, heads, strict=True)))
    met = sum(ratio <= TARGET for ratio in ratios)
    lines.append(f"at most {TARGET}: {met} of {len(ratios)} seeds; mean {fmean(ratios):.3f}, largest {max(ratios):.3f}")
    return lines


def judged(lora: Any, params: dict[str, Any]) -> float:
    """The mean loss of trainings with fresh seeds on items that no study has: the sealed ones stay sealed."""
    known = {question for question, _ in lora.tiny_lm.items(lora.ITEMS, seed=1)}
    others = [item for item in lora.tiny_lm.items(8_000, seed=2) if item[0] not in known]
    losses = []
    for seed in FRESH:
        lora.train(params, seed)
        losses.append(float(lora.losses(*lora.noisy(others, seed=2)).mean()))
    return fmean(losses)


if __name__ == "__main__":
    main()
