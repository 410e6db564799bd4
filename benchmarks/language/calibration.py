"""How often a verdict over a suite of right-or-wrong items holds the truth, where temperature makes answers noisy.

python benchmarks/llm.py --only calibration                      # 1,000 suites of each kind and size
python benchmarks/llm.py --only calibration -- --suites 200      # a quick look

A world is a population of items, each with its chance of a right answer under the default and under the setting that
was selected; its true difference is the mean over all items. A suite draws n items of it (in the grouped worlds whole
groups of five that share their chances), asks each R times under both settings, and is judged as every study's test is.
What is counted: intervals that hold the true difference, and "improved" where it is zero.

R answers of an item enter either as R test rows of a seed each (`seeds`), or as their mean (`means`): answers of one
item have nothing in common with the answers of the same number to other items, so that the mean loses nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from trialist.scoring.judging import judge
from trialist.scoring.verdict import Outcome

POPULATION = 20_000
GROUP = 5  # items of a group in the grouped world
ITEMS, REPLICATES = (30, 100, 300), (1, 3)
WAYS = ("seeds", "means")
BAND = (0.93, 0.97)


@dataclass(frozen=True, slots=True)
class World:
    """default (items,), selected (items,): chances of a right answer; a group is GROUP neighbouring items."""

    name: str
    default: np.ndarray
    selected: np.ndarray
    is_grouped: bool = False

    @property
    def truth(self) -> float:
        return float(self.selected.mean() - self.default.mean())


class Cell(NamedTuple):
    """What verdicts over suites of one world and size said; without: those that gave no interval."""

    world: str
    truth: float
    items: int
    replicates: int
    way: str
    suites: int
    held: int
    improved: int
    worse: int
    without: int
    width: float  # mean


def worlds(seed: int = 0) -> list[World]:
    """Pairs of settings as they occur: neighbours, other prompts, no noise at all, nearly no errors, no difference."""
    rng = np.random.default_rng([seed, 7])
    ease = rng.normal(0, 2, POPULATION)  # of items, in logits
    own = rng.normal(0, 2, POPULATION)
    cool, hot = expit(2 + 1.5 * ease), expit(1 + 0.7 * ease)
    grouped = np.repeat(rng.normal(0, 2, POPULATION // GROUP), GROUP)
    shift = np.repeat(rng.normal(0, 1, POPULATION // GROUP), GROUP)
    return [
        World("cooler", hot, cool),
        World("other prompt", expit(1 + ease), expit(1.5 + own)),
        World("greedy", (cool > 0.4).astype(float), (expit(2.5 + 1.5 * ease + own) > 0.4).astype(float)),
        World("nearly all right", expit(4 + 0.5 * ease), expit(5 + 0.5 * ease)),
        World("grouped", expit(1 + grouped), expit(1.3 + grouped + shift), is_grouped=True),
        World("the same setting", hot, hot),
        World("another, as good", expit(1 + ease), rng.permutation(expit(1 + ease))),
        World("as good, grouped", expit(1 + grouped), expit(1 + grouped)[::-1].copy(), is_grouped=True),
    ]


def run(world: World, n: int, replicates: int, way: str, suites: int, seed: int) -> Cell:
    """The verdicts of so many suites of n items."""
    rng = np.random.default_rng([seed, n, replicates, len(world.name)])
    said, held, without, widths = [], 0, 0, []
    for _ in range(suites):
        taken, groups = _taken(world, n, rng)
        arms = [_answers(chances[taken], replicates, way, rng) for chances in (world.default, world.selected)]
        verdict = judge(metric="right", direction="maximize", baseline=arms[0], selected=arms[1], groups=groups)
        said.append(verdict.outcome)
        if verdict.interval is None:
            without += 1
            continue
        low, high = verdict.interval
        held += low <= world.truth <= high
        widths.append(high - low)
    improved, worse = said.count(Outcome.IMPROVED), said.count(Outcome.WORSE)
    width = float(np.mean(widths)) if widths else float("nan")
    return Cell(world.name, world.truth, n, replicates, way, suites, held, improved, worse, without, width)


def _taken(world: World, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """Items of a suite, and their groups."""
    if not world.is_grouped:
        return rng.integers(POPULATION, size=n), None
    firsts = GROUP * rng.integers(POPULATION // GROUP, size=n // GROUP)
    return (firsts[:, None] + np.arange(GROUP)).ravel(), np.repeat(np.arange(n // GROUP), GROUP)


def _answers(chances: np.ndarray, replicates: int, way: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Test rows (items,), as the verdict takes them."""
    right = (rng.random((replicates, len(chances))) < chances).astype(float)
    return list(right) if way == "seeds" else [right.mean(axis=0)]


def _cell(arguments: tuple[int, int, int, str, int, int]) -> Cell:
    place, n, replicates, way, suites, seed = arguments
    return run(worlds()[place], n, replicates, way, suites, seed)


def table(cells: Sequence[Cell]) -> list[str]:
    lines = [
        "| world | truth, points | items | answers each | way | held % | width | improved % | worse % | no interval |",
        "| --- |" + " ---: |" * 3 + " --- |" + " ---: |" * 5,
    ]
    for c in cells:
        told = max(c.suites - c.without, 1)
        shares = f"{100 * c.held / told:.1f} | {100 * c.width:.1f} | {100 * c.improved / c.suites:.1f}"
        lines.append(
            f"| {c.world} | {100 * c.truth:+.1f} | {c.items} | {c.replicates} | {c.way if c.replicates > 1 else ''} "
            f"| {shares} | {100 * c.worse / c.suites:.1f} | {c.without} |"
        )
    return lines


def summary(cells: Sequence[Cell]) -> list[str]:
    """By way and items: how many cells lie within the band; wrong claims, with the error of counting."""
    lines = []
    for way, n in dict.fromkeys((c.way, c.items) for c in cells):
        found = [c for c in cells if (c.way, c.items) == (way, n)]
        shares = [c.held / max(c.suites - c.without, 1) for c in found]
        within = sum(BAND[0] <= share <= BAND[1] for share in shares)
        null = [c for c in found if abs(c.truth) < 1e-9]
        suites = sum(c.suites for c in null)
        wrong = sum(c.improved for c in null) / max(suites, 1)
        error = 196 * (wrong * (1 - wrong) / max(suites, 1)) ** 0.5
        band = f"{BAND[0]:.0%} to {BAND[1]:.0%}, least {min(shares):.1%}, most {max(shares):.1%}"
        claims = f"{100 * wrong:.2f} ± {error:.2f} % of {suites:,}"
        lines.append(f"{way}, {n} items: {within} of {len(found)} cells hold {band}; wrongly improved {claims}")
    return lines


def main(options: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="llm.py --only calibration --", description=__doc__)
    parser.add_argument("--suites", type=int, default=1_000, help="of each world and size")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args(options)
    jobs = [
        (place, n, replicates, way, args.suites, args.seed)
        for place in range(len(worlds()))
        for n in ITEMS
        for replicates in REPLICATES
        for way in (WAYS if replicates > 1 else WAYS[1:])
    ]
    with ProcessPoolExecutor(args.jobs) as pool:
        cells = list(pool.map(_cell, jobs))
    print("\n".join([*table(cells), "", *summary(cells)]))
