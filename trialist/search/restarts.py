"""Runs of CMA-ES one after another: when one has nothing left to find, and with what the next begins.

BIPOP: large runs double the population each time, small ones start narrower with few offspring; whichever kind has used
fewer trials is next.  Source: Hansen 2009, "Benchmarking a BI-Population CMA-ES on the BBOB-2009 Function Testbed".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from trialist.numerics.choices import Choices
from trialist.numerics.cma import Gaussian, Rates, offspring, rates
from trialist.numerics.keys import Key

SIGMA = 0.2  # the first step, in units of the cube; 0.3 was slower, and with many workers lost its way (measured)
_FLAT = 1e-12  # of the spread of losses that the run has seen
_NARROW = 1e-6  # of the cube: no dial's meaning is finer, and another run is worth more than more digits
_SKEWED = 1e7  # D's largest over its smallest


@dataclass(frozen=True, slots=True)
class Setting:
    """How a run begins: its index, population λ, first step, and the trials it may take; None: no limit.

    doublings: large runs before it.  large, small: trials that runs of either kind used before it.
    """

    index: int
    population: int
    sigma: float
    limit: int | None
    is_large: bool
    doublings: int
    large: int
    small: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run at one moment: its distribution, and the best loss of each generation, inf where none was scored.

    before: the last distribution of the run before, whose late offspring are none of this one's.
    level: generations in a row in which half of the offspring scored the same.
    """

    setting: Setting
    rates: Rates
    gaussian: Gaussian
    choices: Choices
    before: Gaussian | None = None
    bests: tuple[float, ...] = ()
    worst: float = -math.inf
    level: int = 0

    @property
    def spent(self) -> int:
        """Trials used so far."""
        return self.setting.population * len(self.bests)


def first_setting(dials: int) -> Setting:
    """The run to begin with."""
    return Setting(0, offspring(dials), SIGMA, None, True, 0, 0, 0)


def begun(setting: Setting, gaussian: Gaussian, choices: Choices, before: Gaussian | None = None) -> Run:
    """A run at its beginning."""
    return Run(setting, rates(len(gaussian.mean), setting.population), gaussian, choices, before)


def next_setting(run: Run, dials: int, seed: int) -> Setting:
    """The run after this one, which has ended."""
    before, key, index = run.setting, Key(seed, -1), run.setting.index + 1
    large = before.large + (run.spent if before.is_large else 0)
    small = before.small + (0 if before.is_large else run.spent)
    usual = offspring(dials)
    if small < large and before.doublings:
        u = key.uniform("cmaes population", index)
        population = max(usual, math.floor(usual * (0.5 * 2**before.doublings) ** (u * u)))
        sigma = SIGMA * 10.0 ** (-2 * key.uniform("cmaes step", index))
        return Setting(index, population, sigma, max(population, large // 2), False, before.doublings, large, small)
    doublings = before.doublings + 1
    return Setting(index, usual * 2**doublings, SIGMA, None, True, doublings, large, small)


def ended(run: Run) -> str:
    """Why the run is over, in a user's words, or an empty text."""
    gaussian, bests, n = run.gaussian, run.bests, len(run.gaussian.mean)
    if run.setting.limit is not None and run.spent >= run.setting.limit:
        return "it had used its share of trials"
    if n and float(gaussian.deviations.max()) < _NARROW:
        return "its steps had become tiny"
    if n and float(gaussian.D.max()) > _SKEWED * float(gaussian.D.min()):
        return "its shape had become a needle"
    recent = bests[-(10 + math.ceil(30 * max(n, 1) / run.setting.population)) :]
    if len(bests) > len(recent) and max(recent) - min(recent) <= _FLAT * max(run.worst - min(bests), 0.0):
        return "its best scores no longer changed"
    if run.level > 10 + max(n, 1) // 3:
        return "half of its trials scored the same"
    return "it had stagnated" if _stagnates(bests, n, run.setting.population) else ""


def _stagnates(bests: Sequence[float], n: int, population: int) -> bool:
    """The last third of many generations is no better than the first third of as many, by their medians."""
    window = 120 + math.ceil(30 * max(n, 1) / population)
    if len(bests) < window:
        return False
    seen = bests[-max(window, len(bests) // 5) :]
    third = len(seen) // 3
    return median(seen[-third:]) >= median(seen[:third])


def told(run: Run, gaussian: Gaussian, choices: Choices, losses: Sequence[float]) -> Run:
    """The run after a generation; losses (λ,), best first, inf where there is none."""
    finite = [loss for loss in losses if loss < math.inf]
    half = losses[len(losses) // 2]
    return replace(
        run,
        gaussian=gaussian,
        choices=choices,
        bests=(*run.bests, losses[0]),
        worst=max([run.worst, *finite]),
        level=run.level + 1 if losses[0] == half else 0,
    )


def random_mean(seed: int, index: int, dials: int) -> np.ndarray:
    """Where a restart begins, (n,): anywhere in the cube."""
    return Key(seed, -1).generator(f"cmaes restart {index}").random(dials)
