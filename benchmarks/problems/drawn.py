"""Families of functions, an instance for each seed: where the optimum lies, how the function is turned, how strong each
dial is.  A name is `drawn:FAMILY DIALS/NOISE/SEED`, such as `drawn:levy5/0.1/3`: noise is normal, in shares of the
function's standard deviation over random points.

Sources: Surjanovic & Bingham, Virtual Library of Simulation Experiments; fields are drawn from a Gaussian process
(Rahimi & Recht 2007, random Fourier features).
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

import trialist as tl
from problems import Problem, synthetic
from problems.synthetic import Loss, spread

Function = Callable[[np.ndarray], float]  # of a point (d,) in the unit cube


def make(name: str) -> Problem:
    """The problem `drawn:name`."""
    family, dials, noise, seed = _parts(name)
    space, loss = _instance(family, dials, seed)
    return Problem(f"drawn:{name}", space, loss, float(noise) * spread(space, loss) if float(noise) else 0.0)


def optimum(problem: Problem) -> float:
    """The lowest true loss: known, or the best of many descents."""
    family, dials, _, seed = _parts(problem.name.partition(":")[2])
    if family not in ("field", "branin"):
        return 0.0
    function = _FAMILIES[family](np.random.default_rng([zlib.crc32(family.encode()), dials, seed]), dials)
    rng = np.random.default_rng(0)
    tried = rng.random((5000, dials))
    losses = np.array([function(u) for u in tried])
    starts = tried[np.argsort(losses)[:20]]
    found = [optimize.minimize(function, u, bounds=[(0, 1)] * dials, method="L-BFGS-B").fun for u in starts]
    return float(min(found))


def _parts(name: str) -> tuple[str, int, str, int]:
    head, noise, seed = name.split("/")
    family, dials = re.fullmatch(r"([a-z]+)(\d+)", head).groups()
    return family, int(dials), noise, int(seed)


def _instance(family: str, d: int, seed: int) -> tuple[tl.Space, Loss]:
    if family == "mixed":
        return synthetic.mixed()
    function = _FAMILIES[family](np.random.default_rng([zlib.crc32(family.encode()), d, seed]), d)

    def loss(c: dict[str, Any]) -> float:
        return function(np.array(list(c.values())))

    return tl.Space({f"x{i}": tl.Float(0, 1) for i in range(d)}), loss


def _turned(function: Function, half: float) -> Callable[[np.random.Generator, int], Function]:
    """A function with its optimum of 0 at 0, turned about a random point."""

    def draw(rng: np.random.Generator, d: int) -> Function:
        turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
        centre = rng.uniform(0.2, 0.8, d)
        return lambda u: function(turn @ (u - centre) * 2 * half)

    return draw


def _bowl(rng: np.random.Generator, d: int) -> Function:
    """An error rate: saturated, a few strong dials, some of which depend on each other."""
    centre, strength = rng.uniform(0.15, 0.85, d), 12.0 * rng.dirichlet(np.full(d, 0.7)) * math.sqrt(d)
    turn = np.linalg.qr(np.eye(d) + 0.3 * rng.standard_normal((d, d)))[0]
    return lambda u: float(-np.expm1(-np.sum(strength * (turn @ (u - centre)) ** 2)))


def _valley(rng: np.random.Generator, d: int) -> Function:
    """A loss with a kink-like optimum, steeper to one side in each dial."""
    centre, strength = rng.uniform(0.15, 0.85, d), rng.gamma(0.7, 1.0, d)
    steeper = rng.uniform(1.0, 4.0, d)
    return lambda u: float(np.sum(strength * np.where(u > centre, steeper, 1.0) * np.abs(u - centre) ** 1.5))


def _styblinski(rng: np.random.Generator, d: int) -> Function:
    centre, flip, best = rng.uniform(0.15, 0.4, d), rng.random(d) < 0.5, -2.903534027771177

    def function(u: np.ndarray) -> float:
        z = (np.where(flip, 1 - u, u) - centre) * 10 + best
        return float(np.sum(z**4 - 16 * z**2 + 5 * z) / 2 + 39.16616570377142 * d)

    return function


def _hartmann(rng: np.random.Generator, d: int) -> Function:
    order, flip = rng.permutation(6), rng.random(6) < 0.5
    loss = synthetic.hartmann6()[1]
    return lambda u: loss({str(i): v for i, v in enumerate(np.where(flip, 1 - u, u)[order])})


def _branin(rng: np.random.Generator, d: int) -> Function:
    flip, tilt = rng.random(2) < 0.5, rng.uniform(-3, 3, 2)
    loss = synthetic.branin()[1]

    def function(u: np.ndarray) -> float:
        v = np.where(flip, 1 - u, u)
        return loss({"x": 15 * v[0] - 5, "y": 15 * v[1]}) + float(tilt @ u)

    return function


def _field(rng: np.random.Generator, d: int) -> Function:
    """A draw of a Gaussian process with a Matern 5/2 kernel: many basins of different depths."""
    features, length = 400, 0.35 * math.sqrt(d / 2)
    scale = np.sqrt(5.0 / rng.chisquare(5.0, features)) / length  # the kernel's spectrum is Student's t
    frequency, phase = rng.standard_normal((features, d)) * scale[:, None], rng.uniform(0, 2 * math.pi, features)
    weight = rng.standard_normal(features) * math.sqrt(2.0 / features)
    return lambda u: float(weight @ np.cos(frequency @ u + phase))


_FAMILIES: dict[str, Callable[[np.random.Generator, int], Function]] = {
    "ackley": _turned(synthetic.ackley, 16.0),
    "levy": _turned(synthetic.levy, 10.0),
    "rosenbrock": _turned(synthetic.rosenbrock, 1.0),
    "bowl": _bowl,
    "valley": _valley,
    "styblinski": _styblinski,
    "hartmann": _hartmann,
    "branin": _branin,
    "field": _field,
}
