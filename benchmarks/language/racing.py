"""What racing saves: calls for a choice among the same settings, raced, in a knockout, or each asked every item.

    python benchmarks/llm.py --only racing -- --seeds 30

Each arm asks the same settings of the table, over the same items with the same luck, and selects as a study does,
finalists answered afresh included; verification is left out. Fixed-size evaluation is measured on parts of the items
too, since fewer items may well do: racing is worth what it saves of the cheapest fixed size that chooses as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from language.answering import DEFAULTS, DIALS, Answering, chosen, regret, setting_of, suite_of
from language.table import DEFAULT
from trialist.llm import tune
from trialist.testing.tiny_lm import DIRECT

# Among all settings 18 are as good as the best, which no race can tell apart; among the others few are.
SETS: Mapping[str, Mapping[str, Any]] = {
    "all dials": DIALS,
    "direct prompt": {**DIALS, "system": [DIRECT], "max_tokens": [48]},
    "temperature 0.7 or more": {**DIALS, "temperature": [0.7, 1.0, 1.3], "top_p": [0.8, 1.0]},
}
PARTS = (1.0, 0.5, 0.25, 0.125)  # of the items, for fixed sizes
_NEAR = 0.01 + 1e-9  # one point
_ENOUGH = 1_000_000  # calls: the settings are the limit


@dataclass(frozen=True, slots=True)
class Arm:
    """Choices of one way, by seed.

    calls (seeds,): for search and finalists.  regrets (seeds,): to the best of the settings.  stayed: studies that
    kept the default.  asked: settings of each.
    """

    name: str
    items: int
    calls: np.ndarray
    regrets: np.ndarray
    stayed: int
    asked: int

    @property
    def errors(self) -> float:
        """Share of choices that are worse than the best by more than a point."""
        return float((self.regrets > _NEAR).mean())


def choose(dials: Mapping[str, Any], items: int, seed: int, scheduler: str) -> tuple[int, float, bool, int]:
    """(calls, regret, whether the default stayed, settings asked) of a study of all settings of the dials."""
    endpoint = Answering(seed)
    levels = {name: each for name, each in dials.items() if len(each) > 1}
    count = int(np.prod([len(each) for each in levels.values()]))
    tuned = tune(
        suite_of(items, seed), levels, endpoint=endpoint, model="tiny", defaults=DEFAULTS, scorer="number",
        budget=f"{count + 10} trials, {_ENOUGH} calls", strategy="grid", scheduler=scheduler, stopping="none",
        preflight=False, seed=seed, store="memory", progress=False,
    )  # fmt: skip
    of_search = {item.question for item in tuned.recipe.examples}
    calls = sum(n for (question, _), n in endpoint.asked.items() if question in of_search)
    asked = [(record.params, tuned.dials) for record in tuned.study.trials]
    settings = {setting_of({"system": of.value("system", params), **of.settings(params)}) for params, of in asked}
    # The best of these settings, which need not be the best of the table.
    setting = chosen(tuned)
    return calls, regret(setting) - min(map(regret, settings)), setting == DEFAULT, len(settings)


def arm(name: str, dials: Mapping[str, Any], items: int, seeds: int, scheduler: str) -> Arm:
    found = [choose(dials, items, seed, scheduler) for seed in range(seeds)]
    calls, regrets, stayed, asked = zip(*found, strict=True)
    return Arm(name, items, np.array(calls), np.array(regrets), sum(stayed), min(asked))


def compared(raced: Arm, others: Sequence[Arm]) -> list[str]:
    """Lines: what each arm took and lost, racing over it, and over the cheapest fixed size that lost no more."""
    lines, fixed = [], [each for each in others if each.name == "fixed"]
    for each in (raced, *others):
        error = 1.96 * each.regrets.std(ddof=1) / len(each.regrets) ** 0.5
        ratio = raced.calls.mean() / each.calls.mean()
        lines.append(
            f"| {each.name} | {each.items} | {each.asked} | {each.calls.mean():,.0f} | {100 * each.regrets.mean():.2f} "
            f"± {100 * error:.2f} | {100 * each.errors:.0f} | {each.stayed} | {ratio:.2f} |"
        )
    full, enough = fixed[0], [each for each in fixed if each.regrets.mean() <= raced.regrets.mean() + 1e-9]
    apart = 100 * (raced.regrets - full.regrets)
    error = 1.96 * apart.std(ddof=1) / len(apart) ** 0.5
    lines.append(
        f"racing's regret less that of all items: {apart.mean():+.2f} ± {error:.2f} points; as good a choice in "
        f"{(apart == 0).sum()} of {len(apart)}"
    )
    if enough:
        cheapest = min(enough, key=lambda each: each.calls.mean())
        ratio = raced.calls.mean() / cheapest.calls.mean()
        lines.append(f"cheapest fixed size that loses no more: {cheapest.items} items; racing takes {ratio:.2f} of it")
    else:
        ratio = raced.calls.mean() / full.calls.mean()
        lines.append(f"no fixed size loses as little as racing, which takes {ratio:.2f} of the largest")
    return lines


def main(options: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="llm.py --only racing --", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--items", type=int, default=100, help="of the suite, 30 % of them sealed")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    args = parser.parse_args(options)
    for name in args.sets:
        print(f"\n{name}\n| way | items | settings | calls, mean | regret, points ", end="")
        print("| beyond a point, % | default kept | racing over it |")
        print("| --- |" + " ---: |" * 7)
        raced = arm("raced", SETS[name], args.items, args.seeds, "auto")
        knockout = arm("knockout", SETS[name], args.items, args.seeds, "knockout")
        fixed = [arm("fixed", SETS[name], round(part * args.items), args.seeds, "none") for part in PARTS]
        print("\n".join(compared(raced, [*fixed, knockout])), flush=True)
