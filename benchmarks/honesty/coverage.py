"""How often a verdict's interval holds the true difference, and how often a difference is claimed where there is none.

python benchmarks/honest.py --only coverage                       # a quarter of an hour
python benchmarks/honest.py --only coverage -- --problems-seed 1  # other problems of the same family
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np

from honesty.arms import KINDS, METRICS, Problem, Truth, problem, studies, truth_of
from trialist.scoring.judging import judge
from trialist.scoring.verdict import Outcome

ROWS, SEEDS = (100, 300, 1_000, 5_000), (1, 2, 3, 5)
BAND = (0.93, 0.97)


class Cell(NamedTuple):
    """Studies of one problem and size: what their verdicts said.

    width: mean width of intervals, over that of a normal one with the true standard error.
    """

    metric: str
    kind: str
    rows: int
    seeds: int
    studies: int
    held: int
    improved: int
    worse: int
    width: float


def run(p: Problem, n: int, s: int, count: int, key: tuple[int, ...], truths: tuple[Truth, Truth]) -> Cell:
    """The verdicts of `count` studies; the second configuration takes the place of the selected one."""
    rng = np.random.default_rng([*key, n, s])
    said, held, widths, estimates = [], 0, [], []
    for study in studies(p, n, s, count, rng, truths):
        a, b = study.losses
        verdict = judge(
            metric=p.metric, direction="minimize", baseline=list(a), selected=list(b), strata=study.strata,
            squares=0.5 if p.metric == "rmse" else None,
        )  # fmt: skip
        assert verdict.interval is not None
        low, high = verdict.interval
        held += low <= study.truth <= high
        widths.append(high - low)
        estimates.append(verdict.difference)
        said.append(verdict.outcome)
    width = float(np.mean(widths) / (2 * 1.96 * np.std(estimates)))
    improved, worse = said.count(Outcome.IMPROVED), said.count(Outcome.WORSE)
    return Cell(p.metric, p.kind, n, s, len(said), held, improved, worse, width)


def table(cells: Sequence[Cell]) -> list[str]:
    """By metric, rows and seeds: coverage, width, and differences claimed where there is none, in percent."""
    lines = [
        "| metric | rows | seeds | studies | coverage % | width | wrongly improved % | wrongly worse % |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for metric in METRICS:
        for n in ROWS:
            for s in SEEDS:
                found = [c for c in cells if (c.metric, c.rows, c.seeds) == (metric, n, s)]
                if found:
                    lines.append(f"| {metric} | {n:,} | {s} | {_line(found)} |")
    return lines


def summary(cells: Sequence[Cell]) -> list[str]:
    """The same over all sizes, by metric and by kind of problem, and how many cells lie within the band."""
    lines = [
        "",
        "| | studies | coverage % | width | wrongly improved % | wrongly worse % |",
        "| --- | ---: |" + " ---: |" * 4,
    ]
    parts = {metric: [c for c in cells if c.metric == metric] for metric in METRICS}
    parts |= {_WORDS[kind]: [c for c in cells if c.kind == kind] for kind in KINDS}
    lines += [f"| {name} | {_line(found)} |" for name, found in parts.items() if found]
    sizes = {(c.metric, c.rows, c.seeds) for c in cells}
    shares = [_coverage([c for c in cells if (c.metric, c.rows, c.seeds) == size]) for size in sorted(sizes)]
    within = sum(BAND[0] <= share <= BAND[1] for share in shares)
    lines.append(f"\nwithin 93 to 97 %: {within} of {len(shares)} sizes; {min(shares):.1%} to {max(shares):.1%}")
    return lines


_WORDS = {
    "equal": "configurations alike",
    "unlike": "unlike, but equal by the metric",
    "different": "one better than the other",
}


def _coverage(cells: Sequence[Cell]) -> float:
    return sum(c.held for c in cells) / sum(c.studies for c in cells)


def _line(cells: Sequence[Cell]) -> str:
    count = sum(c.studies for c in cells)
    width = sum(c.width * c.studies for c in cells) / count
    null = [c for c in cells if c.kind != "different"]
    said = sum(c.studies for c in null)
    claims = (
        f"{100 * sum(c.improved for c in null) / said:.1f} | {100 * sum(c.worse for c in null) / said:.1f}"
        if said
        else "| "
    )
    return f"{count:,} | {100 * _coverage(cells):.1f} | {width:.2f} | {claims}"


def _all_sizes(arguments: tuple[Problem, int, tuple[int, ...]]) -> list[Cell]:
    p, count, key = arguments
    draws = np.random.default_rng(key)
    first = truth_of(p, 0, draws)
    truths = first, (first if p.kind == "equal" else truth_of(p, 1, draws))
    return [run(p, n, s, count, key, truths) for n in ROWS for s in SEEDS]


def main(options: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="coverage", description=__doc__)
    parser.add_argument("--problems", type=int, default=24, help="of each metric")
    parser.add_argument("--studies", type=int, default=60, help="of each problem and size")
    parser.add_argument("--problems-seed", type=int, default=2)
    parser.add_argument("--metrics", default=",".join(METRICS))
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args(options)
    work = []
    for metric in args.metrics.split(","):
        rng = np.random.default_rng([args.problems_seed, METRICS.index(metric)])
        for number in range(args.problems):
            key = args.problems_seed, METRICS.index(metric), number
            work.append((problem(metric, number, rng), args.studies, key))
    with ProcessPoolExecutor(args.jobs) as pool:
        cells = [cell for some in pool.map(_all_sizes, work) for cell in some]
    print("\n".join([*table(cells), *summary(cells)]), flush=True)
