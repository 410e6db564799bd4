"""Whether a good setting is found: from temperature 1.3 and the direct prompt, with part of the calls of the full grid.

    python benchmarks/llm.py --only find -- --seeds 40

The full grid asks each of the table's 78 settings every item of the suite once. A study may make a share of those
calls, preflight, finalists and verification among them; items and answers are drawn anew for each seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from language.answering import DEFAULTS, DIALS, Answering, chosen, regret, suite_of
from language.table import Setting, grid
from trialist.llm import tune
from trialist.testing.tiny_lm import THINK

NEAR = 0.01 + 1e-9  # one point of right answers, from the best known setting
TOO_SHORT = 12  # tokens, for a thought


@dataclass(frozen=True, slots=True)
class Found:
    """What one study came to.

    regret: of the setting that it chose, in shares of right answers.  is_trap_met: the thinking prompt was asked under
    the short limit; is_trap_told: and that was said in words.
    """

    chosen: Setting
    regret: float
    calls: int
    outcome: str
    is_trap_met: bool
    is_trap_told: bool


def find(seed: int, items: int, share: float) -> Found:
    """A study with that share of the full grid's calls."""
    endpoint = Answering(seed)
    tuned = tune(
        suite_of(items, seed), DIALS, endpoint=endpoint, model="tiny", defaults=DEFAULTS, scorer="number",
        budget=f"{int(share * items * len(grid()))} calls", seed=seed, store="memory", progress=False,
    )  # fmt: skip
    trapped = [
        record
        for record in tuned.study.trials
        if (record.params["system"], record.params["max_tokens"]) == (THINK, TOO_SHORT)
    ]
    said = [str(record.notes.get("truncated", "")) for record in trapped]
    verdict, setting = tuned.study.verdict, chosen(tuned)
    return Found(
        setting,
        regret(setting),
        endpoint.calls,
        "no verdict" if verdict is None else str(verdict.outcome),
        bool(trapped),
        bool(said) and all(f"max_tokens={TOO_SHORT}" in words for words in said),
    )


def line(share: float, items: int, found: Sequence[Found]) -> str:
    regrets = [100 * each.regret for each in found]
    met = [each for each in found if each.is_trap_met]
    full = items * len(grid())
    return (
        f"| {share:g} | {sum(each.regret <= NEAR for each in found)} of {len(found)} | {median(regrets):.2f} "
        f"| {max(regrets):.2f} | {median(each.calls for each in found):,.0f} "
        f"| {median(each.calls for each in found) / full:.3f} | {max(each.calls for each in found) / full:.3f} "
        f"| {sum(each.outcome == 'improved' for each in found)} "
        f"| {sum(each.is_trap_told for each in met)} of {len(met)} |"
    )


def main(options: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="llm.py --only find --", description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=100, help="seed; nothing was tuned on those from 100 on")
    parser.add_argument("--items", type=int, default=100, help="of the suite, 30 % of them sealed")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.25, 0.125, 0.0625], help="of the grid's calls")
    args = parser.parse_args(options)
    seeds = range(args.first, args.first + args.seeds)
    near = sum(regret(setting) <= NEAR for setting in grid())
    print(f"{args.items} items; {near} of {len(grid())} settings lie within one point of the best known")
    print(
        "| share of the grid's calls | within a point | regret, median | most | calls, median | over the grid's | most "
        "| improved | trap told, of met |"
    )
    print("| ---: |" + " ---: |" * 8)
    for share in args.shares:
        print(line(share, args.items, [find(seed, args.items, share) for seed in seeds]), flush=True)
