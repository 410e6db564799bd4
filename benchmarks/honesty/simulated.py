"""Simulated studies, `simulated:NOISE/DATA/DEFAULT` and a seed: a drawn surface whose true values are known.

The surface is a draw of a Gaussian process over three dials, with a standard deviation of 1. A configuration's score
on a fold is its value there, and
- what these rows say of it, whatever the split: another smooth surface, of standard deviation DATA, which no fresh
  split of the same rows makes good;
- the fold's own level, the same for all;
- noise of the configuration on that fold, half of its variance smooth over the dials: the mean over all folds has a
  standard deviation of NOISE.
DEFAULT: the default is the best of so many random points: good defaults are hard to beat.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

import trialist as tl
from honesty.problems import FOLDS, Case, Truth

DIALS = 3
LEVEL = 0.5  # standard deviation of the folds' own levels
BEST_OF = 4000  # random points: the best of them is as good as the optimum for a regret


@dataclass
class Simulated:
    """One simulated study."""

    noise: float
    data: float
    best_of: int
    seed: int
    validation: tl.Folds = FOLDS
    space: tl.Space = field(init=False)

    def __post_init__(self) -> None:
        self._true, self._rows = _Surface((self.seed, 1), 300), _Surface((self.seed, 2), 100)
        points = np.random.default_rng([self.seed, 3]).random((BEST_OF, DIALS))
        values = self._true(points)
        self._centre, self._unit = float(values.mean()), float(values.std())
        self.best = float((values.min() - self._centre) / self._unit)
        default = points[np.argmin(values[: self.best_of])]
        self.space = tl.Space({f"x{i}": tl.Float(0, 1, default=float(default[i])) for i in range(DIALS)})

    def objective(self, trial: Any) -> None:
        for fold in trial.folds(_Folds()):
            trial.report(self.score(trial.params, fold))

    def folds(self) -> Sequence[_Fold]:
        return _Folds().folds(self.validation, self.seed)

    def score(self, config: dict[str, Any], fold: _Fold) -> float:
        u, each = _point(config), self.noise * np.sqrt(self.validation.units / 2)
        level = LEVEL * np.random.default_rng([self.seed, 5, fold.seed]).standard_normal()
        smooth = _surface((self.seed, 6, fold.seed), 60)(u)[0]
        own = np.random.default_rng([self.seed, 7, fold.seed, _code(config)]).standard_normal()
        return float(self.truth(config).loss + self.data * self._rows(u)[0] + level + each * (smooth + own))

    def test(self, config: dict[str, Any], seed: int) -> list[float]:
        """100 examples, on which two configurations differ by as much noise as they do on the folds."""
        rng = np.random.default_rng([self.seed, 4, _code(config)])
        return (self.truth(config).loss + self.noise * np.sqrt(100) * rng.standard_normal(100)).tolist()

    def truth(self, config: dict[str, Any]) -> Truth:
        return Truth(float((self._true(_point(config))[0] - self._centre) / self._unit))


class _Fold(NamedTuple):
    index: int
    seed: int  # of all that is random in it


class _Folds:
    """What is divided: nothing but seeds."""

    def folds(self, validation: Any, seed: int) -> Sequence[_Fold]:
        rng = np.random.default_rng([seed, 8])
        return [_Fold(unit.index, int(rng.integers(2**31))) for unit in validation.sampling]


class _Surface:
    """A draw of a Gaussian process with a Matern 5/2 kernel and a standard deviation of 1 (Rahimi & Recht 2007)."""

    def __init__(self, seed: tuple[int, ...], features: int) -> None:
        rng, length = np.random.default_rng([*seed, 9]), 0.4
        scale = np.sqrt(5.0 / rng.chisquare(5.0, features)) / length  # the kernel's spectrum is Student's t
        self.frequency = rng.standard_normal((features, DIALS)) * scale[:, None]
        self.phase = rng.uniform(0, 2 * np.pi, features)
        self.weight = rng.standard_normal(features) * np.sqrt(2.0 / features)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """points (n, d) -> (n,)."""
        return np.cos(points @ self.frequency.T + self.phase) @ self.weight


@lru_cache(maxsize=64)
def _surface(seed: tuple[int, ...], features: int) -> _Surface:
    return _Surface(seed, features)


def simulated(name: str, seed: int) -> Case:
    """The case NOISE/DATA/DEFAULT."""
    noise, data, best_of = name.split("/")
    return Simulated(float(noise), float(data), int(best_of), seed)


def names() -> list[str]:
    """Every simulated case, in an order that mixes them."""
    settings = [(noise, data, best) for noise in (0.1, 0.3, 1, 3) for data in (0, 0.3) for best in (1, 8, 64)]
    found = ["simulated:" + "/".join(map(str, each)) for each in settings]
    return [found[i] for i in np.random.default_rng(1).permutation(len(found))]


def _point(config: dict[str, Any]) -> np.ndarray:
    return np.array([list(config.values())])  # (1, d)


def _code(config: dict[str, Any]) -> int:
    return zlib.crc32(repr([float(v) for v in config.values()]).encode())
