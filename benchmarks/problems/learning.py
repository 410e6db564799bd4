"""Trainings made up: curves of 52 epochs over a formula's space, whose ends are the formula's values.

`misleading:KIND/FORMULA` are those whose early epochs say nothing or the contrary of what comes:
  crossing   the early order is the reverse of the final one
  unheard    up to half of the epochs a value is a number drawn for each configuration
  late       the better a configuration, the longer it stands still before it falls
`learning:KIND/FORMULA` are those whose early epochs can be trusted more or less:
  power      power laws, whose rate and drop depend on the dials
  noisy      the same, with normal noise at each epoch

A final loss is the formula's on a scale where 0 is the best known and 1 the median of random configurations. All that
is random is drawn once for each configuration, so a training that is repeated is the same. Where early epochs mislead,
they are worse than what the median configuration comes to: no early checkpoint is a result by itself.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from simulation import Curve

import trialist as tl
from problems import get, references
from trialist.numerics.keys import Key

EPOCHS = 52
FORMULAS = ("hartmann6", "levy6", "mixed")
DRAWS = 2000  # random configurations that ranks are read off
NOISE = 0.1  # standard deviation, as a share of the way from the best configuration to the median one
HIGH = 2.2  # where misleading curves begin, at least


@dataclass(frozen=True)
class Training:
    """A problem whose configurations are trained epoch by epoch."""

    name: str
    space: tl.Space
    epochs: int
    curve: Callable[[dict[str, Any]], Curve]


class _Configuration(NamedTuple):
    z: float  # final loss: 0 the best, 1 the median
    rank: float  # share of random configurations that end below it
    spread: float  # standard deviation of random configurations' z
    point: np.ndarray  # (d,) of the unit cube
    rng: np.random.Generator


def training(name: str) -> Training:
    """The problem of that name, `family:kind/formula`."""
    family, _, rest = name.partition(":")
    kind, _, formula = rest.partition("/")
    base, levels = get(f"synthetic:{formula}"), references()[f"synthetic:{formula}"]
    scale = levels["median"] - levels["best"]
    drawn = np.sort([(base.loss(base.space.draw(Key(3, n))) - levels["best"]) / scale for n in range(DRAWS)])
    spread, shape = float(drawn.std()), _KINDS[family][kind]

    def curve(config: dict[str, Any]) -> Curve:
        z = (base.loss(config) - levels["best"]) / scale
        rank = float(np.interp(z, drawn, np.linspace(0, 1, DRAWS)))
        rng = np.random.default_rng(zlib.crc32(json.dumps(config, sort_keys=True).encode()))
        observed, true = shape(_Configuration(z, rank, spread, np.array(base.space.encode(config)), rng))
        return Curve(observed, true, np.full(EPOCHS, 4.0 ** rng.uniform(-0.5, 0.5)))

    return Training(name, base.space, EPOCHS, curve)


Both = tuple[np.ndarray, np.ndarray]  # observed and true loss after each epoch


def _crossing(c: _Configuration) -> Both:
    return _twice(_blend(HIGH + 1 - c.rank, c.z, begins=0.2, ends=0.8))


def _unheard(c: _Configuration) -> Both:
    return _twice(_blend(HIGH + c.rng.random(), c.z, begins=0.5, ends=0.8))


def _late(c: _Configuration) -> Both:
    """An exponential fall that begins between the first epoch and three quarters of them."""
    begins, wide = 0.75 * (1 - c.rank), 0.05
    start = HIGH + 0.3 + 0.05 * c.rng.random()
    fallen = np.expm1(-np.maximum(_shares() - begins, 0) / wide) / np.expm1(-(1 - begins) / wide)  # 0 .. 1
    return _twice(start + (c.z - start) * fallen)


def _power(c: _Configuration, noise: float = 0.0) -> Both:
    """z + drop (t^-b - T^-b) / (1 - T^-b): how far and how fast it falls are smooth functions of the dials."""
    drop, b = 1.0 + 2.0 * c.spread * _ripple(c.point, "drop"), 0.5 + 0.5 * _ripple(c.point, "rate")
    t = np.arange(1, EPOCHS + 1)
    true = c.z + drop * (t**-b - EPOCHS**-b) / (1 - EPOCHS**-b)
    return true + noise * c.rng.standard_normal(EPOCHS), true


def _shares() -> np.ndarray:
    return np.arange(1, EPOCHS + 1) / EPOCHS


def _twice(true: np.ndarray) -> Both:
    return true, true


def _blend(early: float, late: float, begins: float, ends: float) -> np.ndarray:
    """From one value to another, smoothly between two shares of the run."""
    x = np.clip((_shares() - begins) / (ends - begins), 0, 1)
    return early + (late - early) * x**2 * (3 - 2 * x)


def _ripple(point: np.ndarray, of: str) -> float:
    """A smooth function of the dials, between 0 and 1, drawn once by name."""
    rng = np.random.default_rng([zlib.crc32(of.encode()), point.size])
    return float(0.5 + 0.5 * np.sin(2.0 * rng.standard_normal(point.size) @ point + rng.uniform(0, 2 * np.pi)))


_KINDS: dict[str, dict[str, Callable[[_Configuration], Both]]] = {
    "misleading": {"crossing": _crossing, "unheard": _unheard, "late": _late},
    "learning": {"power": _power, "noisy": partial(_power, noise=NOISE)},
}

NAMES = tuple(
    f"{family}:{kind}/{formula}" for family, kinds in _KINDS.items() for kind in kinds for formula in FORMULAS
)
