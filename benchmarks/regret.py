"""Comparing optimizers by normalised regret: 0 is the best loss known of a problem, 1 the median random configuration.

A regret at n is that of the incumbent after n trials, which is picked by observed loss and judged by the true one. It
is averaged over seeds first, then over problems; intervals are 95 % bootstraps over problems.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

RESAMPLES = 4000
MISS = 1.5  # a run that never reaches its target counts as that many times its length

Record = Mapping[str, Any]  # one run: optimizer, problem, seed, losses, overhead_ms, and true where losses are noisy
Curves = dict[str, dict[int, np.ndarray]]  # problem -> seed -> regret of the incumbent after each trial


class Estimate(NamedTuple):
    value: float
    low: float
    high: float

    def text(self, digits: int = 3) -> str:
        return f"{self.value:.{digits}f} ({self.low:.{digits}f}–{self.high:.{digits}f})"


def incumbents(run: Record) -> np.ndarray:
    """True loss of the incumbent after each trial."""
    observed = np.array(run["losses"])
    best = np.minimum.accumulate(observed)
    if "true" not in run:
        return best
    holder = np.maximum.accumulate(np.where(observed <= np.r_[np.inf, best[:-1]], np.arange(len(observed)), 0))
    return np.array(run["true"])[holder]


def regrets(runs: Iterable[Record], scale: Mapping[str, tuple[float, float]]) -> dict[str, Curves]:
    """By optimizer, problems in the order of `scale`, which gives (best, median) of each."""
    curves: dict[str, Curves] = defaultdict(lambda: {problem: {} for problem in scale})
    for run in runs:
        best, median = scale[run["problem"]]
        curve = (incumbents(run) - best) / max(median - best, 1e-12)
        curves[run["optimizer"]][run["problem"]][run["seed"]] = curve
    return {name: {p: seeds for p, seeds in found.items() if seeds} for name, found in curves.items()}


def common(one: Curves, other: Curves) -> tuple[Curves, Curves]:
    """Both on the problems that both have; on the seeds too that both have, where there are any."""
    first, second = {}, {}
    for problem in one:
        if problem not in other:
            continue
        seeds = one[problem].keys() & other[problem].keys()
        first[problem] = {s: c for s, c in one[problem].items() if not seeds or s in seeds}
        second[problem] = {s: c for s, c in other[problem].items() if not seeds or s in seeds}
    return first, second


def at(curves: Curves, n: int) -> np.ndarray:
    """Mean regret over seeds after n trials, a number for each problem in order; nan where the runs are shorter."""
    return np.array(
        [np.mean([c[n - 1] if n <= len(c) else np.nan for c in seeds.values()]) for seeds in curves.values()]
    )


def mean(values: np.ndarray) -> Estimate:
    """The mean over problems."""
    return Estimate(float(values.mean()), *interval(values[resampled(len(values))].mean(axis=1)))


def ratio(ours: np.ndarray, theirs: np.ndarray) -> Estimate:
    """Our mean over theirs; below 1 ours is better."""
    which = resampled(len(ours))
    ratios = ours[which].mean(axis=1) / np.maximum(theirs[which].mean(axis=1), 1e-12)
    return Estimate(float(ours.mean() / max(theirs.mean(), 1e-12)), *interval(ratios))


def trials_to_reach(curves: Curves, targets: Mapping[str, float]) -> Estimate:
    """How many trials it takes to reach each problem's target: the geometric mean over seeds, then over problems."""
    logs = np.array([_log_trials(curves[problem].values(), target) for problem, target in targets.items()])
    estimate = mean(logs)
    return Estimate(*np.exp(estimate))


def _log_trials(curves: Iterable[np.ndarray], target: float) -> float:
    needed = []
    for curve in curves:
        hits = np.nonzero(curve <= target + 1e-12)[0]
        needed.append(hits[0] + 1 if len(hits) else MISS * len(curve))
    return float(np.mean(np.log(needed)))


def resampled(problems: int) -> np.ndarray:
    """Bootstrap samples of that many problems, (RESAMPLES, problems)."""
    return np.random.default_rng(0).integers(problems, size=(RESAMPLES, problems))


def interval(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The middle 95 % of resampled values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
